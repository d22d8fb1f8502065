//! What lies behind the person of a clip.

use super::ahead::Ahead;
use super::{Cutter, Inpainter};
use crate::error::Result;
use crate::frame::{Frame, FrameBuffer};
use crate::mask::{Dilation, Shape};
use crate::source::Source;

/// Frames of a clip that are asked what they show where another one shows the person: memory is bounded by them.
pub(super) const WITNESSES: u64 = 16;
/// A mask that sits too tight leaves a rim of the person (HAT).
const DILATION: u32 = 4;

/// Frames spread evenly over a clip, each with what its person hides: in a place that one hides, another may show what lies
/// there.
#[derive(Debug)]
pub struct Plate {
    witnesses: Vec<Witness>,
}

#[derive(Debug)]
struct Witness {
    frame: FrameBuffer,
    hidden: Shape,
}

impl Plate {
    /// The plate of `source`, which has `count` frames; it has to be selected anew after that.
    ///
    /// # Errors
    /// When the source cannot be read, or the segmenter fails.
    pub fn take(source: &mut dyn Source, count: u64, cutter: &mut Cutter) -> Result<Self> {
        source.select(&spread(count))?;
        let (mut witnesses, mut ahead) = (Vec::new(), Ahead::default());
        while let Some((frame, person)) = ahead.next(source, cutter)? {
            let mut hidden = person.clone();
            Dilation::new(hidden.size(), DILATION).apply(&mut hidden)?;
            let mut buffer = FrameBuffer::default();
            buffer.copy_from(&frame);
            witnesses.push(Witness { frame: buffer, hidden });
        }
        Ok(Self { witnesses })
    }

    /// Writes `frame` without its `person` to `pixels`: in each place what the witness nearest in time shows there, and
    /// what none shows by `inpainter`.
    ///
    /// # Errors
    /// When the inpainter fails.
    pub fn uncover(
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
        let mut witnesses: Vec<&Witness> = self.witnesses.iter().filter(|w| w.hidden.size() == hole.size()).collect();
        let distance = |witness: &&Witness| {
            let index = witness.frame.frame().map_or(0, |frame| frame.index());
            (index.abs_diff(frame.index()), index)
        };
        witnesses.sort_by_key(distance);
        for witness in witnesses {
            let Some(other) = witness.frame.frame() else { continue };
            let places = hole.pixels_mut().iter_mut().zip(witness.hidden.pixels()).enumerate();
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
    let wanted = WITNESSES.min(count);
    let mut indices: Vec<u64> = (0..wanted).map(|k| k * count.saturating_sub(1) / (wanted - 1).max(1)).collect();
    indices.dedup();
    indices
}
