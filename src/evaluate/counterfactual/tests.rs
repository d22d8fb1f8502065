use super::*;
use crate::bundle::Bundle;
use crate::error::Result;
use crate::evaluate::dataset::{Dataset, LabelledClip};
use crate::frame::FrameBuffer;
use crate::mask::Shape;
use crate::source::{Source, SourceOptions};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// The demo clip as it is, and as a mirror has it: another place for the same person.
struct Fixture {
    _place: tempfile::TempDir,
    bundle: Bundle,
    dataset: Dataset,
    surveys: SetStatistics,
}

static THEATRE: LazyLock<Fixture> = LazyLock::new(Fixture::new);
/// Width and height of the demo clip.
const SIDE: usize = 160;
/// Frames are enough.
const FRAMES: u64 = 16;
const WAVING: &str = "waving while standing";
const BOWING: &str = "bowing while standing";

impl Fixture {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let mut demo = crate::source::demo().unwrap();
        for label in [WAVING, BOWING] {
            fs::create_dir_all(place.path().join(label).join("demo")).unwrap();
        }
        while let Some(frame) = demo.next_frame().unwrap().filter(|frame| frame.index() < FRAMES) {
            let (width, height) = (frame.width(), frame.height());
            let picture = image::RgbImage::from_raw(width, height, frame.pixels().to_vec()).unwrap();
            let name = format!("demo/{:06}.png", frame.index() + 1);
            picture.save(place.path().join(WAVING).join(&name)).unwrap();
            // Every second frame of the mirror: clips have different lengths.
            if frame.index() % 2 == 0 {
                image::imageops::flip_horizontal(&picture).save(place.path().join(BOWING).join(name)).unwrap();
            }
        }
        let bundle = Bundle::built_in().unwrap();
        let dataset = Dataset::open(crate::evaluate::dataset::Format::Folder, place.path(), None).unwrap();
        let (mut segmenter, mut scenes) =
            (frame_segmenter(&bundle, 1).unwrap(), SceneClassifier::of_bundle(&bundle, 1).unwrap());
        let mut look = |clip: &LabelledClip| {
            let mut source = open(clip).unwrap();
            let sight = ClipStatistics::of(source.as_mut(), &mut segmenter, &mut scenes).unwrap();
            (clip.id.clone(), StatisticsEntry { clip: clip.id.clone(), sight: Ok(sight) })
        };
        let entries = dataset.clips.iter().map(&mut look).collect();
        let surveys = SetStatistics::new(&dataset, entries);
        Self { _place: place, bundle, dataset, surveys }
    }

    fn script(&self, set: SetKind, seed: u64) -> CounterfactualSet<'_> {
        CounterfactualSet::new(
            (set, 1),
            seed,
            BackgroundSource::Stripes,
            &self.dataset,
            &self.surveys,
            &Inpainter::Smooth,
        )
    }

    fn clip(&self, label: &str) -> &LabelledClip {
        self.dataset.clips.iter().find(|clip| clip.label == label).unwrap()
    }

    fn with_twin<T>(&self, set: SetKind, seed: u64, use_it: impl FnOnce(&mut CounterfactualClip<'_>) -> T) -> T {
        let script = self.script(set, seed);
        let mut compositor = Compositor::new(frame_segmenter(&self.bundle, 1).unwrap(), &open);
        let mut twin = compositor.twin(&script, self.clip(WAVING)).unwrap();
        use_it(&mut twin)
    }

    /// All frames of the waving clip's twin.
    fn twin(&self, set: SetKind, seed: u64) -> Vec<Vec<[u8; 3]>> {
        self.with_twin(set, seed, |twin| {
            twin.count().unwrap();
            frames(twin)
        })
    }

    fn frames(&self, label: &str) -> Vec<Vec<[u8; 3]>> {
        frames(open(self.clip(label)).unwrap().as_mut())
    }

    /// The person's shape in every frame.
    fn people(&self, pictures: &[Vec<[u8; 3]>]) -> Vec<Shape> {
        let mut segmenter = frame_segmenter(&self.bundle, 1).unwrap();
        let buffer = |picture: &Vec<[u8; 3]>| {
            let (pixels, mut buffer) = (picture.concat(), FrameBuffer::default());
            buffer.copy_from(&crate::frame::Frame::new(&pixels, SIDE as u32, SIDE as u32, 0, 0).unwrap());
            buffer
        };
        let (buffers, mut people) = (pictures.iter().map(buffer).collect::<Vec<_>>(), Vec::new());
        segmenter.persons_in(buffers.iter().filter_map(FrameBuffer::frame), &mut people).unwrap();
        people
    }
}

