//! Data sets in the layouts that they are published in.

use figureground::evaluate::dataset::{Dataset, Format, LabelledClip, Shard};
use figureground::source::SourceOptions;
use figureground::{Result, Setting};
use std::fs;
use std::path::Path;

fn folder_of(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    folder
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) {
    fs::write(folder.path().join(name), text).unwrap();
}

fn open(folder: &tempfile::TempDir, format: Format) -> Result<Dataset> {
    Dataset::open(format, folder.path(), None)
}

/// Returns id, label and whether the file exists.
fn listed(dataset: &Dataset) -> Vec<(&str, &str, bool)> {
    dataset.clips.iter().map(|clip| (clip.id.as_str(), clip.label.as_str(), clip.path.is_some())).collect()
}

#[test]
fn clips_of_mimetics_are_found_under_every_name_that_downloaders_give_them() {
    let root = folder_of(&[
        "sailing boat/-abc_000003_000013.mp4",
        "driving_car/d.e_4_14.mkv",
        "flat_000000_000010.webm",
        "plain.mp4",
    ]);
    write(
        &root,
        "mimetics_v1.0.csv",
        "label,youtube_id,time_start,time_end,split,is_cc\nsailing boat,-abc,3,13,test,1\ndriving car,d.e,4,14,test,0\n\
         \"x, y\",flat,0,10,test,0\nsailing boat,plain,7,17,test,0\nsailing boat,gone,1,2,test,0\n",
    );
    write(
        &root,
        "mimetics_v1.0_objectsceneannot.txt",
        "#video\tobject\tscene\tmime\n-abc_000003_000013\tyes\tno\tno\n",
    );
    // A table of people is no list of clips.
    write(&root, "set_people.csv", "video,person,class,seed\n-abc_000003_000013,1,sailing boat,7\n");
    let dataset = open(&root, Format::Mimetics).unwrap();
    assert_eq!(
        listed(&dataset),
        [
            ("-abc_000003_000013", "sailing boat", true),
            ("d.e_000004_000014", "driving car", true),
            ("flat_000000_000010", "x, y", true),
            ("gone_000001_000002", "sailing boat", false),
            ("plain_000007_000017", "sailing boat", true),
        ]
    );
    assert_eq!(dataset.clips[0].strata["object"], "yes");
    assert_eq!(dataset.clips[1].strata.get("object"), None);
}

#[test]
fn a_range_of_a_folder_of_raw_frames_is_a_clip_without_flow_pictures() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("d");
    fs::create_dir_all(&folder).unwrap();
    for index in 1..=9u8 {
        for name in [format!("img_{index:05}.png"), format!("flow_x_{index:05}.png")] {
            image::GrayImage::from_pixel(20, 16, image::Luma([index])).save(folder.join(name)).unwrap();
        }
    }
    write(&root, "val.txt", "d 2 4 bowing\nd 6 9 bowing\n");
    let dataset = open(&root, Format::Mmaction2).unwrap();
    let [short, long] = dataset.clips.as_slice() else { panic!("{dataset:?}") };
    let mut source = short.open(&SourceOptions::default()).unwrap();
    assert_eq!(source.count().unwrap(), 4);
    let mut frames = Vec::new();
    while let Some(frame) = source.next_frame().unwrap() {
        frames.push((frame.index(), frame.pixels()[0]));
    }
    assert_eq!(frames, [(0, 3), (1, 4), (2, 5), (3, 6)]);
    let error = long.open(&SourceOptions::default()).err().unwrap().to_string();
    assert!(error.contains("9 frames from 6 on"), "{error}");
}

#[test]
fn masks_are_found_in_every_layout() {
    let clips = folder_of(&["wave/a.mp4", "wave/b.mp4"]);
    let masks = |folders: &[&str]| {
        let root = tempfile::tempdir().unwrap();
        folders.iter().for_each(|folder| fs::create_dir_all(root.path().join(folder)).unwrap());
        let set = Dataset::open(Format::Folder, clips.path(), None).unwrap();
        let found = set.with_masks(root.path()).map(|set| set.clips[0].masks.clone().unwrap());
        let inside = |path: &Path| path.strip_prefix(root.path()).unwrap().to_str().unwrap().to_owned();
        found.map(|found| (inside(&found.person), found.objects.as_deref().map(inside)))
    };
    assert_eq!(masks(&["seg/wave/a", "obj/wave/a"]).unwrap(), ("seg/wave/a".into(), Some("obj/wave/a".into())));
    assert_eq!(masks(&["wave/a/objects"]).unwrap(), ("wave/a".into(), Some("wave/a/objects".into())));
    assert_eq!(masks(&["wave/b"]).unwrap(), ("wave/a".into(), None), "the folder is missing: reading it fails");
    assert!(masks(&["bow/a"]).unwrap_err().to_string().contains("none of 2 clips"));
}

