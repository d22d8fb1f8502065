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
    refused("label,youtube_id,time_start,time_end,split\nx,a,0,1,test\ny,a,0,1,test\n", "\"y\" in line 3");
    refused("label,youtube_id,time_start,time_end,split\nx,a,1,1,test\n", "in line 2");
    refused("label,youtube_id,time_start,time_end,split\nx,a,NaN,1,test\n", "in line 2");
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

#[test]
fn every_file_that_run_opens_is_a_clip_of_a_class_folder() {
    let endings = "mp4 MP4 MOV wmv flv 3gp 3g2 ts mts m2ts mpg mpeg ogv vob asf mxf gif apng webp y4m webm mkv avi m4v \
                   jpg PNG bmp tiff";
    let files: Vec<String> =
        endings.split_whitespace().enumerate().map(|(at, ending)| format!("wave/v{at}.{ending}")).collect();
    let rubbish = ["wave/.DS_Store", "wave/Thumbs.db", "wave/desktop.ini", "__MACOSX/x/a.mp4", "wave/._v0.mp4"];
    let other = ["wave/notes.txt", "wave/empty"];
    let all: Vec<&str> = files.iter().map(String::as_str).chain(rubbish).chain(other).collect();
    let set = open(&folder_of(&all), Format::Folder).unwrap();
    assert_eq!(set.clips.len(), files.len(), "{set:?}");
    assert!(set.clips.iter().all(|clip| clip.label == "wave"));
}

#[test]
fn clips_in_folders_of_a_class_folder_are_found() {
    let root = folder_of(&["wave/day/a.mp4", "wave/day/b.avi", "wave/frames/000001.jpg", "wave/c.mp4"]);
    let set = open(&root, Format::Folder).unwrap();
    let ids: Vec<&str> = set.clips.iter().map(|clip| clip.id.as_str()).collect();
    assert_eq!(ids, ["wave/c", "wave/day/a", "wave/day/b", "wave/frames"]);
}

#[test]
fn one_of_several_files_of_a_clip_is_taken_by_a_fixed_order() {
    let root = folder_of(&["wave/a.avi", "wave/a.mp4", "wave/a.jpg", "wave/b.png", "wave/b/000001.jpg", "wave/c.png"]);
    let set = open(&root, Format::Folder).unwrap();
    let paths: Vec<&Path> = set.clips.iter().map(|clip| clip.path.as_deref().unwrap()).collect();
    assert_eq!(paths, ["wave/a.mp4", "wave/b", "wave/c.png"].map(|path| root.path().join(path)));
    write(&root, "list.txt", "wave/a 3\n");
    let set = open(&root, Format::Mmaction2).unwrap();
    assert_eq!(set.clips[0].path, Some(root.path().join("wave/a.mp4")));
}

#[test]
fn class_folders_may_lack_apostrophes_and_brackets() {
    let root = folder_of(&[
        "massaging persons head/a_000001_000011.mp4",
        "playing_guitar_acoustic/b_000001_000011.MP4",
        "val/cooking_on_campfire/c_000001_000011.mkv",
    ]);
    write(
        &root,
        "list.csv",
        "label,youtube_id,time_start,time_end,split\nmassaging person's head,a,1,11,val\n\
         playing guitar (acoustic),b,1,11,val\ncooking on campfire,c,1,11,val\n",
    );
    let set = open(&root, Format::Kinetics).unwrap();
    assert!(set.clips.iter().all(|clip| clip.path.is_some() && clip.time_us.is_none()), "{set:?}");
    let names = ["massaging person's head", "playing guitar (acoustic)", "a-b", "a_b"].map(str::to_owned);
    let classes = figureground::evaluate::metrics::Classes::new(&names);
    assert_eq!(classes.index("massaging_persons_head"), Some(0));
    assert_eq!(classes.index("Playing guitar acoustic"), Some(1));
    assert_eq!((classes.index("a b"), classes.index("ab"), classes.index("a-b")), (Some(3), None, Some(2)));
    let masks = folder_of(&["massaging_persons_head/a_000001_000011/000001.png"]);
    let set = set.with_masks(masks.path()).unwrap();
    assert!(set.clips[0].masks.as_ref().unwrap().person.is_dir());
}

