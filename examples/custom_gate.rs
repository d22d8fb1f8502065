//! Uses the gate alone, without models or files: `cargo run --example custom_gate`.
//!
//! This is the `no_std` part of the crate, for devices without an operating system. Three views of two clips are scored
//! against a label bank, every gate score is printed, and a stricter rule is added on top.

use figureground::Result;
use figureground::gate::{Evidence, Gate, GateSettings, RiskSettings, ScoreKind, Verdict, Visibility};
use figureground::zeroshot::{Embedding, LabelBank, LogProbs, TemplateFusion, TextEmbeds};

/// Text embeddings of three actions, in three dimensions to be readable.
const TEXTS: [[f32; 3]; 3] = [[1.0, 0.1, 0.0], [0.1, 1.0, 0.1], [0.0, 0.1, 1.0]];

fn main() -> Result<()> {
    let names = ["dancing", "playing basketball", "walking"].map(str::to_owned).to_vec();
    let embeds = TextEmbeds { values: TEXTS.as_flattened(), templates: 1, dim: 3 };
    let bank = LabelBank::new(names, embeds, 10f32.ln(), TemplateFusion::MeanEmbedding)?;

    // Clip embeddings of the whole frame, the person and the background.
    judge(&bank, "a match on the court", [[0.2, 1.0, 0.1], [0.3, 0.9, 0.1], [0.2, 0.8, 0.3]])?;
    judge(&bank, "a dance on the court", [[0.6, 0.8, 0.1], [1.0, 0.2, 0.1], [0.1, 1.0, 0.1]])
}

fn judge(bank: &LabelBank, clip: &str, views: [[f32; 3]; 3]) -> Result<()> {
    let mut log_probs = [0; 3].map(|_| LogProbs::new(bank.names().len()));
    for (mut view, log_probs) in views.into_iter().zip(&mut log_probs) {
        bank.score(&Embedding::new(&mut view)?, log_probs)?;
    }
    let mut settings = GateSettings { threshold: 0.2, ..GateSettings::default() };
    // The second test: is the label wrong?
    settings.risk = Some(RiskSettings::new(ScoreKind::Disagreement, 0.3));
    let visibility = Visibility::of_areas(0.2, 0.6, &settings);
    let evidence = Evidence::new(log_probs.each_ref().map(LogProbs::values), visibility)?;

    let judgement = Gate::new(settings)?.judge(&evidence);
    let (verdict, views) = (judgement.verdict, judgement.explained_by.name());
    println!("{clip}: {}, {}, explained by {views}", bank.names()[judgement.label], verdict.name());
    for (kind, score) in ScoreKind::ALL.into_iter().filter_map(|kind| Some((kind, judgement.scores.get(kind)?))) {
        println!("  {:<16} {score:+.2}", kind.name());
    }
    // The stricter rule: act only if the person alone clearly supports the same label.
    let act = judgement.verdict == Verdict::Accept && judgement.explained_by.is_person() && judgement.p[1] > 0.5;
    println!("  {}", if act { "acted upon" } else { "left to a person" });
    Ok(())
}
