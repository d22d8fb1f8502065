//! Selective classification: risk and coverage if only the most confident labels are accepted.
//!
//! Coverage is the fraction of accepted clips; selective risk is the fraction of wrong labels among them. Clips with
//! equal confidence count as if in random order.

use super::bootstrap::{Estimate, estimate};
use super::rank::Ranking;

/// Returns the risk at every coverage k/n of `clips`, each with its confidence and whether its label is wrong.
pub fn risks(clips: &[(f64, bool)]) -> Vec<f64> {
    wrong_accepted(clips).iter().enumerate().map(|(k, wrong)| wrong / (k + 1) as f64).collect()
}

/// Returns the expected number of wrong labels among the k most confident, for k from 1.
fn wrong_accepted(clips: &[(f64, bool)]) -> Vec<f64> {
    let mut sorted = clips.to_vec();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut counts = Vec::with_capacity(sorted.len());
    let mut before = 0.0;
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let wrong = tied.iter().filter(|(_, wrong)| *wrong).count() as f64;
        counts.extend((1..=tied.len()).map(|k| before + wrong * k as f64 / tied.len() as f64));
        before += wrong;
    }
    counts
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Returns the area under the risk-coverage curve: the mean risk over all coverages (Geifman, Uziel and El-Yaniv 2019).
pub fn aurc(clips: &[(f64, bool)]) -> f64 {
    mean(&risks(clips))
}

/// Returns the excess AURC: [`aurc`] minus that of the best order, wrong labels last (Geifman, Uziel and El-Yaniv
/// 2019).
pub fn e_aurc(clips: &[(f64, bool)]) -> f64 {
    let best: Vec<(f64, bool)> = clips.iter().map(|&(_, wrong)| (f64::from(u8::from(!wrong)), wrong)).collect();
    aurc(clips) - aurc(&best)
}

/// Returns the area under the generalised risk-coverage curve: the mean over all coverages of the fraction of clips
/// that are accepted and wrong (Traub and others 2024).
pub fn augrc(clips: &[(f64, bool)]) -> f64 {
    mean(&wrong_accepted(clips)) / clips.len() as f64
}

/// Returns the number of accepted clips of `clips` at `coverage`, rounded up; at least one of some.
pub fn accepted(clips: usize, coverage: f64) -> usize {
    ((clips as f64 * coverage).ceil() as usize).clamp(1, clips.max(1)).min(clips)
}

/// Returns the risk at `coverage`, with the number of accepted clips rounded up.
pub fn risk_at(clips: &[(f64, bool)], coverage: f64) -> f64 {
    let last = accepted(clips.len(), coverage).checked_sub(1);
    last.and_then(|last| risks(clips).get(last).copied()).unwrap_or(f64::NAN)
}

/// Returns [`auroc`] with its bootstrap interval.
pub fn auroc_estimate(values: &[(f64, bool)]) -> Estimate {
    estimate(values, |values| auroc(&values.iter().map(|value| **value).collect::<Vec<_>>()))
}

/// Returns the probability that a `true` has a larger value than a `false`, with ties counted half; NaN without either.
pub fn auroc(values: &[(f64, bool)]) -> f64 {
    let (scores, positive): (Vec<f64>, Vec<bool>) = values.iter().copied().unzip();
    Ranking::of(&scores).auroc(&positive, &vec![1.0; values.len()])
}
