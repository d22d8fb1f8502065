//! A bundle's models on the GPU: items go through as one batch.

use super::{Device, Gpu, Session, plan};
use crate::bundle::Bundle;
use crate::bundle::manifest::{Segmenter as SegmenterManifest, Temporal, Text, Vision};
use crate::engine::decode::Decoder;
use crate::engine::{
    Engine, ImageEncoder, KernelTime, Precision, Segmenter, TemporalEncoder, TextEncoder, cpu, dimension, picture,
};
use crate::error::{Error, Result, Stage};
use crate::mask::{Mask, Size};
use crate::model::Model;
use crate::model::write::Element;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The most items of one batch: bounds the memory between kernels.
const MAX_BATCH: usize = 32;
/// The most batch sizes that are kept ready: a stream has few, and each has buffers of its own.
const MAX_SESSIONS: usize = 4;

/// The GPU engine: a device that its models share, and how it stores numbers.
#[derive(Clone, Debug)]
pub struct GpuEngine {
    seat: Arc<Mutex<Seat>>,
    precision: Precision,
}

/// The device at the moment.
#[derive(Debug)]
struct Seat {
    device: Arc<Device>,
    /// Whether it stands in for one that was lost: that is done once.
    replaced: bool,
}

impl GpuEngine {
    /// An engine on the first GPU there is; one in software only where there is no other, and with a warning.
    ///
    /// # Errors
    /// When there is none, or the driver refuses.
    pub fn open(precision: Precision) -> Result<Self> {
        let gpu = Gpu::any()?;
        if gpu.is_software() {
            log::warn!("{} is the CPU playing a GPU: --backend cpu is faster", gpu.description());
        }
        Ok(Self::new(Device::open(&gpu)?, precision))
    }

    /// The device at the moment.
    pub fn device(&self) -> Arc<Device> {
        self.seat().device.clone()
    }

    fn seat(&self) -> MutexGuard<'_, Seat> {
        self.seat.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another device for `lost`: the one that another model has opened meanwhile, or a new one, once.
    fn replace(&self, lost: &Arc<Device>) -> Result<()> {
        let mut seat = self.seat();
        if !Arc::ptr_eq(&seat.device, lost) {
            return Ok(());
        }
        if seat.replaced {
            let next = "restart, or pass --backend cpu";
            return Err(Error::new(Stage::Engine, "a GPU that stays", "one that was lost twice", next));
        }
        log::warn!("{} was lost; the engine is built again", lost.name());
        *seat = Seat { device: Device::open(&Gpu::any()?)?, replaced: true };
        Ok(())
    }

    /// An engine on `device`.
    pub fn new(device: Arc<Device>, precision: Precision) -> Self {
        Self { seat: Arc::new(Mutex::new(Seat { device, replaced: false })), precision }
    }

    /// All that `run` needs of `bundle`.
    ///
    /// # Errors
    /// When a model cannot be loaded, is not what the manifest says, has an operator that is not there, or does not fit.
    pub fn engine(&self, bundle: &Bundle) -> Result<Engine> {
        let manifest = bundle.manifest();
        let path = |file: &str| bundle.path(file);
        let vision = self.vision(&path(&manifest.vision.file), &manifest.vision)?;
        let temporal = match &manifest.temporal {
            Some(temporal) => {
                let item = [manifest.clip.frames, ImageEncoder::dimension(&vision)];
                Some(Box::new(self.temporal(&path(&temporal.file), temporal, item)?) as Box<dyn TemporalEncoder>)
            }
            None => None,
        };
        let segmenter = self.segmenter(&path(&manifest.segmenter.file), &manifest.segmenter)?;
        Ok(Engine { backend: "gpu", segmenter: Box::new(segmenter), vision: Box::new(vision), temporal })
    }

    /// The segmenter in the file at `path`.
    ///
    /// # Errors
    /// As [`GpuEngine::engine`].
    pub fn segmenter(&self, path: &Path, manifest: &SegmenterManifest) -> Result<GpuSegmenter> {
        let outputs: Vec<&str> =
            [Some(manifest.output.as_str()), manifest.decode.prototypes.as_deref()].into_iter().flatten().collect();
        let item = picture(&manifest.preprocess);
        let model = self.batched(path, (&manifest.input, Element::F32), &item, &outputs)?;
        let decoder = Decoder::new(&model.output_items, path, manifest)?;
        Ok(GpuSegmenter { model, decoder, output: Vec::new() })
    }

