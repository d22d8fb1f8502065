//! The camera position that keeps the whole movement in the picture.

use crate::camera::Camera;
use crate::clip::Clip;
use crate::motion::Motion;
use crate::random::{Random, RandomStream};
use crate::skeleton::Skeleton;
use crate::vector::{Vector, vector};
use figureground::mask::Size;
use std::f32::consts::TAU;

/// The camera of a clip, its movement, and the direction in which the actor looks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Framing {
    camera: Camera,
    yaw: f32,
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

/// Largest share of the picture's height and width that a movement may take.
const ROOM: f32 = 0.93;

impl Framing {
    /// Creates a camera that sees the whole movement of `clip`.
    pub(crate) fn new(clip: &Clip, motion: &Motion, size: Size) -> Self {
        let mut random = Random::new(clip.seed, RandomStream::Camera);
        let yaw = random.sign() * random.range(0.42, 1.15);
        let (width, height) = (size.width() as f32, size.height() as f32);
        let focal = height * random.range(1.1, 1.9);
        let eye = random.range(0.6, 1.35);
        let share = random.range(0.62, 0.9);
        let lean = random.range(0.4, 1.1);
        let slack = [random.range(0.15, 0.85), random.range(0.2, 0.9)];
        let stature = clip.actor.build.stature;
        let distance = focal * 1.7 * stature / (share * height);
        let points: Vec<_> =
            (0..clip.frames).step_by(2).flat_map(|moment| extreme_points(clip, motion, moment, yaw)).collect();
        let make = |distance: f32, centre| {
            let tilt = lean * libm::atan2f(eye - 0.85 * stature, distance);
            Camera::new(eye, distance, tilt, focal, centre)
        };
        let bounds = extent(&make(distance, [0.0, 0.0]), &points);
        let too_large =
            ((bounds.high[0] - bounds.low[0]) / (ROOM * width)).max((bounds.high[1] - bounds.low[1]) / (ROOM * height));
        let distance = distance * too_large.max(1.0);
        let bounds = extent(&make(distance, [0.0, 0.0]), &points);
        let centre = [0, 1].map(|axis| {
            let side = [width, height][axis];
            let room = side - (bounds.high[axis] - bounds.low[axis]);
            room * slack[axis] - bounds.low[axis]
        });
        let side = width.min(height);
        Self {
            camera: make(distance, centre),
            yaw,
            frames: clip.frames,
            margin: margin(size),
            pan: [random.range(-0.05, 0.05) * side, random.range(-0.015, 0.015) * side],
            shake: if random.chance(0.5) { random.range(0.0, 0.012) * side } else { 0.0 },
            phase: random.unit(),
        }
    }

    /// Returns the direction in which the actor looks, in radians: 0 is to the camera, positive to the right.
    pub(crate) fn yaw(&self) -> f32 {
        self.yaw
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

/// Returns the points of actor and held object that must be in the picture at `moment`.
fn extreme_points(clip: &Clip, motion: &Motion, moment: usize, yaw: f32) -> Vec<Vector> {
    let stature = clip.actor.build.stature;
    let (pose, placement) = motion.at(moment);
    let mut points = Skeleton::new(&pose, &clip.actor.build, yaw).extremes(stature).to_vec();
    if let Some(placement) = placement.filter(|placement| !placement.free) {
        let centre = placement.centre.yawed(yaw) * stature;
        points.extend([-0.2, 0.2].map(|aside| centre + vector(aside, 0.2, 0.0)));
    }
    points
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
