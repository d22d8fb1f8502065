//! A clip whose person, background or motion is replaced, frame by frame.

use super::segmented_frames::SegmentedFrames;
use super::still_background::StillBackground;
use super::{CleanPlate, Inpainter, PersonSegmenter};
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use crate::mask::Shape;
use crate::source::Source;
use image::RgbImage;
use image::imageops::{FilterType, resize};

/// A counterfactual clip: a source that makes its frames when they are read, in the order, size and number of the
/// original's.
pub struct CounterfactualClip<'a> {
    source: Box<dyn Source + 'a>,
    segmented: SegmentedFrames,
    segmenter: &'a mut PersonSegmenter,
    inpainter: &'a Inpainter,
    replacement: Replacement<'a>,
    /// Frames of the clip.
    count: u64,
    pixels: Vec<u8>,
}

/// Replacement of the background, the person or the motion.
pub(super) enum Replacement<'a> {
    /// One colour as the background.
    Colour([u8; 3]),
    /// A still background.
    StillBackground(StillBackground),
    /// A still background, and one frame repeated.
    FrozenFrame(FrozenFrame),
    /// A still background with a still person of another class.
    Conflict(StillBackground, Cutout),
    /// The clip's own background without the person.
    CleanPlate(CleanPlate),
    /// Nothing: the source's frames were inpainted elsewhere.
    None,
    /// The background of another clip.
    BackgroundClip(Box<BackgroundClip<'a>>),
}

/// One frame on a still background that replaces all frames of a clip.
pub(super) struct FrozenFrame {
    background: StillBackground,
    /// Index of the frame.
    frame: u64,
    /// Selected indices, and how many of them were read.
    selected: Vec<u64>,
    read: usize,
    /// The frame's pixels, width and height, once made.
    made: Option<(Vec<u8>, u32, u32)>,
}

/// A person cut out of one frame of another clip.
#[derive(Clone, Debug)]
pub(super) struct Cutout {
    pixels: RgbImage,
    person: Shape,
}

/// The background of another clip.
pub(super) struct BackgroundClip<'a> {
    source: Box<dyn Source + 'a>,
    segmented: SegmentedFrames,
    /// Its clean plate; `None` if its frames were inpainted elsewhere.
    plate: Option<CleanPlate>,
    /// Frames of that clip.
    count: u64,
    /// Shift of the person in pixels.
    shift: [i64; 2],
    /// The last background: the index of its frame, and its picture in the size of the clip's frames.
    last: Option<(u64, RgbImage)>,
}

impl core::fmt::Debug for CounterfactualClip<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CounterfactualClip").field("clip", &self.source.name()).finish_non_exhaustive()
    }
}

impl<'a> CounterfactualClip<'a> {
    /// Creates the counterfactual clip of `source`, which has `count` frames.
    pub(super) fn new(
        source: Box<dyn Source + 'a>,
        count: u64,
        replacement: Replacement<'a>,
        segmenter: &'a mut PersonSegmenter,
        inpainter: &'a Inpainter,
    ) -> Self {
        let (segmented, pixels) = (SegmentedFrames::default(), Vec::new());
        Self { source, segmented, segmenter, inpainter, replacement, count, pixels }
    }
}

/// Interval of the frames of a folder of pictures.
const FRAME_US: u64 = 40_000;

