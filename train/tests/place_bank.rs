//! The bank of drawn backgrounds.

use figureground::bundle::{Backgrounds, Bundle};
use figureground_train::conventions;
use figureground_train::pair::PairSizes;
use figureground_train::place_bank::{PICTURES, draw, scenes};
use pantomime::{Action, ClassGroup};
use std::path::Path;

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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let bundle = Bundle::open(&root.join("models/built-in")).unwrap();
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
