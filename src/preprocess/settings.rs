//! Preprocessing settings of a model, as in the manifest.

use super::geometry::{Geometry, Resize};
use crate::error::{Error, Result, Stage};
use crate::mask::Size;
use crate::view::Fill;
use serde::{Deserialize, Serialize};

/// Interpolation between source pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interpolation {
    /// Linear between two source pixels on each axis.
    Bilinear,
    /// Cubic between four source pixels on each axis.
    Bicubic,
}

/// The library whose resize the model was trained with. The result equals Pillow's, and is within one level of 255 of
/// OpenCV's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResizeLibrary {
    /// Pillow: antialiased, so a smaller picture averages all source pixels.
    Pillow,
    /// OpenCV: not antialiased, with two or four source pixels on each axis at any scale.
    #[serde(rename = "opencv")]
    OpenCv,
}

/// The order of `pixel_values` in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// `[3, height, width]`.
    Nchw,
    /// `[height, width, 3]`.
    Nhwc,
}

/// The order of the model's channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChannelOrder {
    /// Red first.
    Rgb,
    /// Blue first, OpenCV's order.
    Bgr,
}

impl ChannelOrder {
    /// Returns the index in an RGB pixel of the byte for the model's `channel`.
    pub(super) fn rgb(self, channel: usize) -> usize {
        match self {
            ChannelOrder::Rgb => channel,
            ChannelOrder::Bgr => 2 - channel,
        }
    }
}

/// All preprocessing settings of one model.
///
/// A byte becomes `(byte * scale - mean) / std`, with `mean` and `std` in the order of the model's channels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PreprocessSettings {
    /// Width of the model's picture in pixels.
    pub width: u32,
    /// Height of the model's picture in pixels.
    pub height: u32,
    /// Rule that fits a frame into that picture.
    pub resize: Resize,
    /// Interpolation between source pixels.
    pub interpolation: Interpolation,
    /// The library whose resize is followed.
    pub family: ResizeLibrary,
    /// The order of values in memory.
    pub layout: Layout,
    /// The order of channels.
    pub channel_order: ChannelOrder,
    /// Factor on bytes, usually 1/255.
    pub scale: f32,
    /// Mean of each channel, after `scale`.
    pub mean: [f32; 3],
    /// Standard deviation of each channel, after `scale`; not 0.
    pub std: [f32; 3],
}

impl PreprocessSettings {
    /// Checks that the settings are usable.
    ///
    /// # Errors
    /// Returns an error if a side is 0, a number is not finite, a standard deviation is 0, or the crop is larger than
    /// the scaled frame.
    pub fn validate(&self) -> Result<()> {
        let size = self.target()?;
        self.check_normalisation()?;
        match self.resize {
            Resize::ShortestThenCrop { shortest } if shortest < size.width().max(size.height()) => {
                let expected = format_args!("a shortest side from which {size} can be cropped");
                let next = "raise `shortest` to the longer side of the crop, or set resize to `squash` or `letterbox`";
                Err(Error::new(Stage::Preprocess, expected, shortest, next))
            }
            _ => Ok(()),
        }
    }

    fn check_normalisation(&self) -> Result<()> {
        let values = (0..3).flat_map(|channel| [0.0, 255.0].map(|byte| self.normalise(channel, byte)));
        if self.std.iter().all(|std| std.is_finite()) && values.into_iter().all(f32::is_finite) {
            return Ok(());
        }
        let got = format_args!("scale {}, mean {:?}, std {:?}", self.scale, self.mean, self.std);
        let next = "copy them from the model's preprocessor_config.json";
        Err(Error::new(Stage::Preprocess, "finite scale, mean and std, and no std of 0", got, next))
    }

    /// Returns the size of the model's picture.
    ///
    /// # Errors
    /// Returns an error if a side is 0 or the picture has too many pixels.
    pub fn target(&self) -> Result<Size> {
        Size::new(self.width, self.height).map_err(|error| error.at("the model's picture"))
    }

    /// Returns the mapping of frames of `source` size to the model's picture.
    ///
    /// # Errors
    /// Returns an error if a setting is out of range, or a side of the scaled frame would have no pixel.
    pub fn geometry(&self, source: Size) -> Result<Geometry> {
        self.validate()?;
        Geometry::new(self.resize, source, self.target()?)
    }

    /// Normalises the colour `rgb`, 0 to 255 a channel, fractions allowed.
    pub fn fill(&self, rgb: [f32; 3]) -> Fill {
        Fill([0, 1, 2].map(|channel| self.normalise(channel, rgb[self.channel_order.rgb(channel)])))
    }

    /// Converts `pixel_values` `[n, 3, height, width]` back to RGB8 `[n, height, width, 3]`, rounded.
    pub fn denormalise(&self, pixel_values: &[f32], rgb: &mut [u8]) {
        let area = self.width as usize * self.height as usize;
        for (picture, pixels) in pixel_values.chunks_exact(3 * area).zip(rgb.chunks_exact_mut(3 * area)) {
            for (channel, plane) in picture.chunks_exact(area).enumerate() {
                let byte = |value: f32| (value * self.std[channel] + self.mean[channel]) / self.scale;
                for (value, pixel) in plane.iter().zip(pixels.chunks_exact_mut(3)) {
                    pixel[self.channel_order.rgb(channel)] = libm::roundf(byte(*value)).clamp(0.0, 255.0) as u8;
                }
            }
        }
    }

    /// Inverts [`PreprocessSettings::denormalise`], except for its rounding.
    pub fn renormalise(&self, rgb: &[u8], pixel_values: &mut [f32]) {
        let area = self.width as usize * self.height as usize;
        for (picture, pixels) in pixel_values.chunks_exact_mut(3 * area).zip(rgb.chunks_exact(3 * area)) {
            for (channel, plane) in picture.chunks_exact_mut(area).enumerate() {
                for (value, pixel) in plane.iter_mut().zip(pixels.chunks_exact(3)) {
                    *value = self.normalise(channel, f32::from(pixel[self.channel_order.rgb(channel)]));
                }
            }
        }
    }

    /// Returns `(byte * scale - mean) / std` for one of the model's channels.
    pub(super) fn normalise(&self, channel: usize, byte: f32) -> f32 {
        (byte * self.scale - self.mean[channel]) / self.std[channel]
    }
}
