//! From time to pose: the positions of arms, legs and handled object at a moment of the clip.
//!
//! Arms move by cosines only, which are even in time. Sitting down and standing up are one curve, read in two
//! directions. So a reversed clip is a clip of the reversed class.

use crate::action::{Action, Arm, Leg};
use crate::activity::Activity;
use crate::handling::Handling;
use crate::noise::{ease, mix};
use crate::pose::{ANKLE, HIP_HEIGHT, HandTarget, Pose, rest};
use crate::random::{Random, RandomStream};
use crate::vector::{Vector, vector};
use std::f32::consts::{PI, TAU};

/// Position of the object of a handling, relative to the body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placement {
    /// Centre in metres from the ground between the feet.
    pub(crate) centre: Vector,
    /// Rotation in the picture in radians.
    pub(crate) angle: f32,
    /// Whether the object has left the hands.
    pub(crate) free: bool,
}

/// Tempo and size of one clip's movements.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Motion {
    activity: Activity,
    frames: usize,
    mirrored: bool,
    arms: Oscillation,
    legs: Oscillation,
    start: f32,
    end: f32,
    size: f32,
    depth: f32,
    travel: f32,
    sway: Oscillation,
}

/// A periodic movement: cycles per clip and the phase at its start.
#[derive(Clone, Copy, Debug)]
struct Oscillation {
    cycles: f32,
    phase: f32,
}

impl Oscillation {
    fn draw(random: &mut Random, least: f32, most: f32) -> Self {
        Self { cycles: random.range(least, most), phase: random.unit() }
    }

    /// Returns the angle at `time` of 0..1, in radians.
    fn angle(self, time: f32) -> f32 {
        TAU * (self.phase + self.cycles * time)
    }

    fn cos(self, time: f32) -> f32 {
        libm::cosf(self.angle(time))
    }
}

impl Motion {
    /// Draws the movements of `activity` over `frames` frames.
    pub(crate) fn new(activity: Activity, frames: usize, seed: u64) -> Self {
        let mut random = Random::new(seed, RandomStream::Motion);
        let seconds = frames as f32 * 0.08;
        Self {
            activity,
            frames,
            mirrored: random.chance(0.5),
            arms: Oscillation::draw(&mut random, 0.85 * seconds, 1.25 * seconds),
            legs: Oscillation::draw(&mut random, 0.8 * seconds, 1.1 * seconds),
            start: random.range(0.05, 0.25),
            end: random.range(0.72, 0.95),
            size: random.range(0.88, 1.08),
            depth: random.range(0.9, 1.1),
            travel: random.range(-0.12, 0.25),
            sway: Oscillation::draw(&mut random, 0.2, 0.7),
        }
    }

    /// Returns the position of `frame` in the unreversed movement.
    pub(crate) fn moment(&self, frame: usize) -> usize {
        let reversed = match self.activity {
            Activity::Action(action) => action.leg == Leg::StandingUp,
            Activity::Handling(handling) => {
                matches!(handling, Handling::Lowering | Handling::Pulling | Handling::Catching)
            }
        };
        if reversed { self.frames - 1 - frame } else { frame }
    }

    /// Returns the pose at `moment`, and the placement of the handled object.
    pub(crate) fn at(&self, moment: usize) -> (Pose, Option<Placement>) {
        let time = moment as f32 / (self.frames - 1).max(1) as f32;
        let (pose, placement) = match self.activity {
            Activity::Action(action) => (self.action(action, time), None),
            Activity::Handling(handling) => {
                let (pose, placement) = self.handling(handling, time);
                (pose, Some(placement))
            }
        };
        if !self.mirrored {
            return (pose, placement);
        }
        let mirror = |at: Placement| Placement { centre: at.centre.mirrored(), angle: -at.angle, ..at };
        (pose.mirrored(), placement.map(mirror))
    }

    /// Returns the progress of a movement that happens once, from 0 to 1.
    fn progress(&self, time: f32) -> f32 {
        ease((time - self.start) / (self.end - self.start))
    }

