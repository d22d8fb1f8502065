//! Kitchens, offices and classrooms.

use super::painter::{
    BackgroundPainter, Floor, Haze, Surfaces, Texture, Wall, boards, bricks, ceiling, checks, lamplight, patches,
    plaster, tiles,
};
use crate::colour::{Colour, grey, hex};
use crate::light::Light;
use crate::noise::fraction;
use crate::vector::vector;

/// Surfaces of a room.
struct Room<'a> {
    floor: Floor<'a>,
    wall: Texture<'a>,
    /// Metres from the actor to the wall.
    depth: f32,
    /// Darkness of the ceiling, 0 to 1.
    darkness: f32,
}

/// Paints the surfaces of a room.
fn room(painter: &mut BackgroundPainter, room: Room<'_>) {
    let light = 1.0 - room.darkness;
    painter.surfaces(&Surfaces {
        ground: room.floor,
        wall: Some(Wall { texture: room.wall, distance: room.depth, height: 2.7 }),
        above: &ceiling(grey(0.85 * light)),
        roofed: true,
        haze: Haze { colour: grey(0.6 * light), half_distance: 60.0 },
    });
}

pub(super) fn kitchen(painter: &mut BackgroundPainter, variant: usize) -> Light {
    let seed = painter.seed;
    let (front, top, wall) = match variant {
        0 => (painter.varied(0xE9EAE6), painter.varied(0x5A5E64), painter.varied(0xCFE0E4)),
        1 => (painter.varied(0x9A6234), painter.varied(0xD8C8A8), painter.varied(0xE6C98A)),
        _ => (painter.varied(0x2E5A48), painter.varied(0x8A7A60), painter.varied(0x4A5A50)),
    };
    let splash = tiles(seed, wall, wall * 0.75, 0.15);
    let depth = painter.range(1.3, 1.9);
    match variant {
        0 => room(
            painter,
            Room {
                floor: Floor { texture: &checks(grey(0.9), grey(0.3), 0.4), distant: grey(0.6) },
                wall: &splash,
                depth,
                darkness: 0.0,
            },
        ),
        1 => room(
            painter,
            Room {
                floor: Floor { texture: &tiles(seed, hex(0xB5683E), hex(0x8A7A6A), 0.35), distant: hex(0xA86A44) },
                wall: &splash,
                depth,
                darkness: 0.2,
            },
        ),
        _ => room(
            painter,
            Room {
                floor: Floor { texture: &boards(seed, hex(0x5A4632), 0.14), distant: hex(0x54422E) },
                wall: &splash,
                depth,
                darkness: 0.6,
            },
        ),
    }
    let back = -depth + 0.55;
    let window = painter.range(-0.9, 0.9);
    let pane = [hex(0xCDE8FA), hex(0xE8F0D0), hex(0x0C1226)][variant];
    painter.panel([window - 0.5, 1.25], [window + 0.5, 2.15], -depth + 0.01, grey(0.92 - 0.25 * variant as f32));
    painter.panel([window - 0.44, 1.3], [window - 0.03, 2.1], -depth + 0.02, pane);
    painter.panel([window + 0.03, 1.3], [window + 0.44, 2.1], -depth + 0.02, pane);
    for step in -5..5 {
        let left = 0.6 * step as f32;
        if (left + 0.3 - window).abs() > 0.8 {
            painter.cuboid(vector(left, 1.55, -depth), vector(left + 0.57, 2.3, -depth + 0.32), front);
            painter.disc(vector(left + 0.5, 1.65, -depth + 0.33), 0.02, 0.02, grey(0.4));
        }
    }
    painter.cuboid(vector(-3.0, 0.0, -depth), vector(3.0, 0.9, back), front);
    painter.cuboid(vector(-3.0, 0.9, -depth), vector(3.0, 0.95, back + 0.03), top);
    for step in -6..6 {
        let left = 0.5 * step as f32;
        painter.panel([left + 0.03, 0.12], [left + 0.47, 0.66], back + 0.01, front * 0.86);
        painter.panel([left + 0.03, 0.7], [left + 0.47, 0.86], back + 0.01, front * 0.92);
        painter.bar(vector(left + 0.18, 0.78, back + 0.02), vector(left + 0.32, 0.78, back + 0.02), 0.015, grey(0.35));
    }
    let stove = painter.random.sign() * painter.range(0.5, 1.3);
    painter.cuboid(vector(stove - 0.32, 0.0, back - 0.4), vector(stove + 0.32, 0.96, back + 0.05), grey(0.72));
    painter.panel([stove - 0.24, 0.25], [stove + 0.24, 0.62], back + 0.06, grey(0.12));
    for knob in 0..4 {
        painter.disc(vector(stove - 0.2 + 0.13 * knob as f32, 0.82, back + 0.06), 0.03, 0.03, grey(0.15));
    }
    let pot = painter.bright();
    painter.cuboid(vector(stove - 0.18, 0.97, back - 0.2), vector(stove + 0.1, 1.15, back), pot);
    let fridge = if stove > 0.0 { -painter.range(1.3, 1.8) } else { painter.range(1.3, 1.8) };
    let cold = if variant == 1 { hex(0xC43A30) } else { grey(0.86) };
    painter.cuboid(vector(fridge - 0.35, 0.0, back - 0.3), vector(fridge + 0.35, 1.75, back + 0.1), cold);
    painter.bar(vector(fridge - 0.27, 0.9, back + 0.12), vector(fridge - 0.27, 1.3, back + 0.12), 0.02, grey(0.3));
    painter.panel([fridge - 0.35, 0.66], [fridge + 0.35, 0.68], back + 0.11, grey(0.35));
    if variant == 2 {
        painter.glow(vector(-0.3, 2.1, -depth + 0.6), 0.9, hex(0xFFD890));
        return Light { tint: hex(0xE0C8A0), ..lamplight(0) };
    }
    lamplight([0xFBFDFF, 0xFFE9C4][variant])
}

