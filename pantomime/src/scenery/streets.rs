//! Streets.

use super::painter::{BackgroundPainter, Floor, Haze, Surfaces, Wall, bricks, patches, sky, sunlight, tiles};
use crate::colour::{Colour, grey, hex};
use crate::light::Light;
use crate::noise::{floor, fraction, speck};
use crate::vector::vector;

/// Returns a texture of a facade with rows of windows; `lit` is the share of lit windows.
fn facade(seed: u32, stone: Colour, glass: Colour, lamp: Colour, lit: f32) -> impl Fn(f32, f32) -> Colour {
    move |u, v| {
        let house = floor(u / 3.6);
        let stone = stone * (0.7 + 0.45 * speck(seed, house, 3)) + Colour([0.08, 0.0, -0.03]) * speck(seed, house, 4);
        let (column, row) = (floor(u / 0.9), floor(v / 1.15));
        let (across, up) = (fraction(u / 0.9), fraction(v / 1.15));
        let opening = (0.25..0.75).contains(&across) && (0.3..0.85).contains(&up);
        if !opening {
            return if up < 0.05 || fraction(u / 3.6) < 0.02 { stone * 0.75 } else { stone };
        }
        if (across - 0.5).abs() < 0.03 {
            return stone * 0.6;
        }
        if speck(seed ^ 9, column, row) < lit { lamp } else { glass * (0.8 + 0.4 * up) }
    }
}

/// Returns a texture of a road along x with a pavement on both sides.
fn road(seed: u32, asphalt: Colour, pavement: Colour, paint: Colour) -> impl Fn(f32, f32) -> Colour {
    let (grains, slabs) = (patches(seed, asphalt, asphalt * 0.82, 0.9), tiles(seed, pavement, pavement * 0.7, 0.5));
    move |x, z| match z {
        z if !(-4.4..=-0.9).contains(&z) => slabs(x, z),
        z if !(-4.25..=-1.05).contains(&z) => pavement * 0.6,
        z if (z + 2.6).abs() < 0.07 && fraction(x / 1.2) < 0.55 => paint,
        _ => grains(x, z),
    }
}

