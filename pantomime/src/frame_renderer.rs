//! Draws any frame of a clip; background, camera and light are prepared once.

use crate::activity::Activity;
use crate::camera::Camera;
use crate::camera_effects::CameraEffects;
use crate::canvas::{Canvas, Owner, ellipse};
use crate::clip::{Clip, Grip};
use crate::colour::{DYES, grey};
use crate::figure;
use crate::framing::Framing;
use crate::motion::{Motion, Placement};
use crate::object::Object;
use crate::object_drawing::{self, ObjectStyle, PlacedObject};
use crate::picture::Picture;
use crate::polygons::{Modeller, Polygons};
use crate::random::{Random, RandomStream};
use crate::scenery::Scenery;
use crate::skeleton::Skeleton;
use crate::vector::{Vector, vector};
use figureground::mask::{Shape, Size};

/// Number of joints that [`FrameRenderer::joints`] returns.
pub const JOINTS: usize = 11;

/// Draws the frames of one clip, in any order.
#[derive(Clone, Debug)]
pub struct FrameRenderer {
    clip: Clip,
    size: Size,
    motion: Motion,
    framing: Framing,
    scenery: Scenery,
    camera_effects: CameraEffects,
    canvas: Canvas,
    polygons: Polygons,
    object_style: ObjectStyle,
    /// Index of the arm that holds an object.
    hand: usize,
    /// Position on the ground of an object beside the actor.
    ground_position: Vector,
}

impl Clip {
    /// Prepares everything that is equal in all frames, for pictures of `size`.
    pub fn renderer(&self, size: Size) -> FrameRenderer {
        FrameRenderer::new(self, size)
    }
}

impl FrameRenderer {
    /// Renders the background of `clip` once.
    fn new(clip: &Clip, size: Size) -> Self {
        let motion = Motion::new(clip.activity, clip.frames, clip.seed);
        let framing = Framing::new(clip, &motion, size);
        let scenery = Scenery::new(clip.scene, &framing, size, clip.seed);
        let mut random = Random::new(clip.seed, RandomStream::ObjectStyle);
        let main = random.pick(&DYES).colour;
        Self {
            clip: *clip,
            size,
            motion,
            scenery,
            camera_effects: CameraEffects::new(size, clip.seed),
            canvas: Canvas::new(size),
            polygons: Polygons::default(),
            object_style: ObjectStyle {
                colour: main,
                second: grey(random.pick(&[0.12, 0.95])),
                size: random.range(0.78, 1.05),
            },
            hand: random.below(2),
            ground_position: vector(random.sign() * random.range(0.45, 0.7), 0.0, random.range(-0.4, 0.3)),
            framing,
        }
    }

    /// Draws `frame`, from 0, independently of the frames drawn before. Frames past the end show the last one.
    pub fn render(&mut self, frame: usize, out: &mut Picture) {
        out.fit(self.size);
        let moment = self.motion.moment(frame.min(self.clip.frames - 1));
        self.draw_actor(moment);
        self.compose(moment, out);
        out.find_boxes();
        self.camera_effects.apply(&mut out.rgb, moment);
    }

    /// Draws `frame` without person, shadow and object to `rgb`, `[height, width, 3]`.
    ///
    /// # Panics
    /// Panics if `rgb` has another length.
    pub fn background(&mut self, frame: usize, rgb: &mut [u8]) {
        assert_eq!(rgb.len(), 3 * self.size.area(), "three bytes a pixel");
        let moment = self.motion.moment(frame.min(self.clip.frames - 1));
        let width = 3 * self.size.width() as usize;
        for (y, row) in rgb.chunks_exact_mut(width).enumerate() {
            row.copy_from_slice(&self.scenery.rgb_row(y, self.framing.shift(moment))[..width]);
        }
        self.camera_effects.apply(rgb, moment);
    }

    /// Returns the joints of `frame` in pixels from the top left corner of the picture: hips, neck, head, then elbow
    /// and wrist of each arm, then knee and ankle of each leg. They may lie outside the picture.
    pub fn joints(&self, frame: usize) -> [[f32; 2]; JOINTS] {
        let moment = self.motion.moment(frame.min(self.clip.frames - 1));
        let skeleton = Skeleton::new(&self.motion.at(moment).0, &self.clip.actor.build, self.framing.yaw());
        let ([a, b], [c, d]) = (skeleton.arms, skeleton.legs);
        let joints =
            [skeleton.hips, skeleton.neck, skeleton.head, a.bend, a.end, b.bend, b.end, c.bend, c.end, d.bend, d.end];
        let camera = self.framing.camera(moment);
        joints.map(|joint| {
            let projected = camera.project(joint);
            [projected.x, projected.y]
        })
    }

    /// Draws actor, object and their shadows on the canvas.
    fn draw_actor(&mut self, moment: usize) {
        let (pose, placement) = self.motion.at(moment);
        let build = &self.clip.actor.build;
        let skeleton = Skeleton::new(&pose, build, self.framing.yaw());
        let camera = self.framing.camera(moment);
        let object = self.clip.object.map(|object| self.place(object, &skeleton, placement));
        self.canvas.clear();
        self.shade(&camera, skeleton.hips, 0.3);
        if let Some(object) = &object {
            self.shade(&camera, object.centre, 0.2);
        }
        let mut modeller = Modeller { camera: &camera, light: &self.scenery.light, polygons: &mut self.polygons };
        figure::draw(&self.clip.actor, &skeleton, &mut modeller);
        if let Some(object) = &object {
            object_drawing::draw(object, &mut modeller);
        }
        self.polygons.draw(&mut self.canvas);
    }

    /// Places the object; in a hand it is drawn in front of the hand.
    fn place(&self, object: Object, skeleton: &Skeleton, placement: Option<Placement>) -> PlacedObject {
        let heights = object_drawing::heights(object);
        let standing = heights.standing * self.object_style.size;
        let stature = self.clip.actor.build.stature;
        let (centre, angle, nearer) = match (self.clip.activity, self.clip.grip, placement) {
            (Activity::Handling(_), _, Some(at)) => {
                let centre = at.centre.yawed(self.framing.yaw()) * stature;
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
            _ => (self.ground_position + vector(0.0, standing, 0.0), 0.0, 0.0),
        };
        PlacedObject { object, style: self.object_style, centre, angle, nearer }
    }

    /// Draws a soft shadow on the ground below `body`, with a radius of about `radius` metres.
    fn shade(&mut self, camera: &Camera, body: Vector, radius: f32) {
        let light = &self.scenery.light;
        let centre = vector(body.x - 0.35 * light.from[0] * radius, 0.0, body.z);
        for factor in [1.6, 1.4, 1.2, 1.0, 0.8, 0.6] {
            let ring = ellipse([centre.x, centre.z], radius * factor, radius * factor);
            let points = ring.map(|[x, z]| {
                let projected = camera.project(vector(x, 0.0, z));
                [projected.x, projected.y]
            });
            self.canvas.fill(&points, grey(0.0), 0.2 * light.shadow, Owner::Unchanged);
        }
    }

    /// Composes canvas and background, and writes the masks.
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

/// Returns `product / 255`, rounded.
fn over_255(product: u32) -> u32 {
    (product + 127) / 255
}
