//! A segmenter's output to one person probability a pixel.

mod instances;

use super::Instance;
use crate::bundle::manifest::{DecodeKind, DecodeSettings, PersonChannels, SegmenterSettings};
use crate::error::{Error, Result, Stage};
use crate::mask::{Mask, Size};
use crate::preprocess::Layout;
use instances::Instances;
use std::path::Path;

/// What turns a segmenter's outputs into masks.
#[derive(Clone, Debug)]
pub enum Decoder {
    /// Every pixel by itself.
    Pixels(DecodeSettings, Size),
    /// Boxes and the prototypes of their masks.
    Instances(Instances),
}

impl Decoder {
    /// The decoder that `manifest` describes, for the model at `path`, whose outputs are items of these shapes.
    ///
    /// # Errors
    /// When the outputs are of another shape.
    pub fn new(shapes: &[Vec<usize>], path: &Path, manifest: &SegmenterSettings) -> Result<Self> {
        let decode = &manifest.decode;
        let found = match decode.kind {
            DecodeKind::YoloSeg => instances(shapes, manifest).map(Self::Instances),
            _ => shapes.first().and_then(|shape| plane(shape, decode)).map(|size| Self::Pixels(decode.clone(), size)),
        };
        found.ok_or_else(|| {
            let expected = format!("outputs of {} channels, {:?}, {:?}", decode.channels, decode.layout, decode.kind);
            let got = format!("items of shape {shapes:?} in {}", path.display());
            Error::new(Stage::Model, expected, got, "correct decode in the segmenter's manifest")
        })
    }

    /// Size of the masks.
    pub fn size(&self) -> Size {
        match self {
            Self::Pixels(_, size) => *size,
            Self::Instances(instances) => instances.size,
        }
    }

    /// Decodes one item's outputs, one behind the other.
    pub fn decode(&self, values: &[f32], probabilities: &mut [f32]) {
        match self {
            Self::Pixels(decode, _) => self::decode(decode, values, probabilities),
            Self::Instances(instances) => instances.decode(values, probabilities),
        }
    }

    /// Decodes one item's outputs to the persons in it; all as one where every pixel is by itself.
    pub fn instances(&self, values: &[f32]) -> Vec<Instance> {
        match self {
            Self::Pixels(decode, size) => {
                let mut mask = Mask::new(*size);
                self::decode(decode, values, mask.probabilities_mut());
                vec![Instance::union(mask)]
            }
            Self::Instances(instances) => instances.persons(values),
        }
    }
}

/// The size of the masks that an output holds: any of [h, w], [1, h, w], [h, w, c] and [c, h, w].
fn plane(shape: &[usize], decode: &DecodeSettings) -> Option<Size> {
    let (height, width) = match (shape, decode.layout) {
        ([height, width], _) if decode.channels == 1 => (height, width),
        ([channels, height, width], Layout::Nchw) if *channels == decode.channels => (height, width),
        ([height, width, channels], Layout::Nhwc) if *channels == decode.channels => (height, width),
        _ => return None,
    };
    size(*width, *height)
}

/// Boxes [channels, boxes] and prototypes [prototypes, h, w] that fit together.
fn instances(shapes: &[Vec<usize>], manifest: &SegmenterSettings) -> Option<Instances> {
    let [boxes, prototypes] = shapes else { return None };
    let (&[channels, boxes], &[prototypes, height, width]) = (boxes.as_slice(), prototypes.as_slice()) else {
        return None;
    };
    let PersonChannels::Channels(person) = &manifest.decode.person else { return None };
    // Geometry, at least the person classes' scores, and one coefficient a prototype.
    let classes = channels.checked_sub(4 + prototypes)?;
    let fits = channels == manifest.decode.channels && person.iter().all(|&class| class < classes);
    let input = manifest.preprocess.target().ok()?;
    let size = size(width, height)?;
    fits.then(|| Instances { boxes, channels, prototypes, size, input, person: person.clone() })
}

fn size(width: usize, height: usize) -> Option<Size> {
    Size::new(width.try_into().ok()?, height.try_into().ok()?).ok()
}

/// Reads pixel after pixel, channel after channel, out of an output of `pixels` pixels.
struct Channels<'a> {
    values: &'a [f32],
    pixels: usize,
    channels: usize,
    layout: Layout,
}

impl Channels<'_> {
    fn get(&self, pixel: usize, channel: usize) -> f32 {
        self.values[match self.layout {
            Layout::Nchw => channel * self.pixels + pixel,
            Layout::Nhwc => pixel * self.channels + channel,
        }]
    }

    fn of(&self, pixel: usize) -> impl Iterator<Item = f32> + '_ {
        (0..self.channels).map(move |channel| self.get(pixel, channel))
    }
}

