//! Compiled shaders, in memory and, where the adapter lets them be, on disk.

use super::adapter::Gpu;
use super::shader::Module;
use crate::error::Result;
use crate::file::{cache_directory, write_aside};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use wgpu::util::pipeline_cache_key;
use wgpu::*;

/// A compiled module and the layouts of its two groups of bindings.
#[derive(Debug)]
pub struct Pipeline {
    /// What runs.
    pub pipeline: ComputePipeline,
    /// The kernel's own bindings, and the tail's.
    pub layouts: [BindGroupLayout; 2],
}

/// The pipelines of one device.
#[derive(Debug)]
pub(super) struct Pipelines {
    built: Mutex<HashMap<String, Arc<Pipeline>>>,
    kept: Option<Kept>,
}

/// What the driver made of shaders in earlier runs.
#[derive(Debug)]
struct Kept {
    cache: PipelineCache,
    path: PathBuf,
    /// Length of what lies on disk: more means that something new was compiled.
    length: usize,
}

impl Pipelines {
    /// None yet, but for what earlier runs have kept.
    pub fn open(gpu: &Gpu, device: &Device) -> Self {
        let kept = device.features().contains(Features::PIPELINE_CACHE).then(|| Kept::open(gpu, device)).flatten();
        Self { built: Mutex::default(), kept }
    }

    /// The pipeline of `module`, which `guarded` builds by what it is given, once.
    pub fn of(
        &self,
        module: &Module<'_>,
        guarded: impl FnOnce(&dyn Fn(&Device) -> Pipeline) -> Result<Pipeline>,
    ) -> Result<Arc<Pipeline>> {
        let wgsl = module.wgsl();
        let key = format!("{}\n{wgsl}", module.shader.entry);
        let mut built = self.built();
        if let Some(pipeline) = built.get(&key) {
            return Ok(pipeline.clone());
        }
        let cache = self.kept.as_ref().map(|kept| &kept.cache);
        let pipeline = Arc::new(guarded(&|device| build(device, module, &wgsl, cache))?);
        built.insert(key, pipeline.clone());
        Ok(pipeline)
    }

    fn built(&self) -> MutexGuard<'_, HashMap<String, Arc<Pipeline>>> {
        self.built.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pipelines {
    fn drop(&mut self) {
        if let Some(kept) = self.kept.as_ref().filter(|_| !self.built().is_empty()) {
            kept.keep();
        }
    }
}

impl Kept {
    fn open(gpu: &Gpu, device: &Device) -> Option<Self> {
        let name = pipeline_cache_key(&gpu.adapter().get_info())?;
        let path = cache_directory()?.join(format!("{name}.pipelines"));
        let data = std::fs::read(&path).ok().and_then(|bytes| sealed(&bytes).map(<[u8]>::to_vec));
        let label = Some("figureground");
        let descriptor = PipelineCacheDescriptor { label, data: data.as_deref(), fallback: true };
        // SAFETY: the data is what `PipelineCache::get_data` gave, by the checksum in front of it; wgpu and the driver
        // compare adapter and driver version themselves, and fall back to an empty cache.
        let cache = unsafe { device.create_pipeline_cache(&descriptor) };
        Some(Self { cache, path, length: data.map_or(0, |data| data.len()) })
    }

    /// Writes what the driver has compiled beside the old file and renames it. Where that fails, it is compiled again.
    fn keep(&self) {
        let Some(data) = self.cache.get_data().filter(|data| data.len() != self.length) else { return };
        let bytes = [Sha256::digest(&data).as_slice(), &data].concat();
        if let Err(error) = write_aside(&self.path, &bytes) {
            log::warn!("compiled shaders are not kept: {error}");
        }
    }
}

/// What lies behind a checksum that is its own.
fn sealed(bytes: &[u8]) -> Option<&[u8]> {
    let (checksum, data) = bytes.split_at_checked(32)?;
    (Sha256::digest(data).as_slice() == checksum).then_some(data)
}

fn build(device: &Device, module: &Module<'_>, wgsl: &str, cache: Option<&PipelineCache>) -> Pipeline {
    let entry = module.shader.entry;
    let source = ShaderModuleDescriptor { label: Some(entry), source: ShaderSource::Wgsl(wgsl.into()) };
    // SAFETY: the shaders are this crate's own; every place they read or write is bounded by the sizes that they are
    // given, which lowering takes from the very tensors that are bound, and their loops end by these sizes.
    let shader = unsafe { device.create_shader_module_trusted(source, ShaderRuntimeChecks::unchecked()) };
    let own = module.shader.buffers.len();
    let inputs = (1..=own).map(|binding| storage(binding, true));
    let mut group_0: Vec<BindGroupLayoutEntry> = Vec::new();
    if own > 0 {
        group_0.push(uniform(0));
    }
    group_0.extend(inputs);
    let operands = module.operands.len();
    let group_1: Vec<BindGroupLayoutEntry> =
        [uniform(0), storage(1, false)].into_iter().chain((2..2 + operands).map(|b| storage(b, true))).collect();
    let layouts = [group_0, group_1].map(|entries| {
        device.create_bind_group_layout(&BindGroupLayoutDescriptor { label: Some(entry), entries: &entries })
    });
    let layout = device.create_pipeline_layout(&PipelineLayoutDescriptor {
        label: Some(entry),
        bind_group_layouts: &[Some(&layouts[0]), Some(&layouts[1])],
        immediate_size: 0,
    });
    let pipeline = device.create_compute_pipeline(&ComputePipelineDescriptor {
        label: Some(entry),
        layout: Some(&layout),
        module: &shader,
        entry_point: Some(entry),
        // Every kernel writes its shared memory before it reads it.
        compilation_options: PipelineCompilationOptions {
            zero_initialize_workgroup_memory: false,
            ..PipelineCompilationOptions::default()
        },
        cache,
    });
    Pipeline { pipeline, layouts }
}

fn uniform(binding: u32) -> BindGroupLayoutEntry {
    entry(binding, BufferBindingType::Uniform)
}

fn storage(binding: usize, read_only: bool) -> BindGroupLayoutEntry {
    entry(binding as u32, BufferBindingType::Storage { read_only })
}

fn entry(binding: u32, ty: BufferBindingType) -> BindGroupLayoutEntry {
    BindGroupLayoutEntry {
        binding,
        visibility: ShaderStages::COMPUTE,
        ty: BindingType::Buffer { ty, has_dynamic_offset: false, min_binding_size: None },
        count: None,
    }
}
