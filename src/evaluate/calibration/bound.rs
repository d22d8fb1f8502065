//! The bound on the risk of the labels that a gate accepts.
//!
//! It is that of Learn-then-Test (Angelopoulos, Bates, Candès, Jordan and Lei 2021, "Learn then Test: Calibrating
//! Predictive Algorithms to Achieve Risk Control") with fixed-sequence testing: thresholds are tested from the safest
//! one on, each by the exact binomial test of Clopper and Pearson on the clips that it accepts, until one fails. The
//! bound holds for clips that are exchangeable with these, and for no others.

use super::refused;
use crate::error::{Error, Result, Setting};
use crate::gate::ScoreKind;
use statrs::distribution::{Binomial, DiscreteCDF};

/// Thresholds in a sequence.
const STEPS: usize = 100;

/// Bound on a gate: with probability 1 - `delta`, at most a fraction `risk` of the labels that it accepts is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// Selective risk, in 0..1.
    pub risk: f64,
    /// Probability that the risk is exceeded, in 0..1.
    pub delta: f64,
}

impl Bound {
    pub(super) fn validate(self) -> Result<()> {
        let is_in_range = |fraction: f64| fraction > 0.0 && fraction < 1.0;
        if is_in_range(self.risk) && is_in_range(self.delta) {
            return Ok(());
        }
        let got = format!("a risk of {} and a delta of {}", self.risk, self.delta);
        let error = refused("a risk and a delta between 0 and 1", got, "choose others; 0.1 and 0.1 are common");
        Err(error.about(Setting::Risk).about(Setting::Delta))
    }
}

/// The gate score of an accepted label, and whether the label is wrong.
#[derive(Clone, Copy, Debug)]
pub(super) struct AcceptedLabel {
    pub score: f32,
    pub is_wrong: bool,
}

/// Returns thresholds, quantiles of the scores of other clips, from the one with the smallest p-value to the largest
/// one.
pub(super) fn sequence(first: &[AcceptedLabel], bound: Bound) -> Vec<f32> {
    let mut scores: Vec<f32> = first.iter().map(|label| label.score).collect();
    scores.sort_by(f32::total_cmp);
    let last = scores.len().saturating_sub(1);
    let mut sequence: Vec<f32> = (1..=STEPS).filter_map(|step| scores.get(last * step / STEPS).copied()).collect();
    sequence.dedup();
    let p_values: Vec<f64> = sequence.iter().map(|&tau| p_value(first, tau, bound.risk)).collect();
    let start = (0..p_values.len()).min_by(|&a, &b| p_values[a].total_cmp(&p_values[b])).unwrap_or(0);
    sequence.split_off(start)
}

/// Returns the last threshold of `sequence` before the first one that fails the test on these clips.
pub(super) fn threshold(sequence: &[f32], labels: &[AcceptedLabel], bound: Bound) -> Option<f32> {
    sequence.iter().copied().take_while(|&tau| p_value(labels, tau, bound.risk) <= bound.delta).last()
}

/// Returns the probability that at most this many accepted labels are wrong if the risk were just above the bound.
fn p_value(labels: &[AcceptedLabel], tau: f32, risk: f64) -> f64 {
    let accepted = || labels.iter().filter(|label| label.score <= tau);
    let (count, wrong) = (accepted().count() as u64, accepted().filter(|label| label.is_wrong).count() as u64);
    Binomial::new(risk, count).map_or(1.0, |binomial| if count == 0 { 1.0 } else { binomial.cdf(wrong) })
}

