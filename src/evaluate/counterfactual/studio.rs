//! Where twins are made.

use super::ahead::Ahead;
use super::twin::{Around, Cutout, Elsewhere, Still};
use super::{Cutter, Plate, Script, Set, Sight, Twin, dice};
use crate::error::{Error, Result, Stage};
use crate::evaluate::dataset::Clip;
use crate::mask::Size;
use crate::source::Source;

/// A cutter with what opens clips: one a thread.
pub struct Studio<'a> {
    cutter: Cutter,
    open: &'a (dyn Fn(&Clip) -> Result<Box<dyn Source>> + Sync),
}

impl core::fmt::Debug for Studio<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Studio").field("cutter", &self.cutter).finish_non_exhaustive()
    }
}

impl<'a> Studio<'a> {
    /// A studio that cuts people out by `cutter` of clips that `open` opens.
    pub fn new(cutter: Cutter, open: &'a (dyn Fn(&Clip) -> Result<Box<dyn Source>> + Sync)) -> Self {
        Self { cutter, open }
    }

    /// The cutter.
    pub fn cutter(&mut self) -> &mut Cutter {
        &mut self.cutter
    }

    /// The twin of `clip`, which is cast, by `script`.
    ///
    /// # Errors
    /// When it is not cast, a clip or background cannot be read, or a model fails.
    pub fn twin<'s>(&'s mut self, script: &'s Script<'_>, clip: &Clip) -> Result<Twin<'s>> {
        let (_, sight) = seen(script, &clip.id)?;
        let (source, around) = match script.set {
            Set::HumanOnly => ((self.open)(clip)?, Around::Colour(script.colour)),
            Set::BackgroundOnly => {
                let (source, plate) = self.uncovered(clip, sight)?;
                (source, plate.map_or(Around::Nothing, Around::Nobody))
            }
            Set::Scuba | Set::Scufo | Set::ConflFg => ((self.open)(clip)?, self.still(script, clip, sight)?),
            Set::SwapRandom | Set::SwapClose | Set::SwapFar | Set::SwapSame => {
                ((self.open)(clip)?, self.elsewhere(script, clip, sight)?)
            }
        };
        Ok(Twin::new(source, sight.frames, around, &mut self.cutter, script.inpainter))
    }

    /// A still background, with what is done before it.
    fn still<'s>(&mut self, script: &Script<'_>, clip: &Clip, sight: &Sight) -> Result<Around<'s>> {
        // The same dice for all three sets: they go together.
        let mut dice = dice(script.seed, &[&clip.id]);
        let chosen = dice.below(sight.frames.max(1) as usize) as u64;
        let backdrop = script.backdrops.draw(&mut dice, Size::new(sight.size[0], sight.size[1])?)?;
        match script.set {
            Set::Scufo => Ok(Around::Still(Still { backdrop, chosen, wanted: Vec::new(), lent: 0, made: None })),
            Set::ConflFg => Ok(Around::Conflict(backdrop, self.bystander(script, clip, sight)?)),
            _ => Ok(Around::Backdrop(backdrop)),
        }
    }

    /// Somebody of the clip's other clip, in one frame of it.
    fn bystander(&mut self, script: &Script<'_>, clip: &Clip, sight: &Sight) -> Result<Cutout> {
        let (other, seen) = self.other(script, clip)?;
        let mut source = (self.open)(other)?;
        let chosen = dice(script.seed, &["bystander", &clip.id]).below(seen.frames.max(1) as usize) as u64;
        source.select(&[chosen])?;
        let mut ahead = Ahead::default();
        let Some((frame, person)) = ahead.next(source.as_mut(), &mut self.cutter)? else {
            let got = format!("the end of {}", source.name());
            return Err(Error::new(Stage::Source, format!("frame {chosen}"), got, "remove the survey"));
        };
        Cutout::new(&frame, person, sight.size[0], sight.size[1])
    }

    /// The background of the clip's other clip.
    fn elsewhere<'s>(&mut self, script: &Script<'_>, clip: &Clip, sight: &Sight) -> Result<Around<'s>> {
        let (other, behind) = self.other(script, clip)?;
        let (source, plate) = self.uncovered(other, behind)?;
        // The person is moved to where the other one was, where there was one.
        let shift = match (sight.centroid, behind.centroid) {
            (Some(own), Some(theirs)) => {
                [0, 1].map(|axis| ((theirs[axis] - own[axis]) * f64::from(sight.size[axis])).round() as i64)
            }
            _ => [0; 2],
        };
        Ok(Around::Elsewhere(Box::new(Elsewhere {
            source,
            ahead: Ahead::default(),
            plate,
            count: behind.frames,
            shift,
            last: None,
        })))
    }

    /// The frames of `clip` and what lies behind its person; none where the frames were uncovered elsewhere.
    fn uncovered(&mut self, clip: &Clip, sight: &Sight) -> Result<(Box<dyn Source>, Option<Plate>)> {
        if let Some(folder) = &clip.uncovered {
            let uncovered = Clip::new(clip.id.clone(), clip.label.clone(), Some(folder.clone()));
            let mut source = (self.open)(&uncovered)?;
            let frames = source.count()?;
            if frames != sight.frames {
                let expected = format!("{} frames in {}", sight.frames, folder.display());
                return Err(Error::new(Stage::Source, expected, frames, "make those that are missing"));
            }
            return Ok((source, None));
        }
        let mut source = (self.open)(clip)?;
        let plate = Plate::take(source.as_mut(), sight.frames, &mut self.cutter)?;
        Ok((source, Some(plate)))
    }

    /// The clip that goes with `clip`.
    fn other<'s>(&self, script: &'s Script<'_>, clip: &Clip) -> Result<(&'s Clip, &'s Sight)> {
        let other = script.casting.get(&clip.id).and_then(Option::as_ref);
        let other = other.ok_or_else(|| uncast(&clip.id))?;
        let (_, sight) = seen(script, other)?;
        Ok((script.clips.get(other.as_str()).ok_or_else(|| uncast(other))?, sight))
    }
}

fn seen<'s>(script: &'s Script<'_>, clip: &str) -> Result<&'s (String, Sight)> {
    script.surveys.clips.get(clip).ok_or_else(|| uncast(clip))
}

fn uncast(clip: &str) -> Error {
    let got = format!("{clip:?}, which is not in it, or could not be read");
    Error::new(Stage::DataSet, "a clip of the set", got, "check DATA, --format and --swaps")
}
