//! Stimuli: a view of a clip, the clip over another background, or a still of it.

use crate::background::replace_background;
use crate::clip::{MaskSource, ProcessedClip};
use figureground::Result;
use figureground::view::{Fill, View, ViewComposer};

/// Decides what the encoder gets of a clip.
pub trait Stimulus: Sync {
    /// Writes the `pixel_values` [3, height, width] of frame `frame` of clip `clip`.
    ///
    /// # Errors
    /// Returns an error if `out` does not have the clip's size.
    fn write_frame(&self, clips: &[ProcessedClip], clip: usize, frame: usize, out: &mut [f32]) -> Result<()>;
}

/// One of the runtime's three views.
#[derive(Clone, Copy, Debug)]
pub struct SingleView {
    /// The view.
    pub view: View,
    /// The masks that it is composed by.
    pub masks: MaskSource,
    /// Fill that hides pixels.
    pub fill: Fill,
    /// Fill of objects in the Person view (Eq. 5); `None` hides them like the background (Eq. 2).
    pub object_fill: Option<Fill>,
}

impl Stimulus for SingleView {
    fn write_frame(&self, clips: &[ProcessedClip], clip: usize, frame: usize, out: &mut [f32]) -> Result<()> {
        let clip = &clips[clip];
        clip.pixel_values(frame, out);
        if self.view == View::Full {
            return Ok(());
        }
        let mut views = vec![0.0; 3 * out.len()];
        let mut regions = clip.regions_of(frame, self.masks).regions();
        if self.object_fill.is_none() {
            regions.objects = None;
        }
        ViewComposer::new(clip.size(), self.fill, self.object_fill).compose(out, &regions, &mut views)?;
        out.copy_from_slice(&views[self.view.index() * out.len()..][..out.len()]);
        Ok(())
    }
}

/// The middle frame, repeated for the whole clip.
#[derive(Clone, Copy, Debug)]
pub struct StillFrame;

impl Stimulus for StillFrame {
    fn write_frame(&self, clips: &[ProcessedClip], clip: usize, _frame: usize, out: &mut [f32]) -> Result<()> {
        clips[clip].pixel_values(clips[clip].frames() / 2, out);
        Ok(())
    }
}

/// The scene without people: HAT's Background-Only.
#[derive(Clone, Copy, Debug)]
pub struct BackgroundOnly;

impl Stimulus for BackgroundOnly {
    fn write_frame(&self, clips: &[ProcessedClip], clip: usize, _frame: usize, out: &mut [f32]) -> Result<()> {
        clips[clip].background(out);
        Ok(())
    }
}

/// The person of each clip over a still background: SCUBA, or SCUFO with a still person.
#[derive(Clone, Debug)]
pub struct OverBackground<'a> {
    /// A background [3, height, width] for each clip.
    pub backgrounds: &'a [Vec<f32>],
    /// Whether the middle frame is repeated for the whole clip.
    pub still: bool,
    /// For each clip, another one whose still person is added to the background: ConflFG.
    pub conflicting: Option<&'a [usize]>,
}

impl Stimulus for OverBackground<'_> {
    fn write_frame(&self, clips: &[ProcessedClip], clip: usize, frame: usize, out: &mut [f32]) -> Result<()> {
        let person_clip = &clips[clip];
        let frame = if self.still { person_clip.frames() / 2 } else { frame };
        let mut background = self.backgrounds[clip].clone();
        if let Some(conflicting) = self.conflicting {
            let other = &clips[conflicting[clip]];
            let middle = other.frames() / 2;
            let mut with_person = vec![0.0; out.len()];
            other.pixel_values(middle, &mut with_person);
            let person = other.regions_of(middle, MaskSource::Exact).person();
            replace_background(&mut with_person, person, &background);
            background = with_person;
        }
        person_clip.pixel_values(frame, out);
        replace_background(out, person_clip.regions_of(frame, MaskSource::Exact).person(), &background);
        Ok(())
    }
}
