//! People put before other backgrounds.

use figureground::mask::Shape;

/// Replaces what is not `person` in `pixel_values` [3, height, width] by `background`, of the same shape.
pub fn over_background(pixel_values: &mut [f32], person: &Shape, background: &[f32]) {
    let area = person.size().area();
    for (plane, behind) in pixel_values.chunks_exact_mut(area).zip(background.chunks_exact(area)) {
        for ((value, behind), person) in plane.iter_mut().zip(behind).zip(person.pixels()) {
            *value = if *person { *value } else { *behind };
        }
    }
}
