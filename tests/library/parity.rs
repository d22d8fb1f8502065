//! The CPU engine equals transformers, open_clip and PyTorch on small models of the real architectures with random
//! weights (`tests/fixtures/clip.py`, `tests/fixtures/layouts.py`), imported from ONNX files and from every checkpoint
//! layout.

use figureground::bundle::manifest::{TemporalSettings, TextSettings, VisionSettings};
use figureground::bundle::{Bundle, read_manifest};
use figureground::engine::cpu::Cpu;
use figureground::engine::{ImageEncoder, TemporalEncoder, TextEncoder};
use figureground::import::Import;
use figureground::model::write::WeightPrecision;
use figureground::preprocess::{Interpolation, Resize};
use figureground::sampler::Sampler;
use figureground::zeroshot::Fusion;
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

/// The largest allowed difference, as a fraction of the reference's largest number.
const TOLERANCE: f32 = 1e-4;
/// The same for weights stored in 16 bits.
const TOLERANCE_F16: f32 = 2e-2;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// Returns the bytes of one reference tensor.
fn reference(file: &str, name: &str) -> Vec<u8> {
    let bytes = std::fs::read(fixtures().join(file)).unwrap();
    SafeTensors::deserialize(&bytes).unwrap().tensor(name).unwrap().data().to_vec()
}

fn floats(file: &str, name: &str) -> Vec<f32> {
    reference(file, name).chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
}

fn ids(file: &str, name: &str) -> Vec<i64> {
    reference(file, name).chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect()
}

/// Returns the largest difference, as a fraction of the largest number of `expected`.
fn difference(got: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(got.len(), expected.len());
    let scale = expected.iter().fold(0f32, |most, v| most.max(v.abs()));
    got.iter().zip(expected).fold(0f32, |most, (g, w)| most.max((g - w).abs())) / scale
}

/// Imports `clip` and returns the bundle with its temporary directory.
fn import(clip: &str, precision: WeightPrecision) -> (tempfile::TempDir, Bundle) {
    import_with(clip, |import| import.precision = precision)
}

/// Imports `clip` with the settings of `change`.
fn import_with(clip: impl AsRef<Path>, change: impl FnOnce(&mut Import)) -> (tempfile::TempDir, Bundle) {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("bundle");
    let labels = directory.path().join("labels.txt");
    std::fs::write(&labels, "waving\nwalking\n").unwrap();
    let mut import = Import {
        clip: fixtures().join(clip),
        base: None,
        activation: None,
        convention: None,
        segmenter: fixtures().join("demo/segmenter.toml"),
        segmenter_model: fixtures().join("demo/segmenter.onnx"),
        labels,
        templates: Vec::new(),
        precision: WeightPrecision::F32,
        out: out.clone(),
    };
    change(&mut import);
    import.run(2, &mut |_, _| Ok(())).unwrap();
    (directory, Bundle::open(&out).unwrap())
}

/// Returns the largest differences of the image and text embeddings of `bundle` from the reference.
fn differences(bundle: &Bundle, expected: &str) -> [f32; 2] {
    let manifest = bundle.manifest();
    let (vision, text): (&VisionSettings, &TextSettings) = (&manifest.vision, bundle.text().unwrap());
    let cpu = Cpu::new(2).unwrap();
    let mut encoder = cpu.vision(&bundle.path(&vision.file), vision).unwrap();
    let want = floats(expected, "image_embeds");
    let mut got = vec![0.0; want.len()];
    ImageEncoder::encode(&mut encoder, &floats(expected, "pixel_values"), &mut got).unwrap();
    let images = difference(&got, &want);
    let mut encoder = cpu.text(&bundle.path(&text.file), text).unwrap();
    let want = floats(expected, "text_embeds");
    let mut got = vec![0.0; want.len()];
    TextEncoder::encode(&mut encoder, &ids(expected, "input_ids"), &mut got).unwrap();
    [images, difference(&got, &want)]
}

fn assert_close(name: &str, differences: [f32; 2], tolerance: f32) {
    println!("{name}: image {:.2e}, text {:.2e} of scale", differences[0], differences[1]);
    assert!(differences.iter().all(|d| *d <= tolerance), "{name}: {differences:?}");
}

