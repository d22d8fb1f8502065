//! A pose: target positions of hips, hands and feet.

use crate::vector::{Vector, vector};

/// Direction of each side along x: index 0 is left (+x of an actor that looks along +z), 1 is right.
pub(crate) const SIDES: [f32; 2] = [1.0, -1.0];

/// Height of the hips of a standing body of 1.7 m, in metres.
pub(crate) const HIP_HEIGHT: f32 = 0.91;

/// Target position of a hand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HandTarget {
    /// From its shoulder in the frame of the chest, in arm lengths: outward, up, forward.
    Shoulder(Vector),
    /// In the frame of the body, in metres from the ground between the feet: left, up, forward.
    Body(Vector),
}

/// A pose in the frame of the body, for a body of 1.7 m.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pose {
    /// Middle of the hips, in metres from the ground between the feet.
    pub(crate) hips: Vector,
    /// Bow of the trunk in radians, forward positive.
    pub(crate) bow: f32,
    /// Twist of the chest in radians, left shoulder back positive.
    pub(crate) twist: f32,
    /// Nod of the head in radians against the chest, forward positive.
    pub(crate) nod: f32,
    /// Targets of the wrists.
    pub(crate) hands: [HandTarget; 2],
    /// Directions of the elbows: outward, up, forward.
    pub(crate) elbows: [Vector; 2],
    /// Targets of the ankles, in metres: left, up, forward.
    pub(crate) feet: [Vector; 2],
    /// Angle of the toes in radians, up positive.
    pub(crate) toes: [f32; 2],
}

/// Height of the ankle of a standing foot, in metres.
pub(crate) const ANKLE: f32 = 0.08;

impl Pose {
    /// Returns the pose of standing still with hanging arms.
    pub(crate) fn standing() -> Self {
        Self {
            hips: vector(0.0, HIP_HEIGHT, 0.0),
            bow: 0.0,
            twist: 0.0,
            nod: 0.0,
            hands: [rest(0.0); 2],
            elbows: [vector(0.4, -0.2, -1.0); 2],
            feet: SIDES.map(|side| vector(side * 0.11, ANKLE, 0.0)),
            toes: [0.0; 2],
        }
    }

    /// Returns the mirror image: left and right are swapped.
    pub(crate) fn mirrored(self) -> Self {
        let swap = |[left, right]: [Vector; 2]| [right.mirrored(), left.mirrored()];
        let hands = self.hands.map(|hand| match hand {
            HandTarget::Body(goal) => HandTarget::Body(goal.mirrored()),
            from_shoulder => from_shoulder,
        });
        Self {
            hips: self.hips.mirrored(),
            twist: -self.twist,
            hands: [hands[1], hands[0]],
            elbows: [self.elbows[1], self.elbows[0]],
            feet: swap(self.feet),
            toes: [self.toes[1], self.toes[0]],
            ..self
        }
    }
}

/// Returns the target of a hanging hand, `forward` arm lengths in front of the body.
pub(crate) fn rest(forward: f32) -> HandTarget {
    HandTarget::Shoulder(vector(0.16, -0.94, 0.08 + forward))
}