impl Source for CounterfactualClip<'_> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn is_live(&self) -> bool {
        false
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        if matches!(self.replacement, Replacement::FrozenFrame(_)) {
            let Replacement::FrozenFrame(frozen) = &mut self.replacement else { return Ok(None) };
            return frozen.next_frame(self.source.as_mut(), self.segmenter);
        }
        let Some((frame, person)) = self.segmented.next(self.source.as_mut(), self.segmenter)? else { return Ok(None) };
        match &mut self.replacement {
            Replacement::Colour(colour) => compose(&frame, person, [0; 2], |_, _| *colour, &mut self.pixels),
            Replacement::StillBackground(background) => {
                compose(&frame, person, [0; 2], |x, y| background.colour(x, y), &mut self.pixels);
            }
            Replacement::Conflict(background, cutout) => {
                let colour = |x, y| cutout.colour(x, y).unwrap_or_else(|| background.colour(x, y));
                compose(&frame, person, [0; 2], colour, &mut self.pixels);
            }
            Replacement::CleanPlate(plate) => plate.remove_person(&frame, person, self.inpainter, &mut self.pixels)?,
            Replacement::BackgroundClip(other) => {
                let shift = other.shift;
                let background = other.background(&frame, self.count, self.segmenter, self.inpainter)?;
                compose(&frame, person, shift, |x, y| background.get_pixel(x, y).0, &mut self.pixels);
            }
            Replacement::None => {
                self.pixels.clear();
                self.pixels.extend_from_slice(frame.pixels());
            }
            Replacement::FrozenFrame(_) => {}
        }
        Frame::new(&self.pixels, frame.width(), frame.height(), frame.index(), frame.time_us()).map(Some)
    }

    fn count(&mut self) -> Result<u64> {
        self.select(&(0..self.count).collect::<Vec<u64>>())?;
        Ok(self.count)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        self.segmented.forget();
        match &mut self.replacement {
            Replacement::FrozenFrame(frozen) => {
                (frozen.selected, frozen.read) = (indices.to_vec(), 0);
                return match frozen.made {
                    Some(_) => Ok(()),
                    None => self.source.select(&[frozen.frame]),
                };
            }
            Replacement::BackgroundClip(other) => other.select(indices, self.count)?,
            _ => {}
        }
        self.source.select(indices)
    }
}

/// Writes the person of `frame`, moved by `shift` pixels, on a `background` to `pixels`.
fn compose(
    frame: &Frame<'_>,
    person: &Shape,
    shift: [i64; 2],
    background: impl Fn(u32, u32) -> [u8; 3],
    pixels: &mut Vec<u8>,
) {
    let (width, height) = (frame.width(), frame.height());
    pixels.clear();
    for y in 0..height {
        for x in 0..width {
            let from = [i64::from(x) - shift[0], i64::from(y) - shift[1]];
            let is_inside = (0..i64::from(width)).contains(&from[0]) && (0..i64::from(height)).contains(&from[1]);
            let at = if is_inside { from[1] as usize * width as usize + from[0] as usize } else { 0 };
            match is_inside && person.pixels()[at] {
                true => pixels.extend_from_slice(&frame.pixels()[3 * at..][..3]),
                false => pixels.extend_from_slice(&background(x, y)),
            }
        }
    }
}

impl FrozenFrame {
    /// Creates the replacement by frame `frame` of the clip.
    pub(super) fn new(background: StillBackground, frame: u64) -> Self {
        Self { background, frame, selected: Vec::new(), read: 0, made: None }
    }

    fn next_frame(&mut self, source: &mut dyn Source, segmenter: &mut PersonSegmenter) -> Result<Option<Frame<'_>>> {
        let Some(&index) = self.selected.get(self.read) else { return Ok(None) };
        self.read += 1;
        if self.made.is_none() {
            let name = source.name().to_owned();
            let mut segmented = SegmentedFrames::default();
            let Some((frame, person)) = segmented.next(source, segmenter)? else {
                let expected = format!("frame {} of {name}", self.frame);
                let next = "check that the file is not being written";
                return Err(Error::new(Stage::Source, expected, "the end of the source", next));
            };
            let mut pixels = Vec::new();
            compose(&frame, person, [0; 2], |x, y| self.background.colour(x, y), &mut pixels);
            self.made = Some((pixels, frame.width(), frame.height()));
        }
        let Some((pixels, width, height)) = &self.made else { return Ok(None) };
        Frame::new(pixels, *width, *height, index, index * FRAME_US).map(Some)
    }
}

