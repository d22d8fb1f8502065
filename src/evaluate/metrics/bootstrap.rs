//! How sure a measure is: what it is of clips drawn anew from those at hand.

use serde::{Serialize, Serializer};

/// How often clips are drawn anew.
const DRAWS: usize = 1_000;
/// The share of draws between `low` and `high`.
const LEVEL: f64 = 0.95;

/// A measure with its interval: between `low` and `high` lie 95 % of what it is of clips drawn anew with replacement. Numbers
/// that do not exist are NaN here and null in JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Of the clips themselves.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Serialize for Estimate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Numbers {
            value: Option<f64>,
            low: Option<f64>,
            high: Option<f64>,
        }
        let [value, low, high] = [self.value, self.low, self.high].map(|n| Some(n).filter(|n| n.is_finite()));
        Numbers { value, low, high }.serialize(serializer)
    }
}

/// The measure of `clips`, and its interval from a thousand draws that are the same in every run.
pub fn estimate<T>(clips: &[T], measure: impl Fn(&[&T]) -> f64) -> Estimate {
    let all: Vec<&T> = clips.iter().collect();
    let value = measure(&all);
    let mut dice = SplitMix64(0x9e37_79b9_7f4a_7c15);
    let mut drawn: Vec<f64> = Vec::with_capacity(DRAWS);
    let mut again: Vec<&T> = Vec::with_capacity(all.len());
    for _ in 0..if all.is_empty() { 0 } else { DRAWS } {
        again.clear();
        again.extend((0..all.len()).map(|_| all[dice.below(all.len())]));
        drawn.push(measure(&again));
    }
    drawn.retain(|value| value.is_finite());
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| match drawn.len() {
        0 => f64::NAN,
        count => drawn[((count - 1) as f64 * share).round() as usize],
    };
    Estimate { value, low: at((1.0 - LEVEL) / 2.0), high: at((1.0 + LEVEL) / 2.0) }
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

    /// From 0 to below `end`.
    pub(in crate::evaluate) fn below(&mut self, end: usize) -> usize {
        ((u128::from(self.next()) * end as u128) >> 64) as usize
    }
}
