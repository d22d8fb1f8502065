//! Beaches and deserts.

use super::set::{Planes, Set, dull, patches, sky, sunlight};
use super::sport::parasol;
use crate::colour::{Colour, grey, hex};
use crate::light::Light;
use crate::noise::{fraction, rough, smooth};
use crate::vector::vector;

/// Sand with ripples, and beyond `shore` the sea with waves.
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

pub(super) fn beach(set: &mut Set, variant: usize) -> Light {
    let seed = set.seed;
    let shore = -set.range(1.2, 2.2);
    let (sand, sea, foam) = match variant {
        0 => (set.dyed(0xEED9A4), set.dyed(0x1E9CC8), grey(0.98)),
        1 => (set.dyed(0xA8704E), set.dyed(0x9A4A5A), hex(0xFFC890)),
        _ => (set.dyed(0x8E8C88), set.dyed(0x5A6E74), hex(0xC8D0D0)),
    };
    let air = match variant {
        0 => sky(seed, hex(0xC8ECFA), hex(0x3A9AE8), grey(1.0), 0.4),
        1 => sky(seed, hex(0xFFB040), hex(0xA83A6A), hex(0xFFD27A), 0.5),
        _ => sky(seed, hex(0xB4BCC0), hex(0x7E8A92), hex(0xD4D8DA), 0.8),
    };
    set.planes(&Planes {
        ground: (&coast(seed, sand, sea, foam, shore), sea),
        wall: None,
        above: &air,
        roofed: false,
        haze: ([hex(0xB0E0F0), hex(0xFF9A50), hex(0xA8B2B6)][variant], [200.0, 60.0, 120.0][variant]),
    });
    match variant {
        0 => {
            let (x, colour) = (set.random.sign() * set.range(0.9, 1.5), set.bright());
            parasol(set, x, -1.0, colour);
            let towel = set.bright();
            set.mat([x - 0.4, -0.6], [x + 0.3, 0.2], towel);
            let sail = set.range(-6.0, 6.0);
            set.quad(
                &[vector(sail, 0.4, -30.0), vector(sail + 2.2, 0.4, -30.0), vector(sail + 0.3, 4.5, -30.0)],
                grey(0.97),
            );
            palm(set, -2.0 * x.signum(), -2.2);
            sunlight(0xFFFBEE, 1.0)
        }
        1 => {
            let x = set.range(-8.0, 8.0);
            set.glow(vector(x, 3.0, -40.0), 9.0, hex(0xFFE27A));
            set.disc(vector(x, 2.2, -40.0), 2.4, 2.4, hex(0xFFF0A0));
            let x = 1.7 * set.random.sign();
            palm(set, x, -1.6);
            Light { tint: hex(0xE8A080), from: [0.4, -0.5], contrast: 1.2, shadow: 0.7 }
        }
        _ => {
            for _ in 0..26 {
                let z = -set.range(0.5, 3.4);
                let (x, size) = (set.range(-3.0, 3.0), set.range(0.1, 0.42));
                let stone = set.dyed(0x6A6864);
                set.disc(vector(x, 0.5 * size, z), 1.2 * size, 0.8 * size, stone * 0.7);
                set.disc(vector(x - 0.1 * size, 0.62 * size, z), 0.95 * size, 0.55 * size, stone);
            }
            set.ridge(40.0, 0.05, 0.9, hex(0x5E6A6C));
            dull(0xE8ECF2)
        }
    }
}

