//! Basketball courts, gyms and swimming pools.

use super::painter::{
    BackgroundPainter, Floor, Haze, Surfaces, Wall, boards, bricks, ceiling, lamplight, patches, plaster, sky,
    sunlight, tiles,
};
use crate::colour::{Colour, grey, hex};
use crate::light::Light;
use crate::noise::{fraction, rough, smooth};
use crate::vector::vector;

/// Returns `floor` with the lines of a court: a circle around the actor, a base line and a box.
fn with_lines(floor: impl Fn(f32, f32) -> Colour, paint: Colour, inside: Colour) -> impl Fn(f32, f32) -> Colour {
    move |x, z| {
        let radius = (x * x + z * z).sqrt();
        let on_line = (radius - 1.5).abs() < 0.05
            || (x.abs() - 1.1).abs() < 0.05 && z < -0.2
            || z.abs() < 0.05
            || (z + 2.4).abs() < 0.05;
        if on_line {
            return paint;
        }
        if x.abs() < 1.1 && z < 0.0 && z > -2.4 { floor(x, z).towards(inside, 0.6) } else { floor(x, z) }
    }
}

fn hoop(painter: &mut BackgroundPainter, x: f32, z: f32, post: bool) {
    if post {
        painter.bar(vector(x, 0.0, z - 0.1), vector(x, 2.3, z - 0.1), 0.07, grey(0.25));
    }
    painter.panel([x - 0.62, 1.62], [x + 0.62, 2.4], z, grey(0.95));
    painter.panel([x - 0.58, 1.66], [x + 0.58, 2.36], z, hex(0xDFE6EA));
    painter.panel([x - 0.24, 1.74], [x + 0.24, 2.08], z, hex(0xC63A22));
    painter.panel([x - 0.19, 1.78], [x + 0.19, 2.04], z, hex(0xDFE6EA));
    for index in 0..5 {
        let along = -0.2 + 0.1 * index as f32;
        painter.bar(vector(x + along, 1.7, z + 0.2), vector(x + 0.6 * along, 1.4, z + 0.2), 0.01, grey(0.95));
    }
    painter.bar(vector(x - 0.23, 1.71, z + 0.2), vector(x + 0.23, 1.71, z + 0.2), 0.028, hex(0xE8601C));
}

pub(super) fn basketball_court(painter: &mut BackgroundPainter, variant: usize) -> Light {
    let (seed, x) = (painter.seed, painter.range(-0.9, 0.9));
    match variant {
        0 => {
            let (wood, paint, wall) = (painter.varied(0xD08A44), painter.varied(0xB8402A), painter.varied(0xE4DCC8));
            let pads = painter.varied(0x2A4F9E);
            let floor = with_lines(boards(seed, wood, 0.12), grey(0.95), paint);
            let plain = plaster(seed, wall);
            let wall = move |u: f32, v: f32| match v {
                v if v < 1.1 => pads * if fraction(u / 0.6) < 0.05 { 0.6 } else { 1.0 },
                v if v > 1.9 && fraction(v / 0.35) < 0.2 => wall * 0.85,
                _ => plain(u, v),
            };
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &floor, distant: wood },
                wall: Some(Wall { texture: &wall, distance: 3.2, height: 3.4 }),
                above: &ceiling(grey(0.5)),
                roofed: true,
                haze: Haze { colour: grey(0.7), half_distance: 60.0 },
            });
            hoop(painter, x, -3.1, false);
            lamplight(0xFFF4E0)
        }
        1 => {
            let (ground, paint) = (painter.varied(0x3E8A55), painter.varied(0x2F6FA8));
            let floor = with_lines(patches(seed, ground, ground * 0.85, 0.7), grey(0.95), paint);
            let air = sky(seed, hex(0xCFE4F5), hex(0x5A9BE0), grey(1.0), 0.55);
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &floor, distant: ground },
                wall: None,
                above: &air,
                roofed: false,
                haze: Haze { colour: hex(0xCFE4F5), half_distance: 80.0 },
            });
            painter.ridge(40.0, 0.09, 0.6, hex(0x3E6B3A));
            fence(painter, -4.0, 2.2, grey(0.45));
            hoop(painter, x, -3.0, true);
            sunlight(0xFFF8EC, -1.0)
        }
        _ => {
            let (ground, paint) = (painter.varied(0x39424F), painter.varied(0x5A3550));
            let floor = with_lines(patches(seed, ground, ground * 0.7, 0.7), hex(0xD8D0A0), paint);
            let air = sky(seed, hex(0x1A2236), hex(0x060810), hex(0x202838), 0.4);
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &floor, distant: ground },
                wall: None,
                above: &air,
                roofed: false,
                haze: Haze { colour: hex(0x101626), half_distance: 30.0 },
            });
            fence(painter, -4.0, 2.0, grey(0.3));
            for x in [-1.9, 2.1] {
                painter.bar(vector(x, 0.0, -4.5), vector(x, 2.9, -4.5), 0.05, grey(0.3));
                painter.glow(vector(x, 2.9, -4.4), 1.1, hex(0xFFF3C8));
            }
            hoop(painter, x, -3.0, true);
            Light { tint: hex(0xC9CCE0), from: [-0.7, -0.7], contrast: 1.2, shadow: 0.8 }
        }
    }
}