fn open(clip: &LabelledClip) -> Result<Box<dyn Source>> {
    clip.open(&SourceOptions::default())
}

fn frames(source: &mut dyn Source) -> Vec<Vec<[u8; 3]>> {
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        frames.push(frame.pixels().chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect());
    }
    frames
}

fn middle(shape: &Shape) -> [f64; 2] {
    let inside = shape.pixels().iter().enumerate().filter(|(_, inside)| **inside);
    let (mut sum, mut count) = ([0.0; 2], 0.0);
    for (place, _) in inside {
        (sum[0], sum[1], count) = (sum[0] + (place % SIDE) as f64, sum[1] + (place / SIDE) as f64, count + 1.0);
    }
    sum.map(|sum| sum / count)
}

#[test]
fn the_person_stays_and_the_rest_is_what_the_set_says() {
    let fixture = &*THEATRE;
    let (clip, colour) = (fixture.frames(WAVING), fixture.surveys.colour());
    let people = fixture.people(&clip);
    let [human, scuba, scufo, conflict] =
        [SetKind::HumanOnly, SetKind::Scuba, SetKind::Scufo, SetKind::ConflFg].map(|set| fixture.twin(set, 1));
    assert!(scufo.iter().all(|frame| *frame == scufo[0]) && scuba.contains(&scufo[0]));
    for (index, person) in people.iter().enumerate() {
        let mut around = std::collections::BTreeSet::new();
        let mut bystander = 0;
        for (place, &is_person) in person.pixels().iter().enumerate() {
            if is_person {
                assert!([&human, &scuba, &conflict].iter().all(|twin| twin[index][place] == clip[index][place]));
            } else {
                assert_eq!(human[index][place], colour);
                around.insert(scuba[index][place]);
                bystander += usize::from(scuba[index][place] != conflict[index][place]);
            }
        }
        // A colour and its inverse.
        let around: Vec<[u8; 3]> = around.into_iter().collect();
        assert!(around.len() == 2 && around[0] == around[1].map(|channel| 255 - channel), "{around:?}");
        assert!(bystander > 200, "somebody else stands there: {bystander}");
    }
}

#[test]
fn nobody_is_left_behind_where_the_person_was() {
    let fixture = &*THEATRE;
    let (clip, empty) = (fixture.frames(WAVING), fixture.twin(SetKind::BackgroundOnly, 1));
    assert_eq!(clip.len(), empty.len());
    let (people, left) = (fixture.people(&clip), fixture.people(&empty));
    let covered = |shapes: &[Shape]| shapes.iter().map(Shape::area).sum::<f32>() / shapes.len() as f32;
    assert!(covered(&left) < 0.1 * covered(&people), "{} of {}", covered(&left), covered(&people));
    for (index, person) in people.iter().enumerate() {
        let mut hidden = person.clone();
        crate::mask::Dilation::new(hidden.size(), 4).apply(&mut hidden).unwrap();
        let seen = hidden.pixels().iter().enumerate().filter(|(_, hidden)| !**hidden);
        assert!(seen.map(|(place, _)| place).all(|place| clip[index][place] == empty[index][place]));
    }
}

#[test]
fn a_swapped_person_stands_where_the_other_one_stood() {
    let fixture = &*THEATRE;
    let script = fixture.script(SetKind::SwapRandom, 1);
    assert_eq!(script.pairing[&fixture.clip(WAVING).id].as_deref(), Some(fixture.clip(BOWING).id.as_str()));
    let strata: BTreeMap<String, String> = script
        .clips(&fixture.dataset)
        .into_iter()
        .map(|clip| (clip.label, clip.strata["background"].clone()))
        .collect();
    assert_eq!(strata[WAVING], BOWING);
    let (clip, other, twin) = (fixture.frames(WAVING), fixture.frames(BOWING), fixture.twin(SetKind::SwapRandom, 1));
    assert_eq!(twin.len(), clip.len());
    let (person, theirs) = (fixture.people(&clip[..1]).remove(0), fixture.people(&other[..1]).remove(0));
    let (own, wanted) = (middle(&person), middle(&theirs));
    let shift = [0, 1].map(|axis| (wanted[axis] - own[axis]).round() as i64);
    assert!(shift[0].abs() > 3, "the mirror moved the person: {shift:?}");
    let mut same = (0, 0);
    for (place, _) in person.pixels().iter().enumerate().filter(|(_, inside)| **inside) {
        let (x, y) = ((place % SIDE) as i64 + shift[0], (place / SIDE) as i64 + shift[1]);
        if (0..SIDE as i64).contains(&x) && (0..SIDE as i64).contains(&y) {
            same = (same.0 + 1, same.1 + usize::from(twin[0][(y * SIDE as i64 + x) as usize] == clip[0][place]));
        }
    }
    assert_eq!(same.0, same.1);
    // Far from both people, the picture is the other clip's.
    let mut taken = theirs.clone();
    crate::mask::Dilation::new(taken.size(), 60).apply(&mut taken).unwrap();
    let elsewhere = taken.pixels().iter().enumerate().filter(|(_, taken)| !**taken).map(|(place, _)| place);
    let same: Vec<bool> = elsewhere.map(|place| twin[0][place] == other[0][place]).collect();
    assert!(same.len() > 100 && same.iter().all(|same| *same));
}

