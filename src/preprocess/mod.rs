//! Preprocessing: frames to `pixel_values`, and masks to the same crop.
//!
//! [`PreprocessSettings`] are the settings of one model. [`Geometry`] maps a frame to the model's picture, and
//! [`Resampler`] resizes its pixels like Pillow or OpenCV. [`Preprocessor`] combines the three for frames of one size.
//! [`MaskSampler`] resamples a segmenter's mask to the encoder's crop.

mod filter_weights;
mod geometry;
mod mask_sampler;
mod resampler;
mod settings;

pub use geometry::{Geometry, Resize};
pub use mask_sampler::MaskSampler;
pub use resampler::Resampler;
pub use settings::{ChannelOrder, Interpolation, Layout, PreprocessSettings, ResizeLibrary};

use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use crate::mask::Size;
use alloc::vec::Vec;
#[cfg(feature = "gpu")]
pub(crate) use {filter_weights::FilterWeights, resampler::Passes};

/// Preprocesses frames of one size for one model. Its memory is reused for every frame.
#[derive(Clone, Debug)]
pub struct Preprocessor {
    geometry: Geometry,
    resampler: Resampler,
    layout: Layout,
    /// The normalised values of all 256 bytes for each of the model's channels.
    channels: [Channel; 3],
    crop: Vec<u8>,
    #[cfg(feature = "gpu")]
    pad: [u8; 3],
}

/// A channel of the model: the index of its byte in an RGB pixel, and the normalised value of each byte.
#[derive(Clone, Debug)]
struct Channel {
    rgb: usize,
    values: Vec<f32>,
}

impl Preprocessor {
    /// Creates a preprocessor for frames of `source` size.
    ///
    /// # Errors
    /// Returns an error if a setting is out of range, or a side of the scaled frame would have no pixel.
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

    /// Returns the geometry.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Returns the last picture before normalisation: RGB8, `[height, width, 3]`.
    pub fn crop(&self) -> &[u8] {
        &self.crop
    }

    /// Resizes and crops `frame`, and writes `(byte * scale - mean) / std` to `pixel_values`: `[3, height, width]` or
    /// `[height, width, 3]`, depending on the layout, with the channels in the model's order.
    ///
    /// # Errors
    /// Returns an error, and writes nothing, if `frame` or `pixel_values` has another size.
    pub fn apply(&mut self, frame: &Frame<'_>, pixel_values: &mut [f32]) -> Result<()> {
        if pixel_values.len() != self.crop.len() {
            let expected = format_args!("{} values", self.crop.len());
            return Err(Error::new(Stage::Preprocess, expected, pixel_values.len(), "pass a buffer for one picture"));
        }
        self.resampler.apply(frame, &mut self.crop)?;
        match self.layout {
            Layout::Nchw => self.normalise_planes(pixel_values),
            Layout::Nhwc => self.normalise_pixels(pixel_values),
        }
        Ok(())
    }

    /// Returns the two passes of the resampling.
    #[cfg(feature = "gpu")]
    pub(crate) fn passes(&self) -> Passes<'_> {
        self.resampler.passes()
    }

    /// Returns, for each of the model's channels, the index of its byte in an RGB pixel and the value of each byte.
    #[cfg(feature = "gpu")]
    pub(crate) fn channels(&self) -> [(usize, &[f32]); 3] {
        self.channels.each_ref().map(|channel| (channel.rgb, channel.values.as_slice()))
    }

    /// Returns the layout of `pixel_values`.
    #[cfg(feature = "gpu")]
    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// Returns the colour of the padding.
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
