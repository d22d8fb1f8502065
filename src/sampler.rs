//! Frame samplers of ViFi-CLIP, ActionCLIP and dense sampling: T of a clip's N frames.

use serde::{Deserialize, Serialize};

/// Consecutive frames that [`Sampler::Dense`] covers.
pub const DENSE_RANGE: u64 = 64;

/// A rule that picks `count` (T) frames of a clip with `frames_in_clip` (N), in exact integer arithmetic.
///
/// ```
/// use figureground::sampler::Sampler;
/// let indices: Vec<u64> = (0..8).map(|i| Sampler::ViFiClip.index(i, 280, 8)).collect();
/// assert_eq!(indices, [17, 52, 87, 122, 157, 192, 227, 262]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampler {
    /// `int(i*N/T + N/T/2)`: the centres of T equal parts.
    #[default]
    ViFiClip,
    /// `int(i*N/T + (N/T-1)/2)`: the centre frames of T equal parts.
    ActionClip,
    /// `(i*stride + start) % N` with `stride = 64 // T`: T frames out of 64 consecutive ones in the middle of the clip;
    /// short clips wrap around, so that indices need not ascend.
    Dense,
}

impl Sampler {
    /// Returns the index, in `0..frames_in_clip`, of the `i`-th of `count` sampled frames. Clips shorter than `count`
    /// repeat frames; the index in an empty clip is 0.
    pub fn index(self, i: usize, frames_in_clip: u64, count: usize) -> u64 {
        let (i, n, t) = (i as u128, u128::from(frames_in_clip), count.max(1) as u128);
        let index = match self {
            Sampler::ViFiClip => n.saturating_mul(2 * i + 1) / (2 * t),
            // Python's int() truncates towards zero: the negative values of N < T become 0.
            Sampler::ActionClip => n.saturating_mul(2 * i + 1).saturating_sub(t) / (2 * t),
            Sampler::Dense => dense(i, n, t),
        };
        u64::try_from(index.min(n.saturating_sub(1))).unwrap_or(u64::MAX)
    }
}

/// Dense sampling of TSM and mmaction2, started in the middle of the possible positions.
fn dense(i: u128, n: u128, t: u128) -> u128 {
    let range = u128::from(DENSE_RANGE);
    let stride = (range / t).max(1);
    let start = n.saturating_sub(range) / 2;
    (i * stride + start) % n.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    const COUNTS: [usize; 4] = [1, 8, 16, 32];

    /// Python's `int(numerator / denominator)`, which truncates towards zero, clamped to the clip.
    fn int(numerator: i64, denominator: i64, n: i64) -> u64 {
        (numerator / denominator).clamp(0, n - 1) as u64
    }

    fn for_each_index(check: impl Fn(i64, i64, i64)) {
        for n in 1..400 {
            for t in COUNTS {
                (0..t as i64).for_each(|i| check(i, n, t as i64));
            }
        }
    }

    #[test]
    fn vificlip_samples_the_centres_of_equal_parts() {
        // i*N/T + N/T/2 over the common denominator 2T.
        for_each_index(|i, n, t| {
            let expected = int(2 * i * n + n, 2 * t, n);
            assert_eq!(Sampler::ViFiClip.index(i as usize, n as u64, t as usize), expected, "{i} {n} {t}");
        });
    }

    #[test]
    fn actionclip_samples_the_centre_frames_of_equal_parts() {
        // i*N/T + (N/T-1)/2 over the common denominator 2T.
        for_each_index(|i, n, t| {
            let expected = int(2 * i * n + n - t, 2 * t, n);
            assert_eq!(Sampler::ActionClip.index(i as usize, n as u64, t as usize), expected, "{i} {n} {t}");
        });
    }

    #[test]
    fn dense_strides_over_64_frames_from_the_middle_position() {
        for_each_index(|i, n, t| {
            let sample_position = 1.max(1 + n - 64);
            let expected = (i * (64 / t) + (sample_position - 1) / 2) % n;
            assert_eq!(Sampler::Dense.index(i as usize, n as u64, t as usize), expected as u64, "{i} {n} {t}");
        });
    }

    #[test]
    fn indices_equal_those_of_python() {
        let indices = |sampler: Sampler, n| -> Vec<u64> { (0..8).map(|i| sampler.index(i, n, 8)).collect() };
        assert_eq!(indices(Sampler::ViFiClip, 280), [17, 52, 87, 122, 157, 192, 227, 262]);
        assert_eq!(indices(Sampler::ViFiClip, 72), [4, 13, 22, 31, 40, 49, 58, 67]);
        assert_eq!(indices(Sampler::ViFiClip, 3), [0, 0, 0, 1, 1, 2, 2, 2]);
        assert_eq!(indices(Sampler::ActionClip, 280), [17, 52, 87, 122, 157, 192, 227, 262]);
        assert_eq!(indices(Sampler::ActionClip, 72), [4, 13, 22, 31, 40, 49, 58, 67]);
        assert_eq!(indices(Sampler::ActionClip, 3), [0, 0, 0, 0, 1, 1, 1, 2]);
        assert_eq!(indices(Sampler::Dense, 280), [108, 116, 124, 132, 140, 148, 156, 164]);
        assert_eq!(indices(Sampler::Dense, 20), [0, 8, 16, 4, 12, 0, 8, 16]);
    }

    #[test]
    fn empty_clips_zero_counts_and_huge_numbers_give_an_index_in_the_clip() {
        for sampler in [Sampler::ViFiClip, Sampler::ActionClip, Sampler::Dense] {
            assert_eq!(sampler.index(3, 0, 8), 0);
            assert!(sampler.index(0, 5, 0) < 5);
            assert!(sampler.index(usize::MAX, u64::MAX, usize::MAX) < u64::MAX);
            assert!(sampler.index(99, 300, 100) < 300);
        }
    }
}
