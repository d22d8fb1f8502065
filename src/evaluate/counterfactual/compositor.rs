//! Composes the clips of a counterfactual set.

use super::clip::{BackgroundClip, Cutout, FrozenFrame, Replacement};
use super::segmented_frames::SegmentedFrames;
use super::{CleanPlate, ClipStatistics, CounterfactualClip, CounterfactualSet, PersonSegmenter, SetKind, seeded_rng};
use crate::error::{Error, Result, Setting, Stage};
use crate::evaluate::ClipReader;
use crate::evaluate::dataset::LabelledClip;
use crate::mask::Size;
use crate::source::Source;

/// Makes counterfactual clips on one thread.
#[derive(Debug)]
pub struct Compositor<'a> {
    segmenter: PersonSegmenter,
    reader: ClipReader<'a>,
}

impl<'a> Compositor<'a> {
    /// Creates a compositor that reads clips by `reader` and finds their people by `segmenter`.
    pub fn new(segmenter: PersonSegmenter, reader: ClipReader<'a>) -> Self {
        Self { segmenter, reader }
    }

    /// Opens the counterfactual clip of `clip`, which is in the set's pairing.
    ///
    /// # Errors
    /// Returns an error if the clip is not in the pairing, if a clip or background cannot be read, or if a model fails.
    pub fn compose<'s>(
        &'s mut self,
        set: &'s CounterfactualSet<'_>,
        clip: &LabelledClip,
    ) -> Result<CounterfactualClip<'s>> {
        let statistics = statistics(set, &clip.id)?;
        let (source, replacement) = match set.kind {
            SetKind::HumanOnly => (self.reader.open(clip)?, Replacement::Colour(set.colour)),
            SetKind::BackgroundOnly => {
                let (source, plate) = self.background(clip, statistics)?;
                (source, plate.map_or(Replacement::None, Replacement::CleanPlate))
            }
            SetKind::PasteBack => {
                let (background, plate) = self.background(clip, statistics)?;
                let background = BackgroundClip::new(background, plate, statistics.frames, [0; 2]);
                (self.reader.open(clip)?, Replacement::BackgroundClip(Box::new(background)))
            }
            SetKind::Scuba | SetKind::Scufo | SetKind::ConflFg => {
                (self.reader.open(clip)?, self.still_background(set, clip, statistics)?)
            }
            SetKind::SwapRandom | SetKind::SwapClose | SetKind::SwapFar | SetKind::SwapSame => {
                (self.reader.open(clip)?, self.background_clip(set, clip, statistics)?)
            }
        };
        Ok(CounterfactualClip::new(source, statistics.frames, replacement, &mut self.segmenter, set.inpainter))
    }

    /// Draws a still background, with the frozen frame or the other person of the set's kind.
    fn still_background<'s>(
        &mut self,
        set: &CounterfactualSet<'_>,
        clip: &LabelledClip,
        statistics: &ClipStatistics,
    ) -> Result<Replacement<'s>> {
        // The three kinds share the random numbers: their clips show one background.
        let mut rng = seeded_rng(set.seed, &[&clip.id]);
        let frame = rng.below(statistics.frames.max(1) as usize) as u64;
        let background = set.backgrounds.draw(&mut rng, Size::new(statistics.size[0], statistics.size[1])?)?;
        match set.kind {
            SetKind::Scufo => Ok(Replacement::FrozenFrame(FrozenFrame::new(background, frame))),
            SetKind::ConflFg => Ok(Replacement::Conflict(background, self.other_person(set, clip, statistics)?)),
            _ => Ok(Replacement::StillBackground(background)),
        }
    }

    /// Cuts the person out of one frame of the other clip that goes with `clip`.
    fn other_person(
        &mut self,
        set: &CounterfactualSet<'_>,
        clip: &LabelledClip,
        statistics: &ClipStatistics,
    ) -> Result<Cutout> {
        let (other, of_other) = other_clip(set, clip)?;
        let mut source = self.reader.open(other)?;
        let index = seeded_rng(set.seed, &["bystander", &clip.id]).below(of_other.frames.max(1) as usize) as u64;
        source.select(&[index])?;
        let mut segmented = SegmentedFrames::default();
        let Some((frame, person)) = segmented.next(source.as_mut(), &mut self.segmenter)? else {
            let got = format!("the end of {}", source.name());
            return Err(Error::new(Stage::Source, format!("frame {index}"), got, "remove the clip statistics"));
        };
        Cutout::new(&frame, person, statistics.size[0], statistics.size[1])
    }

    /// Opens the background of the other clip that goes with `clip`.
    fn background_clip<'s>(
        &mut self,
        set: &CounterfactualSet<'_>,
        clip: &LabelledClip,
        statistics: &ClipStatistics,
    ) -> Result<Replacement<'s>>
    where
        'a: 's,
    {
        let (other, of_other) = other_clip(set, clip)?;
        let (source, plate) = self.background(other, of_other)?;
        // The person moves to the place of the other clip's person, if that has one.
        let shift = match (statistics.centroid, of_other.centroid) {
            (Some(from), Some(to)) => {
                [0, 1].map(|axis| ((to[axis] - from[axis]) * f64::from(statistics.size[axis])).round() as i64)
            }
            _ => [0; 2],
        };
        Ok(Replacement::BackgroundClip(Box::new(BackgroundClip::new(source, plate, of_other.frames, shift))))
    }

    /// Opens the frames of `clip` with its clean plate, or its frames that were inpainted elsewhere.
    fn background(
        &mut self,
        clip: &LabelledClip,
        statistics: &ClipStatistics,
    ) -> Result<(Box<dyn Source + 'a>, Option<CleanPlate>)> {
        if let Some(folder) = &clip.inpainted {
            let inpainted = LabelledClip::new(clip.id.clone(), clip.label.clone(), Some(folder.clone()));
            let mut source = self.reader.open(&inpainted)?;
            let frames = source.count()?;
            if frames != statistics.frames {
                let expected = format!("{} frames in {}", statistics.frames, folder.display());
                return Err(Error::new(Stage::Source, expected, frames, "make those that are missing"));
            }
            return Ok((source, None));
        }
        let mut source = self.reader.open(clip)?;
        let plate = CleanPlate::new(source.as_mut(), statistics.frames, &mut self.segmenter)?;
        Ok((source, Some(plate)))
    }
}

/// Returns the other clip that goes with `clip`, and its statistics.
fn other_clip<'s>(
    set: &'s CounterfactualSet<'_>,
    clip: &LabelledClip,
) -> Result<(&'s LabelledClip, &'s ClipStatistics)> {
    let other = set.pairing.get(&clip.id).and_then(Option::as_ref);
    let other = other.ok_or_else(|| unpaired(&clip.id))?;
    Ok((set.clips.get(other.as_str()).ok_or_else(|| unpaired(other))?, statistics(set, other)?))
}

fn statistics<'s>(set: &'s CounterfactualSet<'_>, clip: &str) -> Result<&'s ClipStatistics> {
    set.statistics.clips.get(clip).map(|clip| &clip.statistics).ok_or_else(|| unpaired(clip))
}

fn unpaired(clip: &str) -> Error {
    let got = format!("{clip:?}, which is not in it, or could not be read");
    Error::new(Stage::DataSet, "a clip of the set", got, "check the data set, its format and the lists of swaps")
        .about(Setting::Data)
        .about(Setting::Format)
        .about(Setting::Swaps)
}
