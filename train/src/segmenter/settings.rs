//! How a segmenter is trained.

use super::network::Sizes;

/// Everything that a training run follows from, on one machine to the last bit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// How large the network is.
    pub sizes: Sizes,
    /// Steps of the whole run.
    pub steps: usize,
    /// ParallelEncoder of a step; each runs on one thread, and their gradients are added up.
    pub encoder: usize,
    /// Samples of a shard. More than four: the CPU backend is an order of magnitude slower on smaller ones.
    pub samples: usize,
    /// Largest learning rate, of the orthogonal updates of kernels and of AdamW's of everything else.
    pub learning_rate: f64,
    /// Decay of everything but kernels, in units of the learning rate.
    pub weight_decay: f32,
    /// Steps to the largest learning rate.
    pub warm_up: usize,
    /// Steps from one checkpoint to the next.
    pub checkpoint: usize,
    /// What everything is drawn from.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sizes: Sizes::default(),
            steps: 10_000,
            encoder: 2,
            samples: 6,
            learning_rate: 4e-2,
            weight_decay: 1e-4,
            warm_up: 100,
            checkpoint: 500,
            seed: 1,
        }
    }
}

impl Settings {
    /// The learning rate of `step`, from 0: a linear rise, then half a cosine down to 0.
    pub fn learning_rate_at(&self, step: usize) -> f64 {
        if step < self.warm_up {
            return self.learning_rate * (step + 1) as f64 / self.warm_up as f64;
        }
        let done = (step - self.warm_up) as f64 / (self.steps.saturating_sub(self.warm_up)).max(1) as f64;
        self.learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * done.min(1.0)).cos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_learning_rate_rises_and_falls_to_nothing() {
        let settings = Settings { steps: 1100, learning_rate: 1.0, warm_up: 100, ..Settings::default() };
        assert!(settings.learning_rate_at(0) < 0.02);
        assert_eq!(settings.learning_rate_at(99), 1.0);
        assert!((settings.learning_rate_at(600) - 0.5).abs() < 1e-9);
        assert!(settings.learning_rate_at(1100) < 1e-9);
    }
}
