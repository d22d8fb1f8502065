//! Fits the thresholds of a gate to ordinary footage without labels, so that a stated share of it is flagged.
//!
//! Windows that the gate abstains from count for nothing. tau of dominance is the smallest threshold from 0 on at which
//! at most the share of the judged windows is flagged as the background's. Where the gate has a test of the risk, its
//! threshold is then the smallest at which at most the share is flagged in all. Each source is judged in the order of
//! its windows, with the hysteresis of a stream. The temperature stays, because only labels can tell it.

use super::figures::Figures;
use crate::error::{Error, Result, Setting, Stage};
use crate::evaluate::record::ViewLogits;
use crate::gate::{
    AbstainReason, Calibration, CalibrationKind, Evidence, Gate, GateSettings, Judgement, RiskSettings, Verdict,
    Visibility,
};
use crate::pipeline::WindowResult;
use crate::timestamp::Timestamp;
use crate::view::View;
use std::collections::BTreeMap;

/// Smallest number of judged windows that a gate is fitted to.
pub const MIN_WINDOWS: usize = 20;
/// Number of flagged windows that the share must come to.
const MIN_FLAGGED: f64 = 5.0;

/// The evidence of one window of ordinary footage.
#[derive(Clone, Debug, PartialEq)]
pub struct FootageWindow {
    /// Logits of the gate.
    logits: ViewLogits,
    /// Visible areas of person and background.
    visibility: Visibility,
}

impl FootageWindow {
    /// Copies the evidence of a window.
    pub fn new(result: &WindowResult<'_>) -> Self {
        Self::of(result.logits, result.visibility)
    }

    /// Creates the evidence from the logits `[classes]` of each view, in the order of [`View::index`].
    pub fn of(logits: [&[f32]; 3], visibility: Visibility) -> Self {
        Self { logits: ViewLogits::new(logits), visibility }
    }
}

/// Windows of ordinary footage, in the order in which they were seen.
#[derive(Clone, Debug, Default)]
pub struct Footage {
    /// Windows of each source.
    sources: Vec<Vec<FootageWindow>>,
    /// Names of these sources.
    names: Vec<String>,
}

impl Footage {
    /// Adds the windows of the source `name`, in their order; a source without any is ignored.
    pub fn add(&mut self, name: &str, windows: Vec<FootageWindow>) {
        if !windows.is_empty() {
            self.sources.push(windows);
            self.names.push(name.to_owned());
        }
    }

    /// Returns the number of windows.
    pub fn windows(&self) -> usize {
        self.sources.iter().map(Vec::len).sum()
    }

    /// Returns the number of sources with windows.
    pub fn sources(&self) -> usize {
        self.sources.len()
    }

    /// Returns the first source's name, and how many others there are.
    fn description(&self) -> String {
        match &self.names[..] {
            [] => String::new(),
            [only] => only.clone(),
            [first, others @ ..] => format!("{first} and {} more", others.len()),
        }
    }

    /// Judges all windows by a gate with `settings`, each source as a stream of its own.
    fn judge(&self, settings: &GateSettings) -> Result<Vec<Judgement>> {
        let mut gate = Gate::new(settings.clone())?;
        let mut judgements = Vec::with_capacity(self.windows());
        for windows in &self.sources {
            gate.reset();
            for window in windows {
                judgements.push(gate.judge(&Evidence::new(window.logits.views(), window.visibility)?));
            }
        }
        Ok(judgements)
    }
}

/// A gate that was fitted to footage without labels, and what it does on this footage. Shares are of the judged
/// windows.
#[derive(Clone, Debug, PartialEq)]
pub struct UnlabelledFit {
    /// Settings of the gate.
    pub settings: GateSettings,
    /// Number of windows.
    pub windows: usize,
    /// Number of windows that the gate does not abstain from.
    pub judged: usize,
    /// Number of abstentions, by reason.
    pub abstentions: BTreeMap<&'static str, usize>,
    /// Share of the windows that are flagged, between 0 and 1.
    pub flagged: f64,
    /// Share of the windows that are flagged because the background dominates, between 0 and 1.
    pub flagged_by_background: f64,
    /// Share of the windows that the gate flagged before, between 0 and 1.
    pub flagged_before: f64,
}

/// Returns the number of judged windows that a fit to `share` needs.
pub fn needed_windows(share: f64) -> usize {
    MIN_WINDOWS.max((MIN_FLAGGED / share).ceil() as usize)
}