#[test]
fn a_safetensors_checkpoint_encodes_like_transformers() {
    let (_kept, bundle) = import("clip/hf", WeightPrecision::F32);
    assert_close("safetensors", differences(&bundle, "clip/expected.safetensors"), TOLERANCE);
}

#[test]
fn a_checkpoint_with_plain_gelu_encodes_like_transformers() {
    let (_kept, bundle) = import("clip/gelu", WeightPrecision::F32);
    assert_close("gelu", differences(&bundle, "clip/gelu/expected.safetensors"), TOLERANCE);
}

#[test]
fn a_pair_of_onnx_files_encodes_like_transformers() {
    let (_kept, bundle) = import("clip/pair", WeightPrecision::F32);
    assert_close("pair", differences(&bundle, "clip/expected.safetensors"), TOLERANCE);
}

#[test]
fn one_onnx_file_with_both_towers_encodes_like_transformers() {
    let (_kept, bundle) = import("clip/single", WeightPrecision::F32);
    assert_close("single", differences(&bundle, "clip/gelu/expected.safetensors"), TOLERANCE);
}

#[test]
fn weights_in_16_bits_encode_nearly_alike() {
    let (_kept, bundle) = import("clip/hf", WeightPrecision::F16);
    assert_close("safetensors f16", differences(&bundle, "clip/expected.safetensors"), TOLERANCE_F16);
    let (_kept, bundle) = import("clip/pair", WeightPrecision::F16);
    assert_close("pair f16", differences(&bundle, "clip/expected.safetensors"), TOLERANCE_F16);
}

#[test]
fn the_temporal_transformer_fuses_like_pytorch() {
    let manifest = TemporalSettings { file: String::new(), input: "frame_embeds".into(), output: "clip_embeds".into() };
    let path = fixtures().join("clip/temporal.onnx");
    let mut encoder = Cpu::new(1).unwrap().temporal(&path, &manifest, [8, 32]).unwrap();
    let want = floats("clip/temporal_expected.safetensors", "clip_embeds");
    let mut got = vec![0.0; want.len()];
    encoder.fuse(&floats("clip/temporal_expected.safetensors", "frame_embeds"), &mut got).unwrap();
    assert!(difference(&got, &want) <= TOLERANCE, "{}", difference(&got, &want));
}

/// Imports `clip` of `clip/layouts` and compares its towers with `expected`.
fn layout(clip: &str, expected: &str, change: impl FnOnce(&mut Import)) -> (tempfile::TempDir, Bundle) {
    let (kept, bundle) = import_with(Path::new("clip/layouts").join(clip), change);
    assert_close(clip, differences(&bundle, &format!("clip/layouts/{expected}_expected.safetensors")), TOLERANCE);
    assert_eq!(bundle.label_file().unwrap().logit_scale, 3.5);
    assert_eq!(bundle.tokenizer().unwrap().vocabulary(), 534);
    (kept, bundle)
}

/// Returns the largest difference of the temporal transformer of `bundle` from `expected`.
fn temporal_difference(bundle: &Bundle, expected: &str) -> f32 {
    let manifest = bundle.manifest();
    let section = manifest.temporal.as_ref().expect("a temporal transformer");
    let item = [manifest.clip.frames, bundle.label_bank().unwrap().dim()];
    let mut encoder = Cpu::new(1).unwrap().temporal(&bundle.path(&section.file), section, item).unwrap();
    let want = floats(expected, "clip_embeds");
    let mut got = vec![0.0; want.len()];
    encoder.fuse(&floats(expected, "frame_embeds"), &mut got).unwrap();
    let difference = difference(&got, &want);
    println!("{expected}: temporal {difference:.2e} of scale");
    difference
}

#[test]
fn an_openai_state_dict_encodes_like_open_clip() {
    layout("openai.pt", "openai", |_| ());
}

#[test]
fn an_openai_torch_script_archive_encodes_like_open_clip() {
    layout("script.pt", "script", |_| ());
}

