use super::*;
use crate::bundle::Bundle;
use std::collections::BTreeMap;

/// The demo clip's twin, by its files.
fn twin(set: Set, seed: u64) -> (Made, BTreeMap<String, Vec<u8>>) {
    let place = tempfile::tempdir().unwrap();
    let bundle = Bundle::built_in().unwrap();
    let mut maker = Maker::new(set, seed, place.path(), Cutter::new(&bundle, 1).unwrap());
    let clip = Clip {
        id: "class/demo".to_owned(),
        label: "waving while standing".to_owned(),
        path: None,
        least_frames: 1,
        strata: BTreeMap::new(),
    };
    let mut source = crate::source::demo().unwrap();
    let made = maker.make(&clip, source.as_mut()).unwrap();
    assert!(!matches!(made, Made::Written(_)) || maker.make(&clip, source.as_mut()).unwrap() == Made::There);
    let folder = place.path().join("waving while standing/demo");
    let files = fs::read_dir(&folder).map_or_else(
        |_| BTreeMap::new(),
        |entries| {
            let entry =
                |entry: fs::DirEntry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap());
            entries.map(|found| entry(found.unwrap())).collect()
        },
    );
    let left: Vec<_> = fs::read_dir(place.path().join("waving while standing")).unwrap().collect();
    assert_eq!(left.len(), usize::from(!files.is_empty()), "nothing half made is left");
    (made, files)
}

fn pixels(png: &[u8]) -> Vec<[u8; 3]> {
    image::load_from_memory(png).unwrap().to_rgb8().pixels().map(|pixel| pixel.0).collect()
}

#[test]
fn the_person_stays_and_the_rest_is_what_the_set_says() {
    let (made, human) = twin(Set::HumanOnly, 1);
    let Made::Written(frames) = made else { panic!("{made:?}") };
    assert_eq!(human.len() as u64, frames);
    assert_eq!(human.keys().next().unwrap(), "000001.png");
    let (_, scuba) = twin(Set::Scuba, 1);
    let (_, scufo) = twin(Set::Scufo, 1);
    let still = scufo.values().next().unwrap();
    assert!(scufo.values().all(|frame| frame == still) && scuba.values().any(|frame| frame == still));
    for (human, scuba) in human.values().zip(scuba.values()) {
        let (human, scuba) = (pixels(human), pixels(scuba));
        let person = human.iter().filter(|pixel| **pixel != FILL).count();
        assert!(COVERED.contains(&(person as f32 / human.len() as f32)));
        let mut around: Vec<[u8; 3]> = Vec::new();
        for (human, scuba) in human.iter().zip(&scuba) {
            match *human {
                FILL => around.push(*scuba),
                person => assert_eq!(person, *scuba),
            }
        }
        around.sort_unstable();
        around.dedup();
        // A colour and its inverse, and what of the person has the fill's own colour by chance.
        assert!(around.len() >= 2 && around.iter().any(|c| around.contains(&c.map(|channel| 255 - channel))));
    }
}

#[test]
fn a_seed_gives_the_same_files_and_another_one_others() {
    assert_eq!(twin(Set::Scuba, 7).1, twin(Set::Scuba, 7).1);
    assert_ne!(twin(Set::Scuba, 7).1, twin(Set::Scuba, 8).1);
}

#[test]
fn names_stay_inside_their_folder() {
    assert_eq!(plain("a/../b"), "a_.._b");
    assert_eq!(plain(".."), "_..");
    assert_eq!(plain("waving"), "waving");
}
