//! The person in a clip: skin, hair, clothes and proportions.

use crate::colour::{Colour, DYES, Dye, hex};
use crate::random::{Random, RandomStream};

/// Skin tone from the lightest to the darkest, a stratum of every evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skin(u8);

impl Skin {
    /// All six variants.
    pub const ALL: [Self; 6] = [Self(0), Self(1), Self(2), Self(3), Self(4), Self(5)];

    const TONES: [Colour; 6] =
        [hex(0xF6D3BD), hex(0xE8B592), hex(0xC98F66), hex(0xA56B44), hex(0x7A4A2E), hex(0x4E2E20)];

    /// Returns the index in [`Skin::ALL`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    pub(crate) fn colour(self) -> Colour {
        Self::TONES[self.index()]
    }
}

/// The cut of the clothes, a stratum of every evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Cut {
    TShirt,
    StripedShirt,
    Jacket,
    Dress,
    Sweater,
    TankTop,
}

impl Cut {
    /// All six variants.
    pub const ALL: [Self; 6] =
        [Self::TShirt, Self::StripedShirt, Self::Jacket, Self::Dress, Self::Sweater, Self::TankTop];

    /// Returns the index in [`Cut::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns the name, for example "striped shirt".
    pub fn name(self) -> &'static str {
        ["t-shirt", "striped shirt", "jacket", "dress", "sweater", "tank top"][self.index()]
    }
}

/// Clothes of the legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Legwear {
    Trousers,
    Shorts,
    Bare,
}

/// Clothes with their colours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clothes {
    /// The cut above the waist, or of the whole dress.
    pub cut: Cut,
    /// Clothes of the legs.
    pub legwear: Legwear,
    pub(crate) top: Dye,
    pub(crate) second: Dye,
    pub(crate) bottom: Dye,
    pub(crate) shoes: Dye,
}

impl Clothes {
    /// Returns the index of the cut, 0 to 5: the stratum.
    pub fn index(&self) -> usize {
        self.cut.index()
    }

    /// Returns the name of the main colour, for example "red".
    pub fn colour_name(&self) -> &'static str {
        self.top.name
    }
}

/// A hair style.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Haircut {
    Bald,
    Short,
    Long,
    Bun,
}

/// A random person, drawn from a clip's seed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Actor {
    /// Skin tone.
    pub skin: Skin,
    /// Clothes.
    pub clothes: Clothes,
    /// Hair style.
    pub haircut: Haircut,
    /// Whether captions call the actor a woman.
    pub woman: bool,
    pub(crate) hair: Colour,
    pub(crate) build: Build,
}

/// Proportions, as factors of an average body of 1.7 m.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Build {
    /// Factor of all lengths.
    pub(crate) stature: f32,
    /// Factor of the thickness of trunk and limbs.
    pub(crate) girth: f32,
    /// Factor of the width of the shoulders.
    pub(crate) shoulders: f32,
    /// Factor of the size of the head.
    pub(crate) head: f32,
}

const HAIR: [Colour; 6] = [hex(0x1C1715), hex(0x3B2618), hex(0x6B4423), hex(0xB98A4A), hex(0x9A9A9A), hex(0x8C3B1E)];

impl Actor {
    /// Draws the actor of the clip with `seed`.
    pub fn new(seed: u64) -> Self {
        let mut random = Random::new(seed, RandomStream::Actor);
        let woman = random.chance(0.5);
        Self {
            skin: random.pick(&Skin::ALL),
            clothes: clothes(&mut random, woman),
            haircut: haircut(&mut random, woman),
            woman,
            hair: random.pick(&HAIR).varied(&mut random, 0.1),
            build: build(&mut random, woman),
        }
    }

    /// Returns a description, for example "a woman in a red jacket".
    pub fn description(&self) -> String {
        let person = if self.woman { "woman" } else { "man" };
        let colour = self.clothes.top.name;
        let article = if colour.starts_with('o') { "an" } else { "a" };
        format!("a {person} in {article} {colour} {}", self.clothes.cut.name())
    }
}

fn clothes(random: &mut Random, woman: bool) -> Clothes {
    let cut = match random.pick(&Cut::ALL) {
        Cut::Dress if !woman => Cut::Jacket,
        cut => cut,
    };
    let (top, bottom, shoes) = (random.pick(&DYES), random.pick(&DYES), random.pick(&DYES));
    let second = loop {
        let dye = random.pick(&DYES);
        if dye != top {
            break dye;
        }
    };
    let legwear = match cut {
        Cut::Dress => random.pick(&[Legwear::Bare, Legwear::Trousers]),
        _ => random.pick(&[Legwear::Trousers, Legwear::Trousers, Legwear::Shorts]),
    };
    Clothes { cut, legwear, top, second, bottom, shoes }
}

fn haircut(random: &mut Random, woman: bool) -> Haircut {
    if woman {
        random.pick(&[Haircut::Long, Haircut::Long, Haircut::Bun, Haircut::Short])
    } else {
        random.pick(&[Haircut::Short, Haircut::Short, Haircut::Bald])
    }
}

fn build(random: &mut Random, woman: bool) -> Build {
    let sex = if woman { 0.94 } else { 1.02 };
    Build {
        stature: sex * random.range(0.93, 1.06),
        girth: sex * random.range(0.88, 1.22),
        shoulders: sex * random.range(0.92, 1.08),
        head: random.range(0.98, 1.12),
    }
}
