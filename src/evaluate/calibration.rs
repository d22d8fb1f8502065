//! A gate fitted to its model by records: temperature and offset per view, then the threshold that accepts most while the share
//! of wrong labels among the accepted stays under a bound.
//!
//! The bound is that of Learn-then-Test (Angelopoulos, Bates, Candès, Jordan and Lei 2021, "Learn then Test: Calibrating
//! Predictive Algorithms to Achieve Risk Control") with fixed-sequence testing: thresholds are tried from the surest one on, each by the
//! exact binomial test of Clopper and Pearson on the clips that it accepts, until one fails. Views and the sequence are fitted on
//! one half of the clips and tried on the other. It holds for clips that are exchangeable with these, and for no others.

use super::Record;
use super::metrics::{Classes, clips};
use super::record::ClipOutcome;
use crate::error::{Error, Result, Stage};
use crate::gate::{Calibration, GateSettings, ScoreKind, Verdict};
use crate::view::View;
use statrs::distribution::{Binomial, DiscreteCDF};
use std::collections::BTreeMap;

/// Thresholds that are tried.
const STEPS: usize = 100;

/// What is asked of a gate: with probability 1 - `delta`, at most a share `risk` of what it accepts is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// Selective risk, between 0 and 1.
    pub risk: f64,
    /// Probability that it is exceeded, between 0 and 1.
    pub delta: f64,
}

/// A fitted gate, and what it does on the clips that its threshold was chosen by.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    /// The gate.
    pub settings: GateSettings,
    /// Clips of the half that the threshold was chosen by.
    pub clips: usize,
    /// The share of them that it accepts.
    pub coverage: f64,
    /// The share of wrong labels among these.
    pub risk: f64,
}

/// Fits the gate of these `settings`, whose score stays as it is, to `records` over the classes of these `names`.
///
/// # Errors
/// When the bound is none, there are too few clips, or no threshold keeps it: then the smallest risk that one keeps is told.
pub fn fit(records: &[&Record], names: &[String], settings: &GateSettings, bound: Bound) -> Result<Fitted> {
    let within = |share: f64| share > 0.0 && share < 1.0;
    if !within(bound.risk) || !within(bound.delta) {
        let got = format!("--risk {} --delta {}", bound.risk, bound.delta);
        return Err(refused("a risk and a delta between 0 and 1", got, "risk 0.1 and delta 0.1 are common"));
    }
    let halves = halves(records);
    let mut settings = GateSettings { calibration: Some(views(&halves[0], names)?), ..settings.clone() };
    let kind = settings.score;
    // The other reasons not to accept stay; the score alone is to be tried.
    *settings.threshold.get_mut(kind) = f32::MAX;
    let [first, second] = [accepted(&halves[0], names, &settings)?, accepted(&halves[1], names, &settings)?];
    let sequence = sequence(&first.1, bound);
    let Some(tau) = threshold(&sequence, &second.1, bound) else {
        return Err(unreachable(&first.1, &second.1, bound, kind));
    };
    *settings.threshold.get_mut(kind) = tau;
    settings.validate()?;
    let kept = || second.1.iter().filter(|(score, _)| *score <= tau);
    let (count, wrong) = (kept().count(), kept().filter(|(_, wrong)| *wrong).count());
    let coverage = count as f64 / second.0.max(1) as f64;
    Ok(Fitted { settings, clips: second.0, coverage, risk: wrong as f64 / count.max(1) as f64 })
}

/// Two halves of each class. Neighbours by name, which may be cuts of one video, stay together.
fn halves<'a>(records: &[&'a Record]) -> [Vec<&'a Record>; 2] {
    let mut classes: BTreeMap<&str, Vec<&'a Record>> = BTreeMap::new();
    records.iter().for_each(|record| classes.entry(&record.truth).or_default().push(record));
    let mut halves = [Vec::new(), Vec::new()];
    for (index, mut class) in classes.into_values().enumerate() {
        class.sort_by(|a, b| a.clip.cmp(&b.clip));
        // Of an odd number, the half that gets one more takes turns.
        let (first, second) = class.split_at((class.len() + index % 2) / 2);
        halves[0].extend(first);
        halves[1].extend(second);
    }
    halves
}

