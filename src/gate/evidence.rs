//! The evidence of a verdict.

use super::{GateSettings, Probe};
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
    /// Number of distinct frames among them, at least 1.
    pub distinct_frames: u32,
    /// Whether the source is a still picture.
    pub is_still: bool,
}

impl Visibility {
    /// Computes the visibility of a window from the areas of its frames, all of them distinct.
    pub fn of(areas: impl IntoIterator<Item = Areas>, settings: &GateSettings) -> Self {
        let (mut person, mut background, mut frames_with_person, mut frames) = (0.0, 0.0, 0, 0);
        for area in areas {
            person += f64::from(area.person);
            background += f64::from(area.background);
            frames_with_person += u32::from(area.person >= settings.min_person_area);
            frames += 1;
        }
        let mean = |sum: f64| (sum / f64::from(frames.max(1))) as f32;
        let (person_area, background_area) = (mean(person), mean(background));
        let distinct_frames = frames;
        Self { person_area, background_area, frames_with_person, frames, distinct_frames, is_still: false }
    }

    /// Returns the visibility in one frame, in which the person is visible if it covers `min_person_area`.
    pub fn of_areas(person_area: f32, background_area: f32, settings: &GateSettings) -> Self {
        Self::of([Areas { person: person_area, background: background_area }], settings)
    }

    /// Returns this visibility with another number of distinct frames, of a source that is a still picture or not.
    pub fn with_distinct_frames(self, distinct_frames: u32, is_still: bool) -> Self {
        Self { distinct_frames, is_still, ..self }
    }
}

/// The evidence of a verdict: class logits of the three views, and their visibility.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub(super) logits: [&'a [f32]; 3],
    pub(super) visibility: Visibility,
    pub(super) probe: Option<Probe>,
}

impl<'a> Evidence<'a> {
    /// Creates evidence from `logits`: `[classes]` of each view in the order of
    /// [`View::index`](crate::view::View::index). Log-probabilities work as well, because the gate normalises them.
    ///
    /// # Errors
    /// Returns an error if there is no class or no frame, the views have different numbers of classes, or a number is
    /// not finite.
    pub fn new(logits: [&'a [f32]; 3], visibility: Visibility) -> Result<Self> {
        let refuse = |expected: &str, got: &dyn core::fmt::Display| {
            Err(Error::new(Stage::Gate, expected, got, "pass the scores of one label bank for one window"))
        };
        let [full, person, background] = logits.map(<[f32]>::len);
        if full == 0 || full != person || full != background {
            return refuse("the same classes for each view", &format_args!("{full}, {person} and {background}"));
        }
        if !logits.iter().all(|view| view.iter().all(|value| value.is_finite())) {
            return refuse("finite logits", &"NaN or infinity");
        }
        if visibility.frames == 0 || visibility.frames_with_person > visibility.frames {
            let got = format_args!("{} frames, {} with a person", visibility.frames, visibility.frames_with_person);
            return refuse("a window with frames", &got);
        }
        if visibility.distinct_frames == 0 || visibility.distinct_frames > visibility.frames {
            let got = format_args!("{} of {} frames", visibility.distinct_frames, visibility.frames);
            return refuse("distinct frames, at most all of them", &got);
        }
        let areas = [visibility.person_area, visibility.background_area];
        if let Some(area) = areas.iter().find(|area| !(0.0..=1.0).contains(*area)) {
            return refuse("areas from 0 to 1", area);
        }
        Ok(Self { logits, visibility, probe: None })
    }

    /// Adds the result of a probe for the predicted class.
    #[must_use]
    pub fn with_probe(self, probe: Probe) -> Self {
        Self { probe: Some(probe), ..self }
    }

    /// Returns the visibility of the person and the background.
    pub fn visibility(&self) -> Visibility {
        self.visibility
    }
}
