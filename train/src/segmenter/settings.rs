//! Settings of a segmenter's training.

use super::network::NetworkSizes;

/// Settings of a training run. They determine its weights to the last bit on one machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SegmenterTrainingSettings {
    /// Sizes of the network.
    pub sizes: NetworkSizes,
    /// Number of steps of the run.
    pub steps: usize,
    /// Threads; each computes the gradients of its own samples, which are added up.
    pub threads: usize,
    /// Samples per thread and step. The CPU backend is ten times slower per sample with four or fewer.
    pub samples: usize,
    /// Largest learning rate, for Muon's updates of kernels and AdamW's updates of all other parameters.
    pub learning_rate: f64,
    /// Weight decay of all parameters except kernels, relative to the learning rate.
    pub weight_decay: f32,
    /// Steps of linear warm-up.
    pub warm_up: usize,
    /// Steps between checkpoints.
    pub checkpoint: usize,
    /// Seed for everything drawn at random.
    pub seed: u64,
}

impl Default for SegmenterTrainingSettings {
    fn default() -> Self {
        Self {
            sizes: NetworkSizes::default(),
            steps: 10_000,
            threads: 2,
            samples: 6,
            learning_rate: 4e-2,
            weight_decay: 1e-4,
            warm_up: 100,
            checkpoint: 500,
            seed: 1,
        }
    }
}

impl SegmenterTrainingSettings {
    /// Returns the learning rate of `step`, from 0: a linear rise, then half a cosine down to 0.
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
    fn the_learning_rate_rises_and_falls_to_zero() {
        let settings = SegmenterTrainingSettings {
            steps: 1100,
            learning_rate: 1.0,
            warm_up: 100,
            ..SegmenterTrainingSettings::default()
        };
        assert!(settings.learning_rate_at(0) < 0.02);
        assert_eq!(settings.learning_rate_at(99), 1.0);
        assert!((settings.learning_rate_at(600) - 0.5).abs() < 1e-9);
        assert!(settings.learning_rate_at(1100) < 1e-9);
    }
}