#[test]
fn frames_that_were_uncovered_elsewhere_are_taken_as_they_are() {
    let fixture = &*THEATRE;
    let place = tempfile::tempdir().unwrap();
    for clip in &fixture.dataset.clips {
        let folder = place.path().join("inp").join(&clip.id);
        fs::create_dir_all(&folder).unwrap();
        for frame in 0..fixture.surveys.clips[&clip.id].1.frames {
            let plain = image::RgbImage::from_pixel(SIDE as u32, SIDE as u32, image::Rgb([frame as u8, 1, 2]));
            plain.save(folder.join(format!("{:06}.png", frame + 1))).unwrap();
        }
    }
    let dataset = fixture.dataset.clone().with_inpainted(place.path()).unwrap();
    let mut compositor = Compositor::new(frame_segmenter(&fixture.bundle, 1).unwrap(), &open);
    let clip = dataset.clips.iter().find(|clip| clip.label == WAVING).unwrap();
    for (set, ground) in [(SetKind::BackgroundOnly, 15), (SetKind::SwapRandom, 7)] {
        let script = CounterfactualSet::new(
            (set, 1),
            0,
            BackgroundSource::Stripes,
            &dataset,
            &fixture.surveys,
            &Inpainter::Smooth,
        );
        assert_ne!(script.fingerprint(), fixture.script(set, 0).fingerprint());
        let mut twin = compositor.twin(&script, clip).unwrap();
        twin.count().unwrap();
        // The last frame of the clip goes with the last one of either.
        assert_eq!(frames(&mut twin).last().unwrap()[0], [ground, 1, 2], "{set:?}");
    }
    let last = place.path().join("inp").join(&clip.id).join("000016.png");
    fs::remove_file(last).unwrap();
    let script = CounterfactualSet::new(
        (SetKind::BackgroundOnly, 1),
        0,
        BackgroundSource::Stripes,
        &dataset,
        &fixture.surveys,
        &Inpainter::Smooth,
    );
    assert!(compositor.twin(&script, clip).unwrap_err().to_string().contains("16 frames"));
    assert!(fixture.dataset.clone().with_inpainted(Path::new("nowhere")).is_err());
}

#[test]
fn what_is_selected_is_what_the_whole_has_there() {
    let fixture = &*THEATRE;
    for set in SetKind::ALL.into_iter().filter(|set| *set != SetKind::SwapSame) {
        let whole = fixture.twin(set, 3);
        let wanted = [2, 3, whole.len() as u64 - 1];
        let selected = fixture.with_twin(set, 3, |twin| {
            assert_eq!(twin.count().unwrap(), whole.len() as u64);
            twin.select(&wanted).unwrap();
            let mut buffers = Vec::new();
            while let Some(frame) = twin.next_frame().unwrap() {
                let mut buffer = FrameBuffer::default();
                buffer.copy_from(&frame);
                buffers.push(buffer);
            }
            buffers
        });
        let indices: Vec<u64> = selected.iter().map(|buffer| buffer.frame().unwrap().index()).collect();
        assert_eq!(indices, wanted, "{set:?}");
        for buffer in &selected {
            let frame = buffer.frame().unwrap();
            assert!(frame.pixels() == whole[frame.index() as usize].concat(), "{set:?} {}", frame.index());
        }
    }
}

#[test]
fn a_seed_gives_the_same_files_and_another_one_others() {
    let fixture = &*THEATRE;
    let written = |seed: u64| {
        let (out, script) = (tempfile::tempdir().unwrap(), fixture.script(SetKind::Scuba, seed));
        let mut compositor = Compositor::new(frame_segmenter(&fixture.bundle, 1).unwrap(), &open);
        let writer = ClipWriter::new(out.path(), ClipFormat::Frames);
        let clip = fixture.clip(WAVING);
        assert!(writer.make(clip, &script, &mut compositor).unwrap().is_some());
        assert!(writer.make(clip, &script, &mut compositor).unwrap().is_none(), "it is there");
        assert_eq!(fs::read_dir(out.path().join(WAVING)).unwrap().count(), 1, "nothing half made is left");
        let read = |index: u64| fs::read(writer.place(clip).join(format!("{index:06}.png"))).unwrap();
        (1..4).map(read).collect::<Vec<_>>()
    };
    assert_eq!(written(7), written(7));
    assert_ne!(written(7), written(8));
}

