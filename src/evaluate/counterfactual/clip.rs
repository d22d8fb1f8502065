//! A clip in which the person, the background or the motion is not what it was, frame by frame.

use super::segmented_frames::SegmentedFrames;
use super::still_background::StillBackground;
use super::{CleanPlate, Inpainter, PersonSegmenter};
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use crate::mask::Shape;
use crate::source::Source;
use image::RgbImage;
use image::imageops::{FilterType, resize};

/// The counterfactual twin of a clip: a source whose frames are made as they are read, in the order, size and number of the
/// clip's.
pub struct CounterfactualClip<'a> {
    source: Box<dyn Source + 'a>,
    segmented: SegmentedFrames,
    segmenter: &'a mut PersonSegmenter,
    inpainter: &'a Inpainter,
    around: Replacement<'a>,
    /// Frames of the clip.
    count: u64,
    pixels: Vec<u8>,
}

/// What is put around the person.
pub(super) enum Replacement<'a> {
    /// One colour.
    Colour([u8; 3]),
    /// A still background.
    StillBackground(StillBackground),
    /// A still background, and this one frame again and again.
    FrozenFrame(FrozenFrame),
    /// A still background with somebody who stands still in it.
    Conflict(StillBackground, Cutout),
    /// What is there without the person.
    Nobody(CleanPlate),
    /// Nothing: the frames were made elsewhere.
    Nothing,
    /// What is there in another clip without its person.
    BackgroundClip(Box<BackgroundClip<'a>>),
}

/// One frame in place of all.
pub(super) struct FrozenFrame {
    pub backdrop: StillBackground,
    /// The frame.
    pub chosen: u64,
    /// The indices it is to be lent under, and how many were.
    pub wanted: Vec<u64>,
    pub lent: usize,
    /// Its pixels, once they were made, with its width and height.
    pub made: Option<(Vec<u8>, u32, u32)>,
}

/// A person cut out of one frame of another clip.
#[derive(Clone, Debug)]
pub(super) struct Cutout {
    pub pixels: RgbImage,
    pub person: Shape,
}

/// The background of another clip.
pub(super) struct BackgroundClip<'a> {
    pub source: Box<dyn Source + 'a>,
    pub segmented: SegmentedFrames,
    /// What lies behind its person; none where its frames show nobody.
    pub plate: Option<CleanPlate>,
    /// Frames of that clip.
    pub count: u64,
    /// How far the person is moved, in pixels.
    pub shift: [i64; 2],
    /// The background made last: the frame it is of, and its picture in the size of the clip's frames.
    pub last: Option<(u64, RgbImage)>,
}

impl core::fmt::Debug for CounterfactualClip<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("CounterfactualClip").field("clip", &self.source.name()).finish_non_exhaustive()
    }
}

impl<'a> CounterfactualClip<'a> {
    /// The twin of `source`, which has `count` frames.
    pub(super) fn new(
        source: Box<dyn Source + 'a>,
        count: u64,
        around: Replacement<'a>,
        segmenter: &'a mut PersonSegmenter,
        inpainter: &'a Inpainter,
    ) -> Self {
        Self { source, segmented: SegmentedFrames::default(), segmenter, inpainter, around, count, pixels: Vec::new() }
    }
}

/// Frames of a folder of pictures are 40 ms apart.
const FRAME_US: u64 = 40_000;

