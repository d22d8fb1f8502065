//! The camera position that keeps the whole movement in the picture.

use crate::camera::Camera;
use crate::performer::{Performer, draw_yaw};
use crate::random::{Random, RandomStream};
use crate::vector::Vector;
use figureground::mask::Size;
use std::f32::consts::TAU;

/// The camera of a clip and its movement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framing {
    camera: Camera,
    frames: usize,
    margin: i32,
    pan: [f32; 2],
    shake: f32,
    phase: f32,
}

/// A rectangle that grows around points.
#[derive(Clone, Copy, Debug)]
struct Extent {
    low: [f32; 2],
    high: [f32; 2],
}

/// Largest share of the picture's height and width that the movement of one person may take.
const ROOM: f32 = 0.93;
/// The same for several people, who stand at the borders more often.
const CROWD_ROOM: f32 = 0.85;

impl Framing {
    /// Creates a camera that sees the whole movements of `people` in `frames` frames, drawn from the clip's `seed`.
    ///
    /// The size of the first person decides its distance, which grows until all of them fit.
    pub(crate) fn new(people: &[Performer], frames: usize, seed: u64, size: Size) -> Self {
        let mut random = Random::new(seed, RandomStream::Camera);
        draw_yaw(&mut random);
        let (width, height) = (size.width() as f32, size.height() as f32);
        let focal = height * random.range(1.1, 1.9);
        let eye = random.range(0.6, 1.35);
        let share = random.range(0.62, 0.9);
        let lean = random.range(0.4, 1.1);
        let slack = [random.range(0.15, 0.85), random.range(0.2, 0.9)];
        let stature = people.first().map_or(1.0, Performer::stature);
        let mut distance = focal * 1.7 * stature / (share * height);
        let moments = (0..frames).step_by(2);
        let points: Vec<_> =
            moments.flat_map(|moment| people.iter().flat_map(move |one| one.extreme_points(moment))).collect();
        let make = |distance: f32, centre| {
            let tilt = lean * libm::atan2f(eye - 0.85 * stature, distance);
            Camera::new(eye, distance, tilt, focal, centre)
        };
        let room = if people.len() > 1 { CROWD_ROOM } else { ROOM };
        // One step is enough for one person; what stands behind the centre shrinks less than the distance grows.
        for _ in people {
            let Extent { low, high } = extent(&make(distance, [0.0, 0.0]), &points);
            let too_large = ((high[0] - low[0]) / (room * width)).max((high[1] - low[1]) / (room * height));
            distance *= too_large.max(1.0);
        }
        let bounds = extent(&make(distance, [0.0, 0.0]), &points);
        let centre = [0, 1].map(|axis| {
            let side = [width, height][axis];
            let room = side - (bounds.high[axis] - bounds.low[axis]);
            room * slack[axis] - bounds.low[axis]
        });
        let side = width.min(height);
        Self {
            camera: make(distance, centre),
            frames,
            margin: margin(size),
            pan: [random.range(-0.05, 0.05) * side, random.range(-0.015, 0.015) * side],
            shake: if random.chance(0.5) { random.range(0.0, 0.012) * side } else { 0.0 },
            phase: random.unit(),
        }
    }

    /// Returns the shift of the picture at `moment`, in whole pixels, at most the margin.
    pub(crate) fn shift(&self, moment: usize) -> [i32; 2] {
        let time = moment as f32 / self.frames as f32;
        let shake = |cycles: f32| self.shake * libm::sinf(TAU * (self.phase + cycles * time));
        let moved = [self.pan[0] * (time - 0.5) + shake(2.3), self.pan[1] * (time - 0.5) + shake(3.1)];
        moved.map(|pixels| (libm::roundf(pixels) as i32).clamp(-self.margin, self.margin))
    }

    /// Returns the camera at `moment`.
    pub(crate) fn camera(&self, moment: usize) -> Camera {
        self.camera.shifted(self.shift(moment).map(|pixels| pixels as f32))
    }

    /// Returns the camera of the background, which has [`margin`] more pixels at each side.
    pub(crate) fn wide_camera(&self) -> Camera {
        self.camera.shifted([self.margin as f32; 2])
    }
}

/// Returns the largest shift of the picture, in pixels.
pub(crate) fn margin(size: Size) -> i32 {
    (size.width().max(size.height()) / 20) as i32 + 2
}

fn extent(camera: &Camera, points: &[Vector]) -> Extent {
    let mut extent = Extent { low: [f32::MAX; 2], high: [f32::MIN; 2] };
    for &point in points {
        let projected = camera.project(point);
        let radius = 0.08 * projected.scale;
        for (axis, value) in [projected.x, projected.y].into_iter().enumerate() {
            extent.low[axis] = extent.low[axis].min(value - radius);
            extent.high[axis] = extent.high[axis].max(value + radius);
        }
    }
    extent
}
