//! Paints backgrounds: ground, walls and sky by ray casting, props by polygons.

use crate::camera::Camera;
use crate::canvas::{Point, ellipse, hull};
use crate::colour::{Colour, DYES, grey, hex};
use crate::light::Light;
use crate::noise::{fraction, rough, speck};
use crate::random::Random;
use crate::scene::SceneKind;
use crate::vector::{Vector, vector};
use tiny_skia::{Color, FillRule, Paint, PathBuilder, Pixmap, Shader, Transform};

/// Colour of a surface at two coordinates, in metres.
pub(super) type Texture<'a> = &'a dyn Fn(f32, f32) -> Colour;

/// The ground of a scene.
#[derive(Clone, Copy)]
pub(super) struct Floor<'a> {
    /// Texture at (x, z).
    pub(super) texture: Texture<'a>,
    /// Colour in the distance.
    pub(super) distant: Colour,
}

/// The wall of a scene.
#[derive(Clone, Copy)]
pub(super) struct Wall<'a> {
    /// Texture at (x, y).
    pub(super) texture: Texture<'a>,
    /// Metres from the actor to the wall.
    pub(super) distance: f32,
    /// Height in metres.
    pub(super) height: f32,
}

/// The haze of a scene.
#[derive(Clone, Copy)]
pub(super) struct Haze {
    pub(super) colour: Colour,
    /// Distance in metres at which half of a colour is haze.
    pub(super) half_distance: f32,
}

/// The surfaces of a scene.
pub(super) struct Surfaces<'a> {
    pub(super) ground: Floor<'a>,
    pub(super) wall: Option<Wall<'a>>,
    /// Sky by direction, to the right and above the horizon; or a ceiling at (x, z).
    pub(super) above: Texture<'a>,
    /// Whether `above` is a ceiling at the height of the wall.
    pub(super) roofed: bool,
    pub(super) haze: Haze,
}

/// A background while it is painted.
pub(super) struct BackgroundPainter {
    pub(super) random: Random,
    /// Seed of noise textures.
    pub(super) seed: u32,
    camera: Camera,
    picture: Pixmap,
    front: Pixmap,
    in_front: bool,
}

impl BackgroundPainter {
    pub(super) fn new(camera: Camera, width: usize, height: usize, mut random: Random) -> Self {
        let picture = Pixmap::new(width as u32, height as u32).expect("a picture with its margins is small");
        let seed = random.bits() as u32;
        Self { random, seed, camera, front: picture.clone(), picture, in_front: false }
    }

    /// Returns the colour `code` with a random variation.
    pub(super) fn varied(&mut self, code: u32) -> Colour {
        hex(code).varied(&mut self.random, 0.1)
    }

    /// Returns a random saturated colour.
    pub(super) fn bright(&mut self) -> Colour {
        self.random.pick(&DYES).colour.varied(&mut self.random, 0.1)
    }

    /// Returns a random number from `low` to `high`.
    pub(super) fn range(&mut self, low: f32, high: f32) -> f32 {
        self.random.range(low, high)
    }

    /// Paints every pixel by the surface that its ray hits.
    pub(super) fn surfaces(&mut self, surfaces: &Surfaces<'_>) {
        let width = self.picture.width() as usize;
        let eye = self.camera.position();
        for (index, pixel) in self.picture.data_mut().chunks_exact_mut(4).enumerate() {
            let ray = self.camera.ray((index % width) as f32 + 0.5, (index / width) as f32 + 0.5);
            let [red, green, blue] = cast_ray(surfaces, eye, ray).bytes();
            pixel.copy_from_slice(&[red, green, blue, 255]);
        }
    }

    /// Draws a polygon given in pixels.
    pub(super) fn flat(&mut self, points: &[Point], colour: Colour, opacity: f32) {
        let mut builder = PathBuilder::new();
        for (index, [x, y]) in points.iter().enumerate() {
            if index == 0 { builder.move_to(*x, *y) } else { builder.line_to(*x, *y) }
        }
        builder.close();
        let Some(path) = builder.finish() else { return };
        let [red, green, blue] = colour.bytes();
        let ink = Color::from_rgba8(red, green, blue, (255.0 * opacity + 0.5) as u8);
        let paint = Paint { shader: Shader::SolidColor(ink), anti_alias: true, ..Paint::default() };
        self.picture.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
        if self.in_front {
            let paint = Paint { shader: Shader::SolidColor(Color::WHITE), anti_alias: true, ..Paint::default() };
            self.front.fill_path(&path, &paint, FillRule::Winding, Transform::identity(), None);
        }
    }

    fn project(&self, point: Vector) -> Point {
        let projected = self.camera.project(point);
        [projected.x, projected.y]
    }