    fn action(&self, action: Action, time: f32) -> Pose {
        let mut pose = Pose::standing();
        pose.hips.x = 0.02 * self.sway.cos(time);
        pose.nod = 0.08 * self.sway.cos(time);
        self.move_legs(action.leg, time, &mut pose);
        self.move_arms(action.arm, time, &mut pose);
        pose
    }

    fn move_legs(&self, leg: Leg, time: f32, pose: &mut Pose) {
        match leg {
            Leg::Standing => {}
            Leg::Walking => self.walk(time, pose),
            Leg::Jumping => self.jump(time, pose),
            Leg::SittingDown | Leg::StandingUp => self.sit(self.progress(time), pose),
            Leg::Kicking => self.kick(time, pose),
        }
    }

    fn walk(&self, time: f32, pose: &mut Pose) {
        let angle = self.legs.angle(time);
        let stride = 0.36 * self.size;
        for (side, offset) in [0.0, PI].into_iter().enumerate() {
            let (sin, cos) = libm::sincosf(angle + offset);
            let lift = (-sin).max(0.0);
            pose.feet[side].z = stride * cos;
            pose.feet[side].y = ANKLE + 0.2 * self.depth * lift;
            pose.feet[side].x *= 0.8;
            pose.toes[side] = 0.35 * cos * (1.0 - lift) - 0.5 * lift;
            pose.hands[side] = rest(-0.35 * cos);
        }
        pose.hips.y -= 0.05 - 0.025 * libm::cosf(2.0 * angle);
        let forward = self.travel * (time - 0.5) * 2.0;
        pose.hips.z += forward;
        pose.feet.iter_mut().for_each(|foot| foot.z += forward);
        pose.bow += 0.06;
    }

    fn jump(&self, time: f32, pose: &mut Pose) {
        let cos = self.legs.cos(time);
        if cos > 0.0 {
            let height = 0.4 * self.depth * cos;
            pose.hips.y += height;
            for (side, foot) in pose.feet.iter_mut().enumerate() {
                foot.y += height + 0.1 * cos;
                foot.x *= 1.0 + 0.4 * cos;
                foot.z -= 0.08 * cos;
                pose.toes[side] = -0.8 * cos.min(0.7);
            }
        } else {
            pose.hips.y += 0.3 * cos;
            pose.hips.z += 0.12 * cos;
            pose.bow -= 0.55 * cos;
        }
    }

    fn sit(&self, progress: f32, pose: &mut Pose) {
        pose.hips.y = mix(HIP_HEIGHT, 0.46, progress);
        pose.hips.z -= 0.36 * self.depth * progress;
        let feet = [0.06, 0.09];
        pose.feet.iter_mut().zip(feet).for_each(|(foot, forward)| {
            foot.z += forward;
            foot.x *= 1.15;
        });
        pose.bow += 2.4 * progress * (1.0 - progress) + 0.05 * progress;
    }

    fn kick(&self, time: f32, pose: &mut Pose) {
        let swing = raised(self.legs.cos(time));
        pose.feet[0] = vector(0.1, ANKLE, -0.12).towards(vector(0.08, 0.98, 0.72), swing * self.size);
        pose.toes[0] = 0.5 * swing;
        pose.bow -= 0.28 * swing;
        pose.hips.z -= 0.06 * swing;
        pose.feet[1].z -= 0.03;
    }

    fn move_arms(&self, arm: Arm, time: f32, pose: &mut Pose) {
        let cos = self.arms.cos(time);
        let open = 0.5 + 0.5 * cos;
        match arm {
            Arm::Waving => self.wave(cos, pose),
            Arm::Clapping => self.clap(open, pose),
            Arm::Punching => self.punch(cos, pose),
            Arm::Raising => self.raise(open, pose),
            Arm::Drinking => self.drink(ease(open), pose),
            Arm::Rowing => self.row(open, pose),
        }
    }

    fn wave(&self, cos: f32, pose: &mut Pose) {
        pose.hands[0] = HandTarget::Shoulder(vector(0.5 + 0.48 * self.size * cos, 0.78 - 0.12 * cos, 0.18));
        pose.elbows[0] = vector(1.0, -0.7, 0.1);
    }

