//! A queue of two pictures between the capture thread and the reader. Buffers are recycled, so that none is allocated
//! once each has its size.

use super::picture::Picture;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Capacity of the queue in pictures.
const CAPACITY: usize = 2;

/// The action of the writer when the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenFull {
    /// Wait, for files, of which no frame may be lost.
    Wait,
    /// Drop the oldest picture, for live sources.
    DropOldest,
}

/// The result of [`Reader::take`].
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The next picture was taken.
    Picture,
    /// The writer was dropped and the queue is empty.
    End,
    /// No picture came in time.
    Timeout,
}

/// The capture end of the queue; dropping it ends the stream.
pub(super) struct Writer {
    shared: Arc<Shared>,
    when_full: WhenFull,
}

/// The reading end of the queue; dropping it stops the writer at its next picture.
pub(super) struct Reader {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Picture>,
    spare: Vec<Picture>,
    closed: bool,
    dropped: u64,
}

/// Creates a queue.
pub(super) fn queue(when_full: WhenFull) -> (Writer, Reader) {
    let shared = Arc::new(Shared::default());
    (Writer { shared: Arc::clone(&shared), when_full }, Reader { shared })
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

impl Writer {
    /// Queues `picture` and replaces it by a recycled one; returns false if the reader was dropped.
    pub fn push(&self, picture: &mut Picture) -> bool {
        let mut state = self.shared.lock();
        while self.when_full == WhenFull::Wait && state.waiting.len() >= CAPACITY && !state.closed {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return false;
        }
        let oldest = if state.waiting.len() >= CAPACITY { state.waiting.pop_front() } else { None };
        state.dropped += u64::from(oldest.is_some());
        let recycled = oldest.or_else(|| state.spare.pop()).unwrap_or_default();
        picture.arrived = Some(Instant::now());
        state.waiting.push_back(std::mem::replace(picture, recycled));
        self.shared.changed.notify_all();
        true
    }
}

impl Reader {
    /// Returns the number of pictures dropped because the queue was full.
    pub fn dropped(&self) -> u64 {
        self.shared.lock().dropped
    }

    /// Waits up to `timeout`, if any, for the oldest picture, and swaps it with `picture`.
    pub fn take(&self, picture: &mut Picture, timeout: Option<Duration>) -> Taken {
        let idle = |state: &mut State| state.waiting.is_empty() && !state.closed;
        let state = self.shared.lock();
        let mut state = match timeout {
            None => self.shared.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner),
            Some(time) => {
                self.shared.changed.wait_timeout_while(state, time, idle).unwrap_or_else(PoisonError::into_inner).0
            }
        };
        match state.waiting.pop_front() {
            Some(next) => {
                state.spare.push(std::mem::replace(picture, next));
                self.shared.changed.notify_all();
                Taken::Picture
            }
            None if state.closed => Taken::End,
            None => Taken::Timeout,
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(index: u64) -> Picture {
        Picture { index, ..Picture::default() }
    }

    fn take_all(reader: &Reader) -> Vec<u64> {
        let mut picture = Picture::default();
        let mut indices = Vec::new();
        while reader.take(&mut picture, None) == Taken::Picture {
            indices.push(picture.index);
        }
        indices
    }

    #[test]
    fn a_live_queue_drops_the_oldest() {
        let (writer, reader) = queue(WhenFull::DropOldest);
        (0..5).for_each(|index| assert!(writer.push(&mut numbered(index))));
        drop(writer);
        assert_eq!((reader.dropped(), take_all(&reader)), (3, vec![3, 4]));
    }

    #[test]
    fn a_waiting_queue_keeps_every_picture_in_order() {
        let (writer, reader) = queue(WhenFull::Wait);
        let capture = std::thread::spawn(move || (0..50).for_each(|index| assert!(writer.push(&mut numbered(index)))));
        assert_eq!(take_all(&reader), (0..50).collect::<Vec<u64>>());
        capture.join().unwrap();
    }

    #[test]
    fn a_silent_queue_times_out_and_a_closed_one_ends() {
        let (writer, reader) = queue(WhenFull::Wait);
        let mut picture = Picture::default();
        assert_eq!(reader.take(&mut picture, Some(Duration::from_millis(5))), Taken::Timeout);
        drop(writer);
        assert_eq!(reader.take(&mut picture, Some(Duration::from_millis(5))), Taken::End);
    }

    #[test]
    fn dropping_the_reader_releases_the_writer() {
        let (writer, reader) = queue(WhenFull::Wait);
        let capture = std::thread::spawn(move || (0..9).take_while(|&index| writer.push(&mut numbered(index))).count());
        drop(reader);
        assert!(capture.join().unwrap() <= CAPACITY);
    }

    #[test]
    fn buffers_are_recycled() {
        let (writer, reader) = queue(WhenFull::Wait);
        let (mut filled, mut lent) = (Picture::default(), Picture::default());
        let mut memory = std::collections::BTreeSet::new();
        for _ in 0..100 {
            filled.resize(64, 64).unwrap();
            memory.insert(filled.pixels.as_ptr() as usize);
            assert!(writer.push(&mut filled));
            assert_eq!(reader.take(&mut lent, None), Taken::Picture);
        }
        assert!(memory.len() <= CAPACITY + 2, "{} buffers", memory.len());
    }
}