/// Fits the thresholds of a gate with `settings` so that at most `share` of the judged windows of `footage` is flagged,
/// `share` between 0 and 1.
///
/// # Errors
/// Returns an error if the share is out of range, if there are fewer judged windows than [`needed_windows`], or if a
/// number of the footage is invalid.
pub fn fit_unlabelled(footage: &Footage, settings: &GateSettings, share: f64) -> Result<UnlabelledFit> {
    check_share(share)?;
    let before = Counts::of(&footage.judge(settings)?);
    let needed = needed_windows(share);
    if before.judged < needed {
        return Err(too_few(footage, &before, share, needed));
    }
    let mut fitted = GateSettings { calibration: None, ..settings.clone() };
    fitted.threshold = fit_tau(footage, &fitted, share)?;
    if let Some(risk) = fitted.risk {
        let threshold = fit_risk_threshold(footage, &fitted, risk, share)?;
        fitted.risk = Some(RiskSettings { threshold, ..risk });
    }
    let judgements = footage.judge(&fitted)?;
    let counts = Counts::of(&judgements);
    let with_risk = |judgement: &Judgement| (judgement.verdict, judgement.risk.map(|risk| risk.value));
    let Figures { flagged, mean_risk } = Figures::of(judgements.iter().map(with_risk));
    fitted.calibration = Some(Calibration {
        kind: CalibrationKind::Unlabelled,
        temperature: fitted.temperature,
        threshold: fitted.threshold,
        risk_threshold: fitted.risk.map(|risk| risk.threshold),
        on_background: fitted.on_background,
        bound: None,
        clips: u32::try_from(counts.judged).unwrap_or(u32::MAX),
        records: footage.description(),
        at: Timestamp::now().to_string(),
        flagged,
        mean_risk,
    });
    fitted.validate()?;
    Ok(UnlabelledFit {
        settings: fitted,
        windows: footage.windows(),
        judged: counts.judged,
        flagged: counts.share(counts.flagged),
        flagged_by_background: counts.share(counts.flagged_by_background),
        flagged_before: before.share(before.flagged),
        abstentions: counts.abstentions,
    })
}

/// Checks that `share` is between 0 and 1.
///
/// # Errors
/// Returns an error if it is not, or is not a number.
pub fn check_share(share: f64) -> Result<()> {
    if share > 0.0 && share < 1.0 {
        return Ok(());
    }
    let next = "choose another; 0.1 flags a tenth of ordinary footage";
    Err(Error::new(Stage::Gate, "a share between 0 and 1", share, next).about(Setting::Share))
}

/// Returns tau: the smallest threshold from 0 on at which the first test flags at most `share` of the judged windows.
fn fit_tau(footage: &Footage, settings: &GateSettings, share: f64) -> Result<f32> {
    let with_tau = |threshold| GateSettings { threshold, ..settings.clone() };
    let judgements = footage.judge(settings)?;
    let by_background = judgements.iter().filter(|judgement| is_judged(judgement) && judgement.background_rank == 1);
    let values = by_background.map(|judgement| judgement.attribution.value);
    smallest(candidates(values, settings.hysteresis, Some(0.0)), |tau| {
        let counts = Counts::of(&footage.judge(&with_tau(tau))?);
        Ok(counts.share(counts.flagged_by_background) <= share)
    })
}

/// Returns the smallest threshold of the risk at which both tests flag at most `share` of the judged windows.
fn fit_risk_threshold(footage: &Footage, settings: &GateSettings, risk: RiskSettings, share: f64) -> Result<f32> {
    let with_threshold =
        |threshold| GateSettings { risk: Some(RiskSettings { threshold, ..risk }), ..settings.clone() };
    let judgements = footage.judge(settings)?;
    let values = judgements.iter().filter(|judgement| is_judged(judgement));
    let values = values.filter_map(|judgement| judgement.risk.map(|risk| risk.value));
    smallest(candidates(values, settings.hysteresis, None), |threshold| {
        let counts = Counts::of(&footage.judge(&with_threshold(threshold))?);
        Ok(counts.share(counts.flagged) <= share)
    })
}

/// Returns the thresholds at which a verdict may change, ascending: the scores, with and without the hysteresis. None
/// is below `least`, which is one of them.
fn candidates(values: impl Iterator<Item = f32>, hysteresis: f32, least: Option<f32>) -> Vec<f32> {
    let mut all: Vec<f32> = values.flat_map(|value| [value, value + hysteresis]).chain(least).collect();
    all.retain(|threshold| least.is_none_or(|least| *threshold >= least));
    all.sort_by(f32::total_cmp);
    all.dedup();
    all
}

/// Returns the first of ascending `thresholds` that `keeps` the share, or the last: no score exceeds that one. A
/// threshold above one that keeps the share keeps it as well.
fn smallest(thresholds: Vec<f32>, mut keeps: impl FnMut(f32) -> Result<bool>) -> Result<f32> {
    let (mut low, mut high) = (0, thresholds.len().saturating_sub(1));
    while low < high {
        let middle = (low + high) / 2;
        if keeps(thresholds[middle])? { high = middle } else { low = middle + 1 }
    }
    Ok(thresholds.get(low).copied().unwrap_or(0.0))
}

fn is_judged(judgement: &Judgement) -> bool {
    !matches!(judgement.verdict, Verdict::Abstain(_))
}

