//! Forests.

use super::painter::{BackgroundPainter, Floor, Haze, Surfaces, overcast, patches, sky, sunlight};
use crate::colour::{grey, hex};
use crate::light::Light;
use crate::vector::vector;

pub(super) fn forest(painter: &mut BackgroundPainter, variant: usize) -> Light {
    let seed = painter.seed;
    let (one, two) = match variant {
        0 => (painter.varied(0x4E6E2C), painter.varied(0x6A5636)),
        1 => (painter.varied(0xB4692A), painter.varied(0x7A4A22)),
        _ => (painter.varied(0xE4E8EC), painter.varied(0xB0A898)),
    };
    let haze = [hex(0x8AB07A), hex(0xE0B070), hex(0xC8D0D8)][variant];
    painter.surfaces(&Surfaces {
        ground: Floor { texture: &patches(seed, one, two, 0.35), distant: one.towards(two, 0.5) },
        wall: None,
        above: &sky(seed, haze, haze * 0.9, grey(0.9), 0.3),
        roofed: false,
        haze: Haze { colour: haze, half_distance: 14.0 },
    });
    let leaves = [[0x3E7A2C, 0x5A9A3A, 0x2E6428], [0xD8741E, 0xE0A020, 0xB43A1E], [0, 0, 0]][variant];
    for layer in 0..4 {
        let (z, fade) = (-11.0 + 2.5 * layer as f32, 0.6 - 0.18 * layer as f32);
        for step in -4..5 {
            let x = (step as f32 + painter.range(-0.45, 0.45)) * (0.75 - 0.12 * z);
            if layer == 3 && x.abs() < 0.7 {
                continue;
            }
            let radius = painter.range(0.1, 0.2);
            let top = vector(x + painter.range(-0.3, 0.3), 6.0, z);
            if variant == 2 {
                birch(painter, x, z, 0.7 * radius, fade);
            } else {
                let bark = hex(0x4A3A2A).towards(haze, fade);
                painter.pillar(vector(x, 0.0, z), top, radius, bark);
            }
        }
        if variant < 2 {
            for _ in 0..5 {
                let leaf = hex(painter.random.pick(&leaves)).towards(haze, fade);
                let (x, y, radius) =
                    (painter.range(-1.0, 1.0) * (2.0 - 0.4 * z), painter.range(2.2, 3.8), painter.range(0.6, 1.1));
                painter.clump(vector(x, y - 0.05 * z, z + 0.1), radius, leaf);
            }
            let leaf = hex(painter.random.pick(&leaves)).towards(haze, fade);
            let x = painter.range(-1.0, 1.0) * (2.0 - 0.3 * z);
            painter.clump(vector(x, 0.25, z + 0.2), 0.5, leaf * 0.8);
        }
    }
    if variant == 1 {
        for _ in 0..60 {
            let (x, z, leaf) = (painter.range(-2.5, 2.5), painter.range(-3.0, 0.8), hex(painter.random.pick(&leaves)));
            let size = painter.range(0.02, 0.05);
            painter.disc(vector(x, 0.0, z), size, 0.5 * size, leaf);
        }
    }
    match variant {
        0 => Light { tint: hex(0xE4F0CC), from: [0.3, -0.9], contrast: 1.0, shadow: 0.6 },
        1 => sunlight(0xFFE4BC, 1.0),
        _ => overcast(0xEEF2F8),
    }
}

/// Draws a white trunk with dark bands and bare branches.
fn birch(painter: &mut BackgroundPainter, x: f32, z: f32, radius: f32, fade: f32) {
    let haze = hex(0xC8D0D8);
    let (white, black) = (hex(0xF2F0EA).towards(haze, fade), hex(0x2A2826).towards(haze, fade));
    painter.pillar(vector(x, 0.0, z), vector(x, 6.0, z), radius, white);
    for _ in 0..9 {
        let (y, left) = (painter.range(0.1, 4.0), painter.range(-0.9, 0.0));
        painter.bar(vector(x + left * radius, y, z), vector(x + (left + 0.8) * radius, y, z), 0.025, black);
    }
    for side in [-1.0, 1.0] {
        let y = painter.range(1.4, 3.0);
        painter.bar(vector(x, y, z), vector(x + side * 0.7, y + 0.8, z), 0.02, black);
        painter.bar(vector(x + side * 0.35, y + 0.4, z), vector(x + side * 0.8, y + 0.5, z), 0.012, black);
    }
}
