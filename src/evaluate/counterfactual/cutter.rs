//! The person in whole frames.

use crate::bundle::Bundle;
use crate::bundle::manifest::Segmenter as Manifest;
use crate::engine::{Engine, Segmenter};
use crate::error::Result;
use crate::frame::Frame;
use crate::mask::{KNOWN_THRESHOLD, Mask, Shape, Size};
use crate::preprocess::{Geometry, MaskSampler, Preprocessor, Resize};
use core::fmt;

/// A segmenter with what it takes to look at frames of any size.
pub struct Cutter {
    manifest: Manifest,
    segmenter: Box<dyn Segmenter>,
    mask: Mask,
    /// The last used in front.
    lenses: Vec<Lens>,
}

/// Frames of two clips are cut by turns where one's person goes before the other's background.
const LENSES: usize = 2;

/// What frames of one size take.
#[derive(Debug)]
struct Lens {
    size: Size,
    preprocessor: Preprocessor,
    input: Vec<f32>,
    sampler: MaskSampler,
    probabilities: Mask,
    person: Shape,
}

impl fmt::Debug for Cutter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cutter").field("lenses", &self.lenses).finish_non_exhaustive()
    }
}

impl Cutter {
    /// The segmenter of `bundle`, on `threads` threads.
    ///
    /// # Errors
    /// When it cannot be loaded.
    pub fn new(bundle: &Bundle, threads: usize) -> Result<Self> {
        let segmenter = Engine::load(bundle, threads)?.segmenter;
        let mask = Mask::new(segmenter.mask_size());
        Ok(Self { manifest: bundle.manifest().segmenter.clone(), segmenter, mask, lenses: Vec::new() })
    }

    /// The person's shape at the size of `frame`: by the mask that came with it, else by the segmenter.
    ///
    /// # Errors
    /// When such a frame would shrink to nothing, or the segmenter fails.
    pub fn cut(&mut self, frame: &Frame<'_>) -> Result<&Shape> {
        let size = Size::new(frame.width(), frame.height())?;
        let lens = match self.lenses.iter().position(|lens| lens.size == size) {
            Some(place) => self.lenses.remove(place),
            None => Lens::new(&self.manifest, size, self.mask.size())?,
        };
        self.lenses.truncate(LENSES - 1);
        self.lenses.insert(0, lens);
        let lens = &mut self.lenses[0];
        if let Some(known) = frame.known() {
            lens.person.threshold(&known.person, KNOWN_THRESHOLD)?;
            return Ok(&lens.person);
        }
        lens.preprocessor.apply(frame, &mut lens.input)?;
        self.segmenter.segment(&lens.input, core::slice::from_mut(&mut self.mask))?;
        lens.sampler.apply(&self.mask, &mut lens.probabilities)?;
        lens.person.threshold(&lens.probabilities, self.manifest.threshold)?;
        Ok(&lens.person)
    }
}

impl Lens {
    fn new(manifest: &Manifest, size: Size, mask: Size) -> Result<Self> {
        let preprocessor = Preprocessor::new(&manifest.preprocess, size)?;
        let whole = Geometry::new(Resize::Squash, size, size)?;
        let sampler = MaskSampler::new(mask, preprocessor.geometry(), &whole)?;
        let input = vec![0.0; 3 * preprocessor.geometry().target().area()];
        Ok(Self { size, preprocessor, input, sampler, probabilities: Mask::new(size), person: Shape::new(size) })
    }
}
