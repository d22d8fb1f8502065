//! Draws any frame of a clip; background, camera and light are prepared once.

use crate::camera::Camera;
use crate::camera_effects::CameraEffects;
use crate::canvas::{Canvas, Owner, ellipse};
use crate::clip::Clip;
use crate::colour::grey;
use crate::crowd::Crowd;
use crate::framing::Framing;
use crate::performer::{Performer, PosedPerson};
use crate::picture::Picture;
use crate::polygons::{Modeller, Polygons};
use crate::scenery::Scenery;
use crate::vector::{Vector, vector};
use figureground::mask::{PixelBox, Size};

/// Number of joints that [`FrameRenderer::joints`] returns.
pub const JOINTS: usize = 11;

/// Draws the frames of one clip, in any order.
#[derive(Clone, Debug)]
pub struct FrameRenderer {
    size: Size,
    people: Vec<Performer>,
    framing: Framing,
    scenery: Scenery,
    camera_effects: CameraEffects,
    canvas: Canvas,
    polygons: Polygons,
    /// The smallest box around the visible part of each person's object.
    object_boxes: Vec<Option<PixelBox>>,
}

impl Clip {
    /// Prepares everything that is equal in all frames, for pictures of `size`.
    pub fn renderer(&self, size: Size) -> FrameRenderer {
        FrameRenderer::new(self, vec![Performer::new(self, Vector::default())], size)
    }
}

impl Crowd {
    /// Prepares everything that is equal in all frames, for pictures of `size`.
    pub fn renderer(&self, size: Size) -> FrameRenderer {
        let people = self.people().iter().zip(self.positions());
        FrameRenderer::new(&self.people()[0], people.map(|(clip, at)| Performer::new(clip, *at)).collect(), size)
    }
}

impl FrameRenderer {
    /// Renders the background of `clip`, the first person's, once.
    fn new(clip: &Clip, people: Vec<Performer>, size: Size) -> Self {
        let framing = Framing::new(&people, clip.frames, clip.seed, size);
        Self {
            size,
            scenery: Scenery::new(clip.scene, &framing, size, clip.seed),
            camera_effects: CameraEffects::new(size, clip.seed),
            canvas: Canvas::new(size, people.len()),
            polygons: Polygons::default(),
            object_boxes: vec![None; people.len()],
            people,
            framing,
        }
    }

    /// Draws `frame`, from 0, independently of the frames drawn before. Frames past the end show the last one.
    pub fn render(&mut self, frame: usize, out: &mut Picture) {
        out.fit(self.size, self.people.len());
        let moment = self.moment(frame);
        self.draw_people(frame);
        self.compose(moment, out);
        self.mark(moment, out);
        self.camera_effects.apply(&mut out.rgb, moment);
    }

    /// Returns the moment of camera and noise: that of the first person's movement.
    fn moment(&self, frame: usize) -> usize {
        self.people[0].moment(frame)
    }

    /// Draws `frame` without people, shadows and objects to `rgb`, `[height, width, 3]`.
    ///
    /// # Panics
    /// Panics if `rgb` has another length.
    pub fn background(&mut self, frame: usize, rgb: &mut [u8]) {
        assert_eq!(rgb.len(), 3 * self.size.area(), "three bytes a pixel");
        let moment = self.moment(frame);
        let width = 3 * self.size.width() as usize;
        for (y, row) in rgb.chunks_exact_mut(width).enumerate() {
            row.copy_from_slice(&self.scenery.rgb_row(y, self.framing.shift(moment))[..width]);
        }
        self.camera_effects.apply(rgb, moment);
    }

    /// Returns the first person's joints of `frame` in pixels from the top left corner of the picture.
    ///
    /// They are hips, neck, head, then elbow and wrist of each arm, then knee and ankle of each leg. They may lie
    /// outside the picture.
    pub fn joints(&self, frame: usize) -> [[f32; 2]; JOINTS] {
        let moment = self.moment(frame);
        let skeleton = self.people[0].posed(moment).skeleton;
        let ([a, b], [c, d]) = (skeleton.arms, skeleton.legs);
        let joints =
            [skeleton.hips, skeleton.neck, skeleton.head, a.bend, a.end, b.bend, b.end, c.bend, c.end, d.bend, d.end];
        let camera = self.framing.camera(moment);
        joints.map(|joint| {
            let projected = camera.project(joint);
            [projected.x, projected.y]
        })
    }

