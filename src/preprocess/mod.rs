//! From a frame to `pixel_values`, and from a segmenter's mask to the same crop.
//!
//! [`PreprocessSettings`] say what a model expects; [`Geometry`] says which part of a frame it sees and where; [`Resampler`] does
//! the pixels as Pillow or OpenCV would; [`Preprocessor`] is all three for frames of one size. [`MaskSampler`] brings a
//! mask into the crop of another model, so that a mask always takes the geometry of its frame.

mod geometry;
mod mask_sampler;
mod resampler;
mod settings;
mod taps;

pub use geometry::{Geometry, Resize};
pub use mask_sampler::MaskSampler;
pub use resampler::Resampler;
pub use settings::{ChannelOrder, Family, Interpolation, Layout, PreprocessSettings};

use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use crate::mask::Size;
use alloc::vec::Vec;
#[cfg(feature = "gpu")]
pub(crate) use {resampler::Passes, taps::Taps};

/// What one model is shown of frames of one size; its memory is kept from frame to frame.
#[derive(Clone, Debug)]
pub struct Preprocessor {
    geometry: Geometry,
    resampler: Resampler,
    layout: Layout,
    /// The normalised value of each byte, for each of the model's channels: 256 of them are divided once, not per
    /// pixel.
    channels: [Channel; 3],
    crop: Vec<u8>,
    #[cfg(feature = "gpu")]
    pad: [u8; 3],
}

/// One channel of the model: which byte of an RGB pixel it reads, and what each of that byte's values becomes.
#[derive(Clone, Debug)]
struct Channel {
    rgb: usize,
    values: Vec<f32>,
}

impl Preprocessor {
    /// `settings` for frames of `source` size.
    ///
    /// # Errors
    /// When the settings are out of range, or such a frame would shrink to nothing.
    pub fn new(settings: &PreprocessSettings, source: Size) -> Result<Self> {
        let geometry = settings.geometry(source)?;
        Ok(Self {
            geometry,
            resampler: Resampler::new(&geometry, settings.interpolation, settings.family),
            layout: settings.layout,
            channels: [0, 1, 2].map(|channel| Channel {
                rgb: settings.channel_order.rgb(channel),
                values: (0..=255u8).map(|byte| settings.normalise(channel, f32::from(byte))).collect(),
            }),
            crop: settings.resize.pad().repeat(geometry.target().area()),
            #[cfg(feature = "gpu")]
            pad: settings.resize.pad(),
        })
    }

    /// Which part of a frame is seen, and where.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// The last picture made, before normalisation: RGB8, `[height, width, 3]`.
    pub fn crop(&self) -> &[u8] {
        &self.crop
    }

    /// Resizes and crops `frame`, then writes `(byte * scale - mean) / std` to `pixel_values`: `[3, height, width]` or
    /// `[height, width, 3]`, as the layout says, channels in the model's order.
    ///
    /// # Errors
    /// When `frame` or `pixel_values` has another size; nothing is written then.
    pub fn apply(&mut self, frame: &Frame<'_>, pixel_values: &mut [f32]) -> Result<()> {
        if pixel_values.len() != self.crop.len() {
            let (expected, got) = (self.crop.len(), pixel_values.len());
            return Err(Error::new(
                Stage::Preprocess,
                format_args!("{expected} values"),
                got,
                "give room for one picture",
            ));
        }
        self.resampler.apply(frame, &mut self.crop)?;
        match self.layout {
            Layout::Nchw => self.normalise_planes(pixel_values),
            Layout::Nhwc => self.normalise_pixels(pixel_values),
        }
        Ok(())
    }

    /// The two passes of the resampling.
    #[cfg(feature = "gpu")]
    pub(crate) fn passes(&self) -> Passes<'_> {
        self.resampler.passes()
    }

    /// For each of the model's channels, which byte of an RGB pixel it reads, and what each of that byte's values becomes.
    #[cfg(feature = "gpu")]
    pub(crate) fn channels(&self) -> [(usize, &[f32]); 3] {
        self.channels.each_ref().map(|channel| (channel.rgb, channel.values.as_slice()))
    }

    /// How the picture is laid out.
    #[cfg(feature = "gpu")]
    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// The colour of what no pixel of a frame reaches.
    #[cfg(feature = "gpu")]
    pub(crate) fn pad(&self) -> [u8; 3] {
        self.pad
    }

    fn normalise_planes(&self, pixel_values: &mut [f32]) {
        let planes = pixel_values.chunks_exact_mut(self.geometry.target().area());
        for (plane, channel) in planes.zip(&self.channels) {
            for (value, pixel) in plane.iter_mut().zip(self.crop.chunks_exact(3)) {
                *value = channel.values[usize::from(pixel[channel.rgb])];
            }
        }
    }

    fn normalise_pixels(&self, pixel_values: &mut [f32]) {
        for (values, pixel) in pixel_values.chunks_exact_mut(3).zip(self.crop.chunks_exact(3)) {
            for (value, channel) in values.iter_mut().zip(&self.channels) {
                *value = channel.values[usize::from(pixel[channel.rgb])];
            }
        }
    }
}

/// An RGB picture of one colour, for tests of this module.
#[cfg(test)]
fn flat(size: Size, rgb: [u8; 3]) -> Vec<u8> {
    rgb.repeat(size.area())
}
