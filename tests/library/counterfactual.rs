//! Counterfactual clips: statistics, pairings, composed frames, inpainting and files.

use figureground::bundle::Bundle;
use figureground::evaluate::ClipReader;
use figureground::evaluate::counterfactual::*;
use figureground::evaluate::dataset::{Dataset, LabelledClip};
use figureground::frame::FrameBuffer;
use figureground::mask::{Shape, Size};
use figureground::source::Source;
use figureground_tests::fixture;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// A data set of two clips: the demo clip and its mirror image, with the same person in another position.
struct Fixture {
    _folder: tempfile::TempDir,
    bundle: Bundle,
    dataset: Dataset,
    statistics: SetStatistics,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);
const READER: ClipReader<'_> = ClipReader { fps: 25.0, stretch: true, progress: &() };
/// Width and height of the demo clip.
const SIDE: usize = 160;
/// Frames of the first clip.
const FRAMES: u64 = 16;
const WAVING: &str = "waving while standing";
const BOWING: &str = "bowing while standing";

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut demo = figureground::source::demo().unwrap();
        for label in [WAVING, BOWING] {
            fs::create_dir_all(folder.path().join(label).join("demo")).unwrap();
        }
        while let Some(frame) = demo.next_frame().unwrap().filter(|frame| frame.index() < FRAMES) {
            let (width, height) = (frame.width(), frame.height());
            let picture = image::RgbImage::from_raw(width, height, frame.pixels().to_vec()).unwrap();
            let name = format!("demo/{:06}.png", frame.index() + 1);
            picture.save(folder.path().join(WAVING).join(&name)).unwrap();
            // The mirrored clip has every second frame: the clips have different lengths.
            if frame.index() % 2 == 0 {
                image::imageops::flip_horizontal(&picture).save(folder.path().join(BOWING).join(name)).unwrap();
            }
        }
        let bundle = Bundle::built_in().unwrap();
        let dataset = Dataset::open(figureground::evaluate::dataset::Format::Folder, folder.path(), None).unwrap();
        let (mut segmenter, mut scenes) =
            (frame_segmenter(&bundle, 1).unwrap(), SceneClassifier::of_bundle(&bundle, 1).unwrap());
        let mut entry = |clip: &LabelledClip| {
            let mut source = READER.open(clip).unwrap();
            let statistics = ClipStatistics::of(source.as_mut(), &mut segmenter, &mut scenes).unwrap();
            (
                clip.id.clone(),
                StatisticsEntry { clip: clip.id.clone(), files: BTreeMap::new(), statistics: Ok(statistics) },
            )
        };
        let entries = dataset.clips.iter().map(&mut entry).collect();
        let statistics = SetStatistics::new(&dataset, entries);
        Self { _folder: folder, bundle, dataset, statistics }
    }

    fn set(&self, kind: SetKind, seed: u64) -> CounterfactualSet<'_> {
        self.set_of(&self.dataset, SetSpec { kind, draw: 1, seed, backgrounds: BackgroundSource::Stripes })
    }

    fn set_of<'a>(&'a self, dataset: &'a Dataset, spec: SetSpec) -> CounterfactualSet<'a> {
        CounterfactualSet::new(spec, dataset, &self.statistics, &Inpainter::Smooth)
    }

    fn compositor(&self) -> Compositor<'static> {
        Compositor::new(frame_segmenter(&self.bundle, 1).unwrap(), READER)
    }

    fn clip(&self, label: &str) -> &LabelledClip {
        self.dataset.clips.iter().find(|clip| clip.label == label).unwrap()
    }

    /// Passes the counterfactual clip of the waving clip to `read`.
    fn with_counterfactual<T>(
        &self,
        kind: SetKind,
        seed: u64,
        read: impl FnOnce(&mut CounterfactualClip<'_>) -> T,
    ) -> T {
        let set = self.set(kind, seed);
        let mut compositor = self.compositor();
        let mut clip = compositor.compose(&set, self.clip(WAVING)).unwrap();
        read(&mut clip)
    }

    /// Returns all frames of the counterfactual clip of the waving clip.
    fn counterfactual(&self, kind: SetKind, seed: u64) -> Vec<Vec<[u8; 3]>> {
        self.with_counterfactual(kind, seed, |clip| {
            clip.count().unwrap();
            frames(clip)
        })
    }

    fn frames(&self, label: &str) -> Vec<Vec<[u8; 3]>> {
        frames(READER.open(self.clip(label)).unwrap().as_mut())
    }

    /// Returns the person's shape in every frame.
    fn people(&self, pictures: &[Vec<[u8; 3]>]) -> Vec<Shape> {
        let mut segmenter = frame_segmenter(&self.bundle, 1).unwrap();
        let buffer = |picture: &Vec<[u8; 3]>| {
            let (pixels, mut buffer) = (picture.concat(), FrameBuffer::default());
            buffer.copy_from(&figureground::frame::Frame::new(&pixels, SIDE as u32, SIDE as u32, 0, 0).unwrap());
            buffer
        };
        let (buffers, mut people) = (pictures.iter().map(buffer).collect::<Vec<_>>(), Vec::new());
        segmenter.persons_in(buffers.iter().filter_map(FrameBuffer::frame), &mut people).unwrap();
        people
    }
}

