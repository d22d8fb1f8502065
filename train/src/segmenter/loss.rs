//! The loss of the segmenter.

use burn::tensor::{Tensor, activation::sigmoid};

/// Weight of the Jaccard distance relative to the cross-entropy, which nearly ignores thin limbs.
const JACCARD_WEIGHT: f32 = 1.0;

/// Computes binary cross-entropy plus soft Jaccard distance of `logits` and `masks` [n, 1, h, w], masks in 0..=1.
pub fn loss(logits: Tensor<4>, masks: Tensor<4>) -> Tensor<1> {
    cross_entropy(logits.clone(), masks.clone()) + jaccard_distance(sigmoid(logits), masks).mul_scalar(JACCARD_WEIGHT)
}

/// Computes the mean over all pixels of `max(z, 0) - z y + ln(1 + exp(-|z|))`, which avoids the logarithm of 0.
fn cross_entropy(logits: Tensor<4>, masks: Tensor<4>) -> Tensor<1> {
    let tail = logits.clone().abs().neg().exp().log1p();
    (logits.clone().clamp_min(0.0) - logits * masks + tail).mean()
}

/// Computes the mean over the pictures of one minus intersection over union, so that small and large persons count
/// alike. One pixel is added to both, so that a picture without a person does not divide by 0.
fn jaccard_distance(p: Tensor<4>, masks: Tensor<4>) -> Tensor<1> {
    let [n, channels, h, w] = p.dims();
    let per_picture = |x: Tensor<4>| x.reshape([n, channels * h * w]).sum_dim(1);
    let intersection = per_picture(p.clone() * masks.clone());
    let union = per_picture(p) + per_picture(masks) - intersection.clone();
    (intersection + 1.0).div(union + 1.0).neg().add_scalar(1.0).mean()
}
