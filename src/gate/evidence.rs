//! The evidence of a verdict.

use super::GateSettings;
use crate::error::{Error, Result, Stage};
use crate::view::Areas;

/// Visibility of the person and the background in the frames of a window.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visibility {
    /// Area of the person as a fraction of the crop, mean over the frames.
    pub person_area: f32,
    /// Area visible in the Background view as a fraction of the crop, mean over the frames.
    pub background_area: f32,
    /// Frames in which the person covers at least [`GateSettings::min_person_area`].
    pub frames_with_person: u32,
    /// Number of frames, at least 1.
    pub frames: u32,
}

impl Visibility {
    /// Computes the visibility of a window from the areas of its frames.
    pub fn of(areas: impl IntoIterator<Item = Areas>, settings: &GateSettings) -> Self {
        let (mut person, mut background, mut frames_with_person, mut frames) = (0.0, 0.0, 0, 0);
        for area in areas {
            person += f64::from(area.person);
            background += f64::from(area.background);
            frames_with_person += u32::from(area.person >= settings.min_person_area);
            frames += 1;
        }
        let mean = |sum: f64| (sum / f64::from(frames.max(1))) as f32;
        Self { person_area: mean(person), background_area: mean(background), frames_with_person, frames }
    }
}

/// The evidence of a verdict: class log-probabilities of the three views, and their visibility.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub(super) log_probs: [&'a [f32]; 3],
    pub(super) visibility: Visibility,
}

impl<'a> Evidence<'a> {
    /// Creates evidence from `log_probs`: `[classes]` of each view in the order of
    /// [`View::index`](crate::view::View::index). Logits work as well, because the gate normalises them.
    ///
    /// # Errors
    /// Returns an error if there is no class or no frame, the views have different numbers of classes, or a number is
    /// not finite.
    pub fn new(log_probs: [&'a [f32]; 3], visibility: Visibility) -> Result<Self> {
        let refuse = |expected: &str, got: &dyn core::fmt::Display| {
            Err(Error::new(Stage::Gate, expected, got, "pass the scores of one label bank for one window"))
        };
        let [full, person, background] = log_probs.map(<[f32]>::len);
        if full == 0 || full != person || full != background {
            return refuse("the same classes for each view", &format_args!("{full}, {person} and {background}"));
        }
        if !log_probs.iter().all(|view| view.iter().all(|value| value.is_finite())) {
            return refuse("finite log-probabilities", &"NaN or infinity");
        }
        if visibility.frames == 0 || visibility.frames_with_person > visibility.frames {
            let got = format_args!("{} frames, {} with a person", visibility.frames, visibility.frames_with_person);
            return refuse("a window with frames", &got);
        }
        let areas = [visibility.person_area, visibility.background_area];
        if let Some(area) = areas.iter().find(|area| !(0.0..=1.0).contains(*area)) {
            return refuse("areas from 0 to 1", area);
        }
        Ok(Self { log_probs, visibility })
    }

    /// Returns the visibility of the person and the background.
    pub fn visibility(&self) -> Visibility {
        self.visibility
    }
}
