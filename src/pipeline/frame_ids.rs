//! Slots of the clip encoder, and the frames in them.

use crate::frame::Frame;

/// The frame in each slot of the clip encoder.
#[derive(Debug, Default)]
pub(super) struct FrameIds {
    slots: Vec<FrameId>,
    /// The slot filled last.
    last: Option<usize>,
}

/// A frame by its index in the source and its capture time in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct FrameId {
    pub index: u64,
    pub time_us: u64,
}

impl FrameIds {
    /// Empties all slots; there are `count` of them from now on.
    pub fn reset(&mut self, count: usize) {
        self.slots.clear();
        self.slots.resize(count, FrameId::default());
        self.last = None;
    }

    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Notes that `slot` holds `frame`.
    pub fn put(&mut self, frame: &Frame<'_>, slot: usize) {
        self.slots[slot] = FrameId::of(frame);
        self.last = Some(slot);
    }

    /// Returns the slot filled last if it holds `frame`.
    pub fn latest(&self, frame: &Frame<'_>) -> Option<usize> {
        self.last.filter(|&slot| self.slots[slot] == FrameId::of(frame))
    }

    /// Returns the number of distinct frames in `slots`.
    pub fn distinct(&self, slots: &[usize]) -> u32 {
        let is_first = |&i: &usize| slots[..i].iter().all(|&earlier| self.slots[earlier] != self.slots[slots[i]]);
        (0..slots.len()).filter(is_first).count() as u32
    }

    /// Returns the frame in `slot`.
    pub fn get(&self, slot: usize) -> FrameId {
        self.slots[slot]
    }
}

impl FrameId {
    fn of(frame: &Frame<'_>) -> Self {
        Self { index: frame.index(), time_us: frame.time_us() }
    }
}
