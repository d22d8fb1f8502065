//! Properties of all clips.

use figureground::mask::{PixelBox, Size};
use pantomime::{Action, Activity, ClassGroup, Clip, Context, Grid, Handling, Leg, Object, Picture, Scene, seed_of};
use sha2::{Digest, Sha256};

fn size(side: u32) -> Size {
    Size::new(side, side).unwrap()
}

fn drawn(clip: &Clip, size: Size, frame: usize) -> Picture {
    let mut picture = Picture::new(size);
    clip.renderer(size).render(frame, &mut picture);
    picture
}

/// Hashes colours, background and masks of three frames.
fn digest(clip: &Clip, size: Size) -> String {
    let (mut renderer, mut picture) = (clip.renderer(size), Picture::new(size));
    let mut hash = Sha256::new();
    for frame in [0, clip.frames() / 2, clip.frames() - 1] {
        renderer.render(frame, &mut picture);
        hash.update(&picture.rgb);
        for shape in [&picture.person, &picture.objects] {
            hash.update(shape.pixels().iter().map(|&pixel| u8::from(pixel)).collect::<Vec<_>>());
        }
        renderer.background(frame, &mut picture.rgb);
        hash.update(&picture.rgb);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A change to these hashes changes every data set that was drawn before.
#[test]
fn pictures_are_the_same_on_all_machines() {
    let expected = [
        "da9de771e364d7dcb14a2105635d9f37d376066e9f37f4d6f756002fc6757c23",
        "5c082464aded2556238403c878fb5f3746b1ae08913c8f67ee5b1c0e47e7c8f7",
        "434c7262073cea4a89d09d5f9713443d65876a314efe0ee9c21748768e8d2ec4",
        "8b8d3c4f4e44c9d784a733de5cc0ac3ef0e97fa59d2bc217d0dd202bc002cacb",
    ];
    let clips = [
        Clip::action(Action::ALL[1], Context::In, 0.9, 1),
        Clip { scene: Scene::ALL[11], ..Clip::action(Action::ALL[20], Context::Out, 0.9, 2) },
        Clip::handling(Handling::Throwing, 0.9, 3),
        Clip::action(Action::ALL[33], Context::Free, 0.9, 4),
    ];
    let sizes = [size(96), Size::new(160, 120).unwrap(), size(96), size(128)];
    let found: Vec<_> = clips.iter().zip(sizes).map(|(clip, size)| digest(clip, size)).collect();
    assert_eq!(found, expected);
}

#[test]
fn every_scene_is_painted_the_same_on_all_machines() {
    let mut hash = Sha256::new();
    let (size, mut rgb) = (size(48), vec![0; 3 * 48 * 48]);
    for scene in Scene::ALL {
        let clip = Clip { scene, ..Clip::action(Action::ALL[0], Context::Free, 0.9, 5) };
        clip.renderer(size).background(0, &mut rgb);
        hash.update(&rgb);
    }
    let found: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(found, "4e48bae4edc4ae81efc7518e8e6a88588b06ae9f64380731e426e5728f470a55");
}

#[test]
fn a_frame_does_not_depend_on_frames_drawn_before() {
    let clip = Clip::action(Action::ALL[14], Context::Free, 0.9, 9);
    let (mut renderer, mut picture) = (clip.renderer(size(64)), Picture::new(size(64)));
    for frame in [3, 20, 7] {
        renderer.render(frame, &mut picture);
        assert_eq!(picture, drawn(&clip, size(64), frame));
    }
}

/// Sitting down and standing up, drawn from the same seed in the same scene, are one clip played in two directions.
#[test]
fn a_reversed_clip_is_a_clip_of_the_reversed_class() {
    for action in Action::ALL.into_iter().filter(|action| action.leg == Leg::SittingDown) {
        let clip = Clip::action(action, Context::Free, 0.9, 40 + action.index() as u64);
        let reversed = Clip { activity: Activity::Action(action.reversed().unwrap()), ..clip };
        for frame in [0, 5, clip.frames() - 1] {
            let mirrored = clip.frames() - 1 - frame;
            assert_eq!(drawn(&clip, size(48), frame), drawn(&reversed, size(48), mirrored), "{}", clip.label());
        }
    }
}

#[test]
fn a_reversed_handling_is_a_clip_of_the_reversed_class() {
    for handling in Handling::ALL {
        let Some(opposite) = handling.reversed() else { continue };
        let clip = Clip::handling(handling, 0.9, 7);
        let reversed = Clip { activity: Activity::Handling(opposite), ..clip };
        assert_eq!(drawn(&clip, size(48), 4), drawn(&reversed, size(48), clip.frames() - 5));
    }
}

/// With the same seed, a class and its reverse differ in scene and movement only.
#[test]
fn reversed_classes_share_actor_object_and_length() {
    let action = Action::ALL.into_iter().find(|action| action.leg == Leg::SittingDown).unwrap();
    let clip = Clip::action(action, Context::In, 1.0, 3);
    let reversed = Clip::action(action.reversed().unwrap(), Context::In, 1.0, 3);
    assert_eq!((clip.actor, clip.object, clip.frames), (reversed.actor, reversed.object, reversed.frames));
    assert_ne!(clip.scene, reversed.scene);
}

#[test]
fn home_scenes_have_the_frequency_of_their_context() {
    let at_home = |context, rho: f64| {
        (0..4000u64)
            .filter(|&index| {
                let action = Action::ALL[index as usize % 36];
                Clip::action(action, context, rho, seed_of(1, index)).scene == action.home()
            })
            .count()
    };
    assert!((3520..3680).contains(&at_home(Context::In, 0.9)));
    assert_eq!(at_home(Context::Out, 0.9), 0);
    assert!((70..160).contains(&at_home(Context::Free, 0.9)));
    assert_eq!(at_home(Context::In, 1.0), 4000);
}

#[test]
fn scenes_out_of_context_are_uniform_over_the_homes_of_other_trained_classes() {
    for (action, homes) in [(Action::ALL[0], 17), (Action::ALL[5], 18)] {
        assert_eq!(action.class_group() == ClassGroup::Base, homes == 17);
        let mut counts = [0; 36];
        for seed in 0..3600 {
            counts[Clip::action(action, Context::Out, 0.9, seed_of(2, seed)).scene.index()] += 1;
        }
        assert_eq!(counts[action.home().index()], 0);
        let drawn: Vec<_> = Action::trained().map(|other| counts[other.home().index()]).filter(|n| *n > 0).collect();
        assert_eq!((drawn.len(), drawn.iter().sum::<i32>()), (homes, 3600), "{counts:?}");
        assert!(drawn.iter().all(|count| (140..265).contains(count)), "{counts:?}");
    }
}

#[test]
fn half_of_the_clips_have_an_object_and_handlings_mostly_their_bound_one() {
    let clips = (0..2000).map(|seed| Clip::action(Action::ALL[3], Context::Free, 0.9, seed_of(3, seed)));
    assert!((900..1100).contains(&clips.filter(|clip| clip.object.is_some()).count()));
    let bound =
        |seed| Clip::handling(Handling::Shaking, 0.9, seed_of(4, seed)).object == Some(Handling::Shaking.bound());
    assert!((1750..1850).contains(&(0..2000).filter(|&seed| bound(seed)).count()));
}

#[test]
fn the_person_is_large_and_masks_agree_with_boxes() {
    let size = size(96);
    for action in Action::ALL {
        let clip = Clip::action(action, Context::Free, 0.9, 100 + action.index() as u64);
        let (mut renderer, mut picture) = (clip.renderer(size), Picture::new(size));
        for frame in [0, clip.frames() / 3, clip.frames() - 1] {
            renderer.render(frame, &mut picture);
            let area = picture.person.area();
            assert!((0.03..0.6).contains(&area), "{} covers {area}", clip.label());
            let inside = |area: &PixelBox, x: u32, y: u32| {
                (area.left..area.right).contains(&x) && (area.top..area.bottom).contains(&y)
            };
            for (index, (&person, &object)) in picture.person.pixels().iter().zip(picture.objects.pixels()).enumerate()
            {
                let (x, y) = (index as u32 % 96, index as u32 / 96);
                assert!(!person || inside(&picture.person_box.unwrap(), x, y));
                assert!(!object || picture.object_boxes.iter().any(|area| inside(area, x, y)));
                assert!(!(person && object));
            }
        }
    }
}

#[test]
fn every_held_object_is_visible() {
    let visible = Object::ALL.into_iter().filter(|&object| {
        let clip = Clip { object: Some(object), ..Clip::handling(Handling::Carrying, 0.9, 6) };
        !drawn(&clip, size(96), 0).object_boxes.is_empty()
    });
    assert_eq!(visible.count(), 12);
}

/// Frame and background are equal wherever there is no person, object, blurred edge or shadow.
#[test]
fn frame_and_background_are_equal_where_nothing_covers_it() {
    let size = size(96);
    let clip = Clip { object: None, ..Clip::action(Action::ALL[0], Context::Free, 0.9, 12) };
    let (mut renderer, mut picture, mut rgb) = (clip.renderer(size), Picture::new(size), vec![0; 3 * size.area()]);
    renderer.render(5, &mut picture);
    renderer.background(5, &mut rgb);
    let same = picture.rgb.chunks(3).zip(rgb.chunks(3)).filter(|(frame, background)| frame == background).count();
    let person = picture.person.pixels().iter().filter(|&&pixel| pixel).count();
    assert!(same > (size.area() - person) * 8 / 10, "{same} of {}", size.area());
    let changed = |index: usize| picture.rgb[3 * index..3 * index + 3] != rgb[3 * index..3 * index + 3];
    let hidden = (0..size.area()).filter(|&index| picture.person.pixels()[index]);
    assert!(hidden.filter(|&index| changed(index)).count() > person * 9 / 10);
}

#[test]
fn caption_parts_are_readable_phrases() {
    let clip = Clip::action(Action::ALL[1], Context::Out, 0.9, 7);
    let words = clip.caption_parts();
    assert_eq!(words.action, "waving while walking");
    assert!(words.person.starts_with("a ") && words.scene.contains(" a"), "{words:?}");
    assert_eq!(Clip::handling(Handling::Lifting, 0.9, 1).label(), "lifting something");
}

/// A person of a grid moves in all places in the same way; only props in front of it hide different parts.
#[test]
fn a_person_of_a_grid_is_the_same_in_all_places() {
    let (grid, size) = (Grid::new(8, 3), size(64));
    for person in [0, 5, 7] {
        let clips: Vec<Clip> = (0..18).map(|place| grid.cell(person, place)).collect();
        let homes: Vec<Scene> = Action::trained().map(Action::home).collect();
        assert_eq!(clips.iter().map(|clip| clip.scene).collect::<Vec<_>>(), homes);
        assert_eq!(grid.places(), homes);
        assert!(clips.iter().all(|clip| Clip { scene: clips[0].scene, ..*clip } == clips[0]));
        for frame in [0, clips[0].frames() - 1] {
            let pictures: Vec<Picture> = clips.iter().map(|clip| drawn(clip, size, frame)).collect();
            let joints: Vec<_> = clips.iter().map(|clip| clip.renderer(size).joints(frame)).collect();
            assert!(joints.iter().all(|found| *found == joints[0]));
            let whole = pictures.iter().max_by(|a, b| a.person.area().total_cmp(&b.person.area())).unwrap();
            let is_part = |picture: &Picture| {
                let pixels = picture.person.pixels().iter().zip(whole.person.pixels());
                pixels.fold(true, |inside, (&part, &whole)| inside && (whole || !part))
            };
            assert!(pictures.iter().all(is_part));
            let same = pictures.iter().filter(|picture| picture.person == whole.person).count();
            assert!(same >= 9, "{same} of 18 places show the whole person");
            assert!(pictures.iter().all(|picture| picture.rgb != whole.rgb || picture == whole));
        }
    }
}

#[test]
fn grids_have_every_person_in_every_place_and_share_no_person() {
    let seeds = |seed| Grid::new(40, seed).cells().map(|cell| cell.clip.seed).collect::<Vec<_>>();
    let (one, other) = (seeds(1), seeds(2));
    assert_eq!(one.len(), 40 * 18);
    assert!(one.iter().all(|seed| !other.contains(seed)));
    let cells: Vec<_> = Grid::new(40, 1).cells().collect();
    for (index, cell) in cells.iter().enumerate() {
        let class = Action::trained().nth(cell.person % 18).unwrap();
        assert_eq!(
            (cell.person, cell.place, cell.clip.activity),
            (index / 18, cell.clip.scene, Activity::Action(class))
        );
        assert_eq!(cell.clip.seed, seed_of(1, cell.person as u64));
    }
}
