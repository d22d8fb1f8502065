//! Schedule of a stream's windows.

use crate::error::{Error, Result, Setting, Stage};
use std::collections::VecDeque;
use std::time::Duration;

/// Largest number of windows that may overlap.
const MAX_OVERLAP: u64 = 64;

/// Windows over the last seconds of a stream, at regular intervals of capture time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sliding {
    length_us: u64,
    stride_us: u64,
}

impl Sliding {
    /// Creates windows of `length` seconds, one every `stride` seconds.
    ///
    /// # Errors
    /// Returns an error if either is not above 0 and finite, or more than 64 windows would overlap.
    pub fn new(length: f64, stride: f64) -> Result<Self> {
        let micros = |seconds: f64| (seconds * 1e6).round();
        let fits = |seconds: f64| (1.0..=86_400e6).contains(&micros(seconds));
        if !fits(length) || !fits(stride) || length / stride > MAX_OVERLAP as f64 {
            let expected = format!("a window and a stride above 0 seconds, at most {MAX_OVERLAP} windows overlapping");
            let got = format!("a window of {length} s every {stride} s");
            let error = Error::new(Stage::Pipeline, expected, got, "lengthen the stride or shorten the window");
            return Err(error.about(Setting::Stride).about(Setting::Window));
        }
        Ok(Self { length_us: micros(length) as u64, stride_us: micros(stride) as u64 })
    }

    /// Returns the time between the ends of two windows.
    pub fn stride(&self) -> Duration {
        Duration::from_micros(self.stride_us)
    }
}

/// A window that is not full yet, with the slots of its frames in order.
#[derive(Clone, Debug)]
struct OpenWindow {
    start_us: u64,
    slots: Vec<usize>,
}

/// What to do next with a frame of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScheduleStep {
    /// Take the frame before this one: it is nearest to the next centre.
    TakePrevious,
    /// Take this frame: it is nearest to the next centre.
    TakeThis,
    /// Close the oldest window: it is full.
    Close,
    /// Wait for the next frame.
    Wait,
}

/// Assigns frames to windows. Each window is cut into equal parts, and takes the frame nearest to each part's centre.
/// The centres are known in advance, so each frame is either taken when it comes or never.
#[derive(Debug)]
pub struct WindowSchedule {
    windows: Sliding,
    frames: usize,
    /// Start of the first window; none before the first frame.
    origin_us: Option<u64>,
    /// Number of windows opened since then.
    opened: u64,
    open: VecDeque<OpenWindow>,
    /// Slot lists of closed windows, kept for reuse.
    spare: Vec<Vec<usize>>,
    previous_us: Option<u64>,
}

impl WindowSchedule {
    /// Creates the schedule of `windows` of `frames` frames each.
    pub fn new(windows: Sliding, frames: usize) -> Self {
        let overlap = windows.length_us.div_ceil(windows.stride_us) as usize + 1;
        Self {
            windows,
            frames,
            origin_us: None,
            opened: 0,
            open: VecDeque::with_capacity(overlap + 1),
            spare: (0..=overlap).map(|_| Vec::with_capacity(frames)).collect(),
            previous_us: None,
        }
    }

    /// Returns the largest number of frames that all open windows hold together.
    pub fn capacity(&self) -> usize {
        self.frames * self.spare.len()
    }

    /// Begins a frame captured at `time_us`. Returns whether the stream continues. After a gap longer than a window, or
    /// when time steps back, all open windows are dropped, and the frame is the first of a new stream.
    pub fn begin(&mut self, time_us: u64) -> bool {
        let continues = match self.previous_us {
            Some(previous) => time_us >= previous && time_us - previous <= self.windows.length_us,
            None => false,
        };
        if !continues {
            self.restart(time_us);
        }
        while self.next_start().is_some_and(|start| self.centre(start, 0) <= time_us) {
            let start_us = self.next_start().unwrap_or_default();
            self.open.push_back(OpenWindow { start_us, slots: self.spare.pop().unwrap_or_default() });
            self.opened += 1;
        }
        continues
    }

    /// Returns the next step for the frame at `time_us`; called until it returns [`ScheduleStep::Wait`].
    pub fn offer(&self, time_us: u64) -> ScheduleStep {
        if self.open.front().is_some_and(|window| window.slots.len() == self.frames) {
            return ScheduleStep::Close;
        }
        let Some((_, centre)) = self.due(time_us) else { return ScheduleStep::Wait };
        match self.previous_us {
            Some(previous) if centre.saturating_sub(previous) <= time_us - centre => ScheduleStep::TakePrevious,
            _ => ScheduleStep::TakeThis,
        }
    }

    /// Puts `slot` at the earliest centre that is due at `time_us`.
    pub fn take(&mut self, time_us: u64, slot: usize) {
        if let Some((window, _)) = self.due(time_us) {
            self.open[window].slots.push(slot);
        }
    }

    /// Closes the oldest window, which is full, and writes its slots to `slots` in order.
    pub fn close(&mut self, slots: &mut Vec<usize>) {
        let Some(mut window) = self.open.pop_front() else { return };
        std::mem::swap(slots, &mut window.slots);
        window.slots.clear();
        self.spare.push(window.slots);
    }

    /// Returns whether the window after the oldest one ends by `time_us` too.
    pub fn is_overtaken(&self, time_us: u64) -> bool {
        let next = self.open.get(1);
        next.is_some_and(|window| self.centre(window.start_us, self.frames.saturating_sub(1)) <= time_us)
    }