/// Decodes `values`, `decode.channels` a pixel in `decode.layout`, to `probabilities`, from 0 to 1.
///
/// Numbers that are not finite count as no person.
pub fn decode(decode: &DecodeSettings, values: &[f32], probabilities: &mut [f32]) {
    let source = Channels { values, pixels: probabilities.len(), channels: decode.channels, layout: decode.layout };
    let is_person = |channel: usize| match &decode.person {
        PersonChannels::Channels(channels) => channels.contains(&channel),
        PersonChannels::AllBut(background) => channel != *background,
    };
    let sum = |pixel: usize, weigh: &dyn Fn(f32) -> f32| -> f32 {
        match &decode.person {
            PersonChannels::Channels(channels) => channels.iter().map(|&c| weigh(source.get(pixel, c))).sum(),
            PersonChannels::AllBut(background) => 1.0 - weigh(source.get(pixel, *background)),
        }
    };
    let stretch = (decode.kind == DecodeKind::MinMax).then(|| range(values));
    for (pixel, probability) in probabilities.iter_mut().enumerate() {
        let value = match decode.kind {
            DecodeKind::Probability => sum(pixel, &|p| p),
            DecodeKind::Sigmoid => sum(pixel, &sigmoid),
            DecodeKind::Softmax => {
                let most = source.of(pixel).fold(f32::MIN, f32::max);
                let total: f32 = source.of(pixel).map(|x| libm::expf(x - most)).sum();
                sum(pixel, &|x| libm::expf(x - most) / total)
            }
            DecodeKind::Argmax => f32::from(u8::from(winner(&source, pixel).is_some_and(is_person))),
            DecodeKind::MinMax => {
                let (least, width) = stretch.unwrap_or_default();
                sum(pixel, &|x| (x - least) / width)
            }
            // Its outputs hold no pixels; `Decoder` takes another way.
            DecodeKind::YoloSeg => 0.0,
        };
        *probability = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + libm::expf(-x))
}

/// The class of a pixel: the index itself where there is one channel, else the first of the largest scores; none where
/// the number is no index.
fn winner(source: &Channels<'_>, pixel: usize) -> Option<usize> {
    if source.channels == 1 {
        let index = source.get(pixel, 0);
        return (index.is_finite() && index >= 0.0).then_some(index as usize);
    }
    let mut best = None;
    for (channel, score) in source.of(pixel).enumerate() {
        if best.is_none_or(|(_, most)| score > most) {
            best = Some((channel, score));
        }
    }
    best.map(|(channel, _)| channel)
}

/// The least value and the width of the range; a flat picture has width 1, so that it decodes to 0.
fn range(values: &[f32]) -> (f32, f32) {
    let least = values.iter().copied().fold(f32::MAX, f32::min);
    let most = values.iter().copied().fold(f32::MIN, f32::max);
    (least, if most > least { most - least } else { 1.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(kind: DecodeKind, layout: Layout, channels: usize, person: PersonChannels, values: &[f32]) -> Vec<f32> {
        let mut out = vec![9.0; values.len() / channels];
        let settings = DecodeSettings { kind, layout, channels, person, prototypes: None };
        settings.check().unwrap();
        decode(&settings, values, &mut out);
        out
    }

    fn channel(person: usize) -> PersonChannels {
        PersonChannels::Channels(vec![person])
    }

    #[test]
    fn probabilities_pass_and_channels_are_found_in_both_layouts() {
        assert_eq!(run(DecodeKind::Probability, Layout::Nchw, 2, channel(1), &[0.9, 0.2, 0.1, 0.8]), [0.1, 0.8]);
        assert_eq!(run(DecodeKind::Probability, Layout::Nhwc, 2, channel(1), &[0.9, 0.2, 0.1, 0.8]), [0.2, 0.8]);
    }

    #[test]
    fn a_softmax_without_its_background_is_the_person() {
        let out =
            run(DecodeKind::Softmax, Layout::Nhwc, 3, PersonChannels::AllBut(0), &[0.0, 0.0, 0.0, 50.0, 0.0, 0.0]);
        assert!((out[0] - 2.0 / 3.0).abs() < 1e-6 && out[1] < 1e-6);
    }

    #[test]
    fn a_sigmoid_is_half_at_zero() {
        assert_eq!(run(DecodeKind::Sigmoid, Layout::Nchw, 1, channel(0), &[0.0, 100.0, -100.0]), [0.5, 1.0, 0.0]);
    }

    #[test]
    fn argmax_takes_an_index_or_the_largest_score() {
        assert_eq!(run(DecodeKind::Argmax, Layout::Nchw, 1, channel(15), &[15.0, f32::NAN, 14.0]), [1.0, 0.0, 0.0]);
        assert_eq!(run(DecodeKind::Argmax, Layout::Nhwc, 2, channel(1), &[0.1, 0.2, 0.2, 0.2]), [1.0, 0.0]);
    }

    #[test]
    fn min_max_stretches_and_a_flat_picture_shows_nobody() {
        assert_eq!(run(DecodeKind::MinMax, Layout::Nchw, 1, channel(0), &[-1.0, 0.0, 1.0]), [0.0, 0.5, 1.0]);
        assert_eq!(run(DecodeKind::MinMax, Layout::Nchw, 1, channel(0), &[3.0, 3.0]), [0.0, 0.0]);
    }

    #[test]
    fn what_is_not_finite_is_nobody() {
        assert_eq!(run(DecodeKind::Probability, Layout::Nchw, 1, channel(0), &[f32::NAN, f32::INFINITY]), [0.0, 0.0]);
    }
}
