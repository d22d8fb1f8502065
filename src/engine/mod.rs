//! What runs models: traits that the pipeline speaks, and the backends behind them.

#[cfg(feature = "cpu")]
pub mod cpu;

use crate::bundle::Bundle;
use crate::error::{Error, Result, Stage};
use crate::mask::{Mask, Size};
use core::fmt;

/// Pictures to person probabilities.
pub trait Segmenter: Send {
    /// Elements of one input picture.
    fn input_len(&self) -> usize;
    /// Size of the masks that come out.
    fn mask_size(&self) -> Size;
    /// Segments `inputs`, one normalised picture after the other in the manifest's layout, into as many `masks`.
    ///
    /// # Errors
    /// When the model fails, or its output is not what the manifest says.
    fn segment(&mut self, inputs: &[f32], masks: &mut [Mask]) -> Result<()>;
}

/// Pictures to embeddings.
pub trait ImageEncoder: Send {
    /// Elements of one input picture.
    fn input_len(&self) -> usize;
    /// Elements of an embedding.
    fn dimension(&self) -> usize;
    /// Encodes `pixel_values` [n, 3, height, width] into `embeddings` [n, dimension], not normalised.
    ///
    /// # Errors
    /// When the model fails.
    fn encode(&mut self, pixel_values: &[f32], embeddings: &mut [f32]) -> Result<()>;
}

/// Token ids to embeddings.
pub trait TextEncoder: Send {
    /// Tokens of one prompt.
    fn context(&self) -> usize;
    /// Elements of an embedding.
    fn dimension(&self) -> usize;
    /// Encodes `input_ids` [n, context] into `embeddings` [n, dimension], not normalised.
    ///
    /// # Errors
    /// When the model fails.
    fn encode(&mut self, input_ids: &[i64], embeddings: &mut [f32]) -> Result<()>;
}

/// The frame embeddings of a clip to the clip's embedding.
pub trait TemporalEncoder: Send {
    /// Fuses `frame_embeds` [n, frames, dimension] into `clip_embeds` [n, dimension], not normalised.
    ///
    /// # Errors
    /// When the model fails.
    fn fuse(&mut self, frame_embeds: &[f32], clip_embeds: &mut [f32]) -> Result<()>;
}

/// Where models run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Backend {
    /// A GPU where this build and this machine have one, else the CPU.
    #[default]
    Auto,
    /// The CPU, through tract.
    Cpu,
    /// A GPU, through wgpu.
    Gpu,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Backend::Auto => "auto",
            Backend::Cpu => "cpu",
            Backend::Gpu => "gpu",
        })
    }
}

/// The models of a bundle, loaded and ready on one backend.
pub struct Engine {
    /// The backend's name in verdict lines.
    pub backend: &'static str,
    /// The person segmenter.
    pub segmenter: Box<dyn Segmenter>,
    /// The image encoder.
    pub vision: Box<dyn ImageEncoder>,
    /// The temporal transformer, where the bundle has one.
    pub temporal: Option<Box<dyn TemporalEncoder>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("backend", &self.backend).finish_non_exhaustive()
    }
}

impl Engine {
    /// Loads the models of `bundle` on `backend`, on the CPU with `threads` threads.
    ///
    /// # Errors
    /// When the backend is not in this build, or a model cannot be loaded or is not what the manifest says.
    pub fn load(bundle: &Bundle, backend: Backend, threads: usize) -> Result<Self> {
        let backend = backend.resolve()?;
        #[cfg(feature = "cpu")]
        if backend == Backend::Cpu {
            return cpu::Cpu::new(threads)?.engine(bundle);
        }
        let got = format!("{threads} threads for {}", bundle.directory().display());
        Err(backend.missing().at(got))
    }
}

impl Backend {
    /// The backend that this build takes for `self`: never another than the one that was asked for.
    ///
    /// # Errors
    /// When it is not in this build.
    pub fn resolve(self) -> Result<Self> {
        match self {
            Backend::Auto | Backend::Cpu if cfg!(feature = "cpu") => Ok(Backend::Cpu),
            other => Err(other.missing()),
        }
    }

    fn missing(self) -> Error {
        let there = if cfg!(feature = "cpu") { "a build with the backend cpu" } else { "a build without backends" };
        Error::new(Stage::Engine, format_args!("the backend {self}"), there, "pass --backend cpu")
    }
}

/// As many threads as the machine has cores.
pub fn all_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