/// How many clips were scored, and the score of each whose label a gate with a boundless threshold accepts, with whether that
/// label is wrong.
fn accepted(records: &[&Record], names: &[String], settings: &GateSettings) -> Result<(usize, Vec<(f32, bool)>)> {
    let (clips, _) = clips(records.iter().copied(), names, settings)?;
    let accepted = clips.iter().filter(|clip| matches!(clip.verdict, Verdict::Accept));
    let scores = accepted.map(|clip| (clip.scores.get(settings.score), !clip.is_right())).collect();
    Ok((clips.len(), scores))
}

/// Thresholds from the one that keeps the bound most surely on the first half to the loosest: quantiles of its scores.
fn sequence(first: &[(f32, bool)], bound: Bound) -> Vec<f32> {
    let mut scores: Vec<f32> = first.iter().map(|(score, _)| *score).collect();
    scores.sort_by(f32::total_cmp);
    let last = scores.len().saturating_sub(1);
    let mut sequence: Vec<f32> = (1..=STEPS).filter_map(|step| scores.get(last * step / STEPS).copied()).collect();
    sequence.dedup();
    let sure: Vec<f64> = sequence.iter().map(|&tau| p_value(first, tau, bound.risk)).collect();
    let start = (0..sure.len()).min_by(|&a, &b| sure[a].total_cmp(&sure[b])).unwrap_or(0);
    sequence.split_off(start)
}

/// The last of `sequence` up to which every one keeps the bound on these clips.
fn threshold(sequence: &[f32], clips: &[(f32, bool)], bound: Bound) -> Option<f32> {
    sequence.iter().copied().take_while(|&tau| p_value(clips, tau, bound.risk) <= bound.delta).last()
}

/// The probability that so few of the accepted are wrong, or fewer, were the risk just above the bound.
fn p_value(clips: &[(f32, bool)], tau: f32, risk: f64) -> f64 {
    let accepted = || clips.iter().filter(|(score, _)| *score <= tau);
    let (count, wrong) = (accepted().count() as u64, accepted().filter(|(_, wrong)| *wrong).count() as u64);
    Binomial::new(risk, count).map_or(1.0, |binomial| if count == 0 { 1.0 } else { binomial.cdf(wrong) })
}

/// Says what could be kept.
fn unreachable(first: &[(f32, bool)], second: &[(f32, bool)], bound: Bound, kind: ScoreKind) -> Error {
    let reached = (1..1000).map(|step| f64::from(step) / 1000.0).filter(|&risk| risk > bound.risk).find(|&risk| {
        let bound = Bound { risk, ..bound };
        threshold(&sequence(first, bound), second, bound).is_some()
    });
    let (got, next) = match reached {
        Some(risk) => {
            (format!("{risk:.3} as the smallest that one keeps"), "raise --risk or --delta, or bring more clips")
        }
        None => (format!("none that {} clips could show", second.len()), "bring more clips"),
    };
    let expected = format!(
        "a threshold of {} with a risk of at most {} in {} of cases",
        kind.name(),
        bound.risk,
        1.0 - bound.delta
    );
    refused(&expected, got, next)
}

/// Temperature and offset per view: the temperature with the smallest cross-entropy of the true classes, and the offset that
/// makes up for how much less a view tells of these than the whole picture does.
fn views(records: &[&Record], names: &[String]) -> Result<Calibration> {
    let classes = Classes::new(names);
    let of = |record: &&Record| match (&record.outcome, classes.index(&record.truth)) {
        (ClipOutcome::Scored { log_probs, .. }, Some(truth)) => Some((log_probs.clone(), truth)),
        _ => None,
    };
    let scored: Vec<([Vec<f32>; 3], usize)> = records.iter().filter_map(of).collect();
    if scored.is_empty() {
        return Err(refused("scored clips to fit a gate to", "none", "run validate first"));
    }
    let mean = |view: usize, temperature: f64| {
        scored.iter().map(|(log_probs, truth)| log_p(&log_probs[view], *truth, temperature)).sum::<f64>()
            / scored.len() as f64
    };
    let fitted = View::ALL.map(|view| {
        let temperatures = (0..=120).map(|step| 0.25 * 64f64.powf(f64::from(step) / 120.0));
        let best = temperatures.max_by(|a, b| mean(view.index(), *a).total_cmp(&mean(view.index(), *b)));
        let temperature = best.unwrap_or(1.0);
        (temperature, mean(view.index(), temperature))
    });
    let said = fitted[View::Full.index()].1;
    Ok(Calibration {
        temperature: fitted.map(|(temperature, _)| temperature as f32),
        offset: fitted.map(|(_, mean)| (said - mean) as f32),
    })
}

