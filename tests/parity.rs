//! The CPU engine gives what transformers and PyTorch give, on small models of the real architectures with random
//! weights (`tests/fixtures/clip.py`): from safetensors, from a pair of ONNX files and from one file with both towers.

use figureground::bundle::import::Import;
use figureground::bundle::manifest::{Temporal, Text, Vision};
use figureground::bundle::{Bundle, read_manifest};
use figureground::engine::cpu::Cpu;
use figureground::engine::{ImageEncoder, TemporalEncoder, TextEncoder};
use figureground::model::write::Precision;
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};

/// The largest difference from the reference, as a fraction of its largest number.
const TOLERANCE: f32 = 1e-4;
/// The same where weights are stored in 16 bits.
const TOLERANCE_F16: f32 = 2e-2;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The bytes of one reference tensor.
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

/// The largest difference, as a fraction of the largest number of `want`.
fn difference(got: &[f32], want: &[f32]) -> f32 {
    assert_eq!(got.len(), want.len());
    let scale = want.iter().fold(0f32, |most, v| most.max(v.abs()));
    got.iter().zip(want).fold(0f32, |most, (g, w)| most.max((g - w).abs())) / scale
}

/// Imports `clip` and returns the bundle; the directory must live as long.
fn import(clip: &str, precision: Precision) -> (tempfile::TempDir, Bundle) {
    let directory = tempfile::tempdir().unwrap();
    let out = directory.path().join("bundle");
    let labels = directory.path().join("labels.txt");
    std::fs::write(&labels, "waving\nwalking\n").unwrap();
    let import = Import {
        clip: fixtures().join(clip),
        convention: None,
        segmenter: fixtures().join("demo/segmenter.toml"),
        segmenter_model: fixtures().join("demo/segmenter.onnx"),
        labels,
        templates: Vec::new(),
        precision,
        out: out.clone(),
    };
    import.run(2, &mut |_, _| Ok(())).unwrap();
    (directory, Bundle::open(&out).unwrap())
}

/// Largest differences of the image and text embeddings of `bundle` from the reference.
fn differences(bundle: &Bundle, expected: &str) -> [f32; 2] {
    let manifest = bundle.manifest();
    let (vision, text): (&Vision, &Text) = (&manifest.vision, bundle.text().unwrap());
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
fn a_safetensors_checkpoint_encodes_as_transformers_does() {
    let (_kept, bundle) = import("clip/hf", Precision::F32);
    assert_close("safetensors", differences(&bundle, "clip/expected.safetensors"), TOLERANCE);
}

#[test]
fn a_checkpoint_with_plain_gelu_encodes_as_transformers_does() {
    let (_kept, bundle) = import("clip/gelu", Precision::F32);
    assert_close("gelu", differences(&bundle, "clip/gelu/expected.safetensors"), TOLERANCE);
}

#[test]
fn a_pair_of_onnx_files_encodes_as_transformers_does() {
    let (_kept, bundle) = import("clip/pair", Precision::F32);
    assert_close("pair", differences(&bundle, "clip/expected.safetensors"), TOLERANCE);
}

#[test]
fn one_onnx_file_with_both_towers_encodes_as_transformers_does() {
    let (_kept, bundle) = import("clip/single", Precision::F32);
    assert_close("single", differences(&bundle, "clip/gelu/expected.safetensors"), TOLERANCE);
}

#[test]
fn weights_in_16_bits_encode_nearly_the_same() {
    let (_kept, bundle) = import("clip/hf", Precision::F16);
    assert_close("safetensors f16", differences(&bundle, "clip/expected.safetensors"), TOLERANCE_F16);
    let (_kept, bundle) = import("clip/pair", Precision::F16);
    assert_close("pair f16", differences(&bundle, "clip/expected.safetensors"), TOLERANCE_F16);
}

#[test]
fn the_temporal_transformer_fuses_as_pytorch_does() {
    let manifest = Temporal { file: String::new(), input: "frame_embeds".into(), output: "clip_embeds".into() };
    let path = fixtures().join("clip/temporal.onnx");
    let mut encoder = Cpu::new(1).unwrap().temporal(&path, &manifest, [8, 32]).unwrap();
    let want = floats("clip/temporal_expected.safetensors", "clip_embeds");
    let mut got = vec![0.0; want.len()];
    encoder.fuse(&floats("clip/temporal_expected.safetensors", "frame_embeds"), &mut got).unwrap();
    assert!(difference(&got, &want) <= TOLERANCE, "{}", difference(&got, &want));
}

#[test]
fn onnx_files_tell_their_picture_size_and_vocabulary() {
    for (clip, vocabulary) in [("clip/pair", 1514), ("clip/single", 614)] {
        let (_kept, bundle) = import(clip, Precision::F32);
        let preprocess = &bundle.manifest().vision.preprocess;
        assert_eq!((preprocess.width, preprocess.height), (32, 32));
        assert_eq!(bundle.tokenizer().unwrap().vocabulary(), vocabulary);
    }
}

#[test]
fn an_imported_bundle_says_what_the_checkpoint_said() {
    let (kept, bundle) = import("clip/hf", Precision::F32);
    let manifest = read_manifest(&kept.path().join("bundle")).unwrap();
    assert_eq!((manifest.vision.preprocess.width, manifest.vision.preprocess.height), (32, 32));
    assert_eq!(bundle.tokenizer().unwrap().vocabulary(), 1514);
    assert_eq!(bundle.label_file().unwrap().logit_scale, 3.5);
    assert_eq!(bundle.label_bank().unwrap().names(), ["walking", "waving"]);
}