    /// The image encoder in the file at `path`.
    ///
    /// # Errors
    /// As [`GpuEngine::engine`].
    pub fn vision(&self, path: &Path, manifest: &Vision) -> Result<GpuEncoder> {
        self.encoder(path, (&manifest.input, Element::F32), &picture(&manifest.preprocess), &manifest.output)
    }

    /// The text encoder in the file at `path`.
    ///
    /// # Errors
    /// As [`GpuEngine::engine`].
    pub fn text(&self, path: &Path, manifest: &Text) -> Result<GpuEncoder> {
        self.encoder(path, (&manifest.input, Element::I64), &[manifest.context], &manifest.output)
    }

    /// The temporal transformer in the file at `path`, for items of [frames, dimension].
    ///
    /// # Errors
    /// As [`GpuEngine::engine`].
    pub fn temporal(&self, path: &Path, manifest: &Temporal, item: [usize; 2]) -> Result<GpuEncoder> {
        self.encoder(path, (&manifest.input, Element::F32), &item, &manifest.output)
    }

    fn encoder(&self, path: &Path, input: (&str, Element), item: &[usize], output: &str) -> Result<GpuEncoder> {
        let model = self.batched(path, input, item, &[output])?;
        let dimension = dimension(&model.output_items, output, path)?;
        Ok(GpuEncoder { model, dimension })
    }

    fn batched(&self, path: &Path, input: (&str, Element), item: &[usize], outputs: &[&str]) -> Result<Batched> {
        let model = Model::read(path)?;
        let single = cpu::declared(&model, input.0, item, input.1)?;
        let mut batched = Batched {
            engine: self.clone(),
            model,
            input: input.0.to_owned(),
            outputs: outputs.iter().map(|&output| output.to_owned()).collect(),
            item: item.to_owned(),
            output_items: Vec::new(),
            single,
            device: self.device(),
            sessions: BTreeMap::new(),
        };
        let plan = batched.plan(1)?;
        batched.output_items = plan.outputs.iter().map(|view| view.shape[1..].to_vec()).collect();
        Ok(batched)
    }
}

/// A model with one input, and a session for each batch size it has met.
#[derive(Debug)]
struct Batched {
    engine: GpuEngine,
    model: Model,
    input: String,
    outputs: Vec<String>,
    /// Shape of the input without its first axis.
    item: Vec<usize>,
    /// Shapes of the outputs without their first axes.
    output_items: Vec<Vec<usize>>,
    /// Whether the graph was exported for exactly one item.
    single: bool,
    /// The device that the sessions are on.
    device: Arc<Device>,
    sessions: BTreeMap<usize, (Session, Vec<Vec<f32>>)>,
}

impl Batched {
    fn plan(&self, count: usize) -> Result<super::plan::Plan> {
        let shape: Vec<usize> = [count].into_iter().chain(self.item.iter().copied()).collect();
        let outputs: Vec<&str> = self.outputs.iter().map(String::as_str).collect();
        plan(&self.model, &[(&self.input, &shape)], &outputs)
    }

    fn item_len(&self) -> usize {
        self.item.iter().product()
    }

    /// Elements of one item's row of outputs, one output behind the other.
    fn row_len(&self) -> usize {
        self.output_items.iter().map(|item| item.iter().product::<usize>()).sum()
    }

    /// Runs `items`, one after the other, into `outputs`, a row an item.
    fn run(&mut self, items: &[f32], outputs: &mut [f32]) -> Result<()> {
        let (item, row) = (self.item_len().max(1), self.row_len().max(1));
        let most = if self.single { 1 } else { MAX_BATCH };
        for (items, rows) in items.chunks(most * item).zip(outputs.chunks_mut(most * row)) {
            if let Err(error) = self.run_batch(items, rows) {
                if !self.device.is_lost() {
                    return Err(error);
                }
                self.engine.replace(&self.device)?;
                self.device = self.engine.device();
                self.sessions.clear();
                self.run_batch(items, rows)?;
            }
        }
        Ok(())
    }

