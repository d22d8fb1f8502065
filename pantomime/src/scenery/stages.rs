//! Stages.

use super::painter::{BackgroundPainter, Floor, Haze, Surfaces, Wall, boards, sky, sunlight};
use crate::colour::{Colour, grey, hex};
use crate::light::Light;
use crate::noise::{fraction, rough};
use crate::vector::vector;

/// Returns a texture of a curtain in folds.
fn curtain(seed: u32, cloth: Colour, fold: f32) -> impl Fn(f32, f32) -> Colour {
    move |u, v| {
        let along = fraction(u / fold + 0.3 * rough(seed, u, 0.3 * v));
        cloth * (0.45 + 2.4 * along * (1.0 - along))
    }
}

pub(super) fn stage(painter: &mut BackgroundPainter, variant: usize) -> Light {
    let seed = painter.seed;
    match variant {
        0 => {
            let (cloth, wood) = (painter.varied(0xB01C24), painter.varied(0x8A5A34));
            let fold = painter.range(0.3, 0.45);
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &boards(seed, wood, 0.16), distant: wood },
                wall: Some(Wall { texture: &curtain(seed, cloth, fold), distance: 2.0, height: 6.0 }),
                above: &|_, _| grey(0.05),
                roofed: false,
                haze: Haze { colour: grey(0.05), half_distance: 40.0 },
            });
            painter.cuboid(vector(-6.0, 2.15, -1.9), vector(6.0, 2.6, -1.8), cloth * 0.7);
            for step in -8..9 {
                painter.disc(vector(0.5 * step as f32, 2.15, -1.78), 0.25, 0.12, cloth * 0.8);
                painter.bar(
                    vector(0.5 * step as f32 - 0.2, 2.1, -1.76),
                    vector(0.5 * step as f32 + 0.2, 2.1, -1.76),
                    0.02,
                    hex(0xE0B040),
                );
            }
            Light { tint: hex(0xFFEAD0), from: [-0.3, -0.95], contrast: 1.3, shadow: 0.7 }
        }
        1 => {
            let floor = painter.varied(0x20242E);
            let beam = painter.range(-0.6, 0.6);
            let dark = move |u: f32, v: f32| {
                let glow = (1.0 - (u - beam - 0.25 * v).abs() * 1.2).max(0.0)
                    + (1.0 - (u + beam + 0.3 * v).abs() * 1.4).max(0.0);
                hex(0x0A0C18) + hex(0x2A50C8) * (0.5 * glow)
            };
            let lit = move |x: f32, z: f32| {
                let pool = (1.0 - (x * x + z * z) / 2.2).max(0.0);
                floor + hex(0x4A70E0) * pool
            };
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &lit, distant: floor },
                wall: Some(Wall { texture: &dark, distance: 3.0, height: 6.0 }),
                above: &|_, _| grey(0.02),
                roofed: false,
                haze: Haze { colour: hex(0x0A0C18), half_distance: 50.0 },
            });
            for step in -3..4 {
                let x = 0.8 * step as f32 + painter.range(-0.15, 0.15);
                let top = vector(x, 2.5, -2.6);
                let lean = painter.range(-0.6, 0.6);
                painter.beam(top, vector(x + lean - 0.4, 0.0, -2.4), vector(x + lean + 0.4, 0.0, -2.4), hex(0x5A8CFF));
                painter.glow(top, 0.4, hex(0xBFD4FF));
            }
            painter.bar(vector(-5.0, 2.6, -2.6), vector(5.0, 2.6, -2.6), 0.05, grey(0.2));
            for x in [-1.7, 1.7] {
                painter.cuboid(vector(x - 0.3, 0.0, -2.2), vector(x + 0.3, 1.2, -1.7), grey(0.1));
                painter.disc(vector(x, 0.85, -1.69), 0.2, 0.2, grey(0.25));
                painter.disc(vector(x, 0.35, -1.69), 0.24, 0.24, grey(0.25));
            }
            Light { tint: hex(0x9CB4FF), from: [0.2, -0.95], contrast: 1.4, shadow: 0.5 }
        }
        _ => {
            let wood = painter.varied(0xA89878);
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &boards(seed, wood, 0.2), distant: wood },
                wall: None,
                above: &sky(seed, hex(0xE4EEF4), hex(0x6AAEE4), grey(1.0), 0.5),
                roofed: false,
                haze: Haze { colour: hex(0xD8E8F0), half_distance: 80.0 },
            });
            painter.ridge(50.0, 0.14, 0.6, hex(0x6A9A5A));
            painter.ridge(30.0, 0.07, 0.6, hex(0x4A7E40));
            painter.cuboid(vector(-20.0, -0.5, -9.0), vector(20.0, -0.05, -3.0), hex(0x5A9A48));
            for x in [-2.1, 2.1] {
                for rail in [-0.12, 0.12] {
                    painter.bar(vector(x + rail, 0.0, -2.6), vector(x + rail, 2.9, -2.6), 0.03, grey(0.55));
                }
                for step in 0..8 {
                    let y = 0.36 * step as f32;
                    painter.bar(vector(x - 0.12, y, -2.6), vector(x + 0.12, y + 0.36, -2.6), 0.015, grey(0.5));
                }
            }
            let cloth = painter.bright();
            for step in -10..10 {
                let x = 0.24 * step as f32;
                let colour = if step & 1 == 0 { cloth } else { grey(0.95) };
                painter.quad(
                    &[
                        vector(x, 2.5, -2.4),
                        vector(x + 0.24, 2.5, -2.4),
                        vector(x + 0.24, 3.1, -2.6),
                        vector(x, 3.1, -2.6),
                    ],
                    colour,
                );
                painter.disc(vector(x + 0.12, 2.5, -2.39), 0.12, 0.1, colour);
            }
            for x in [-1.4, 1.4] {
                painter.cuboid(vector(x - 0.28, 0.0, -2.0), vector(x + 0.28, 0.8, -1.6), grey(0.15));
                painter.disc(vector(x, 0.4, -1.59), 0.2, 0.2, grey(0.4));
            }
            sunlight(0xFFFAF0, -1.0)
        }
    }
}
