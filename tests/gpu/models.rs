//! Compares whole models on the GPU with the CPU engine.

use figureground::bundle::{Backgrounds, Bundle};
use figureground::clip_encoder::ClipEncoder;
use figureground::engine::gpu::chain::Chain;
use figureground::engine::gpu::kernel::Kernel;
use figureground::engine::gpu::plan::{Dispatch, Origin, Plan};
use figureground::engine::gpu::shader::{Element, Shader};
use figureground::engine::gpu::tail::Tail;
use figureground::engine::gpu::view::View;
use figureground::engine::gpu::{Bounds, Device, Gpu, GpuClipEncoder, Session, infer, plan};
use figureground::engine::{Backend, BackendOptions, Engine, Precision, cpu};
use figureground::frame::Frame;
use figureground::model::{Model, Port, Tensor, Values};
use figureground::pipeline::{CpuClipEncoder, FrameRecording, Pipeline, Sliding, Timing, Window};
use figureground::source::Source;
use figureground_tests::gpu::{Numbers, device, difference};
use figureground_tests::program::{self, Workspace, fixture};
use figureground_tests::tiny_bundle;
use prost::Message;
use serde_json::Value;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tract_onnx::pb;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
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

/// Runs the model at `path` on both backends; calls `hold` with every pair of outputs.
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

/// Asserts that every embedding has the direction of the CPU's.
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

/// Asserts that every probability is the CPU's within `most`.
fn probabilities(most: f32) -> impl Fn(&[f32], &[f32], usize) {
    move |got, want, _| {
        let apart = got.iter().zip(want).map(|(g, w)| (g - w).abs()).fold(0.0, f32::max);
        println!("probabilities {apart:.1e} apart");
        assert!(apart <= most, "{apart}");
    }
}

