//! Checksums, and the files of the built-in bundle.

use figureground::bundle::{Bundle, MANIFEST, checksum};
use std::path::Path;

#[test]
fn lists_with_the_same_concatenation_have_different_checksums() {
    assert_ne!(checksum::of_parts(["ab", "c"]), checksum::of_parts(["a", "bc"]));
    assert_eq!(checksum::of_parts([""]).len(), 64);
}

/// Returns the names and sizes of the files in `directory`, in the order of names.
fn files(directory: &Path) -> Vec<(String, u64)> {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let mut files: Vec<_> =
        entries.map(|entry| (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().len())).collect();
    files.sort();
    files
}

#[test]
fn the_built_in_bundle_has_every_file_and_at_most_8_megabytes() {
    let unpacked = files(Bundle::built_in().unwrap().directory());
    assert_eq!(unpacked, files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/built-in")));
    assert!(unpacked.iter().map(|(_, bytes)| bytes).sum::<u64>() < 8_000_000);
}

#[test]
fn the_files_of_the_built_in_bundle_are_removed_with_its_last_clone() {
    let bundle = Bundle::built_in().unwrap();
    let clone = bundle.clone();
    let directory = bundle.directory().to_owned();
    drop(bundle);
    assert!(directory.join(MANIFEST).is_file());
    drop(clone);
    assert!(!directory.exists());
}
