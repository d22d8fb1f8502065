//! A clip ready to be drawn: background, camera and light are there, any frame can be asked for.

use crate::camera::Camera;
use crate::canvas::{Canvas, Owner, ellipse};
use crate::clip::{Clip, Deed, Grip};
use crate::colour::{DYES, grey};
use crate::figure;
use crate::finish::Finish;
use crate::framing::Framing;
use crate::motion::{Motion, Placement};
use crate::object::Object;
use crate::parts::{Modeller, Parts};
use crate::picture::Picture;
use crate::random::{Aspect, Random};
use crate::scenery::Scenery;
use crate::skeleton::Skeleton;
use crate::thing::{self, Look};
use crate::vector::{Vector, vector};
use figureground::mask::{Shape, Size};

/// Joints that [`Stage::joints`] gives.
pub const JOINTS: usize = 11;

/// Draws the frames of one clip, in any order.
#[derive(Clone, Debug)]
pub struct Stage {
    clip: Clip,
    size: Size,
    motion: Motion,
    framing: Framing,
    scenery: Scenery,
    finish: Finish,
    canvas: Canvas,
    parts: Parts,
    look: Look,
    hand: usize,
    spot: Vector,
}

impl Stage {
    /// Renders the background of `clip` once.
    pub(crate) fn new(clip: &Clip, size: Size) -> Self {
        let motion = Motion::new(clip.deed, clip.frames, clip.seed);
        let framing = Framing::new(clip, &motion, size);
        let scenery = Scenery::new(clip.scene, &framing, size, clip.seed);
        let mut random = Random::new(clip.seed, Aspect::Look);
        let main = random.pick(&DYES).colour;
        Self {
            clip: *clip,
            size,
            motion,
            scenery,
            finish: Finish::new(size, clip.seed),
            canvas: Canvas::new(size),
            parts: Parts::default(),
            look: Look { colour: main, second: grey(random.pick(&[0.12, 0.95])), size: random.range(0.78, 1.05) },
            hand: random.below(2),
            spot: vector(random.sign() * random.range(0.45, 0.7), 0.0, random.range(-0.4, 0.3)),
            framing,
        }
    }

    /// Draws `frame`, from 0; the same picture whatever was drawn before. Frames past the end show the last one.
    pub fn render(&mut self, frame: usize, out: &mut Picture) {
        out.fit(self.size);
        let moment = self.motion.moment(frame.min(self.clip.frames - 1));
        self.act(moment);
        self.compose(moment, out);
        out.find_boxes();
        self.finish.apply(&mut out.rgb, moment);
    }

    /// What `frame` would look like without person, shadow and object, `[height, width, 3]`.
    ///
    /// # Panics
    /// When `rgb` has another length.
    pub fn background(&mut self, frame: usize, rgb: &mut [u8]) {
        assert_eq!(rgb.len(), 3 * self.size.area(), "three bytes a pixel");
        let moment = self.motion.moment(frame.min(self.clip.frames - 1));
        let width = 3 * self.size.width() as usize;
        for (y, row) in rgb.chunks_exact_mut(width).enumerate() {
            row.copy_from_slice(&self.scenery.rgb_row(y, self.framing.shift(moment))[..width]);
        }
        self.finish.apply(rgb, moment);
    }

    /// Where the joints of `frame` are in the picture, in pixels from its top left corner: hips, neck, head, then elbow and
    /// wrist of each arm, then knee and ankle of each leg. They may lie outside it.
    pub fn joints(&self, frame: usize) -> [[f32; 2]; JOINTS] {
        let moment = self.motion.moment(frame.min(self.clip.frames - 1));
        let skeleton = Skeleton::new(&self.motion.at(moment).0, &self.clip.actor.build, self.framing.yaw());
        let ([a, b], [c, d]) = (skeleton.arms, skeleton.legs);
        let joints =
            [skeleton.hips, skeleton.neck, skeleton.head, a.bend, a.end, b.bend, b.end, c.bend, c.end, d.bend, d.end];
        let camera = self.framing.camera(moment);
        joints.map(|joint| {
            let spot = camera.project(joint);
            [spot.x, spot.y]
        })
    }

