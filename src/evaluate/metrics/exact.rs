//! Exact confidence intervals of shares.

use super::bootstrap::{Estimate, LEVEL};
use statrs::distribution::{Beta, ContinuousCDF};

/// Bisections of an end of an interval; each halves the distance to it.
const BISECTIONS: usize = 60;

/// Returns the share of true values, with its exact 95 % interval.
pub fn share(values: impl IntoIterator<Item = bool>) -> Estimate {
    let (mut count, mut of) = (0, 0);
    for value in values {
        of += 1;
        count += usize::from(value);
    }
    share_of(count as f64, of)
}

/// Returns the share that `count` of `of` clips are, with its exact 95 % interval. `count` is no integer where clips
/// with equal scores count in part.
pub fn share_of(count: f64, of: usize) -> Estimate {
    let [low, high] = clopper_pearson(count, of);
    Estimate { value: count / of as f64, low, high, of }
}

/// Returns the 95 % interval of Clopper and Pearson (1934) for the share that `count` of `of` independent clips are:
/// the shares of which neither this count or more, nor this count or fewer, has a probability under 2.5 %. Both ends
/// are NaN of no clips.
pub fn clopper_pearson(count: f64, of: usize) -> [f64; 2] {
    if of == 0 {
        return [f64::NAN; 2];
    }
    let (tail, rest) = ((1.0 - LEVEL) / 2.0, of as f64 - count);
    let low = if count > 0.0 { beta_quantile(count, rest + 1.0, tail) } else { 0.0 };
    let high = if rest > 0.0 { beta_quantile(count + 1.0, rest, 1.0 - tail) } else { 1.0 };
    [low, high]
}

/// Returns the `p`-quantile of the beta distribution with the shapes `a` and `b`; NaN if a shape is not above 0.
fn beta_quantile(a: f64, b: f64, p: f64) -> f64 {
    let Ok(beta) = Beta::new(a, b) else { return f64::NAN };
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..BISECTIONS {
        let middle = (low + high) / 2.0;
        if beta.cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
    (low + high) / 2.0
}
