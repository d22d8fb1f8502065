//! Masks from files.

use super::open;
use figureground::Result;
use figureground::source::{MaskFolders, MaskedSource, Source};
use std::path::Path;

fn folder_of(count: usize, size: [u32; 2], value: u8) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..count {
        let picture = image::GrayImage::from_pixel(size[0], size[1], image::Luma([value + index as u8]));
        picture.save(folder.path().join(format!("{:06}.png", index + 1))).unwrap();
    }
    folder
}

fn masked(frames: &Path, person: &Path, objects: Option<&Path>) -> Result<MaskedSource<'static>> {
    let source = open(frames).unwrap();
    let folders = MaskFolders { person: person.to_owned(), objects: objects.map(Path::to_owned) };
    MaskedSource::new(source, &folders)
}

#[test]
fn selected_frames_have_their_own_masks_and_boxes() {
    let (frames, person, objects) = (folder_of(4, [20, 16], 9), folder_of(4, [20, 16], 100), folder_of(4, [20, 16], 0));
    let json = r#"{"person": [null, [1, 2, 3, 4], [[1, 2, 3, 4], [5, 6, 7, 8]], []], "objects": [[[0, 0, 9, 9]]]}"#;
    std::fs::write(objects.path().join("boxes.json"), json).unwrap();
    let mut source = masked(frames.path(), person.path(), Some(objects.path())).unwrap();
    assert_eq!(source.count().unwrap(), 4);
    source.select(&[1, 2]).unwrap();
    for (index, boxes) in [(1, 1), (2, 2)] {
        let frame = source.next_frame().unwrap().unwrap();
        let masks = frame.provided_masks().unwrap();
        assert_eq!(frame.index(), index);
        assert_eq!(masks.person.probabilities()[0], (100 + index) as f32 / 255.0);
        assert_eq!(masks.objects.as_ref().unwrap().probabilities()[0], index as f32 / 255.0);
        assert_eq!((masks.person_boxes.len(), masks.object_boxes.len()), (boxes, 0));
    }
    assert!(source.next_frame().unwrap().is_none());
}

#[test]
fn masks_that_do_not_match_the_frames_are_errors() {
    let frames = folder_of(4, [20, 16], 9);
    let error_of = |person: &tempfile::TempDir| {
        let opened = masked(frames.path(), person.path(), None);
        let mut source = match opened {
            Ok(source) => source,
            Err(error) => return error.to_string(),
        };
        loop {
            match source.next_frame() {
                Ok(Some(_)) => {}
                Ok(None) => return String::new(),
                Err(error) => return error.to_string(),
            }
        }
    };
    assert_eq!(error_of(&folder_of(4, [20, 16], 9)), "");
    assert!(error_of(&folder_of(3, [20, 16], 9)).contains("a mask for every frame"));
    assert!(error_of(&folder_of(4, [16, 20], 9)).contains("16x20"));
    assert!(error_of(&folder_of(0, [16, 20], 9)).contains("no picture"));
    let boxes = folder_of(4, [20, 16], 9);
    std::fs::write(boxes.path().join("boxes.json"), r#"{"person": [[1, 2]]}"#).unwrap();
    assert!(error_of(&boxes).contains("boxes.json"));
}
