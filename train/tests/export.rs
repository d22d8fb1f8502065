//! Compares the embeddings of an imported pair with those of burn.

use burn::module::Module;
use burn::tensor::{Device, Tensor, TensorData};
use figureground::bundle::Bundle;
use figureground::engine::{ImageEncoder, TemporalEncoder, TextEncoder, cpu::Cpu};
use figureground::import::Import;
use figureground::model::write::WeightPrecision;
use figureground_train::conventions;
use figureground_train::pair::{ClipPair, FusionKind, PairSizes, Prompts, Tower, seeded, values, weights};
use figureground_train::patchify::patchify;
use std::path::Path;

/// Largest difference relative to the largest element.
const TOLERANCE: f32 = 1e-4;

const SIZES: PairSizes = PairSizes {
    image_size: 32,
    patch_size: 8,
    vision: Tower { width: 32, layers: 2, heads: 2 },
    text: Tower { width: 16, layers: 2, heads: 2 },
    context: 24,
    merges: 200,
    projection: 16,
    frames: 8,
};

fn assert_close(name: &str, expected: &[f32], got: &[f32]) {
    let scale = expected.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    let error = expected.iter().zip(got).fold(0.0f32, |most, (e, g)| most.max((e - g).abs())) / scale;
    println!("{name}: {error:.1e}");
    assert!(expected.len() == got.len() && error < TOLERANCE, "{name}: {error}");
}

/// Normalises rows to unit norm.
fn unit(rows: &[f32], dimension: usize) -> Vec<f32> {
    let norm = |row: &[f32]| row.iter().map(|v| v * v).sum::<f32>().sqrt();
    rows.chunks_exact(dimension).flat_map(|row| row.iter().map(move |v| v / norm(row))).collect()
}

#[test]
fn an_imported_pair_has_the_embeddings_of_burn() {
    let folder = tempfile::tempdir().unwrap();
    let device = Device::flex();
    let pair = seeded(9, &device, || ClipPair::new(&SIZES, &device).with_fusion(FusionKind::Temporal, &SIZES, &device));
    let pair = pair.valid();
    let (from, out) = (folder.path().join("pair"), folder.path().join("bundle"));
    std::fs::create_dir(&from).unwrap();
    weights::write(&pair, &SIZES, &from).unwrap();
    let labels = folder.path().join("labels.txt");
    std::fs::write(&labels, "waving while walking\nkicking\n").unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let import = Import {
        clip: from,
        base: None,
        activation: None,
        convention: Some(root.join("models/clip/pantomime.toml")),
        segmenter: root.join("tests/fixtures/demo/segmenter.toml"),
        segmenter_model: root.join("tests/fixtures/demo/segmenter.onnx"),
        labels,
        templates: Vec::new(),
        precision: WeightPrecision::F32,
        out: out.clone(),
    };
    import.run(1, &mut |_, _| Ok(())).unwrap();
    let bundle = Bundle::open(&out).unwrap();
    let manifest = bundle.manifest();
    let cpu = Cpu::new(1).unwrap();

    let pictures: Vec<f32> = (0..2 * 3 * 32 * 32).map(|i| ((i * 37 % 101) as f32 - 50.0) / 25.0).collect();
    let mut patches = vec![0.0; pictures.len()];
    for (picture, patches) in pictures.chunks_exact(3 * 32 * 32).zip(patches.chunks_exact_mut(3 * 32 * 32)) {
        patchify(picture, &SIZES, patches);
    }
    let patches = Tensor::from_data(TensorData::new(patches, [2, SIZES.patch_count(), SIZES.patch_values()]), &device);
    let mut image = vec![0.0; 2 * 16];
    let mut vision = cpu.vision(&bundle.path(&manifest.vision.file), &manifest.vision).unwrap();
    ImageEncoder::encode(&mut vision, &pictures, &mut image).unwrap();
    assert_close("image", &values(pair.image_embeds(patches)), &image);

    let tokenizer = conventions::tokenizer(&SIZES).unwrap();
    let rows: Vec<Vec<i64>> =
        ["waving", "a photo of a person kicking while standing up"].map(|t| tokenizer.encode(t)).into();
    let section = bundle.text().unwrap();
    let mut text = vec![0.0; 2 * 16];
    let mut encoder = cpu.text(&bundle.path(&section.file), section).unwrap();
    TextEncoder::encode(&mut encoder, &rows.concat(), &mut text).unwrap();
    assert_close("text", &values(pair.text_embeds(&Prompts::new(&rows))), &unit(&text, 16));

    let frames: Vec<f32> = (0..8 * 16).map(|i| ((i * 29 % 53) as f32 - 26.0) / 13.0).collect();
    let temporal = manifest.temporal.as_ref().unwrap();
    let mut clip = vec![0.0; 16];
    cpu.temporal(&bundle.path(&temporal.file), temporal, [8, 16]).unwrap().fuse(&frames, &mut clip).unwrap();
    let frames = Tensor::from_data(TensorData::new(frames, [1, 8, 16]), &device);
    assert_close("clip", &values(pair.clip_embeds(frames)), &unit(&clip, 16));
}
