//! Fills holes of pictures from the pixels around them.

use crate::engine::cpu::Runner;
use crate::error::{Error, Result, Setting, Stage};
use crate::mask::{Shape, Size};
use crate::model::{Model, Tensor, Values};
use core::fmt;
use image::imageops::{FilterType, resize};
use image::{GrayImage, RgbImage};
use std::path::Path;

/// Side of a model's picture if its file leaves the size open.
const SIDE: usize = 512;
/// Largest mean difference outside the hole, in levels of 255, that a model's output may have.
const TOLERANCE: f64 = 24.0;

/// Remedy for an inpainter with another output.
const EXPORT: &str = "choose no inpainter, or one that is exported like LaMa";

/// Fills holes of pictures.
pub enum Inpainter {
    /// Interpolates colours from the hole's rim (push-pull: Gortler et al., "The Lumigraph", 1996).
    Smooth,
    /// An ONNX model like LaMa: a picture [1, 3, height, width] in 0..=1 and a mask [1, 1, height, width], 1 in the
    /// hole, to a picture in 0..=1 or 0..=255.
    Model(Box<InpaintingModel>),
}

/// An ONNX inpainter, ready to run.
#[derive(Debug)]
pub struct InpaintingModel {
    runner: Runner,
    size: Size,
    /// Whether the first input is the mask.
    mask_first: bool,
}

impl fmt::Debug for Inpainter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Smooth => "Smooth",
            Self::Model(_) => "Model",
        })
    }
}

impl Inpainter {
    /// Loads the inpainter in the ONNX file at `path`.
    ///
    /// # Errors
    /// Returns an error if the file cannot be loaded, or if its inputs are not a picture and a mask.
    pub fn open(path: &Path) -> Result<Self> {
        let model = Model::read_with_weights(path)?;
        let channels = |index: usize| model.inputs().get(index).and_then(|port| port.axes.get(1).cloned());
        let mask_first = channels(0).as_deref() == Some("1");
        let fits = model.inputs().len() == 2 && model.inputs().iter().all(|port| port.axes.len() == 4);
        let (picture, mask) = if mask_first { (1, 0) } else { (0, 1) };
        if !fits || channels(mask).as_deref().is_some_and(|n| n == "3") || channels(picture).as_deref() == Some("1") {
            let got: Vec<String> = model.inputs().iter().map(ToString::to_string).collect();
            let expected = "an inpainter's inputs: a picture [1, 3, height, width] and a mask [1, 1, height, width]";
            let got = format!("{} in {}", got.join(" and "), path.display());
            let next = "export it with these inputs, or choose no inpainter";
            return Err(Error::new(Stage::Model, expected, got, next).about(Setting::Inpainter));
        }
        let side = |axis: usize| model.inputs()[picture].axes[axis].parse().unwrap_or(SIDE);
        let (height, width) = (side(2), side(3));
        let shape = |index: usize| [1, if index == mask { 1 } else { 3 }, height, width];
        let shapes: Vec<[usize; 4]> = (0..2).map(shape).collect();
        let runner = Runner::new(&model, &[&shapes[0], &shapes[1]])?;
        Ok(Self::Model(Box::new(InpaintingModel { runner, size: Size::new(width as u32, height as u32)?, mask_first })))
    }

    /// Fills `hole` in `pixels`, RGB8 `[height, width, 3]` of the hole's size. Pixels outside the hole are unchanged.
    ///
    /// # Errors
    /// Returns an error if the model fails, or if its output differs from the picture outside the hole.
    pub fn fill(&self, pixels: &mut [u8], hole: &Shape) -> Result<()> {
        if hole.pixels().iter().any(|&hidden| hidden) {
            match self {
                Self::Smooth => smooth(pixels, hole),
                Self::Model(model) => return model.fill(pixels, hole),
            }
        }
        Ok(())
    }
}

