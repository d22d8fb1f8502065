//! What lies behind the person of a clip.

use super::segmented_frames::SegmentedFrames;
use super::{Inpainter, PersonSegmenter};
use crate::error::Result;
use crate::frame::{Frame, FrameBuffer};
use crate::mask::{Dilation, Shape};
use crate::source::Source;

/// Frames of a clip that are asked what they show where another one shows the person: memory is bounded by them.
pub(super) const REFERENCE_FRAMES: u64 = 16;
/// A mask that sits too tight leaves a rim of the person (HAT).
const DILATION: u32 = 4;

/// Frames spread evenly over a clip, each with what its person hides: in a place that one hides, another may show what lies
/// there.
#[derive(Debug)]
pub struct CleanPlate {
    references: Vec<ReferenceFrame>,
}

#[derive(Debug)]
struct ReferenceFrame {
    frame: FrameBuffer,
    hidden: Shape,
}

impl CleanPlate {
    /// The plate of `source`, which has `count` frames; it has to be selected anew after that.
    ///
    /// # Errors
    /// When the source cannot be read, or the segmenter fails.
    pub fn take(source: &mut dyn Source, count: u64, segmenter: &mut PersonSegmenter) -> Result<Self> {
        source.select(&spread(count))?;
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

    /// Writes `frame` without its `person` to `pixels`: in each place what the reference nearest in time shows there, and
    /// what none shows by `inpainter`.
    ///
    /// # Errors
    /// When the inpainter fails.
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
            self.references.iter().filter(|w| w.hidden.size() == hole.size()).collect();
        let distance = |reference: &&ReferenceFrame| {
            let index = reference.frame.frame().map_or(0, |frame| frame.index());
            (index.abs_diff(frame.index()), index)
        };
        references.sort_by_key(distance);
        for reference in references {
            let Some(other) = reference.frame.frame() else { continue };
            let places = hole.pixels_mut().iter_mut().zip(reference.hidden.pixels()).enumerate();
            for (place, (hidden, _)) in places.filter(|(_, (hidden, there))| **hidden && !**there) {
                pixels[3 * place..][..3].copy_from_slice(&other.pixels()[3 * place..][..3]);
                *hidden = false;
            }
        }
        inpainter.fill(pixels, &hole)
    }
}

/// Indices spread evenly over `count` frames, the first and the last among them.
pub(super) fn spread(count: u64) -> Vec<u64> {
    let wanted = REFERENCE_FRAMES.min(count);
    let mut indices: Vec<u64> = (0..wanted).map(|k| k * count.saturating_sub(1) / (wanted - 1).max(1)).collect();
    indices.dedup();
    indices
}
