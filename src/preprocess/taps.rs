//! Which source pixels make one pixel of the result along one side, and with what weights.

use super::geometry::Axis;
use super::settings::{Family, Interpolation};
use alloc::vec::Vec;
use core::ops::Range;

/// For each pixel of the result, neighbouring source pixels and their weights; no pixels where the frame does not
/// reach.
#[derive(Clone, Debug)]
pub(crate) struct Taps<W> {
    spans: Vec<Span>,
    weights: Vec<W>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    first: usize,
    start: usize,
    end: usize,
}

impl<W> Taps<W> {
    pub(super) fn new() -> Self {
        Self { spans: Vec::new(), weights: Vec::new() }
    }

    /// Adds the next pixel of the result, made of source pixels from `first` on.
    pub(super) fn push(&mut self, first: usize, weights: impl IntoIterator<Item = W>) {
        let start = self.weights.len();
        self.weights.extend(weights);
        self.spans.push(Span { first, start, end: self.weights.len() });
    }

    /// For each pixel of the result, the first source pixel and the weights from there on.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &[W])> {
        self.spans.iter().map(|span| (span.first, &self.weights[span.start..span.end]))
    }

    /// The source pixels that have a weight at all, in order.
    pub(super) fn sources(&self) -> Vec<usize> {
        let mut sources: Vec<usize> = self.iter().flat_map(|(first, weights)| first..first + weights.len()).collect();
        sources.sort_unstable();
        sources.dedup();
        sources
    }

    /// Makes the taps count in `sources`, their own source pixels, instead of in all of them.
    pub(super) fn renumber(&mut self, sources: &[usize]) {
        for span in &mut self.spans {
            span.first = sources.partition_point(|&source| source < span.first);
        }
    }
}

#[cfg(feature = "gpu")]
impl<W> Taps<W> {
    /// Pixels of the result.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// For each pixel of the result the first source pixel, then for each and one more where its weights begin.
    pub(crate) fn spans(&self) -> Vec<i32> {
        let firsts = self.spans.iter().map(|span| span.first as i32);
        let begins = self.spans.iter().map(|span| span.start as i32);
        firsts.chain(begins).chain([self.weights.len() as i32]).collect()
    }

    /// All weights, one pixel's behind the other's.
    pub(crate) fn weights(&self) -> &[W] {
        &self.weights
    }
}

impl Taps<i32> {
    /// Fixed-point taps for the covered pixels of `axis`; their weights add up to about `1 << family.bits()`.
    pub(super) fn of_pixels(axis: Axis, interpolation: Interpolation, family: Family) -> Self {
        let mut taps = Self::new();
        for target in axis.covered() {
            let position = i64::from(target) - i64::from(axis.offset);
            match family {
                Family::Pillow => taps.push_pillow(axis, interpolation, position),
                Family::OpenCv => taps.push_opencv(axis, interpolation, position),
            }
        }
        taps
    }

    /// Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`: the filter is stretched where the picture shrinks.
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
        let one = f64::from(1 << Family::Pillow.bits());
        self.push(pixels.start as usize, pixels.map(|pixel| round_away(weight(pixel) / sum * one)));
    }

    /// OpenCV's `resize` for bytes; what lies outside the frame repeats the edge, so its weight goes to the edge pixel.
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
            let one = (1 << Family::OpenCv.bits()) as f32;
            folded[inside(tap) - inside(0)] += libm::rintf(weight * one) as i32;
        }
        self.push(inside(0), folded.into_iter().take(inside(N - 1) - inside(0) + 1));
    }
}

impl Taps<f32> {
    /// Bilinear taps, antialiased where they shrink, from a mask of `length` pixels that spans the target of `seen` to
    /// the target of `wanted`; both are geometries of the same frame.
    pub(super) fn of_mask(length: u32, seen: Axis, wanted: Axis) -> Self {
        let pixels_of_mask = f64::from(length) / f64::from(seen.target);
        let to_mask = |target: f64| seen.to_target(wanted.to_source(target)) * pixels_of_mask;
        let frame = (seen.to_target(0.0) * pixels_of_mask).max(0.0)
            ..(seen.to_target(f64::from(seen.source)) * pixels_of_mask).min(f64::from(length));
        let stretch = (to_mask(1.0) - to_mask(0.0)).max(1.0);
        let mut taps = Self::new();
        for target in 0..wanted.target {
            match to_mask(f64::from(target) + 0.5) {
                centre if wanted.covered().contains(&target) && frame.contains(&centre) => {
                    taps.push_triangle(&frame, centre, stretch);
                }
                _ => taps.push(0, []),
            }
        }
        taps
    }

    /// A triangle around `centre` over the mask pixels whose middle lies in `frame`, so that no padding bleeds in.
    fn push_triangle(&mut self, frame: &Range<f64>, centre: f64, stretch: f64) {
        let first = libm::ceil((centre - stretch).max(frame.start) - 0.5) as u32;
        let end = libm::floor((centre + stretch).min(frame.end) - 0.5) as u32 + 1;
        let weight = |pixel: u32| triangle((f64::from(pixel) + 0.5 - centre) / stretch);
        let sum: f64 = (first..end).map(weight).sum();
        if sum > 0.0 {
            self.push(first as usize, (first..end).map(|pixel| (weight(pixel) / sum) as f32));
        } else {
            // The frame is thinner than a mask pixel here.
            self.push(centre as usize, [1.0]);
        }
    }
}

impl Family {
    /// Fractional bits of a weight: Pillow's `PRECISION_BITS`, OpenCV's `INTER_RESIZE_COEF_BITS`.
    pub(super) const fn bits(self) -> u32 {
        match self {
            Family::Pillow => 32 - 8 - 2,
            Family::OpenCv => 11,
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

/// Rounds halves away from 0, as Pillow does.
fn round_away(x: f64) -> i32 {
    (if x < 0.0 { x - 0.5 } else { x + 0.5 }) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_add_up_to_one_whatever_the_sizes() {
        for (source, resized) in [(1, 7), (7, 1), (1920, 398), (100, 100), (13, 200), (3, 2)] {
            let axis = Axis { source, resized, offset: 0, target: resized };
            for family in [Family::Pillow, Family::OpenCv] {
                for interpolation in [Interpolation::Bilinear, Interpolation::Bicubic] {
                    let one = 1 << family.bits();
                    for (first, weights) in Taps::of_pixels(axis, interpolation, family).iter() {
                        let sum: i32 = weights.iter().sum();
                        assert!((sum - one).abs() <= weights.len() as i32, "{source} to {resized}: {sum} of {one}");
                        assert!(first + weights.len() <= source as usize);
                    }
                }
            }
        }
    }
}
