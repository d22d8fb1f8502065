//! `figureground inspect`: shows the contents of a bundle or an ONNX file.

use super::{Exit, print};
use clap::Args;
use figureground::Result;
use figureground::bundle::Bundle;
use figureground::bundle::manifest::Manifest;
use figureground::gate::{Calibration, CalibrationKind, CalibrationState};
use figureground::model::{Model, operators};
use std::fmt::Write;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  figureground inspect my-bundle
  figureground inspect vision_model.onnx";

/// Number of class names that are shown.
const SHOWN: usize = 10;

#[derive(Debug, Args)]
pub struct Inspect {
    /// Bundle directory or ONNX file.
    #[arg(value_name = "BUNDLE|MODEL.onnx")]
    path: PathBuf,
}

impl Inspect {
    pub fn run(&self) -> Result<Exit> {
        let text = if self.path.is_dir() { bundle(&self.path)? } else { model(&self.path)? };
        print(&text)?;
        Ok(Exit::Done)
    }
}

fn bundle(directory: &Path) -> Result<String> {
    let bundle = Bundle::open(directory)?;
    let manifest = bundle.manifest();
    let labels = bundle.label_file()?;
    let mut text = String::new();
    let licence = if manifest.licence.is_empty() { "no licence named" } else { &manifest.licence };
    let _ = writeln!(text, "{} ({licence})", manifest.name);
    describe(manifest, &mut text);
    let names: Vec<&str> = labels.names.iter().take(SHOWN).map(String::as_str).collect();
    let more = labels.names.len().saturating_sub(SHOWN);
    let _ = writeln!(text, "labels    {} of dimension {}: {}", labels.names.len(), labels.dimension, names.join(", "));
    if more > 0 {
        let _ = writeln!(text, "          and {more} more");
    }
    if let Some(backgrounds) = bundle.backgrounds()? {
        let _ = writeln!(text, "places    {} of {} for probes", backgrounds.len(), backgrounds.size());
    }
    for (file, sha256) in &manifest.files {
        let _ = writeln!(text, "file      {file}, sha256 {sha256} matches");
    }
    for (_, file) in manifest.named_files().iter().filter(|(_, file)| file.ends_with(".onnx")) {
        text += "\n";
        text += &model(&bundle.path(file))?;
    }
    Ok(text)
}

fn describe(manifest: &Manifest, text: &mut String) {
    let Manifest { clip, segmenter, vision, gate, labels, .. } = manifest;
    let _ = writeln!(text, "clip      {} frames, sampler {:?}, fusion {:?}", clip.frames, clip.sampler, clip.fusion);
    for (name, p) in [("segmenter", &segmenter.preprocess), ("vision", &vision.preprocess)] {
        let _ = writeln!(
            text,
            "{name:<9} {}x{} {:?}, {:?} {:?} {:?}, mean {:?}, std {:?}",
            p.width, p.height, p.layout, p.resize, p.interpolation, p.family, p.mean, p.std
        );
    }
    let _ = writeln!(text, "templates {:?}, {:?}", labels.templates, labels.template_fusion);
    let calibrated = gate.calibrated().map(CalibrationState::name);
    let calibrated = calibrated.map_or_else(|| "not calibrated".to_owned(), |state| format!("calibrated: {state}"));
    let _ = write!(text, "gate      dominance above {}", gate.threshold);
    if let Some(risk) = gate.risk {
        let _ = write!(text, ", {} above {}", risk.score.name(), risk.threshold);
    }
    let _ = writeln!(text, ", {calibrated}");
    if let Some(calibration) = &gate.calibration {
        let _ = writeln!(text, "          {}", figures(calibration));
    }
}

/// Returns what a calibration says of its clips, with which `run` compares its verdicts.
fn figures(Calibration { kind, clips, flagged, mean_risk, .. }: &Calibration) -> String {
    let clips = match kind {
        CalibrationKind::Labels => format!("{clips} clips with labels"),
        CalibrationKind::Unlabelled => format!("{clips} windows without labels"),
    };
    let Some(flagged) = flagged else {
        return format!("{clips}; it does not say which share of them is flagged, so that no drift can be seen");
    };
    let risk = mean_risk.map_or_else(String::new, |risk| format!(", mean risk {risk:.3}"));
    format!("{clips}, {:.1} % flagged{risk}", flagged * 100.0)
}

fn model(path: &Path) -> Result<String> {
    let model = Model::read(path)?;
    let mut text = format!("{}\n", path.display());
    for (kind, ports) in [("input", model.inputs()), ("output", model.outputs())] {
        for port in ports {
            let _ = writeln!(text, "  {kind:<7} {port}");
        }
    }
    // Axes without a size are inferred as 1.
    let shapes: Vec<(String, Vec<usize>)> =
        model.inputs().iter().map(|port| (port.name.clone(), port.smallest_shape())).collect();
    let shapes: Vec<(&str, &[usize])> = shapes.iter().map(|(name, shape)| (name.as_str(), shape.as_slice())).collect();
    match model.decluttered(&shapes, &[]) {
        Ok(graph) => {
            let counts = operators(&graph);
            let list: Vec<String> = counts.iter().map(|(operator, count)| format!("{operator} {count}")).collect();
            let _ = writeln!(text, "  after decluttering: {}", list.join(", "));
            let _ = writeln!(text, "  backend cpu: all operators");
            let _ = writeln!(text, "  backend gpu: {}", on_gpu(&model, &shapes));
        }
        Err(error) => {
            let _ = writeln!(text, "  no backend runs it: {error}");
        }
    }
    Ok(text)
}

/// Describes the GPU engine's plan of `model`, or what the engine lacks.
#[cfg(feature = "gpu")]
fn on_gpu(model: &Model, shapes: &[(&str, &[usize])]) -> String {
    match figureground::engine::gpu::plan(model, shapes, &[]) {
        Ok(plan) => format!("all operators, {} dispatches", plan.dispatches.len()),
        Err(error) => error.to_string(),
    }
}

#[cfg(not(feature = "gpu"))]
fn on_gpu(_model: &Model, _shapes: &[(&str, &[usize])]) -> String {
    "not in this build".to_owned()
}
