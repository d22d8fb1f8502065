//! Persons on other backgrounds.

use figureground::mask::{Mask, Shape, Size};
use figureground::paste::{feather, paste};
use proptest::prelude::*;

fn size(width: u32, height: u32) -> Size {
    Size::new(width, height).unwrap()
}

/// The soft mask of a shape with these pixels.
fn soft(size: Size, pixels: &[bool]) -> Mask {
    let (mut shape, mut opacity) = (Shape::new(size), Mask::new(size));
    shape.pixels_mut().copy_from_slice(pixels);
    feather(&shape, &mut opacity).unwrap();
    opacity
}

/// A picture of this size with values from -3 to 3.
fn picture(size: Size, seed: u32) -> Vec<f32> {
    let value = |i: usize| (i as u32).wrapping_mul(2_654_435_761).wrapping_add(seed) as f32 / u32::MAX as f32;
    (0..3 * size.area()).map(|i| 6.0 * value(i) - 3.0).collect()
}

proptest! {
    #[test]
    fn a_soft_mask_is_hard_but_at_the_edge(
        width in 1u32..9, height in 1u32..9, bits in prop::collection::vec(any::<bool>(), 64),
    ) {
        let size = size(width, height);
        let pixels = &bits[..size.area()];
        let opacity = soft(size, pixels);
        let at = |x: i64, y: i64| {
            let (x, y) = (x.clamp(0, i64::from(width) - 1), y.clamp(0, i64::from(height) - 1));
            pixels[(y * i64::from(width) + x) as usize]
        };
        for (place, &m) in opacity.probabilities().iter().enumerate() {
            let (x, y) = ((place as u32 % width) as i64, (place as u32 / width) as i64);
            let around = (-1..=1).flat_map(|j| (-1..=1).map(move |i| (i, j)));
            let weight = |(i, j): (i64, i64)| if at(x + i, y + j) { (2 - i.abs()) * (2 - j.abs()) } else { 0 };
            let sixteenths: i64 = around.map(weight).sum();
            prop_assert_eq!(m, sixteenths as f32 / 16.0);
        }
    }

    #[test]
    fn a_pasted_pixel_lies_between_the_person_and_the_place(
        width in 1u32..7, height in 1u32..7, m in prop::collection::vec(0.0f32..=1.0, 36), seed in any::<u32>(),
    ) {
        let size = size(width, height);
        let (person, place) = (picture(size, seed), picture(size, !seed));
        let (mut opacity, mut out) = (Mask::new(size), vec![9.0; 3 * size.area()]);
        opacity.probabilities_mut().copy_from_slice(&m[..size.area()]);
        paste(&person, &opacity, &place, &mut out).unwrap();
        for ((x, v), b) in out.iter().zip(&person).zip(&place) {
            prop_assert!((v.min(*b) - 1e-5..=v.max(*b) + 1e-5).contains(x), "{x} of {v} and {b}");
        }
    }
}

#[test]
fn nobody_leaves_the_place_as_it_is_and_a_person_everywhere_hides_it() {
    let size = size(7, 5);
    let (person, place) = (picture(size, 1), picture(size, 2));
    let mut out = vec![0.0; person.len()];
    paste(&person, &soft(size, &[false; 35]), &place, &mut out).unwrap();
    assert_eq!(out, place);
    paste(&person, &soft(size, &[true; 35]), &place, &mut out).unwrap();
    assert_eq!(out, person);
}

#[test]
fn a_person_is_pasted_where_it_stands() {
    let size = size(9, 9);
    let (person, place) = (vec![1.0; 243], vec![-1.0; 243]);
    let inside = |place: usize| (3..6).contains(&(place % 9)) && (3..6).contains(&(place / 9));
    let pixels: Vec<bool> = (0..81).map(inside).collect();
    let mut out = vec![0.0; 243];
    paste(&person, &soft(size, &pixels), &place, &mut out).unwrap();
    // The middle, an edge inside and outside, and beyond it.
    assert_eq!([out[40], out[39], out[38], out[37]], [1.0, 0.5, -0.5, -1.0]);
    assert_eq!(out[..81], out[162..]);
}

#[test]
fn pictures_and_masks_of_another_size_are_refused() {
    let (opacity, mut out) = (Mask::new(size(4, 2)), [0.0; 24]);
    assert!(feather(&Shape::new(size(2, 4)), &mut Mask::new(size(4, 2))).is_err());
    assert!(paste(&[0.0; 24], &opacity, &[0.0; 24], &mut out).is_ok());
    assert!(paste(&[0.0; 23], &opacity, &[0.0; 24], &mut out).is_err());
    assert!(paste(&[0.0; 24], &opacity, &[0.0; 21], &mut out).is_err());
    assert!(paste(&[0.0; 24], &opacity, &[0.0; 24], &mut out[..23]).is_err());
}
