//! Fits the weights of the risk: a logistic regression whose weights are not negative.

use crate::gate::{RiskFeatures, RiskWeights};

/// Strength of the ridge on the weights of features of unit deviation, in clips.
const RIDGE: f64 = 1.0;
/// Passes over all weights, at most.
const PASSES: usize = 3000;
/// A pass that changes no weight by more than this is the last.
const TOLERANCE: f64 = 1e-9;
/// Fewer right or wrong labels than this fit no weights.
pub(super) const MIN_LABELS: usize = 20;

/// Returns the weights with the largest likelihood of `labels`, each with its features and whether it is wrong, less a
/// small ridge. `None` if fewer than [`MIN_LABELS`] are right, or wrong.
///
/// Each weight takes steps of its own, divided by a bound of its curvature, so that the likelihood never falls.
pub(super) fn fit_weights(labels: &[(RiskFeatures, bool)]) -> Option<RiskWeights> {
    let wrong = labels.iter().filter(|(_, is_wrong)| *is_wrong).count();
    if wrong < MIN_LABELS || labels.len() - wrong < MIN_LABELS {
        return None;
    }
    let rows: Vec<[f64; RiskFeatures::COUNT]> =
        labels.iter().map(|(features, _)| features.to_array().map(f64::from)).collect();
    let [means, deviations] = moments(&rows);
    // Features of mean 0 and deviation 1, so that one ridge fits all; a constant one gets no weight.
    let standard = |row: &[f64; RiskFeatures::COUNT], j: usize| match deviations[j] {
        deviation if deviation > 1e-9 => (row[j] - means[j]) / deviation,
        _ => 0.0,
    };
    let rows: Vec<[f64; RiskFeatures::COUNT]> =
        rows.iter().map(|row| core::array::from_fn(|j| standard(row, j))).collect();
    let (mut bias, mut weights) = (0.0, [0.0; RiskFeatures::COUNT]);
    let mut log_odds = vec![0.0; labels.len()];
    let curvature = labels.len() as f64 / 4.0;
    for _ in 0..PASSES {
        let mut largest: f64 = 0.0;
        let step = -gradient(labels, &log_odds, |_| 1.0) / curvature;
        bias += step;
        log_odds.iter_mut().for_each(|value| *value += step);
        largest = largest.max(step.abs());
        for j in 0..RiskFeatures::COUNT {
            let slope = gradient(labels, &log_odds, |i| -rows[i][j]) + RIDGE * weights[j];
            let weight = (weights[j] - slope / (curvature + RIDGE)).max(0.0);
            let step = weight - weights[j];
            weights[j] = weight;
            log_odds.iter_mut().zip(&rows).for_each(|(value, row)| *value -= step * row[j]);
            largest = largest.max(step.abs());
        }
        if largest < TOLERANCE {
            break;
        }
    }
    let scaled: [f64; RiskFeatures::COUNT] =
        core::array::from_fn(|j| if deviations[j] > 1e-9 { weights[j] / deviations[j] } else { 0.0 });
    let bias = bias + scaled.iter().zip(means).map(|(weight, mean)| weight * mean).sum::<f64>();
    Some(RiskWeights::new(bias as f32, scaled.map(|weight| weight as f32)))
}

/// Returns the derivative of the negative log-likelihood along a change of each label's log-odds.
fn gradient(labels: &[(RiskFeatures, bool)], log_odds: &[f64], change: impl Fn(usize) -> f64) -> f64 {
    let one = |(i, ((_, is_wrong), log_odds)): (usize, (&(RiskFeatures, bool), &f64))| {
        (1.0 / (1.0 + (-log_odds).exp()) - f64::from(u8::from(*is_wrong))) * change(i)
    };
    labels.iter().zip(log_odds).enumerate().map(one).sum()
}

/// Returns the mean and the deviation of each feature.
fn moments(rows: &[[f64; RiskFeatures::COUNT]]) -> [[f64; RiskFeatures::COUNT]; 2] {
    let mean =
        |value: &dyn Fn(&[f64; RiskFeatures::COUNT]) -> f64| rows.iter().map(value).sum::<f64>() / rows.len() as f64;
    let means: [f64; RiskFeatures::COUNT] = core::array::from_fn(|j| mean(&|row| row[j]));
    let deviations = core::array::from_fn(|j| mean(&|row| (row[j] - means[j]).powi(2)).sqrt());
    [means, deviations]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::metrics::bootstrap::SplitMix64;

    fn unit(rng: &mut SplitMix64) -> f64 {
        rng.below(1 << 30) as f64 / f64::from(1 << 30)
    }

    /// Draws labels whose risk is a logistic of these weights.
    fn labels(count: usize, bias: f64, full_margin: f64, person_log_p: f64) -> Vec<(RiskFeatures, bool)> {
        let mut rng = SplitMix64(7);
        let mut one = || {
            let (margin, log_p, other) = (3.0 * unit(&mut rng), -4.0 * unit(&mut rng), unit(&mut rng));
            let log_odds = bias - full_margin * margin - person_log_p * log_p;
            let is_wrong = unit(&mut rng) < 1.0 / (1.0 + (-log_odds).exp());
            let features = RiskFeatures {
                full_margin: margin as f32,
                person_log_p: log_p as f32,
                person_area: other as f32,
                frames_with_person: 1.0,
                ..RiskFeatures::default()
            };
            (features, is_wrong)
        };
        (0..count).map(|_| one()).collect()
    }

    #[test]
    fn weights_of_a_logistic_are_found_again() {
        let weights = fit_weights(&labels(20_000, -1.0, 1.5, 0.8)).unwrap();
        let near =
            |got: f32, expected: f32| assert!((got - expected).abs() < 0.12, "{got} for {expected}: {weights:?}");
        near(weights.bias, -1.0);
        near(weights.full_margin, 1.5);
        near(weights.person_log_p, 0.8);
        near(weights.person_area, 0.0);
        assert_eq!(weights.frames_with_person, 0.0, "it never differs");
    }

    #[test]
    fn a_weight_that_would_be_negative_is_0() {
        let weights = fit_weights(&labels(2000, 0.0, -1.5, 0.8)).unwrap();
        assert!(weights.full_margin == 0.0 && weights.person_log_p > 0.3, "{weights:?}");
    }

    #[test]
    fn too_few_wrong_labels_fit_no_weights() {
        let mut all = labels(2000, 0.0, 1.0, 1.0);
        all.iter_mut().enumerate().for_each(|(i, (_, is_wrong))| *is_wrong = i < MIN_LABELS - 1);
        assert_eq!(fit_weights(&all), None);
    }
}
