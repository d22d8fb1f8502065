//! The bank of drawn backgrounds for probes.

use crate::conventions;
use figureground::Result;
use figureground::bundle::Backgrounds;
use figureground::frame::Frame;
use figureground::preprocess::PreprocessSettings;
use pantomime::{Action, ClassGroup, Clip, Context, Scene, seed_of};

/// Number of pictures.
const PICTURES: usize = 16;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pair::PairSizes;

    #[test]
    fn the_first_places_are_of_different_kinds_and_none_is_a_trained_home() {
        let scenes = scenes();
        assert!(scenes.len() >= PICTURES, "{}", scenes.len());
        let kinds: Vec<usize> = scenes.iter().map(|scene| scene.kind().index()).collect();
        let mut distinct = kinds.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let mut first = kinds[..distinct.len()].to_vec();
        first.sort_unstable();
        assert_eq!(first, distinct);
        for action in Action::ALL.iter().filter(|action| action.class_group() == ClassGroup::Base) {
            assert!(!scenes.contains(&action.home()), "{}", action.home().name());
        }
    }

    #[test]
    fn the_built_in_bank_is_drawn_by_this_code() {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let bundle = figureground::bundle::Bundle::open(&root.join("models/built-in")).unwrap();
        let drawn = draw(&bundle.manifest().vision.preprocess).unwrap();
        if bundle.backgrounds().unwrap().as_ref() != Some(&drawn) {
            let path = std::env::temp_dir().join("backgrounds.safetensors");
            std::fs::write(&path, drawn.to_bytes().unwrap()).unwrap();
            panic!("{} differs; run `figureground-train places --bundle models/built-in`", path.display());
        }
    }

    #[test]
    fn the_bank_has_a_picture_of_each_place_and_survives_its_file() {
        let preprocess = conventions::preprocess(&PairSizes::MINIATURE).unwrap();
        let bank = draw(&preprocess).unwrap();
        assert_eq!((bank.len(), bank.size()), (PICTURES, preprocess.target().unwrap()));
        let bytes = bank.to_bytes().unwrap();
        assert!(bytes.len() < 400_000, "{} bytes", bytes.len());
        assert_eq!(Backgrounds::parse(&bytes, bank.size()).unwrap(), bank);
        let pictures: Vec<&[u8]> = bank.pictures().collect();
        assert!((1..PICTURES).all(|i| pictures[i] != pictures[i - 1]));
    }
}
