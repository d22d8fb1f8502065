//! The person of a clip on other backgrounds.

use crate::bundle::Backgrounds;
use crate::error::{Result, Stage};
use crate::mask::{Mask, Shape};
use crate::paste::{feather, paste};
use crate::preprocess::PreprocessSettings;

/// Keeps the frames of all slots with their persons, and pastes the persons onto the pictures of places.
///
/// All frames of a clip get the same picture of a place. A frame that a clip holds several times is pasted once.
#[derive(Debug)]
pub(crate) struct ClipPaster {
    settings: PreprocessSettings,
    /// Normalised pictures of the places, `[places, 3, height, width]`.
    places: Vec<f32>,
    /// By slot.
    frames: Vec<KeptFrame>,
    /// Slots of the distinct frames of the clip.
    distinct: Vec<usize>,
    /// For each frame of the clip, its index among the distinct ones.
    order: Vec<usize>,
    opacity: Mask,
    pixel_values: Vec<f32>,
}

/// A frame of a slot.
#[derive(Clone, Debug)]
struct KeptFrame {
    /// The encoder's crop before normalisation: RGB8, `[height, width, 3]`.
    rgb: Vec<u8>,
    person: Shape,
}

impl ClipPaster {
    /// Creates the paster for the first `count` pictures of `places`, for an encoder with these settings and `slots`.
    ///
    /// # Errors
    /// Returns an error if the pictures have another size than the encoder's.
    pub fn new(settings: &PreprocessSettings, places: &Backgrounds, count: usize, slots: usize) -> Result<Self> {
        let size = settings.target()?;
        size.expect(places.size(), Stage::View)?;
        let picture = 3 * size.area();
        let mut values = vec![0.0; places.len().min(count) * picture];
        for (values, rgb) in values.chunks_exact_mut(picture).zip(places.pictures()) {
            settings.renormalise(rgb, values);
        }
        let mut paster = Self {
            settings: settings.clone(),
            places: values,
            frames: Vec::new(),
            distinct: Vec::new(),
            order: Vec::new(),
            opacity: Mask::new(size),
            pixel_values: vec![0.0; picture],
        };
        paster.begin(slots);
        Ok(paster)
    }

    /// Makes room for `slots` frames.
    pub fn begin(&mut self, slots: usize) {
        let size = self.opacity.size();
        let empty = KeptFrame { rgb: vec![0; 3 * size.area()], person: Shape::new(size) };
        self.frames.resize(slots, empty);
    }

    /// Keeps the encoder's crop of the frame in `slot`, RGB8, `[height, width, 3]`.
    pub fn keep_picture(&mut self, slot: usize, rgb: &[u8]) {
        self.frames[slot].rgb.copy_from_slice(rgb);
    }

    /// Keeps the person of the frame in `slot`.
    ///
    /// # Errors
    /// Returns an error if the shape has another size.
    pub fn keep_person(&mut self, slot: usize, person: &Shape) -> Result<()> {
        self.frames[slot].person.copy_from(person)
    }

    /// Selects the clip whose frames are in the slots `order`. Returns the number of distinct frames.
    pub fn select(&mut self, order: &[usize]) -> usize {
        self.distinct.clear();
        self.order.clear();
        for &slot in order {
            let known = self.distinct.iter().position(|&other| other == slot);
            self.order.push(known.unwrap_or(self.distinct.len()));
            if known.is_none() {
                self.distinct.push(slot);
            }
        }
        self.distinct.len()
    }

    /// Returns the number of places.
    pub fn places(&self) -> usize {
        self.places.len() / self.pixel_values.len()
    }

    /// Writes the person of the selected clip's distinct frames in `place` to `out`, `[frames, 3, height, width]`.
    ///
    /// # Errors
    /// Returns an error if `out` has another length.
    pub fn paste(&mut self, place: usize, out: &mut [f32]) -> Result<()> {
        let Self { settings, places, frames, distinct, opacity, pixel_values, .. } = self;
        let picture = pixel_values.len();
        let background = &places[place * picture..][..picture];
        for (&slot, out) in distinct.iter().zip(out.chunks_mut(picture)) {
            let KeptFrame { rgb, person } = &frames[slot];
            settings.renormalise(rgb, pixel_values);
            feather(person, opacity)?;
            paste(pixel_values, opacity, background, out)?;
        }
        Ok(())
    }

    /// Returns the rows of the selected clip's frames in order, from `embeddings` `[distinct frames, dimension]`.
    pub fn rows<'a>(&'a self, embeddings: &'a [f32], dimension: usize) -> impl ExactSizeIterator<Item = &'a [f32]> {
        self.order.iter().map(move |&frame| &embeddings[frame * dimension..][..dimension])
    }
}
