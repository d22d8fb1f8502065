//! Random numbers that are equal on all machines: SplitMix64, with one stream for each aspect of a clip.

/// The random streams of a clip. Each aspect has its own, so that a change to one does not change the others.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RandomStream {
    Context = 1,
    Actor,
    Motion,
    Object,
    Camera,
    Scenery,
    CameraEffects,
    ObjectStyle,
    Crowd,
}

/// A random number generator.
#[derive(Clone, Debug)]
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// Creates the generator of `stream` in the clip with `seed`.
    pub(crate) fn new(seed: u64, stream: RandomStream) -> Self {
        Self { state: mixed(mixed(seed) ^ (stream as u64).wrapping_mul(0xD1B5_4A32_D192_ED03)) }
    }

    /// Returns 64 random bits.
    pub(crate) fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.state)
    }

    /// Returns a uniform number in 0..1, a multiple of 2^-24, so that every value is exact in f32.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 / 16_777_216.0
    }

    /// Returns a uniform number from `low` to `high`.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Returns a uniform integer below `count`.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        ((u128::from(self.bits()) * count as u128) >> 64) as usize
    }

    /// Returns true with `probability`.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        ((self.bits() >> 11) as f64 / 9_007_199_254_740_992.0) < probability
    }

    /// Returns -1 or 1.
    pub(crate) fn sign(&mut self) -> f32 {
        if self.chance(0.5) { 1.0 } else { -1.0 }
    }

    /// Returns one of `choices`, which must not be empty.
    pub(crate) fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }
}

/// SplitMix64's finaliser: every bit of `z` affects every bit of the result.
pub(crate) fn mixed(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_of_two_aspects_differ_and_repeat() {
        let draw = |stream| Random::new(7, stream).bits();
        assert_eq!(draw(RandomStream::Actor), draw(RandomStream::Actor));
        assert_ne!(draw(RandomStream::Actor), draw(RandomStream::Motion));
    }

    #[test]
    fn choices_are_uniform() {
        let mut random = Random::new(1, RandomStream::Context);
        let mut counts = [0; 6];
        (0..6000).for_each(|_| counts[random.below(6)] += 1);
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }
}
