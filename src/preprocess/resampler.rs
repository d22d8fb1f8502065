//! Resizes frames to the RGB8 picture of a model: equal to Pillow, within one level of 255 of OpenCV.
//!
//! Like both libraries, it resamples rows, then columns, but only those of the crop. Between the two passes Pillow
//! rounds to bytes, and OpenCV keeps fixed-point numbers.

use super::filter_weights::FilterWeights;
use super::geometry::Geometry;
use super::settings::{Interpolation, ResizeLibrary};
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use crate::mask::Size;
use alloc::vec;
use alloc::vec::Vec;

/// The precomputed weights and the memory of one resize. Nothing is allocated after construction.
#[derive(Clone, Debug)]
pub struct Resampler {
    source: Size,
    target: Size,
    /// First byte of the frame in a target row.
    left: usize,
    /// First target row of the frame.
    top: usize,
    /// Source rows that the vertical taps read; the taps index this list.
    rows: Vec<usize>,
    horizontal: FilterWeights<i32>,
    vertical: FilterWeights<i32>,
    /// Sums of one target row.
    sums: Vec<i32>,
    intermediate: Intermediate,
}

/// The picture between the two passes, `[rows, columns, 3]`.
#[derive(Clone, Debug)]
enum Intermediate {
    Pillow(Vec<u8>),
    OpenCv(Vec<i32>),
}

/// The two passes of a resampler, rows first: source pixels, weights and rounding.
#[cfg(feature = "gpu")]
#[derive(Debug)]
pub(crate) struct Passes<'a> {
    /// Rows of the frame that are read; the vertical taps index this list.
    pub(crate) rows: &'a [usize],
    pub(crate) horizontal: &'a FilterWeights<i32>,
    pub(crate) vertical: &'a FilterWeights<i32>,
    /// First column of the picture that shows the frame.
    pub(crate) left: usize,
    /// First row of the picture that shows the frame.
    pub(crate) top: usize,
    /// Fractional bits that each pass rounds away; 0 keeps them.
    pub(crate) shifts: [u32; 2],
}

impl Resampler {
    /// Precomputes the weights for `geometry` and allocates memory.
    pub fn new(geometry: &Geometry, interpolation: Interpolation, family: ResizeLibrary) -> Self {
        let horizontal = FilterWeights::of_pixels(geometry.horizontal, interpolation, family);
        let mut vertical = FilterWeights::of_pixels(geometry.vertical, interpolation, family);
        let rows = vertical.sources();
        vertical.renumber(&rows);
        let columns = geometry.horizontal.covered();
        let row = 3 * columns.len();
        Self {
            source: geometry.source(),
            target: geometry.target(),
            left: 3 * columns.start as usize,
            top: geometry.vertical.covered().start as usize,
            sums: vec![0; row],
            intermediate: match family {
                ResizeLibrary::Pillow => Intermediate::Pillow(vec![0; row * rows.len()]),
                ResizeLibrary::OpenCv => Intermediate::OpenCv(vec![0; row * rows.len()]),
            },
            rows,
            horizontal,
            vertical,
        }
    }

