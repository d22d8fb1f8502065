//! Views of tensors read the right elements, whatever their shapes.

use figureground::engine::gpu::tail::{BY_STRIDES, IN_ORDER, Tail};
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

#[test]
fn what_is_not_in_order_cannot_be_joined() {
    let turned = View::whole(0, &[2, 3]).moved(0, 1);
    assert_eq!(turned.reshaped(&[6]), None);
    assert!(View::whole(0, &[2, 3]).is_contiguous());
    assert!(!turned.is_contiguous());
}

#[test]
fn a_row_added_to_every_row_has_two_axes() {
    let output = View::whole(0, &[2, 3, 4]);
    let row = View::whole(1, &[4]).broadcast(&[2, 3, 4]);
    let tail = Tail::new(&output, &[row]).unwrap();
    assert_eq!((tail.count, tail.rank, &tail.sizes[..2]), (24, 2, &[6, 4][..]));
    assert_eq!((tail.walks[0].mode, tail.walks[1].mode), (IN_ORDER, BY_STRIDES));
    assert_eq!(tail.place(1, 23), 3);
}

#[test]
fn an_output_may_be_a_part_of_its_buffer() {
    let part = View::whole(0, &[2, 5, 3]).sliced(1, 2, 4);
    let tail = Tail::new(&part, &[View::whole(1, &[2, 2, 3])]).unwrap();
    let places: Vec<usize> = (0..12).map(|o| tail.place(0, o)).collect();
    assert_eq!(places, [6, 7, 8, 9, 10, 11, 21, 22, 23, 24, 25, 26]);
}
