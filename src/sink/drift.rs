//! Whether the verdicts of a run still look like those that the gate was calibrated on.
//!
//! Two running figures of the judged windows, the share of flags and the mean risk, are compared with the figures of
//! the calibration. Abstentions count for nothing. A running figure is the plain mean of the first windows, and then
//! the exponential mean whose weights are worth [`LENGTH`] windows.
//!
//! A figure drifts if it differs by more than [`DriftSettings::tolerance`] and by more than [`STANDARD_ERRORS`]
//! standard errors, over at least [`MIN_WINDOWS`] windows. The standard error is that of the difference of two means,
//!
//! ```text
//! SE^2 = v ((1 + r) / (1 - r) / n + 1 / m)
//! ```
//!
//! with the number m of the calibration's clips, the number n of equally weighted windows that the running weights are
//! worth, the variance v of one window, and the correlation r of neighbouring windows, from 0 to [`MAX_CORRELATION`]:
//! windows of a stream overlap, and a person who goes on with one action is no drift. v and r are taken around the
//! calibration's figure c. For flags, v = s (1 - s) with s = (c m + 1) / (m + 2); for the risk, it is the running mean
//! of the squared distance from c.

use crate::gate::{CalibrationState, GateSettings, Judgement, Verdict};
use serde::Serialize;

/// Number of equally weighted windows that the weights of a running figure are worth.
pub const LENGTH: f64 = 1000.0;
/// Smallest number of judged windows that are compared.
pub const MIN_WINDOWS: u64 = 100;
/// Standard errors by which a figure must differ to drift.
pub const STANDARD_ERRORS: f64 = 4.0;
/// Largest correlation of neighbouring windows that is assumed.
pub const MAX_CORRELATION: f64 = 0.95;

/// The figures of a calibration, and by how much a run may differ from them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DriftSettings {
    /// Share of the calibration's clips that were flagged, 0 to 1.
    pub flagged: f64,
    /// Mean risk of these clips; `None` without a test of the risk.
    pub mean_risk: Option<f64>,
    /// Number of these clips.
    pub clips: u32,
    /// Difference that is no drift, 0 or more.
    pub tolerance: f64,
}

impl DriftSettings {
    /// The default of [`DriftSettings::tolerance`].
    pub const TOLERANCE: f64 = 0.1;

    /// Returns the figures of a gate's calibration; `None` if it has none.
    pub fn of(settings: &GateSettings, tolerance: f64) -> Option<Self> {
        let calibration = settings.calibration.as_ref()?;
        let (flagged, mean_risk) = (calibration.flagged?, calibration.mean_risk);
        Some(Self { flagged, mean_risk, clips: calibration.clips, tolerance })
    }
}

/// A running figure beside that of the calibration.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct DriftFigure {
    /// Over the last judged windows.
    pub running: f64,
    /// Over the calibration's clips; `None` if there is nothing to compare.
    pub calibration: Option<f64>,
    /// Whether they differ by more than chance and the tolerance explain.
    pub is_drifting: bool,
}

/// The figures of a run. Both are `None` before the first judged window, and the risk where the gate has no such test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Drift {
    /// Share of flagged windows, 0 to 1.
    pub flagged: Option<DriftFigure>,
    /// Mean risk.
    pub mean_risk: Option<DriftFigure>,
    /// Judged windows since the gate changed.
    pub windows: u64,
}

impl Drift {
    /// Returns whether a figure drifts.
    pub fn is_any(&self) -> bool {
        [self.flagged, self.mean_risk].into_iter().flatten().any(|figure| figure.is_drifting)
    }
}

/// Follows the figures of a run, and logs a warning once whenever one begins to drift.
#[derive(Clone, Debug, Default)]
pub struct DriftMonitor {
    /// Figures to compare with; `None` if the calibration has none.
    settings: Option<DriftSettings>,
    /// State of the calibration at the last window.
    calibrated: Option<CalibrationState>,
    flagged: RunningFigure,
    risk: RunningFigure,
    drift: Drift,
}

impl DriftMonitor {
    /// Creates a monitor of a new run; without `settings`, it only follows the figures.
    pub fn new(settings: Option<DriftSettings>) -> Self {
        Self { settings, ..Self::default() }
    }

    /// Takes the next window, and returns the figures.
    ///
    /// While labels or thresholds are not those of the calibration, nothing is compared; when they change, the figures
    /// begin anew.
    pub fn add(&mut self, judgement: &Judgement) -> Drift {
        if judgement.calibrated != self.calibrated {
            *self = Self { calibrated: judgement.calibrated, ..Self::new(self.settings) };
        }
        if matches!(judgement.verdict, Verdict::Abstain(_)) {
            return self.drift;
        }
        self.flagged.add(f64::from(u8::from(matches!(judgement.verdict, Verdict::Flag(_)))));
        if let Some(risk) = judgement.risk {
            self.risk.add(risk.value.into());
        }
        let before = self.drift;
        self.drift = self.compared();
        warn(before.flagged, self.drift.flagged, "share of flags", percent);
        warn(before.mean_risk, self.drift.mean_risk, "mean risk", |risk| format!("{risk:.2}"));
        self.drift
    }

