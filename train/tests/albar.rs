//! ALBAR's loss and its gradients against PyTorch, whose penalty goes through a double backward.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use figureground_train::batch_sampler::Batch;
use figureground_train::objective::{Albar, Objective};
use figureground_train::pair::{ClipPair, Fusion, Postures, Sizes, Tower, values, weights};
use figureground_train::parallel_encoder::ParallelEncoder;
use figureground_train::patchify::{self, Shift};
use figureground_train::trainer::{Optimiser, Settings, Trainer};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Largest difference of the penalty's gradient, as a fraction of its largest element: what f32 and the difference
/// quotient leave.
const PENALTY: f32 = 1e-3;

const SIZES: Sizes = Sizes {
    image_size: 16,
    patch_size: 8,
    vision: Tower { width: 32, layers: 1, heads: 2 },
    text: Tower { width: 16, layers: 1, heads: 2 },
    context: 8,
    merges: 10,
    projection: 16,
    frames: 4,
};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/albar")
}

struct Fixture {
    bytes: Vec<u8>,
}

impl Fixture {
    fn open() -> Self {
        Self { bytes: std::fs::read(folder().join("expected.safetensors")).unwrap() }
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.bytes).unwrap()
    }

    fn floats(&self, name: &str) -> Vec<f32> {
        let file = self.tensors();
        let tensor = file.tensor(name).unwrap();
        tensor.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    }

    fn integers(&self, name: &str) -> Vec<i64> {
        let file = self.tensors();
        let tensor = file.tensor(name).unwrap();
        tensor.data().chunks_exact(8).map(|b| i64::from_le_bytes(b.try_into().unwrap())).collect()
    }

    fn batch(&self) -> Batch {
        let mut patches = Vec::new();
        for picture in self.floats("pixels").chunks_exact(3 * 16 * 16) {
            let mut cut = vec![0.0; picture.len()];
            patchify::patchify(picture, &SIZES, Shift::default(), &mut cut);
            patches.extend(cut);
        }
        Batch {
            patches,
            postures: Postures::default(),
            clips: 3,
            texts: self.integers("texts").chunks_exact(8).map(<[i64]>::to_vec).collect(),
            labels: self.integers("labels").iter().map(|label| *label as usize).collect(),
        }
    }
}

/// Gradients by the names and in the shapes that PyTorch's have.
struct Named<'a> {
    path: Vec<String>,
    gradients: &'a GradientsParams,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for Named<'_> {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = self.path.join(".");
        let Some(gradient) = self.gradients.get::<D>(param.id) else { return };
        let table = name.contains("position") || name.contains("token_embedding");
        let gradient = if D == 2 && !table { gradient.swap_dims(0, 1) } else { gradient };
        self.found.insert(name, values(gradient));
    }
}

fn loss_and_gradients(weights_of: Albar) -> (f32, BTreeMap<String, Vec<f32>>) {
    let device = Device::flex();
    let autodiff = device.clone().autodiff();
    let pair = ClipPair::new(&SIZES, &autodiff).with_fusion(Fusion::Temporal, &SIZES, &autodiff);
    let pair = weights::read(pair, &SIZES, &folder()).unwrap();
    let encoder = ParallelEncoder::new(2, 2, &device, &SIZES).unwrap();
    let settings = Settings {
        epochs: 1,
        learning_rate: 1e-3,
        warmup_epochs: 0.0,
        optimiser: Optimiser::AdamW,
        weight_decay: 0.0,
        objective: Objective::Albar(weights_of),
        posture: 0.0,
    };
    let trainer = Trainer::new(pair.clone(), settings, SIZES, &encoder, &device);
    let (loss, gradients) = trainer.loss_and_gradients(&Fixture::open().batch());
    let mut named = Named { path: Vec::new(), gradients: &gradients, found: BTreeMap::new() };
    pair.visit(&mut named);
    (loss, named.found)
}

/// The largest difference as a fraction of the largest expected element.
fn difference(expected: &[f32], got: &[f32]) -> f32 {
    assert_eq!(expected.len(), got.len());
    let scale = expected.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    expected.iter().zip(got).fold(0.0f32, |most, (e, g)| most.max((e - g).abs())) / scale
}

/// Our names of the parameters that the fixture has gradients for, and PyTorch's.
const PARAMETERS: [(&str, &str); 7] = [
    ("vision_model.embeddings.patch_embedding.weight", "vision_model.embeddings.patch_embedding.weight"),
    ("vision_model.encoder.layers.0.mlp.fc1.weight", "vision_model.encoder.layers.0.mlp.fc1.weight"),
    ("vision_model.encoder.layers.0.self_attn.q_proj.weight", "vision_model.encoder.layers.0.self_attn.q_proj.weight"),
    ("visual_projection.weight", "visual_projection.weight"),
    ("text_projection.weight", "text_projection.weight"),
    ("fusion.frame_position_embeddings.weight", "fusion.frame_position_embeddings.weight"),
    ("fusion.transformer.layers.5.mlp.fc1.weight", "fusion.transformer.resblocks.5.mlp.c_fc.weight"),
];

#[test]
fn loss_and_gradients_are_those_of_double_backward() {
    let fixture = Fixture::open();
    let term = |name: &str| fixture.floats(&format!("term.{name}"))[0];
    let smooth = Albar { penalty: 0.0, ..Albar::HMDB51 };
    let (loss, without) = loss_and_gradients(smooth);
    let expected = term("clip") - term("still") + 4.25 * term("entropy");
    assert!((loss - expected).abs() < 1e-4 * expected.abs(), "{loss} {expected}");

    let (whole, with) = loss_and_gradients(Albar::HMDB51);
    let penalty = (whole - loss) / 10.0;
    assert!((penalty - term("penalty")).abs() < 2e-3 * term("penalty"), "{penalty} {}", term("penalty"));

    for (ours, theirs) in PARAMETERS {
        let expected = fixture.floats(&format!("smooth.{theirs}"));
        let apart = difference(&expected, &without[ours]);
        println!("{ours}: smooth {apart:.1e}");
        assert!(apart < 1e-4, "{ours}: {apart}");
        let expected = fixture.floats(&format!("penalty.{theirs}"));
        let got: Vec<f32> =
            with[ours].iter().zip(&without[ours]).map(|(with, without)| (with - without) / 10.0).collect();
        let apart = difference(&expected, &got);
        println!("{ours}: penalty {apart:.1e}");
        assert!(apart < PENALTY, "{ours}: {apart}");
    }
}

#[test]
fn what_the_difference_quotient_leaves_falls_with_the_square_of_its_step() {
    let fixture = Fixture::open();
    let (ours, theirs) = PARAMETERS[0];
    let expected = fixture.floats(&format!("penalty.{theirs}"));
    let (_, without) = loss_and_gradients(Albar { penalty: 0.0, ..Albar::HMDB51 });
    let apart = |step: f32| {
        let (_, with) = loss_and_gradients(Albar { step, ..Albar::HMDB51 });
        let got: Vec<f32> =
            with[ours].iter().zip(&without[ours]).map(|(with, without)| (with - without) / 10.0).collect();
        difference(&expected, &got)
    };
    let (long, short) = (apart(0.4), apart(0.2));
    println!("step 0.4: {long:.1e}, step 0.2: {short:.1e}");
    assert!((3.0..5.0).contains(&(long / short)), "{long} {short}");
}
