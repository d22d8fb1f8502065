//! Views of tensors read the right elements, whatever their shapes.

use figureground::engine::gpu::view::View;
use proptest::prelude::*;

/// Returns the positions of the elements that `view` reads, in order.
fn positions(view: &View) -> Vec<usize> {
    let mut positions = vec![view.offset];
    for (&size, &stride) in view.shape.iter().zip(&view.strides) {
        positions = positions.iter().flat_map(|&at| (0..size).map(move |i| at + i * stride)).collect();
    }
    positions
}

proptest! {
    #[test]
    fn a_reshape_reads_the_same_elements_in_the_same_order(
        a in 1usize..5, b in 1usize..5, c in 1usize..5, d in 1usize..5, moved in 0usize..3, cut in 0usize..2,
    ) {
        let view = View::whole(0, &[a, b, c * d]).moved(moved, 2);
        let axis = cut;
        let view = if view.shape[axis] > 1 { let end = view.shape[axis]; view.sliced(axis, 1, end) } else { view };
        let total = view.len();
        for shape in [vec![total], vec![1, total, 1], vec![view.shape[0], total / view.shape[0]],
                      vec![view.shape[0] * view.shape[1], view.shape[2]]] {
            if let Some(reshaped) = view.reshaped(&shape) {
                prop_assert_eq!(positions(&reshaped), positions(&view));
            }
        }
    }

    #[test]
    fn an_axis_that_is_in_order_can_always_be_split(a in 1usize..5, b in 1usize..5, c in 1usize..5) {
        let view = View::whole(0, &[a * b, c]).moved(0, 1);
        let split = view.reshaped(&[c, a, b]).unwrap();
        prop_assert_eq!(positions(&split), positions(&view));
    }
}
