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
