//! Whole models on the GPU against the CPU engine.
#![cfg(feature = "gpu")]

mod gpu;
mod program;

use figureground::engine::gpu::{Device, infer};
use figureground::engine::{Precision, cpu};
use figureground::model::{Model, Port, Tensor, Values};
use gpu::{Numbers, device, difference};
use program::Desk;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Seeded numbers from -1 to 1, or small ids, for every input; `batch` for axes without a size.
fn inputs(model: &Model, batch: usize) -> Vec<Tensor> {
    let mut numbers = Numbers::new(1);
    let mut tensor = |port: &Port| {
        let shape: Vec<usize> = port.axes.iter().map(|axis| axis.parse().unwrap_or(batch)).collect();
        let values = numbers.take(shape.iter().product());
        let values = match port.element.as_str() {
            "INT64" => Values::I64(values.iter().map(|v| (v.abs() * 99.0) as i64).collect()),
            _ => Values::F32(values),
        };
        Tensor { shape, values }
    };
    model.inputs().iter().map(&mut tensor).collect()
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    match &tensor.values {
        Values::F32(values) => values.clone(),
        Values::I64(values) => values.iter().map(|&v| v as f32).collect(),
    }
}

/// Runs the model at `path` on both backends; every pair of outputs is handed to `hold`.
fn compare(
    path: &Path,
    batch: usize,
    precision: Precision,
    device: &Arc<Device>,
    hold: impl Fn(&[f32], &[f32], usize),
) {
    let model = Model::read(path).unwrap();
    let inputs = inputs(&model, batch);
    let want = cpu::infer(&model, &inputs).unwrap();
    let got = infer(&model, &inputs, device, precision).unwrap();
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(&want) {
        assert_eq!(got.shape, want.shape);
        hold(&floats(got), &floats(want), want.shape[0]);
    }
}

/// Every embedding points where the CPU's does.
fn embeddings(least: f32) -> impl Fn(&[f32], &[f32], usize) {
    move |got, want, rows| {
        let dimension = want.len() / rows;
        for (got, want) in got.chunks(dimension).zip(want.chunks(dimension)) {
            let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            let cosine = product(got, want) / (product(got, got) * product(want, want)).sqrt();
            println!("1 - cosine {:.1e}, {:.1e} of the largest number", 1.0 - cosine, difference(got, want));
            assert!(cosine >= least, "{cosine}");
        }
    }
}

/// Every probability is the CPU's within `most`.
fn probabilities(most: f32) -> impl Fn(&[f32], &[f32], usize) {
    move |got, want, _| {
        let apart = got.iter().zip(want).map(|(g, w)| (g - w).abs()).fold(0.0, f32::max);
        println!("probabilities {apart:.1e} apart");
        assert!(apart <= most, "{apart}");
    }
}

#[test]
fn the_built_in_models_give_what_the_cpu_gives() {
    let Some(device) = device() else { return };
    let model = |name: &str| repository().join("models/built-in").join(name);
    for name in ["vision.onnx", "text.onnx"] {
        compare(&model(name), 3, Precision::F32, &device, embeddings(0.9999));
        if device.has_f16() {
            compare(&model(name), 3, Precision::F16, &device, embeddings(0.999));
        }
    }
    compare(&model("segmenter.onnx"), 3, Precision::F32, &device, probabilities(1e-4));
}

#[test]
fn real_segmenters_give_what_the_cpu_gives() {
    let Some(device) = device() else { return };
    let folder = repository().join("../shared/real/segmenters");
    let Ok(files) = std::fs::read_dir(&folder) else {
        return eprintln!("SKIPPED: no {}", folder.display());
    };
    for path in files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "onnx")) {
        compare(&path, 1, Precision::F32, &device, |got, want, _| {
            let apart = difference(got, want);
            println!("{}: {apart:.1e}", path.display());
            assert!(apart <= 1e-4, "{apart}");
        });
    }
}

#[test]
fn both_backends_give_the_demo_clip_one_verdict() {
    if device().is_none() {
        return;
    }
    let desk = Desk::new();
    let line = |backend: &str| {
        let ended = desk.figureground(["run", "--backend", backend]);
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        serde_json::from_str::<Value>(&ended.stdout).unwrap()
    };
    let (cpu, gpu) = (line("cpu"), line("gpu"));
    for field in ["label", "verdict", "reason", "frames", "frames_with_person"] {
        assert_eq!(cpu[field], gpu[field], "{field}");
    }
    for view in ["full", "person", "background"] {
        let p = |line: &Value| line["p"][view].as_f64().unwrap();
        assert!((p(&cpu) - p(&gpu)).abs() < 1e-3, "{view}: {} {}", p(&cpu), p(&gpu));
    }
    assert_eq!((cpu["backend"].as_str(), gpu["backend"].as_str()), (Some("cpu"), Some("gpu")));
}