#[test]
fn lists_of_every_editor_are_read() {
    let root = folder_of(&["a.mp4", "b c.webm", "7.webm"]);
    let utf_16 = |text: &str| -> Vec<u8> {
        [0xFF, 0xFE].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect()
    };
    let listed = |name: &str, bytes: &[u8], format: Format| {
        fs::write(root.path().join(name), bytes).unwrap();
        let set = open(&root, format).unwrap();
        fs::remove_file(root.path().join(name)).unwrap();
        let clips: Vec<(String, bool)> = set.clips.into_iter().map(|clip| (clip.label, clip.path.is_some())).collect();
        clips
    };
    let wave = || vec![("wave".to_owned(), true)];
    let csv = "label,youtube_id,time_start,time_end,split\r\nwave,a,1,11,val\r\n";
    let json = r#"[{"id":"7","template":"wave"}]"#;
    let marked = |text: &str| [b"\xEF\xBB\xBF", text.as_bytes()].concat();
    for (name, text, format) in [
        ("l.csv", csv, Format::Kinetics),
        ("l.txt", "a.mp4 wave\r\n", Format::Mmaction2),
        ("l.json", json, Format::Ssv2),
    ] {
        for bytes in [text.as_bytes().to_vec(), marked(text), utf_16(text)] {
            assert_eq!(listed(name, &bytes, format), wave(), "{name}");
        }
    }
    // Class names with a mark, and paths without an extension.
    fs::write(root.path().join("classes.txt"), marked("wave\r\nbow\r\n")).unwrap();
    let found = listed("l.txt", b"a 0\nb c 1\n", Format::Mmaction2);
    assert_eq!(found, [("wave".to_owned(), true), ("bow".to_owned(), true)]);
    let strata = marked("video,light\na,day\n");
    fs::write(root.path().join("x_strata.csv"), strata).unwrap();
    fs::write(root.path().join("l.txt"), "a 0\n").unwrap();
    assert_eq!(open(&root, Format::Mmaction2).unwrap().clips[0].strata["light"], "day");
    fs::write(root.path().join("l.txt"), b"a\xE9 0\n").unwrap();
    assert!(open(&root, Format::Mmaction2).unwrap_err().to_string().contains("not UTF-8 in line 1"));
}

#[test]
fn a_line_with_two_labels_is_refused_and_one_that_comes_twice_counts_once() {
    let root = folder_of(&["a.mp4", "c.mp4", "frames/d/img_00001.jpg"]);
    let open_list = |text: &str| {
        write(&root, "list.txt", text);
        open(&root, Format::Mmaction2)
    };
    for text in ["c.mp4 1\n\na.mp4 0 1\n", "c.mp4 1\n\na 0 1\n", "c 1\n\nframes/d 0 30 1 2\n", "c 1\n\na.mp4 0,1\n"] {
        let error = open_list(text).unwrap_err().to_string();
        assert!(error.contains("one label") && error.contains("line 3"), "{error}");
    }
    assert_eq!(open_list("a.mp4 0\nc.mp4 1\na.mp4 0\n").unwrap().clips.len(), 2);
    let error = open_list("a.mp4 0\nc.mp4 1\na.mp4 2\n").unwrap_err().to_string();
    assert!(error.contains("\"0\" in line 1, \"2\" in line 3"), "{error}");
}

/// Writes 100 pictures of 16 by 16 pixels, of which each is brighter than the one before, as Y4M of 10 a second.
fn long_video(path: &Path) {
    let mut bytes = b"YUV4MPEG2 W16 H16 F10:1 Cmono\n".to_vec();
    for frame in 0..100u8 {
        bytes.extend(b"FRAME\n");
        bytes.extend([frame + 50; 256]);
    }
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_whole_video_is_cut_to_the_seconds_of_its_clip() {
    let root = folder_of(&[]);
    long_video(&root.path().join("whole.y4m"));
    write(
        &root,
        "list.csv",
        "label,youtube_id,time_start,time_end,split\nx,whole,2,4,val\nx,whole,0,10,val\nx,whole,5.5,6,val\n\
         x,whole,9,12,val\nx,whole,20,22,val\n",
    );
    let set = open(&root, Format::Kinetics).unwrap();
    let frames = |id: &str| {
        let clip = set.clips.iter().find(|clip| clip.id == id).unwrap();
        let mut source = clip.open(&SourceOptions::default())?;
        let count = source.count()?;
        let mut frames = Vec::new();
        while let Some(frame) = source.next_frame()? {
            frames.push((frame.index(), frame.time_us(), frame.pixels()[0]));
        }
        assert_eq!(frames.len() as u64, count);
        Ok::<_, figureground::Error>(frames)
    };
    let (all, cut) = (frames("whole_000000_000010").unwrap(), frames("whole_000002_000004").unwrap());
    assert_eq!((all.len(), cut.len()), (100, 20));
    assert_eq!((cut[0], cut[19]), ((0, 0, all[20].2), (19, 1_900_000, all[39].2)));
    let fraction = frames("whole_000005.500_000006").unwrap();
    assert_eq!((fraction.len(), fraction[0].2), (5, all[55].2));
    for id in ["whole_000009_000012", "whole_000020_000022"] {
        let error = frames(id).unwrap_err();
        assert!(error.is_input() && error.to_string().contains("whole.y4m, which has 10.0 s"), "{error}");
    }
}