/// Clips of `classes` classes whose scenes lie in a row, so that class numbers tell how near they are.
fn row(classes: usize) -> SetStatistics {
    let mut surveys = SetStatistics::default();
    for class in 0..classes {
        for (number, covered) in [[0.06, 0.4], [0.0, 0.3], [0.2, 0.6]].into_iter().enumerate() {
            let place = class as f32 / classes as f32;
            let sight = ClipStatistics {
                frames: 10,
                size: [64, 64],
                covered,
                mean_covered: 0.2,
                centroid: None,
                colour: [0.0; 3],
                scene: vec![place, 1.0 - place],
            };
            surveys.clips.insert(format!("{class:03}/{number}"), (format!("{class:03}"), sight));
        }
    }
    surveys
}

fn class_of(clip: &str) -> i64 {
    clip[..3].parse().unwrap()
}

#[test]
fn swaps_are_of_the_classes_and_clips_that_hat_allows() {
    let surveys = row(400);
    for set in [SetKind::SwapRandom, SetKind::SwapClose, SetKind::SwapFar, SetKind::SwapSame] {
        let pairing = pair_clips(set, 1, 5, &surveys);
        // Only the first clip of a class shows enough of the person, and never too much.
        assert!(pairing.len() == 400 && pairing.keys().all(|clip| clip.ends_with("/0")), "{set:?}");
        let mut distances = Vec::new();
        for (clip, other) in &pairing {
            let other = other.as_ref().unwrap();
            assert!(other != clip && !other.ends_with("/2"), "its person covers too much");
            distances.push((class_of(clip) - class_of(other)).abs());
        }
        let (least, most) = (*distances.iter().min().unwrap(), *distances.iter().max().unwrap());
        match set {
            SetKind::SwapSame => assert_eq!(most, 0),
            SetKind::SwapClose => assert!(least >= 1 && most <= CLOSE, "{least} {most}"),
            SetKind::SwapFar => assert!(least >= 100, "{least}"),
            _ => assert!(least >= 1 && most > 200, "{least} {most}"),
        }
        assert_eq!(pairing, pair_clips(set, 1, 5, &surveys));
        if set == SetKind::SwapSame {
            continue;
        }
        assert_ne!(pairing, pair_clips(set, 2, 5, &surveys), "another draw");
        assert_ne!(pairing, pair_clips(set, 1, 6, &surveys), "another seed");
    }
}

/// At the end of the row all five nearest lie on one side.
const CLOSE: i64 = 5;

#[test]
fn sets_without_another_clip_take_what_they_can_show() {
    let surveys = row(3);
    assert_eq!(pair_clips(SetKind::HumanOnly, 1, 0, &surveys).len(), 9);
    assert_eq!(pair_clips(SetKind::BackgroundOnly, 1, 0, &surveys).len(), 9);
    assert_eq!(pair_clips(SetKind::Scuba, 1, 0, &surveys).len(), 3);
    let bystanders = pair_clips(SetKind::ConflFg, 1, 0, &surveys);
    assert!(
        bystanders.len() == 3
            && bystanders.iter().all(|(clip, other)| {
                let other = other.as_ref().unwrap();
                other.ends_with("/0") && class_of(other) != class_of(clip)
            })
    );
    // One class alone has no other one.
    assert!(pair_clips(SetKind::SwapFar, 1, 0, &row(1)).is_empty());
}

#[test]
fn the_published_lists_are_read_and_never_executed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/hat");
    for draw in 1..=3 {
        let path = folder.join(format!("actionswap_rand_{draw}.pickle"));
        assert_eq!(list_name(&path).unwrap(), (SetKind::SwapRandom, draw));
        let list = read_list(&path).unwrap();
        assert_eq!(list.len(), 12);
        assert!(list.values().flatten().all(|other| list.contains_key(other)));
    }
    let error = read_list(&folder.join("actionswap_far_1.pickle")).unwrap_err().to_string();
    assert!(error.contains("system") && error.contains("was not called"), "{error}");
    assert!(list_name(Path::new("swaps.pickle")).is_err());
    let other = tempfile::NamedTempFile::new().unwrap();
    fs::write(other.path(), b"\x80\x02]q\x00.").unwrap();
    assert!(read_list(other.path()).unwrap_err().to_string().contains("something else"));
}