fn frames(source: &mut dyn Source) -> Vec<Vec<[u8; 3]>> {
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        frames.push(frame.pixels().chunks_exact(3).map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect());
    }
    frames
}

fn centroid(shape: &Shape) -> [f64; 2] {
    let inside = shape.pixels().iter().enumerate().filter(|(_, inside)| **inside);
    let (mut sum, mut count) = ([0.0; 2], 0.0);
    for (index, _) in inside {
        (sum[0], sum[1], count) = (sum[0] + (index % SIDE) as f64, sum[1] + (index / SIDE) as f64, count + 1.0);
    }
    sum.map(|sum| sum / count)
}

#[test]
fn the_person_is_unchanged_and_the_background_is_that_of_the_set() {
    let fixture = &*FIXTURE;
    let (clip, colour) = (fixture.frames(WAVING), fixture.statistics.colour());
    let people = fixture.people(&clip);
    let [human, scuba, scufo, conflict] = [SetKind::HumanOnly, SetKind::Scuba, SetKind::Scufo, SetKind::ConflFg]
        .map(|kind| fixture.counterfactual(kind, 1));
    assert!(scufo.iter().all(|frame| *frame == scufo[0]) && scuba.contains(&scufo[0]));
    for (index, person) in people.iter().enumerate() {
        let mut background = std::collections::BTreeSet::new();
        let mut other_person = 0;
        for (pixel, &is_person) in person.pixels().iter().enumerate() {
            if is_person {
                assert!([&human, &scuba, &conflict].iter().all(|made| made[index][pixel] == clip[index][pixel]));
            } else {
                assert_eq!(human[index][pixel], colour);
                background.insert(scuba[index][pixel]);
                other_person += usize::from(scuba[index][pixel] != conflict[index][pixel]);
            }
        }
        // A colour and its inverse.
        let background: Vec<[u8; 3]> = background.into_iter().collect();
        assert!(background.len() == 2 && background[0] == background[1].map(|channel| 255 - channel), "{background:?}");
        assert!(other_person > 200, "pixels of the other person: {other_person}");
    }
}

#[test]
fn background_only_has_no_person_and_all_other_pixels_unchanged() {
    let fixture = &*FIXTURE;
    let (clip, empty) = (fixture.frames(WAVING), fixture.counterfactual(SetKind::BackgroundOnly, 1));
    assert_eq!(clip.len(), empty.len());
    let (people, remaining) = (fixture.people(&clip), fixture.people(&empty));
    let area = |shapes: &[Shape]| shapes.iter().map(Shape::area).sum::<f32>() / shapes.len() as f32;
    assert!(area(&remaining) < 0.1 * area(&people), "{} of {}", area(&remaining), area(&people));
    for (index, person) in people.iter().enumerate() {
        let mut hidden = person.clone();
        figureground::mask::Dilation::new(hidden.size(), 4).apply(&mut hidden).unwrap();
        let visible = hidden.pixels().iter().enumerate().filter(|(_, hidden)| !**hidden);
        assert!(visible.map(|(pixel, _)| pixel).all(|pixel| clip[index][pixel] == empty[index][pixel]));
    }
}

