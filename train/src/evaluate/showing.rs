//! What of a clip is shown: a view of it, or it before another background, or one still of it.

use crate::compose::over_backdrop;
use crate::footage::{Footage, Masks};
use figureground::Result;
use figureground::mask::Shape;
use figureground::view::{Fill, View, ViewComposer};

/// Decides what an encoder sees of a clip.
pub trait Showing: Sync {
    /// Writes the `pixel_values` [3, height, width] of frame `frame` of clip `clip`.
    ///
    /// # Errors
    /// When the footage has another size.
    fn show(&self, footage: &[Footage], clip: usize, frame: usize, out: &mut [f32]) -> Result<()>;
}

/// One of the runtime's three views.
#[derive(Clone, Copy, Debug)]
pub struct OneView {
    /// Which.
    pub view: View,
    /// By whose masks.
    pub masks: Masks,
    /// What hides pixels.
    pub fill: Fill,
    /// What objects become in the Person view (Eq. 5); without it they are hidden like the background (Eq. 2).
    pub object_fill: Option<Fill>,
}

impl Showing for OneView {
    fn show(&self, footage: &[Footage], clip: usize, frame: usize, out: &mut [f32]) -> Result<()> {
        let clip = &footage[clip];
        clip.pixel_values(frame, out);
        if self.view == View::Full {
            return Ok(());
        }
        let mut views = vec![0.0; 3 * out.len()];
        let mut regions = clip.whereabouts(frame, self.masks).regions();
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
pub struct Still;

impl Showing for Still {
    fn show(&self, footage: &[Footage], clip: usize, _frame: usize, out: &mut [f32]) -> Result<()> {
        footage[clip].pixel_values(footage[clip].frames() / 2, out);
        Ok(())
    }
}

/// Background-Only: the scene without anybody.
#[derive(Clone, Copy, Debug)]
pub struct Backdrop;

impl Showing for Backdrop {
    fn show(&self, footage: &[Footage], clip: usize, _frame: usize, out: &mut [f32]) -> Result<()> {
        footage[clip].backdrop(out);
        Ok(())
    }
}

/// The person of each clip before a still background: SCUBA, and with `still`, SCUFO.
#[derive(Clone, Debug)]
pub struct Before<'a> {
    /// A background [3, height, width] for each clip.
    pub backdrops: &'a [Vec<f32>],
    /// Whether one frame is shown for the whole clip.
    pub still: bool,
    /// A clip whose still person stands in the picture too: ConflFG.
    pub intruder: Option<&'a [usize]>,
}

impl Showing for Before<'_> {
    fn show(&self, footage: &[Footage], clip: usize, frame: usize, out: &mut [f32]) -> Result<()> {
        let own = &footage[clip];
        let frame = if self.still { own.frames() / 2 } else { frame };
        let mut behind = self.backdrops[clip].clone();
        if let Some(intruder) = self.intruder {
            let other = &footage[intruder[clip]];
            let middle = other.frames() / 2;
            let mut stranger = vec![0.0; out.len()];
            other.pixel_values(middle, &mut stranger);
            over_backdrop(&mut stranger, other.whereabouts(middle, Masks::Exact).person(), &behind);
            behind = stranger;
        }
        own.pixel_values(frame, out);
        let person: &Shape = own.whereabouts(frame, Masks::Exact).person();
        over_backdrop(out, person, &behind);
        Ok(())
    }
}