pub(super) fn office(painter: &mut BackgroundPainter, variant: usize) -> Light {
    let seed = painter.seed;
    let depth = painter.range(2.2, 3.0);
    let carpet = [painter.varied(0x8A93A0), painter.varied(0x2C3140), painter.varied(0x7A6250)][variant];
    let floor = patches(seed, carpet, carpet * 0.88, 0.08);
    match variant {
        0 => room(
            painter,
            Room {
                floor: Floor { texture: &floor, distant: carpet },
                wall: &plaster(seed, hex(0xF0F0EA)),
                depth,
                darkness: 0.0,
            },
        ),
        1 => room(
            painter,
            Room {
                floor: Floor { texture: &floor, distant: carpet },
                wall: &plaster(seed, hex(0x353B4C)),
                depth,
                darkness: 0.75,
            },
        ),
        _ => room(
            painter,
            Room {
                floor: Floor { texture: &floor, distant: carpet },
                wall: &bricks(seed, hex(0xA8573C), hex(0xC8B8A8), 1.3),
                depth,
                darkness: 0.2,
            },
        ),
    }
    let z = -depth + 0.01;
    if variant < 2 {
        windows(painter, z, variant == 1);
    } else {
        for _ in 0..4 {
            let (x, y, art) = (painter.range(-2.2, 2.2), painter.range(1.3, 1.9), painter.bright());
            painter.panel([x - 0.25, y - 0.3], [x + 0.25, y + 0.3], z, grey(0.15));
            painter.panel([x - 0.21, y - 0.26], [x + 0.21, y + 0.26], z + 0.01, art);
        }
        let x = painter.range(-1.0, 1.0);
        painter.glow(vector(x, 2.3, z + 0.5), 0.7, hex(0xFFDFA0));
    }
    let wood = [painter.varied(0xD8BE94), painter.varied(0x4A4038), painter.varied(0x8A5A34)][variant];
    for side in [-1.0, 1.0] {
        let (x, z) = (side * painter.range(0.95, 1.45), -painter.range(0.9, 1.5));
        desk(painter, x, z, wood, variant == 1);
    }
    if variant != 1 {
        let x = painter.range(-0.5, 0.5);
        painter.cuboid(vector(x - 0.14, 0.0, z + 0.2), vector(x + 0.14, 0.4, z + 0.5), hex(0xC8C0B0));
        let leaf = painter.varied(0x2F7A36);
        painter.clump(vector(x, 0.8, z + 0.4), 0.38, leaf);
    }
    match variant {
        0 => lamplight(0xFAFDFF),
        1 => Light { tint: hex(0x8FA4CC), from: [0.7, -0.6], contrast: 1.2, shadow: 0.4 },
        _ => lamplight(0xFFE6C8),
    }
}

