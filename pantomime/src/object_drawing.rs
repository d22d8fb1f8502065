//! Draws objects as flat pictures that face the camera.

use crate::canvas::{Owner, Point, ellipse, hull};
use crate::colour::{Colour, grey, hex};
use crate::object::Object;
use crate::polygons::Modeller;
use crate::vector::Vector;

/// Colours and size of an object in one clip.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectStyle {
    pub(crate) colour: Colour,
    pub(crate) second: Colour,
    /// Factor of its usual size.
    pub(crate) size: f32,
}

/// An object with its position in one frame.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlacedObject {
    pub(crate) object: Object,
    pub(crate) style: ObjectStyle,
    pub(crate) centre: Vector,
    /// Rotation in radians, counterclockwise.
    pub(crate) angle: f32,
    /// Metres by which the object is sorted nearer to the camera than it is.
    pub(crate) nearer: f32,
}

/// Heights of an object's centre, in metres.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heights {
    /// Above the ground when the object stands.
    pub(crate) standing: f32,
    /// Above or below the hand that holds the object.
    pub(crate) grip: f32,
}

/// Returns the heights of `object` at its usual size.
pub(crate) fn heights(object: Object) -> Heights {
    let (standing, grip) = match object {
        Object::Ball => (0.14, 0.1),
        Object::Umbrella => (0.4, 0.38),
        Object::Box => (0.18, 0.18),
        Object::Bottle => (0.17, 0.03),
        Object::Book => (0.17, 0.12),
        Object::Bag => (0.17, 0.22),
        Object::Racket => (0.3, 0.28),
        Object::Chair => (0.45, 0.3),
        Object::Hat => (0.08, 0.1),
        Object::Guitar => (0.45, 0.3),
        Object::Bucket => (0.16, 0.24),
        Object::Pillow => (0.2, 0.14),
    };
    Heights { standing, grip }
}

/// Adds the polygons of an object.
pub(crate) fn draw(placed: &PlacedObject, modeller: &mut Modeller<'_>) {
    let style = placed.style;
    modeller.group(placed.centre, placed.nearer);
    let projected = modeller.camera.project(placed.centre);
    let (sin, cos) = libm::sincosf(placed.angle);
    let mut painter =
        ObjectPainter { origin: [projected.x, projected.y], scale: projected.scale * style.size, sin, cos, modeller };
    let (main, second) = (style.colour, style.second);
    match placed.object {
        Object::Ball => painter.ball(main, second),
        Object::Umbrella => painter.umbrella(main, second),
        Object::Box => painter.carton(main, second),
        Object::Bottle => painter.bottle(main, second),
        Object::Book => painter.book(main),
        Object::Bag => painter.bag(main, second),
        Object::Racket => painter.racket(main),
        Object::Chair => painter.chair(main),
        Object::Hat => painter.hat(main, second),
        Object::Guitar => painter.guitar(main),
        Object::Bucket => painter.bucket(main),
        Object::Pillow => painter.pillow(main, second),
    }
}

/// Draws shapes given in metres from an object's centre, x to the right and y up.
#[derive(Debug)]
struct ObjectPainter<'a, 'b> {
    origin: Point,
    scale: f32,
    sin: f32,
    cos: f32,
    modeller: &'a mut Modeller<'b>,
}

impl ObjectPainter<'_, '_> {
    fn place(&self, [x, y]: Point) -> Point {
        let (right, up) = (x * self.cos - y * self.sin, x * self.sin + y * self.cos);
        [self.origin[0] + self.scale * right, self.origin[1] - self.scale * up]
    }

    fn polygon(&mut self, points: &[Point], colour: Colour, turned: f32) {
        let placed = points.iter().map(|&point| self.place(point)).collect();
        let owner = self.owner();
        self.modeller.polygons.add(placed, self.modeller.light.on(colour, turned), owner);
    }

    fn owner(&self) -> Owner {
        Owner::Object(self.modeller.person)
    }

    fn rectangle(&mut self, [left, bottom]: Point, [right, top]: Point, colour: Colour, turned: f32) {
        self.polygon(&[[left, bottom], [right, bottom], [right, top], [left, top]], colour, turned);
    }

