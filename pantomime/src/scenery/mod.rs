//! The background of a clip: painted once, a little larger than the picture so that the camera can move.

mod forests;
mod painter;
mod rooms;
mod sand;
mod snow;
mod sports;
mod stages;
mod streets;

use crate::framing::{Framing, margin};
use crate::light::Light;
use crate::random::{Random, RandomStream};
use crate::scene::{Scene, SceneKind};
use figureground::mask::Size;
use painter::BackgroundPainter;

/// A painted background.
#[derive(Clone, Debug)]
pub(crate) struct Scenery {
    /// Light on people and objects in the scene.
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
        let random = Random::new(seed, RandomStream::Scenery);
        let mut painter = BackgroundPainter::new(framing.wide_camera(), width, height, random);
        let variant = scene.variant();
        let light = match scene.kind() {
            SceneKind::BasketballCourt => sports::basketball_court(&mut painter, variant),
            SceneKind::Kitchen => rooms::kitchen(&mut painter, variant),
            SceneKind::Street => streets::street(&mut painter, variant),
            SceneKind::SnowField => snow::snow_field(&mut painter, variant),
            SceneKind::Beach => sand::beach(&mut painter, variant),
            SceneKind::Gym => sports::gym(&mut painter, variant),
            SceneKind::Stage => stages::stage(&mut painter, variant),
            SceneKind::Forest => forests::forest(&mut painter, variant),
            SceneKind::Office => rooms::office(&mut painter, variant),
            SceneKind::SwimmingPool => sports::swimming_pool(&mut painter, variant),
            SceneKind::Classroom => rooms::classroom(&mut painter, variant),
            SceneKind::Desert => sand::desert(&mut painter, variant),
        };
        painter.foreground(scene.kind(), &light);
        let (rgb, front) = painter.finished();
        Self { light, width, margin, rgb, front }
    }

    /// Returns the RGB bytes from the start of row `y` of a picture moved by `shift`.
    pub(crate) fn rgb_row(&self, y: usize, shift: [i32; 2]) -> &[u8] {
        &self.rgb[3 * self.start(y, shift)..]
    }

    /// Returns the coverage, 0 to 255, by props in front of the actor, from the start of row `y`.
    pub(crate) fn front_row(&self, y: usize, shift: [i32; 2]) -> &[u8] {
        &self.front[self.start(y, shift)..]
    }

    fn start(&self, y: usize, shift: [i32; 2]) -> usize {
        let (x, y) = (self.margin - shift[0], y as i32 + self.margin - shift[1]);
        y as usize * self.width + x as usize
    }
}
