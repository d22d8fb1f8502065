//! Compares two segmenters on real clips, whose exact masks are unknown.

use super::overlap::Overlap;
use figureground::Result;
use figureground::segment::PersonSegmenter;
use figureground::source::{SourceOptions, open};
use std::path::PathBuf;

/// Side in pixels of the squashed pictures that are compared.
pub const SIDE: u32 = 256;

/// Returns the intersection over union of the shapes of `segmenter` and `reference` for each of `clips`, at `frames`
/// frames spread evenly. Both segmenters have the same target, such as squares of [`SIDE`].
///
/// # Errors
/// When a clip cannot be read, or a model fails.
pub fn real_iou(
    segmenter: &mut PersonSegmenter,
    reference: &mut PersonSegmenter,
    clips: &[PathBuf],
    frames: u64,
) -> Result<Vec<Overlap>> {
    clips.iter().map(|clip| agreement(segmenter, reference, clip, frames)).collect()
}

fn agreement(
    segmenter: &mut PersonSegmenter,
    reference: &mut PersonSegmenter,
    clip: &std::path::Path,
    frames: u64,
) -> Result<Overlap> {
    let mut source = open(clip.as_os_str(), &SourceOptions::default())?;
    let count = source.count()?;
    let frames = frames.clamp(1, count);
    let indices: Vec<u64> = (0..frames).map(|i| (2 * i + 1) * count / (2 * frames)).collect();
    source.select(&indices)?;
    let mut overlap = Overlap::default();
    while let Some(frame) = source.next_frame()? {
        overlap.add(segmenter.person_in(&frame)?, reference.person_in(&frame)?);
    }
    Ok(overlap)
}
