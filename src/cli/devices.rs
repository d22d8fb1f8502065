//! `figureground devices`: lists processors, GPUs, cameras and the version of ffmpeg.

use super::{Exit, print};
use clap::Args;
use figureground::Result;
use figureground::engine::all_cores;
use figureground::source::{self, camera};
use serde::Serialize;

pub const EXAMPLES: &str = "Example:
  figureground devices --json";

#[derive(Debug, Args)]
pub struct Devices {
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    cpu: Cpu,
    gpus: Listed<GpuReport>,
    cameras: Listed<CameraReport>,
    /// Version of the ffmpeg that decodes videos; `None` if it is missing.
    ffmpeg: Option<String>,
}

#[derive(Debug, Serialize)]
struct Cpu {
    architecture: &'static str,
    cores: usize,
}

#[derive(Debug, Serialize)]
struct GpuReport {
    name: String,
    kind: &'static str,
    interface: String,
    driver: String,
    features: Vec<&'static str>,
    max_storage_binding_bytes: u64,
    max_buffer_bytes: u64,
}

#[derive(Debug, Serialize)]
struct CameraReport {
    source: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct Listed<T> {
    found: Vec<T>,
    /// Why nothing was found, if that is an error.
    reason: Option<String>,
}

impl<T> Listed<T> {
    fn of(found: Result<Vec<T>>) -> Self {
        match found {
            Ok(found) => Self { found, reason: None },
            Err(error) => Self { found: Vec::new(), reason: Some(error.to_string()) },
        }
    }

    /// Returns the line of text that says why nothing of this `kind` was found, if so.
    fn missing(&self, kind: &str, none: &str) -> String {
        let reason = self.reason.as_deref().or(self.found.is_empty().then_some(none));
        reason.map(|reason| format!("{kind:<9}{reason}\n")).unwrap_or_default()
    }
}

impl Report {
    fn new() -> Self {
        let cameras = camera::list().map(|cameras| {
            let report = |c: camera::CameraName| CameraReport { source: format!("camera:{}", c.index), name: c.name };
            cameras.into_iter().map(report).collect()
        });
        Self {
            cpu: Cpu { architecture: std::env::consts::ARCH, cores: all_cores() },
            gpus: Listed::of(gpus()),
            cameras: Listed::of(cameras),
            ffmpeg: source::ffmpeg_version(),
        }
    }

    fn text(&self) -> String {
        let mut text = format!("cpu      {}, {} cores\n", self.cpu.architecture, self.cpu.cores);
        for gpu in &self.gpus.found {
            let GpuReport { name, kind, interface, driver, features, .. } = gpu;
            let features = if features.is_empty() { "no optional features".to_owned() } else { features.join(", ") };
            let max_mib = gpu.max_storage_binding_bytes >> 20;
            text += &format!("gpu      {name}, {kind}, {interface}, {driver}; {features}; buffers of {max_mib} MiB\n");
        }
        text += &self.gpus.missing("gpu", "none found by Vulkan, Metal or DX12");
        for camera in &self.cameras.found {
            text += &format!("{}  {}\n", camera.source, camera.name);
        }
        text += &self.cameras.missing("camera", "none found");
        let ffmpeg = self.ffmpeg.as_deref().unwrap_or("none found: apt-get install ffmpeg");
        text + &format!("ffmpeg   {ffmpeg}\n")
    }
}

#[cfg(feature = "gpu")]
fn gpus() -> Result<Vec<GpuReport>> {
    let report = |gpu: figureground::engine::gpu::Gpu| {
        let found = gpu.description();
        let features =
            [(found.f16, "f16"), (found.timestamps, "timestamps"), (found.cooperative_matrix, "cooperative-matrix")];
        GpuReport {
            name: found.name,
            kind: found.kind,
            interface: found.interface,
            driver: found.driver,
            features: features.into_iter().filter(|(is_supported, _)| *is_supported).map(|(_, name)| name).collect(),
            max_storage_binding_bytes: found.max_storage_binding,
            max_buffer_bytes: found.max_buffer,
        }
    };
    Ok(figureground::engine::gpu::Gpu::all().into_iter().map(report).collect())
}

#[cfg(not(feature = "gpu"))]
fn gpus() -> Result<Vec<GpuReport>> {
    Err(figureground::engine::Backend::Gpu.missing())
}

impl Devices {
    pub fn run(&self) -> Result<Exit> {
        let report = Report::new();
        match serde_json::to_string(&report) {
            Ok(json) if self.json => print(&(json + "\n"))?,
            _ => print(&report.text())?,
        }
        Ok(Exit::Done)
    }
}
