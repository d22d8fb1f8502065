//! Properties of clips of several people.

use figureground::mask::{PixelBox, Shape, Size};
use pantomime::{Action, Clip, Context, Crowd, Handling, Picture, Scene, seed_of};
use sha2::{Digest, Sha256};

fn size(side: u32) -> Size {
    Size::new(side, side).unwrap()
}

/// Returns a crowd of `count` people, one of whom handles an object.
fn crowd(count: u64, seed: u64) -> Crowd {
    let companion = |index: u64| {
        let (kind, seed) = (seed_of(seed, 100 + index) as usize, seed_of(seed, index));
        if index == 2 {
            Clip::handling(Handling::ALL[kind % 12], 0.9, seed)
        } else {
            Clip::action(Action::ALL[kind % 36], Context::Free, 0.9, seed)
        }
    };
    let scene = Scene::ALL[seed as usize % 36];
    let first = Clip { scene, ..Clip::action(Action::ALL[seed as usize % 36], Context::Free, 0.9, seed) };
    Crowd::new(first, &(1..count).map(companion).collect::<Vec<_>>())
}

/// Returns the smallest box around `shape`, pixel by pixel.
fn bounds(shape: &Shape) -> Option<PixelBox> {
    let width = shape.size().width() as usize;
    let pixels = shape.pixels().iter().enumerate().filter(|(_, pixel)| **pixel);
    let boxes = pixels.map(|(index, _)| {
        let (left, top) = ((index % width) as u32, (index / width) as u32);
        PixelBox { left, top, right: left + 1, bottom: top + 1 }
    });
    boxes.reduce(PixelBox::around)
}

#[test]
fn masks_of_people_are_disjoint_parts_of_their_union_and_agree_with_their_boxes() {
    let mut overlapping = 0;
    for seed in 0..36 {
        let crowd = crowd(2 + seed % 4, seed);
        let (mut renderer, mut picture) = (crowd.renderer(size(96)), Picture::new(size(96)));
        for frame in [0, 11, crowd.people()[0].frames() - 1] {
            renderer.render(frame, &mut picture);
            assert_eq!(picture.people.len(), crowd.people().len());
            for (index, &person) in picture.person.pixels().iter().enumerate() {
                let owners = picture.people.iter().filter(|one| one.shape.pixels()[index]).count();
                assert_eq!(owners, usize::from(person), "seed {seed}, pixel {index}");
            }
            assert!(picture.people.iter().all(|one| one.bounds == bounds(&one.shape)));
            assert_eq!(picture.person_box, bounds(&picture.person));
            let boxes = picture.object_boxes.iter().copied().reduce(PixelBox::around);
            assert_eq!(boxes, bounds(&picture.objects));
            let boxes: Vec<PixelBox> = picture.people.iter().filter_map(|one| one.bounds).collect();
            let meet = |a: &PixelBox, b: &PixelBox| {
                a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
            };
            overlapping += usize::from(boxes.iter().enumerate().any(|(i, a)| boxes[..i].iter().any(|b| meet(a, b))));
        }
    }
    assert!((36..108).contains(&overlapping), "people overlap sometimes, here in {overlapping} of 108 pictures");
}

#[test]
fn everyone_of_a_crowd_is_in_the_picture_and_large_enough_to_see() {
    let (mut hidden, mut all, mut most_cut) = (0, 0, 0);
    for seed in 0..36 {
        let crowd = crowd(2 + seed % 4, seed);
        let (mut renderer, mut picture) = (crowd.renderer(size(128)), Picture::new(size(128)));
        for frame in [0, crowd.people()[0].frames() / 2] {
            renderer.render(frame, &mut picture);
            for person in &picture.people {
                all += 1;
                hidden += usize::from(person.shape.area() < 0.004);
            }
            // A moving camera may cut off a hand, but nobody stands across the border.
            let at_border = |index: usize| [index % 128, index / 128].iter().any(|side| [0, 127].contains(side));
            let cut = picture.person.pixels().iter().enumerate().filter(|(index, pixel)| **pixel && at_border(*index));
            most_cut = most_cut.max(cut.count());
        }
    }
    assert!(most_cut < 13, "{most_cut} pixels of people at the border");
    assert!(hidden * 10 < all, "{hidden} of {all} people are hidden");
}

/// The colours of a shirt stay with an index: each person is where it was in the frame before.
#[test]
fn identities_stay_over_all_frames() {
    for seed in 0..6 {
        let crowd = crowd(4, seed);
        let (mut renderer, mut picture) = (crowd.renderer(size(96)), Picture::new(size(96)));
        let mut before: Option<Picture> = None;
        for frame in 0..crowd.people()[0].frames() {
            renderer.render(frame, &mut picture);
            for (index, person) in picture.people.iter().enumerate() {
                let Some(before) = &before else { continue };
                let shared = |other: &Shape| {
                    other.pixels().iter().zip(person.shape.pixels()).filter(|(a, b)| **a && **b).count()
                };
                let same = shared(&before.people[index].shape);
                let area = bounds(&person.shape).map_or(0, |_| (person.shape.area() * 9216.0) as usize);
                let others = (0..4).filter(|other| *other != index).map(|other| shared(&before.people[other].shape));
                // Too little of a person is visible to say where it is.
                if area > 150 {
                    assert!(others.max().unwrap() < same, "seed {seed}, frame {frame}, person {index}");
                }
            }
            before = Some(picture.clone());
        }
    }
}

#[test]
fn a_crowd_of_one_is_its_clip() {
    let clip = Clip::action(Action::ALL[13], Context::Free, 0.9, 5);
    let (mut alone, mut picture) = (Picture::new(size(64)), Picture::new(size(64)));
    clip.renderer(size(64)).render(7, &mut alone);
    Crowd::new(clip, &[]).renderer(size(64)).render(7, &mut picture);
    assert_eq!(alone, picture);
    assert_eq!((&alone.people[0].shape, alone.people[0].bounds), (&alone.person, alone.person_box));
}

#[test]
fn a_crowd_has_the_scene_and_length_of_its_first_person() {
    let crowd = crowd(5, 8);
    let first = crowd.people()[0];
    assert!(crowd.people().iter().all(|clip| (clip.scene, clip.frames) == (first.scene, first.frames)));
    let mut seeds: Vec<u64> = crowd.people().iter().map(|clip| clip.seed).collect();
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 5);
}

#[test]
fn crowds_are_the_same_on_all_machines() {
    let mut hash = Sha256::new();
    for (seed, count) in [(1, 2), (2, 5)] {
        let mut picture = Picture::new(size(96));
        crowd(count, seed).renderer(size(96)).render(9, &mut picture);
        hash.update(&picture.rgb);
        for person in &picture.people {
            hash.update(person.shape.pixels().iter().map(|&pixel| u8::from(pixel)).collect::<Vec<_>>());
        }
    }
    let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, "a9c41810c71e1a010036d396472b9adba5b78c5a05d624664bae7d848be641a7");
}
