//! What lies on the device between the plans of a frame's way.

use crate::engine::Precision;
use crate::engine::gpu::Device;
use crate::error::Result;
use wgpu::{Buffer, BufferUsages};

/// The buffers that several plans share, by their place among those lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lent {
    /// What the segmenter is shown, a picture a frame.
    SegmenterInputs,
    /// What the encoder is shown, before masking.
    PixelValues,
    /// The last mask of the stream, then the smoothed ones.
    Masks,
    /// The person's shapes, a bit a pixel.
    People,
    /// The embeddings of the three views of all slots.
    Slots,
}

/// How large they are, in elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sizes {
    pub segmenter_inputs: usize,
    pub pixel_values: usize,
    pub masks: usize,
    pub people: usize,
    pub slots: usize,
}

/// Makes them.
///
/// # Errors
/// When the device has no room.
pub(super) fn lend(device: &Device, sizes: &Sizes, precision: Precision) -> Result<Vec<Buffer>> {
    let stored = precision.bytes();
    let all = [
        ("what the segmenter is shown", sizes.segmenter_inputs * stored),
        ("what the encoder is shown", sizes.pixel_values * stored),
        ("masks", sizes.masks * 4),
        ("shapes", sizes.people * 4),
        ("slots", sizes.slots * 4),
    ];
    let usage = BufferUsages::STORAGE | BufferUsages::COPY_SRC | BufferUsages::COPY_DST;
    device.guarded("room for frames", || all.map(|(label, bytes)| device.buffer(label, bytes as u64, usage)).to_vec())
}
