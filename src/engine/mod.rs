//! Runs models: the traits of the models, and their backends.

#[cfg(feature = "cpu")]
pub mod cpu;
#[cfg(feature = "cpu")]
mod decode;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(feature = "cpu")]
mod roles;

use crate::bundle::Bundle;
use crate::error::{Error, Result, Setting, Stage};
use crate::mask::{Mask, Size};
#[cfg(feature = "cpu")]
use crate::preprocess::{Layout, PreprocessSettings};
use core::fmt;
#[cfg(feature = "cpu")]
use std::path::Path;

/// What the dispatches of one kernel took for one batch.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct KernelTime {
    /// The kernel.
    pub kernel: &'static str,
    /// How often it ran.
    pub dispatches: usize,
    /// How long, on the device's own clock.
    pub milliseconds: f64,
    /// Multiplications and additions.
    pub operations: u64,
    /// Bytes of the tensors that it read and wrote.
    pub bytes: u64,
}

/// What the kernels of one stage of the way took for one batch, the longest first.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct StageTimes {
    /// The stage.
    pub stage: &'static str,
    /// Pictures of the batch.
    pub pictures: usize,
    /// All dispatches of each kernel.
    pub kernels: Vec<KernelTime>,
}

/// Pictures to person probabilities.
pub trait Segmenter: Send {
    /// Returns the number of elements of one input picture.
    fn input_len(&self) -> usize;
    /// Returns the size of the masks.
    fn mask_size(&self) -> Size;
    /// Segments the normalised pictures `inputs`, in the manifest's layout, into one of `masks` each.
    ///
    /// # Errors
    /// Returns an error if the model fails, or its output does not match the manifest.
    fn segment(&mut self, inputs: &[f32], masks: &mut [Mask]) -> Result<()>;
}

/// An image encoder: pictures to embeddings.
pub trait ImageEncoder: Send {
    /// Returns the number of elements of one input picture.
    fn input_len(&self) -> usize;
    /// Returns the number of elements of an embedding.
    fn dimension(&self) -> usize;
    /// Encodes `pixel_values` [n, 3, height, width] into `embeddings` [n, dimension], not normalised.
    ///
    /// # Errors
    /// Returns an error if the model fails.
    fn encode(&mut self, pixel_values: &[f32], embeddings: &mut [f32]) -> Result<()>;
}

/// A text encoder: token ids to embeddings.
pub trait TextEncoder: Send {
    /// Returns the number of tokens of one prompt.
    fn context(&self) -> usize;
    /// Returns the number of elements of an embedding.
    fn dimension(&self) -> usize;
    /// Encodes `input_ids` [n, context] into `embeddings` [n, dimension], not normalised.
    ///
    /// # Errors
    /// Returns an error if the model fails.
    fn encode(&mut self, input_ids: &[i64], embeddings: &mut [f32]) -> Result<()>;
}

/// A temporal encoder: the frame embeddings of a clip to the clip's embedding.
pub trait TemporalEncoder: Send {
    /// Fuses `frame_embeds` [n, frames, dimension] into `clip_embeds` [n, dimension], not normalised.
    ///
    /// # Errors
    /// Returns an error if the model fails.
    fn fuse(&mut self, frame_embeds: &[f32], clip_embeds: &mut [f32]) -> Result<()>;
}

/// Number format of tensors on a GPU. Sums are always f32, and the CPU stores f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// 32 bits.
    #[default]
    F32,
    /// 16 bits, if the adapter supports them.
    F16,
}

/// The device that runs models.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// A GPU if this build and this machine have one, else the CPU.
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

/// Choice of the backend and its settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackendOptions {
    /// The device that runs models.
    pub backend: Backend,
    /// Number format on a GPU.
    pub precision: Precision,
    /// Threads on the CPU.
    pub threads: usize,
}

impl Default for BackendOptions {
    fn default() -> Self {
        Self { backend: Backend::Auto, precision: Precision::F32, threads: all_cores() }
    }
}

/// The loaded models of a bundle.
pub struct Engine {
    /// Name of the backend in verdict lines.
    pub backend: &'static str,
    /// The person segmenter.
    pub segmenter: Box<dyn Segmenter>,
    /// The image encoder.
    pub vision: Box<dyn ImageEncoder>,
    /// The temporal transformer, if the bundle has one.
    pub temporal: Option<Box<dyn TemporalEncoder>>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("backend", &self.backend).finish_non_exhaustive()
    }
}

impl Engine {
    /// Loads the models of `bundle` on the CPU, with `threads` threads.
    ///
    /// # Errors
    /// Returns an error if this build has no CPU backend, or a model cannot be loaded or does not match the manifest.
    pub fn load(bundle: &Bundle, threads: usize) -> Result<Self> {
        #[cfg(feature = "cpu")]
        return cpu::Cpu::new(threads)?.engine(bundle);
        #[cfg(not(feature = "cpu"))]
        Err(Backend::Cpu.missing().at(format!("{threads} threads for {}", bundle.directory().display())))
    }
}

impl Backend {
    /// Resolves `Auto` to a hardware GPU if there is one, else to the CPU. Never replaces a backend that was chosen.
    ///
    /// # Errors
    /// Returns an error if this build lacks the backend.
    pub fn resolve(self) -> Result<Self> {
        match self {
            #[cfg(feature = "gpu")]
            Backend::Auto if gpu::Gpu::hardware().is_some() => Ok(Backend::Gpu),
            Backend::Auto | Backend::Cpu if cfg!(feature = "cpu") => Ok(Backend::Cpu),
            Backend::Gpu if cfg!(feature = "gpu") => Ok(Backend::Gpu),
            other => Err(other.missing()),
        }
    }

    /// Returns the error for a build that lacks this backend.
    pub fn missing(self) -> Error {
        let got = if cfg!(feature = "cpu") { "a build with the backend cpu" } else { "a build without backends" };
        let next = "choose the backend cpu";
        Error::new(Stage::Engine, format_args!("the backend {self}"), got, next).about(Setting::Backend)
    }
}

/// Returns the number of elements of an embedding, if each item of these shapes is one embedding.
#[cfg(feature = "cpu")]
fn dimension(items: &[Vec<usize>], output: &str, path: &Path) -> Result<usize> {
    let &[dimension] = items.concat().as_slice() else {
        let got = format!("items of shape {items:?} in {}", path.display());
        let next = "name the output with the projected embedding";
        return Err(Error::new(Stage::Model, format_args!("{output:?} with one embedding an item"), got, next));
    };
    Ok(dimension)
}

/// Returns the shape of one picture in the layout of `settings`.
#[cfg(feature = "cpu")]
pub(crate) fn picture(settings: &PreprocessSettings) -> [usize; 3] {
    let (width, height) = (settings.width as usize, settings.height as usize);
    match settings.layout {
        Layout::Nchw => [3, height, width],
        Layout::Nhwc => [height, width, 3],
    }
}

/// Returns the number of cores of the machine.
pub fn all_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
