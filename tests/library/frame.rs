//! Frames of refused sizes, and buffers of frames.

use figureground::frame::{Frame, FrameBuffer, check_size};

#[test]
fn a_frame_with_missing_pixels_is_refused() {
    assert!(Frame::new(&[0; 16 * 16 * 3], 16, 16, 0, 0).is_ok());
    assert!(Frame::new(&[0; 16 * 16 * 3 - 1], 16, 16, 0, 0).is_err());
}

#[test]
fn frames_that_are_too_small_or_too_large_are_refused() {
    assert!(check_size(1, 1).is_err());
    assert!(check_size(20_000, 20_000).is_err());
    assert!(check_size(3840, 2160).is_ok());
}

#[test]
fn a_buffer_returns_the_frame_it_copied() {
    let pixels: Vec<u8> = (0..16 * 16 * 3).map(|i| (i % 251) as u8).collect();
    let frame = Frame::new(&pixels, 16, 16, 4, 160_000).unwrap();
    let mut buffer = FrameBuffer::with_capacity(16, 16);
    assert!(buffer.frame().is_none());
    buffer.copy_from(&frame);
    assert_eq!(buffer.frame(), Some(frame));
}
