//! The background of a clip without its person.

use super::segmented_frames::SegmentedFrames;
use super::{Inpainter, PersonSegmenter};
use crate::error::Result;
use crate::frame::{Frame, FrameBuffer};
use crate::mask::{Dilation, Shape};
use crate::source::Source;

/// Reference frames of a clip; they bound the memory of a clean plate.
const REFERENCE_FRAMES: u64 = 16;
/// Dilation of the person in pixels: a tight mask leaves a rim of the person (HAT).
const DILATION: u32 = 4;

/// Reference frames spread evenly over a clip, each with the area that its person hides: one frame may show what the
/// person hides in another.
#[derive(Debug)]
pub struct CleanPlate {
    references: Vec<ReferenceFrame>,
}

#[derive(Debug)]
struct ReferenceFrame {
    frame: FrameBuffer,
    /// The dilated person.
    hidden: Shape,
}

impl CleanPlate {
    /// Reads the reference frames of `source`, which has `count` frames. The caller then has to select frames again.
    ///
    /// # Errors
    /// Returns an error if the source cannot be read, or if the segmenter fails.
    pub fn new(source: &mut dyn Source, count: u64, segmenter: &mut PersonSegmenter) -> Result<Self> {
        source.select(&spread_evenly(count))?;
        let (mut references, mut segmented) = (Vec::new(), SegmentedFrames::default());
        while let Some((frame, person)) = segmented.next(source, segmenter)? {
            let mut hidden = person.clone();
            Dilation::new(hidden.size(), DILATION).apply(&mut hidden)?;
            let mut buffer = FrameBuffer::default();
            buffer.copy_from(&frame);
            references.push(ReferenceFrame { frame: buffer, hidden });
        }
        Ok(Self { references })
    }

    /// Writes `frame` without its `person` to `pixels`. Each hidden pixel comes from the reference nearest in time that
    /// shows it; `inpainter` fills those that no reference shows.
    ///
    /// # Errors
    /// Returns an error if the inpainter fails.
    pub fn remove_person(
        &self,
        frame: &Frame<'_>,
        person: &Shape,
        inpainter: &Inpainter,
        pixels: &mut Vec<u8>,
    ) -> Result<()> {
        pixels.clear();
        pixels.extend_from_slice(frame.pixels());
        let mut hole = person.clone();
        Dilation::new(hole.size(), DILATION).apply(&mut hole)?;
        let mut references: Vec<&ReferenceFrame> =
            self.references.iter().filter(|reference| reference.hidden.size() == hole.size()).collect();
        let distance = |reference: &&ReferenceFrame| {
            let index = reference.frame.frame().map_or(0, |frame| frame.index());
            (index.abs_diff(frame.index()), index)
        };
        references.sort_by_key(distance);
        for reference in references {
            let Some(other) = reference.frame.frame() else { continue };
            let hidden = hole.pixels_mut().iter_mut().zip(reference.hidden.pixels()).enumerate();
            for (index, (hidden, _)) in hidden.filter(|(_, (hidden, in_reference))| **hidden && !**in_reference) {
                pixels[3 * index..][..3].copy_from_slice(&other.pixels()[3 * index..][..3]);
                *hidden = false;
            }
        }
        inpainter.fill(pixels, &hole)
    }
}

/// Returns up to [`REFERENCE_FRAMES`] indices spread evenly over `count` frames, with the first and the last.
pub(super) fn spread_evenly(count: u64) -> Vec<u64> {
    let chosen = REFERENCE_FRAMES.min(count);
    let mut indices: Vec<u64> = (0..chosen).map(|k| k * count.saturating_sub(1) / (chosen - 1).max(1)).collect();
    indices.dedup();
    indices
}
