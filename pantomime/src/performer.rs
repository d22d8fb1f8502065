//! One person of a clip while it is drawn: movement, direction, position on the ground and object.

use crate::activity::Activity;
use crate::clip::{Clip, Grip};
use crate::colour::{DYES, grey};
use crate::figure;
use crate::motion::{Motion, Placement};
use crate::object::Object;
use crate::object_drawing::{self, ObjectStyle, PlacedObject};
use crate::polygons::Modeller;
use crate::random::{Random, RandomStream};
use crate::skeleton::Skeleton;
use crate::vector::{Vector, vector};

/// A person with everything that is equal in all frames.
#[derive(Clone, Debug)]
pub(crate) struct Performer {
    clip: Clip,
    motion: Motion,
    /// Direction in which the person looks, in radians: 0 is to the camera, positive to the right.
    yaw: f32,
    position: Vector,
    object_style: ObjectStyle,
    /// Index of the arm that holds an object.
    hand: usize,
    /// Position of an object on the ground, from the person's.
    beside: Vector,
}

/// A person in one frame.
#[derive(Clone, Debug)]
pub(crate) struct PosedPerson {
    pub(crate) skeleton: Skeleton,
    pub(crate) object: Option<PlacedObject>,
}

/// Draws the direction in which a person looks: the first draw of the camera's random stream.
pub(crate) fn draw_yaw(random: &mut Random) -> f32 {
    random.sign() * random.range(0.42, 1.15)
}

impl Performer {
    /// Creates the person of `clip`, whose ground is at `position`.
    pub(crate) fn new(clip: &Clip, position: Vector) -> Self {
        let mut random = Random::new(clip.seed, RandomStream::ObjectStyle);
        let main = random.pick(&DYES).colour;
        Self {
            clip: *clip,
            motion: Motion::new(clip.activity, clip.frames, clip.seed),
            yaw: draw_yaw(&mut Random::new(clip.seed, RandomStream::Camera)),
            position,
            object_style: ObjectStyle {
                colour: main,
                second: grey(random.pick(&[0.12, 0.95])),
                size: random.range(0.78, 1.05),
            },
            hand: random.below(2),
            beside: vector(random.sign() * random.range(0.45, 0.7), 0.0, random.range(-0.4, 0.3)),
        }
    }

    /// Returns the factor of all lengths of the body.
    pub(crate) fn stature(&self) -> f32 {
        self.clip.actor.build.stature
    }

    /// Returns the position of `frame` in the unreversed movement; frames past the end are the last one.
    pub(crate) fn moment(&self, frame: usize) -> usize {
        self.motion.moment(frame.min(self.clip.frames - 1))
    }

    /// Returns joints and object at `moment`.
    pub(crate) fn posed(&self, moment: usize) -> PosedPerson {
        let (pose, placement) = self.motion.at(moment);
        let skeleton = Skeleton::new(&pose, &self.clip.actor.build, self.yaw).moved(self.position);
        let object = self.clip.object.map(|object| self.place(object, &skeleton, placement));
        PosedPerson { skeleton, object }
    }

    /// Returns the points of person and held object that must be in the picture at `moment`.
    pub(crate) fn extreme_points(&self, moment: usize) -> Vec<Vector> {
        let (pose, placement) = self.motion.at(moment);
        let skeleton = Skeleton::new(&pose, &self.clip.actor.build, self.yaw).moved(self.position);
        let mut points = skeleton.extremes(self.stature()).to_vec();
        if let Some(placement) = placement.filter(|placement| !placement.free) {
            let centre = self.centre(placement);
            points.extend([-0.2, 0.2].map(|aside| centre + vector(aside, 0.2, 0.0)));
        }
        points
    }

    /// Adds the polygons of person and object.
    pub(crate) fn draw(&self, posed: &PosedPerson, modeller: &mut Modeller<'_>) {
        figure::draw(&self.clip.actor, &posed.skeleton, modeller);
        if let Some(object) = &posed.object {
            object_drawing::draw(object, modeller);
        }
    }

    /// Returns the centre of a handled object in world coordinates.
    fn centre(&self, placement: Placement) -> Vector {
        placement.centre.yawed(self.yaw) * self.stature() + self.position
    }

    /// Places the object; in a hand it is drawn in front of the hand.
    fn place(&self, object: Object, skeleton: &Skeleton, placement: Option<Placement>) -> PlacedObject {
        let heights = object_drawing::heights(object);
        let standing = heights.standing * self.object_style.size;
        let (centre, angle, nearer) = match (self.clip.activity, self.clip.grip, placement) {
            (Activity::Handling(_), _, Some(at)) => {
                let centre = self.centre(at);
                let resting = vector(centre.x, centre.y.max(standing), centre.z);
                (resting, at.angle, 0.12)
            }
            (_, Grip::Hand, _) => {
                let arm = skeleton.arms[self.hand];
                let fore = (arm.tip - arm.bend).unit();
                let reach = heights.grip * self.object_style.size;
                let hangs = matches!(object, Object::Bag | Object::Bucket | Object::Guitar | Object::Pillow);
                let (up, angle) = if hangs { (-1.0, 0.2 * fore.x) } else { (1.0, -0.5 * fore.x) };
                let (sin, cos) = libm::sincosf(angle);
                (arm.tip + vector(-sin, cos, 0.0) * (up * reach), angle, 0.1)
            }
            _ => (self.position + self.beside + vector(0.0, standing, 0.0), 0.0, 0.0),
        };
        PlacedObject { object, style: self.object_style, centre, angle, nearer }
    }
}