fn log_p(log_probs: &[f32], class: usize, temperature: f64) -> f64 {
    let scaled = |value: &f32| f64::from(*value) / temperature;
    let most = log_probs.iter().map(scaled).fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = log_probs.iter().map(|value| (scaled(value) - most).exp()).sum();
    log_probs.get(class).map_or(f64::NEG_INFINITY, scaled) - most - sum.ln()
}

fn refused(expected: &str, got: impl core::fmt::Display, next: &str) -> Error {
    Error::new(Stage::Gate, expected, got, next)
}

#[cfg(test)]
mod tests {
    use super::super::metrics::bootstrap::SplitMix64;
    use super::*;

    /// A clip's score from 0 to 1, and whether its label is wrong: with probability score squared.
    fn clip(dice: &mut SplitMix64) -> (f32, bool) {
        let unit = |dice: &mut SplitMix64| dice.below(1 << 30) as f64 / f64::from(1 << 30);
        let score = unit(dice);
        (score as f32, unit(dice) < score * score)
    }

    #[test]
    fn the_risk_is_exceeded_no_more_often_than_delta_in_a_thousand_draws() {
        let mut dice = SplitMix64(1);
        for bound in [Bound { risk: 0.1, delta: 0.1 }, Bound { risk: 0.2, delta: 0.05 }] {
            let (mut exceeded, mut coverage, mut found) = (0, 0.0, 0);
            for _ in 0..1000 {
                let [first, second] = [0; 2].map(|_| (0..300).map(|_| clip(&mut dice)).collect::<Vec<_>>());
                let Some(tau) = threshold(&sequence(&first, bound), &second, bound) else { continue };
                // Of scores up to tau the share tau^2 / 3 is wrong.
                let risk = f64::from(tau).powi(2) / 3.0;
                exceeded += u32::from(risk > bound.risk);
                coverage += f64::from(tau);
                found += 1;
            }
            // Three deviations of a thousand draws above delta.
            let most = 1000.0 * bound.delta + 3.0 * (1000.0 * bound.delta * (1.0 - bound.delta)).sqrt();
            assert!(f64::from(exceeded) <= most, "{exceeded} of 1000 for {bound:?}");
            // With endless clips the coverage would be this; 300 of them do not always show that much.
            let most = (3.0 * bound.risk).sqrt();
            assert!(found > 850 && coverage / f64::from(found) > 0.75 * most, "{coverage} {found} {most}");
        }
    }

    #[test]
    fn what_cannot_be_reached_is_told() {
        let mut dice = SplitMix64(2);
        let half: Vec<(f32, bool)> = (0..300).map(|_| (clip(&mut dice).0, dice.below(2) == 0)).collect();
        let bound = Bound { risk: 0.1, delta: 0.1 };
        assert_eq!(threshold(&sequence(&half, bound), &half, bound), None);
        let error = unreachable(&half, &half, bound, ScoreKind::LogRatio).to_string();
        let smallest: f64 = error.split("got ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!((0.4..0.6).contains(&smallest), "{error}");
        assert!(unreachable(&[], &[], bound, ScoreKind::Tie).to_string().contains("more clips"));
    }

    #[test]
    fn p_values_are_those_of_the_exact_test() {
        let clips: Vec<(f32, bool)> = (0..10).map(|i| (i as f32, i == 9)).collect();
        // None of nine, one of ten; Bin(10, 0.3): 0.7^10 + 10 * 0.3 * 0.7^9.
        assert!((p_value(&clips, 8.0, 0.3) - 0.7f64.powi(9)).abs() < 1e-12);
        assert!((p_value(&clips, 9.0, 0.3) - (0.7f64.powi(10) + 3.0 * 0.7f64.powi(9))).abs() < 1e-12);
        assert_eq!(p_value(&clips, -1.0, 0.3), 1.0);
    }
}
