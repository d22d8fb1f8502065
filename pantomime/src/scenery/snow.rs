//! Snow fields.

use super::painter::{BackgroundPainter, Floor, Haze, Surfaces, overcast, patches, sky, sunlight};
use crate::colour::{grey, hex};
use crate::light::Light;
use crate::vector::vector;

pub(super) fn snow_field(painter: &mut BackgroundPainter, variant: usize) -> Light {
    let seed = painter.seed;
    match variant {
        0 => {
            let (snow, shade) = (painter.varied(0xF4F8FC), painter.varied(0xC4D8EC));
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &patches(seed, snow, shade, 1.3), distant: snow },
                wall: None,
                above: &sky(seed, hex(0xB8DCF8), hex(0x2F7ADC), grey(1.0), 0.35),
                roofed: false,
                haze: Haze { colour: hex(0xE0EEFA), half_distance: 60.0 },
            });
            painter.ridge(60.0, 0.05, 0.5, hex(0xDCE8F4));
            for _ in 0..9 {
                let (x, z, height) = (painter.range(-7.0, 7.0), -painter.range(9.0, 14.0), painter.range(2.0, 3.4));
                painter.fir(vector(x, 0.0, z), height, hex(0x2A5A40), hex(0xEFF6FC));
            }
            sunlight(0xFDFDFF, 1.0)
        }
        1 => {
            let (snow, shade) = (painter.varied(0xB4B8E0), painter.varied(0x8A8CC4));
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &patches(seed, snow, shade, 1.0), distant: snow },
                wall: None,
                above: &sky(seed, hex(0xF4A8A0), hex(0x4A4A98), hex(0xF8C8B8), 0.4),
                roofed: false,
                haze: Haze { colour: hex(0xC0A8D0), half_distance: 90.0 },
            });
            for (distance, height, colour) in [(90.0, 0.32, 0x8A84B8), (50.0, 0.2, 0x6E6CA8)] {
                painter.ridge(distance, height, 0.9, hex(colour));
            }
            for peak in [-0.28, 0.1, 0.38] {
                let x = (peak + painter.range(-0.06, 0.06)) * 45.0;
                let (half, top) = (painter.range(7.0, 11.0), painter.range(10.0, 16.0));
                let foot = [vector(x - half, 0.0, -45.0), vector(x + half, 0.0, -45.0), vector(x, top, -45.0)];
                painter.quad(&foot, hex(0x6A6AA0));
                let cap = [
                    vector(x - 0.42 * half, 0.58 * top, -45.0),
                    vector(x - 0.1 * half, 0.5 * top, -45.0),
                    vector(x + 0.1 * half, 0.62 * top, -45.0),
                    vector(x + 0.42 * half, 0.58 * top, -45.0),
                    vector(x, top, -45.0),
                ];
                painter.quad(&cap, hex(0xF4C8D0));
            }
            sunlight(0xD8B8D8, -1.0)
        }
        _ => {
            let snow = painter.varied(0xD4D8DA);
            painter.surfaces(&Surfaces {
                ground: Floor { texture: &patches(seed, snow, snow * 0.93, 0.9), distant: snow },
                wall: None,
                above: &sky(seed, hex(0xD0D6DA), hex(0xB4BCC4), grey(0.85), 0.5),
                roofed: false,
                haze: Haze { colour: hex(0xD0D6DA), half_distance: 7.0 },
            });
            for (z, fade) in [(-14.0, 0.76), (-9.0, 0.64), (-5.0, 0.5)] {
                for step in -3..4 {
                    let x = (step as f32 + painter.range(-0.4, 0.4)) * -z * 0.22;
                    let height = painter.range(2.0, 3.0);
                    painter.fir(vector(x, 0.0, z), height, grey(fade), grey(fade + 0.12));
                }
            }
            for step in -5..6 {
                let x = 0.8 * step as f32;
                painter.bar(vector(x, 0.0, -2.6), vector(x, 0.75, -2.6), 0.05, hex(0x5C4A3E));
            }
            for height in [0.35, 0.65] {
                painter.bar(vector(-5.0, height, -2.6), vector(5.0, height, -2.6), 0.035, hex(0x6A574A));
            }
            painter.specks(60, [0.003, 0.007], [0.0, 1.0], grey(0.98));
            overcast(0xE8ECF2)
        }
    }
}
