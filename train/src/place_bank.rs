//! The bank of drawn backgrounds for probes.

use crate::conventions;
use figureground::Result;
use figureground::bundle::Backgrounds;
use figureground::frame::Frame;
use figureground::preprocess::PreprocessSettings;
use pantomime::{Action, ClassGroup, Clip, Context, Scene, seed_of};

/// Number of pictures of the bank.
pub const PICTURES: usize = 16;
/// Seed of their cameras and layouts, which no clip of another set has.
const SEED: u64 = 0x9A7B_06B4;

/// Returns the scenes that are home of no base class, of different kinds as long as there are any: a probe takes the
/// first ones.
pub fn scenes() -> Vec<Scene> {
    let is_home = |scene: Scene| {
        let mut base = Action::ALL.iter().filter(|action| action.class_group() == ClassGroup::Base);
        base.any(|action| action.home() == scene)
    };
    let free: Vec<Scene> = Scene::ALL.into_iter().filter(|&scene| !is_home(scene)).collect();
    let rank =
        |scene: &Scene| free.iter().take_while(|other| *other != scene).filter(|o| o.kind() == scene.kind()).count();
    let mut ranked: Vec<(usize, Scene)> = free.iter().map(|scene| (rank(scene), *scene)).collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, scene)| scene).collect()
}

/// Draws the bank for an encoder with these settings: [`scenes`] without people, each by a camera of its own.
///
/// # Errors
/// Returns an error if the settings do not fit the drawn pictures.
pub fn draw(preprocess: &PreprocessSettings) -> Result<Backgrounds> {
    let size = conventions::picture_size()?;
    let mut bank = Backgrounds::new(preprocess.target()?);
    let mut rgb = vec![0; 3 * size.area()];
    for (index, scene) in scenes().into_iter().take(PICTURES).enumerate() {
        // The camera looks as it does at a person.
        let action = Action::ALL[7 * index % Action::ALL.len()];
        let drawn = Clip::action(action, Context::Free, 0.0, seed_of(SEED, index as u64));
        let clip = Clip { scene, object: None, ..drawn };
        clip.renderer(size).background(clip.frames() / 2, &mut rgb);
        bank.add(&Frame::new(&rgb, size.width(), size.height(), 0, 0)?, preprocess)?;
    }
    Ok(bank)
}