    /// Returns both passes, for a GPU.
    #[cfg(feature = "gpu")]
    pub(crate) fn passes(&self) -> Passes<'_> {
        let shifts = match self.intermediate {
            Intermediate::Pillow(_) => [ResizeLibrary::Pillow.bits(); 2],
            Intermediate::OpenCv(_) => [0, 2 * ResizeLibrary::OpenCv.bits()],
        };
        let Self { rows, horizontal, vertical, .. } = self;
        Passes { rows, horizontal, vertical, left: self.left / 3, top: self.top, shifts }
    }

    /// Writes the resized `frame` to `crop`, RGB8 `[height, width, 3]`. Padding in `crop` keeps its pixels.
    ///
    /// # Errors
    /// Returns an error, and writes nothing, if `frame` or `crop` has another size.
    pub fn apply(&mut self, frame: &Frame<'_>, crop: &mut [u8]) -> Result<()> {
        self.source.expect(Size::from(frame), Stage::Preprocess)?;
        let bytes = 3 * self.target.area();
        if crop.len() != bytes {
            let expected = format_args!("{bytes} bytes of RGB8 for {}", self.target);
            return Err(Error::new(Stage::Preprocess, expected, crop.len(), "pass a buffer for one picture"));
        }
        self.resample(frame.pixels(), crop);
        Ok(())
    }

    fn resample(&mut self, pixels: &[u8], crop: &mut [u8]) {
        let Self { sums, horizontal, vertical, .. } = self;
        let stride = 3 * self.source.width() as usize;
        let source = self.rows.iter().map(|row| &pixels[row * stride..][..stride]);
        let left = self.left..self.left + sums.len();
        let target =
            crop.chunks_exact_mut(3 * self.target.width() as usize).skip(self.top).map(|row| &mut row[left.clone()]);
        match &mut self.intermediate {
            Intermediate::Pillow(intermediate) => {
                const HALF: i32 = 1 << (ResizeLibrary::Pillow.bits() - 1);
                let round = |sum: i32| ((sum + HALF) >> ResizeLibrary::Pillow.bits()).clamp(0, 255) as u8;
                resample_rows(source, horizontal, intermediate.chunks_exact_mut(sums.len()), round);
                resample_columns(intermediate, vertical, sums, target, round);
            }
            Intermediate::OpenCv(intermediate) => {
                const HALF: i32 = 1 << (2 * ResizeLibrary::OpenCv.bits() - 1);
                let round = |sum: i32| ((sum + HALF) >> (2 * ResizeLibrary::OpenCv.bits())).clamp(0, 255) as u8;
                resample_rows(source, horizontal, intermediate.chunks_exact_mut(sums.len()), |sum| sum);
                resample_columns(intermediate, vertical, sums, target, round);
            }
        }
    }
}

/// Resamples each source row to one row of `intermediate`.
fn resample_rows<'a, T: 'a>(
    source: impl Iterator<Item = &'a [u8]>,
    taps: &FilterWeights<i32>,
    intermediate: impl Iterator<Item = &'a mut [T]>,
    round: impl Fn(i32) -> T,
) {
    for (source, intermediate) in source.zip(intermediate) {
        for (pixel, (first, weights)) in intermediate.chunks_exact_mut(3).zip(taps.iter()) {
            let [red, green, blue] = weighted_sum(&source[3 * first..], weights);
            pixel[0] = round(red);
            pixel[1] = round(green);
            pixel[2] = round(blue);
        }
    }
}

/// Returns the weighted sum of neighbouring RGB pixels.
fn weighted_sum(pixels: &[u8], weights: &[i32]) -> [i32; 3] {
    let mut sums = [0; 3];
    for (pixel, weight) in pixels.chunks_exact(3).zip(weights) {
        for (sum, &byte) in sums.iter_mut().zip(pixel) {
            *sum += weight * i32::from(byte);
        }
    }
    sums
}

/// Resamples the rows of `intermediate` to the rows of `target`, as weighted sums of whole rows.
fn resample_columns<'a, T: Copy + Into<i32>>(
    intermediate: &[T],
    taps: &FilterWeights<i32>,
    sums: &mut [i32],
    target: impl Iterator<Item = &'a mut [u8]>,
    round: impl Fn(i32) -> u8,
) {
    for (target, (first, weights)) in target.zip(taps.iter()) {
        sums.fill(0);
        for (row, weight) in intermediate.chunks_exact(sums.len()).skip(first).zip(weights) {
            for (sum, &value) in sums.iter_mut().zip(row) {
                *sum += weight * value.into();
            }
        }
        for (byte, &sum) in target.iter_mut().zip(sums.iter()) {
            *byte = round(sum);
        }
    }
}
