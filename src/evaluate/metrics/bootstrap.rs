//! Measures with their confidence intervals, and intervals by the bootstrap.

use serde::{Serialize, Serializer};

/// Bootstrap samples.
const SAMPLES: usize = 1_000;
/// Seed of the samples.
pub const SEED: u64 = 0;
/// Probability that an interval contains the true value.
pub(super) const LEVEL: f64 = 0.95;

/// A measure with its 95 % interval: exact for a share of clips, by the bootstrap for all others. Undefined numbers are
/// NaN here and null in JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The measure of the clips.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Clips that the measure stands on: the denominator of a share.
    pub of: usize,
}

impl Serialize for Estimate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Numbers {
            value: Option<f64>,
            low: Option<f64>,
            high: Option<f64>,
            of: usize,
        }
        let [value, low, high] = [self.value, self.low, self.high].map(|n| Some(n).filter(|n| n.is_finite()));
        Numbers { value, low, high, of: self.of }.serialize(serializer)
    }
}

/// Returns the finite values of `statistic` in ascending order, from a thousand samples that are the same in every run.
/// A sample draws as many of `count` indices as there are, with replacement.
pub(in crate::evaluate) fn samples(count: usize, mut statistic: impl FnMut(&[usize]) -> f64) -> Vec<f64> {
    let mut rng = SplitMix64(SEED);
    let (mut values, mut sample) = (Vec::with_capacity(SAMPLES), Vec::with_capacity(count));
    for _ in 0..if count == 0 { 0 } else { SAMPLES } {
        sample.clear();
        sample.extend((0..count).map(|_| rng.below(count)));
        values.push(statistic(&sample));
    }
    values.retain(|value| value.is_finite());
    values.sort_by(f64::total_cmp);
    values
}

/// Returns the ends of the 95 % percentile interval of ascending `values`; NaN without values.
pub(in crate::evaluate) fn ends(values: &[f64]) -> [f64; 2] {
    let last = values.len().saturating_sub(1) as f64;
    let quantile = |fraction: f64| values.get((last * fraction).round() as usize).copied().unwrap_or(f64::NAN);
    [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0].map(quantile)
}

/// Returns the measure of `clips`, and its bootstrap interval. The ends are NaN if all samples agree: they then do not
/// show how far off the measure is.
pub fn estimate<T>(clips: &[T], measure: impl Fn(&[&T]) -> f64) -> Estimate {
    let value = measure(&clips.iter().collect::<Vec<_>>());
    let mut sample: Vec<&T> = Vec::with_capacity(clips.len());
    let values = samples(clips.len(), |indices| {
        sample.clear();
        sample.extend(indices.iter().map(|&index| &clips[index]));
        measure(&sample)
    });
    let agree = values.first() == values.last();
    let [low, high] = if agree { [f64::NAN; 2] } else { ends(&values) };
    Estimate { value, low, high, of: clips.len() }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
#[derive(Debug)]
pub(in crate::evaluate) struct SplitMix64(pub(in crate::evaluate) u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Returns a number in 0..`end`.
    pub(in crate::evaluate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}