impl Source for CounterfactualClip<'_> {
    fn name(&self) -> &str {
        self.source.name()
    }

    fn is_live(&self) -> bool {
        false
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        if matches!(self.around, Replacement::FrozenFrame(_)) {
            let Replacement::FrozenFrame(still) = &mut self.around else { return Ok(None) };
            return still.next_frame(self.source.as_mut(), self.segmenter);
        }
        let Some((frame, person)) = self.segmented.next(self.source.as_mut(), self.segmenter)? else { return Ok(None) };
        match &mut self.around {
            Replacement::Colour(colour) => place(&frame, person, [0; 2], |_, _| *colour, &mut self.pixels),
            Replacement::StillBackground(backdrop) => {
                place(&frame, person, [0; 2], |x, y| backdrop.colour(x, y), &mut self.pixels);
            }
            Replacement::Conflict(backdrop, cutout) => {
                let other = |x, y| cutout.colour(x, y).unwrap_or_else(|| backdrop.colour(x, y));
                place(&frame, person, [0; 2], other, &mut self.pixels);
            }
            Replacement::Nobody(plate) => plate.remove_person(&frame, person, self.inpainter, &mut self.pixels)?,
            Replacement::BackgroundClip(elsewhere) => {
                let shift = elsewhere.shift;
                let background = elsewhere.at(&frame, self.count, self.segmenter, self.inpainter)?;
                place(&frame, person, shift, |x, y| background.get_pixel(x, y).0, &mut self.pixels);
            }
            Replacement::Nothing => {
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
        match &mut self.around {
            Replacement::FrozenFrame(still) => {
                (still.wanted, still.lent) = (indices.to_vec(), 0);
                return match still.made {
                    Some(_) => Ok(()),
                    None => self.source.select(&[still.chosen]),
                };
            }
            Replacement::BackgroundClip(elsewhere) => elsewhere.select(indices, self.count)?,
            _ => {}
        }
        self.source.select(indices)
    }
}

/// Writes the person of `frame`, moved by `shift` pixels, on a `background` to `pixels`.
fn place(
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
    fn next_frame(&mut self, source: &mut dyn Source, segmenter: &mut PersonSegmenter) -> Result<Option<Frame<'_>>> {
        let Some(&index) = self.wanted.get(self.lent) else { return Ok(None) };
        self.lent += 1;
        if self.made.is_none() {
            let name = source.name().to_owned();
            let mut segmented = SegmentedFrames::default();
            let Some((frame, person)) = segmented.next(source, segmenter)? else {
                let expected = format!("frame {} of {name}", self.chosen);
                let next = "check that the file is not being written";
                return Err(Error::new(Stage::Source, expected, "the end of the source", next));
            };
            let mut pixels = Vec::new();
            place(&frame, person, [0; 2], |x, y| self.backdrop.colour(x, y), &mut pixels);
            self.made = Some((pixels, frame.width(), frame.height()));
        }
        let Some((pixels, width, height)) = &self.made else { return Ok(None) };
        Frame::new(pixels, *width, *height, index, index * FRAME_US).map(Some)
    }
}

impl Cutout {
    /// The person of `frame`, in frames of `width` by `height`.
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

impl BackgroundClip<'_> {
    /// The frame of that clip that goes with frame `index` of a clip of `count` frames: the same share of it is over.
    fn matching(&self, index: u64, count: u64) -> u64 {
        ((2 * index + 1) * self.count / (2 * count.max(1))).min(self.count.saturating_sub(1))
    }

    fn select(&mut self, indices: &[u64], count: u64) -> Result<()> {
        let mut wanted: Vec<u64> = indices.iter().map(|&index| self.matching(index, count)).collect();
        wanted.dedup();
        self.last = None;
        self.segmented.forget();
        self.source.select(&wanted)
    }

    /// The background that goes with `frame`.
    fn at(
        &mut self,
        frame: &Frame<'_>,
        count: u64,
        segmenter: &mut PersonSegmenter,
        inpainter: &Inpainter,
    ) -> Result<&RgbImage> {
        let wanted = self.matching(frame.index(), count);
        let is_there = |last: &Option<(u64, RgbImage)>| last.as_ref().is_some_and(|(index, _)| *index >= wanted);
        while !is_there(&self.last) {
            let Some((other, person)) = self.segmented.next(self.source.as_mut(), segmenter)? else { break };
            if other.index() < wanted {
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
            Error::new(Stage::Source, format!("frame {wanted} of {name}"), "the end of the source", next)
        };
        self.last.as_ref().map(|(_, picture)| picture).ok_or_else(missing)
    }
}