    fn clap(&self, open: f32, pose: &mut Pose) {
        let hand = vector(mix(-0.3, 0.72 * self.size, open), mix(-0.12, 0.05, open), mix(0.6, 0.5, open));
        pose.hands = [HandTarget::Shoulder(hand); 2];
        pose.elbows = [vector(0.7, -1.0, -0.1); 2];
    }

    fn punch(&self, cos: f32, pose: &mut Pose) {
        let (guard, hit) = (vector(-0.12, -0.1, 0.36), vector(-0.22, 0.06, 1.0));
        let out = [raised(cos), raised(-cos)];
        pose.hands = out.map(|out| HandTarget::Shoulder(guard.towards(hit, out * self.size.min(1.0))));
        pose.elbows = [vector(0.55, -1.0, -0.2); 2];
        pose.twist += 0.45 * (out[1] - out[0]);
    }

    fn raise(&self, up: f32, pose: &mut Pose) {
        let (sin, cos) = libm::sincosf(PI * (0.04 + 0.93 * up));
        pose.hands = [HandTarget::Shoulder(vector(0.97 * sin, -0.97 * cos, 0.08)); 2];
        pose.elbows = [vector(0.3, 0.0, -1.0); 2];
    }

    fn drink(&self, up: f32, pose: &mut Pose) {
        let (low, mouth) = (vector(0.16, -0.74, 0.5), vector(-0.14, 0.1, 0.42));
        pose.hands[0] = HandTarget::Shoulder(low.towards(mouth, up));
        pose.elbows[0] = vector(0.9, mix(-0.6, -0.45, up), 0.3);
        pose.nod -= 0.55 * up * up;
        pose.bow -= 0.06 * up;
    }

    fn row(&self, out: f32, pose: &mut Pose) {
        let hand = vector(0.12, -0.5, 0.06).towards(vector(-0.14, -0.05, 0.98), out);
        pose.hands = [HandTarget::Shoulder(hand); 2];
        pose.elbows = [vector(1.0, 0.05, -0.7); 2];
        pose.bow += mix(-0.3, 0.55, out) * self.size;
    }

    fn handling(&self, handling: Handling, time: f32) -> (Pose, Placement) {
        let mut pose = Pose::standing();
        pose.hips.x = 0.02 * self.sway.cos(time);
        let placement = match handling {
            Handling::Lifting | Handling::Lowering => self.lift(time, &mut pose),
            Handling::Pushing | Handling::Pulling => self.push(time, &mut pose),
            Handling::Throwing | Handling::Catching => self.throw(time, &mut pose),
            Handling::Shaking => self.shake(time),
            Handling::Turning => self.turn(time),
            Handling::Swinging => return self.swing(time, pose),
            Handling::Dropping => self.drop(time),
            Handling::Carrying => self.carry(time, &mut pose),
            Handling::Tossing => self.toss(time),
        };
        grasp(&mut pose, self.held_at(handling, time, placement));
        (pose, placement)
    }

    /// Returns the position of the hands while the object is at `placement`.
    fn held_at(&self, handling: Handling, time: f32, placement: Placement) -> Vector {
        match handling {
            Handling::Tossing => vector(0.0, placement.centre.y.min(1.16), 0.36),
            Handling::Dropping if placement.free => vector(0.0, 1.22, 0.4),
            Handling::Throwing | Handling::Catching if placement.free => {
                vector(0.0, mix(1.62, 1.2, ease((time - 0.55) * 4.0)), 0.5)
            }
            _ => placement.centre,
        }
    }

    fn lift(&self, time: f32, pose: &mut Pose) -> Placement {
        let up = self.progress(time);
        crouch(pose, 1.0 - up);
        held(vector(0.0, mix(0.34, 1.85 * self.size.min(1.0), up), 0.44 - 0.3 * up * up + 0.12 * up * (1.0 - up)))
    }

    fn push(&self, time: f32, pose: &mut Pose) -> Placement {
        let out = self.progress(time);
        pose.bow += 0.5 * out - 0.12;
        pose.hips.z += 0.12 * out - 0.06;
        pose.feet[0].z += 0.22;
        pose.feet[1].z -= 0.22;
        pose.hips.y -= 0.05;
        held(vector(0.0, 1.1, mix(0.3, 1.0, out)))
    }

