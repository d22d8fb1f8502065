//! Fits a gate to the records of a model: the temperature, then tau of dominance, then the threshold of the risk score
//! with the largest coverage whose selective risk stays under a bound.
//!
//! The temperature minimises the cross-entropy of the true classes in the full view. tau is the smallest threshold from
//! 0 that flags at most [`FALSE_FLAGS`] of the right labels.
//!
//! The bound is that of Learn-then-Test (Angelopoulos, Bates, Candès, Jordan and Lei 2021, "Learn then Test:
//! Calibrating Predictive Algorithms to Achieve Risk Control") with fixed-sequence testing: thresholds are tested from
//! the safest one on, each by the exact binomial test of Clopper and Pearson on the clips that it accepts, until one
//! fails. One half of the clips fits temperature, tau and the sequence; the other half tests. The bound holds for clips
//! that are exchangeable with these, and for no others.

mod figures;
mod unlabelled;

pub use figures::Figures;
pub use unlabelled::{
    EmptyRoom, EmptyRoomLabel, Footage, FootageWindow, MIN_WINDOWS, UnlabelledFit, abstentions_text, check_share,
    fit_unlabelled, needed_windows,
};

use super::Record;
use super::metrics::{Classes, ScoredClip, score_records};
use super::record::ClipOutcome;
use crate::error::{Error, Result, Setting, Stage};
use crate::gate::{Calibration, CalibrationKind, FlagReason, GateSettings, RiskSettings, ScoreKind, Verdict};
use crate::timestamp::Timestamp;
use statrs::distribution::{Binomial, DiscreteCDF};
use std::collections::BTreeMap;

/// Share of the right labels that tau may flag.
pub const FALSE_FLAGS: f64 = 0.05;

/// Temperatures among which the fit chooses, and the number of steps between them.
const TEMPERATURES: [f64; 2] = [1.0 / 16.0, 16.0];
const TEMPERATURE_STEPS: u32 = 160;

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
    fn validate(self) -> Result<()> {
        let is_in_range = |fraction: f64| fraction > 0.0 && fraction < 1.0;
        if is_in_range(self.risk) && is_in_range(self.delta) {
            return Ok(());
        }
        let got = format!("a risk of {} and a delta of {}", self.risk, self.delta);
        let error = refused("a risk and a delta between 0 and 1", got, "choose others; 0.1 and 0.1 are common");
        Err(error.about(Setting::Risk).about(Setting::Delta))
    }
}

/// A fitted gate, with its coverage and risk on the half of the clips that chose its threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// Settings of the gate.
    pub settings: GateSettings,
    /// Clips of that half.
    pub clips: usize,
    /// Fraction of them that the gate accepts.
    pub coverage: f64,
    /// Fraction of wrong labels among the accepted.
    pub risk: f64,
}

/// Fits a gate to `records` over the classes `names`. The risk score is that of `settings`, or maximum softmax where
/// they have none. `source` names the records in the calibration.
///
/// # Errors
/// Returns an error if the bound is out of range, if there are too few clips, if the best temperature is at the edge of
/// its range, or if no threshold keeps the bound; it then names the smallest risk that a threshold keeps.
pub fn fit(
    records: &[&Record],
    names: &[String],
    settings: &GateSettings,
    bound: Bound,
    source: String,
) -> Result<Fitted> {
    bound.validate()?;
    let halves = halves(records);
    let temperature = fit_temperature(&scored(&halves[0], names))? as f32;
    let score = settings.risk.map_or(ScoreKind::MaxSoftmax, |risk| risk.score);
    // The gate then rejects for every reason but the risk.
    let risk = Some(RiskSettings { threshold: f32::MAX, ..RiskSettings::new(score, 0.0) });
    let mut settings = GateSettings { temperature, risk, calibration: None, ..settings.clone() };
    settings.threshold = tau(&halves[0], names, &settings)?;
    let [first, second] = [accepted(&halves[0], names, &settings)?, accepted(&halves[1], names, &settings)?];
    let sequence = sequence(&first.labels, bound);
    let Some(threshold) = threshold(&sequence, &second.labels, bound) else {
        return Err(unreachable(&first.labels, &second.labels, bound, score));
    };
    settings.risk = Some(RiskSettings::new(score, threshold));
    let Figures { flagged, mean_risk } = figures(records, names, &settings)?;
    settings.calibration = Some(Calibration {
        kind: CalibrationKind::Labels,
        temperature,
        threshold: settings.threshold,
        risk_threshold: Some(threshold),
        on_background: settings.on_background,
        bound: Some([bound.risk, bound.delta]),
        clips: (first.clips + second.clips) as u32,
        records: source,
        at: Timestamp::now().to_string(),
        flagged,
        mean_risk,
    });
    settings.validate()?;
    let accepted = || second.labels.iter().filter(|label| label.score <= threshold);
    let (count, wrong) = (accepted().count(), accepted().filter(|label| label.is_wrong).count());
    let coverage = count as f64 / second.clips.max(1) as f64;
    Ok(Fitted { settings, clips: second.clips, coverage, risk: wrong as f64 / count.max(1) as f64 })
}