fn palm(set: &mut Set, x: f32, z: f32) {
    let top = vector(x + 0.35, 2.7, z);
    set.pillar(vector(x, 0.0, z), vector(x + 0.15, 1.4, z), 0.1, hex(0x7A5A3A));
    set.pillar(vector(x + 0.15, 1.4, z), top, 0.08, hex(0x7A5A3A));
    for (u, v) in
        [(-1.0, -0.1), (-0.8, 0.4), (-0.3, 0.65), (0.3, 0.65), (0.8, 0.4), (1.0, -0.1), (0.6, -0.5), (-0.6, -0.5)]
    {
        let green = hex(0x2E7A38) * (0.8 + 0.3 * v);
        let tip = top + vector(u, v - 0.15, 0.0);
        set.quad(
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

pub(super) fn desert(set: &mut Set, variant: usize) -> Light {
    let seed = set.seed;
    let sand = [set.dyed(0xE0B060), set.dyed(0xB4502E), set.dyed(0x4A4E6A)][variant];
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
    set.planes(&Planes {
        ground: (&ripples, sand),
        wall: None,
        above: &air,
        roofed: false,
        haze: ([hex(0xF0DCB0), hex(0xE8B890), hex(0x262C50)][variant], 70.0),
    });
    match variant {
        0 => {
            set.ridge(60.0, 0.13, 0.7, hex(0xD8A858));
            set.ridge(30.0, 0.07, 0.8, hex(0xC8924A));
            let x = set.range(-10.0, 10.0);
            set.disc(vector(x, 16.0, -50.0), 2.2, 2.2, hex(0xFFFBE0));
            sunlight(0xFFF2D8, 1.0)
        }
        1 => {
            for _ in 0..4 {
                let (x, half, top) = (set.range(-13.0, 13.0), set.range(2.0, 4.5), set.range(4.0, 9.0));
                mesa(set, x, half, top);
            }
            let (one, two) = (set.random.sign() * set.range(0.9, 1.5), set.range(-2.5, 2.5));
            cactus(set, one, -1.4, hex(0x4A7A3E));
            cactus(set, two, -4.0, hex(0x4A7A3E));
            for _ in 0..10 {
                let (x, z, size) = (set.range(-3.0, 3.0), -set.range(0.6, 4.0), set.range(0.06, 0.2));
                set.disc(vector(x, 0.5 * size, z), 1.2 * size, 0.8 * size, hex(0x7A3420));
            }
            sunlight(0xFFE8D0, -1.0)
        }
        _ => {
            set.specks(110, [0.0015, 0.005], [0.0, 0.42], grey(0.98));
            set.ridge(60.0, 0.1, 0.8, hex(0x1E2240));
            let x = set.range(-9.0, 9.0);
            set.glow(vector(x, 13.0, -50.0), 5.0, hex(0xC8D4F8));
            set.disc(vector(x, 13.0, -50.0), 1.9, 1.9, hex(0xF4F4E4));
            let x = set.random.sign() * set.range(0.9, 1.5);
            cactus(set, x, -1.6, hex(0x1C3030));
            Light { tint: hex(0x9AA8D8), from: [0.5, -0.8], contrast: 1.1, shadow: 0.5 }
        }
    }
}

fn mesa(set: &mut Set, x: f32, half: f32, top: f32) {
    let z = -40.0;
    let side = |share: f32, low: f32, high: f32| {
        [
            vector(x - half * (1.35 - 0.35 * low), low * top, z),
            vector(x + half * (1.35 - 0.35 * low), low * top, z),
            vector(x + half * share, high * top, z),
            vector(x - half * share, high * top, z),
        ]
    };
    set.quad(&side(1.0, 0.0, 1.0), hex(0x9A4426));
    for (low, colour) in [(0.35, 0xB4583A), (0.6, 0x8A3A20), (0.85, 0xC0684A)] {
        set.quad(&side(1.35 - 0.35 * (low + 0.12), low, low + 0.12), hex(colour));
    }
}

fn cactus(set: &mut Set, x: f32, z: f32, green: Colour) {
    set.pillar(vector(x, 0.0, z), vector(x, 1.7, z), 0.14, green);
    for (side, low, high) in [(-1.0, 0.7, 1.3), (1.0, 0.95, 1.5)] {
        let elbow = x + side * 0.4;
        set.pillar(vector(x, low, z), vector(elbow, low, z), 0.09, green);
        set.pillar(vector(elbow, low, z), vector(elbow, high, z), 0.09, green);
    }
}