/// Draws a row of windows with blinds, or with the lights of a city.
fn windows(painter: &mut BackgroundPainter, z: f32, night: bool) {
    for step in -3..4 {
        let x = 1.25 * step as f32;
        painter.panel([x - 0.58, 0.9], [x + 0.58, 2.3], z, grey(if night { 0.12 } else { 0.8 }));
        painter.panel([x - 0.52, 0.95], [x + 0.52, 2.25], z + 0.01, hex(if night { 0x0A1024 } else { 0xBFE0FA }));
        for row in 0..8 {
            let y = 1.02 + 0.15 * row as f32;
            if !night {
                painter.panel([x - 0.52, y], [x + 0.52, y + 0.045], z + 0.02, grey(0.95));
                continue;
            }
            for column in 0..6 {
                if painter.random.chance(0.45) {
                    let left = x - 0.48 + 0.16 * column as f32;
                    painter.panel([left, y], [left + 0.08, y + 0.07], z + 0.02, hex(0xF2CE74));
                }
            }
        }
    }
}

/// Draws a desk with a screen and papers.
fn desk(painter: &mut BackgroundPainter, x: f32, z: f32, wood: Colour, glowing: bool) {
    for leg in [-0.5, 0.5] {
        painter.bar(vector(x + leg, 0.0, z), vector(x + leg, 0.7, z), 0.03, grey(0.3));
    }
    painter.cuboid(vector(x - 0.58, 0.68, z - 0.5), vector(x + 0.58, 0.74, z), wood);
    painter.panel([x - 0.3, 0.0], [x + 0.5, 0.68], z - 0.3, wood * 0.6);
    painter.panel([x - 0.04, 0.74], [x + 0.04, 0.9], z - 0.3, grey(0.2));
    painter.panel([x - 0.32, 0.86], [x + 0.32, 1.26], z - 0.28, grey(0.1));
    let screen = if glowing { hex(0x9AD0FF) } else { hex(0x3A5A84) };
    painter.panel([x - 0.29, 0.89], [x + 0.29, 1.23], z - 0.27, screen);
    for line in 0..4 {
        let y = 0.94 + 0.07 * line as f32;
        painter.panel([x - 0.24, y], [x + 0.05 + 0.04 * line as f32, y + 0.025], z - 0.26, grey(0.9));
    }
    if glowing {
        painter.glow(vector(x, 1.05, z - 0.2), 0.8, hex(0x7FB8FF));
    }
    let cup = painter.bright();
    painter.panel([x + 0.38, 0.74], [x + 0.46, 0.85], z - 0.1, cup);
}

