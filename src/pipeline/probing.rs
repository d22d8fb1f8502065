//! Probes: the person of a doubted window is asked elsewhere.

use crate::bundle::{Backgrounds, Bundle, MAX_BACKGROUNDS};
use crate::clip_encoder::{ClipEncoder, Timing};
use crate::error::{Error, Result, Setting, Stage};
use crate::gate::{Evidence, Gate, GateSettings, Probe};
use crate::view::View;
use std::path::Path;

/// The windows that are probed. A window without a person never is: there is nobody to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbedWindows {
    /// Those that the gate doubts. The gate must be calibrated for the number of places.
    Doubted,
    /// All of them, to measure: with any number of places.
    All,
}

/// How persons are asked elsewhere: the masked person of a window is pasted onto other backgrounds, and the gate
/// learns in how many of them it still gets the window's label.
#[derive(Clone, Debug)]
pub struct ProbeSettings {
    /// Pictures of places.
    backgrounds: Backgrounds,
    /// Number of places: the first ones of the bank.
    places: usize,
    /// Which windows are probed.
    windows: ProbedWindows,
}

impl ProbeSettings {
    /// Creates the settings of probes in the first `places` pictures of `folder`, or of the bundle's bank if there is
    /// no folder.
    ///
    /// # Errors
    /// Returns an error if there is no bank, it has too few or too many pictures or an invalid one, or `places` is 0.
    pub fn new(bundle: &Bundle, folder: Option<&Path>, places: usize, windows: ProbedWindows) -> Result<Self> {
        if !(1..=MAX_BACKGROUNDS).contains(&places) {
            let next = "choose another number of places";
            return Err(refused(format!("1 to {MAX_BACKGROUNDS} places"), places, next));
        }
        let settings = &bundle.manifest().vision.preprocess;
        let backgrounds = match folder {
            Some(folder) => Backgrounds::read_folder(folder, settings, places)?,
            None => bundle.backgrounds()?.ok_or_else(|| {
                let got = format!("{} without one", bundle.manifest().name);
                let next = "pass a folder with pictures of places without people";
                refused("a bundle with a bank of backgrounds", got, next).about(Setting::ProbeBank)
            })?,
        };
        if backgrounds.len() < places {
            let got = format!("a bank of {} pictures", backgrounds.len());
            let next = "probe fewer places, or pass a folder with more pictures";
            let error = refused(format!("{places} pictures of places"), got, next);
            return Err(error.about(Setting::Probe).about(Setting::ProbeBank));
        }
        Ok(Self { backgrounds, places, windows })
    }

    /// Checks that `gate` has a threshold for this number of places.
    ///
    /// # Errors
    /// Returns an error with the numbers that it has thresholds for.
    pub fn expect_calibrated(&self, gate: &GateSettings) -> Result<()> {
        if gate.probe_threshold(self.places as u32).is_some() {
            return Ok(());
        }
        let known: Vec<String> = gate.probe.iter().map(|threshold| threshold.places.to_string()).collect();
        let (got, next) = match known.is_empty() {
            true => ("one that is calibrated for none".to_owned(), "validate with every window probed, then calibrate"),
            false => (format!("one for {}", known.join(", ")), "probe as many places, or calibrate for this number"),
        };
        let expected = format!("a gate that is calibrated for probes in {} places", self.places);
        Err(refused(expected, got, next).about(Setting::Probe))
    }

    /// Returns the number of places.
    pub fn places(&self) -> usize {
        self.places
    }

    /// Returns which windows are probed.
    pub fn windows(&self) -> ProbedWindows {
        self.windows
    }

    /// Returns the SHA-256 of the pictures of the places.
    pub fn fingerprint(&self) -> String {
        self.backgrounds.fingerprint(self.places)
    }

    /// Returns the bank.
    pub(super) fn backgrounds(&self) -> &Backgrounds {
        &self.backgrounds
    }
}

/// The probes of a pipeline.
#[derive(Debug)]
pub(super) struct Probing {
    windows: ProbedWindows,
    /// The first label of the person in each place.
    labels: Vec<usize>,
}

impl Probing {
    pub fn new(settings: &ProbeSettings) -> Self {
        Self { windows: settings.windows, labels: Vec::with_capacity(settings.places) }
    }

    /// Asks the person of the window in the slots `order` elsewhere, if `gate` doubts its label or all windows are
    /// probed: in how many places does the person keep the label?
    pub fn ask(
        &mut self,
        order: &[usize],
        evidence: &Evidence<'_>,
        gate: &Gate,
        encoder: &mut dyn ClipEncoder,
        timing: &mut Timing,
    ) -> Result<Option<Probe>> {
        let visibility = evidence.visibility();
        let has_person = 2 * visibility.frames_with_person >= visibility.frames;
        if !has_person || (self.windows == ProbedWindows::Doubted && !gate.doubts(evidence)) {
            return Ok(None);
        }
        self.labels.clear();
        encoder.probe(order, &mut self.labels, timing)?;
        let label = gate.top::<1>(evidence)[View::Full.index()].first().map(|best| best.class);
        let kept = self.labels.iter().filter(|&&other| Some(other) == label).count();
        Probe::new(self.labels.len() as u32, kept as u32).map(Some)
    }
}

fn refused(expected: impl core::fmt::Display, got: impl core::fmt::Display, next: impl core::fmt::Display) -> Error {
    Error::new(Stage::Pipeline, expected, got, next)
}