#[test]
fn lists_of_mmaction2_may_have_paths_with_spaces() {
    let root = folder_of(&["a b/one two.mp4", "frames/c 3/img_00001.jpg", "frames/d/img_00001.jpg"]);
    write(
        &root,
        "val.txt",
        "a b/one two.mp4 1\nframes/c 3 17 0\nframes/d 0 30 1\nframes/d 30 12 0\n\nframes/gone 12 0\n",
    );
    write(&root, "classes.txt", "waving\nbowing deeply\n");
    let dataset = Dataset::open(Format::Mmaction2, root.path(), Some(&root.path().join("val.txt"))).unwrap();
    assert_eq!(
        listed(&dataset),
        [
            ("a b/one two.mp4", "bowing deeply", true),
            ("frames/c 3", "waving", true),
            ("frames/d#0+30", "bowing deeply", true),
            ("frames/d#30+12", "waving", true),
            ("frames/gone", "waving", false),
        ]
    );
}

#[test]
fn templates_of_something_something_lose_their_brackets() {
    let root = folder_of(&["7.webm"]);
    write(
        &root,
        "val.json",
        r#"[{"id":"7","label":"lifting a cup up","template":"Lifting [something] up"},
        {"id":"8","template":"Moving [something]"}]"#,
    );
    let dataset = open(&root, Format::Ssv2).unwrap();
    assert_eq!(listed(&dataset), [("7", "Lifting something up", true), ("8", "Moving something", false)]);
    assert_eq!(dataset.clips[0].least_frames, 16);
}

#[test]
fn class_folders_and_hats_tree_may_hold_files_or_folders_of_frames() {
    let root = folder_of(&["ori/wave/k_1/000001.jpg", "ori/bow/b.mp4", "ori/bow/notes.txt", "seg/wave/k_1/000001.png"]);
    let expected = [("bow/b", "bow", true), ("wave/k_1", "wave", true)];
    assert_eq!(listed(&open(&root, Format::Hat).unwrap()), expected);
    assert_eq!(listed(&Dataset::open(Format::Folder, &root.path().join("ori"), None).unwrap()), expected);
    assert_eq!(open(&root, Format::Ssv2).unwrap_err().settings(), [Setting::Annotations]);
}

#[test]
fn invalid_lists_are_errors() {
    let root = folder_of(&["a_000000_000001.mp4"]);
    let refused = |text: &str, word: &str| {
        write(&root, "list.csv", text);
        let error = open(&root, Format::Kinetics).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    };
    refused("label,id\nx,y\n", "youtube_id");
    refused("label,youtube_id,time_start,time_end,split\nx,a,zero,1,test\n", "line: 2");
    refused("label,youtube_id,time_start,time_end,split\nx,a,0,1,test\ny,a,0,1,test\n", "twice");
    refused("label,youtube_id,time_start,time_end,split\nx,b,0,1,test\n", "none of them there");
    assert!(Dataset::open(Format::Folder, &root.path().join("none"), None).is_err());
}

#[test]
fn shards_are_disjoint_and_together_the_whole_set() {
    let files: Vec<String> = (0..7).map(|i| format!("wave/{i}.mp4")).collect();
    let root = folder_of(&files.iter().map(String::as_str).collect::<Vec<_>>());
    let whole = open(&root, Format::Folder).unwrap();
    let mut parts: Vec<LabelledClip> =
        (1..=3).flat_map(|index| whole.clone().shard(Shard { index, count: 3 }).clips).collect();
    parts.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(parts, whole.clips);
    assert!("0/3".parse::<Shard>().is_err() && "4/3".parse::<Shard>().is_err() && "2/3".parse::<Shard>().is_ok());
}
