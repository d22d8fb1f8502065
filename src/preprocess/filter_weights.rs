//! Filter taps: the source pixels and weights of each target pixel along one axis.

use super::geometry::Axis;
use super::settings::{Interpolation, ResizeLibrary};
use alloc::vec::Vec;
use core::ops::Range;

/// For each target pixel, neighbouring source pixels and their weights; none in the padding.
#[derive(Clone, Debug)]
pub(crate) struct FilterWeights<W> {
    ranges: Vec<FilterRange>,
    weights: Vec<W>,
}

#[derive(Clone, Copy, Debug)]
struct FilterRange {
    /// First source pixel.
    first: usize,
    /// First weight.
    start: usize,
    /// End of the weights, exclusive.
    end: usize,
}

impl<W> FilterWeights<W> {
    pub(super) fn new() -> Self {
        Self { ranges: Vec::new(), weights: Vec::new() }
    }

    /// Adds the next target pixel, a sum of source pixels from `first` on.
    pub(super) fn push(&mut self, first: usize, weights: impl IntoIterator<Item = W>) {
        let start = self.weights.len();
        self.weights.extend(weights);
        self.ranges.push(FilterRange { first, start, end: self.weights.len() });
    }

    /// Returns, for each target pixel, the first source pixel and the weights.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[W])> {
        self.ranges.iter().map(|range| (range.first, &self.weights[range.start..range.end]))
    }

    /// Returns the source pixels that have weights, in order.
    pub(super) fn sources(&self) -> Vec<usize> {
        let mut sources: Vec<usize> = self.iter().flat_map(|(first, weights)| first..first + weights.len()).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// Replaces source pixels with their indices in `sources`.
    pub(super) fn renumber(&mut self, sources: &[usize]) {
        for range in &mut self.ranges {
            range.first = sources.partition_point(|&source| source < range.first);
        }
    }
}

#[cfg(feature = "gpu")]
impl<W> FilterWeights<W> {
    /// Returns the number of target pixels.
    pub(crate) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// Returns the first source pixel of each target pixel, then the index of its first weight, then the number of
    /// weights.
    pub(crate) fn spans(&self) -> Vec<i32> {
        let firsts = self.ranges.iter().map(|range| range.first as i32);
        let begins = self.ranges.iter().map(|range| range.start as i32);
        firsts.chain(begins).chain([self.weights.len() as i32]).collect()
    }

    /// Returns all weights, target pixel by target pixel.
    pub(crate) fn weights(&self) -> &[W] {
        &self.weights
    }
}

impl FilterWeights<i32> {
    /// Creates fixed-point taps for the covered pixels of `axis`. Weights add up to about `1 << family.bits()`.
    pub(super) fn of_pixels(axis: Axis, interpolation: Interpolation, family: ResizeLibrary) -> Self {
        let mut taps = Self::new();
        for target in axis.covered() {
            let position = i64::from(target) - i64::from(axis.offset);
            match family {
                ResizeLibrary::Pillow => taps.push_pillow(axis, interpolation, position),
                ResizeLibrary::OpenCv => taps.push_opencv(axis, interpolation, position),
            }
        }
        taps
    }

    /// Adds the taps of Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`, which stretch the filter if the
    /// picture shrinks.
    fn push_pillow(&mut self, axis: Axis, interpolation: Interpolation, position: i64) {
        let scale = f64::from(axis.source) / f64::from(axis.resized);
        let stretch = scale.max(1.0);
        let (support, filter): (f64, fn(f64) -> f64) = match interpolation {
            Interpolation::Bilinear => (stretch, triangle),
            Interpolation::Bicubic => (2.0 * stretch, pillow_cubic),
        };
        let centre = (position as f64 + 0.5) * scale;
        let pixels = (centre - support + 0.5) as u32..((centre + support + 0.5) as u32).min(axis.source);
        let weight = |pixel: u32| filter((f64::from(pixel) - centre + 0.5) * (1.0 / stretch));
        let sum: f64 = pixels.clone().map(weight).sum();
        let one = f64::from(1 << ResizeLibrary::Pillow.bits());
        self.push(pixels.start as usize, pixels.map(|pixel| round_away(weight(pixel) / sum * one)));
    }

    /// Adds the taps of OpenCV's `resize` for bytes. Weights outside the frame are added to the edge pixel.
    fn push_opencv(&mut self, axis: Axis, interpolation: Interpolation, position: i64) {
        let scale = 1.0 / (f64::from(axis.resized) / f64::from(axis.source));
        let centre = ((position as f64 + 0.5) * scale - 0.5) as f32;
        let floor = libm::floorf(centre);
        let fraction = centre - floor;
        match interpolation {
            Interpolation::Bilinear => self.push_replicated(axis, floor as i64, [1.0 - fraction, fraction]),
            Interpolation::Bicubic => self.push_replicated(axis, floor as i64 - 1, opencv_cubic(fraction)),
        }
    }

