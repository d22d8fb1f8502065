//! The GPUs of this machine, and the choice of one.

use crate::error::{Error, Result, Setting, Stage};
use core::fmt;
use wgpu::{Adapter, Backends, DeviceType, Features, Instance, InstanceDescriptor, MemoryBudgetThresholds};

/// A GPU, in hardware or software.
#[derive(Clone, Debug)]
pub struct Gpu {
    instance: Instance,
    adapter: Adapter,
}

/// Properties of a GPU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Name.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    /// Graphics interface, such as `vulkan`.
    pub interface: String,
    /// Driver and its version.
    pub driver: String,
    /// Whether it supports 16-bit floats.
    pub f16: bool,
    /// Whether it measures the time of dispatches.
    pub timestamps: bool,
    /// Whether it supports cooperative matrices.
    pub cooperative_matrix: bool,
    /// Largest storage buffer of a shader, in bytes.
    pub max_storage_binding: u64,
    /// Largest buffer, in bytes.
    pub max_buffer: u64,
}

impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {}, {})", self.name, self.kind, self.interface, self.driver)
    }
}

impl Gpu {
    /// Returns all GPUs of this machine, hardware first.
    pub fn all() -> Vec<Self> {
        Self::all_within(MemoryBudgetThresholds::default())
    }

    /// Returns all GPUs, limited to `percent` of their memory if the driver reports a budget.
    pub fn all_with_memory(percent: u8) -> Vec<Self> {
        Self::all_within(MemoryBudgetThresholds { for_resource_creation: Some(percent), for_device_loss: None })
    }

    fn all_within(memory_budget_thresholds: MemoryBudgetThresholds) -> Vec<Self> {
        let instance = Instance::new(InstanceDescriptor {
            backends: Backends::PRIMARY,
            memory_budget_thresholds,
            ..InstanceDescriptor::new_without_display_handle()
        });
        let adapters = pollster::block_on(instance.enumerate_adapters(Backends::PRIMARY));
        let mut all: Vec<Self> =
            adapters.into_iter().map(|adapter| Self { instance: instance.clone(), adapter }).collect();
        all.sort_by_key(Self::rank);
        all
    }

    /// Returns the GPU of [`Backend::Auto`](crate::engine::Backend::Auto): the first in hardware.
    pub fn hardware() -> Option<Self> {
        Self::all().into_iter().find(|gpu| !gpu.is_software())
    }

    /// Returns the GPU of [`Backend::Gpu`](crate::engine::Backend::Gpu): a software GPU only if there is no other.
    ///
    /// # Errors
    /// Returns an error if there is no GPU.
    pub fn any() -> Result<Self> {
        Self::all().into_iter().next().ok_or_else(|| {
            let next = "install the GPU's Vulkan driver, or choose the backend cpu";
            Error::new(Stage::Engine, "a GPU with Vulkan, Metal or DX12", "no adapter", next).about(Setting::Backend)
        })
    }

    /// Returns its properties.
    pub fn description(&self) -> Description {
        let info = self.adapter.get_info();
        let (features, limits) = (self.adapter.features(), self.adapter.limits());
        Description {
            name: info.name,
            kind: kind(info.device_type),
            interface: info.backend.to_string(),
            driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
            f16: features.contains(Features::SHADER_F16),
            timestamps: features.contains(Features::TIMESTAMP_QUERY),
            cooperative_matrix: features.contains(Features::EXPERIMENTAL_COOPERATIVE_MATRIX),
            max_storage_binding: limits.max_storage_buffer_binding_size,
            max_buffer: limits.max_buffer_size,
        }
    }

    /// Returns whether the GPU is emulated on the CPU.
    pub fn is_software(&self) -> bool {
        self.adapter.get_info().device_type == DeviceType::Cpu
    }

    pub(super) fn instance(&self) -> &Instance {
        &self.instance
    }

    pub(super) fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    fn rank(&self) -> u8 {
        match self.adapter.get_info().device_type {
            DeviceType::DiscreteGpu => 0,
            DeviceType::IntegratedGpu => 1,
            DeviceType::VirtualGpu => 2,
            DeviceType::Other => 3,
            DeviceType::Cpu => 4,
        }
    }
}

fn kind(device_type: DeviceType) -> &'static str {
    match device_type {
        DeviceType::DiscreteGpu => "discrete",
        DeviceType::IntegratedGpu => "integrated",
        DeviceType::VirtualGpu => "virtual",
        DeviceType::Cpu => "software",
        DeviceType::Other => "other",
    }
}