/// Draws a wire fence at depth `z`.
fn fence(painter: &mut BackgroundPainter, z: f32, height: f32, colour: Colour) {
    for step in -24..=24 {
        let x = 0.25 * step as f32;
        painter.bar(vector(x, 0.0, z), vector(x + 0.5, height, z), 0.006, colour);
        painter.bar(vector(x, 0.0, z), vector(x - 0.5, height, z), 0.006, colour);
    }
    for step in -3..=3 {
        painter.bar(vector(2.0 * step as f32, 0.0, z), vector(2.0 * step as f32, height, z), 0.03, colour);
    }
    painter.bar(vector(-6.0, height, z), vector(6.0, height, z), 0.025, colour);
}

pub(super) fn gym(painter: &mut BackgroundPainter, variant: usize) -> Light {
    let seed = painter.seed;
    let roof = ceiling(grey(0.35));
    match variant {
        0 => {
            let (rubber, wall) = (painter.varied(0x34383C), painter.varied(0x9FB4C0));
            let stripe = painter.bright();
            let floor = patches(seed, rubber, rubber * 1.3, 0.05);
            let mirror = move |u: f32, v: f32| match v {
                v if v > 2.1 => stripe,
                v if v < 0.25 => grey(0.2),
                _ if fraction(u / 1.3) < 0.03 => grey(0.35),
                _ => wall * (0.8 + 0.35 * fraction((u + 0.8 * v) / 1.3)),
            };
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &floor, distant: rubber },
                wall: Some(Wall { texture: &mirror, distance: 2.6, height: 2.6 }),
                above: &roof,
                roofed: true,
                haze: Haze { colour: grey(0.4), half_distance: 60.0 },
            });
            rack(painter);
            lamplight(0xF4F8FF)
        }
        1 => {
            let (mat, board) = (painter.varied(0x3B6FB0), painter.varied(0xD9CDB2));
            let floor = tiles(seed, mat, mat * 0.6, 0.9);
            let wall = move |u: f32, v: f32| {
                let slope = fraction(0.5 * u + 0.35 * v);
                let panel = if slope < 0.5 { board } else { board * 0.82 };
                panel * (0.94 + 0.12 * rough(seed, 6.0 * u, 6.0 * v))
            };
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &floor, distant: mat },
                wall: Some(Wall { texture: &wall, distance: 2.2, height: 6.0 }),
                above: &roof,
                roofed: true,
                haze: Haze { colour: grey(0.5), half_distance: 80.0 },
            });
            for _ in 0..60 {
                let at = vector(painter.range(-3.0, 3.0), painter.range(0.2, 3.6), -2.15);
                let (size, colour) = (painter.range(0.04, 0.1), painter.bright());
                painter.disc(at + vector(0.02, -0.03, 0.0), size, size, grey(0.35));
                painter.disc(at, size, 0.8 * size, colour);
            }
            let rope = painter.range(-1.2, 1.2);
            painter.bar(vector(rope, 0.0, -1.9), vector(rope + 0.1, 4.0, -1.9), 0.015, hex(0xE8D020));
            lamplight(0xFFF2E2)
        }
        _ => {
            let (canvas, wall) = (painter.varied(0xB8B4A8), painter.varied(0x6E3B34));
            let floor = patches(seed, canvas, canvas * 0.85, 1.2);
            let wall = bricks(seed, wall, grey(0.3), 1.6);
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &floor, distant: canvas },
                wall: Some(Wall { texture: &wall, distance: 3.0, height: 3.2 }),
                above: &roof,
                roofed: true,
                haze: Haze { colour: grey(0.2), half_distance: 30.0 },
            });
            for (height, colour) in [(0.45, 0xC62828), (0.85, 0xEDEDED), (1.25, 0x2456B8)] {
                painter.bar(vector(-5.0, height, -1.7), vector(5.0, height, -1.7), 0.035, hex(colour));
            }
            for x in [-1.9, 1.9] {
                painter.pillar(vector(x, 0.0, -1.7), vector(x, 1.4, -1.7), 0.12, hex(0xB02020));
            }
            let x = painter.random.sign() * painter.range(0.7, 1.3);
            let leather = painter.varied(0x8A1F1F);
            painter.bar(vector(x, 1.8, -1.2), vector(x, 3.4, -1.2), 0.015, grey(0.5));
            painter.pillar(vector(x, 0.9, -1.2), vector(x, 1.7, -1.2), 0.2, leather);
            Light { tint: hex(0xEAD8C0), from: [0.2, -0.95], contrast: 1.1, shadow: 0.7 }
        }
    }
}

