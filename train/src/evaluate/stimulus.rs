//! What of a clip is shown: a view of it, or it before another background, or one still of it.

use crate::clip::{Masks, ProcessedClip};
use crate::compose::over_background;
use figureground::Result;
use figureground::mask::Shape;
use figureground::view::{Fill, View, ViewComposer};

/// Decides what an encoder sees of a clip.
pub trait Stimulus: Sync {
    /// Writes the `pixel_values` [3, height, width] of frame `frame` of clip `clip`.
    ///
    /// # Errors
    /// When the clips has another size.
    fn show(&self, clips: &[ProcessedClip], clip: usize, frame: usize, out: &mut [f32]) -> Result<()>;
}

/// One of the runtime's three views.
#[derive(Clone, Copy, Debug)]
pub struct SingleView {
    /// Which.
    pub view: View,
    /// By whose masks.
    pub masks: Masks,
    /// What hides pixels.
    pub fill: Fill,
    /// What objects become in the Person view (Eq. 5); without it they are hidden like the background (Eq. 2).
    pub object_fill: Option<Fill>,
}

impl Stimulus for SingleView {
    fn show(&self, clips: &[ProcessedClip], clip: usize, frame: usize, out: &mut [f32]) -> Result<()> {
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

/// Only the first of `frames` uniformly chosen frames' middle one, shown for the whole clip.
#[derive(Clone, Copy, Debug)]
pub struct StillFrame;

impl Stimulus for StillFrame {
    fn show(&self, clips: &[ProcessedClip], clip: usize, _frame: usize, out: &mut [f32]) -> Result<()> {
        clips[clip].pixel_values(clips[clip].frames() / 2, out);
        Ok(())
    }
}

/// Background-Only: the scene without anybody.
#[derive(Clone, Copy, Debug)]
pub struct BackgroundOnly;

impl Stimulus for BackgroundOnly {
    fn show(&self, clips: &[ProcessedClip], clip: usize, _frame: usize, out: &mut [f32]) -> Result<()> {
        clips[clip].background(out);
        Ok(())
    }
}

/// The person of each clip before a still background: SCUBA, and with `still`, SCUFO.
#[derive(Clone, Debug)]
pub struct OverBackground<'a> {
    /// A background [3, height, width] for each clip.
    pub backgrounds: &'a [Vec<f32>],
    /// Whether one frame is shown for the whole clip.
    pub still: bool,
    /// A clip whose still person stands in the picture too: ConflFG.
    pub intruder: Option<&'a [usize]>,
}

impl Stimulus for OverBackground<'_> {
    fn show(&self, clips: &[ProcessedClip], clip: usize, frame: usize, out: &mut [f32]) -> Result<()> {
        let own = &clips[clip];
        let frame = if self.still { own.frames() / 2 } else { frame };
        let mut behind = self.backgrounds[clip].clone();
        if let Some(intruder) = self.intruder {
            let other = &clips[intruder[clip]];
            let middle = other.frames() / 2;
            let mut stranger = vec![0.0; out.len()];
            other.pixel_values(middle, &mut stranger);
            over_background(&mut stranger, other.regions_of(middle, Masks::Exact).person(), &behind);
            behind = stranger;
        }
        own.pixel_values(frame, out);
        let person: &Shape = own.regions_of(frame, Masks::Exact).person();
        over_background(out, person, &behind);
        Ok(())
    }
}