impl InpaintingModel {
    fn fill(&self, pixels: &mut [u8], hole: &Shape) -> Result<()> {
        let size = hole.size();
        let refused = |got: String| {
            let expected = format!("{} with its hole filled", self.runner.path().display());
            Error::new(Stage::Engine, expected, got, EXPORT).about(Setting::Inpainter)
        };
        let whole = |buffer: Option<RgbImage>| buffer.ok_or_else(|| refused("a picture of another size".to_owned()));
        let picture = whole(RgbImage::from_raw(size.width(), size.height(), pixels.to_vec()))?;
        let mask: Vec<u8> = hole.pixels().iter().map(|&hidden| if hidden { 255 } else { 0 }).collect();
        let mask = GrayImage::from_raw(size.width(), size.height(), mask)
            .ok_or_else(|| refused("a mask of another size".to_owned()))?;
        let (width, height) = (self.size.width(), self.size.height());
        let picture = resize(&picture, width, height, FilterType::Triangle);
        // A pixel that is partly hidden counts as hidden.
        let mask: Vec<bool> =
            resize(&mask, width, height, FilterType::Triangle).pixels().map(|pixel| pixel.0[0] > 0).collect();
        let filled = self.run(&picture, &mask)?;
        let scale = scale(&picture, &mask, &filled).ok_or_else(|| {
            refused(format!("a picture that differs by more than {TOLERANCE} levels where nothing was hidden"))
        })?;
        let area = self.size.area();
        let byte = |index: usize| (filled[index] * scale).round().clamp(0.0, 255.0) as u8;
        let bytes = (0..area).flat_map(|index| [0, 1, 2].map(|channel| byte(channel * area + index))).collect();
        let filled = whole(RgbImage::from_raw(width, height, bytes))?;
        let filled = resize(&filled, size.width(), size.height(), FilterType::Triangle);
        for ((pixel, filled), &hidden) in pixels.chunks_exact_mut(3).zip(filled.pixels()).zip(hole.pixels()) {
            if hidden {
                pixel.copy_from_slice(&filled.0);
            }
        }
        Ok(())
    }

    fn run(&self, picture: &RgbImage, mask: &[bool]) -> Result<Vec<f32>> {
        let [width, height] = [self.size.width(), self.size.height()].map(|side| side as usize);
        let channel = |channel: usize| picture.pixels().map(move |pixel| f32::from(pixel.0[channel]) / 255.0);
        let planes = Values::F32((0..3).flat_map(channel).collect());
        let picture = Tensor { shape: vec![1, 3, height, width], values: planes };
        let hidden = Values::F32(mask.iter().map(|&hidden| f32::from(u8::from(hidden))).collect());
        let mask = Tensor { shape: vec![1, 1, height, width], values: hidden };
        let inputs = if self.mask_first { [mask, picture] } else { [picture, mask] };
        match self.runner.run(&inputs)?.into_iter().next() {
            Some(Tensor { values: Values::F32(values), .. }) if values.len() == 3 * self.size.area() => Ok(values),
            other => {
                let got = other.map_or("no output".to_owned(), |tensor| format!("an output {:?}", tensor.shape));
                let expected = format!("a picture [1, 3, {height}, {width}] from {}", self.runner.path().display());
                Err(Error::new(Stage::Engine, expected, got, EXPORT).about(Setting::Inpainter))
            }
        }
    }
}

/// Returns the factor from `filled` to 0..=255: the one of 1 and 255 by which it equals `picture` outside the hole.
fn scale(picture: &RgbImage, mask: &[bool], filled: &[f32]) -> Option<f32> {
    let area = mask.len();
    let error = |scale: f32| {
        let (mut sum, mut count) = (0.0, 0u32);
        for (index, pixel) in picture.pixels().enumerate().filter(|&(index, _)| !mask[index]) {
            for channel in 0..3 {
                sum += f64::from((filled[channel * area + index] * scale - f32::from(pixel.0[channel])).abs());
                count += 1;
            }
        }
        if count == 0 { 0.0 } else { sum / f64::from(count) }
    };
    [1.0, 255.0].into_iter().find(|&scale| error(scale) <= TOLERANCE)
}