    fn push_replicated<const N: usize>(&mut self, axis: Axis, first: i64, weights: [f32; N]) {
        let last = i64::from(axis.source) - 1;
        let inside = |tap: usize| (first + tap as i64).clamp(0, last) as usize;
        let mut folded = [0; N];
        for (tap, weight) in weights.into_iter().enumerate() {
            let one = (1 << ResizeLibrary::OpenCv.bits()) as f32;
            folded[inside(tap) - inside(0)] += libm::rintf(weight * one) as i32;
        }
        self.push(inside(0), folded.into_iter().take(inside(N - 1) - inside(0) + 1));
    }
}

impl FilterWeights<f32> {
    /// Creates bilinear taps, antialiased if the mask shrinks, from a mask of `length` pixels that spans the target of
    /// `segmenter` to the target of `encoder`. Both are geometries of the same frame.
    pub(super) fn of_mask(length: u32, segmenter: Axis, encoder: Axis) -> Self {
        let pixels_of_mask = f64::from(length) / f64::from(segmenter.target);
        let to_mask = |target: f64| segmenter.to_target(encoder.to_source(target)) * pixels_of_mask;
        let frame = (segmenter.to_target(0.0) * pixels_of_mask).max(0.0)
            ..(segmenter.to_target(f64::from(segmenter.source)) * pixels_of_mask).min(f64::from(length));
        let stretch = (to_mask(1.0) - to_mask(0.0)).max(1.0);
        let mut taps = Self::new();
        for target in 0..encoder.target {
            match to_mask(f64::from(target) + 0.5) {
                centre if encoder.covered().contains(&target) && frame.contains(&centre) => {
                    taps.push_triangle(&frame, centre, stretch);
                }
                _ => taps.push(0, []),
            }
        }
        taps
    }

    /// Adds a triangle filter around `centre` over the mask pixels whose centres are in `frame`, without the padding.
    fn push_triangle(&mut self, frame: &Range<f64>, centre: f64, stretch: f64) {
        let first = libm::ceil((centre - stretch).max(frame.start) - 0.5) as u32;
        let end = libm::floor((centre + stretch).min(frame.end) - 0.5) as u32 + 1;
        let weight = |pixel: u32| triangle((f64::from(pixel) + 0.5 - centre) / stretch);
        let sum: f64 = (first..end).map(weight).sum();
        if sum > 0.0 {
            self.push(first as usize, (first..end).map(|pixel| (weight(pixel) / sum) as f32));
        } else {
            // The frame is narrower than a mask pixel.
            self.push(centre as usize, [1.0]);
        }
    }
}

impl ResizeLibrary {
    /// Returns the fractional bits of a weight: Pillow's `PRECISION_BITS`, OpenCV's `INTER_RESIZE_COEF_BITS`.
    pub(super) const fn bits(self) -> u32 {
        match self {
            ResizeLibrary::Pillow => 32 - 8 - 2,
            ResizeLibrary::OpenCv => 11,
        }
    }
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

/// Keys' cubic with a = -0.5, in Pillow's order of operations.
fn pillow_cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    match x.abs() {
        x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    }
}

/// Keys' cubic with a = -0.75 for the four pixels around a position, in OpenCV's order of operations.
fn opencv_cubic(x: f32) -> [f32; 4] {
    const A: f32 = -0.75;
    let outer = ((A * (x + 1.0) - 5.0 * A) * (x + 1.0) + 8.0 * A) * (x + 1.0) - 4.0 * A;
    let inner = |x: f32| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
    let (left, right) = (inner(x), inner(1.0 - x));
    [outer, left, right, 1.0 - outer - left - right]
}

/// Rounds halves away from 0, like Pillow.
fn round_away(x: f64) -> i32 {
    (if x < 0.0 { x - 0.5 } else { x + 0.5 }) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_to_one_for_any_sizes() {
        for (source, resized) in [(1, 7), (7, 1), (1920, 398), (100, 100), (13, 200), (3, 2)] {
            let axis = Axis { source, resized, offset: 0, target: resized };
            for family in [ResizeLibrary::Pillow, ResizeLibrary::OpenCv] {
                for interpolation in [Interpolation::Bilinear, Interpolation::Bicubic] {
                    let one = 1 << family.bits();
                    for (first, weights) in FilterWeights::of_pixels(axis, interpolation, family).iter() {
                        let sum: i32 = weights.iter().sum();
                        assert!((sum - one).abs() <= weights.len() as i32, "{source} to {resized}: {sum} of {one}");
                        assert!(first + weights.len() <= source as usize);
                    }
                }
            }
        }
    }
}