pub(super) fn classroom(painter: &mut BackgroundPainter, variant: usize) -> Light {
    let seed = painter.seed;
    let depth = painter.range(2.3, 3.0);
    let wall = [painter.varied(0xE6DCC0), painter.varied(0xC8DDE6), painter.varied(0xF0D070)][variant];
    let lower = [hex(0xB8AA88), hex(0x9AB4C4), hex(0x58A0B8)][variant];
    let plain = plaster(seed, wall);
    let painted = move |u: f32, v: f32| if v < 0.75 { lower } else { plain(u, v) };
    match variant {
        0 => room(
            painter,
            Room {
                floor: Floor { texture: &boards(seed, hex(0xA8784A), 0.1), distant: hex(0xA07044) },
                wall: &painted,
                depth,
                darkness: 0.1,
            },
        ),
        1 => room(
            painter,
            Room {
                floor: Floor { texture: &tiles(seed, hex(0xB8B8B0), hex(0x909088), 0.5), distant: hex(0xB4B4AC) },
                wall: &painted,
                depth,
                darkness: 0.0,
            },
        ),
        _ => room(
            painter,
            Room {
                floor: Floor { texture: &checks(hex(0x6AA84F), hex(0xE8E0C0), 0.5), distant: hex(0xA8C488) },
                wall: &painted,
                depth,
                darkness: 0.0,
            },
        ),
    }
    let (z, x) = (-depth + 0.01, painter.range(-0.7, 0.7));
    match variant {
        0 => board(painter, x, z, BoardColours { frame: hex(0x7A5230), face: hex(0x22483A), ink: hex(0xE0E4D8) }),
        1 => board(painter, x, z, BoardColours { frame: grey(0.55), face: hex(0xFAFAFA), ink: hex(0x2A4AA8) }),
        _ => {
            posters(painter, z);
            letters(painter, z);
        }
    }
    for row in 0..2 {
        for side in [-1.0, 1.0] {
            let (x, z) = (side * (0.75 + 0.5 * row as f32 + painter.range(0.0, 0.4)), -1.7 + 0.9 * row as f32);
            let top = [hex(0xC89A60), hex(0xE0E0DA), hex(0xD85A4A)][variant];
            for leg in [-0.3, 0.3] {
                painter.bar(vector(x + leg, 0.0, z), vector(x + leg, 0.58, z), 0.02, grey(0.25));
            }
            painter.cuboid(vector(x - 0.36, 0.56, z - 0.4), vector(x + 0.36, 0.61, z), top);
            painter.panel([x - 0.2, 0.3], [x + 0.2, 0.36], z + 0.3, top * 0.8);
        }
    }
    lamplight([0xFFF3DC, 0xFAFDFF, 0xFFFBEE][variant])
}

/// Colours of a board.
struct BoardColours {
    frame: Colour,
    face: Colour,
    ink: Colour,
}

/// Draws a framed board with writing.
fn board(painter: &mut BackgroundPainter, x: f32, z: f32, colours: BoardColours) {
    let BoardColours { frame, face, ink } = colours;
    painter.panel([x - 1.35, 0.95], [x + 1.35, 2.2], z, frame);
    painter.panel([x - 1.28, 1.02], [x + 1.28, 2.13], z + 0.01, face);
    for line in 0..5 {
        let y = 1.95 - 0.18 * line as f32;
        let (mut at, end) = (x - 1.15, x + painter.range(-0.2, 1.1));
        while at < end {
            let word = painter.range(0.08, 0.28);
            painter.bar(vector(at, y, z + 0.02), vector(at + word, y + 0.02, z + 0.02), 0.018, ink);
            at += word + 0.09;
        }
    }
    painter.cuboid(vector(x - 1.3, 0.92, z), vector(x + 1.3, 0.96, z + 0.1), frame);
}

fn posters(painter: &mut BackgroundPainter, z: f32) {
    for step in -2..3 {
        let x = 0.85 * step as f32 + painter.range(-0.1, 0.1);
        let (y, paper, ink) = (painter.range(1.2, 1.35), painter.bright(), painter.bright());
        painter.panel([x - 0.33, y - 0.28], [x + 0.33, y + 0.28], z, grey(0.97));
        painter.panel([x - 0.29, y - 0.24], [x + 0.29, y + 0.24], z + 0.01, paper);
        painter.disc(vector(x - 0.05, y, z + 0.02), 0.15, 0.15, ink);
        painter.panel([x + 0.05, y - 0.2], [x + 0.25, y - 0.05], z + 0.02, grey(0.95));
    }
}

fn letters(painter: &mut BackgroundPainter, z: f32) {
    for step in -7..8 {
        let x = 0.32 * step as f32;
        let colour = painter.bright();
        painter.panel([x - 0.12, 1.85], [x + 0.12, 2.12], z, colour);
        if fraction(0.37 * step as f32) < 0.5 {
            painter.bar(vector(x, 1.9, z + 0.01), vector(x, 2.07, z + 0.01), 0.025, grey(0.98));
        } else {
            painter.disc(vector(x, 1.98, z + 0.01), 0.07, 0.08, grey(0.98));
        }
    }
}