    /// Puts actor and object on the canvas.
    fn act(&mut self, moment: usize) {
        let (pose, placement) = self.motion.at(moment);
        let build = &self.clip.actor.build;
        let skeleton = Skeleton::new(&pose, build, self.framing.yaw());
        let camera = self.framing.camera(moment);
        let thing = self.clip.object.map(|object| self.place(object, &skeleton, placement));
        self.canvas.clear();
        self.shade(&camera, skeleton.hips, 0.3);
        if let Some((centre, _, _)) = thing {
            self.shade(&camera, centre, 0.2);
        }
        let mut modeller = Modeller { camera: &camera, light: &self.scenery.light, parts: &mut self.parts };
        figure::draw(&self.clip.actor, &skeleton, &mut modeller);
        if let (Some(object), Some((centre, angle, nearer))) = (self.clip.object, thing) {
            thing::draw(object, self.look, centre, angle, nearer, &mut modeller);
        }
        self.parts.draw(&mut self.canvas);
    }

    /// Centre and angle of the object, and how much nearer it counts than it is, so that it covers the hand.
    fn place(&self, object: Object, skeleton: &Skeleton, placement: Option<Placement>) -> (Vector, f32, f32) {
        let (standing, grip) = thing::stance(object);
        let stature = self.clip.actor.build.stature;
        match (self.clip.deed, self.clip.grip, placement) {
            (Deed::Handling(_), _, Some(at)) => {
                let centre = at.centre.yawed(self.framing.yaw()) * stature;
                let resting = vector(centre.x, centre.y.max(standing * self.look.size), centre.z);
                (resting, at.angle, 0.12)
            }
            (_, Grip::Hand, _) => {
                let arm = skeleton.arms[self.hand];
                let fore = (arm.tip - arm.bend).unit();
                let reach = grip * self.look.size;
                let hangs = matches!(object, Object::Bag | Object::Bucket | Object::Guitar | Object::Pillow);
                let (up, angle) = if hangs { (-1.0, 0.2 * fore.x) } else { (1.0, -0.5 * fore.x) };
                let (sin, cos) = libm::sincosf(angle);
                (arm.tip + vector(-sin, cos, 0.0) * (up * reach), angle, 0.1)
            }
            _ => (self.spot + vector(0.0, standing * self.look.size, 0.0), 0.0, 0.0),
        }
    }

    /// A soft shadow on the ground below `body`, `radius` metres wide.
    fn shade(&mut self, camera: &Camera, body: Vector, radius: f32) {
        let light = &self.scenery.light;
        let centre = vector(body.x - 0.35 * light.from[0] * radius, 0.0, body.z);
        for factor in [1.6, 1.4, 1.2, 1.0, 0.8, 0.6] {
            let ring = ellipse([centre.x, centre.z], radius * factor, radius * factor);
            let points = ring.map(|[x, z]| {
                let spot = camera.project(vector(x, 0.0, z));
                [spot.x, spot.y]
            });
            self.canvas.fill(&points, grey(0.0), 0.2 * light.shadow, Owner::Unchanged);
        }
    }

    /// Canvas over background, and the shapes.
    fn compose(&self, moment: usize, out: &mut Picture) {
        let width = self.size.width() as usize;
        let shift = self.framing.shift(moment);
        for y in 0..self.size.height() as usize {
            let behind = self.scenery.rgb_row(y, shift);
            let front = self.scenery.front_row(y, shift);
            let line = y * width..(y + 1) * width;
            let colours = &self.canvas.colours()[line.clone()];
            let row = &mut out.rgb[3 * line.start..3 * line.end];
            for (((to, behind), front), ink) in
                row.chunks_exact_mut(3).zip(behind.chunks_exact(3)).zip(front).zip(colours)
            {
                let shown = 255 - u32::from(*front);
                let opacity = over_255(u32::from(ink.alpha()) * shown);
                let inks = [ink.red(), ink.green(), ink.blue()];
                for ((to, behind), ink) in to.iter_mut().zip(behind).zip(inks) {
                    let value = over_255(u32::from(ink) * shown) + over_255(u32::from(*behind) * (255 - opacity));
                    *to = value.min(255) as u8;
                }
            }
            let owners = &self.canvas.owners()[line.clone()];
            let visible = |share: u8, front: &u8| over_255(u32::from(share) * (255 - u32::from(*front))) > 127;
            let mark = |shape: &mut Shape, share: fn(&tiny_skia::PremultipliedColorU8) -> u8| {
                let pixels = &mut shape.pixels_mut()[line.clone()];
                for ((pixel, owner), front) in pixels.iter_mut().zip(owners).zip(front) {
                    *pixel = visible(share(owner), front);
                }
            };
            mark(&mut out.person, |owner| owner.red());
            mark(&mut out.objects, |owner| owner.green());
        }
    }
}

/// The nearest whole number to `product / 255`.
fn over_255(product: u32) -> u32 {
    (product + 127) / 255
}
