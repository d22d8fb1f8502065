//! What a verdict rests on.

use super::GateSettings;
use crate::error::{Error, Result, Stage};
use crate::view::Areas;

/// How much person and background the frames of a window showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Visibility {
    /// Fraction of the crop that the person covers, mean over the frames.
    pub person_area: f32,
    /// Fraction of the crop still visible in the Background view, mean over the frames.
    pub background_area: f32,
    /// Frames whose person covers at least [`GateSettings::min_person_area`].
    pub frames_with_person: u32,
    /// All frames, at least 1.
    pub frames: u32,
}

impl Visibility {
    /// The visibility of a window with these `areas`, one a frame.
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

/// What a verdict rests on: the class log-probabilities of the three views, and what they could show.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    pub(super) log_probs: [&'a [f32]; 3],
    pub(super) visibility: Visibility,
}

impl<'a> Evidence<'a> {
    /// `log_probs` holds `[classes]` of each view in the order of [`View::index`](crate::view::View::index). Logits do
    /// as well, because the gate normalises them.
    ///
    /// # Errors
    /// When there is no class or no frame, the views have different numbers of classes, or a number is not finite.
    pub fn new(log_probs: [&'a [f32]; 3], visibility: Visibility) -> Result<Self> {
        let refuse = |expected: &str, got: &dyn core::fmt::Display| {
            Err(Error::new(Stage::Gate, expected, got, "give the scores of one label bank on one window"))
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
        for area in [visibility.person_area, visibility.background_area] {
            if !(0.0..=1.0).contains(&area) {
                return refuse("areas from 0 to 1", &area);
            }
        }
        Ok(Self { log_probs, visibility })
    }

    /// How much person and background was visible.
    pub fn visibility(&self) -> Visibility {
        self.visibility
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEEN: Visibility = Visibility { person_area: 0.2, background_area: 0.6, frames_with_person: 8, frames: 8 };

    #[test]
    fn evidence_that_cannot_be_right_is_refused() {
        let refused = |log_probs, visibility| Evidence::new(log_probs, visibility).is_err();
        assert!(refused([&[], &[], &[]], SEEN));
        assert!(refused([&[0.0], &[0.0], &[0.0, 0.0]], SEEN));
        assert!(refused([&[0.0], &[f32::NAN], &[0.0]], SEEN));
        assert!(refused([&[0.0]; 3], Visibility { frames: 0, frames_with_person: 0, ..SEEN }));
        assert!(refused([&[0.0]; 3], Visibility { frames_with_person: 9, ..SEEN }));
        assert!(refused([&[0.0]; 3], Visibility { person_area: f32::NAN, ..SEEN }));
    }

    #[test]
    fn visibility_counts_the_frames_that_show_a_person() {
        let areas = [(0.0, 1.0), (0.01, 0.9), (0.5, 0.2)].map(|(person, background)| Areas { person, background });
        let visibility = Visibility::of(areas, &GateSettings::default());
        assert_eq!((visibility.frames_with_person, visibility.frames), (2, 3));
        assert!((visibility.person_area - 0.17).abs() < 1e-6 && (visibility.background_area - 0.7).abs() < 1e-6);
    }
}
