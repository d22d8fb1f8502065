//! Frames to person masks, in the geometry of any target picture.

mod frame_masks;
mod placement;

pub use frame_masks::FrameMaskSampler;
pub use placement::Target;

use crate::bundle::manifest::SegmenterSettings;
use crate::clip_encoder::Smoothing;
use crate::engine::Segmenter;
use crate::error::Result;
use crate::frame::Frame;
use crate::mask::{Mask, PixelBox, ProvidedMasks, Regions, Shape, Size};
use core::fmt;
use placement::{Placement, Placements};

/// Segments persons in batches of frames of any size.
///
/// Frames are added by [`push`](Self::push), segmented together by [`segment`](Self::segment), and read by their index
/// until [`clear`](Self::clear). Masks that come with a frame are used instead of the segmenter's.
pub struct PersonSegmenter {
    segmenter: Box<dyn Segmenter>,
    placements: Placements,
    batch: Vec<BatchFrame>,
    /// Number of frames of the batch without provided masks.
    segmented: usize,
    /// Inputs of these frames.
    inputs: Vec<f32>,
    /// Masks of these frames.
    masks: Vec<Mask>,
    smoothing: Smoothing,
    /// The last mask of the stream.
    previous: Mask,
}

/// One person of a frame, in the target picture.
#[derive(Clone, Debug)]
pub struct PersonInstance {
    /// Box around the person.
    pub area: PixelBox,
    /// Person probability per pixel, neither smoothed nor dilated.
    pub probabilities: Mask,
    /// Confidence, 0 to 1.
    pub score: f32,
}

/// A frame of the batch.
#[derive(Debug)]
struct BatchFrame {
    size: Size,
    time_us: u64,
    mask: MaskSource,
}

#[derive(Debug)]
enum MaskSource {
    /// Index of the frame among those that are segmented.
    Segmented(usize),
    Provided(ProvidedMasks),
}

impl fmt::Debug for PersonSegmenter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonSegmenter").field("settings", self.placements.settings()).finish_non_exhaustive()
    }
}

impl PersonSegmenter {
    /// Creates a segmenter that smooths, thresholds and dilates masks by `settings`.
    pub fn new(segmenter: Box<dyn Segmenter>, settings: &SegmenterSettings, target: Target) -> Self {
        Self {
            smoothing: Smoothing::new(settings.smoothing),
            previous: Mask::new(segmenter.mask_size()),
            placements: Placements::new(settings.clone(), target, segmenter.mask_size()),
            segmenter,
            batch: Vec::new(),
            segmented: 0,
            inputs: Vec::new(),
            masks: Vec::new(),
        }
    }

    /// Creates a segmenter that thresholds masks by `settings`, without smoothing or dilation.
    pub fn raw(segmenter: Box<dyn Segmenter>, settings: &SegmenterSettings, target: Target) -> Self {
        let settings = SegmenterSettings { smoothing: 0.0, dilation: 0, ..settings.clone() };
        Self::new(segmenter, &settings, target)
    }

    /// Changes the target picture.
    #[must_use]
    pub fn with_target(self, target: Target) -> Self {
        Self::new(self.segmenter, self.placements.settings(), target)
    }

    /// Adds `frame` to the batch.
    ///
    /// # Errors
    /// Returns an error, and adds nothing, if the frame would shrink to nothing.
    pub fn push(&mut self, frame: &Frame<'_>) -> Result<()> {
        let size = Size::new(frame.width(), frame.height())?;
        let mask = match frame.provided_masks() {
            Some(masks) => MaskSource::Provided(masks.clone()),
            None => {
                let (index, length) = (self.segmented, self.segmenter.input_len());
                if index == self.masks.len() {
                    self.masks.push(Mask::new(self.segmenter.mask_size()));
                    self.inputs.resize((index + 1) * length, 0.0);
                }
                let input = &mut self.inputs[index * length..][..length];
                self.placements.of(size)?.geometry.segmenter.apply(frame, input)?;
                self.segmented += 1;
                MaskSource::Segmented(index)
            }
        };
        self.batch.push(BatchFrame { size, time_us: frame.time_us(), mask });
        Ok(())
    }

