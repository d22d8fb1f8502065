//! Masks, shapes, their components and dilation, on small pictures.

use figureground::mask::{Boxes, Components, Dilation, Mask, PixelBox, Shape, Size};

/// Creates a shape from text, in which `#` is a set pixel.
fn drawn(rows: &[&str]) -> Shape {
    let mut shape = Shape::new(Size::new(rows[0].len() as u32, rows.len() as u32).unwrap());
    let set = rows.iter().flat_map(|row| row.bytes().map(|byte| byte == b'#'));
    shape.pixels_mut().iter_mut().zip(set).for_each(|(pixel, set)| *pixel = set);
    shape
}

#[test]
fn smoothing_turns_nan_into_zero() {
    let size = Size::new(2, 1).unwrap();
    let mut mask = Mask::new(size);
    mask.probabilities_mut().copy_from_slice(&[f32::NAN, 1.0]);
    mask.smooth(&Mask::new(size), 0.25).unwrap();
    assert_eq!(mask.probabilities(), [0.0, 0.75]);
    assert!(mask.clone().smooth(&mask, 1.0).is_err());
    assert!(mask.clone().smooth(&mask, f32::NAN).is_err());
}

#[test]
fn shapes_of_different_sizes_cannot_be_combined() {
    let small = Shape::new(Size::new(2, 2).unwrap());
    assert!(Shape::new(Size::new(4, 1).unwrap()).union(&small).is_err());
}

#[test]
fn boxes_are_clipped_to_the_picture() {
    let mut hidden = Shape::new(Size::new(3, 2).unwrap());
    hidden.union_boxes(&[
        PixelBox { left: 2, top: 1, right: 900, bottom: 900 },
        PixelBox { left: 7, top: 0, right: 9, bottom: 1 },
        PixelBox { left: 1, top: 1, right: 0, bottom: 0 },
    ]);
    assert_eq!(hidden, drawn(&["...", "..#"]));
}

#[test]
fn dilation_adds_a_diamond_and_stops_at_the_edge() {
    let mut grown = drawn(&[".......", ".......", ".......", "...#...", ".......", "......#"]);
    Dilation::new(grown.size(), 2).apply(&mut grown).unwrap();
    assert_eq!(grown, drawn(&[".......", "...#...", "..###..", ".######", "..#####", "...####"]));
}

#[test]
fn sizes_without_pixels_or_with_too_many_are_refused() {
    assert!(Size::new(0, 4).is_err() && Size::new(4, 0).is_err() && Size::new(u32::MAX, u32::MAX).is_err());
}

fn boxes(shape: &Shape) -> Boxes {
    let mut boxes = Boxes::new();
    Components::new(shape.size()).boxes(shape, &mut boxes).unwrap();
    boxes
}

#[test]
fn diagonal_neighbours_are_one_component() {
    let found = boxes(&drawn(&["#...#", ".#.#.", "..#..", ".....", "...##"]));
    assert_eq!(found[0], PixelBox { left: 0, top: 0, right: 5, bottom: 3 });
    assert_eq!(found[1], PixelBox { left: 3, top: 4, right: 5, bottom: 5 });
    assert_eq!(found.len(), 2);
}

#[test]
fn a_comb_and_a_spiral_are_one_component_each() {
    assert_eq!(boxes(&drawn(&["#.#.#.#", "#.#.#.#", "#######"])).len(), 1);
    assert_eq!(boxes(&drawn(&["#######", "......#", "#####.#", "#...#.#", "#.###.#", "#.....#", "#######"])).len(), 1);
}

#[test]
fn only_components_of_a_five_hundredth_of_the_picture_get_a_box() {
    let mut speckled = Shape::new(Size::new(50, 40).unwrap());
    speckled.pixels_mut()[..3].fill(true);
    speckled.pixels_mut()[500..504].fill(true);
    assert_eq!(boxes(&speckled).as_slice(), [PixelBox { left: 0, top: 10, right: 4, bottom: 11 }]);
}
