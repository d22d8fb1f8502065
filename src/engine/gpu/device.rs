//! An open GPU: its queue, its pipelines, and what went wrong on it.

use super::adapter::Gpu;
use super::kernel::cooperative::shared_bytes;
use super::pipelines::{Pipeline, Pipelines};
use super::shader::{Element, Module};
use crate::engine::Precision;
use crate::error::{Error, Result, Setting, Stage};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use wgpu::*;

/// Products of small matrices as one operation.
const COOPERATIVE: Features = Features::EXPERIMENTAL_COOPERATIVE_MATRIX;
/// What is used where it is there.
const WANTED: Features =
    COOPERATIVE.union(Features::SHADER_F16).union(Features::TIMESTAMP_QUERY).union(Features::PIPELINE_CACHE);

/// An open GPU that all models of an engine share.
#[derive(Debug)]
pub struct Device {
    name: String,
    instance: Instance,
    device: wgpu::Device,
    queue: Queue,
    limits: Limits,
    lanes: u32,
    /// What it multiplies as one operation.
    cooperative: Vec<CooperativeMatrixProperties>,
    /// Whether that came out right, once it was tried.
    cooperates: Mutex<HashMap<Precision, bool>>,
    pipelines: Pipelines,
    /// By the checksum of their bytes: plans for several batch sizes have the same ones.
    weights: Mutex<HashMap<[u8; 32], Buffer>>,
    lost: Arc<OnceLock<String>>,
}

/// Less than a GPU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The largest buffer, in bytes.
    pub max_storage_binding: u64,
    /// Whether numbers can be stored in 16 bits.
    pub f16: bool,
}

impl Device {
    /// Opens the first GPU. Opens a software GPU, with a warning, only if there is no other.
    ///
    /// # Errors
    /// Returns an error if there is no GPU, or the driver fails.
    pub fn any() -> Result<Arc<Self>> {
        let gpu = Gpu::any()?;
        if gpu.is_software() {
            log::warn!("{} is a software GPU: the backend cpu is faster", gpu.description());
        }
        Self::open(&gpu)
    }

    /// Opens `gpu` with all that it allows.
    ///
    /// # Errors
    /// Returns an error if the driver fails.
    pub fn open(gpu: &Gpu) -> Result<Arc<Self>> {
        Self::open_with(gpu, WANTED, gpu.adapter().limits())
    }

    /// Opens `gpu` as if it had less than it has: the device that another machine would open.
    ///
    /// # Errors
    /// As [`Device::open`].
    pub fn open_within(gpu: &Gpu, bounds: Bounds) -> Result<Arc<Self>> {
        let mut limits = gpu.adapter().limits();
        limits.max_storage_buffer_binding_size = limits.max_storage_buffer_binding_size.min(bounds.max_storage_binding);
        limits.max_buffer_size = limits.max_buffer_size.min(bounds.max_storage_binding);
        let wanted = if bounds.f16 { Features::SHADER_F16 } else { Features::empty() };
        Self::open_with(gpu, wanted, limits)
    }

