//! ALBAR's loss and its gradients against PyTorch, whose penalty goes through a double backward.

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use figureground_train::batch_sampler::ClipBatch;
use figureground_train::objective::{Albar, Objective};
use figureground_train::pair::{ClipPair, FusionKind, JointTargets, PairSizes, Tower, values, weights};
use figureground_train::parallel_encoder::ParallelEncoder;
use figureground_train::patchify::patchify;
use figureground_train::trainer::PairTrainer;
use figureground_train::training_settings::{Optimiser, TrainingSettings};
use safetensors::SafeTensors;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Largest error of the penalty's gradient by f32 and the difference quotient, relative to its largest element.
const PENALTY_TOLERANCE: f32 = 1e-3;

const SIZES: PairSizes = PairSizes {
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

    fn batch(&self) -> ClipBatch {
        let mut patches = Vec::new();
        for picture in self.floats("pixels").chunks_exact(3 * 16 * 16) {
            let mut picture_patches = vec![0.0; picture.len()];
            patchify(picture, &SIZES, &mut picture_patches);
            patches.extend(picture_patches);
        }
        ClipBatch {
            patches,
            joint_targets: JointTargets::default(),
            clips: 3,
            texts: self.integers("texts").chunks_exact(8).map(<[i64]>::to_vec).collect(),
            labels: self.integers("labels").iter().map(|label| *label as usize).collect(),
        }
    }
}

/// Collects gradients with PyTorch's names and shapes.
struct GradientCollector<'a> {
    path: Vec<String>,
    gradients: &'a GradientsParams,
    found: BTreeMap<String, Vec<f32>>,
}

impl ModuleVisitor for GradientCollector<'_> {
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

fn loss_and_gradients(albar: Albar) -> (f32, BTreeMap<String, Vec<f32>>) {
    let device = Device::flex();
    let autodiff = device.clone().autodiff();
    let pair = ClipPair::new(&SIZES, &autodiff).with_fusion(FusionKind::Temporal, &SIZES, &autodiff);
    let pair = weights::read(pair, &SIZES, &folder()).unwrap();
    let encoder = ParallelEncoder::new(2, 2, &device, &SIZES).unwrap();
    let settings = TrainingSettings {
        epochs: 1,
        learning_rate: 1e-3,
        warmup_epochs: 0.0,
        optimiser: Optimiser::AdamW,
        weight_decay: 0.0,
        objective: Objective::Albar(albar),
        posture: 0.0,
    };
    let trainer = PairTrainer::new(pair.clone(), settings, SIZES, &encoder, &device);
    let (loss, gradients) = trainer.loss_and_gradients(&Fixture::open().batch());
    let mut collector = GradientCollector { path: Vec::new(), gradients: &gradients, found: BTreeMap::new() };
    pair.visit(&mut collector);
    (loss, collector.found)
}

/// Returns the largest difference relative to the largest expected element.
fn relative_difference(expected: &[f32], got: &[f32]) -> f32 {
    assert_eq!(expected.len(), got.len());
    let scale = expected.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    expected.iter().zip(got).fold(0.0f32, |most, (e, g)| most.max((e - g).abs())) / scale
}

/// Names of the parameters with gradients in the fixture, in burn and in PyTorch.
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
fn loss_and_gradients_equal_those_of_a_double_backward_pass() {
    let fixture = Fixture::open();
    let term = |name: &str| fixture.floats(&format!("term.{name}"))[0];
    let smooth = Albar { penalty: 0.0, ..Albar::HMDB51 };
    let (loss, without) = loss_and_gradients(smooth);
    let expected = term("clip") - term("still") + 4.25 * term("entropy");
    assert!((loss - expected).abs() < 1e-4 * expected.abs(), "{loss} {expected}");

    let (total, with) = loss_and_gradients(Albar::HMDB51);
    let penalty = (total - loss) / 10.0;
    assert!((penalty - term("penalty")).abs() < 2e-3 * term("penalty"), "{penalty} {}", term("penalty"));

    for (burn_name, torch_name) in PARAMETERS {
        let expected = fixture.floats(&format!("smooth.{torch_name}"));
        let error = relative_difference(&expected, &without[burn_name]);
        println!("{burn_name}: smooth {error:.1e}");
        assert!(error < 1e-4, "{burn_name}: {error}");
        let expected = fixture.floats(&format!("penalty.{torch_name}"));
        let got: Vec<f32> =
            with[burn_name].iter().zip(&without[burn_name]).map(|(with, without)| (with - without) / 10.0).collect();
        let error = relative_difference(&expected, &got);
        println!("{burn_name}: penalty {error:.1e}");
        assert!(error < PENALTY_TOLERANCE, "{burn_name}: {error}");
    }
}

#[test]
fn the_error_of_the_difference_quotient_falls_with_the_square_of_its_step() {
    let fixture = Fixture::open();
    let (burn_name, torch_name) = PARAMETERS[0];
    let expected = fixture.floats(&format!("penalty.{torch_name}"));
    let (_, without) = loss_and_gradients(Albar { penalty: 0.0, ..Albar::HMDB51 });
    let error = |step: f32| {
        let (_, with) = loss_and_gradients(Albar { step, ..Albar::HMDB51 });
        let got: Vec<f32> =
            with[burn_name].iter().zip(&without[burn_name]).map(|(with, without)| (with - without) / 10.0).collect();
        relative_difference(&expected, &got)
    };
    let (long, short) = (error(0.4), error(0.2));
    println!("step 0.4: {long:.1e}, step 0.2: {short:.1e}");
    assert!((3.0..5.0).contains(&(long / short)), "{long} {short}");
}