/// Returns the error of a bound that no threshold keeps, with the smallest risk that one keeps.
pub(super) fn unreachable(first: &[AcceptedLabel], second: &[AcceptedLabel], bound: Bound, kind: ScoreKind) -> Error {
    let smallest = (1..1000).map(|step| f64::from(step) / 1000.0).filter(|&risk| risk > bound.risk).find(|&risk| {
        let bound = Bound { risk, ..bound };
        threshold(&sequence(first, bound), second, bound).is_some()
    });
    let (got, next) = match smallest {
        Some(risk) => {
            (format!("{risk:.3} as the smallest that one keeps"), "raise the risk or delta, or add more clips")
        }
        None => (format!("none that {} clips could show", second.len()), "add more clips"),
    };
    let expected = format!(
        "a threshold of {} with a risk of at most {} in {} of cases",
        kind.name(),
        bound.risk,
        1.0 - bound.delta
    );
    refused(&expected, got, next).about(Setting::Risk).about(Setting::Delta)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::bootstrap::SplitMix64;

    /// Draws a label with a score in 0..1, which is wrong with probability score squared.
    fn label(rng: &mut SplitMix64) -> AcceptedLabel {
        let unit = |rng: &mut SplitMix64| rng.below(1 << 30) as f64 / f64::from(1 << 30);
        let score = unit(rng);
        AcceptedLabel { score: score as f32, is_wrong: unit(rng) < score * score }
    }

    #[test]
    fn the_risk_exceeds_the_bound_in_at_most_a_fraction_delta_of_draws() {
        let mut rng = SplitMix64(1);
        for bound in [Bound { risk: 0.1, delta: 0.1 }, Bound { risk: 0.2, delta: 0.05 }] {
            let (mut exceeded, mut coverage, mut found) = (0, 0.0, 0);
            for _ in 0..1000 {
                let [first, second] = [0; 2].map(|_| (0..300).map(|_| label(&mut rng)).collect::<Vec<_>>());
                let Some(tau) = threshold(&sequence(&first, bound), &second, bound) else { continue };
                // A fraction tau^2 / 3 of the scores up to tau is wrong.
                let risk = f64::from(tau).powi(2) / 3.0;
                exceeded += u32::from(risk > bound.risk);
                coverage += f64::from(tau);
                found += 1;
            }
            // Three standard deviations above delta.
            let most = 1000.0 * bound.delta + 3.0 * (1000.0 * bound.delta * (1.0 - bound.delta)).sqrt();
            assert!(f64::from(exceeded) <= most, "{exceeded} of 1000 for {bound:?}");
            // The coverage with infinitely many clips; 300 clips reach most of it.
            let most = (3.0 * bound.risk).sqrt();
            assert!(found > 850 && coverage / f64::from(found) > 0.75 * most, "{coverage} {found} {most}");
        }
    }

    #[test]
    fn an_unreachable_bound_is_an_error_with_the_smallest_reachable_risk() {
        let mut rng = SplitMix64(2);
        let half: Vec<AcceptedLabel> =
            (0..300).map(|_| AcceptedLabel { score: label(&mut rng).score, is_wrong: rng.below(2) == 0 }).collect();
        let bound = Bound { risk: 0.1, delta: 0.1 };
        assert_eq!(threshold(&sequence(&half, bound), &half, bound), None);
        let error = unreachable(&half, &half, bound, ScoreKind::MaxSoftmax).to_string();
        let smallest: f64 = error.split("got ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!((0.4..0.6).contains(&smallest), "{error}");
        assert!(unreachable(&[], &[], bound, ScoreKind::Tie).to_string().contains("more clips"));
    }

    #[test]
    fn p_values_equal_those_of_the_exact_binomial_test() {
        let labels: Vec<AcceptedLabel> = (0..10).map(|i| AcceptedLabel { score: i as f32, is_wrong: i == 9 }).collect();
        // None of nine, one of ten; Bin(10, 0.3): 0.7^10 + 10 * 0.3 * 0.7^9.
        assert!((p_value(&labels, 8.0, 0.3) - 0.7f64.powi(9)).abs() < 1e-12);
        assert!((p_value(&labels, 9.0, 0.3) - (0.7f64.powi(10) + 3.0 * 0.7f64.powi(9))).abs() < 1e-12);
        assert_eq!(p_value(&labels, -1.0, 0.3), 1.0);
    }
}