    /// Segments the frames of the batch that have no provided masks, and smooths their masks in order.
    ///
    /// # Errors
    /// Returns an error if the model fails.
    pub fn segment(&mut self) -> Result<()> {
        let (count, length) = (self.segmented, self.segmenter.input_len());
        if count > 0 {
            self.segmenter.segment(&self.inputs[..count * length], &mut self.masks[..count])?;
        }
        if !self.smoothing.is_on() {
            return Ok(());
        }
        for frame in &self.batch {
            let MaskSource::Segmented(index) = frame.mask else { continue };
            let mask = &mut self.masks[index];
            if let Some(weight) = self.smoothing.weight(frame.time_us) {
                mask.smooth(&self.previous, weight)?;
            }
            self.previous.probabilities_mut().copy_from_slice(mask.probabilities());
        }
        Ok(())
    }

    /// Returns the shape of all persons in frame `index` of the batch.
    ///
    /// # Errors
    /// Returns an error if a provided mask has another size than its frame.
    pub fn person(&mut self, index: usize) -> Result<&Shape> {
        self.place(index).map(|(placement, _)| &placement.person)
    }

    /// Returns the shapes of persons and objects in frame `index` of the batch, and boxes around them.
    ///
    /// # Errors
    /// As [`person`](Self::person).
    pub fn regions(&mut self, index: usize) -> Result<Regions<'_>> {
        let (placement, provided) = self.place(index)?;
        placement.regions(provided)
    }

    /// Returns the persons in frame `index` of the batch: one by one if the segmenter tells them apart, else all as
    /// one.
    ///
    /// # Errors
    /// Returns an error if the model fails, or a provided mask has another size than its frame.
    pub fn instances(&mut self, index: usize) -> Result<Vec<PersonInstance>> {
        let BatchFrame { size, mask, .. } = &self.batch[index];
        let placement = self.placements.of(*size)?;
        let found = match mask {
            MaskSource::Provided(masks) => vec![placement.provided_instance(masks)?],
            MaskSource::Segmented(index) => {
                let length = self.segmenter.input_len();
                let instances = self.segmenter.instances(&self.inputs[index * length..][..length])?;
                instances.iter().map(|instance| placement.instance(instance)).collect::<Result<_>>()?
            }
        };
        Ok(found.into_iter().flatten().collect())
    }

    /// Empties the batch.
    pub fn clear(&mut self) {
        self.batch.clear();
        self.segmented = 0;
    }

    /// Empties the batch and resets smoothing, for another stream.
    pub fn forget(&mut self) {
        self.clear();
        self.smoothing.forget();
    }

    /// Returns the shape of all persons in `frame`, as a batch of its own.
    ///
    /// # Errors
    /// Returns an error if the frame would shrink to nothing, or the model fails.
    pub fn person_in(&mut self, frame: &Frame<'_>) -> Result<&Shape> {
        self.clear();
        self.push(frame)?;
        self.segment()?;
        self.person(0)
    }

    /// Replaces `shapes` by those of all persons in each of `frames`, as a batch of its own.
    ///
    /// # Errors
    /// As [`person_in`](Self::person_in).
    pub fn persons_in<'a>(&mut self, frames: impl Iterator<Item = Frame<'a>>, shapes: &mut Vec<Shape>) -> Result<()> {
        shapes.clear();
        self.clear();
        for frame in frames {
            self.push(&frame)?;
        }
        self.segment()?;
        for index in 0..self.batch.len() {
            shapes.push(self.person(index)?.clone());
        }
        Ok(())
    }

    /// Places the persons of frame `index` in the target picture.
    fn place(&mut self, index: usize) -> Result<(&mut Placement, Option<&ProvidedMasks>)> {
        let BatchFrame { size, mask, .. } = &self.batch[index];
        let placement = self.placements.of(*size)?;
        match mask {
            MaskSource::Segmented(index) => {
                placement.place(&self.masks[*index])?;
                Ok((placement, None))
            }
            MaskSource::Provided(masks) => {
                placement.place_provided(masks)?;
                Ok((placement, Some(masks)))
            }
        }
    }
}
