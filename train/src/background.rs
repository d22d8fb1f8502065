//! Replaces the background of a frame.

use figureground::mask::Shape;

/// Replaces the pixels outside `person` in `pixel_values` [3, height, width] by those of `background`, of the same
/// shape.
pub fn replace_background(pixel_values: &mut [f32], person: &Shape, background: &[f32]) {
    let area = person.size().area();
    for (plane, background) in pixel_values.chunks_exact_mut(area).zip(background.chunks_exact(area)) {
        for ((value, background), person) in plane.iter_mut().zip(background).zip(person.pixels()) {
            *value = if *person { *value } else { *background };
        }
    }
}