    /// Draws a polygon given in world coordinates.
    pub(super) fn quad(&mut self, corners: &[Vector], colour: Colour) {
        let points: Vec<_> = corners.iter().map(|&corner| self.project(corner)).collect();
        self.flat(&points, colour, 1.0);
    }

    /// Draws a rectangle that faces the camera at depth `z`.
    pub(super) fn panel(&mut self, [left, bottom]: Point, [right, top]: Point, z: f32, colour: Colour) {
        let corners = [[left, bottom], [right, bottom], [right, top], [left, top]];
        self.quad(&corners.map(|[x, y]| vector(x, y, z)), colour);
    }

    /// Draws a rectangle on the ground.
    pub(super) fn mat(&mut self, [left, back]: Point, [right, front]: Point, colour: Colour) {
        let corners = [[left, back], [right, back], [right, front], [left, front]];
        self.quad(&corners.map(|[x, z]| vector(x, 0.005, z)), colour);
    }

    /// Draws a box: its front, its top and the visible side.
    pub(super) fn cuboid(&mut self, low: Vector, high: Vector, colour: Colour) {
        let (l, h, eye) = (low, high, self.camera.position());
        if eye.x < l.x {
            let side = [vector(l.x, l.y, l.z), vector(l.x, l.y, h.z), vector(l.x, h.y, h.z), vector(l.x, h.y, l.z)];
            self.quad(&side, colour * 0.7);
        }
        if eye.x > h.x {
            let side = [vector(h.x, l.y, l.z), vector(h.x, l.y, h.z), vector(h.x, h.y, h.z), vector(h.x, h.y, l.z)];
            self.quad(&side, colour * 0.7);
        }
        if eye.y > h.y {
            let top = [vector(l.x, h.y, l.z), vector(h.x, h.y, l.z), vector(h.x, h.y, h.z), vector(l.x, h.y, h.z)];
            self.quad(&top, colour * 1.15);
        }
        self.panel([l.x, l.y], [h.x, h.y], h.z, colour);
    }

    /// Draws an ellipse that faces the camera.
    pub(super) fn disc(&mut self, centre: Vector, a: f32, b: f32, colour: Colour) {
        let projected = self.camera.project(centre);
        self.flat(&ellipse([projected.x, projected.y], a * projected.scale, b * projected.scale), colour, 1.0);
    }

    /// Draws a glow around a lamp.
    pub(super) fn glow(&mut self, centre: Vector, radius: f32, colour: Colour) {
        let projected = self.camera.project(centre);
        for ring in 1..10 {
            let r = radius * (1.0 - 0.1 * ring as f32) * projected.scale;
            self.flat(&ellipse([projected.x, projected.y], r, r), colour, 0.03 + 0.012 * ring as f32);
        }
    }

    /// Draws a beam of light.
    pub(super) fn beam(&mut self, top: Vector, left: Vector, right: Vector, colour: Colour) {
        let points = [top, left, right].map(|corner| self.project(corner));
        self.flat(&points, colour, 0.22);
    }

    /// Draws a bar with round ends.
    pub(super) fn bar(&mut self, from: Vector, to: Vector, radius: f32, colour: Colour) {
        let circles = [from, to].map(|end| {
            let projected = self.camera.project(end);
            ([projected.x, projected.y], radius * projected.scale)
        });
        self.flat(&hull(&circles), colour, 1.0);
    }

    /// Draws a pillar: a bar with a bright side.
    pub(super) fn pillar(&mut self, from: Vector, to: Vector, radius: f32, colour: Colour) {
        self.bar(from, to, radius, colour * 0.75);
        let shift = vector(-0.3 * radius, 0.0, 0.0);
        self.bar(from + shift, to + shift, 0.5 * radius, colour);
    }

    /// Draws a heap of leaves or snow: discs of two colours.
    pub(super) fn clump(&mut self, centre: Vector, radius: f32, colour: Colour) {
        for index in 0..9 {
            let (x, y) = (self.range(-1.0, 1.0), self.range(-0.7, 0.7));
            let shade = 0.75 + 0.05 * index as f32 + self.range(-0.06, 0.06);
            let size = radius * self.range(0.4, 0.62);
            let height = y + 0.05 * index as f32 - 0.2;
            self.disc(centre + vector(x, height, 0.0) * radius, size, size, colour * shade);
        }
    }

    /// Draws a broadleaf tree.
    pub(super) fn tree(&mut self, foot: Vector, height: f32, bark: Colour, leaves: Colour) {
        self.pillar(foot, foot + vector(0.0, 0.55 * height, 0.0), 0.05 * height, bark);
        self.clump(foot + vector(0.0, 0.75 * height, 0.0), 0.32 * height, leaves);
    }

