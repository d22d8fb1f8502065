//! Beaches and deserts.

use super::painter::{BackgroundPainter, Floor, Haze, Surfaces, overcast, patches, sky, sunlight};
use super::sports::parasol;
use crate::colour::{Colour, grey, hex};
use crate::light::Light;
use crate::noise::{fraction, rough, smooth};
use crate::vector::vector;

/// Returns a texture of sand with ripples, and beyond `shore` the sea with waves.
fn coast(seed: u32, sand: Colour, sea: Colour, foam: Colour, shore: f32) -> impl Fn(f32, f32) -> Colour {
    let grains = patches(seed, sand, sand * 0.86, 0.5);
    move |x, z| {
        let edge = shore + 0.5 * (rough(seed, 0.8 * x, 0.0) - 0.5);
        match z {
            z if z > edge => grains(x, z),
            z if z > edge - 0.2 => foam,
            z => {
                let wave = smooth(seed ^ 5, 0.7 * x, 2.2 * z);
                if wave > 0.78 { foam.towards(sea, 0.4) } else { sea * (0.8 + 0.35 * wave) }
            }
        }
    }
}

pub(super) fn beach(painter: &mut BackgroundPainter, variant: usize) -> Light {
    let seed = painter.seed;
    let shore = -painter.range(1.2, 2.2);
    let (sand, sea, foam) = match variant {
        0 => (painter.varied(0xEED9A4), painter.varied(0x1E9CC8), grey(0.98)),
        1 => (painter.varied(0xA8704E), painter.varied(0x9A4A5A), hex(0xFFC890)),
        _ => (painter.varied(0x8E8C88), painter.varied(0x5A6E74), hex(0xC8D0D0)),
    };
    let air = match variant {
        0 => sky(seed, hex(0xC8ECFA), hex(0x3A9AE8), grey(1.0), 0.4),
        1 => sky(seed, hex(0xFFB040), hex(0xA83A6A), hex(0xFFD27A), 0.5),
        _ => sky(seed, hex(0xB4BCC0), hex(0x7E8A92), hex(0xD4D8DA), 0.8),
    };
    painter.surfaces(&Surfaces {
        ground: Floor { texture: &coast(seed, sand, sea, foam, shore), distant: sea },
        wall: None,
        above: &air,
        roofed: false,
        haze: Haze {
            colour: [hex(0xB0E0F0), hex(0xFF9A50), hex(0xA8B2B6)][variant],
            half_distance: [200.0, 60.0, 120.0][variant],
        },
    });
    match variant {
        0 => {
            let (x, colour) = (painter.random.sign() * painter.range(0.9, 1.5), painter.bright());
            parasol(painter, x, -1.0, colour);
            let towel = painter.bright();
            painter.mat([x - 0.4, -0.6], [x + 0.3, 0.2], towel);
            let sail = painter.range(-6.0, 6.0);
            painter.quad(
                &[vector(sail, 0.4, -30.0), vector(sail + 2.2, 0.4, -30.0), vector(sail + 0.3, 4.5, -30.0)],
                grey(0.97),
            );
            palm(painter, -2.0 * x.signum(), -2.2);
            sunlight(0xFFFBEE, 1.0)
        }
        1 => {
            let x = painter.range(-8.0, 8.0);
            painter.glow(vector(x, 3.0, -40.0), 9.0, hex(0xFFE27A));
            painter.disc(vector(x, 2.2, -40.0), 2.4, 2.4, hex(0xFFF0A0));
            let x = 1.7 * painter.random.sign();
            palm(painter, x, -1.6);
            Light { tint: hex(0xE8A080), from: [0.4, -0.5], contrast: 1.2, shadow: 0.7 }
        }
        _ => {
            for _ in 0..26 {
                let z = -painter.range(0.5, 3.4);
                let (x, size) = (painter.range(-3.0, 3.0), painter.range(0.1, 0.42));
                let stone = painter.varied(0x6A6864);
                painter.disc(vector(x, 0.5 * size, z), 1.2 * size, 0.8 * size, stone * 0.7);
                painter.disc(vector(x - 0.1 * size, 0.62 * size, z), 0.95 * size, 0.55 * size, stone);
            }
            painter.ridge(40.0, 0.05, 0.9, hex(0x5E6A6C));
            overcast(0xE8ECF2)
        }
    }
}

fn palm(painter: &mut BackgroundPainter, x: f32, z: f32) {
    let top = vector(x + 0.35, 2.7, z);
    painter.pillar(vector(x, 0.0, z), vector(x + 0.15, 1.4, z), 0.1, hex(0x7A5A3A));
    painter.pillar(vector(x + 0.15, 1.4, z), top, 0.08, hex(0x7A5A3A));
    for (u, v) in
        [(-1.0, -0.1), (-0.8, 0.4), (-0.3, 0.65), (0.3, 0.65), (0.8, 0.4), (1.0, -0.1), (0.6, -0.5), (-0.6, -0.5)]
    {
        let green = hex(0x2E7A38) * (0.8 + 0.3 * v);
        let tip = top + vector(u, v - 0.15, 0.0);
        painter.quad(
            &[
                top,
                top + vector(0.5 * u - 0.08 * v, 0.5 * v + 0.16, 0.0),
                tip,
                top + vector(0.5 * u, 0.5 * v - 0.06, 0.0),
            ],
            green,
        );
    }
}

