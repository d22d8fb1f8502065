//! Intervals and tests of paired differences.

use crate::evaluate::metrics::bootstrap::{ends, samples};
use serde::Serialize;
use statrs::distribution::{Binomial, DiscreteCDF};

/// Returns the 95 % percentile interval of `statistic` by the bootstrap; NaN if the statistic is never finite.
/// `statistic` gets the indices in the drawn `groups`: the clips of one source video each, which resemble each other.
pub fn interval(groups: &[Vec<usize>], statistic: impl Fn(&[usize]) -> f64) -> [f64; 2] {
    let mut sample = Vec::new();
    ends(&samples(groups.len(), |drawn| {
        sample.clear();
        drawn.iter().for_each(|&group| sample.extend_from_slice(&groups[group]));
        statistic(&sample)
    }))
}

/// Exact McNemar test of outcomes that are true or false in both runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct McNemar {
    /// Clips for which the outcome is true in A only.
    pub only_a: u64,
    /// Clips for which the outcome is true in B only.
    pub only_b: u64,
    /// Two-sided p-value: the probability of a split at least as uneven if both were equally likely.
    pub p: f64,
}

/// Tests whether an outcome is more frequent in one of two runs. `outcomes` has the outcome of every clip in A and B.
pub fn mcnemar(outcomes: &[[bool; 2]]) -> McNemar {
    let count = |wanted: [bool; 2]| outcomes.iter().filter(|outcome| **outcome == wanted).count() as u64;
    let (only_a, only_b) = (count([true, false]), count([false, true]));
    let tail = Binomial::new(0.5, only_a + only_b).map_or(1.0, |binomial| binomial.cdf(only_a.min(only_b)));
    McNemar { only_a, only_b, p: (2.0 * tail).min(1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(both: usize, only_a: usize, only_b: usize, neither: usize) -> Vec<[bool; 2]> {
        [([true, true], both), ([true, false], only_a), ([false, true], only_b), ([false, false], neither)]
            .into_iter()
            .flat_map(|(outcome, count)| std::iter::repeat_n(outcome, count))
            .collect()
    }

    #[test]
    fn mcnemar_is_the_exact_binomial_test() {
        // 2 (1 + 9) / 2^9.
        let test = mcnemar(&outcomes(20, 1, 8, 11));
        assert_eq!((test.only_a, test.only_b), (1, 8));
        assert!((test.p - 20.0 / 512.0).abs() < 1e-12, "{test:?}");
        assert_eq!(mcnemar(&outcomes(5, 8, 1, 0)).p, test.p);
        assert_eq!(mcnemar(&outcomes(3, 4, 4, 0)).p, 1.0);
        assert_eq!(mcnemar(&outcomes(3, 0, 0, 2)).p, 1.0);
    }

    #[test]
    fn the_interval_of_a_paired_share_is_that_of_the_closed_form() {
        let outcomes = outcomes(150, 20, 50, 180);
        let n = outcomes.len() as f64;
        let difference = |indices: &[usize]| {
            let of = |side: usize| indices.iter().filter(|&&index| outcomes[index][side]).count() as f64;
            (of(1) - of(0)) / indices.len() as f64
        };
        // The variance of the mean of differences that are -1, 0 and 1.
        let mean = 30.0 / n;
        let deviation = ((70.0 / n - mean * mean) / n).sqrt();
        let alone: Vec<Vec<usize>> = (0..outcomes.len()).map(|index| vec![index]).collect();
        let [low, high] = interval(&alone, difference);
        assert!((low - (mean - 1.96 * deviation)).abs() < 0.15 * deviation, "{low} {mean} {deviation}");
        assert!((high - (mean + 1.96 * deviation)).abs() < 0.15 * deviation, "{high} {mean} {deviation}");

        // Clips that always occur four at a time are a quarter as many: the interval is twice as wide.
        let copied: Vec<Vec<usize>> = (0..outcomes.len()).map(|index| vec![index; 4]).collect();
        assert_eq!(interval(&copied, difference), [low, high]);
        let quarter: Vec<Vec<usize>> = (0..outcomes.len()).step_by(4).map(|index| vec![index; 4]).collect();
        let [low_4, high_4] = interval(&quarter, difference);
        assert!(((high_4 - low_4) / (high - low) - 2.0).abs() < 0.3, "{low_4} {high_4} {low} {high}");
    }

    #[test]
    fn an_interval_of_nothing_is_not_a_number() {
        assert!(interval(&[], |_| 1.0).iter().all(|end| end.is_nan()));
        assert!(interval(&[vec![0]], |_| f64::NAN).iter().all(|end| end.is_nan()));
    }
}