impl Cutout {
    /// Cuts the person out of `frame`, scaled to frames of `width` by `height`.
    pub(super) fn new(frame: &Frame<'_>, person: &Shape, width: u32, height: u32) -> Result<Self> {
        let whole = RgbImage::from_fn(frame.width(), frame.height(), |x, y| {
            let at = 3 * (y as usize * frame.width() as usize + x as usize);
            image::Rgb([frame.pixels()[at], frame.pixels()[at + 1], frame.pixels()[at + 2]])
        });
        let size = crate::mask::Size::new(width, height)?;
        let mut shape = Shape::new(size);
        for (at, inside) in shape.pixels_mut().iter_mut().enumerate() {
            let (x, y) = (at as u64 % u64::from(width), at as u64 / u64::from(width));
            let x = x * u64::from(frame.width()) / u64::from(width);
            let y = y * u64::from(frame.height()) / u64::from(height);
            *inside = person.pixels()[(y * u64::from(frame.width()) + x) as usize];
        }
        Ok(Self { pixels: resize(&whole, width, height, FilterType::Nearest), person: shape })
    }

    fn colour(&self, x: u32, y: u32) -> Option<[u8; 3]> {
        let at = y as usize * self.pixels.width() as usize + x as usize;
        let is_person = self.person.pixels().get(at).copied().unwrap_or(false);
        is_person.then(|| self.pixels.get_pixel(x, y).0)
    }
}

impl<'a> BackgroundClip<'a> {
    /// Creates the background from a clip of `count` frames.
    pub(super) fn new(source: Box<dyn Source + 'a>, plate: Option<CleanPlate>, count: u64, shift: [i64; 2]) -> Self {
        Self { source, segmented: SegmentedFrames::default(), plate, count, shift, last: None }
    }

    /// Returns the frame of this clip at the same relative time as frame `index` of a clip of `count` frames.
    fn matching(&self, index: u64, count: u64) -> u64 {
        ((2 * index + 1) * self.count / (2 * count.max(1))).min(self.count.saturating_sub(1))
    }

    fn select(&mut self, indices: &[u64], count: u64) -> Result<()> {
        let mut matching: Vec<u64> = indices.iter().map(|&index| self.matching(index, count)).collect();
        matching.dedup();
        self.last = None;
        self.segmented.forget();
        self.source.select(&matching)
    }

    /// Returns the background of `frame`, in its size.
    fn background(
        &mut self,
        frame: &Frame<'_>,
        count: u64,
        segmenter: &mut PersonSegmenter,
        inpainter: &Inpainter,
    ) -> Result<&RgbImage> {
        let index = self.matching(frame.index(), count);
        let is_made = |last: &Option<(u64, RgbImage)>| last.as_ref().is_some_and(|(last, _)| *last >= index);
        while !is_made(&self.last) {
            let Some((other, person)) = self.segmented.next(self.source.as_mut(), segmenter)? else { break };
            if other.index() < index {
                continue;
            }
            let mut pixels = Vec::new();
            match &self.plate {
                Some(plate) => plate.remove_person(&other, person, inpainter, &mut pixels)?,
                None => pixels.extend_from_slice(other.pixels()),
            }
            let picture = RgbImage::from_raw(other.width(), other.height(), pixels).unwrap_or_default();
            let same = (other.width(), other.height()) == (frame.width(), frame.height());
            let picture = match same {
                true => picture,
                false => resize(&picture, frame.width(), frame.height(), FilterType::Triangle),
            };
            self.last = Some((other.index(), picture));
        }
        let name = self.source.name();
        let missing = || {
            let next = "check that the file is not being written";
            Error::new(Stage::Source, format!("frame {index} of {name}"), "the end of the source", next)
        };
        self.last.as_ref().map(|(_, picture)| picture).ok_or_else(missing)
    }
}
