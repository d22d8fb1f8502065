//! From pose to joints: forward kinematics of the trunk, inverse kinematics of arms and legs.

use crate::actor::Build;
use crate::pose::{HandTarget, Pose, SIDES};
use crate::vector::{Vector, vector};

/// Lengths of an average body of 1.7 m, in metres.
const UPPER_ARM: f32 = 0.285;
const FOREARM: f32 = 0.265;
const ARM: f32 = UPPER_ARM + FOREARM;
const HAND: f32 = 0.11;
const THIGH: f32 = 0.43;
const SHANK: f32 = 0.43;
const FOOT: f32 = 0.17;
const HIP_HALF_WIDTH: f32 = 0.095;
const SHOULDER_HALF_WIDTH: f32 = 0.185;
const WAIST_ABOVE_HIPS: f32 = 0.2;
const NECK_ABOVE_WAIST: f32 = 0.3;
const HEAD_ABOVE_NECK: f32 = 0.205;

/// Shoulder, elbow, wrist and fingertips; or hip, knee, ankle and toes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limb {
    pub(crate) root: Vector,
    pub(crate) bend: Vector,
    pub(crate) end: Vector,
    pub(crate) tip: Vector,
}

/// All joints in world coordinates, in metres.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Skeleton {
    pub(crate) hips: Vector,
    pub(crate) waist: Vector,
    pub(crate) neck: Vector,
    pub(crate) head: Vector,
    /// Directions of the face and of the top of the head, as unit vectors.
    pub(crate) face: Vector,
    pub(crate) crown: Vector,
    /// Directions of the chest and of its left side, as unit vectors.
    pub(crate) chest: Vector,
    pub(crate) left: Vector,
    pub(crate) arms: [Limb; 2],
    pub(crate) legs: [Limb; 2],
}

impl Skeleton {
    /// Computes the joints of `pose` for a body of `build` that looks `yaw` radians to the right of the picture.
    pub(crate) fn new(pose: &Pose, build: &Build, yaw: f32) -> Self {
        let chest_axes = |v: Vector| v.yawed(-pose.twist).pitched(pose.bow);
        let waist = pose.hips + vector(0.0, WAIST_ABOVE_HIPS, 0.0).pitched(0.6 * pose.bow);
        let neck = waist + chest_axes(vector(0.0, NECK_ABOVE_WAIST, 0.0));
        let head_axes = |v: Vector| v.pitched(0.35 * pose.bow + pose.nod);
        let head = neck + head_axes(vector(0.0, HEAD_ABOVE_NECK * build.head, 0.02));
        let arm = |index: usize| {
            let half_width = SHOULDER_HALF_WIDTH * build.shoulders;
            let shoulder = neck + chest_axes(vector(SIDES[index] * half_width, -0.05, 0.0));
            let outward = |v: Vector| chest_axes(vector(SIDES[index] * v.x, v.y, v.z));
            let goal = match pose.hands[index] {
                HandTarget::Shoulder(goal) => shoulder + outward(goal) * ARM,
                HandTarget::Body(goal) => goal,
            };
            limb(shoulder, goal, [UPPER_ARM, FOREARM], outward(pose.elbows[index]), |bend, end| {
                end + (end - bend).unit() * HAND
            })
        };
        let leg = |index: usize| {
            let hip = pose.hips + vector(SIDES[index] * HIP_HALF_WIDTH, 0.0, 0.0);
            let pole = vector(SIDES[index] * 0.18, 0.0, 1.0);
            limb(hip, pose.feet[index], [THIGH, SHANK], pole, |_, end| {
                let (sin, cos) = libm::sincosf(pose.toes[index]);
                end + vector(SIDES[index] * 0.04, FOOT * sin - 0.045 * cos, FOOT * cos)
            })
        };
        let body = Self {
            hips: pose.hips,
            waist,
            neck,
            head,
            face: head_axes(vector(0.0, 0.0, 1.0)),
            crown: head_axes(vector(0.0, 1.0, 0.0)),
            chest: chest_axes(vector(0.0, 0.0, 1.0)),
            left: chest_axes(vector(1.0, 0.0, 0.0)),
            arms: [arm(0), arm(1)],
            legs: [leg(0), leg(1)],
        };
        body.placed(build.stature, yaw)
    }

    fn placed(self, stature: f32, yaw: f32) -> Self {
        let place = |v: Vector| v.yawed(yaw) * stature;
        let chains = |chains: [Limb; 2]| {
            chains.map(|limb| Limb {
                root: place(limb.root),
                bend: place(limb.bend),
                end: place(limb.end),
                tip: place(limb.tip),
            })
        };
        Self {
            hips: place(self.hips),
            waist: place(self.waist),
            neck: place(self.neck),
            head: place(self.head),
            face: self.face.yawed(yaw),
            crown: self.crown.yawed(yaw),
            chest: self.chest.yawed(yaw),
            left: self.left.yawed(yaw),
            arms: chains(self.arms),
            legs: chains(self.legs),
        }
    }

    /// Returns this skeleton, moved by `shift`.
    pub(crate) fn moved(self, shift: Vector) -> Self {
        let chains = |chains: [Limb; 2]| {
            chains.map(|limb| Limb {
                root: limb.root + shift,
                bend: limb.bend + shift,
                end: limb.end + shift,
                tip: limb.tip + shift,
            })
        };
        Self {
            hips: self.hips + shift,
            waist: self.waist + shift,
            neck: self.neck + shift,
            head: self.head + shift,
            arms: chains(self.arms),
            legs: chains(self.legs),
            ..self
        }
    }

    /// Returns the points that must be in the picture.
    pub(crate) fn extremes(&self, stature: f32) -> [Vector; 6] {
        let top = self.head + self.crown * (0.14 * stature);
        [top, self.arms[0].tip, self.arms[1].tip, self.legs[0].tip, self.legs[1].tip, self.hips - self.chest * 0.1]
    }
}

/// Computes two bones from `root` that reach for `goal` and bend towards `pole`.
fn limb(
    root: Vector,
    goal: Vector,
    [upper, lower]: [f32; 2],
    pole: Vector,
    tip: impl Fn(Vector, Vector) -> Vector,
) -> Limb {
    let reach = goal - root;
    let distance = reach.length().clamp(0.3 * (upper + lower), 0.999 * (upper + lower));
    let along = reach.unit();
    let foot = (upper * upper - lower * lower + distance * distance) / (2.0 * distance);
    let sideways = (pole - along * pole.dot(along)).unit();
    let bend = root + along * foot + sideways * (upper * upper - foot * foot).max(0.0).sqrt();
    let end = root + along * distance;
    Limb { root, bend, end, tip: tip(bend, end) }
}