    /// Draws a fir tree; a bright `top` looks like snow.
    pub(super) fn fir(&mut self, foot: Vector, height: f32, needles: Colour, top: Colour) {
        self.bar(foot, foot + vector(0.0, 0.3 * height, 0.0), 0.04 * height, hex(0x3A2A1E));
        for layer in 0..3 {
            let (low, half) = (0.15 + 0.24 * layer as f32, 0.27 - 0.065 * layer as f32);
            let corners = |low: f32, half: f32, high: f32| {
                [vector(-half, low, 0.0), vector(half, low, 0.0), vector(0.0, high, 0.0)].map(|v| foot + v * height)
            };
            self.quad(&corners(low, half, low + 0.4), needles * (0.85 + 0.12 * layer as f32));
            self.quad(&corners(low + 0.2, 0.5 * half, low + 0.4), top);
        }
    }

    /// Draws far hills from the horizon up to `height` times their distance.
    pub(super) fn ridge(&mut self, distance: f32, height: f32, roughness: f32, colour: Colour) {
        let seed = self.seed ^ distance as u32;
        let mut corners = vec![vector(-distance, -0.02 * distance, -distance)];
        for step in 0..=60 {
            let x = step as f32 / 30.0 - 1.0;
            let rise = (1.0 - roughness) + roughness * 2.0 * (rough(seed, 4.0 * x, 0.5) - 0.2);
            corners.push(vector(x, height * rise.max(0.05), -1.0) * distance);
        }
        corners.push(vector(distance, -0.02 * distance, -distance));
        self.quad(&corners, colour);
    }

    /// Draws random specks over the whole picture: falling snow, stars, leaves.
    pub(super) fn specks(&mut self, count: usize, radius: [f32; 2], rows: [f32; 2], colour: Colour) {
        let (width, height) = (self.picture.width() as f32, self.picture.height() as f32);
        for _ in 0..count {
            let centre = [self.range(0.0, width), height * self.range(rows[0], rows[1])];
            let r = height * self.range(radius[0], radius[1]);
            let opacity = self.range(0.5, 1.0);
            self.flat(&ellipse(centre, r, r), colour, opacity);
        }
    }

    /// In some clips, draws a prop that hides a small part of the actor.
    pub(super) fn foreground(&mut self, kind: SceneKind, light: &Light) {
        if !self.random.chance(0.15) {
            return;
        }
        self.in_front = true;
        let x = self.random.sign() * self.range(0.35, 0.75);
        let z = self.range(0.6, 1.0);
        let tint = light.tint;
        match kind {
            SceneKind::Kitchen | SceneKind::Office | SceneKind::Classroom => {
                let wood = self.varied(0x8A6238).under(tint);
                let (half, height) = (self.range(0.25, 0.4), self.range(0.4, 0.6));
                for leg in [-half + 0.04, half - 0.04] {
                    self.bar(vector(x + leg, 0.0, z), vector(x + leg, height, z), 0.03, wood * 0.6);
                }
                self.cuboid(vector(x - half, height, z - 0.3), vector(x + half, height + 0.06, z), wood);
            }
            SceneKind::Forest | SceneKind::Beach | SceneKind::Street | SceneKind::Desert | SceneKind::SnowField => {
                let green = self.varied(0x3F6B2E).under(tint);
                let radius = self.range(0.2, 0.3);
                self.clump(vector(x, 0.6 * radius, z), radius, green);
            }
            _ => {
                let colour = self.bright().under(tint);
                let (half, height) = (self.range(0.12, 0.25), self.range(0.3, 0.6));
                self.cuboid(vector(x - half, 0.0, z - 0.3), vector(x + half, height, z), colour);
            }
        }
        self.in_front = false;
    }

    /// Returns the RGB bytes, and the coverage of each pixel by props in front of the actor, 0 to 255.
    pub(super) fn finished(self) -> (Vec<u8>, Vec<u8>) {
        let rgb = self.picture.data().chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        let front = self.front.data().chunks_exact(4).map(|pixel| pixel[3]).collect();
        (rgb, front)
    }
}

/// Returns the colour of the surface that `ray` from `eye` hits.
fn cast_ray(surfaces: &Surfaces<'_>, eye: Vector, ray: Vector) -> Colour {
    let Floor { texture: ground, distant } = surfaces.ground;
    let reach = if ray.y < 0.0 { -eye.y / ray.y } else { f32::MAX };
    let fade = |colour: Colour, t: f32| {
        colour.towards(surfaces.haze.colour, 1.0 - surfaces.haze.half_distance / (surfaces.haze.half_distance + t))
    };
    if let Some(Wall { texture: wall, distance, height }) = surfaces.wall {
        let t = (-distance - eye.z) / ray.z;
        if t < reach {
            let (x, y) = (eye.x + t * ray.x, eye.y + t * ray.y);
            if y < height {
                return fade(wall(x, y), t);
            }
            if surfaces.roofed {
                let t = (height - eye.y) / ray.y;
                return fade((surfaces.above)(eye.x + t * ray.x, eye.z + t * ray.z), t);
            }
        }
    }
    if reach > 400.0 {
        return (surfaces.above)(-ray.x / ray.z, -ray.y / ray.z);
    }
    let near = 1.0 / (1.0 + (reach / 14.0) * (reach / 14.0));
    fade(distant.towards(ground(eye.x + reach * ray.x, eye.z + reach * ray.z), near), reach)
}