#[test]
fn a_person_pasted_back_stands_where_it_stood_before_its_own_background() {
    let fixture = &*FIXTURE;
    let clip = fixture.frames(WAVING);
    let [empty, pasted] = [SetKind::BackgroundOnly, SetKind::PasteBack].map(|kind| fixture.counterfactual(kind, 1));
    assert_eq!(pasted.len(), clip.len());
    for (index, person) in fixture.people(&clip).iter().enumerate() {
        assert!(person.area() > 0.01);
        for (pixel, &is_person) in person.pixels().iter().enumerate() {
            let wanted = if is_person { &clip } else { &empty };
            assert_eq!(pasted[index][pixel], wanted[index][pixel], "pixel {pixel} of frame {index}");
        }
    }
}

#[test]
fn a_swapped_person_moves_to_the_position_of_the_other_person() {
    let fixture = &*FIXTURE;
    let set = fixture.set(SetKind::SwapRandom, 1);
    assert_eq!(set.pairing[&fixture.clip(WAVING).id].as_deref(), Some(fixture.clip(BOWING).id.as_str()));
    let strata: BTreeMap<String, String> =
        set.clips(&fixture.dataset).into_iter().map(|clip| (clip.label, clip.strata["background"].clone())).collect();
    assert_eq!(strata[WAVING], BOWING);
    let (clip, other) = (fixture.frames(WAVING), fixture.frames(BOWING));
    let swapped = fixture.counterfactual(SetKind::SwapRandom, 1);
    assert_eq!(swapped.len(), clip.len());
    let (person, other_person) = (fixture.people(&clip[..1]).remove(0), fixture.people(&other[..1]).remove(0));
    let (from, to) = (centroid(&person), centroid(&other_person));
    let shift = [0, 1].map(|axis| (to[axis] - from[axis]).round() as i64);
    assert!(shift[0].abs() > 3, "the mirrored person is elsewhere: {shift:?}");
    let mut same = (0, 0);
    for (pixel, _) in person.pixels().iter().enumerate().filter(|(_, inside)| **inside) {
        let (x, y) = ((pixel % SIDE) as i64 + shift[0], (pixel / SIDE) as i64 + shift[1]);
        if (0..SIDE as i64).contains(&x) && (0..SIDE as i64).contains(&y) {
            same = (same.0 + 1, same.1 + usize::from(swapped[0][(y * SIDE as i64 + x) as usize] == clip[0][pixel]));
        }
    }
    assert_eq!(same.0, same.1);
    // Far from both people, the pixels are the other clip's.
    let mut near = other_person.clone();
    figureground::mask::Dilation::new(near.size(), 60).apply(&mut near).unwrap();
    let far = near.pixels().iter().enumerate().filter(|(_, near)| !**near).map(|(pixel, _)| pixel);
    let same: Vec<bool> = far.map(|pixel| swapped[0][pixel] == other[0][pixel]).collect();
    assert!(same.len() > 100 && same.iter().all(|same| *same));
}

#[test]
fn frames_that_were_inpainted_elsewhere_are_used_unchanged() {
    let fixture = &*FIXTURE;
    let root = tempfile::tempdir().unwrap();
    for clip in &fixture.dataset.clips {
        let folder = root.path().join("inp").join(&clip.id);
        fs::create_dir_all(&folder).unwrap();
        for frame in 0..fixture.statistics.clips[&clip.id].statistics.frames {
            let plain = image::RgbImage::from_pixel(SIDE as u32, SIDE as u32, image::Rgb([frame as u8, 1, 2]));
            plain.save(folder.join(format!("{:06}.png", frame + 1))).unwrap();
        }
    }
    let dataset = fixture.dataset.clone().with_inpainted(root.path()).unwrap();
    let mut compositor = fixture.compositor();
    let clip = dataset.clips.iter().find(|clip| clip.label == WAVING).unwrap();
    let set =
        |kind| fixture.set_of(&dataset, SetSpec { kind, draw: 1, seed: 0, backgrounds: BackgroundSource::Stripes });
    for (kind, last_frame) in [(SetKind::BackgroundOnly, 15), (SetKind::SwapRandom, 7)] {
        let set = set(kind);
        assert_ne!(set.fingerprint(), fixture.set(kind, 0).fingerprint());
        let mut made = compositor.compose(&set, clip).unwrap();
        made.count().unwrap();
        assert_eq!(frames(&mut made).last().unwrap()[0], [last_frame, 1, 2], "{kind:?}");
    }
    let last = root.path().join("inp").join(&clip.id).join("000016.png");
    fs::remove_file(last).unwrap();
    assert!(compositor.compose(&set(SetKind::BackgroundOnly), clip).unwrap_err().to_string().contains("16 frames"));
    assert!(fixture.dataset.clone().with_inpainted(Path::new("nowhere")).is_err());
}