    fn throw(&self, time: f32, pose: &mut Pose) -> Placement {
        let release = mix(0.5, 0.62, self.start * 4.0);
        let (back, front) = (vector(0.0, 1.1, 0.36), vector(0.0, 1.72, 0.55));
        let windup = vector(0.0, 1.86, -0.12);
        if time > release {
            let flown = (time - release) * self.frames as f32 * 0.08;
            let centre = front + vector(0.0, 0.9 * flown - 2.6 * flown * flown, 3.0 * flown);
            pose.bow = 0.3 * ease((time - release) * 8.0);
            return Placement { centre, angle: 5.0 * flown, free: true };
        }
        let turn = 0.72 * release;
        if time < turn {
            let t = ease(time / turn);
            pose.bow = -0.22 * t;
            held(back.towards(windup, t) + vector(0.0, 0.0, 0.24 * t * (1.0 - t)))
        } else {
            let t = (time - turn) / (release - turn);
            pose.bow = mix(-0.22, 0.0, t);
            held(windup.towards(front, t))
        }
    }

    fn shake(&self, time: f32) -> Placement {
        let quick = Oscillation { cycles: 1.9 * self.arms.cycles, ..self.arms };
        let cos = quick.cos(time);
        Placement { centre: vector(0.0, 1.22 + 0.17 * self.size * cos, 0.42), angle: 0.35 * cos, free: false }
    }

    fn turn(&self, time: f32) -> Placement {
        let angle = TAU * (self.arms.phase + (0.8 + 0.3 * self.size) * time);
        Placement { centre: vector(0.0, 1.22, 0.42), angle, free: false }
    }

    fn swing(&self, time: f32, mut pose: Pose) -> (Pose, Placement) {
        let angle = 0.1 + 1.25 * self.size * self.arms.cos(time);
        let (sin, cos) = libm::sincosf(angle);
        pose.hands[0] = HandTarget::Shoulder(vector(0.14, -0.95 * cos, 0.95 * sin));
        pose.bow += 0.08 * sin;
        let shoulder = vector(0.25, 1.4, 0.0);
        (pose, Placement { centre: shoulder + vector(0.03, -0.78 * cos, 0.78 * sin), angle, free: false })
    }

    fn drop(&self, time: f32) -> Placement {
        let fallen = ((time - 0.2 - self.start) * self.frames as f32 * 0.08).max(0.0);
        let height = 1.22 - 0.5 * 9.81 * 0.55 * fallen * fallen;
        Placement { centre: vector(0.0, height.max(0.16), 0.44), angle: 0.3 * fallen.min(0.6), free: fallen > 0.0 }
    }

    fn carry(&self, time: f32, pose: &mut Pose) -> Placement {
        self.walk(time, pose);
        held(vector(0.0, 1.08 + 0.02 * self.legs.cos(2.0 * time), 0.4 + pose.hips.z))
    }

    fn toss(&self, time: f32) -> Placement {
        let cos = self.arms.cos(time);
        let height = if cos > 0.0 { 1.16 + 0.95 * self.size * cos } else { 1.16 + 0.22 * cos };
        Placement { centre: vector(0.0, height, 0.4), angle: 1.2 * cos.max(0.0), free: cos > 0.0 }
    }
}

/// Maps `cos` from -1..1 to 0..1 so that low values last longer than high ones.
fn raised(cos: f32) -> f32 {
    let half = 0.5 + 0.5 * cos;
    half * half.sqrt()
}

fn held(centre: Vector) -> Placement {
    Placement { centre, angle: 0.0, free: false }
}

/// Bends the pose down to the ground, fully at `depth` 1.
fn crouch(pose: &mut Pose, depth: f32) {
    pose.hips.y -= 0.36 * depth;
    pose.hips.z -= 0.2 * depth;
    pose.bow += 1.05 * depth;
    pose.feet.iter_mut().for_each(|foot| foot.x *= 1.0 + 0.4 * depth);
}

/// Puts both hands at the sides of `centre`.
fn grasp(pose: &mut Pose, centre: Vector) {
    pose.hands = [0.13, -0.13].map(|x| HandTarget::Body(centre + vector(x, -0.02, -0.06)));
    pose.elbows = [vector(0.8, -0.8, -0.3); 2];
}