    fn open_with(gpu: &Gpu, wanted: Features, limits: Limits) -> Result<Arc<Self>> {
        let name = gpu.description().to_string();
        let descriptor = DeviceDescriptor {
            label: Some("figureground"),
            required_features: gpu.adapter().features() & wanted,
            required_limits: limits.clone(),
            // SAFETY: of what is experimental only products of small matrices are used, in a shader of this crate.
            experimental_features: unsafe { ExperimentalFeatures::enabled() },
            ..DeviceDescriptor::default()
        };
        let opened = pollster::block_on(gpu.adapter().request_device(&descriptor));
        let (device, queue) = opened.map_err(|e| failed(format!("{name} to open"), e))?;
        let pipelines = Pipelines::open(gpu, &device);
        let lost = Arc::new(OnceLock::new());
        let noticed = lost.clone();
        device.set_device_lost_callback(move |reason, message| {
            let _ = noticed.set(format!("{reason:?}: {message}"));
        });
        let noticed = lost.clone();
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| {
            let _ = noticed.set(error.to_string());
        }));
        let instance = gpu.instance().clone();
        let lanes = gpu.adapter().get_info().subgroup_max_size;
        let cooperative = match device.features().contains(COOPERATIVE) {
            true => gpu.adapter().cooperative_matrix_properties(),
            false => Vec::new(),
        };
        Ok(Arc::new(Self {
            name,
            instance,
            pipelines,
            device,
            queue,
            limits,
            lanes,
            cooperative,
            cooperates: Mutex::default(),
            weights: Mutex::default(),
            lost,
        }))
    }

    /// What the GPU is called, its kind and its driver.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether numbers can be stored in 16 bits.
    pub fn has_f16(&self) -> bool {
        self.device.features().contains(Features::SHADER_F16)
    }

    /// Whether the time of a dispatch can be measured.
    pub fn has_timestamps(&self) -> bool {
        self.device.features().contains(Features::TIMESTAMP_QUERY)
    }

    /// The side of the square matrices of numbers of this precision that it multiplies into sums of 32 bits as one
    /// operation; none where it has no such operation, or too little memory for a workgroup.
    pub fn cooperative_side(&self, precision: Precision) -> Option<u32> {
        let scalar = match precision {
            Precision::F32 => CooperativeScalarType::F32,
            Precision::F16 => CooperativeScalarType::F16,
        };
        let room = self.limits.max_compute_workgroup_storage_size >= shared_bytes(precision.bytes());
        let fits = |has: &&CooperativeMatrixProperties| {
            let square = has.m_size == has.n_size && has.n_size == has.k_size;
            square && has.ab_type == scalar && has.cr_type == CooperativeScalarType::F32
        };
        self.cooperative.iter().filter(fits).map(|has| has.m_size).max().filter(|_| room)
    }

    /// Threads of its largest subgroup.
    pub(super) fn lanes(&self) -> u32 {
        self.lanes
    }

    /// Whether its products of small matrices come out right, which `trial` finds out once.
    pub(super) fn cooperates(&self, precision: Precision, trial: impl FnOnce() -> bool) -> bool {
        let mut known = self.cooperates.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(precision).or_insert_with(trial)
    }

    /// What it allows.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether the driver gave it up, or reported what nobody asked about: nothing that it makes is to be used.
    pub fn is_lost(&self) -> bool {
        self.lost.get().is_some()
    }

    /// Gives it up, as a driver does that was reset.
    pub fn give_up(&self) {
        let _ = self.lost.set("given up".to_owned());
        self.device.destroy();
    }

    /// How many different weights it holds.
    pub fn weights(&self) -> usize {
        self.held().len()
    }

    /// How many buffers there are on it and on others that were opened with it, those that go up and down included.
    pub fn buffers(&self) -> Option<usize> {
        Some(self.instance.generate_report()?.hub_report().buffers.num_allocated)
    }

    pub(super) fn forget_weights(&self) {
        self.held().clear();
    }

    fn held(&self) -> MutexGuard<'_, HashMap<[u8; 32], Buffer>> {
        self.weights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A buffer of at least `bytes` bytes.
    pub(super) fn buffer(&self, label: &str, bytes: u64, usage: BufferUsages) -> Buffer {
        let size = bytes.next_multiple_of(4).max(4);
        self.device.create_buffer(&BufferDescriptor { label: Some(label), size, usage, mapped_at_creation: false })
    }

    /// A new buffer that holds `bytes`.
    pub(super) fn filled(&self, label: &str, bytes: &[u8]) -> Buffer {
        let made = self.buffer(label, bytes.len() as u64, BufferUsages::STORAGE | BufferUsages::COPY_DST);
        self.queue.write_buffer(&made, 0, bytes);
        made
    }

    /// Waits for all that was submitted.
    pub(super) fn wait(&self) -> Result<()> {
        let expected = || format!("{} to end its work", self.name);
        // wgpu panics where the driver loses the device while it is waited for.
        let wait = || self.device.poll(PollType::wait_indefinitely());
        let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(wait));
        let polled = waited.map_err(|_| failed(expected(), "a device that was lost"))?;
        polled.map(|_| ()).map_err(|e| failed(expected(), e))
    }

    /// A buffer that holds `bytes`, uploaded once.
    pub(super) fn weight(&self, bytes: &[u8]) -> Buffer {
        let mut held = self.held();
        held.entry(Sha256::digest(bytes).into()).or_insert_with(|| self.filled("weight", bytes)).clone()
    }

    pub(super) fn device(&self) -> &wgpu::Device {
        &self.device
    }

    pub(super) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// An error where the device was lost, or reported what nobody asked about.
    pub(super) fn check(&self) -> Result<()> {
        self.lost.get().map_or(Ok(()), |message| Err(failed(format!("{} to go on", self.name), message)))
    }

    /// Runs `make`, which creates things on the device, and gives what the driver had to say as an error.
    pub(super) fn guarded<T>(&self, what: &str, make: impl FnOnce() -> T) -> Result<T> {
        let scopes = [ErrorFilter::Internal, ErrorFilter::OutOfMemory, ErrorFilter::Validation]
            .map(|filter| self.device.push_error_scope(filter));
        let made = make();
        let mut found = None;
        for scope in scopes.into_iter().rev() {
            found = found.or(pollster::block_on(scope.pop()));
        }
        found.map_or(Ok(made), |error| Err(failed(format!("{what} on {}", self.name), error)))
    }

    /// The pipeline of `module`, built once.
    pub(super) fn pipeline(&self, module: &Module<'_>) -> Result<Arc<Pipeline>> {
        let what = format!("the shader {} of {}", module.shader.entry, module.shader.file);
        self.pipelines.of(module, |build| self.guarded(&what, || build(&self.device)))
    }

    /// Bytes of `values` as elements are stored.
    pub(super) fn stored(values: &[f32], element: Element, precision: Precision) -> Vec<u8> {
        let mut bytes = match (element, precision) {
            (Element::Stored, Precision::F32) | (Element::Float, _) => bytemuck::cast_slice(values).to_vec(),
            (Element::Stored, Precision::F16) => {
                // A mask's large negative number must not become infinite, which WGSL leaves undefined.
                let most = f32::from(half::f16::MAX);
                values.iter().flat_map(|&v| half::f16::from_f32(v.clamp(-most, most)).to_le_bytes()).collect()
            }
            (Element::Integer, _) => values.iter().flat_map(|&v| (v as i32).to_le_bytes()).collect(),
            (Element::Bits, _) => values.iter().flat_map(|&v| v.to_bits().to_le_bytes()).collect(),
        };
        bytes.resize(bytes.len().next_multiple_of(4).max(4), 0);
        bytes
    }

    /// Numbers of `bytes`, as elements are stored; the inverse of [`Device::stored`].
    pub(super) fn read(bytes: &[u8], element: Element, precision: Precision, values: &mut [f32]) {
        match (element, precision) {
            (Element::Stored, Precision::F32) | (Element::Float, _) => {
                let floats = bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b));
                values.iter_mut().zip(floats).for_each(|(value, float)| *value = float);
            }
            (Element::Stored, Precision::F16) => {
                let halves = bytes.as_chunks().0.iter().map(|&b| half::f16::from_le_bytes(b).to_f32());
                values.iter_mut().zip(halves).for_each(|(value, half)| *value = half);
            }
            (Element::Integer | Element::Bits, _) => {
                let integers = bytes.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b) as f32);
                values.iter_mut().zip(integers).for_each(|(value, integer)| *value = integer);
            }
        }
    }
}

/// Creates an error of the driver.
pub(super) fn failed(expected: String, got: impl core::fmt::Display) -> Error {
    let next = "choose the backend cpu, or look at figureground devices";
    Error::new(Stage::Engine, expected, got, next).about(Setting::Backend)
}
