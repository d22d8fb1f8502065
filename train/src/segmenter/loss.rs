//! What training minimises.

use burn::tensor::{Tensor, activation::sigmoid};

/// Weight of the overlap beside the cross-entropy: the former counts what the latter finds negligible, thin limbs.
const OVERLAP: f32 = 1.0;

/// Binary cross-entropy plus the soft Jaccard distance, for `logits` and `masks` [n, 1, h, w], masks in 0..=1.
pub fn loss(logits: Tensor<4>, masks: Tensor<4>) -> Tensor<1> {
    cross_entropy(logits.clone(), masks.clone()) + distance(sigmoid(logits), masks).mul_scalar(OVERLAP)
}

/// The mean over all pixels of `max(z, 0) - z y + ln(1 + exp(-|z|))`, which never specs the logarithm of 0.
fn cross_entropy(logits: Tensor<4>, masks: Tensor<4>) -> Tensor<1> {
    let tail = logits.clone().abs().neg().exp().log1p();
    (logits.clone().clamp_min(0.0) - logits * masks + tail).mean()
}

/// One minus intersection over union, the mean over the pictures, so that a small person counts as much as a large one. The
/// pixel that both are enlarged by keeps a picture without a person from dividing by 0.
fn distance(p: Tensor<4>, masks: Tensor<4>) -> Tensor<1> {
    let [n, channels, h, w] = p.dims();
    let of_each = |x: Tensor<4>| x.reshape([n, channels * h * w]).sum_dim(1);
    let intersection = of_each(p.clone() * masks.clone());
    let union = of_each(p) + of_each(masks) - intersection.clone();
    (intersection + 1.0).div(union + 1.0).neg().add_scalar(1.0).mean()
}