pub(super) fn desert(painter: &mut BackgroundPainter, variant: usize) -> Light {
    let seed = painter.seed;
    let sand = [painter.varied(0xE0B060), painter.varied(0xB4502E), painter.varied(0x4A4E6A)][variant];
    let grains = patches(seed, sand, sand * 0.85, 1.6);
    let ripples = move |x: f32, z: f32| {
        let wave = fraction(2.2 * z + 2.0 * rough(seed, 0.7 * x, 0.7 * z));
        grains(x, z) * if variant == 1 { 1.0 } else { 0.86 + 0.2 * (wave - 0.5).abs() * 2.0 }
    };
    let air = match variant {
        0 => sky(seed, hex(0xF4E4B8), hex(0x58A8E0), grey(1.0), 0.15),
        1 => sky(seed, hex(0xF8D8B0), hex(0x4A94D0), grey(1.0), 0.35),
        _ => sky(seed, hex(0x2A3058), hex(0x070A1C), hex(0x2A3058), 0.1),
    };
    painter.surfaces(&Surfaces {
        ground: Floor { texture: &ripples, distant: sand },
        wall: None,
        above: &air,
        roofed: false,
        haze: Haze { colour: [hex(0xF0DCB0), hex(0xE8B890), hex(0x262C50)][variant], half_distance: 70.0 },
    });
    match variant {
        0 => {
            painter.ridge(60.0, 0.13, 0.7, hex(0xD8A858));
            painter.ridge(30.0, 0.07, 0.8, hex(0xC8924A));
            let x = painter.range(-10.0, 10.0);
            painter.disc(vector(x, 16.0, -50.0), 2.2, 2.2, hex(0xFFFBE0));
            sunlight(0xFFF2D8, 1.0)
        }
        1 => {
            for _ in 0..4 {
                let (x, half, top) = (painter.range(-13.0, 13.0), painter.range(2.0, 4.5), painter.range(4.0, 9.0));
                mesa(painter, x, half, top);
            }
            let (one, two) = (painter.random.sign() * painter.range(0.9, 1.5), painter.range(-2.5, 2.5));
            cactus(painter, one, -1.4, hex(0x4A7A3E));
            cactus(painter, two, -4.0, hex(0x4A7A3E));
            for _ in 0..10 {
                let (x, z, size) = (painter.range(-3.0, 3.0), -painter.range(0.6, 4.0), painter.range(0.06, 0.2));
                painter.disc(vector(x, 0.5 * size, z), 1.2 * size, 0.8 * size, hex(0x7A3420));
            }
            sunlight(0xFFE8D0, -1.0)
        }
        _ => {
            painter.specks(110, [0.0015, 0.005], [0.0, 0.42], grey(0.98));
            painter.ridge(60.0, 0.1, 0.8, hex(0x1E2240));
            let x = painter.range(-9.0, 9.0);
            painter.glow(vector(x, 13.0, -50.0), 5.0, hex(0xC8D4F8));
            painter.disc(vector(x, 13.0, -50.0), 1.9, 1.9, hex(0xF4F4E4));
            let x = painter.random.sign() * painter.range(0.9, 1.5);
            cactus(painter, x, -1.6, hex(0x1C3030));
            Light { tint: hex(0x9AA8D8), from: [0.5, -0.8], contrast: 1.1, shadow: 0.5 }
        }
    }
}

fn mesa(painter: &mut BackgroundPainter, x: f32, half: f32, top: f32) {
    let z = -40.0;
    let side = |share: f32, low: f32, high: f32| {
        [
            vector(x - half * (1.35 - 0.35 * low), low * top, z),
            vector(x + half * (1.35 - 0.35 * low), low * top, z),
            vector(x + half * share, high * top, z),
            vector(x - half * share, high * top, z),
        ]
    };
    painter.quad(&side(1.0, 0.0, 1.0), hex(0x9A4426));
    for (low, colour) in [(0.35, 0xB4583A), (0.6, 0x8A3A20), (0.85, 0xC0684A)] {
        painter.quad(&side(1.35 - 0.35 * (low + 0.12), low, low + 0.12), hex(colour));
    }
}

fn cactus(painter: &mut BackgroundPainter, x: f32, z: f32, green: Colour) {
    painter.pillar(vector(x, 0.0, z), vector(x, 1.7, z), 0.14, green);
    for (side, low, high) in [(-1.0, 0.7, 1.3), (1.0, 0.95, 1.5)] {
        let elbow = x + side * 0.4;
        painter.pillar(vector(x, low, z), vector(elbow, low, z), 0.09, green);
        painter.pillar(vector(elbow, low, z), vector(elbow, high, z), 0.09, green);
    }
}