    /// The times of the kernels of the largest batch so far.
    fn kernel_times(&mut self) -> Result<Vec<KernelTime>> {
        let Some((session, _)) = self.sessions.values_mut().next_back() else { return Ok(Vec::new()) };
        let mut by_kernel: BTreeMap<&str, KernelTime> = BTreeMap::new();
        for time in session.times()? {
            match by_kernel.get_mut(time.kernel) {
                Some(sum) => {
                    sum.dispatches += time.dispatches;
                    sum.milliseconds += time.milliseconds;
                    sum.operations += time.operations;
                    sum.bytes += time.bytes;
                }
                None => {
                    by_kernel.insert(time.kernel, time);
                }
            }
        }
        let mut times: Vec<KernelTime> = by_kernel.into_values().collect();
        times.sort_by(|a, b| b.milliseconds.total_cmp(&a.milliseconds));
        Ok(times)
    }

    fn run_batch(&mut self, items: &[f32], rows: &mut [f32]) -> Result<()> {
        let count = items.len() / self.item_len().max(1);
        if !self.sessions.contains_key(&count) {
            let session = Session::new(self.device.clone(), self.plan(count)?, self.engine.precision)?;
            let made = session.plan().outputs.iter().map(|view| vec![0.0; view.len()]).collect();
            if self.sessions.len() == MAX_SESSIONS {
                // The smallest is the cheapest to build again.
                self.sessions.pop_first();
            }
            self.sessions.insert(count, (session, made));
        }
        let row = self.row_len();
        let Some((session, made)) = self.sessions.get_mut(&count) else { return Ok(()) };
        let mut slices: Vec<&mut [f32]> = made.iter_mut().map(Vec::as_mut_slice).collect();
        session.run(&[items], &mut slices)?;
        let mut begin = 0;
        for (values, item) in made.iter().zip(&self.output_items) {
            let length: usize = item.iter().product();
            for (row, values) in rows.chunks_exact_mut(row).zip(values.chunks_exact(length.max(1))) {
                row[begin..begin + length].copy_from_slice(values);
            }
            begin += length;
        }
        Ok(())
    }
}

/// A segmenter on the GPU.
#[derive(Debug)]
pub struct GpuSegmenter {
    model: Batched,
    decoder: Decoder,
    output: Vec<f32>,
}

impl Segmenter for GpuSegmenter {
    fn input_len(&self) -> usize {
        self.model.item_len()
    }

    fn mask_size(&self) -> Size {
        self.decoder.size()
    }

    fn segment(&mut self, inputs: &[f32], masks: &mut [Mask]) -> Result<()> {
        let row = self.model.row_len();
        self.output.resize(row * masks.len(), 0.0);
        self.model.run(inputs, &mut self.output)?;
        for (values, mask) in self.output.chunks_exact(row).zip(masks) {
            self.decoder.decode(values, mask.probabilities_mut());
        }
        Ok(())
    }

    fn kernel_times(&mut self) -> Result<Vec<KernelTime>> {
        self.model.kernel_times()
    }
}

/// A model from items to embeddings on the GPU.
#[derive(Debug)]
pub struct GpuEncoder {
    model: Batched,
    dimension: usize,
}

impl ImageEncoder for GpuEncoder {
    fn input_len(&self) -> usize {
        self.model.item_len()
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn encode(&mut self, pixel_values: &[f32], embeddings: &mut [f32]) -> Result<()> {
        self.model.run(pixel_values, embeddings)
    }

    fn kernel_times(&mut self) -> Result<Vec<KernelTime>> {
        self.model.kernel_times()
    }
}

impl TextEncoder for GpuEncoder {
    fn context(&self) -> usize {
        self.model.item_len()
    }

    fn dimension(&self) -> usize {
        self.dimension
    }

    fn encode(&mut self, input_ids: &[i64], embeddings: &mut [f32]) -> Result<()> {
        // Ids are far below 2^24, so f32 holds them.
        let ids: Vec<f32> = input_ids.iter().map(|&id| id as f32).collect();
        self.model.run(&ids, embeddings)
    }
}

impl TemporalEncoder for GpuEncoder {
    fn fuse(&mut self, frame_embeds: &[f32], clip_embeds: &mut [f32]) -> Result<()> {
        self.model.run(frame_embeds, clip_embeds)
    }
}