#[test]
fn selected_frames_equal_those_of_the_whole_clip() {
    let fixture = &*FIXTURE;
    for kind in SetKind::ALL.into_iter().filter(|kind| *kind != SetKind::SwapSame) {
        let whole = fixture.counterfactual(kind, 3);
        let expected = [2, 3, whole.len() as u64 - 1];
        let selected = fixture.with_counterfactual(kind, 3, |clip| {
            assert_eq!(clip.count().unwrap(), whole.len() as u64);
            clip.select(&expected).unwrap();
            let mut buffers = Vec::new();
            while let Some(frame) = clip.next_frame().unwrap() {
                let mut buffer = FrameBuffer::default();
                buffer.copy_from(&frame);
                buffers.push(buffer);
            }
            buffers
        });
        let indices: Vec<u64> = selected.iter().map(|buffer| buffer.frame().unwrap().index()).collect();
        assert_eq!(indices, expected, "{kind:?}");
        for buffer in &selected {
            let frame = buffer.frame().unwrap();
            assert!(frame.pixels() == whole[frame.index() as usize].concat(), "{kind:?} {}", frame.index());
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_files_and_another_seed_gives_others() {
    let fixture = &*FIXTURE;
    let written = |seed: u64| {
        let (out, set) = (tempfile::tempdir().unwrap(), fixture.set(SetKind::Scuba, seed));
        let mut compositor = fixture.compositor();
        let writer = ClipWriter::new(out.path(), ClipFormat::Frames, &fixture.dataset);
        let clip = fixture.clip(WAVING);
        assert_eq!(writer.write(clip, &set, &mut compositor).unwrap(), FRAMES);
        fs::write(writer.path(clip).join("000999.png"), "of another set").unwrap();
        assert_eq!(writer.write(clip, &set, &mut compositor).unwrap(), FRAMES);
        assert_eq!(fs::read_dir(writer.path(clip)).unwrap().count() as u64, FRAMES, "the clip is replaced");
        assert_eq!(fs::read_dir(out.path().join(WAVING)).unwrap().count(), 1, "no temporary folder remains");
        let read = |index: u64| fs::read(writer.path(clip).join(format!("{index:06}.png"))).unwrap();
        (1..4).map(read).collect::<Vec<_>>()
    };
    assert_eq!(written(7), written(7));
    assert_ne!(written(7), written(8));
}

/// Returns statistics of clips of `classes` classes, whose scene distance is the difference of their class numbers.
fn statistics_of(classes: usize) -> SetStatistics {
    let mut all = SetStatistics::default();
    for class in 0..classes {
        for (number, person_area) in [[0.06, 0.4], [0.0, 0.3], [0.2, 0.6]].into_iter().enumerate() {
            let scene = class as f32 / classes as f32;
            let statistics = ClipStatistics {
                frames: 10,
                size: [64, 64],
                person_area,
                mean_person_area: 0.2,
                centroid: None,
                colour: [0.0; 3],
                scene: vec![scene, 1.0 - scene],
            };
            let label = format!("{class:03}");
            all.clips.insert(format!("{class:03}/{number}"), LabelledStatistics { label, statistics });
        }
    }
    all
}

fn class_of(clip: &str) -> i64 {
    clip[..3].parse().unwrap()
}

#[test]
fn swaps_take_only_the_classes_and_clips_that_hat_allows() {
    let statistics = statistics_of(400);
    for kind in [SetKind::SwapRandom, SetKind::SwapClose, SetKind::SwapFar, SetKind::SwapSame] {
        let pairing = pair_clips(kind, 1, 5, &statistics);
        // Only the first clip of a class shows enough of the person, and never too much.
        assert!(pairing.len() == 400 && pairing.keys().all(|clip| clip.ends_with("/0")), "{kind:?}");
        let mut distances = Vec::new();
        for (clip, other) in &pairing {
            let other = other.as_ref().unwrap();
            assert!(other != clip && !other.ends_with("/2"), "its person covers too much");
            distances.push((class_of(clip) - class_of(other)).abs());
        }
        let (least, most) = (*distances.iter().min().unwrap(), *distances.iter().max().unwrap());
        match kind {
            SetKind::SwapSame => assert_eq!(most, 0),
            SetKind::SwapClose => assert!(least >= 1 && most <= CLOSE, "{least} {most}"),
            SetKind::SwapFar => assert!(least >= 100, "{least}"),
            _ => assert!(least >= 1 && most > 200, "{least} {most}"),
        }
        assert_eq!(pairing, pair_clips(kind, 1, 5, &statistics));
        if kind == SetKind::SwapSame {
            continue;
        }
        assert_ne!(pairing, pair_clips(kind, 2, 5, &statistics), "another draw");
        assert_ne!(pairing, pair_clips(kind, 1, 6, &statistics), "another seed");
    }
}

/// Largest distance of a close class: for the first and the last class, all five are on one side.
const CLOSE: i64 = 5;

#[test]
fn pairings_contain_only_clips_that_the_set_can_be_made_from() {
    let statistics = statistics_of(3);
    assert_eq!(pair_clips(SetKind::HumanOnly, 1, 0, &statistics).len(), 9);
    assert_eq!(pair_clips(SetKind::BackgroundOnly, 1, 0, &statistics).len(), 9);
    assert_eq!(pair_clips(SetKind::Scuba, 1, 0, &statistics).len(), 3);
    assert_eq!(pair_clips(SetKind::PasteBack, 1, 0, &statistics), pair_clips(SetKind::Scuba, 1, 0, &statistics));
    let conflicts = pair_clips(SetKind::ConflFg, 1, 0, &statistics);
    assert!(
        conflicts.len() == 3
            && conflicts.iter().all(|(clip, other)| {
                let other = other.as_ref().unwrap();
                other.ends_with("/0") && class_of(other) != class_of(clip)
            })
    );
    // A single class has no other class.
    assert!(pair_clips(SetKind::SwapFar, 1, 0, &statistics_of(1)).is_empty());
}

#[test]
fn published_lists_are_parsed_and_never_executed() {
    let folder = fixture("hat");
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
fn background_pictures_are_cropped_to_the_shape_of_the_clip() {
    let fixture = &*FIXTURE;
    let folder = tempfile::tempdir().unwrap();
    let picture = image::RgbImage::from_fn(300, 50, |x, _| image::Rgb([(x / 2) as u8, 7, 9]));
    picture.save(folder.path().join("a.png")).unwrap();
    let backgrounds = BackgroundSource::open(folder.path()).unwrap();
    let set = fixture.set_of(&fixture.dataset, SetSpec { kind: SetKind::Scuba, draw: 1, seed: 0, backgrounds });
    let mut compositor = fixture.compositor();
    let mut made = compositor.compose(&set, fixture.clip(WAVING)).unwrap();
    made.count().unwrap();
    let frame = frames(&mut made).remove(0);
    // The middle 50 of 300 columns.
    let (left, right) = (frame[0][0], frame[SIDE - 1][0]);
    assert!(left.abs_diff(62) < 2 && right.abs_diff(87) < 2, "{left} {right}");
    assert!(BackgroundSource::open(Path::new("no such folder")).is_err());
}

#[test]
fn an_onnx_inpainter_fills_the_hole_and_is_refused_if_it_changes_other_pixels() {
    use figureground::model::write::{Attribute, Axis, Element, GraphWriter, WeightPrecision};
    let folder = tempfile::tempdir().unwrap();
    // Paints the hole in `colour`, and multiplies the whole picture by `factor`.
    let model = |name: &str, colour: f32, factor: f32| {
        let path = folder.path().join(name);
        let mut graph = GraphWriter::create(&path, WeightPrecision::F32).unwrap();
        let axes = |channels| [Axis::Size(1), Axis::Size(channels), Axis::Size(24), Axis::Size(40)];
        let image = graph.input("image", Element::F32, &axes(3));
        let mask = graph.input("mask", Element::F32, &axes(1));
        let [one, colour, factor] =
            [("one", 1.0), ("colour", colour), ("factor", factor)].map(|(n, v)| graph.scalar(n, v).unwrap());
        let none: [(&str, Attribute<'_>); 0] = [];
        let visible = graph.named_node("visible", "Sub", &[&one, &mask], &none);
        let kept = graph.named_node("kept", "Mul", &[&image, &visible], &none);
        let made = graph.named_node("made", "Mul", &[&mask, &colour], &none);
        let both = graph.named_node("both", "Add", &[&kept, &made], &none);
        let out = graph.named_node("out", "Mul", &[&both, &factor], &none);
        graph.output(&out, Element::F32, &axes(3));
        graph.finish().unwrap();
        path
    };
    let size = figureground::mask::Size::new(80, 48).unwrap();
    let mut hole = Shape::new(size);
    for (index, hidden) in hole.pixels_mut().iter_mut().enumerate() {
        *hidden = (20..60).contains(&(index % 80)) && (12..36).contains(&(index / 80));
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
fn scene_probabilities_sum_to_1() {
    let fixture = &*FIXTURE;
    for LabelledStatistics { statistics, .. } in fixture.statistics.clips.values() {
        assert!((statistics.scene.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        assert!(PERSON_AREA_RANGE.contains(&statistics.mean_person_area));
    }
}

fn picture(size: Size, colour: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let positions = (0..size.height()).flat_map(|y| (0..size.width()).map(move |x| (x, y)));
    positions.flat_map(|(x, y)| colour(x, y)).collect()
}

#[test]
fn a_hole_in_one_colour_gets_that_colour_and_the_rest_is_unchanged() {
    let size = Size::new(37, 23).unwrap();
    let mut hole = Shape::new(size);
    for (index, hidden) in hole.pixels_mut().iter_mut().enumerate() {
        *hidden = index % 37 > 4 && index / 37 > 3;
    }
    let whole = picture(size, |_, _| [200, 30, 91]);
    let mut pixels = whole.clone();
    for (pixel, &hidden) in pixels.chunks_exact_mut(3).zip(hole.pixels()) {
        if hidden {
            pixel.fill(0);
        }
    }
    Inpainter::Smooth.fill(&mut pixels, &hole).unwrap();
    assert_eq!(pixels, whole);
}

#[test]
fn a_hole_is_interpolated_between_the_colours_of_its_rims() {
    let size = Size::new(64, 32).unwrap();
    let mut hole = Shape::new(size);
    for (index, hidden) in hole.pixels_mut().iter_mut().enumerate() {
        *hidden = (16..48).contains(&(index % 64));
    }
    let mut pixels = picture(size, |x, _| if x < 32 { [10; 3] } else { [250; 3] });
    let before = pixels.clone();
    Inpainter::Smooth.fill(&mut pixels, &hole).unwrap();
    let row: Vec<u8> = pixels[3 * 64 * 16..][..3 * 64].chunks_exact(3).map(|pixel| pixel[0]).collect();
    assert!(row.is_sorted(), "{row:?}");
    assert!(row[16] < 60 && row[47] > 200, "{row:?}");
    let kept = pixels.chunks_exact(3).zip(before.chunks_exact(3)).zip(hole.pixels());
    assert!(kept.filter(|(_, hidden)| !**hidden).all(|((now, before), _)| now == before));
}

#[test]
fn a_picture_that_is_all_hole_becomes_black() {
    let size = Size::new(16, 16).unwrap();
    let mut hole = Shape::new(size);
    hole.complement();
    let mut pixels = vec![7; 3 * size.area()];
    Inpainter::Smooth.fill(&mut pixels, &hole).unwrap();
    assert_eq!(pixels, vec![0; 3 * size.area()]);
}