    fn disc(&mut self, centre: Point, a: f32, b: f32, colour: Colour, turned: f32) {
        self.polygon(&ellipse(centre, a, b), colour, turned);
    }

    fn bar(&mut self, from: Point, to: Point, radius: f32, colour: Colour, turned: f32) {
        let circles = [(self.place(from), radius * self.scale), (self.place(to), radius * self.scale)];
        let owner = self.owner();
        self.modeller.polygons.add(hull(&circles), self.modeller.light.on(colour, turned), owner);
    }

    fn ball(&mut self, main: Colour, second: Colour) {
        self.disc([0.0, 0.0], 0.15, 0.15, main, -0.8);
        self.disc([-0.01, 0.012], 0.13, 0.13, main, 0.2);
        self.bar([-0.12, 0.03], [0.12, -0.03], 0.018, second, 0.0);
        self.bar([0.03, 0.12], [-0.03, -0.12], 0.018, second, 0.0);
    }

    fn umbrella(&mut self, main: Colour, second: Colour) {
        self.bar([0.0, -0.4], [0.0, 0.3], 0.014, hex(0x3A3A3A), 0.0);
        self.bar([0.0, -0.4], [0.06, -0.42], 0.016, hex(0x6B4423), 0.0);
        let rim = [-0.45, -0.27, -0.09, 0.09, 0.27, 0.45];
        for (index, pair) in rim.windows(2).enumerate() {
            let colour = if index % 2 == 0 { main } else { second };
            let high = |x: f32| 0.42 - 0.75 * x * x;
            let turned = 0.6 - 0.35 * index as f32;
            self.polygon(
                &[
                    [pair[0], 0.14],
                    [0.8 * pair[0], high(pair[0])],
                    [0.0, 0.46],
                    [0.8 * pair[1], high(pair[1])],
                    [pair[1], 0.14],
                ],
                colour,
                turned,
            );
        }
    }

    fn carton(&mut self, main: Colour, second: Colour) {
        self.rectangle([-0.21, -0.18], [0.21, 0.16], main, 0.0);
        self.polygon(&[[-0.21, 0.16], [0.21, 0.16], [0.25, 0.24], [-0.17, 0.24]], main, 1.0);
        self.polygon(&[[0.21, -0.18], [0.25, -0.1], [0.25, 0.24], [0.21, 0.16]], main, -1.3);
        self.rectangle([-0.03, -0.18], [0.03, 0.16], second, 0.2);
    }

    fn bottle(&mut self, main: Colour, second: Colour) {
        self.rectangle([-0.06, -0.18], [0.06, 0.08], main, -0.2);
        self.polygon(&[[-0.06, 0.08], [0.06, 0.08], [0.025, 0.16], [-0.025, 0.16]], main, 0.2);
        self.rectangle([-0.025, 0.16], [0.025, 0.23], second, 0.0);
        self.rectangle([-0.06, -0.1], [0.06, 0.02], grey(0.92), 0.0);
        self.rectangle([-0.045, -0.17], [-0.025, 0.07], grey(0.98), 0.6);
    }

    fn book(&mut self, main: Colour) {
        self.rectangle([-0.14, -0.18], [0.14, 0.18], main, 0.0);
        self.rectangle([0.11, -0.17], [0.15, 0.17], grey(0.94), 0.2);
        self.rectangle([-0.14, -0.18], [-0.1, 0.18], main, -1.4);
        self.rectangle([-0.06, 0.04], [0.07, 0.1], grey(0.9), 0.0);
    }

    fn bag(&mut self, main: Colour, second: Colour) {
        for x in [-0.08, 0.08] {
            self.bar([x, 0.06], [0.6 * x, 0.22], 0.016, second, 0.0);
        }
        self.bar([-0.05, 0.22], [0.05, 0.22], 0.016, second, 0.0);
        self.polygon(&[[-0.2, -0.17], [0.2, -0.17], [0.16, 0.1], [-0.16, 0.1]], main, 0.0);
        self.polygon(&[[-0.17, 0.03], [0.17, 0.03], [0.16, 0.1], [-0.16, 0.1]], main, -0.9);
        self.rectangle([-0.03, -0.01], [0.03, 0.05], second, 0.5);
    }

