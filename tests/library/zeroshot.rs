//! Embeddings and label banks follow their formulas, and refuse values without a direction.

use figureground::Result;
use figureground::zeroshot::{Embedding, LabelBank, LogProbs, TemplateFusion, TextEmbeds, mean_pool, top_k};

#[test]
fn embeddings_of_zeros_or_nan_are_refused_and_extreme_numbers_are_not() {
    assert!(Embedding::new(&mut []).is_err());
    assert!(Embedding::new(&mut [0.0, 0.0]).is_err());
    assert!(Embedding::new(&mut [1.0, f32::NAN]).is_err());
    assert!(Embedding::new(&mut [1.0, f32::NEG_INFINITY]).is_err());
    assert_eq!(Embedding::new(&mut [f32::MAX, 0.0]).unwrap().values(), [1.0, 0.0]);
    assert_eq!(Embedding::new(&mut [0.0, 1e-45]).unwrap().values(), [0.0, 1.0]);
}

#[test]
fn the_mean_needs_frames_of_equal_length() {
    let mut mean = [0.0; 2];
    mean_pool([[1.0, 4.0].as_slice(), &[3.0, 0.0]].into_iter(), &mut mean).unwrap();
    assert_eq!(mean, [2.0, 2.0]);
    mean_pool([[f32::MAX; 2].as_slice(); 8].into_iter(), &mut mean).unwrap();
    assert!(mean.iter().all(|value| value.is_finite()));
    assert!(mean_pool([[1.0].as_slice()].into_iter(), &mut mean).is_err());
    assert!(mean_pool(std::iter::empty(), &mut mean).is_err());
}

fn bank(names: &[&str], values: &[f32], templates: usize, fusion: TemplateFusion) -> Result<LabelBank> {
    let dim = values.len() / names.len().max(1) / templates;
    let names = names.iter().map(|&name| name.into()).collect();
    LabelBank::new(names, TextEmbeds { values, templates, dim }, 1.0, fusion)
}

fn scored(bank: &LabelBank, clip: &mut [f32]) -> Vec<f32> {
    let mut log_probs = LogProbs::new(bank.names().len());
    bank.score(&Embedding::new(clip).unwrap(), &mut log_probs).unwrap();
    log_probs.values().to_vec()
}

#[test]
fn classes_are_sorted_with_their_embeddings() {
    let bank = bank(&["wave", "bow"], &[2.0, 0.0, 0.0, 3.0], 1, TemplateFusion::MeanEmbedding).unwrap();
    assert_eq!(bank.names(), ["bow", "wave"]);
    let log_probs = scored(&bank, &mut [0.0, 9.0]);
    assert_eq!(top_k::<1>(&log_probs)[0].class, 0);
}

#[test]
fn both_template_fusions_follow_their_formulas() {
    let values = [1.0, 0.0, 0.0, 2.0, 0.6, 0.8, 5.0, 0.0];
    let e = std::f64::consts::E;
    let softmax = |a: f64, b: f64| (e * a).exp() / ((e * a).exp() + (e * b).exp());

    let averaged = bank(&["a", "b"], &values, 2, TemplateFusion::MeanSoftmax).unwrap();
    let expected = (softmax(1.0, 0.6) + softmax(0.0, 1.0)) / 2.0;
    assert!((f64::from(scored(&averaged, &mut [7.0, 0.0])[0]).exp() - expected).abs() < 1e-6);

    let fused = bank(&["a", "b"], &values, 2, TemplateFusion::MeanEmbedding).unwrap();
    let expected = softmax(0.5f64.sqrt(), 1.6 / 1.6f64.hypot(0.8));
    assert!((f64::from(scored(&fused, &mut [7.0, 0.0])[0]).exp() - expected).abs() < 1e-6);
}

#[test]
fn invalid_banks_are_refused() {
    use TemplateFusion::{MeanEmbedding, MeanSoftmax};
    assert!(bank(&[], &[], 1, MeanEmbedding).is_err());
    assert!(bank(&["a", "a"], &[1.0, 1.0], 1, MeanEmbedding).is_err());
    assert!(bank(&["a", ""], &[1.0, 1.0], 1, MeanEmbedding).is_err());
    assert!(bank(&["a", "b"], &[1.0, f32::NAN], 1, MeanEmbedding).is_err());
    assert!(bank(&["a", "b"], &[1.0, 0.0], 1, MeanEmbedding).is_err());
    assert!(bank(&["a", "b"], &[1.0, 1.0, 1.0], 1, MeanEmbedding).is_err());
    assert!(bank(&["a"], &[1.0, 2.0, -1.0, -2.0], 2, MeanEmbedding).is_err(), "templates cancel out");
    assert!(bank(&["a"], &[1.0, 2.0, -1.0, -2.0], 2, MeanSoftmax).is_ok());
    let embeds = TextEmbeds { values: &[1.0], templates: 1, dim: 1 };
    for logit_scale in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 89.0, -200.0] {
        assert!(LabelBank::new(vec!["a".into()], embeds, logit_scale, MeanEmbedding).is_err());
    }
}

#[test]
fn a_long_name_is_shortened_in_the_message() {
    let name = "ä".repeat(5_000);
    let message = bank(&[&name, &name], &[1.0, 1.0], 1, TemplateFusion::MeanEmbedding).unwrap_err().to_string();
    assert!(message.len() < 300, "{message}");
}

#[test]
fn a_clip_of_another_dimension_is_refused() {
    let bank = bank(&["a", "b"], &[1.0, 0.0, 0.0, 1.0], 1, TemplateFusion::MeanEmbedding).unwrap();
    let mut log_probs = LogProbs::new(bank.names().len());
    assert!(bank.score(&Embedding::new(&mut [1.0]).unwrap(), &mut log_probs).is_err());
}
