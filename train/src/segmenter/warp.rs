//! Which part of a rendered picture a sample shows: turned, zoomed, stretched and mirrored.

use pantomime::Picture;
use rand::{Rng, RngExt};

/// How often a sample shows the whole rendered picture, as the segmenter will mostly see it.
const WHOLE: f64 = 0.65;
/// Natural logarithm of the largest zoom; the smallest is half of that outward.
const ZOOM: f32 = 0.7;
/// Natural logarithm of the strongest stretch of width against height.
const STRETCH: f32 = 0.4;
/// The steepest turn in radians.
const TURN: f32 = 0.2;
/// From this many source pixels a pixel on, four points are averaged instead of one.
const COARSE: f32 = 1.2;

/// A picture in the making, [side, side].
#[derive(Clone, Debug)]
pub struct Canvas {
    /// Its side in pixels.
    pub side: usize,
    /// RGB8 [side, side, 3].
    pub rgb: Vec<u8>,
    /// How much of each pixel is person, 0 to 1, [side, side].
    pub person: Vec<f32>,
}

impl Canvas {
    /// A black one without a person.
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
    /// The whole picture, mirrored half of the time, or a part of it.
    pub fn draw(rng: &mut impl Rng) -> Self {
        if rng.random_bool(WHOLE) { Self::whole(rng.random()) } else { Self::part(rng) }
    }

    fn whole(mirrored: bool) -> Self {
        Self { centre: [0.5; 2], right: [if mirrored { -1.0 } else { 1.0 }, 0.0], down: [0.0, 1.0] }
    }

    /// A part of the picture, or the picture small among its mirror images.
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

    /// Writes what it shows of `picture` to `canvas`; beyond the edge, the picture is mirrored.
    pub fn apply(&self, picture: &Picture, canvas: &mut Canvas) {
        let side = canvas.side;
        let source = Source::new(picture);
        let points = self.points(&source, side);
        let share = 1.0 / points.len() as f32;
        for (i, (rgb, person)) in canvas.rgb.chunks_exact_mut(3).zip(&mut canvas.person).enumerate() {
            let mut sum = [0.5, 0.5, 0.5, 0.0];
            for point in points {
                let place = [(i % side) as f32 + point[0], (i / side) as f32 + point[1]];
                source.add(self.place(place, side), share, &mut sum);
            }
            rgb.iter_mut().zip(sum).for_each(|(byte, value)| *byte = value as u8);
            *person = sum[3];
        }
    }

    /// Where in a pixel the picture is looked up.
    fn points(&self, source: &Source<'_>, side: usize) -> &'static [[f32; 2]] {
        let step = |d: [f32; 2]| (d[0] * source.width as f32).hypot(d[1] * source.height as f32) / side as f32;
        if step(self.right).max(step(self.down)) > COARSE {
            &[[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]]
        } else {
            &[[0.5, 0.5]]
        }
    }

    /// Where a place of a sample of `side` pixels lies in the unit square of the rendered picture.
    fn place(&self, at: [f32; 2], side: usize) -> [f32; 2] {
        let [u, v] = at.map(|x| x / side as f32 - 0.5);
        [0, 1].map(|axis| self.centre[axis] + u * self.right[axis] + v * self.down[axis])
    }
}

struct Source<'a> {
    picture: &'a Picture,
    width: usize,
    height: usize,
}

impl<'a> Source<'a> {
    fn new(picture: &'a Picture) -> Self {
        Self { picture, width: picture.size.width() as usize, height: picture.size.height() as usize }
    }

    /// Adds `share` of the picture at `place` of the unit square, bilinear: red, green, blue, person.
    fn add(&self, place: [f32; 2], share: f32, sum: &mut [f32; 4]) {
        let (left, right, x) = neighbours(place[0], self.width);
        let (top, bottom, y) = neighbours(place[1], self.height);
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

/// The two pixels around `place` of 0..1 on an axis of `count`, and the share of the second.
fn neighbours(place: f32, count: usize) -> (usize, usize, f32) {
    let x = place * count as f32 - 0.5;
    let first = x.floor();
    (mirrored(first as isize, count), mirrored(first as isize + 1, count), x - first)
}

/// `index` reflected into 0..`count`.
fn mirrored(index: isize, count: usize) -> usize {
    let index = index.rem_euclid(2 * count as isize) as usize;
    if index < count { index } else { 2 * count - 1 - index }
}

#[cfg(test)]
mod tests {
    use super::*;
    use figureground::mask::Size;

    #[test]
    fn the_whole_picture_at_its_own_size_stays_as_it_is_and_mirrors_exactly() {
        let mut picture = Picture::new(Size::new(16, 16).unwrap());
        picture.rgb.iter_mut().enumerate().for_each(|(i, byte)| *byte = (i * 37 % 251) as u8);
        picture.person.pixels_mut()[16 * 3 + 5] = true;
        let mut canvas = Canvas::new(16);
        Warp::whole(false).apply(&picture, &mut canvas);
        assert_eq!(canvas.rgb, picture.rgb);
        assert!(canvas.person[16 * 3 + 5] > 0.99);
        Warp::whole(true).apply(&picture, &mut canvas);
        assert!(canvas.person[16 * 3 + 10] > 0.99);
        assert_eq!(canvas.rgb[..3], picture.rgb[45..48]);
    }

    #[test]
    fn beyond_the_edge_the_picture_is_mirrored() {
        assert_eq!([-3, -1, 0, 3, 4, 6].map(|i| mirrored(i, 4)), [2, 0, 0, 3, 3, 1]);
    }
}
