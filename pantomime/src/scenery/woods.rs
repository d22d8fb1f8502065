//! Forests.

use super::set::{Planes, Set, dull, patches, sky, sunlight};
use crate::colour::{grey, hex};
use crate::light::Light;
use crate::vector::vector;

pub(super) fn forest(set: &mut Set, variant: usize) -> Light {
    let seed = set.seed;
    let (one, two) = match variant {
        0 => (set.dyed(0x4E6E2C), set.dyed(0x6A5636)),
        1 => (set.dyed(0xB4692A), set.dyed(0x7A4A22)),
        _ => (set.dyed(0xE4E8EC), set.dyed(0xB0A898)),
    };
    let haze = [hex(0x8AB07A), hex(0xE0B070), hex(0xC8D0D8)][variant];
    set.planes(&Planes {
        ground: (&patches(seed, one, two, 0.35), one.towards(two, 0.5)),
        wall: None,
        above: &sky(seed, haze, haze * 0.9, grey(0.9), 0.3),
        roofed: false,
        haze: (haze, 14.0),
    });
    let leaves = [[0x3E7A2C, 0x5A9A3A, 0x2E6428], [0xD8741E, 0xE0A020, 0xB43A1E], [0, 0, 0]][variant];
    for layer in 0..4 {
        let (z, fade) = (-11.0 + 2.5 * layer as f32, 0.6 - 0.18 * layer as f32);
        for step in -4..5 {
            let x = (step as f32 + set.range(-0.45, 0.45)) * (0.75 - 0.12 * z);
            if layer == 3 && x.abs() < 0.7 {
                continue;
            }
            let radius = set.range(0.1, 0.2);
            let top = vector(x + set.range(-0.3, 0.3), 6.0, z);
            if variant == 2 {
                birch(set, x, z, 0.7 * radius, fade);
            } else {
                let bark = hex(0x4A3A2A).towards(haze, fade);
                set.pillar(vector(x, 0.0, z), top, radius, bark);
            }
        }
        if variant < 2 {
            for _ in 0..5 {
                let leaf = hex(set.random.pick(&leaves)).towards(haze, fade);
                let (x, y, radius) = (set.range(-1.0, 1.0) * (2.0 - 0.4 * z), set.range(2.2, 3.8), set.range(0.6, 1.1));
                set.clump(vector(x, y - 0.05 * z, z + 0.1), radius, leaf);
            }
            let leaf = hex(set.random.pick(&leaves)).towards(haze, fade);
            let x = set.range(-1.0, 1.0) * (2.0 - 0.3 * z);
            set.clump(vector(x, 0.25, z + 0.2), 0.5, leaf * 0.8);
        }
    }
    if variant == 1 {
        for _ in 0..60 {
            let (x, z, leaf) = (set.range(-2.5, 2.5), set.range(-3.0, 0.8), hex(set.random.pick(&leaves)));
            let size = set.range(0.02, 0.05);
            set.disc(vector(x, 0.0, z), size, 0.5 * size, leaf);
        }
    }
    match variant {
        0 => Light { tint: hex(0xE4F0CC), from: [0.3, -0.9], contrast: 1.0, shadow: 0.6 },
        1 => sunlight(0xFFE4BC, 1.0),
        _ => dull(0xEEF2F8),
    }
}

/// A white trunk with dark bands and bare branches.
fn birch(set: &mut Set, x: f32, z: f32, radius: f32, fade: f32) {
    let haze = hex(0xC8D0D8);
    let (white, black) = (hex(0xF2F0EA).towards(haze, fade), hex(0x2A2826).towards(haze, fade));
    set.pillar(vector(x, 0.0, z), vector(x, 6.0, z), radius, white);
    for _ in 0..9 {
        let (y, left) = (set.range(0.1, 4.0), set.range(-0.9, 0.0));
        set.bar(vector(x + left * radius, y, z), vector(x + (left + 0.8) * radius, y, z), 0.025, black);
    }
    for side in [-1.0, 1.0] {
        let y = set.range(1.4, 3.0);
        set.bar(vector(x, y, z), vector(x + side * 0.7, y + 0.8, z), 0.02, black);
        set.bar(vector(x + side * 0.35, y + 0.4, z), vector(x + side * 0.8, y + 0.5, z), 0.012, black);
    }
}
