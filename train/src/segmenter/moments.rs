//! Moments of the outputs of normalised layers, in the order in which the layers run.

use crate::pair::values;
use burn::tensor::Tensor;

/// Records the moments of each normalised layer during a forward pass.
#[derive(Clone, Debug, Default)]
pub struct MomentRecorder {
    layers: Vec<[Tensor<1>; 2]>,
}

/// Mean and variance of each channel of one layer.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelMoments {
    /// Means.
    pub mean: Vec<f32>,
    /// Variances.
    pub variance: Vec<f32>,
}

impl MomentRecorder {
    /// Adds the next layer's `mean` and `variance`, `[channels]` each.
    pub fn push(&mut self, mean: Tensor<1>, variance: Tensor<1>) {
        self.layers.push([mean, variance]);
    }

    /// Copies the moments to host memory.
    pub fn into_moments(self) -> Vec<ChannelMoments> {
        let moments =
            |[mean, variance]: [Tensor<1>; 2]| ChannelMoments { mean: values(mean), variance: values(variance) };
        self.layers.into_iter().map(moments).collect()
    }
}

/// Returns the moments of several batches of one size taken together.
pub fn merged(batches: &[Vec<ChannelMoments>]) -> Vec<ChannelMoments> {
    let layers = batches.first().map_or(0, Vec::len);
    (0..layers).map(|layer| merged_layer(&batches.iter().map(|batch| &batch[layer]).collect::<Vec<_>>())).collect()
}

fn merged_layer(batches: &[&ChannelMoments]) -> ChannelMoments {
    let average =
        |of: &dyn Fn(&ChannelMoments) -> f32| batches.iter().map(|batch| of(batch)).sum::<f32>() / batches.len() as f32;
    let channels = 0..batches[0].mean.len();
    let (mean, variance) = channels
        .map(|c| {
            let mean = average(&|batch| batch.mean[c]);
            // The variance within the batches plus the variance between them.
            let variance = average(&|batch| batch.variance[c] + (batch.mean[c] - mean) * (batch.mean[c] - mean));
            (mean, variance)
        })
        .unzip();
    ChannelMoments { mean, variance }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variance_of_two_batches_is_that_within_and_between_them() {
        let moments = |mean, variance| vec![ChannelMoments { mean: vec![mean], variance: vec![variance] }];
        assert_eq!(merged(&[moments(1.0, 2.0), moments(3.0, 4.0)]), moments(2.0, 4.0));
    }
}