/// Returns what a gate with `settings` does on all clips.
fn figures(records: &[&Record], names: &[String], settings: &GateSettings) -> Result<Figures> {
    let (clips, _) = score_records(records.iter().copied(), names, settings)?;
    let risk = |clip: &ScoredClip| settings.risk.and_then(|risk| clip.scores.get(risk.score));
    Ok(Figures::of(clips.iter().map(|clip| (clip.verdict, risk(clip)))))
}

/// Splits the records of each class into two halves by name: neighbours, which may be cuts of one video, stay together.
fn halves<'a>(records: &[&'a Record]) -> [Vec<&'a Record>; 2] {
    let mut classes: BTreeMap<&str, Vec<&'a Record>> = BTreeMap::new();
    records.iter().for_each(|record| classes.entry(&record.truth).or_default().push(record));
    let mut halves = [Vec::new(), Vec::new()];
    for (index, mut class) in classes.into_values().enumerate() {
        class.sort_by(|a, b| a.clip.cmp(&b.clip));
        // Of an odd number, the first and the second half get one more in turn.
        let (first, second) = class.split_at((class.len() + index % 2) / 2);
        halves[0].extend(first);
        halves[1].extend(second);
    }
    halves
}

/// The clips of one half.
struct Half {
    /// Number of scored clips.
    clips: usize,
    /// Labels that a gate without threshold accepts.
    labels: Vec<AcceptedLabel>,
}

/// The gate score of an accepted label, and whether the label is wrong.
#[derive(Clone, Copy, Debug)]
struct AcceptedLabel {
    score: f32,
    is_wrong: bool,
}

fn accepted(records: &[&Record], names: &[String], settings: &GateSettings) -> Result<Half> {
    let (clips, _) = score_records(records.iter().copied(), names, settings)?;
    let accepted = clips.iter().filter(|clip| matches!(clip.verdict, Verdict::Accept));
    let score = settings.risk.map_or(ScoreKind::MaxSoftmax, |risk| risk.score);
    let label = |clip: &ScoredClip| Some(AcceptedLabel { score: clip.scores.get(score)?, is_wrong: !clip.is_right() });
    Ok(Half { clips: clips.len(), labels: accepted.filter_map(label).collect() })
}

