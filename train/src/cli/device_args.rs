//! Flags of device and threads, common to all commands.

use burn::tensor::Device;
use clap::{Args, ValueEnum};
use figureground::Result;
use figureground::engine::all_cores;
use figureground_train::pair::PairSizes;
use figureground_train::parallel_encoder::ParallelEncoder;

/// A device for training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// The CPU.
    Cpu,
    /// A GPU through wgpu (feature `wgpu`).
    Wgpu,
    /// An NVIDIA GPU (feature `cuda`).
    Cuda,
}

/// Flags of device and threads.
#[derive(Debug, Args)]
pub struct DeviceArgs {
    /// Device for training.
    #[arg(long, global = true, value_enum, default_value_t = DeviceChoice::Cpu)]
    device: DeviceChoice,
    /// Number of CPU threads [default: all cores].
    #[arg(long, global = true, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
    /// Largest number of pictures that one thread encodes at once.
    #[arg(long, alias = "shard", global = true, value_name = "N", default_value_t = 32)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..))]
    chunk: u32,
}

impl DeviceArgs {
    /// Returns the device.
    pub fn device(&self) -> Result<Device> {
        match self.device {
            DeviceChoice::Cpu => Ok(Device::flex()),
            DeviceChoice::Wgpu => wgpu(),
            DeviceChoice::Cuda => cuda(),
        }
    }

    /// Creates the encoder; on a GPU it has one thread.
    pub fn encoder(&self, device: &Device, sizes: &PairSizes) -> Result<ParallelEncoder> {
        let threads = match self.device {
            DeviceChoice::Cpu => self.threads.map_or_else(all_cores, usize::from),
            DeviceChoice::Wgpu | DeviceChoice::Cuda => 1,
        };
        ParallelEncoder::new(threads, self.chunk as usize, device, sizes)
    }
}

#[cfg(feature = "wgpu")]
fn wgpu() -> Result<Device> {
    Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice))
}

#[cfg(not(feature = "wgpu"))]
fn wgpu() -> Result<Device> {
    Err(missing("wgpu"))
}

#[cfg(feature = "cuda")]
fn cuda() -> Result<Device> {
    Ok(Device::cuda(0))
}

#[cfg(not(feature = "cuda"))]
fn cuda() -> Result<Device> {
    Err(missing("cuda"))
}

#[cfg(not(all(feature = "wgpu", feature = "cuda")))]
fn missing(feature: &str) -> figureground::Error {
    use figureground::{Error, Stage};
    let got = format!("a build without the feature {feature}");
    Error::new(
        Stage::Command,
        format_args!("the feature {feature} for --device {feature}"),
        got,
        format_args!("build with --features {feature}"),
    )
}