/// Counts of verdicts.
#[derive(Debug, Default)]
struct Counts {
    judged: usize,
    flagged: usize,
    flagged_by_background: usize,
    abstentions: BTreeMap<&'static str, usize>,
}

impl Counts {
    fn of(judgements: &[Judgement]) -> Self {
        let mut counts = Self::default();
        for judgement in judgements {
            counts.judged += usize::from(is_judged(judgement));
            counts.flagged += usize::from(matches!(judgement.verdict, Verdict::Flag(_)));
            // By the test, because a gate that only notes the background does not flag by it.
            let is_by_background = judgement.background_rank == 1 && judgement.attribution.exceeds();
            counts.flagged_by_background += usize::from(is_judged(judgement) && is_by_background);
            if let (Verdict::Abstain(_), Some(reason)) = (judgement.verdict, judgement.verdict.reason()) {
                *counts.abstentions.entry(reason).or_default() += 1;
            }
        }
        counts
    }

    /// Returns `count` as a share of the judged windows.
    fn share(&self, count: usize) -> f64 {
        count as f64 / self.judged.max(1) as f64
    }
}

/// Returns `no-person 12, low-confidence 3`, or an empty text.
pub fn abstentions_text(abstentions: &BTreeMap<&'static str, usize>) -> String {
    let all: Vec<String> = abstentions.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
    all.join(", ")
}

fn too_few(footage: &Footage, counts: &Counts, share: f64, needed: usize) -> Error {
    let expected = format!("at least {needed} windows that the gate judges, for a share of {share}");
    let got = match (footage.windows(), abstentions_text(&counts.abstentions)) {
        (0, _) => "no window".to_owned(),
        (windows, reasons) if reasons.is_empty() => format!("{} of {windows} windows", counts.judged),
        (windows, reasons) => format!("{} of {windows} windows, abstentions: {reasons}", counts.judged),
    };
    let next = if needed > MIN_WINDOWS {
        "add footage in which people are seen, or choose a larger share"
    } else {
        "add footage in which people are seen"
    };
    Error::new(Stage::Gate, expected, got, next).about(Setting::Share)
}

/// A label that a view gives pictures without people.
#[derive(Clone, Debug, PartialEq)]
pub struct EmptyRoomLabel {
    /// Index of the class.
    pub class: usize,
    /// Number of windows in which a view gives the label: Full, Background.
    pub windows: [usize; 2],
    /// Largest probability of the label in these windows, 0 to 1, or 0 without any: Full, Background.
    pub largest_p: [f32; 2],
}

/// What the full and the background view say of windows without people.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EmptyRoom {
    /// Number of windows.
    pub windows: usize,
    /// Number of windows in which the segmenter sees a person in most frames all the same.
    pub with_person: usize,
    /// Labels that a view ranks first with at least [`GateSettings::min_confidence`], the most frequent first.
    pub labels: Vec<EmptyRoomLabel>,
}

impl EmptyRoom {
    /// Examines `empty`, footage without people, and those windows of `ordinary` footage in which no person is seen.
    ///
    /// # Errors
    /// Returns an error if a number of the footage is invalid.
    pub fn examine(empty: &Footage, ordinary: &Footage, settings: &GateSettings) -> Result<Self> {
        let mut gate = Gate::new(settings.clone())?;
        let (mut room, mut labels) = (Self::default(), BTreeMap::new());
        for (footage, is_known_to_be_empty) in [(empty, true), (ordinary, false)] {
            for window in footage.sources.iter().flatten() {
                gate.reset();
                let evidence = Evidence::new(window.logits.views(), window.visibility)?;
                let sees_person = gate.judge(&evidence).verdict != Verdict::Abstain(AbstainReason::NoPerson);
                if sees_person && !is_known_to_be_empty {
                    continue;
                }
                room.windows += 1;
                room.with_person += usize::from(sees_person);
                count_labels(&gate, &evidence, &mut labels);
            }
        }
        room.labels = labels.into_values().collect();
        room.labels.sort_by_key(|label| core::cmp::Reverse((label.windows[0].max(label.windows[1]), label.windows)));
        Ok(room)
    }
}

/// Counts the first label of the full and of the background view.
fn count_labels(gate: &Gate, evidence: &Evidence<'_>, labels: &mut BTreeMap<usize, EmptyRoomLabel>) {
    let top = gate.top::<1>(evidence);
    for (index, view) in [View::Full, View::Background].into_iter().enumerate() {
        let Some(first) = top[view.index()].first() else { continue };
        let p = first.log_p.exp();
        if p < gate.settings().min_confidence {
            continue;
        }
        let none = EmptyRoomLabel { class: first.class, windows: [0; 2], largest_p: [0.0; 2] };
        let label = labels.entry(first.class).or_insert(none);
        label.windows[index] += 1;
        label.largest_p[index] = label.largest_p[index].max(p);
    }
}