pub(super) fn street(painter: &mut BackgroundPainter, variant: usize) -> Light {
    let seed = painter.seed;
    match variant {
        0 => {
            let (stone, asphalt) = (painter.varied(0xC4AE90), painter.varied(0x5A5C60));
            let houses = facade(seed, stone, hex(0x5A7A94), hex(0xD8E4EC), 0.15);
            let ground = road(seed, asphalt, hex(0xA8A59C), grey(0.95));
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &ground, distant: asphalt },
                wall: Some(Wall { texture: &houses, distance: 6.0, height: 5.0 }),
                above: &sky(seed, hex(0xCFE4F5), hex(0x5A9BE0), grey(1.0), 0.5),
                roofed: false,
                haze: Haze { colour: hex(0xCFE0EE), half_distance: 90.0 },
            });
            let (x, paint) = (painter.range(-1.6, 1.6), painter.bright());
            car(painter, x, -2.2, paint);
            let x = painter.random.sign() * painter.range(1.2, 1.8);
            painter.tree(vector(x, 0.0, -4.8), 3.4, hex(0x5A4430), hex(0x4C8A38));
            sunlight(0xFFF8EC, 1.0)
        }
        1 => {
            let stone = painter.varied(0x39415C);
            let houses = facade(seed, stone, hex(0x141A2C), hex(0xFFCB62), 0.55);
            let ground = road(seed, hex(0x8A94B0), hex(0xB8C2DC), hex(0x9AA4C0));
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &ground, distant: hex(0x98A2BE) },
                wall: Some(Wall { texture: &houses, distance: 6.0, height: 4.2 }),
                above: &sky(seed, hex(0x1E2848), hex(0x080C1C), hex(0x283252), 0.5),
                roofed: false,
                haze: Haze { colour: hex(0x2A3454), half_distance: 50.0 },
            });
            painter.cuboid(vector(-12.0, 0.0, -6.0), vector(12.0, 0.35, -5.4), hex(0xC8D2EA));
            let (x, paint) = (painter.range(-1.6, 1.6), painter.bright());
            car(painter, x, -2.4, paint * 0.4);
            lamp(painter, -1.5);
            lamp(painter, 1.7);
            painter.specks(90, [0.003, 0.008], [0.0, 1.0], grey(0.97));
            Light { tint: hex(0xB4C0E4), from: [-0.6, -0.75], contrast: 1.0, shadow: 0.5 }
        }
        _ => {
            let (brick, stone) = (painter.varied(0xA4553A), painter.varied(0x8A7464));
            let wall = bricks(seed, brick, hex(0xC8A890), 1.5);
            let cobbles = tiles(seed, stone, stone * 0.55, 0.17);
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &cobbles, distant: stone * 0.9 },
                wall: Some(Wall { texture: &wall, distance: 2.6, height: 2.3 }),
                above: &sky(seed, hex(0xFFB25A), hex(0x9A5A8A), hex(0xFFD8A0), 0.6),
                roofed: false,
                haze: Haze { colour: hex(0xE89A60), half_distance: 30.0 },
            });
            let (x, paint) = (painter.range(-1.2, 1.2), painter.bright());
            painter.panel([x - 0.4, 0.0], [x + 0.4, 1.75], -2.58, paint * 0.6);
            painter.panel([x - 0.34, 0.0], [x + 0.34, 1.7], -2.57, paint * 0.8);
            let x = if x > 0.0 { x - 1.7 } else { x + 1.7 };
            let (one, two) = (painter.bright(), painter.bright());
            painter.bar(vector(x - 0.5, 1.0, -2.57), vector(x - 0.1, 1.5, -2.57), 0.09, one);
            painter.bar(vector(x - 0.1, 1.5, -2.57), vector(x + 0.2, 0.95, -2.57), 0.09, two);
            painter.bar(vector(x + 0.2, 0.95, -2.57), vector(x + 0.55, 1.45, -2.57), 0.09, one);
            for side in [-1.0, 1.0] {
                let x = side * painter.range(1.0, 1.6);
                painter.cuboid(vector(x - 0.25, 0.0, -2.3), vector(x + 0.25, 0.75, -1.9), hex(0x3A5A48));
                painter.cuboid(vector(x - 0.28, 0.75, -2.33), vector(x + 0.28, 0.83, -1.87), hex(0x2A4034));
            }
            sunlight(0xFFC890, -1.0)
        }
    }
}

fn car(painter: &mut BackgroundPainter, x: f32, z: f32, paint: Colour) {
    for wheel in [-0.85, 0.85] {
        painter.disc(vector(x + wheel, 0.28, z), 0.3, 0.3, grey(0.08));
        painter.disc(vector(x + wheel, 0.28, z + 0.01), 0.15, 0.15, grey(0.6));
    }
    let body =
        [[-1.5, 0.3], [1.5, 0.3], [1.5, 0.7], [0.95, 0.78], [0.6, 1.22], [-0.65, 1.22], [-1.1, 0.78], [-1.5, 0.72]];
    painter.quad(&body.map(|[u, v]| vector(x + u, v, z)), paint);
    let glass = [[-0.92, 0.8], [0.8, 0.8], [0.52, 1.15], [-0.6, 1.15]];
    painter.quad(&glass.map(|[u, v]| vector(x + u, v, z + 0.01)), hex(0x2A3640));
    painter.bar(vector(x - 0.05, 0.75, z + 0.02), vector(x - 0.05, 1.18, z + 0.02), 0.03, paint);
    for wheel in [-0.85, 0.85] {
        painter.disc(vector(x + wheel, 0.27, z + 0.02), 0.24, 0.24, grey(0.1));
        painter.disc(vector(x + wheel, 0.27, z + 0.03), 0.12, 0.12, grey(0.65));
    }
}

fn lamp(painter: &mut BackgroundPainter, x: f32) {
    let x = x + painter.range(-0.3, 0.3);
    painter.bar(vector(x, 0.0, -4.5), vector(x, 2.9, -4.5), 0.04, grey(0.12));
    painter.glow(vector(x, 2.9, -4.4), 1.0, hex(0xFFD88A));
}