    fn racket(&mut self, main: Colour) {
        self.bar([0.0, -0.34], [0.0, -0.06], 0.02, hex(0x2B2B2B), 0.0);
        self.disc([0.0, 0.13], 0.16, 0.2, main, 0.0);
        self.disc([0.0, 0.13], 0.125, 0.165, hex(0xD9D7C0), 0.0);
        for x in [-0.06, 0.0, 0.06] {
            self.bar([x, 0.0], [x, 0.26], 0.006, grey(0.6), 0.0);
        }
    }

    fn chair(&mut self, main: Colour) {
        for (x, bottom) in [(-0.2, -0.42), (0.2, -0.42), (-0.15, -0.36), (0.23, -0.36)] {
            self.bar([x, bottom], [x, 0.0], 0.02, main, -0.9);
        }
        self.bar([-0.15, 0.0], [-0.15, 0.46], 0.022, main, -0.6);
        self.bar([0.23, 0.0], [0.23, 0.46], 0.022, main, -0.6);
        self.rectangle([-0.15, 0.2], [0.23, 0.44], main, 0.0);
        self.polygon(&[[-0.23, -0.04], [0.21, -0.04], [0.27, 0.07], [-0.17, 0.07]], main, 0.8);
    }

    fn hat(&mut self, main: Colour, second: Colour) {
        self.disc([0.0, -0.05], 0.23, 0.06, main, -0.5);
        self.polygon(&[[-0.13, -0.05], [0.13, -0.05], [0.1, 0.13], [-0.1, 0.13]], main, 0.2);
        self.polygon(&[[-0.13, -0.05], [0.13, -0.05], [0.125, 0.0], [-0.125, 0.0]], second, 0.0);
    }

    fn guitar(&mut self, main: Colour) {
        self.bar([0.0, 0.0], [0.0, 0.46], 0.03, hex(0x4A2C18), 0.0);
        self.bar([-0.03, 0.5], [0.03, 0.5], 0.04, hex(0x4A2C18), -0.5);
        self.disc([0.0, -0.22], 0.21, 0.2, main, -0.6);
        self.disc([0.0, 0.02], 0.16, 0.14, main, -0.6);
        self.disc([-0.01, -0.21], 0.18, 0.17, main, 0.3);
        self.disc([0.0, 0.02], 0.13, 0.12, main, 0.3);
        self.disc([0.0, -0.06], 0.055, 0.055, hex(0x201410), 0.0);
        self.bar([-0.06, -0.26], [0.06, -0.26], 0.014, hex(0x201410), 0.0);
    }

    fn bucket(&mut self, main: Colour) {
        self.bar([-0.17, 0.14], [-0.09, 0.26], 0.01, grey(0.35), 0.0);
        self.bar([0.17, 0.14], [0.09, 0.26], 0.01, grey(0.35), 0.0);
        self.bar([-0.09, 0.26], [0.09, 0.26], 0.012, grey(0.35), 0.0);
        self.polygon(&[[-0.13, -0.16], [0.13, -0.16], [0.18, 0.14], [-0.18, 0.14]], main, 0.0);
        self.polygon(&[[0.05, -0.16], [0.13, -0.16], [0.18, 0.14], [0.08, 0.14]], main, -1.2);
        self.disc([0.0, 0.14], 0.18, 0.045, main, -1.6);
    }

    fn pillow(&mut self, main: Colour, second: Colour) {
        let corners = [[-0.2, -0.14], [0.2, -0.14], [0.2, 0.14], [-0.2, 0.14]];
        let circles = corners.map(|corner| (self.place(corner), 0.05 * self.scale));
        let owner = self.owner();
        self.modeller.polygons.add(hull(&circles), self.modeller.light.on(main, -0.3), owner);
        for x in [-0.13, 0.0, 0.13] {
            self.bar([x, -0.15], [x, 0.15], 0.022, second, 0.3);
        }
    }
}
