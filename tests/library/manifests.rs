//! Every manifest in `models/` parses, and errors name the mistake.

use figureground::Result;
use figureground::bundle::manifest::{Convention, DecodeKind, SegmenterSettings};
use std::path::{Path, PathBuf};

fn manifests(folder: &str) -> Vec<(PathBuf, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models").join(folder);
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let manifests = paths.filter(|path| path.extension().is_some_and(|e| e == "toml"));
    manifests.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

/// Reads every manifest of `folder`, which must have at least `least`.
fn read_all<T>(folder: &str, least: usize, read: impl Fn(&str) -> Result<T>) {
    let found = manifests(folder);
    assert!(found.len() >= least, "{}", found.len());
    for (path, text) in found {
        read(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    }
}

#[test]
fn every_segmenter_manifest_parses() {
    read_all("segmenters", 9, SegmenterSettings::parse);
}

#[test]
fn every_clip_convention_parses() {
    read_all("clip", 5, Convention::parse);
}

#[test]
fn only_yolo_has_prototypes() {
    let text = include_str!("../../models/segmenters/yolo-seg.toml");
    assert_eq!(SegmenterSettings::parse(text).unwrap().decode.kind, DecodeKind::YoloSeg);
    assert!(SegmenterSettings::parse(&text.replace("prototypes = \"output1\"", "")).is_err());
    assert!(SegmenterSettings::parse(&text.replace("yolo-seg", "softmax")).is_err());
}

#[test]
fn an_error_about_an_unknown_key_names_the_nearest_known_one() {
    let text = include_str!("../../models/segmenters/selfie-general.toml").replace("threshold", "treshold");
    let error = SegmenterSettings::parse(&text).unwrap_err().to_string();
    assert!(error.contains("treshold") && error.contains("did you mean `threshold`?"), "{error}");
}
