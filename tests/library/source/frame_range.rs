//! Ranges of the frames of a source.

use super::{frames, open};
use figureground::source::{FrameRange, Source};

#[test]
fn indices_and_times_of_a_range_begin_at_0() {
    let folder = tempfile::tempdir().unwrap();
    for index in 0..9u8 {
        image::GrayImage::from_pixel(20, 16, image::Luma([index]))
            .save(folder.path().join(format!("{index}.png")))
            .unwrap();
    }
    let whole = || open(folder.path()).unwrap();
    let mut range = FrameRange::new(whole(), 3, 4).unwrap();
    assert_eq!(range.count().unwrap(), 4);
    assert_eq!(frames(&mut range), [(0, 0, 3), (1, 40_000, 4), (2, 80_000, 5), (3, 120_000, 6)]);
    range.select(&[1, 3]).unwrap();
    assert_eq!(range.next_frame().unwrap().unwrap().pixels()[0], 4);
    assert_eq!(range.next_frame().unwrap().unwrap().index(), 3);
    assert!(range.next_frame().unwrap().is_none());
    assert!(FrameRange::new(whole(), 6, 4).is_err() && FrameRange::new(whole(), 0, 0).is_err());
}
