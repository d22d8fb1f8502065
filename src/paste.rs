//! A person pasted onto another background, in place and with soft edges: the intervention of a probe.
//!
//! As in Eq. 1, but with a soft mask m of the person and a picture B behind it: `X = m V + (1 - m) B`, at encoder
//! resolution in normalised space.

use crate::error::Result;
use crate::error::Stage;
use crate::mask::{Mask, Shape};
use crate::view::expect_planes;

/// The weights of a pixel and its two neighbours in each direction, in quarters.
const WEIGHTS: [f32; 3] = [0.25, 0.5, 0.25];

/// Writes the soft mask m of `person` to `opacity`: the mean over each pixel and its eight neighbours, weighted 1, 2, 1
/// in each direction. The edge is soft over a pixel on both sides; pixels farther from it stay 0 or 1. Beyond the
/// picture its border is continued.
///
/// All values are sixteenths, so that every backend gets the same.
///
/// # Errors
/// Returns an error if the sizes differ.
pub fn feather(person: &Shape, opacity: &mut Mask) -> Result<()> {
    person.size().expect(opacity.size(), Stage::View)?;
    let (width, height) = (person.size().width() as usize, person.size().height() as usize);
    let around = |at: usize, end: usize| [at.saturating_sub(1), at, (at + 1).min(end - 1)];
    let pixels = person.pixels();
    for (y, row) in opacity.probabilities_mut().chunks_exact_mut(width).enumerate() {
        let rows = around(y, height).map(|y| &pixels[y * width..][..width]);
        for (x, m) in row.iter_mut().enumerate() {
            let columns = around(x, width);
            let mean = |row: &[bool]| sum(columns.map(|x| f32::from(u8::from(row[x]))));
            *m = sum(rows.map(mean));
        }
    }
    Ok(())
}

/// Returns the weighted mean of a value and its neighbours.
fn sum(values: [f32; 3]) -> f32 {
    values.iter().zip(WEIGHTS).map(|(value, weight)| value * weight).sum()
}

/// Computes `X = m V + (1 - m) B` with V = `pixel_values`, m = `opacity`, B = `background` and X = `out`.
///
/// # Errors
/// Returns an error if `pixel_values`, `background` or `out` is not `[3, height, width]` of `opacity`.
pub fn paste(pixel_values: &[f32], opacity: &Mask, background: &[f32], out: &mut [f32]) -> Result<()> {
    let size = opacity.size();
    [pixel_values, background, out].iter().try_for_each(|planes| expect_planes(planes, size, 3))?;
    let planes = pixel_values.chunks_exact(size.area()).zip(background.chunks_exact(size.area()));
    for (out, (person, place)) in out.chunks_exact_mut(size.area()).zip(planes) {
        for (x, ((v, b), m)) in out.iter_mut().zip(person.iter().zip(place).zip(opacity.probabilities())) {
            *x = m * v + (1.0 - m) * b;
        }
    }
    Ok(())
}