    /// Ends a frame, which is the previous one from now on.
    pub fn end(&mut self, time_us: u64) {
        self.previous_us = Some(time_us);
    }

    /// Returns whether an open window holds `slot`.
    pub fn holds(&self, slot: usize) -> bool {
        self.open.iter().any(|window| window.slots.contains(&slot))
    }

    fn restart(&mut self, time_us: u64) {
        while let Some(mut window) = self.open.pop_front() {
            window.slots.clear();
            self.spare.push(window.slots);
        }
        (self.origin_us, self.opened, self.previous_us) = (Some(time_us), 0, None);
    }

    fn next_start(&self) -> Option<u64> {
        Some(self.origin_us? + self.opened * self.windows.stride_us)
    }

    /// Returns the centre of one of the equal parts of a window.
    fn centre(&self, start_us: u64, part: usize) -> u64 {
        start_us + self.windows.length_us * (2 * part as u64 + 1) / (2 * self.frames as u64)
    }

    /// Returns the open window with the earliest next centre, and this centre, if `time_us` has reached it.
    fn due(&self, time_us: u64) -> Option<(usize, u64)> {
        let open = self.open.iter().enumerate().filter(|(_, window)| window.slots.len() < self.frames);
        let centres = open.map(|(index, window)| (index, self.centre(window.start_us, window.slots.len())));
        centres.min_by_key(|&(_, centre)| centre).filter(|&(_, centre)| centre <= time_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the frame times of every window of a stream with these frame times.
    fn windows(times: &[u64], length: f64, stride: f64, frames: usize) -> Vec<Vec<u64>> {
        let mut schedule = WindowSchedule::new(Sliding::new(length, stride).unwrap(), frames);
        let mut out = Vec::new();
        for (i, &time) in times.iter().enumerate() {
            schedule.begin(time);
            loop {
                match schedule.offer(time) {
                    ScheduleStep::TakePrevious => schedule.take(time, i - 1),
                    ScheduleStep::TakeThis => schedule.take(time, i),
                    ScheduleStep::Close => {
                        let mut slots = Vec::new();
                        schedule.close(&mut slots);
                        out.push(slots.iter().map(|&slot| times[slot]).collect());
                    }
                    ScheduleStep::Wait => break,
                }
            }
            schedule.end(time);
        }
        out
    }

    #[test]
    fn a_window_takes_the_frames_nearest_to_the_centres_of_its_parts() {
        let times: Vec<u64> = (0..100).map(|i| i * 40_000).collect();
        let all = windows(&times, 2.0, 0.5, 8);
        for (k, window) in all.iter().enumerate() {
            for (i, &time) in window.iter().enumerate() {
                let centre = k as u64 * 500_000 + 125_000 + i as u64 * 250_000;
                let nearest = times.iter().copied().min_by_key(|t| (t.abs_diff(centre), *t)).unwrap();
                assert_eq!(time, nearest, "window {k} part {i}");
            }
        }
        // The last centre of window k is 1.875 s + k * 0.5 s; the last frame comes at 3.96 s.
        assert_eq!(all.len(), 5);
    }

    #[test]
    fn of_windows_that_end_at_one_frame_all_but_the_last_are_overtaken() {
        let mut schedule = WindowSchedule::new(Sliding::new(1.0, 0.25).unwrap(), 4);
        let mut overtaken = Vec::new();
        for time in [0, 250_000, 500_000, 750_000, 1_000_000, 1_900_000] {
            schedule.begin(time);
            loop {
                match schedule.offer(time) {
                    ScheduleStep::TakePrevious | ScheduleStep::TakeThis => schedule.take(time, 0),
                    ScheduleStep::Close => {
                        overtaken.push((time, schedule.is_overtaken(time)));
                        schedule.close(&mut Vec::new());
                    }
                    ScheduleStep::Wait => break,
                }
            }
            schedule.end(time);
        }
        let at_the_jump = [true, true, true, false].map(|is_overtaken| (1_900_000, is_overtaken));
        assert_eq!(overtaken[..1], [(1_000_000, false)]);
        assert_eq!(overtaken[1..], at_the_jump);
    }

    #[test]
    fn a_stream_shorter_than_a_window_has_none() {
        assert!(windows(&[0, 500_000, 1_000_000], 2.0, 0.5, 8).is_empty());
    }

    #[test]
    fn after_a_long_gap_or_a_step_back_windows_start_over() {
        let mut times: Vec<u64> = (0..60).map(|i| i * 40_000).collect();
        times.extend((0..60).map(|i| 60_000_000 + i * 40_000));
        times.extend((0..60).map(|i| 1_000_000 + i * 40_000));
        let all = windows(&times, 2.0, 0.5, 4);
        assert!(
            all.iter().all(|window| window.windows(2).all(|pair| pair[0] <= pair[1] && pair[1] - pair[0] < 2_000_000))
        );
        assert_eq!(all.len(), 6);
    }

    #[test]
    fn a_slow_stream_gives_the_same_frame_to_several_parts() {
        let all = windows(&[0, 1_000_000, 2_000_000, 3_000_000], 2.0, 1.0, 4);
        assert_eq!(all[0], [0, 1_000_000, 1_000_000, 2_000_000]);
    }

    #[test]
    fn windows_that_overlap_too_much_are_refused() {
        assert!(Sliding::new(2.0, 0.01).is_err());
        assert!(Sliding::new(0.0, 1.0).is_err());
        assert!(Sliding::new(f64::NAN, 1.0).is_err());
    }
}