/// Returns thresholds, quantiles of the scores of the first half, from the one with the smallest p-value to the largest
/// one.
fn sequence(first: &[AcceptedLabel], bound: Bound) -> Vec<f32> {
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
fn threshold(sequence: &[f32], labels: &[AcceptedLabel], bound: Bound) -> Option<f32> {
    sequence.iter().copied().take_while(|&tau| p_value(labels, tau, bound.risk) <= bound.delta).last()
}

/// Returns the probability that at most this many accepted labels are wrong if the risk were just above the bound.
fn p_value(labels: &[AcceptedLabel], tau: f32, risk: f64) -> f64 {
    let accepted = || labels.iter().filter(|label| label.score <= tau);
    let (count, wrong) = (accepted().count() as u64, accepted().filter(|label| label.is_wrong).count() as u64);
    Binomial::new(risk, count).map_or(1.0, |binomial| if count == 0 { 1.0 } else { binomial.cdf(wrong) })
}

/// Returns the error of a bound that no threshold keeps, with the smallest risk that one keeps.
fn unreachable(first: &[AcceptedLabel], second: &[AcceptedLabel], bound: Bound, kind: ScoreKind) -> Error {
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

/// Returns tau of dominance: the smallest from 0 on at which at most [`FALSE_FLAGS`] of the right labels are flagged.
fn tau(records: &[&Record], names: &[String], settings: &GateSettings) -> Result<f32> {
    // Then the gate flags whatever the background ranks first.
    let settings = GateSettings { threshold: -2.0, ..settings.clone() };
    let (clips, _) = score_records(records.iter().copied(), names, &settings)?;
    let judged = || clips.iter().filter(|clip| clip.is_right() && !matches!(clip.verdict, Verdict::Abstain(_)));
    let is_candidate = |clip: &&ScoredClip| clip.verdict == Verdict::Flag(FlagReason::BackgroundDominates);
    let candidates = judged().filter(is_candidate).map(|clip| clip.scores.dominance).collect();
    Ok(smallest_threshold(candidates, judged().count()))
}

/// Returns the smallest threshold from 0 on that at most [`FALSE_FLAGS`] of `labels` right labels exceed; `dominances`
/// are those of the right labels that the background ranks first.
pub fn smallest_threshold(mut dominances: Vec<f32>, labels: usize) -> f32 {
    dominances.sort_by(|a, b| b.total_cmp(a));
    let allowed = (FALSE_FLAGS * labels as f64).floor() as usize;
    dominances.get(allowed).map_or(0.0, |tau| tau.max(0.0))
}

/// Returns the full view's logits and the index of the true class of each scored clip.
fn scored(records: &[&Record], names: &[String]) -> Vec<(Vec<f32>, usize)> {
    let classes = Classes::new(names);
    let logits_and_truth = |record: &&Record| match (&record.outcome, classes.index(&record.truth)) {
        (ClipOutcome::Scored { logits, .. }, Some(truth)) => Some((logits.full.clone(), truth)),
        _ => None,
    };
    records.iter().filter_map(logits_and_truth).collect()
}

/// Returns the temperature with the smallest cross-entropy of `clips`, each with its logits and true class.
///
/// # Errors
/// Returns an error if there is no clip, or the best temperature is at the edge of the range from 1/16 to 16.
pub fn fit_temperature(clips: &[(Vec<f32>, usize)]) -> Result<f64> {
    if clips.is_empty() {
        return Err(refused("scored clips to fit a gate to", "none", "run validate first"));
    }
    let [low, high] = TEMPERATURES;
    let temperature = |step: u32| low * (high / low).powf(f64::from(step) / f64::from(TEMPERATURE_STEPS));
    let log_likelihood =
        |step: u32| -> f64 { clips.iter().map(|(logits, truth)| log_p(logits, *truth, temperature(step))).sum() };
    let likelihoods: Vec<f64> = (0..=TEMPERATURE_STEPS).map(log_likelihood).collect();
    let best = (0..=TEMPERATURE_STEPS).max_by(|a, b| likelihoods[*a as usize].total_cmp(&likelihoods[*b as usize]));
    match best {
        Some(step) if step > 0 && step < TEMPERATURE_STEPS => Ok(temperature(step)),
        _ => {
            let got = format!("a best fit at the edge, from {} clips", clips.len());
            let next = "use more clips, among them some whose label is wrong, and check that their classes are right";
            Err(refused(&format!("a temperature between {low} and {high}"), got, next))
        }
    }
}

fn log_p(logits: &[f32], class: usize, temperature: f64) -> f64 {
    let scaled = |value: &f32| f64::from(*value) / temperature;
    let most = logits.iter().map(scaled).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|value| (scaled(value) - most).exp()).sum();
    logits.get(class).map_or(f64::NEG_INFINITY, scaled) - most - sum.ln()
}

fn refused(expected: &str, got: impl core::fmt::Display, next: &str) -> Error {
    Error::new(Stage::Gate, expected, got, next)
}

#[cfg(test)]
mod tests {
    use super::super::metrics::bootstrap::SplitMix64;
    use super::*;

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
