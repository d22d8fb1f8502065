//! The person in whole frames.

use crate::bundle::Bundle;
use crate::bundle::manifest::SegmenterSettings as Manifest;
use crate::engine::Segmenter;
use crate::engine::cpu::Cpu;
use crate::error::Result;
use crate::frame::{Frame, FrameBuffer};
use crate::mask::{Mask, PROVIDED_THRESHOLD, Shape, Size};
use crate::preprocess::{Geometry, MaskSampler, Preprocessor, Resize};
use core::fmt;

/// A segmenter with what it takes to look at frames of any size.
pub struct PersonSegmenter {
    manifest: Manifest,
    segmenter: Box<dyn Segmenter>,
    masks: Vec<Mask>,
    input: Vec<f32>,
    lenses: Vec<Lens>,
}

/// Frames of two clips are cut by turns where one's person goes before the other's background.
const LENSES: usize = 2;

/// What frames of one size take.
#[derive(Debug)]
struct Lens {
    size: Size,
    preprocessor: Preprocessor,
    sampler: MaskSampler,
    probabilities: Mask,
}

impl fmt::Debug for PersonSegmenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonSegmenter").field("lenses", &self.lenses).finish_non_exhaustive()
    }
}

impl PersonSegmenter {
    /// The segmenter of `bundle`, on `threads` threads.
    ///
    /// # Errors
    /// When it cannot be loaded.
    pub fn new(bundle: &Bundle, threads: usize) -> Result<Self> {
        let manifest = bundle.manifest().segmenter.clone();
        let segmenter = Box::new(Cpu::new(threads)?.segmenter(&bundle.path(&manifest.file), &manifest)?);
        Ok(Self { manifest, segmenter, masks: Vec::new(), input: Vec::new(), lenses: Vec::new() })
    }

    /// Writes the person's shape in each of `frames`, at its size, to `shapes`: by the mask that came with it, else by the
    /// segmenter.
    ///
    /// # Errors
    /// When such a frame would shrink to nothing, or the segmenter fails.
    pub fn cut(&mut self, frames: &[FrameBuffer], shapes: &mut Vec<Shape>) -> Result<()> {
        shapes.clear();
        let lent = || frames.iter().filter_map(FrameBuffer::frame);
        self.masks.resize_with(lent().count().max(self.masks.len()), || Mask::new(self.segmenter.mask_size()));
        let length = self.segmenter.input_len();
        self.input.resize(length * self.masks.len(), 0.0);
        let mut unknown = 0;
        for frame in lent().filter(|frame| frame.provided_masks().is_none()) {
            let place = lens(&mut self.lenses, &self.manifest, &frame, self.segmenter.mask_size())?;
            let input = &mut self.input[unknown * length..][..length];
            self.lenses[place].preprocessor.apply(&frame, input)?;
            unknown += 1;
        }
        if unknown > 0 {
            self.segmenter.segment(&self.input[..unknown * length], &mut self.masks[..unknown])?;
        }
        let mut masks = self.masks.iter();
        for frame in lent() {
            let mut person = Shape::new(Size::new(frame.width(), frame.height())?);
            match frame.provided_masks() {
                Some(known) => person.threshold(&known.person, PROVIDED_THRESHOLD)?,
                None => {
                    let place = lens(&mut self.lenses, &self.manifest, &frame, self.segmenter.mask_size())?;
                    let Lens { sampler, probabilities, .. } = &mut self.lenses[place];
                    if let Some(mask) = masks.next() {
                        sampler.apply(mask, probabilities)?;
                    }
                    person.threshold(probabilities, self.manifest.threshold)?;
                }
            }
            shapes.push(person);
        }
        Ok(())
    }
}

/// The place of the lens for frames of the size of `frame`, made where there is none.
fn lens(lenses: &mut Vec<Lens>, manifest: &Manifest, frame: &Frame<'_>, mask: Size) -> Result<usize> {
    let size = Size::new(frame.width(), frame.height())?;
    if let Some(place) = lenses.iter().position(|lens| lens.size == size) {
        return Ok(place);
    }
    lenses.truncate(LENSES - 1);
    lenses.insert(0, Lens::new(manifest, size, mask)?);
    Ok(0)
}

impl Lens {
    fn new(manifest: &Manifest, size: Size, mask: Size) -> Result<Self> {
        let preprocessor = Preprocessor::new(&manifest.preprocess, size)?;
        let whole = Geometry::new(Resize::Squash, size, size)?;
        let sampler = MaskSampler::new(mask, preprocessor.geometry(), &whole)?;
        Ok(Self { size, preprocessor, sampler, probabilities: Mask::new(size) })
    }
}