#[test]
fn pictures_stand_behind_people_in_the_shape_of_the_clip() {
    let fixture = &*THEATRE;
    let folder = tempfile::tempdir().unwrap();
    let picture = image::RgbImage::from_fn(300, 50, |x, _| image::Rgb([(x / 2) as u8, 7, 9]));
    picture.save(folder.path().join("a.png")).unwrap();
    let backdrops = BackgroundSource::open(folder.path()).unwrap();
    let script = CounterfactualSet::new(
        (SetKind::Scuba, 1),
        0,
        backdrops,
        &fixture.dataset,
        &fixture.surveys,
        &Inpainter::Smooth,
    );
    let mut compositor = Compositor::new(frame_segmenter(&fixture.bundle, 1).unwrap(), &open);
    let mut twin = compositor.twin(&script, fixture.clip(WAVING)).unwrap();
    twin.count().unwrap();
    let frame = frames(&mut twin).remove(0);
    // The middle 50 of 300 columns.
    let (left, right) = (frame[0][0], frame[SIDE - 1][0]);
    assert!(left.abs_diff(62) < 2 && right.abs_diff(87) < 2, "{left} {right}");
    assert!(BackgroundSource::open(Path::new("no such folder")).is_err());
}

#[test]
fn a_users_inpainter_fills_the_hole_and_one_that_changes_the_rest_is_refused() {
    use crate::model::write::{Attribute, Axis, Element, GraphWriter, WeightPrecision};
    let folder = tempfile::tempdir().unwrap();
    // What is hidden becomes `colour`, and all of it is multiplied by `factor`.
    let model = |name: &str, colour: f32, factor: f32| {
        let path = folder.path().join(name);
        let mut graph = GraphWriter::create(&path, WeightPrecision::F32).unwrap();
        let axes = |channels| [Axis::Size(1), Axis::Size(channels), Axis::Size(24), Axis::Size(40)];
        let image = graph.input("image", Element::F32, &axes(3));
        let mask = graph.input("mask", Element::F32, &axes(1));
        let [one, colour, factor] =
            [("one", 1.0), ("colour", colour), ("factor", factor)].map(|(n, v)| graph.scalar(n, v).unwrap());
        let none: [(&str, Attribute<'_>); 0] = [];
        let seen = graph.named_node("seen", "Sub", &[&one, &mask], &none);
        let kept = graph.named_node("kept", "Mul", &[&image, &seen], &none);
        let made = graph.named_node("made", "Mul", &[&mask, &colour], &none);
        let both = graph.named_node("both", "Add", &[&kept, &made], &none);
        let out = graph.named_node("out", "Mul", &[&both, &factor], &none);
        graph.output(&out, Element::F32, &axes(3));
        graph.finish().unwrap();
        path
    };
    let size = crate::mask::Size::new(80, 48).unwrap();
    let mut hole = Shape::new(size);
    for (place, hidden) in hole.pixels_mut().iter_mut().enumerate() {
        *hidden = (20..60).contains(&(place % 80)) && (12..36).contains(&(place / 80));
    }
    let picture = vec![200; 3 * size.area()];
    for (name, factor) in [("unit.onnx", 1.0), ("bytes.onnx", 255.0)] {
        let mut pixels = picture.clone();
        Inpainter::open(&model(name, 0.2, factor)).unwrap().fill(&mut pixels, &hole).unwrap();
        let at = |x: usize, y: usize| pixels[3 * (y * 80 + x)];
        assert_eq!((at(40, 24), at(5, 5), at(70, 24)), (51, 200, 200), "{name}");
    }
    let mut pixels = picture.clone();
    let refused = Inpainter::open(&model("other.onnx", 0.2, 70.0)).unwrap().fill(&mut pixels, &hole).unwrap_err();
    assert!(refused.to_string().contains("where nothing was hidden"), "{refused}");
    assert_eq!(pixels, picture);
}

#[test]
fn scenes_are_probabilities_and_follow_the_place() {
    let fixture = &*THEATRE;
    for (_, sight) in fixture.surveys.clips.values() {
        assert!((sight.scene.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        assert!(PERSON_AREA_RANGE.contains(&sight.mean_covered));
    }
}

#[test]
fn names_stay_inside_their_folder() {
    assert_eq!(clip_writer::plain("a/../b"), "a_.._b");
    assert_eq!(clip_writer::plain(".."), "_..");
    assert_eq!(clip_writer::plain("waving"), "waving");
}