    /// Draws all shadows, then people and objects, the farthest first, on the canvas.
    fn draw_people(&mut self, frame: usize) {
        let camera = self.framing.camera(self.moment(frame));
        let posed: Vec<PosedPerson> = self.people.iter().map(|person| person.posed(person.moment(frame))).collect();
        self.canvas.clear();
        for PosedPerson { skeleton, object } in &posed {
            self.shade(&camera, skeleton.hips, 0.3);
            if let Some(object) = object {
                self.shade(&camera, object.centre, 0.2);
            }
        }
        for (index, (person, posed)) in self.people.iter().zip(&posed).enumerate() {
            let (light, polygons) = (&self.scenery.light, &mut self.polygons);
            person.draw(posed, &mut Modeller { camera: &camera, light, polygons, person: index });
        }
        self.polygons.draw(&mut self.canvas);
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

    /// Composes canvas and background.
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
        }
    }

    /// Writes masks and boxes.
    fn mark(&mut self, moment: usize, out: &mut Picture) {
        let (width, people) = (self.size.width() as usize, self.people.len());
        let shift = self.framing.shift(moment);
        self.object_boxes.fill(None);
        for y in 0..self.size.height() as usize {
            for (x, front) in self.scenery.front_row(y, shift)[..width].iter().enumerate() {
                let pixel = y * width + x;
                let shown = 255 - u32::from(*front);
                let owner_of = |owner: fn(usize) -> Owner| {
                    most_visible((0..people).map(|index| self.canvas.coverage(owner(index), pixel)), shown)
                };
                let (person, object) = (owner_of(Owner::Person), owner_of(Owner::Object));
                out.person.pixels_mut()[pixel] = person.is_some();
                for (index, visible) in out.people.iter_mut().enumerate() {
                    visible.shape.pixels_mut()[pixel] = person == Some(index);
                }
                out.objects.pixels_mut()[pixel] = object.is_some();
                if let Some(index) = object {
                    let (left, top) = (x as u32, y as u32);
                    let here = PixelBox { left, top, right: left + 1, bottom: top + 1 };
                    let area = &mut self.object_boxes[index];
                    *area = Some(area.map_or(here, |area| area.around(here)));
                }
            }
        }
        out.find_boxes();
        out.object_boxes.clear();
        out.object_boxes.extend(self.object_boxes.iter().flatten());
    }
}

/// Returns the index of the largest coverage, if all of them together cover more than half of what is `shown` of the
/// pixel, 0 to 255.
fn most_visible(coverages: impl Iterator<Item = u8>, shown: u32) -> Option<usize> {
    let (mut total, mut largest) = (0, (0, 0));
    for (index, coverage) in coverages.enumerate() {
        total += u32::from(coverage);
        if coverage > largest.0 {
            largest = (coverage, index);
        }
    }
    (over_255(total.min(255) * shown) > 127).then_some(largest.1)
}

/// Returns `product / 255`, rounded.
fn over_255(product: u32) -> u32 {
    (product + 127) / 255
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Action;
    use crate::clip::Context;

    /// Draws people with the same clip at `depths` metres in front of the centre.
    fn drawn(depths: &[f32]) -> Picture {
        let clip = Clip { object: None, ..Clip::action(Action::ALL[0], Context::Free, 0.9, 2) };
        let people = depths.iter().map(|&z| Performer::new(&clip, vector(0.0, 0.0, z))).collect();
        let size = Size::new(96, 96).unwrap();
        let mut picture = Picture::new(size);
        FrameRenderer::new(&clip, people, size).render(0, &mut picture);
        picture
    }

    #[test]
    fn nearer_people_hide_those_behind_them() {
        let (one, other) = (drawn(&[0.5, -0.45]), drawn(&[-0.45, 0.5]));
        let [near, far] = [0, 1].map(|index| one.people[index].shape.area());
        assert!(far < 0.6 * near, "{far} behind {near}");
        assert_eq!(one.people[0], other.people[1]);
        assert_eq!(one.people[1], other.people[0]);
    }

    #[test]
    fn a_person_who_is_fully_hidden_has_an_empty_mask_and_no_box() {
        let picture = drawn(&[0.0, 0.0]);
        let hidden = picture.people.iter().find(|person| person.bounds.is_none()).unwrap();
        assert_eq!(hidden.shape.area(), 0.0);
        assert_eq!(picture.people.iter().filter_map(|person| person.bounds).next(), picture.person_box);
    }
}