#[test]
fn an_open_clip_folder_encodes_like_open_clip() {
    let (_kept, bundle) = layout("open_clip", "open_clip", |_| ());
    let settings = &bundle.manifest().vision.preprocess;
    assert_eq!((settings.mean, settings.std), ([0.5; 3], [0.25; 3]));
    assert_eq!((settings.resize, settings.interpolation), (Resize::Squash, Interpolation::Bilinear));
}

#[test]
fn a_vificlip_encodes_like_open_clip_with_the_token_table_of_its_base() {
    let base = fixtures().join("clip/layouts/openai.pt");
    let (_kept, bundle) = layout("vificlip.pth", "openai", |import| import.base = Some(base));
    assert_eq!(bundle.manifest().name, "ViFi-CLIP");
    assert_eq!(bundle.manifest().vision.preprocess.mean, [0.485, 0.456, 0.406]);
}

#[test]
fn an_actionclip_encodes_like_open_clip_and_fuses_like_pytorch() {
    let (_kept, bundle) = layout("actionclip.pth", "actionclip", |_| ());
    assert!(temporal_difference(&bundle, "clip/layouts/actionclip_expected.safetensors") <= TOLERANCE);
    let manifest = bundle.manifest();
    assert_eq!((manifest.name.as_str(), manifest.labels.templates.len()), ("ActionCLIP", 16));
    assert_eq!((manifest.clip.fusion, manifest.clip.sampler), (Fusion::Temporal, Sampler::ActionClip));
    Cpu::new(1).unwrap().engine(&bundle).unwrap();
}

/// Returns a copy of the Hugging Face checkpoint with a temporal transformer of two heads beside it.
fn with_temporal(frames: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &str, to: &str| std::fs::copy(fixtures().join(from), folder.path().join(to)).unwrap();
    copy("clip/hf/model.safetensors", "model.safetensors");
    copy("clip/layouts/temporal/temporal.safetensors", "temporal.safetensors");
    let config = std::fs::read_to_string(fixtures().join("clip/hf/config.json")).unwrap();
    let fusion = format!("{{\"fusion\": {{\"num_attention_heads\": 2, \"num_frames\": {frames}}},");
    std::fs::write(folder.path().join("config.json"), config.replacen('{', &fusion, 1)).unwrap();
    folder
}

#[test]
fn a_temporal_transformer_beside_a_checkpoint_fuses_like_pytorch() {
    let folder = with_temporal(8);
    for (precision, tolerance) in [(WeightPrecision::F32, TOLERANCE), (WeightPrecision::F16, TOLERANCE_F16)] {
        let (_kept, bundle) = import_with(folder.path(), |import| import.precision = precision);
        assert!(temporal_difference(&bundle, "clip/layouts/temporal/expected.safetensors") <= tolerance);
    }
    let folder = with_temporal(5);
    let (_kept, bundle) = import_with(folder.path(), |_| ());
    assert_eq!(bundle.manifest().clip.frames, 5);
}

#[test]
fn picture_size_and_vocabulary_are_read_from_onnx_files() {
    for (clip, vocabulary) in [("clip/pair", 1514), ("clip/single", 614)] {
        let (_kept, bundle) = import(clip, WeightPrecision::F32);
        let preprocess = &bundle.manifest().vision.preprocess;
        assert_eq!((preprocess.width, preprocess.height), (32, 32));
        assert_eq!(bundle.tokenizer().unwrap().vocabulary(), vocabulary);
    }
}

#[test]
fn an_imported_bundle_has_the_settings_of_its_checkpoint() {
    let (kept, bundle) = import("clip/hf", WeightPrecision::F32);
    let manifest = read_manifest(&kept.path().join("bundle")).unwrap();
    assert_eq!((manifest.vision.preprocess.width, manifest.vision.preprocess.height), (32, 32));
    assert_eq!(bundle.tokenizer().unwrap().vocabulary(), 1514);
    assert_eq!(bundle.label_file().unwrap().logit_scale, 3.5);
    assert_eq!(bundle.label_bank().unwrap().names(), ["walking", "waving"]);
}
