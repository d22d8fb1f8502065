//! Mean and variance of what the normalised layers put out, in the order they run.

use super::convolution::values;
use burn::tensor::Tensor;

/// Moments of each normalised layer.
#[derive(Clone, Debug, Default)]
pub struct Moments {
    layers: Vec<[Tensor<1>; 2]>,
}

/// Mean and variance of each channel of one layer.
pub type Spread = (Vec<f32>, Vec<f32>);

impl Moments {
    /// Adds the next layer's `mean` and `variance`, `[channels]` each.
    pub fn note(&mut self, mean: Tensor<1>, variance: Tensor<1>) {
        self.layers.push([mean, variance]);
    }

    /// Means and variances, off the device.
    pub fn spreads(self) -> Vec<Spread> {
        self.layers.into_iter().map(|[mean, variance]| (values(mean), values(variance))).collect()
    }
}

/// The moments of several batches of one size taken together.
pub fn joined(batches: &[Vec<Spread>]) -> Vec<Spread> {
    let count = batches.len() as f32;
    let layers = batches.first().map_or(0, Vec::len);
    let average = |layer: usize, channel: usize, of: &dyn Fn(&Spread, usize) -> f32| {
        batches.iter().map(|batch| of(&batch[layer], channel)).sum::<f32>() / count
    };
    (0..layers)
        .map(|layer| {
            let channels = 0..batches[0][layer].0.len();
            channels
                .map(|channel| {
                    let mean = average(layer, channel, &|(mean, _), c| mean[c]);
                    // Within the batches and between them.
                    let square = |(m, v): &Spread, c: usize| v[c] + (m[c] - mean) * (m[c] - mean);
                    (mean, average(layer, channel, &square))
                })
                .unzip()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_batches_together_vary_within_and_between() {
        let batches = [vec![(vec![1.0], vec![2.0])], vec![(vec![3.0], vec![4.0])]];
        assert_eq!(joined(&batches), [(vec![2.0], vec![4.0])]);
    }
}
