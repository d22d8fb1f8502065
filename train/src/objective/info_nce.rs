//! CLIP's contrastive loss between the clips and the texts of a batch.

use burn::tensor::{Tensor, TensorData, activation};

/// Computes InfoNCE in both directions between `clips` [n, dimension] and their `texts` [n, dimension] of unit norm,
/// with cosines times `scale` `[1]`. Clips with equal `labels` are positives of each other with equal weights, as in
/// ActionCLIP.
pub fn info_nce(clips: Tensor<2>, texts: Tensor<2>, labels: &[usize], scale: Tensor<1>) -> Tensor<1> {
    let n = labels.len();
    let logits = clips.matmul(texts.transpose()) * scale.reshape([1, 1]);
    let positives = labels.iter().flat_map(|a| {
        let share = 1.0 / labels.iter().filter(|b| *b == a).count() as f32;
        labels.iter().map(move |b| if a == b { share } else { 0.0 })
    });
    let positives = Tensor::<2>::from_data(TensorData::new(positives.collect(), [n, n]), &logits.device());
    // Positives are symmetric, so one matrix serves both directions.
    let one_way = |logits: Tensor<2>| (activation::log_softmax(logits, 1) * positives.clone()).sum().neg();
    (one_way(logits.clone()) + one_way(logits.transpose())).div_scalar(2.0 * n as f32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::Device;

    fn loss(labels: &[usize], clips: [[f32; 2]; 3], texts: [[f32; 2]; 3]) -> f32 {
        let device = Device::flex();
        let scale = Tensor::from_floats([2.0], &device);
        let (clips, texts) = (Tensor::from_floats(clips, &device), Tensor::from_floats(texts, &device));
        info_nce(clips, texts, labels, scale).into_scalar::<f32>()
    }

    #[test]
    fn the_loss_of_three_pairs_equals_the_one_computed_by_hand() {
        let unit = [[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]];
        let row =
            |positive: f32, others: [f32; 2]| -(positive - (positive.exp() + others[0].exp() + others[1].exp()).ln());
        let expected = (row(2.0, [0.0, -2.0]) + row(2.0, [0.0, 0.0]) + row(2.0, [-2.0, 0.0])) / 3.0;
        assert!((loss(&[0, 1, 2], unit, unit) - expected).abs() < 1e-5);
    }

    #[test]
    fn clips_of_one_label_are_positives_of_each_other() {
        let same = [[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]];
        let shared = loss(&[0, 0, 1], same, same);
        let distinct = loss(&[0, 1, 2], same, same);
        // With shared positives, the smallest loss is the entropy of the positives.
        assert!((shared - distinct).abs() < 1e-5, "same logits, same mass on the pair: {shared} {distinct}");
        assert!(loss(&[0, 0, 1], same, [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]) > shared);
    }
}
