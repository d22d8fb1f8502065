//! The CPU engine: tract runs the graphs, with this crate's kernels for large matrix products and layer norms.

mod activation;
mod attention;
mod contraction;
mod infer;
mod layer_norm;
mod rewrite;
mod session;
mod vector;

pub use attention::Attentions;
pub use infer::{Runner, infer};
#[cfg(feature = "gpu")]
pub(crate) use layer_norm::LayerNorm;
#[cfg(feature = "gpu")]
pub(crate) use rewrite::with_layer_norms;
pub use session::Session;
#[cfg(feature = "gpu")]
pub(crate) use session::declared;

use super::decode::Decoder;
use super::{Engine, ImageEncoder, Instance, Segmenter, TemporalEncoder, TextEncoder, picture};
use crate::bundle::Bundle;
use crate::bundle::manifest::{SegmenterSettings as SegmenterManifest, TemporalSettings, TextSettings, VisionSettings};
use crate::error::{Error, Result, Setting, Stage};
use crate::mask::{Mask, Size};
use crate::model::Model;
use crate::model::write::Element;
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::path::Path;
use std::sync::Arc;

/// The CPU engine: a thread pool that its models share.
#[derive(Clone, Debug)]
pub struct Cpu {
    pool: Arc<ThreadPool>,
}

impl Cpu {
    /// Creates an engine with `threads` threads.
    ///
    /// # Errors
    /// Returns an error if the threads cannot be started.
    pub fn new(threads: usize) -> Result<Self> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.max(1))
            .thread_name(|i| format!("figureground-{i}"))
            .build()
            .map_err(|e| Error::caused(Stage::Engine, format_args!("{threads} threads"), e, "choose fewer threads"))
            .map_err(|e| e.about(Setting::Threads))?;
        Ok(Self { pool: Arc::new(pool) })
    }

    /// Loads the segmenter and the encoders of `bundle`, without the text encoder.
    ///
    /// # Errors
    /// Returns an error if a model cannot be loaded or does not match the manifest.
    pub fn engine(&self, bundle: &Bundle) -> Result<Engine> {
        let manifest = bundle.manifest();
        let path = |file: &str| bundle.path(file);
        let vision = self.vision(&path(&manifest.vision.file), &manifest.vision)?;
        let temporal = match &manifest.temporal {
            Some(temporal) => {
                let item = [manifest.clip.frames, vision.dimension()];
                Some(Box::new(self.temporal(&path(&temporal.file), temporal, item)?) as Box<dyn TemporalEncoder>)
            }
            None => None,
        };
        let segmenter = self.segmenter(&path(&manifest.segmenter.file), &manifest.segmenter)?;
        Ok(Engine { backend: "cpu", segmenter: Box::new(segmenter), vision: Box::new(vision), temporal })
    }

    /// Loads the segmenter in the file at `path`.
    ///
    /// # Errors
    /// Returns an error if the model cannot be loaded or does not match the manifest.
    pub fn segmenter(&self, path: &Path, manifest: &SegmenterManifest) -> Result<CpuSegmenter> {
        let outputs: Vec<&str> =
            [Some(manifest.output.as_str()), manifest.decode.prototypes.as_deref()].into_iter().flatten().collect();
        let session = self.session(path, (&manifest.input, Element::F32), &picture(&manifest.preprocess), &outputs)?;
        let decoder = Decoder::new(session.output_items(), path, manifest)?;
        Ok(CpuSegmenter { session, decoder, output: Vec::new() })
    }

    /// Loads the image encoder in the file at `path`.
    ///
    /// # Errors
    /// Returns an error if [`Cpu::segmenter`] would.
    pub fn vision(&self, path: &Path, manifest: &VisionSettings) -> Result<CpuEncoder> {
        let session =
            self.session(path, (&manifest.input, Element::F32), &picture(&manifest.preprocess), &[&manifest.output])?;
        CpuEncoder::new(session, &manifest.output)
    }

    /// Loads the text encoder in the file at `path`.
    ///
    /// # Errors
    /// Returns an error if [`Cpu::segmenter`] would.
    pub fn text(&self, path: &Path, manifest: &TextSettings) -> Result<CpuEncoder> {
        CpuEncoder::new(
            self.session(path, (&manifest.input, Element::I64), &[manifest.context], &[&manifest.output])?,
            &manifest.output,
        )
    }

    /// Loads the temporal transformer in the file at `path`, for items of [frames, dimension].
    ///
    /// # Errors
    /// Returns an error if [`Cpu::segmenter`] would.
    pub fn temporal(&self, path: &Path, manifest: &TemporalSettings, item: [usize; 2]) -> Result<CpuEncoder> {
        CpuEncoder::new(
            self.session(path, (&manifest.input, Element::F32), &item, &[&manifest.output])?,
            &manifest.output,
        )
    }

    fn session(&self, path: &Path, input: (&str, Element), item: &[usize], outputs: &[&str]) -> Result<Session> {
        Session::new(Model::read_with_weights(path)?, self.pool.clone(), input, item, outputs)
    }
}

/// A segmenter on the CPU, which runs frames in parallel.
#[derive(Debug)]
pub struct CpuSegmenter {
    session: Session,
    decoder: Decoder,
    output: Vec<f32>,
}

impl Segmenter for CpuSegmenter {
    fn input_len(&self) -> usize {
        self.session.item_len()
    }

    fn mask_size(&self) -> Size {
        self.decoder.size()
    }

    fn segment(&mut self, inputs: &[f32], masks: &mut [Mask]) -> Result<()> {
        let row = self.session.row_len();
        self.output.resize(row * masks.len(), 0.0);
        self.session.run(inputs, &mut self.output)?;
        for (values, mask) in self.output.chunks_exact(row).zip(masks) {
            self.decoder.decode(values, mask.probabilities_mut());
        }
        Ok(())
    }

    fn instances(&mut self, input: &[f32]) -> Result<Vec<Instance>> {
        self.output.resize(self.session.row_len(), 0.0);
        self.session.run(input, &mut self.output)?;
        Ok(self.decoder.instances(&self.output))
    }
}

/// An encoder on the CPU.
#[derive(Debug)]
pub struct CpuEncoder {
    session: Session,
    dimension: usize,
}

impl CpuEncoder {
    fn new(session: Session, output: &str) -> Result<Self> {
        let dimension = super::dimension(session.output_items(), output, session.model().path())?;
        Ok(Self { session, dimension })
    }

    /// Returns the number of elements of an embedding.
    pub fn dimension(&self) -> usize {
        self.dimension
    }
}

impl ImageEncoder for CpuEncoder {
    fn input_len(&self) -> usize {
        self.session.item_len()
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn encode(&mut self, pixel_values: &[f32], embeddings: &mut [f32]) -> Result<()> {
        self.session.run(pixel_values, embeddings)
    }
}

impl TextEncoder for CpuEncoder {
    fn context(&self) -> usize {
        self.session.item_len()
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn encode(&mut self, input_ids: &[i64], embeddings: &mut [f32]) -> Result<()> {
        self.session.run(input_ids, embeddings)
    }
}

impl TemporalEncoder for CpuEncoder {
    fn fuse(&mut self, frame_embeds: &[f32], clip_embeds: &mut [f32]) -> Result<()> {
        self.session.run(frame_embeds, clip_embeds)
    }
}
