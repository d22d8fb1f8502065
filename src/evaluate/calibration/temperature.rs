//! Fits the temperature of a gate.

use super::refused;
use crate::error::Result;

/// Temperatures among which the fit chooses, and the number of steps between them.
const TEMPERATURES: [f64; 2] = [1.0 / 16.0, 16.0];
const TEMPERATURE_STEPS: u32 = 160;

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