    fn compared(&self) -> Drift {
        let is_comparable = matches!(self.calibrated, Some(CalibrationState::Labels | CalibrationState::Unlabelled));
        let settings = self.settings.filter(|_| is_comparable);
        let flagged = settings.map(|settings| Comparison::of_share(settings.flagged, settings));
        let mean_risk = settings.and_then(|settings| Some(Comparison::of_mean(settings.mean_risk?, settings)));
        Drift {
            flagged: self.flagged.compared(flagged, self.drift.flagged),
            mean_risk: self.risk.compared(mean_risk, self.drift.mean_risk),
            windows: self.flagged.windows,
        }
    }
}

/// A figure of the calibration to compare with.
#[derive(Clone, Copy, Debug)]
struct Comparison {
    figure: f64,
    /// Value around which variance and correlation are taken.
    centre: f64,
    /// Variance of one window; `None` if it is measured.
    variance: Option<f64>,
    settings: DriftSettings,
}

impl Comparison {
    fn of_share(share: f64, settings: DriftSettings) -> Self {
        let clips = f64::from(settings.clips);
        // Of the rule of succession: none of a few clips does not mean never.
        let centre = (share * clips + 1.0) / (clips + 2.0);
        Self { figure: share, centre, variance: Some(centre * (1.0 - centre)), settings }
    }

    fn of_mean(mean: f64, settings: DriftSettings) -> Self {
        Self { figure: mean, centre: mean, variance: None, settings }
    }
}