/// Fills `hole` by push-pull: builds levels of half the size whose pixels are means of the known pixels below; then,
/// from the smallest level down, interpolates unknown pixels from the level above.
fn smooth(pixels: &mut [u8], hole: &Shape) {
    let mut levels = vec![Level::of(pixels, hole)];
    while let Some(next) = levels.last().and_then(Level::pushed) {
        levels.push(next);
    }
    let mut above = levels.pop().unwrap_or_default();
    while let Some(mut level) = levels.pop() {
        level.pull(&above);
        above = level;
    }
    for ((pixel, texel), &hidden) in pixels.chunks_exact_mut(3).zip(&above.texels).zip(hole.pixels()) {
        if hidden {
            pixel.copy_from_slice(&[0, 1, 2].map(|channel| (texel[channel] + 0.5) as u8));
        }
    }
}

/// One level: colours times weights, and weights in 0..=1.
#[derive(Debug, Default)]
struct Level {
    width: usize,
    height: usize,
    texels: Vec<[f32; 4]>,
}

impl Level {
    fn of(pixels: &[u8], hole: &Shape) -> Self {
        let texel = |(pixel, &hidden): (&[u8], &bool)| match hidden {
            true => [0.0; 4],
            false => [f32::from(pixel[0]), f32::from(pixel[1]), f32::from(pixel[2]), 1.0],
        };
        let texels = pixels.chunks_exact(3).zip(hole.pixels()).map(texel).collect();
        Self { width: hole.size().width() as usize, height: hole.size().height() as usize, texels }
    }

    /// Returns the level of half the size; `None` if this one is a single pixel.
    fn pushed(&self) -> Option<Self> {
        if self.texels.len() <= 1 {
            return None;
        }
        let (width, height) = (self.width.div_ceil(2), self.height.div_ceil(2));
        let texel = |index: usize| {
            let (x, y) = (index % width * 2, index / width * 2);
            let mut sum = [0.0; 4];
            for (x, y) in [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)] {
                if x < self.width && y < self.height {
                    let texel = self.texels[y * self.width + x];
                    (0..4).for_each(|channel| sum[channel] += texel[channel]);
                }
            }
            // A weight is at most 1.
            let factor = if sum[3] > 1.0 { 1.0 / sum[3] } else { 1.0 };
            sum.map(|value| value * factor)
        };
        Some(Self { width, height, texels: (0..width * height).map(texel).collect() })
    }

    /// Completes all weights to 1 with the colours of the level `above`.
    fn pull(&mut self, above: &Self) {
        for (index, texel) in self.texels.iter_mut().enumerate() {
            let rest = 1.0 - texel[3];
            if rest <= 0.0 {
                continue;
            }
            let (x, y) = (index % self.width, index / self.width);
            let (x, y) = (neighbours(x, above.width), neighbours(y, above.height));
            let mut colour = [0.0; 4];
            for (row, down) in y {
                for (column, right) in x {
                    let other = above.texels[row * above.width + column];
                    (0..4).for_each(|channel| colour[channel] += down * right * other[channel]);
                }
            }
            // The level above may have no known pixel here.
            let factor = if colour[3] > 0.0 { rest / colour[3] } else { 0.0 };
            (0..4).for_each(|channel| texel[channel] += factor * colour[channel]);
        }
    }
}

/// Returns the two pixels of a level on both sides of pixel `x` of the level below, with their weights.
fn neighbours(x: usize, length: usize) -> [(usize, f32); 2] {
    let (parent, other) = (x / 2, if x.is_multiple_of(2) { (x / 2).saturating_sub(1) } else { x / 2 + 1 });
    [(parent, 0.75), (other.min(length - 1), 0.25)]
}