#[test]
fn the_built_in_models_equal_the_cpu() {
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

/// A CLIP with random weights: ViT-B/32's image tower with two blocks, and a tiny text tower.
fn full_width(folder: &Path) -> PathBuf {
    let (width, hidden, text, projection) = (768, 3072, 48, 512);
    let mut shapes: Vec<(String, Vec<usize>)> = vec![
        ("logit_scale".into(), vec![]),
        ("visual_projection.weight".into(), vec![projection, width]),
        ("text_projection.weight".into(), vec![projection, text]),
        ("vision_model.embeddings.class_embedding".into(), vec![width]),
        ("vision_model.embeddings.patch_embedding.weight".into(), vec![width, 3, 32, 32]),
        ("vision_model.embeddings.position_embedding.weight".into(), vec![50, width]),
        ("text_model.embeddings.token_embedding.weight".into(), vec![1514, text]),
        ("text_model.embeddings.position_embedding.weight".into(), vec![77, text]),
    ];
    let mut layer = |name: String, outputs: usize, inputs: usize| {
        shapes.push((format!("{name}.weight"), if inputs > 0 { vec![outputs, inputs] } else { vec![outputs] }));
        shapes.push((format!("{name}.bias"), vec![outputs]));
    };
    for (tower, width, hidden, blocks) in [("vision_model", width, hidden, 2), ("text_model", text, 2 * text, 1)] {
        for block in (0..blocks).map(|block| format!("{tower}.encoder.layers.{block}")) {
            for part in ["q", "k", "v", "out"] {
                layer(format!("{block}.self_attn.{part}_proj"), width, width);
            }
            layer(format!("{block}.layer_norm1"), width, 0);
            layer(format!("{block}.layer_norm2"), width, 0);
            layer(format!("{block}.mlp.fc1"), hidden, width);
            layer(format!("{block}.mlp.fc2"), width, hidden);
        }
    }
    layer("vision_model.pre_layrnorm".into(), width, 0);
    layer("vision_model.post_layernorm".into(), width, 0);
    layer("text_model.final_layer_norm".into(), text, 0);
    let mut numbers = Numbers::new(7);
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .map(|(name, shape)| {
            let is_norm = name.contains("norm") && name.ends_with("weight");
            let value = |v: f32| if is_norm { 1.0 + 0.1 * v } else { 0.05 * v };
            let values = numbers.take(shape.iter().product()).into_iter().flat_map(|v| value(v).to_le_bytes());
            (name, shape, values.collect())
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name.as_str(), safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize_to_file(views, None, &folder.join("model.safetensors")).unwrap();
    let tower = |model: &str, width: usize, hidden: usize, heads: usize, layers: usize| {
        serde_json::json!({"model_type": model, "hidden_size": width, "intermediate_size": hidden,
            "num_attention_heads": heads, "num_hidden_layers": layers, "hidden_act": "quick_gelu",
            "layer_norm_eps": 1e-5, "projection_dim": projection})
    };
    let mut vision = tower("clip_vision_model", width, hidden, 12, 2);
    (vision["image_size"], vision["patch_size"], vision["num_channels"]) = (224.into(), 32.into(), 3.into());
    let mut words = tower("clip_text_model", text, 2 * text, 4, 1);
    (words["vocab_size"], words["max_position_embeddings"]) = (1514.into(), 77.into());
    (words["bos_token_id"], words["eos_token_id"]) = (1512.into(), 1513.into());
    let config = serde_json::json!({"model_type": "clip", "architectures": ["CLIPModel"],
        "projection_dim": projection, "vision_config": vision, "text_config": words});
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    tiny_bundle::import(folder, &folder.join("bundle")).unwrap();
    folder.join("bundle/vision.onnx")
}

#[test]
fn a_tower_of_full_width_equals_the_cpu() {
    let Some(device) = device() else { return };
    let place = tempfile::tempdir().unwrap();
    let tower = full_width(place.path());
    compare(&tower, 1, Precision::F32, &device, embeddings(0.9999));
    if device.has_f16() {
        compare(&tower, 1, Precision::F16, &device, embeddings(0.999));
    }
}

#[test]
fn towers_and_a_temporal_transformer_of_other_exporters_equal_the_cpu() {
    let Some(device) = device() else { return };
    for name in ["pair/vision_model.onnx", "pair/text_model.onnx", "temporal.onnx"] {
        let path = repository().join("tests/fixtures/clip").join(name);
        compare(&path, 3, Precision::F32, &device, embeddings(0.9999));
    }
}

#[test]
fn real_segmenters_equal_the_cpu() {
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
fn both_backends_give_the_demo_clip_one_verdict_and_one_picture() {
    if device().is_none() {
        return;
    }
    let workspace = Workspace::new();
    let picture = |backend: &str| workspace.path(&format!("{backend}.gif"));
    let line = |backend: &str| {
        let overlay = picture(backend);
        let clip = concat!(env!("CARGO_MANIFEST_DIR"), "/../models/demo/out-of-context.gif");
        let ended = workspace.figureground(["run", clip, "--backend", backend, "--overlay", overlay.to_str().unwrap()]);
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
    for field in ["person_area", "background_area"] {
        assert_eq!(cpu[field], gpu[field], "{field}");
    }
    let [cpu, gpu] = ["cpu", "gpu"].map(|backend| std::fs::read(picture(backend)).unwrap());
    assert!(cpu == gpu, "pictures of {} and {} bytes", cpu.len(), gpu.len());
}

#[test]
fn a_clip_is_scored_again_when_the_device_is_lost() {
    let Some(_) = device() else { return };
    let place = tempfile::tempdir().unwrap();
    let bundle = tiny_bundle::make(place.path()).unwrap();
    let device = Device::open(&Gpu::any().unwrap()).unwrap();
    let observer = GpuClipEncoder::new(&bundle, device.clone(), Precision::F32, FrameRecording::Off).unwrap();
    let mut pipeline = Pipeline::with(&bundle, Box::new(observer)).unwrap();
    let mut clip = |source: &mut dyn Source| {
        let mut p = None;
        let windows = pipeline.watch(source, Window::Clip, &mut |outcome| {
            p = Some(outcome.judgement.p);
            Ok(ControlFlow::Continue(()))
        });
        (windows.unwrap(), p.unwrap())
    };
    let undisturbed = clip(figureground::source::demo().unwrap().as_mut());
    let mut lossy = Lossy { source: figureground::source::demo().unwrap(), device: Some((5, device)) };
    assert_eq!(clip(&mut lossy), undisturbed);
    assert!(lossy.device.is_none(), "it was lost");
}

/// A source that loses a device during its n-th frame.
struct Lossy {
    source: Box<dyn Source>,
    device: Option<(u64, Arc<Device>)>,
}

impl Source for Lossy {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn is_live(&self) -> bool {
        false
    }

    fn next_frame(&mut self) -> figureground::Result<Option<Frame<'_>>> {
        match &mut self.device {
            Some((0, device)) => {
                device.give_up();
                self.device = None;
            }
            Some((left, _)) => *left -= 1,
            None => {}
        }
        self.source.next_frame()
    }

    fn count(&mut self) -> figureground::Result<u64> {
        self.source.count()
    }

    fn select(&mut self, indices: &[u64]) -> figureground::Result<()> {
        self.source.select(indices)
    }
}

#[test]
fn a_device_that_is_lost_twice_ends_it() {
    let Some(_) = device() else { return };
    // The other tests keep theirs.
    let device = Device::open(&Gpu::any().unwrap()).unwrap();
    let bundle = Bundle::open(&repository().join("models/built-in")).unwrap();
    let mut observer = GpuClipEncoder::new(&bundle, device, Precision::F32, FrameRecording::Off).unwrap();
    observer.begin(8).unwrap();
    assert!(!observer.recover().unwrap(), "nothing was lost");
    observer.device().give_up();
    let pixels = [9; 3 * 64 * 64];
    let frame = Frame::new(&pixels, 64, 64, 0, 0).unwrap();
    assert!(observer.take(&frame, 0, &mut Default::default()).is_err());
    assert!(observer.recover().unwrap());
    observer.take(&frame, 0, &mut Default::default()).unwrap();
    observer.device().give_up();
    assert!(observer.encode(&mut Default::default()).is_err());
    let error = observer.begin(8).unwrap_err().to_string();
    assert!(error.contains("twice"), "{error}");
}

#[test]
fn sixteen_bits_keep_shapes_and_verdict() {
    let Some(device) = device() else { return };
    if !device.has_f16() {
        return eprintln!("SKIPPED: {} has no f16", device.name());
    }
    let bundle = Bundle::open(&repository().join("models/built-in")).unwrap();
    let seen = |precision: Precision| {
        let observer = GpuClipEncoder::new(&bundle, device.clone(), precision, FrameRecording::On).unwrap();
        let mut seen = None;
        Pipeline::with(&bundle, Box::new(observer))
            .unwrap()
            .watch(figureground::source::demo().unwrap().as_mut(), Window::Clip, &mut |outcome| {
                let shapes: Vec<Vec<bool>> =
                    outcome.pictures.iter().map(|picture| picture.person().pixels().to_vec()).collect();
                seen = Some((outcome.judgement.label, outcome.judgement.verdict, outcome.judgement.p, shapes));
                Ok(ControlFlow::Continue(()))
            })
            .unwrap();
        seen.unwrap()
    };
    let (label, verdict, p, shapes) = seen(Precision::F32);
    let (other_label, other_verdict, other_p, other_shapes) = seen(Precision::F16);
    assert_eq!((label, verdict), (other_label, other_verdict));
    assert!(p.iter().zip(other_p).all(|(a, b)| (a - b).abs() < 2e-2), "{p:?} {other_p:?}");
    for (shape, other) in shapes.iter().zip(&other_shapes) {
        let count = |both: fn(bool, bool) -> bool| shape.iter().zip(other).filter(|(a, b)| both(**a, **b)).count();
        let (shared, all) = (count(|a, b| a && b), count(|a, b| a || b));
        assert!(all > 0 && shared as f64 >= 0.99 * all as f64, "{shared} of {all}");
    }
}

/// The first labels of the demo clip's person in the first `count` places of `bank`.
fn labels_elsewhere(encoder: &mut dyn ClipEncoder, bank: &Backgrounds, count: usize, frames: usize) -> Vec<usize> {
    let mut source = figureground::source::demo().unwrap();
    encoder.set_places(bank, count).unwrap();
    encoder.begin(frames).unwrap();
    for slot in 0..frames {
        let frame = source.next_frame().unwrap().unwrap();
        encoder.take(&frame, slot, &mut Default::default()).unwrap();
    }
    encoder.encode(&mut Default::default()).unwrap();
    // A frame may come twice, and the order counts where a transformer fuses.
    let order: Vec<usize> = (0..frames).map(|i| if i == 1 { 0 } else { frames - 1 - i }).collect();
    let (mut labels, mut timing) = (Vec::new(), Timing::default());
    encoder.probe(&order, &mut labels, &mut timing).unwrap();
    assert!(timing.encode > 0, "its time is the encoder's");
    labels
}

#[test]
fn a_person_gets_the_labels_of_the_cpu_in_other_places() {
    let Some(device) = device() else { return };
    let place = tempfile::tempdir().unwrap();
    let built_in = Bundle::open(&repository().join("models/built-in")).unwrap();
    let fused = tiny_bundle::import(&fixture("clip/layouts/actionclip.pth"), &place.path().join("bundle")).unwrap();
    for (bundle, count) in [(&built_in, 16), (&fused, 7)] {
        let manifest = bundle.manifest();
        let (settings, frames) = (&manifest.vision.preprocess, manifest.clip.frames);
        let mut bank = Backgrounds::new(settings.target().unwrap());
        for index in 0..count {
            let pixels: Vec<u8> = (0..3 * 96 * 96).map(|i| ((i / 3) % (37 + 11 * index) * (5 + i % 3)) as u8).collect();
            bank.add(&Frame::new(&pixels, 96, 96, 0, 0).unwrap(), settings).unwrap();
        }
        let mut gpu = GpuClipEncoder::new(bundle, device.clone(), Precision::F32, FrameRecording::Off).unwrap();
        let engine = Engine::load(bundle, 1).unwrap();
        let mut cpu = CpuClipEncoder::new(bundle, engine, FrameRecording::Off).unwrap();
        let want = labels_elsewhere(&mut cpu, &bank, count, frames);
        assert_eq!(labels_elsewhere(&mut gpu, &bank, count, frames), want);
        assert_eq!(want.len(), count);
        println!("labels in {count} places: {want:?}");
    }
}

#[test]
fn a_transformer_layer_is_at_most_eight_dispatches() {
    for name in ["vision.onnx", "text.onnx"] {
        let model = Model::read(&repository().join("models/built-in").join(name)).unwrap();
        let shape = inputs(&model, 24).remove(0).shape;
        let plan = plan(&model, &[(&model.inputs()[0].name, &shape)], &[]).unwrap();
        let layer = plan.dispatches.iter().filter(|dispatch| dispatch.node.contains("layers.1.")).count();
        assert!((1..=8).contains(&layer), "{name}: {layer}");
    }
}

#[test]
fn a_model_that_does_not_fit_says_how_much_it_needs_and_has() {
    let Ok(gpu) = Gpu::any() else { return };
    let small = Device::open_within(&gpu, Bounds { max_storage_binding: 1 << 16, f16: true }).unwrap();
    let model = Model::read(&repository().join("models/built-in/vision.onnx")).unwrap();
    let error = infer(&model, &inputs(&model, 1), &small, Precision::F32).unwrap_err().to_string();
    assert!(error.contains("65536 bytes") && error.contains("backend cpu"), "{error}");
}

#[test]
fn limits_of_128_mib_are_enough_for_the_built_in_models() {
    let Ok(gpu) = Gpu::any() else { return };
    let device = Device::open_within(&gpu, Bounds { max_storage_binding: 128 << 20, f16: false }).unwrap();
    compare(&repository().join("models/built-in/vision.onnx"), 24, Precision::F32, &device, embeddings(0.9999));
}

#[test]
fn sixteen_bits_on_a_gpu_without_them_are_refused() {
    let Ok(gpu) = Gpu::any() else { return };
    let device = Device::open_within(&gpu, Bounds { max_storage_binding: 128 << 20, f16: false }).unwrap();
    let model = Model::read(&repository().join("models/built-in/vision.onnx")).unwrap();
    let error = infer(&model, &inputs(&model, 1), &device, Precision::F16).unwrap_err().to_string();
    assert!(error.contains("16-bit") && error.contains("f32"), "{error}");
}

#[test]
fn a_stream_goes_on_when_the_device_is_lost_and_drops_its_open_windows() {
    let Some(_) = device() else { return };
    let place = tempfile::tempdir().unwrap();
    let bundle = tiny_bundle::make(place.path()).unwrap();
    let device = Device::open(&Gpu::any().unwrap()).unwrap();
    let observer = GpuClipEncoder::new(&bundle, device.clone(), Precision::F32, FrameRecording::Off).unwrap();
    let mut pipeline = Pipeline::with(&bundle, Box::new(observer)).unwrap();
    let window = Window::Sliding(Sliding::new(0.48, 0.24).unwrap());
    let mut lines = |device: Option<&Device>| {
        let mut lines = Vec::new();
        let mut source = figureground::source::demo().unwrap();
        pipeline
            .watch(source.as_mut(), window, &mut |outcome| {
                lines.push((outcome.frames.to_vec(), outcome.judgement.label, outcome.judgement.p));
                if let Some(device) = device.filter(|_| lines.len() == 3) {
                    device.give_up();
                }
                Ok(ControlFlow::Continue(()))
            })
            .unwrap();
        lines
    };
    let undisturbed = lines(None);
    let disturbed = lines(Some(&device));
    assert_eq!(disturbed[..3], undisturbed[..3]);
    // Windows begin anew after the loss; none contains a lost frame.
    let last = |lines: &[(Vec<u64>, usize, [f32; 3])]| lines.last().map(|line| line.0.clone()).unwrap();
    assert!((4..undisturbed.len()).contains(&disturbed.len()), "{} of {}", disturbed.len(), undisturbed.len());
    assert!(disturbed[3].0[0] > disturbed[2].0[7], "{disturbed:?}");
    assert!(disturbed.iter().flat_map(|line| line.2).all(|p| p.is_finite() && p > 0.0));
    assert!(last(&disturbed)[7] + 12 > last(&undisturbed)[7]);
}

#[test]
fn labels_that_change_in_mid_stream_give_the_scores_of_the_cpu() {
    let Some(device) = device() else { return };
    let place = tempfile::tempdir().unwrap();
    let bundle = tiny_bundle::make(place.path()).unwrap();
    let fewer = || {
        let mut file = bundle.label_file().unwrap();
        file.names.remove(0);
        file.embeddings.drain(..file.templates.len() * file.dimension);
        file.into_bank(bundle.manifest().labels.template_fusion).unwrap()
    };
    let observer = GpuClipEncoder::new(&bundle, device, Precision::F32, FrameRecording::Off).unwrap();
    let gpu = Pipeline::with(&bundle, Box::new(observer)).unwrap();
    let choice = BackendOptions { backend: Backend::Cpu, precision: Precision::F32, threads: 1 };
    let cpu = Pipeline::load(&bundle, &choice, FrameRecording::Off).unwrap();
    let [gpu, cpu] = [gpu, cpu].map(|mut pipeline| {
        let handle = pipeline.handle();
        let mut lines = Vec::new();
        let window = Window::Sliding(Sliding::new(0.48, 0.24).unwrap());
        let mut source = figureground::source::demo().unwrap();
        pipeline
            .watch(source.as_mut(), window, &mut |outcome| {
                lines.push((outcome.names.to_vec(), outcome.judgement.p, outcome.logits[0].len()));
                if lines.len() == 2 {
                    handle.set_labels(fewer());
                    handle.set_threshold(3.0).unwrap();
                }
                Ok(ControlFlow::Continue(()))
            })
            .unwrap();
        lines
    });
    assert!(gpu.len() > 3 && gpu.len() == cpu.len());
    assert_eq!(gpu[2].0.len() + 1, gpu[1].0.len());
    for (gpu, cpu) in gpu.iter().zip(&cpu) {
        assert_eq!((&gpu.0, gpu.2), (&cpu.0, cpu.2));
        assert!(gpu.1.iter().zip(cpu.1).all(|(a, b)| (a - b).abs() < 1e-4), "{gpu:?} {cpu:?}");
    }
}

#[test]
fn a_warm_stream_makes_no_buffers() {
    let Some(_) = device() else { return };
    let place = tempfile::tempdir().unwrap();
    let bundle = tiny_bundle::make(place.path()).unwrap();
    // A device of its own, because other tests create buffers meanwhile.
    let device = Device::open(&Gpu::any().unwrap()).unwrap();
    let observer = GpuClipEncoder::new(&bundle, device.clone(), Precision::F32, FrameRecording::Off).unwrap();
    let mut counts = Vec::new();
    Pipeline::with(&bundle, Box::new(observer))
        .unwrap()
        .watch(
            figureground::source::demo().unwrap().as_mut(),
            Window::Sliding(Sliding::new(0.48, 0.12).unwrap()),
            &mut |_| {
                counts.push(device.buffers().unwrap());
                Ok(ControlFlow::Continue(()))
            },
        )
        .unwrap();
    println!("buffers at each window: {counts:?}");
    let (first, warm) = counts.split_at(6);
    assert!(first[0] > 0 && warm.len() >= 6 && warm.iter().all(|count| *count == warm[0]), "{counts:?}");
}

#[test]
fn compiled_shaders_are_cached_and_a_damaged_cache_is_ignored() {
    if device().is_none() {
        return;
    }
    let workspace = Workspace::new();
    let run = || workspace.run(["--backend", "gpu", program::demo().to_str().unwrap()]).succeeded().stdout;
    let kept = || std::fs::read_dir(workspace.cache()).unwrap().map(|entry| entry.unwrap().path());
    let find = || kept().find(|path| path.extension().is_some_and(|extension| extension == "pipelines"));
    let untimed = |line: &str| {
        let mut line: Value = serde_json::from_str(line).unwrap();
        ["timing_us", "at", "run"].iter().for_each(|field| drop(line[*field].take()));
        line
    };
    let first = untimed(&run());
    let Some(path) = find() else { return eprintln!("SKIPPED: this GPU's driver keeps no compiled shaders") };
    let whole = std::fs::read(&path).unwrap();
    assert!(whole.len() > 32);
    for damaged in [&whole[..whole.len() - 1], &whole[..7], b""] {
        std::fs::write(&path, damaged).unwrap();
        assert_eq!(untimed(&run()), first);
        assert!(std::fs::read(&path).unwrap().len() > 32, "it is written anew");
    }
}

#[test]
fn too_little_memory_is_an_error_that_names_memory() {
    let Some(gpu) = Gpu::all_with_memory(0).into_iter().next() else { return };
    let model = Model::read(&repository().join("models/built-in/vision.onnx")).unwrap();
    let ran = Device::open(&gpu).and_then(|device| infer(&model, &inputs(&model, 1), &device, Precision::F32));
    match ran {
        Err(error) => {
            let error = error.to_string();
            assert!(error.to_lowercase().contains("memory") && error.contains("backend cpu"), "{error}");
        }
        Ok(_) => eprintln!("SKIPPED: the driver of {} does not count its memory", gpu.description()),
    }
}

#[test]
fn plans_for_several_batch_sizes_share_their_weights() {
    let Ok(gpu) = Gpu::any() else { return };
    let device = Device::open(&gpu).unwrap();
    let model = Model::read(&repository().join("models/built-in/vision.onnx")).unwrap();
    infer(&model, &inputs(&model, 1), &device, Precision::F32).unwrap();
    let once = device.weights();
    assert!(once > 20, "{once}");
    infer(&model, &inputs(&model, 3), &device, Precision::F32).unwrap();
    // The class token's rows are repeated by the batch.
    assert!(device.weights() <= once + 2, "{once} and {}", device.weights());
}

#[test]
fn auto_never_takes_a_gpu_in_software() {
    let expected = if Gpu::all().iter().all(Gpu::is_software) { Backend::Cpu } else { Backend::Gpu };
    assert_eq!(Backend::Auto.resolve().unwrap(), expected);
}

#[test]
fn a_shader_that_the_driver_refuses_is_an_error_that_names_it() {
    #[derive(Debug)]
    struct Broken;
    static SHADER: Shader =
        Shader { file: "broken.wgsl", source: "no shader", entry: "broken", buffers: &[], cooperative: None };
    impl Kernel for Broken {
        fn shader(&self) -> &'static Shader {
            &SHADER
        }
        fn parameters(&self) -> &[u8] {
            &[]
        }
        fn groups(&self) -> [u32; 3] {
            [1; 3]
        }
        fn operations(&self) -> u64 {
            0
        }
        fn twin(&self, _inputs: &[&[f32]]) -> Vec<f32> {
            vec![0.0]
        }
    }
    let Some(device) = device() else { return };
    let output = View::whole(0, &[1]);
    let dispatch = Dispatch {
        node: "node".to_owned(),
        kernel: Box::new(Broken),
        inputs: vec![],
        chain: Chain::stored(),
        operands: vec![],
        tail: Tail::new(&output, &[]).unwrap(),
        output: output.clone(),
    };
    let tensor = plan::Tensor { len: 1, element: Element::Stored, origin: Origin::Made };
    let plan = Plan { tensors: vec![tensor], dispatches: vec![dispatch], inputs: vec![], outputs: vec![output] };
    let error = Session::new(device, plan, Precision::F32, &[]).unwrap_err().to_string();
    assert!(error.contains("broken.wgsl"), "{error}");
}

/// A file with a graph of ONNX nodes: `inputs` and `outputs` with their shapes, f32 constants.
fn graph(
    nodes: Vec<pb::NodeProto>,
    inputs: &[(&str, &[i64])],
    outputs: &[&str],
    constants: Vec<pb::TensorProto>,
) -> PathBuf {
    let value = |name: &str, shape: &[i64]| {
        let dim = shape.iter().map(|&size| pb::tensor_shape_proto::Dimension {
            value: Some(pb::tensor_shape_proto::dimension::Value::DimValue(size)),
            ..Default::default()
        });
        let shape = Some(pb::TensorShapeProto { dim: dim.collect() });
        let tensor = pb::type_proto::Tensor { elem_type: pb::tensor_proto::DataType::Float as i32, shape };
        pb::ValueInfoProto {
            name: name.to_owned(),
            r#type: Some(pb::TypeProto {
                value: Some(pb::type_proto::Value::TensorType(tensor)),
                ..Default::default()
            }),
            ..Default::default()
        }
    };
    let graph = pb::GraphProto {
        node: nodes,
        name: "graph".to_owned(),
        initializer: constants,
        input: inputs.iter().map(|(name, shape)| value(name, shape)).collect(),
        output: outputs.iter().map(|name| value(name, &[])).collect(),
        ..Default::default()
    };
    let opset = pb::OperatorSetIdProto { version: 17, ..Default::default() };
    let model = pb::ModelProto { ir_version: 8, opset_import: vec![opset], graph: Some(graph), ..Default::default() };
    let file = tempfile::Builder::new().suffix(".onnx").tempfile().unwrap();
    std::fs::write(file.path(), model.encode_to_vec()).unwrap();
    file.into_temp_path().keep().unwrap()
}

fn node(operator: &str, inputs: &[&str], output: &str) -> pb::NodeProto {
    pb::NodeProto {
        op_type: operator.to_owned(),
        name: output.to_owned(),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        ..Default::default()
    }
}

fn same_on_both(path: &Path) {
    let Some(device) = device() else { return };
    compare(path, 1, Precision::F32, &device, |got, want, _| {
        let apart = difference(got, want);
        assert!(apart <= 1e-5, "{apart}");
    });
    std::fs::remove_file(path).unwrap();
}

#[test]
fn inputs_keep_their_order_whatever_reads_them_first() {
    let nodes = vec![node("Relu", &["b"], "positive"), node("Sub", &["a", "positive"], "y")];
    same_on_both(&graph(nodes, &[("a", &[2, 3]), ("b", &[2, 3])], &["y"], vec![]));
}

#[test]
fn layers_of_one_input_may_be_outputs() {
    let mut numbers = Numbers::new(12);
    let mut weight = |name: &str| pb::TensorProto {
        name: name.to_owned(),
        dims: vec![4, 5],
        data_type: pb::tensor_proto::DataType::Float as i32,
        float_data: numbers.take(20),
        ..Default::default()
    };
    let weights = vec![weight("v"), weight("w")];
    let nodes = vec![node("MatMul", &["x", "v"], "first"), node("MatMul", &["x", "w"], "second")];
    same_on_both(&graph(nodes, &[("x", &[3, 4])], &["first", "second"], weights));
}

#[test]
fn heads_may_share_their_keys_and_values() {
    let nodes = vec![
        node("MatMul", &["q", "k"], "scores"),
        pb::NodeProto {
            attribute: vec![pb::AttributeProto {
                name: "axis".to_owned(),
                r#type: pb::attribute_proto::AttributeType::Int as i32,
                i: -1,
                ..Default::default()
            }],
            ..node("Softmax", &["scores"], "weights")
        },
        node("MatMul", &["weights", "v"], "y"),
    ];
    let inputs: [(&str, &[i64]); 3] = [("q", &[2, 3, 5, 4]), ("k", &[2, 1, 4, 6]), ("v", &[2, 1, 6, 4])];
    same_on_both(&graph(nodes, &inputs, &["y"], vec![]));
}
