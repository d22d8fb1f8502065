//! A clip that repeats without end.

use figureground::source::{LoopedSource, Source, demo};
use std::time::{Duration, Instant};

#[test]
fn a_clip_repeats_in_real_time_with_ascending_times() {
    let mut clip = demo().unwrap();
    let count = clip.count().unwrap() as usize;
    let mut source = LoopedSource::read(clip.as_mut()).unwrap();
    assert!(source.is_live() && source.count().is_err() && source.select(&[0]).is_err());
    let began = Instant::now();
    let mut frames = Vec::new();
    for index in 0..count as u64 + 2 {
        let frame = source.next_frame().unwrap().unwrap();
        assert_eq!((frame.index(), frame.time_us()), (index, index * 80_000));
        assert!(began.elapsed() >= Duration::from_millis(80 * index), "frame {index} is too early");
        frames.push(frame.pixels().to_vec());
    }
    assert!(frames[count..] == frames[..2], "the clip does not begin again after {count} frames");
    assert!(frames[0] != frames[count / 2], "the clip does not move");
}
