//! What is behind the actor: painted once for a clip, a little larger than the picture so that the camera can move.

mod cold;
mod dry;
mod home;
mod set;
mod show;
mod sport;
mod town;
mod woods;

use crate::framing::{Framing, margin};
use crate::light::Light;
use crate::random::{Aspect, Random};
use crate::scene::{Kind, Scene};
use figureground::mask::Size;
use set::Set;

/// A painted background.
#[derive(Clone, Debug)]
pub(crate) struct Scenery {
    /// The light on everybody in the scene.
    pub(crate) light: Light,
    width: usize,
    margin: i32,
    rgb: Vec<u8>,
    front: Vec<u8>,
}

impl Scenery {
    /// Paints `scene` as `framing` sees it.
    pub(crate) fn new(scene: Scene, framing: &Framing, size: Size, seed: u64) -> Self {
        let margin = margin(size);
        let wide = |side: u32| side as usize + 2 * margin as usize;
        let (width, height) = (wide(size.width()), wide(size.height()));
        let random = Random::new(seed, Aspect::Scenery);
        let mut set = Set::new(framing.wide_camera(), width, height, random);
        let variant = scene.variant();
        let light = match scene.kind() {
            Kind::BasketballCourt => sport::basketball_court(&mut set, variant),
            Kind::Kitchen => home::kitchen(&mut set, variant),
            Kind::Street => town::street(&mut set, variant),
            Kind::SnowField => cold::snow_field(&mut set, variant),
            Kind::Beach => dry::beach(&mut set, variant),
            Kind::Gym => sport::gym(&mut set, variant),
            Kind::Stage => show::stage(&mut set, variant),
            Kind::Forest => woods::forest(&mut set, variant),
            Kind::Office => home::office(&mut set, variant),
            Kind::SwimmingPool => sport::swimming_pool(&mut set, variant),
            Kind::Classroom => home::classroom(&mut set, variant),
            Kind::Desert => dry::desert(&mut set, variant),
        };
        set.foreground(scene.kind(), &light);
        let (rgb, front) = set.finished();
        Self { light, width, margin, rgb, front }
    }

    /// The bytes of row `y` of a picture moved by `shift`, and beyond.
    pub(crate) fn rgb_row(&self, y: usize, shift: [i32; 2]) -> &[u8] {
        &self.rgb[3 * self.start(y, shift)..]
    }

    /// How much of each pixel of row `y` is in front of the actor, 0 to 255.
    pub(crate) fn front_row(&self, y: usize, shift: [i32; 2]) -> &[u8] {
        &self.front[self.start(y, shift)..]
    }

    fn start(&self, y: usize, shift: [i32; 2]) -> usize {
        let (x, y) = (self.margin - shift[0], y as i32 + self.margin - shift[1]);
        y as usize * self.width + x as usize
    }
}
