//! Where twins are made.

use super::clip::{BackgroundClip, Cutout, FrozenFrame, Replacement};
use super::segmented_frames::SegmentedFrames;
use super::{CleanPlate, ClipStatistics, CounterfactualClip, CounterfactualSet, PersonSegmenter, SetKind, seeded_rng};
use crate::error::{Error, Result, Stage};
use crate::evaluate::dataset::LabelledClip;
use crate::mask::Size;
use crate::source::Source;

/// A segmenter with what opens clips: one a thread.
pub struct Compositor<'a> {
    segmenter: PersonSegmenter,
    open: &'a (dyn Fn(&LabelledClip) -> Result<Box<dyn Source>> + Sync),
}

impl core::fmt::Debug for Compositor<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Compositor").field("segmenter", &self.segmenter).finish_non_exhaustive()
    }
}

impl<'a> Compositor<'a> {
    /// A compositor that cuts people out by `segmenter` of clips that `open` opens.
    pub fn new(
        segmenter: PersonSegmenter,
        open: &'a (dyn Fn(&LabelledClip) -> Result<Box<dyn Source>> + Sync),
    ) -> Self {
        Self { segmenter, open }
    }

    /// The segmenter.
    pub fn segmenter(&mut self) -> &mut PersonSegmenter {
        &mut self.segmenter
    }

    /// The twin of `clip`, which is pair_clips, by `script`.
    ///
    /// # Errors
    /// When it is not pair_clips, a clip or background cannot be read, or a model fails.
    pub fn twin<'s>(
        &'s mut self,
        script: &'s CounterfactualSet<'_>,
        clip: &LabelledClip,
    ) -> Result<CounterfactualClip<'s>> {
        let (_, sight) = seen(script, &clip.id)?;
        let (source, around) = match script.set {
            SetKind::HumanOnly => ((self.open)(clip)?, Replacement::Colour(script.colour)),
            SetKind::BackgroundOnly => {
                let (source, plate) = self.inpainted(clip, sight)?;
                (source, plate.map_or(Replacement::Nothing, Replacement::Nobody))
            }
            SetKind::Scuba | SetKind::Scufo | SetKind::ConflFg => {
                ((self.open)(clip)?, self.still(script, clip, sight)?)
            }
            SetKind::SwapRandom | SetKind::SwapClose | SetKind::SwapFar | SetKind::SwapSame => {
                ((self.open)(clip)?, self.elsewhere(script, clip, sight)?)
            }
        };
        Ok(CounterfactualClip::new(source, sight.frames, around, &mut self.segmenter, script.inpainter))
    }

    /// A still background, with what is done before it.
    fn still<'s>(
        &mut self,
        script: &CounterfactualSet<'_>,
        clip: &LabelledClip,
        sight: &ClipStatistics,
    ) -> Result<Replacement<'s>> {
        // The same rng for all three sets: they go together.
        let mut rng = seeded_rng(script.seed, &[&clip.id]);
        let chosen = rng.below(sight.frames.max(1) as usize) as u64;
        let backdrop = script.backdrops.draw(&mut rng, Size::new(sight.size[0], sight.size[1])?)?;
        match script.set {
            SetKind::Scufo => {
                Ok(Replacement::FrozenFrame(FrozenFrame { backdrop, chosen, wanted: Vec::new(), lent: 0, made: None }))
            }
            SetKind::ConflFg => Ok(Replacement::Conflict(backdrop, self.bystander(script, clip, sight)?)),
            _ => Ok(Replacement::StillBackground(backdrop)),
        }
    }

    /// Somebody of the clip's other clip, in one frame of it.
    fn bystander(
        &mut self,
        script: &CounterfactualSet<'_>,
        clip: &LabelledClip,
        sight: &ClipStatistics,
    ) -> Result<Cutout> {
        let (other, seen) = self.other(script, clip)?;
        let mut source = (self.open)(other)?;
        let chosen = seeded_rng(script.seed, &["bystander", &clip.id]).below(seen.frames.max(1) as usize) as u64;
        source.select(&[chosen])?;
        let mut segmented = SegmentedFrames::default();
        let Some((frame, person)) = segmented.next(source.as_mut(), &mut self.segmenter)? else {
            let got = format!("the end of {}", source.name());
            return Err(Error::new(Stage::Source, format!("frame {chosen}"), got, "remove the survey"));
        };
        Cutout::new(&frame, person, sight.size[0], sight.size[1])
    }

    /// The background of the clip's other clip.
    fn elsewhere<'s>(
        &mut self,
        script: &CounterfactualSet<'_>,
        clip: &LabelledClip,
        sight: &ClipStatistics,
    ) -> Result<Replacement<'s>> {
        let (other, behind) = self.other(script, clip)?;
        let (source, plate) = self.inpainted(other, behind)?;
        // The person is moved to where the other one was, where there was one.
        let shift = match (sight.centroid, behind.centroid) {
            (Some(own), Some(theirs)) => {
                [0, 1].map(|axis| ((theirs[axis] - own[axis]) * f64::from(sight.size[axis])).round() as i64)
            }
            _ => [0; 2],
        };
        Ok(Replacement::BackgroundClip(Box::new(BackgroundClip {
            source,
            segmented: SegmentedFrames::default(),
            plate,
            count: behind.frames,
            shift,
            last: None,
        })))
    }

    /// The frames of `clip` and what lies behind its person; none where the frames were inpainted elsewhere.
    fn inpainted(
        &mut self,
        clip: &LabelledClip,
        sight: &ClipStatistics,
    ) -> Result<(Box<dyn Source>, Option<CleanPlate>)> {
        if let Some(folder) = &clip.inpainted {
            let inpainted = LabelledClip::new(clip.id.clone(), clip.label.clone(), Some(folder.clone()));
            let mut source = (self.open)(&inpainted)?;
            let frames = source.count()?;
            if frames != sight.frames {
                let expected = format!("{} frames in {}", sight.frames, folder.display());
                return Err(Error::new(Stage::Source, expected, frames, "make those that are missing"));
            }
            return Ok((source, None));
        }
        let mut source = (self.open)(clip)?;
        let plate = CleanPlate::take(source.as_mut(), sight.frames, &mut self.segmenter)?;
        Ok((source, Some(plate)))
    }

    /// The clip that goes with `clip`.
    fn other<'s>(
        &self,
        script: &'s CounterfactualSet<'_>,
        clip: &LabelledClip,
    ) -> Result<(&'s LabelledClip, &'s ClipStatistics)> {
        let other = script.pairing.get(&clip.id).and_then(Option::as_ref);
        let other = other.ok_or_else(|| unpaired(&clip.id))?;
        let (_, sight) = seen(script, other)?;
        Ok((script.clips.get(other.as_str()).ok_or_else(|| unpaired(other))?, sight))
    }
}

fn seen<'s>(script: &'s CounterfactualSet<'_>, clip: &str) -> Result<&'s (String, ClipStatistics)> {
    script.surveys.clips.get(clip).ok_or_else(|| unpaired(clip))
}

fn unpaired(clip: &str) -> Error {
    let got = format!("{clip:?}, which is not in it, or could not be read");
    Error::new(Stage::DataSet, "a clip of the set", got, "check DATA, --format and --swaps")
}