/// Logs that a figure begins or ceases to drift.
fn warn(before: Option<DriftFigure>, now: Option<DriftFigure>, name: &str, text: impl Fn(f64) -> String) {
    let Some(DriftFigure { running, calibration: Some(calibration), is_drifting }) = now else { return };
    let was_drifting = before.is_some_and(|figure| figure.is_drifting);
    let (running, calibration) = (text(running), text(calibration));
    if is_drifting && !was_drifting {
        log::warn!("the gate's {name} is {running}, and was {calibration} at its calibration: calibrate it again");
    } else if was_drifting && !is_drifting {
        log::info!(target: crate::NOTES, "the gate's {name} is {running} again, {calibration} at its calibration");
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A running mean with what its standard error needs.
#[derive(Clone, Copy, Debug, Default)]
struct RunningFigure {
    windows: u64,
    mean: f64,
    mean_square: f64,
    /// Mean product of neighbouring windows.
    mean_product: f64,
    /// Mean of the first and of the second of the neighbours, which differ at the ends.
    neighbour_means: [f64; 2],
    /// Sum of the squared weights, the inverse of the number of equally weighted windows.
    squared_weights: f64,
    last: f64,
}

impl RunningFigure {
    fn add(&mut self, value: f64) {
        self.windows += 1;
        let newest = weight(self.windows);
        update(&mut self.mean, value, newest);
        update(&mut self.mean_square, value * value, newest);
        self.squared_weights = self.squared_weights * (1.0 - newest).powi(2) + newest * newest;
        if self.windows > 1 {
            let newest = weight(self.windows - 1);
            update(&mut self.mean_product, value * self.last, newest);
            update(&mut self.neighbour_means[0], self.last, newest);
            update(&mut self.neighbour_means[1], value, newest);
        }
        self.last = value;
    }

    /// Returns the figure beside that of `comparison`; `before` is the figure of the last window.
    fn compared(&self, comparison: Option<Comparison>, before: Option<DriftFigure>) -> Option<DriftFigure> {
        let was_drifting = before.is_some_and(|figure| figure.is_drifting);
        let is_drifting = comparison.is_some_and(|comparison| {
            // Halfway back only, so that a figure at the limit does not warn again and again.
            let limit = self.limit(comparison) * if was_drifting { 0.5 } else { 1.0 };
            self.windows >= MIN_WINDOWS && (self.mean - comparison.figure).abs() > limit
        });
        let calibration = comparison.map(|comparison| comparison.figure);
        (self.windows > 0).then_some(DriftFigure { running: self.mean, calibration, is_drifting })
    }

    /// Returns the difference from `comparison` that the figure must exceed to drift.
    fn limit(&self, comparison: Comparison) -> f64 {
        let Comparison { centre, variance, settings, .. } = comparison;
        let measured = (self.mean_square - 2.0 * centre * self.mean + centre * centre).max(0.0);
        let variance = variance.unwrap_or(measured);
        let r = self.correlation(centre, measured);
        let windows = self.squared_weights * (1.0 + r) / (1.0 - r);
        let clips = 1.0 / f64::from(settings.clips.max(1));
        settings.tolerance.max(STANDARD_ERRORS * (variance * (windows + clips)).sqrt())
    }

    /// Returns the correlation of neighbouring windows around `centre`, from which their mean squared distance is
    /// `variance`.
    fn correlation(&self, centre: f64, variance: f64) -> f64 {
        let [first, second] = self.neighbour_means;
        let covariance = self.mean_product - centre * (first + second) + centre * centre;
        if variance > 0.0 { (covariance / variance).clamp(0.0, MAX_CORRELATION) } else { MAX_CORRELATION }
    }
}

/// Returns the weight of the newest of `count` values: that of a plain mean, until the exponential mean's is larger.
fn weight(count: u64) -> f64 {
    (1.0 / count as f64).max(2.0 / (LENGTH + 1.0))
}

fn update(mean: &mut f64, value: f64, weight: f64) {
    *mean += weight * (value - *mean);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::{
        Calibration, CalibrationKind, Evidence, Gate, OnBackground, RiskSettings, ScoreKind, Visibility,
    };

    /// A stream of windows in which a fraction `share` is flagged. A window repeats the one before with probability
    /// `repeats`.
    struct Stream {
        state: u64,
        /// An accepted and a flagged window.
        windows: [Judgement; 2],
        share: f64,
        repeats: f64,
        is_flagged: bool,
    }

    impl Stream {
        fn new(seed: u64, share: f64, repeats: f64) -> Self {
            let mut gate = calibrated_gate();
            let windows = [3.0, 0.0].map(|confidence| judged(&mut gate, confidence, 0.2));
            let mut stream = Self { state: seed, windows, share, repeats, is_flagged: false };
            stream.is_flagged = stream.unit() < share;
            stream
        }

        /// Returns a number from 0 to 1 (SplitMix64).
        fn unit(&mut self) -> f64 {
            self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        }

        fn next(&mut self) -> Judgement {
            if self.unit() >= self.repeats {
                self.is_flagged = self.unit() < self.share;
            }
            self.windows[usize::from(self.is_flagged)]
        }

        /// Returns the number of clips among `clips` independent ones that are flagged, as a fraction.
        fn calibration(&mut self, clips: u32) -> f64 {
            let flagged = (0..clips).filter(|_| self.unit() < self.share).count();
            flagged as f64 / f64::from(clips)
        }
    }

    /// Returns a gate that flags labels whose probability is below one half.
    fn calibrated_gate() -> Gate {
        let calibration = Calibration {
            kind: CalibrationKind::Labels,
            temperature: 1.0,
            threshold: 0.0,
            risk_threshold: Some(0.5),
            on_background: OnBackground::Flag,
            bound: None,
            clips: 400,
            records: String::new(),
            at: String::new(),
            flagged: None,
            mean_risk: None,
        };
        let risk = Some(RiskSettings::new(ScoreKind::MaxSoftmax, 0.5));
        let (hysteresis, calibration) = (0.0, Some(calibration));
        Gate::new(GateSettings { risk, hysteresis, calibration, ..GateSettings::default() }).unwrap()
    }

    /// Judges a window whose label has a logit of `confidence` above three others.
    fn judged(gate: &mut Gate, confidence: f32, person_area: f32) -> Judgement {
        let logits = [confidence + 0.1, 0.0, 0.0, 0.0];
        let visibility = Visibility::of_areas(person_area, 0.5, gate.settings());
        gate.judge(&Evidence::new([&logits; 3], visibility).unwrap())
    }

    fn monitor(flagged: f64, clips: u32) -> DriftMonitor {
        DriftMonitor::new(Some(DriftSettings { flagged, mean_risk: None, clips, tolerance: DriftSettings::TOLERANCE }))
    }

    /// Returns the first of `windows` windows of `stream` at which the share of flags drifts.
    fn first_drift(monitor: &mut DriftMonitor, stream: &mut Stream, windows: u64) -> Option<u64> {
        (1..=windows).find(|_| monitor.add(&stream.next()).is_any())
    }

    #[test]
    fn a_stream_like_the_calibration_does_not_drift() {
        for (share, repeats, clips) in
            [(0.02, 0.0, 400), (0.1, 0.0, 400), (0.3, 0.0, 400), (0.5, 0.0, 400), (0.3, 0.0, 50), (0.3, 0.8, 400)]
        {
            let drifted = (0..200).filter(|seed| {
                let mut stream = Stream::new(*seed, share, repeats);
                let mut monitor = monitor(stream.calibration(clips), clips);
                first_drift(&mut monitor, &mut stream, 10_000).is_some()
            });
            let drifted = drifted.count();
            assert!(drifted <= 2, "{drifted} of 200 runs with {share}, {repeats} and {clips}");
        }
    }

    #[test]
    fn twice_the_share_of_flags_drifts() {
        for (share, repeats, at_most) in [(0.2, 0.0, 1000), (0.3, 0.0, 1000), (0.3, 0.9, 10_000)] {
            let drifted = (0..100).filter(|seed| {
                let mut stream = Stream::new(*seed, share, repeats);
                let mut monitor = monitor(stream.calibration(400), 400);
                stream.share *= 2.0;
                first_drift(&mut monitor, &mut stream, at_most).is_some()
            });
            let drifted = drifted.count();
            assert!(drifted >= 97, "{drifted} of 100 runs with {share} and {repeats}");
        }
    }

    #[test]
    fn a_gate_that_flags_everything_drifts_after_a_hundred_windows_and_recovers_once() {
        let (mut monitor, mut stream) = (monitor(0.1, 400), Stream::new(0, 1.0, 0.0));
        assert_eq!(first_drift(&mut monitor, &mut stream, 1000), Some(MIN_WINDOWS));
        stream.share = 0.1;
        let states: Vec<bool> = (0..20_000).map(|_| monitor.add(&stream.next()).is_any()).collect();
        assert_eq!(
            states.iter().filter(|is_drifting| !**is_drifting).count(),
            states.iter().rev().take_while(|is_drifting| !**is_drifting).count()
        );
        assert!(!states[10_000]);
    }

    #[test]
    fn running_figures_are_means_of_the_judged_windows() {
        let (mut monitor, mut gate) = (DriftMonitor::new(None), calibrated_gate());
        assert_eq!(monitor.add(&judged(&mut gate, 3.0, 0.0)), Drift::default(), "an abstention");
        let risks: Vec<f64> = [3.0, 0.0, 3.0, 0.0, 0.0]
            .map(|confidence| {
                let judgement = judged(&mut gate, confidence, 0.2);
                monitor.add(&judgement);
                f64::from(judgement.risk.unwrap().value)
            })
            .into();
        monitor.add(&judged(&mut gate, 3.0, 0.0));
        let drift = monitor.add(&judged(&mut gate, 0.0, 0.0));
        let (flagged, mean_risk) = (drift.flagged.unwrap(), drift.mean_risk.unwrap());
        assert!(
            (flagged.running - 0.6).abs() < 1e-12
                && (mean_risk.running - risks.iter().sum::<f64>() / 5.0).abs() < 1e-12
        );
        assert_eq!((drift.windows, flagged.calibration, drift.is_any()), (5, None, false));
        // Old windows fade: a thousand later they weigh less than a seventh.
        let mut stream = Stream::new(0, 0.0, 0.0);
        let last = (0..1000).map(|_| monitor.add(&stream.next())).last().unwrap();
        assert!(last.flagged.unwrap().running < 0.6 / 7.0, "{last:?}");
    }

    #[test]
    fn a_mean_risk_that_differs_drifts() {
        let settings = DriftSettings { flagged: 0.0, mean_risk: Some(0.5), clips: 400, tolerance: 0.1 };
        let (mut monitor, mut stream) = (DriftMonitor::new(Some(settings)), Stream::new(0, 0.0, 0.0));
        let drift = (0..1000).map(|_| monitor.add(&stream.next())).last().unwrap();
        assert!(drift.mean_risk.unwrap().is_drifting && !drift.flagged.unwrap().is_drifting, "{drift:?}");
    }

    #[test]
    fn nothing_is_compared_while_a_threshold_is_overridden() {
        let mut monitor = monitor(0.0, 400);
        let mut stream = Stream::new(0, 1.0, 0.0);
        assert!(first_drift(&mut monitor, &mut stream, 200).is_some());
        let fitted = stream.windows[1].calibrated;
        stream.windows[1].calibrated = Some(CalibrationState::Overridden);
        let drift = monitor.add(&stream.next());
        assert_eq!((drift.windows, drift.flagged.unwrap().calibration), (1, None));
        assert_eq!(first_drift(&mut monitor, &mut stream, 1000), None);
        stream.windows[1].calibrated = fitted;
        assert_eq!(first_drift(&mut monitor, &mut stream, 1000), Some(MIN_WINDOWS));
    }

    #[test]
    fn a_calibration_without_figures_is_not_compared() {
        let mut gate = calibrated_gate().settings().clone();
        assert_eq!(DriftSettings::of(&gate, 0.1), None);
        gate.calibration.as_mut().unwrap().flagged = Some(0.2);
        let expected = DriftSettings { flagged: 0.2, mean_risk: None, clips: 400, tolerance: 0.1 };
        assert_eq!(DriftSettings::of(&gate, 0.1), Some(expected));
        assert_eq!(DriftSettings::of(&GateSettings::default(), 0.1), None);
    }
}
