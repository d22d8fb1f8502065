//! Sizes and tensors of a checkpoint, and the ports of a model.

use figureground::import::architecture::usual_heads;
use figureground::import::tensors::{TensorType, TensorView};
use figureground::model::Port;

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|v| v.to_le_bytes()).collect()
}

#[test]
fn strides_rows_and_transposition_pick_the_same_elements_as_copies_would() {
    let bytes = bytes(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let view = TensorView::row_major(TensorType::F32, vec![3, 2], &bytes).unwrap();
    assert_eq!(view.clone().transposed().values(), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    assert_eq!(view.clone().rows(1, 2).unwrap().values(), [2.0, 3.0, 4.0, 5.0]);
    assert_eq!(view.clone().transposed().rows(1, 1).unwrap().values(), [1.0, 3.0, 5.0]);
    assert!(view.rows(2, 2).is_none());
    assert_eq!(TensorView::new(TensorType::F32, vec![], vec![], &bytes).unwrap().values(), [0.0]);
}

#[test]
fn a_view_never_reaches_past_its_bytes() {
    let bytes = bytes(&[0.0; 6]);
    let view = |shape: &[usize], strides: &[usize]| {
        TensorView::new(TensorType::F32, shape.to_vec(), strides.to_vec(), &bytes).is_some()
    };
    assert!(view(&[3, 2], &[2, 1]) && view(&[2, 3], &[1, 2]) && view(&[0, 9], &[9, 1]));
    assert!(!view(&[3, 2], &[3, 1]) && !view(&[7], &[0]) && !view(&[2], &[1, 1]));
    assert!(!view(&[usize::MAX, 2], &[2, 1]) && !view(&[2, 2], &[usize::MAX, usize::MAX]));
}

#[test]
fn a_port_admits_its_fixed_sizes_and_any_size_of_a_symbolic_axis() {
    let axes = ["batch", "3", "?"].map(str::to_owned).to_vec();
    let port = Port { name: "x".to_owned(), element: "FLOAT".to_owned(), axes };
    assert!(port.admits(&[7, 3, 9]));
    assert!(!port.admits(&[7, 4, 9]) && !port.admits(&[7, 3]));
}

#[test]
fn openai_models_have_the_attention_heads_of_their_papers() {
    // ViT-B and ViT-L, their text towers, and a tower narrower than a head.
    assert_eq!([768, 1024, 512, 768, 32].map(usual_heads), [12, 16, 8, 12, 1]);
}
