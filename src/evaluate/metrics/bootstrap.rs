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
    let [low, high] = ends_unless_agreed(&values);
    Estimate { value, low, high, of: clips.len() }
}

/// Returns [`ends`] of ascending `values`; NaN if all agree.
fn ends_unless_agreed(values: &[f64]) -> [f64; 2] {
    if values.first() == values.last() { [f64::NAN; 2] } else { ends(values) }
}

/// Bootstrap samples of a crossed grid, the same in every run. A sample draws as many people and as many places as
/// there are, with replacement. The weight of a cell is how often its person was drawn times how often its place was.
#[derive(Clone, Debug)]
pub struct CrossedSamples {
    /// Index of the person and of the place of every cell.
    cells: Vec<[usize; 2]>,
    /// How often every person and every place was drawn, by sample.
    drawn: Vec<[Vec<f64>; 2]>,
}

/// A measure of a crossed grid: its value, and its values in all samples in order. Measures of the same samples are
/// paired.
#[derive(Clone, Debug)]
pub struct SampledMeasure {
    value: f64,
    samples: Vec<f64>,
}

impl CrossedSamples {
    /// Draws the samples of `cells`, each with the index of its person and its place, both from 0 without gaps.
    pub fn new(cells: Vec<[usize; 2]>) -> Self {
        let count = |side: usize| cells.iter().map(|cell| cell[side] + 1).max().unwrap_or(0);
        let (counts, mut rng) = ([count(0), count(1)], SplitMix64(SEED));
        let mut draw = |count: usize| {
            let mut drawn = vec![0.0; count];
            (0..count).for_each(|_| drawn[rng.below(count)] += 1.0);
            drawn
        };
        Self { drawn: (0..SAMPLES).map(|_| counts.map(&mut draw)).collect(), cells }
    }

    /// Computes `measure`, which gets the weight of every cell, for all cells and for every sample.
    pub fn measure(&self, measure: impl Fn(&[f64]) -> f64) -> SampledMeasure {
        let mut weights = vec![1.0; self.cells.len()];
        let value = measure(&weights);
        let sample = |[people, places]: &[Vec<f64>; 2]| {
            let weight = |[person, place]: &[usize; 2]| people[*person] * places[*place];
            weights.iter_mut().zip(&self.cells).for_each(|(slot, cell)| *slot = weight(cell));
            measure(&weights)
        };
        SampledMeasure { value, samples: self.drawn.iter().map(sample).collect() }
    }
}

impl SampledMeasure {
    /// Returns the measure of `of` cells with its percentile interval. The ends are NaN if all samples agree.
    pub fn estimate(&self, of: usize) -> Estimate {
        let mut values: Vec<f64> = self.samples.iter().copied().filter(|value| value.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        let [low, high] = ends_unless_agreed(&values);
        Estimate { value: self.value, low, high, of }
    }

    /// Returns this measure less `other`, sample by sample.
    #[must_use]
    pub fn less(&self, other: &Self) -> Self {
        let samples = self.samples.iter().zip(&other.samples).map(|(a, b)| a - b).collect();
        Self { value: self.value - other.value, samples }
    }
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
