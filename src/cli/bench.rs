//! `figureground bench`: measures the time of one clip on this device.

use super::interrupt::{self, Interruptible};
use super::probe_args::ProbeArgs;
use super::progress::Progress;
use super::{Exit, ModelArgs, built_in, print};
use clap::Args;
use figureground::Result;
use figureground::engine::{KernelTime, StageTimes};
use figureground::pipeline::{FrameRecording, Pipeline, Timing, Window};
use figureground::source::{self, RecordedSource, Source, SourceOptions};
use serde::Serialize;
use std::ffi::OsString;
use std::ops::ControlFlow;

pub const EXAMPLES: &str = "Example:
  figureground bench clip.mp4 --bundle my-bundle --threads 2 --json";

#[derive(Debug, Args)]
pub struct Bench {
    /// Clip to measure [default: the demo clip].
    #[arg(value_name = "SOURCE")]
    source: Option<OsString>,
    #[command(flatten)]
    models: ModelArgs,
    #[command(flatten)]
    probe: ProbeArgs,
    /// Measured runs, after one warm-up run.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// Medians over the measured runs, in milliseconds.
#[derive(Debug, Serialize)]
struct Report {
    source: String,
    backend: &'static str,
    threads: usize,
    frames: usize,
    runs: u32,
    /// One window: segment, views, encode and score, without decoding.
    clip_ms: f64,
    segment_ms: f64,
    views_ms: f64,
    encode_ms: f64,
    score_ms: f64,
    /// Times of the GPU's kernels for one batch, if it can measure them.
    kernels: Vec<StageTimes>,
    /// Peak resident memory in bytes, on Linux.
    peak_rss_bytes: Option<u64>,
    /// Resident memory in bytes, on Linux.
    rss_bytes: Option<u64>,
}

impl Bench {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let bundle = self.models.open()?;
        let probe = self.probe.measuring(&bundle)?;
        let mut pipeline = Pipeline::load(&bundle, &self.models.choice(), FrameRecording::Off)?;
        probe.iter().try_for_each(|probe| pipeline.set_probe(probe))?;
        let clip = &bundle.manifest().clip;
        let mut source =
            Interruptible(Box::new(self.record(clip.frames, &|i, count| clip.sampler.index(i, count, clip.frames))?));
        let _long = progress.long(&format!("measuring {} runs on {}", self.runs, pipeline.backend()));
        let bar = progress.bar("runs", u64::from(self.runs) + 1);
        let mut timings = Vec::new();
        for _ in 0..=self.runs {
            pipeline.watch(&mut source, Window::Clip, &mut |result| {
                timings.push(result.timing);
                Ok(ControlFlow::Continue(()))
            })?;
            bar.inc(1);
            interrupt::check()?;
        }
        bar.finish_and_clear();
        let kernels = pipeline.kernel_times()?;
        let median = |stage: &dyn Fn(&Timing) -> u64| {
            median(&timings[1..].iter().map(|timing| stage(timing) as f64 / 1e3).collect::<Vec<f64>>())
        };
        let report = Report {
            source: source.name().to_owned(),
            backend: pipeline.backend(),
            threads: self.models.threads(),
            frames: clip.frames,
            runs: self.runs,
            clip_ms: median(&|t| t.segment + t.views + t.encode + t.score),
            segment_ms: median(&|t| t.segment),
            views_ms: median(&|t| t.views),
            encode_ms: median(&|t| t.encode),
            score_ms: median(&|t| t.score),
            kernels,
            peak_rss_bytes: memory("VmHWM:"),
            rss_bytes: memory("VmRSS:"),
        };
        self.print(&report)?;
        Ok(Exit::Done)
    }

    /// Decodes the sampled frames of the source.
    fn record(&self, frames: usize, index: &dyn Fn(usize, u64) -> u64) -> Result<RecordedSource> {
        let mut source = match &self.source {
            Some(spec) => source::open(spec, &SourceOptions::default())?,
            None => built_in::clip()?,
        };
        let count = source.count()?;
        let mut indices: Vec<u64> = (0..frames).map(|i| index(i, count)).collect();
        indices.sort_unstable();
        indices.dedup();
        RecordedSource::read(source.as_mut(), &indices, count)
    }

    fn print(&self, report: &Report) -> Result<()> {
        if self.json {
            return print(&(serde_json::to_string(report).unwrap_or_default() + "\n"));
        }
        let mega = |bytes: Option<u64>| bytes.map_or("unknown".to_owned(), |b| format!("{} MB", b / 1_000_000));
        print(&format!(
            "{} on {} with {} threads, {} frames, median of {} runs\n\
             clip     {:8.1} ms\n  segment{:8.1} ms\n  views  {:8.1} ms\n  encode {:8.1} ms\n  score  {:8.1} ms\n\
             memory   {}, at most {}\n",
            report.source,
            report.backend,
            report.threads,
            report.frames,
            report.runs,
            report.clip_ms,
            report.segment_ms,
            report.views_ms,
            report.encode_ms,
            report.score_ms,
            mega(report.rss_bytes),
            mega(report.peak_rss_bytes),
        ))?;
        report.kernels.iter().try_for_each(|stage| print(&kernels(stage)))
    }
}

/// Returns one line per kernel.
fn kernels(StageTimes { stage, pictures, kernels }: &StageTimes) -> String {
    let line = |time: &KernelTime| {
        let seconds = time.milliseconds / 1e3;
        format!(
            "  {:<22}{:4} dispatches{:10.3} ms{:9.1} GFLOP/s{:9.1} GB/s\n",
            time.kernel,
            time.dispatches,
            time.milliseconds,
            time.operations as f64 / seconds / 1e9,
            time.bytes as f64 / seconds / 1e9,
        )
    };
    let total: usize = kernels.iter().map(|time| time.dispatches).sum();
    let lines: String = kernels.iter().map(line).collect();
    format!("{stage}, {pictures} pictures: {total} dispatches\n{lines}")
}

/// Returns the median; 0 of no values.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => 0.0,
        even if even % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

/// Returns a value of `/proc/self/status` in bytes.
fn memory(key: &str) -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}