/// Draws a rack of dumb-bells and a few discs.
fn rack(painter: &mut BackgroundPainter) {
    let z = -2.0;
    for height in [0.35, 0.8] {
        painter.cuboid(vector(-3.0, height, z - 0.2), vector(3.0, height + 0.06, z), grey(0.25));
        for step in -6..=6 {
            let x = 0.45 * step as f32 + painter.range(-0.05, 0.05);
            let size = painter.range(0.07, 0.11);
            let colour = if step & 1 == 0 { grey(0.12) } else { hex(0x5A1E1E) };
            painter.bar(vector(x - 0.12, height + 0.14, z), vector(x + 0.12, height + 0.14, z), 0.03, grey(0.6));
            for end in [-0.12, 0.12] {
                painter.disc(vector(x + end, height + 0.14, z), 0.6 * size, size, colour);
            }
        }
    }
    let x = painter.random.sign() * painter.range(0.9, 1.4);
    let colour = painter.bright();
    painter.disc(vector(x, 0.35, -1.3), 0.35, 0.35, colour * 0.8);
    painter.disc(vector(x - 0.05, 0.4, -1.3), 0.26, 0.26, colour);
}

pub(super) fn swimming_pool(painter: &mut BackgroundPainter, variant: usize) -> Light {
    let seed = painter.seed;
    let edge = -painter.range(0.5, 1.0);
    let (deck, water) = match variant {
        0 => (painter.varied(0xD9D4C6), painter.varied(0x2FA8C8)),
        1 => (painter.varied(0xE2C9A0), painter.varied(0x27B4D6)),
        _ => (painter.varied(0x4A4E58), painter.varied(0x1C8FD0)),
    };
    let dry = tiles(seed, deck, deck * 0.75, 0.4);
    let ground = move |x: f32, z: f32| {
        if z > edge {
            return if z < edge + 0.16 { grey(0.95).under(deck + grey(0.2)) } else { dry(x, z) };
        }
        let net = smooth(seed, 3.5 * x, 2.0 * z) - smooth(seed ^ 1, 3.5 * x + 9.0, 2.0 * z);
        let lane = if fraction(z / 1.5 + 0.2) < 0.06 { if fraction(x / 0.5) < 0.5 { 1 } else { 2 } } else { 0 };
        match lane {
            1 => hex(0xD83A2A),
            2 => grey(0.95),
            _ => water.towards(grey(0.95), (0.5 - 5.0 * net.abs()).clamp(0.0, 0.6)),
        }
    };
    match variant {
        0 => {
            let tile = painter.varied(0xBFD8DC);
            let lower = tiles(seed, tile, tile * 0.8, 0.3);
            let wall = move |u: f32, v: f32| {
                let pane = v > 1.3 && v < 3.0 && fraction(u / 1.5) > 0.12;
                if pane { hex(0xE8F4FA) } else { lower(u, v) }
            };
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &ground, distant: water },
                wall: Some(Wall { texture: &wall, distance: 7.0, height: 3.6 }),
                above: &ceiling(grey(0.75)),
                roofed: true,
                haze: Haze { colour: hex(0xD8ECF0), half_distance: 40.0 },
            });
            lamplight(0xF0FBFF)
        }
        1 => {
            let air = sky(seed, hex(0xD8ECF8), hex(0x3F8FE0), grey(1.0), 0.45);
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &ground, distant: water },
                wall: None,
                above: &air,
                roofed: false,
                haze: Haze { colour: hex(0xD0E8F4), half_distance: 90.0 },
            });
            painter.cuboid(vector(-30.0, 0.0, -16.0), vector(30.0, 0.9, -9.0), hex(0xE9E2D2));
            for step in -3..4 {
                let x = 2.4 * step as f32 + painter.range(-0.6, 0.6);
                let (leaf, height) = (painter.varied(0x3F8A3A), painter.range(2.2, 3.4));
                painter.tree(vector(x, 0.6, -10.0), height, hex(0x7A5A3A), leaf);
            }
            let (x, colour) = (painter.random.sign() * painter.range(1.0, 1.6), painter.bright());
            parasol(painter, x, -1.5, colour);
            sunlight(0xFFFAF0, 1.0)
        }
        _ => {
            let air = sky(seed, hex(0x141A34), hex(0x05060E), hex(0x1A2038), 0.3);
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &ground, distant: water },
                wall: None,
                above: &air,
                roofed: false,
                haze: Haze { colour: hex(0x0E1838), half_distance: 25.0 },
            });
            painter.cuboid(vector(-30.0, 0.0, -14.0), vector(30.0, 2.0, -9.0), hex(0x1C1F2C));
            for step in -4..5 {
                painter.glow(vector(1.7 * step as f32, 1.6, -8.9), 0.8, hex(0xFFC870));
            }
            Light { tint: hex(0x9FC0E0), from: [0.0, 0.7], contrast: 0.9, shadow: 0.3 }
        }
    }
}

/// Draws a sunshade of two colours.
pub(super) fn parasol(painter: &mut BackgroundPainter, x: f32, z: f32, colour: Colour) {
    painter.bar(vector(x, 0.0, z), vector(x, 2.0, z), 0.03, grey(0.9));
    for index in 0..6 {
        let (left, right) = (-0.9 + 0.3 * index as f32, -0.6 + 0.3 * index as f32);
        let shade = if index & 1 == 0 { colour } else { grey(0.95) };
        let corners = [vector(x + left, 1.75, z), vector(x + right, 1.75, z), vector(x, 2.25, z)];
        painter.quad(&corners, shade);
    }
}