/// Returns a texture of boards along z, `width` wide.
pub(super) fn boards(seed: u32, colour: Colour, width: f32) -> impl Fn(f32, f32) -> Colour {
    move |x, z| {
        let board = crate::noise::floor(x / width);
        let shade = 0.86 + 0.22 * speck(seed, board, crate::noise::floor(z / 1.6 + speck(seed, board, 7)));
        let seam = if fraction(x / width) < 0.07 { 0.72 } else { 1.0 };
        colour * (seam * shade * (0.95 + 0.1 * rough(seed, x * 9.0, z)))
    }
}

/// Returns a texture of square tiles with joints.
pub(super) fn tiles(seed: u32, colour: Colour, joint: Colour, side: f32) -> impl Fn(f32, f32) -> Colour {
    move |u, v| {
        let (column, row) = (crate::noise::floor(u / side), crate::noise::floor(v / side));
        if fraction(u / side) < 0.07 || fraction(v / side) < 0.07 {
            return joint;
        }
        colour * (0.93 + 0.12 * speck(seed, column, row))
    }
}

/// Returns a checked texture of two colours.
pub(super) fn checks(one: Colour, two: Colour, side: f32) -> impl Fn(f32, f32) -> Colour {
    move |u, v| {
        let even = (crate::noise::floor(u / side) + crate::noise::floor(v / side)) & 1 == 0;
        if even { one } else { two }
    }
}

/// Returns a texture of bricks, 24 by 8 centimetres at `scale` 1.
pub(super) fn bricks(seed: u32, colour: Colour, mortar: Colour, scale: f32) -> impl Fn(f32, f32) -> Colour {
    move |u, v| {
        let row = crate::noise::floor(v / (0.09 * scale));
        let along = u / (0.26 * scale) + 0.5 * (row & 1) as f32;
        if fraction(v / (0.09 * scale)) < 0.14 || fraction(along) < 0.06 {
            return mortar;
        }
        colour * (0.78 + 0.4 * speck(seed, crate::noise::floor(along), row))
    }
}

/// Returns a grainy texture whose two colours form patches `scale` metres wide.
pub(super) fn patches(seed: u32, one: Colour, two: Colour, scale: f32) -> impl Fn(f32, f32) -> Colour {
    move |u, v| {
        let grain = 0.93 + 0.14 * speck(seed, crate::noise::floor(u * 40.0), crate::noise::floor(v * 40.0));
        one.towards(two, rough(seed, u / scale, v / scale)) * grain
    }
}

/// Returns a sky from `low` at the horizon to `high`, with a cloud cover of `cover`.
pub(super) fn sky(seed: u32, low: Colour, high: Colour, cloud: Colour, cover: f32) -> impl Fn(f32, f32) -> Colour {
    move |x, up| {
        let clear = low.towards(high, (up * 2.2).clamp(0.0, 1.0));
        let puff = ((rough(seed, 5.0 * x, 14.0 * up) - 1.0 + cover) * 4.0).clamp(0.0, 1.0);
        clear.towards(cloud, puff * (up * 12.0).clamp(0.0, 1.0))
    }
}

/// Returns the light of a room.
pub(super) fn lamplight(tint: u32) -> Light {
    Light { tint: hex(tint), from: [-0.45, -0.85], contrast: 0.75, shadow: 0.55 }
}

/// Returns sunlight from one side.
pub(super) fn sunlight(tint: u32, side: f32) -> Light {
    Light { tint: hex(tint), from: [0.75 * side, -0.65], contrast: 1.1, shadow: 0.85 }
}

/// Returns the light of an overcast sky or a dim night.
pub(super) fn overcast(tint: u32) -> Light {
    Light { tint: hex(tint), from: [0.0, -0.9], contrast: 0.5, shadow: 0.45 }
}

/// Returns a texture of a plain wall with stains.
pub(super) fn plaster(seed: u32, colour: Colour) -> impl Fn(f32, f32) -> Colour {
    move |u, v| colour * (0.93 + 0.12 * rough(seed, 1.5 * u, 1.5 * v))
}

/// Returns a texture of a ceiling with rows of lamps.
pub(super) fn ceiling(colour: Colour) -> impl Fn(f32, f32) -> Colour {
    move |x, z| {
        let lamp = fraction(x / 1.4 + 0.3) < 0.4 && fraction(z / 1.2) < 0.2;
        if lamp { grey(1.0) } else { colour }
    }
}
