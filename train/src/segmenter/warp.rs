//! Random affine transforms of rendered pictures: rotation, zoom, stretch and mirroring.

use pantomime::Picture;
use rand::{Rng, RngExt};

/// Probability that a sample shows the whole rendered picture, like the segmenter's usual input.
const WHOLE: f64 = 0.65;
/// Natural logarithm of the largest zoom in; the largest zoom out is half of that.
const ZOOM: f32 = 0.7;
/// Natural logarithm of the largest stretch of width against height.
const STRETCH: f32 = 0.4;
/// Largest rotation in radians.
const TURN: f32 = 0.2;
/// Source pixels per pixel above which four points are averaged instead of one.
const COARSE: f32 = 1.2;

/// A picture with its mask, [side, side].
#[derive(Clone, Debug)]
pub struct SampleImage {
    /// Side in pixels.
    pub side: usize,
    /// RGB8 [side, side, 3].
    pub rgb: Vec<u8>,
    /// Share of the person in each pixel, 0 to 1, [side, side].
    pub person: Vec<f32>,
}

impl SampleImage {
    /// Creates a black picture without a person.
    pub fn new(side: usize) -> Self {
        Self { side, rgb: vec![0; 3 * side * side], person: vec![0.0; side * side] }
    }
}

/// An affine map from the unit square of a sample to that of a rendered picture.
#[derive(Clone, Copy, Debug)]
pub struct Warp {
    centre: [f32; 2],
    right: [f32; 2],
    down: [f32; 2],
}

impl Warp {
    /// Draws the whole picture, mirrored half of the time, or a part of it.
    pub fn draw(rng: &mut impl Rng) -> Self {
        if rng.random_bool(WHOLE) { Self::whole(rng.random()) } else { Self::part(rng) }
    }

    fn whole(mirrored: bool) -> Self {
        Self { centre: [0.5; 2], right: [if mirrored { -1.0 } else { 1.0 }, 0.0], down: [0.0, 1.0] }
    }

    /// Draws a part of the picture, or the picture surrounded by its mirror images.
    pub fn part(rng: &mut impl Rng) -> Self {
        let zoom = (-rng.random_range(-ZOOM / 2.0..ZOOM)).exp();
        let stretch = (rng.random_range(-STRETCH..STRETCH) / 2.0).exp();
        let turn = if rng.random_bool(0.3) { rng.random_range(-TURN..TURN) } else { 0.0 };
        let (sin, cos) = turn.sin_cos();
        let mirror = if rng.random() { -1.0 } else { 1.0 };
        let reach = (1.0 - zoom).abs() / 2.0;
        let centre = [0; 2].map(|_| 0.5 + rng.random_range(-1.0..=1.0) * reach);
        let (width, height) = (zoom * stretch, zoom / stretch);
        Self { centre, right: [mirror * width * cos, width * sin], down: [-height * sin * mirror, height * cos] }
    }

    /// Writes the transformed `picture` to `image`; the picture is mirrored at its edges.
    pub fn apply(&self, picture: &Picture, image: &mut SampleImage) {
        let side = image.side;
        let source = BilinearSampler::new(picture);
        let points = self.points(&source, side);
        let share = 1.0 / points.len() as f32;
        for (i, (rgb, person)) in image.rgb.chunks_exact_mut(3).zip(&mut image.person).enumerate() {
            let mut sum = [0.5, 0.5, 0.5, 0.0];
            for point in points {
                let position = [(i % side) as f32 + point[0], (i / side) as f32 + point[1]];
                source.add(self.source_of(position, side), share, &mut sum);
            }
            rgb.iter_mut().zip(sum).for_each(|(byte, value)| *byte = value as u8);
            *person = sum[3];
        }
    }

    /// Returns the points of a pixel at which the picture is sampled.
    fn points(&self, source: &BilinearSampler<'_>, side: usize) -> &'static [[f32; 2]] {
        let step = |d: [f32; 2]| (d[0] * source.width as f32).hypot(d[1] * source.height as f32) / side as f32;
        if step(self.right).max(step(self.down)) > COARSE {
            &[[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
        } else {
            &[[0.5, 0.5]]
        }
    }

    /// Maps a position in a sample of `side` pixels to the unit square of the rendered picture.
    fn source_of(&self, at: [f32; 2], side: usize) -> [f32; 2] {
        let [u, v] = at.map(|x| x / side as f32 - 0.5);
        [0, 1].map(|axis| self.centre[axis] + u * self.right[axis] + v * self.down[axis])
    }
}

/// Samples a picture by bilinear interpolation.
struct BilinearSampler<'a> {
    picture: &'a Picture,
    width: usize,
    height: usize,
}

impl<'a> BilinearSampler<'a> {
    fn new(picture: &'a Picture) -> Self {
        Self { picture, width: picture.size.width() as usize, height: picture.size.height() as usize }
    }

    /// Adds `share` of red, green, blue and person at a position of the unit square to `sum`.
    fn add(&self, position: [f32; 2], share: f32, sum: &mut [f32; 4]) {
        let (left, right, x) = neighbours(position[0], self.width);
        let (top, bottom, y) = neighbours(position[1], self.height);
        for (row, row_share) in [(top, 1.0 - y), (bottom, y)] {
            for (column, column_share) in [(left, 1.0 - x), (right, x)] {
                let (pixel, weight) = (row * self.width + column, share * row_share * column_share);
                let rgb = &self.picture.rgb[3 * pixel..3 * pixel + 3];
                sum.iter_mut().zip(rgb).for_each(|(sum, byte)| *sum += weight * f32::from(*byte));
                sum[3] += if self.picture.person.pixels()[pixel] { weight } else { 0.0 };
            }
        }
    }
}

/// Returns the two pixels around `position` of 0..1 on an axis of `count` pixels, and the weight of the second.
fn neighbours(position: f32, count: usize) -> (usize, usize, f32) {
    let x = position * count as f32 - 0.5;
    let first = x.floor();
    (mirrored(first as isize, count), mirrored(first as isize + 1, count), x - first)
}

/// Reflects `index` into 0..`count`.
fn mirrored(index: isize, count: usize) -> usize {
    let index = index.rem_euclid(2 * count as isize) as usize;
    if index < count { index } else { 2 * count - 1 - index }
}

#[cfg(test)]
mod tests {
    use super::*;
    use figureground::mask::Size;

    #[test]
    fn the_whole_picture_at_its_own_size_is_copied_or_mirrored_exactly() {
        let mut picture = Picture::new(Size::new(16, 16).unwrap());
        picture.rgb.iter_mut().enumerate().for_each(|(i, byte)| *byte = (i * 37 % 251) as u8);
        picture.person.pixels_mut()[16 * 3 + 5] = true;
        let mut image = SampleImage::new(16);
        Warp::whole(false).apply(&picture, &mut image);
        assert_eq!(image.rgb, picture.rgb);
        assert!(image.person[16 * 3 + 5] > 0.99);
        Warp::whole(true).apply(&picture, &mut image);
        assert!(image.person[16 * 3 + 10] > 0.99);
        assert_eq!(image.rgb[..3], picture.rgb[45..48]);
    }

    #[test]
    fn the_picture_is_mirrored_at_its_edges() {
        assert_eq!([-3, -1, 0, 3, 4, 6].map(|i| mirrored(i, 4)), [2, 0, 0, 3, 3, 1]);
    }
}
