//! `figureground devices`: what this build can run on and see with.

use super::{Exit, print};
use clap::Args;
use figureground::Result;
use figureground::engine::{Backend, all_cores};
use figureground::source::camera;
use serde::Serialize;

pub const EXAMPLES: &str = "Example:
  figureground devices --json";

#[derive(Debug, Args)]
pub struct Devices {
    /// One JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Report {
    cpu: Cpu,
    /// GPUs; why there are none where there are none.
    gpus: Found<()>,
    cameras: Found<CameraReport>,
}

#[derive(Debug, Serialize)]
struct Cpu {
    architecture: &'static str,
    cores: usize,
}

#[derive(Debug, Serialize)]
struct CameraReport {
    source: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct Found<T> {
    found: Vec<T>,
    /// Why there are none.
    reason: Option<String>,
}

impl<T> Found<T> {
    fn of(found: Result<Vec<T>>) -> Self {
        match found {
            Ok(found) => Self { found, reason: None },
            Err(error) => Self { found: Vec::new(), reason: Some(error.to_string()) },
        }
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
            gpus: Found::of(Backend::Gpu.resolve().map(|_| Vec::new())),
            cameras: Found::of(cameras),
        }
    }

    fn readable(&self) -> String {
        let mut text = format!("cpu      {}, {} cores\n", self.cpu.architecture, self.cpu.cores);
        if let Some(reason) = &self.gpus.reason {
            text += &format!("gpu      {reason}\n");
        }
        for camera in &self.cameras.found {
            text += &format!("{}  {}\n", camera.source, camera.name);
        }
        match &self.cameras.reason {
            Some(reason) => text += &format!("camera   {reason}\n"),
            None if self.cameras.found.is_empty() => text += "camera   none is connected\n",
            None => {}
        }
        text
    }
}

impl Devices {
    pub fn run(&self) -> Result<Exit> {
        let report = Report::new();
        match serde_json::to_string(&report) {
            Ok(json) if self.json => print(&(json + "\n"))?,
            _ => print(&report.readable())?,
        }
        Ok(Exit::Done)
    }
}
