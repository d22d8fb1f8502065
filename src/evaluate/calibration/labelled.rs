//! Fits a gate to records of clips with true classes, in three parts.
//!
//! The first part fits the temperature, which minimises the cross-entropy of the true classes in the full view, and the
//! weights of the risk. The second part chooses the score of the risk, tau, and the order in which thresholds of the
//! risk are tested. The third part tests these thresholds: see [`Bound`]. tau is fixed before.

use super::bound::{AcceptedLabel, sequence, threshold, unreachable};
use super::figures::Figures;
use super::parts::{Parts, video};
use super::risk_weights::fit_weights;
use super::tau::{self, TauRule};
use super::{Bound, fit_temperature};
use crate::error::Result;
use crate::evaluate::Record;
use crate::evaluate::metrics::bootstrap::{Estimate, estimate};
use crate::evaluate::metrics::{Classes, ScoredClip, score_records, selective};
use crate::evaluate::record::ClipOutcome;
use crate::gate::{
    Calibration, CalibrationKind, GateSettings, ProbeThreshold, RiskSettings, RiskWeights, ScoreKind, Verdict,
};
use crate::timestamp::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// tau below every dominance: the gate then flags whatever the background ranks first.
const LEAST_TAU: f32 = -2.0;

/// A fitted gate, what was chosen, and its coverage and risk on the clips of the bound.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// Settings of the gate.
    pub settings: GateSettings,
    /// Number of clips in each part: those that fitted, chose, and tested the bound.
    pub parts: [usize; 3],
    /// Number of videos of the clips of the bound. Clips of one video are not independent, and the bound is for
    /// independent clips.
    pub bound_videos: usize,
    /// AURC of the risk less that of maximum softmax, on the clips that chose; `None` if no weights could be fitted.
    pub aurc_less_max_softmax: Option<Estimate>,
    /// The rule that chose tau.
    pub tau: TauRule,
    /// Fraction of the clips of the bound that the gate accepts.
    pub coverage: f64,
    /// Fraction of wrong labels among the accepted.
    pub risk: f64,
}

/// Fits a gate to `records` over the classes `names`. The score of the risk is `score`; `None` chooses
/// [`ScoreKind::Risk`] if it orders labels better than maximum softmax beyond chance, else maximum softmax. `source`
/// names the records in the calibration.
///
/// # Errors
/// Returns an error if the bound is out of range, if there are too few clips or videos, if the best temperature is at
/// the edge of its range, if `score` needs weights that these clips cannot fit, or if no threshold keeps the bound; it
/// then names the smallest risk that a threshold keeps.
pub fn fit(
    records: &[&Record],
    names: &[String],
    settings: &GateSettings,
    score: Option<ScoreKind>,
    bound: Bound,
    source: String,
) -> Result<Fitted> {
    bound.validate()?;
    let records: Vec<&Record> = records.iter().copied().filter(|record| record.outcome.is_scored()).collect();
    let parts = Parts::of(&records)?;
    let temperature = fit_temperature(&logits(&parts.fit, names))? as f32;
    let mut settings =
        GateSettings { temperature, risk: None, probe: Vec::new(), calibration: None, ..settings.clone() };
    let weights = fit_weights(&labels(&parts.fit, names, &settings)?);
    let candidates = GateSettings { threshold: LEAST_TAU, ..settings.clone() };
    let clips = judged(&parts.choose, names, &candidates)?;
    let (threshold_of_dominance, rule) = tau::choose(&clips, ScoreKind::Dominance);
    settings.threshold = threshold_of_dominance;
    settings.probe = probe_thresholds(&parts.choose, names, &candidates)?;
    let less_max_softmax = weights.map(|weights| aurc_difference(&parts.choose, names, &settings, weights));
    let less_max_softmax = less_max_softmax.transpose()?;
    let is_better = less_max_softmax.is_some_and(|difference| difference.high < 0.0);
    let score = score.unwrap_or(if is_better { ScoreKind::Risk } else { ScoreKind::MaxSoftmax });
    // The gate then rejects for every reason but the risk.
    let weights = weights.filter(|_| score == ScoreKind::Risk);
    let risk = RiskSettings { score, threshold: f32::MAX, weights };
    settings.risk = Some(risk);
    settings.validate()?;
    let chosen = accepted(&judged(&parts.choose, names, &settings)?, score);
    let tested = judged(&parts.bound, names, &settings)?;
    let labels = accepted(&tested, score);
    let Some(threshold) = threshold(&sequence(&chosen, bound), &labels, bound) else {
        return Err(unreachable(&chosen, &labels, bound, score));
    };
    settings.risk = Some(RiskSettings { threshold, ..risk });
    let Figures { flagged, mean_risk } = figures(&records, names, &settings)?;
    settings.calibration = Some(Calibration {
        kind: CalibrationKind::Labels,
        temperature,
        threshold: settings.threshold,
        risk_threshold: Some(threshold),
        on_background: settings.on_background,
        bound: Some([bound.risk, bound.delta]),
        clips: records.len() as u32,
        records: source,
        at: Timestamp::now().to_string(),
        flagged,
        mean_risk,
    });
    settings.validate()?;
    let accepted = || labels.iter().filter(|label| label.score <= threshold);
    let (count, wrong) = (accepted().count(), accepted().filter(|label| label.is_wrong).count());
    Ok(Fitted {
        settings,
        parts: [parts.fit.len(), parts.choose.len(), parts.bound.len()],
        bound_videos: parts.bound.iter().map(|record| video(record)).collect::<BTreeSet<_>>().len(),
        aurc_less_max_softmax: less_max_softmax,
        tau: rule,
        coverage: count as f64 / tested.len().max(1) as f64,
        risk: wrong as f64 / count.max(1) as f64,
    })
}

fn judged(records: &[&Record], names: &[String], settings: &GateSettings) -> Result<Vec<ScoredClip>> {
    score_records(records.iter().copied(), names, settings).map(|(clips, _)| clips)
}

/// Returns what a gate with `settings` does on all clips.
fn figures(records: &[&Record], names: &[String], settings: &GateSettings) -> Result<Figures> {
    let risk = |clip: &ScoredClip| settings.risk.and_then(|risk| clip.scores.get(risk.score));
    Ok(Figures::of(judged(records, names, settings)?.iter().map(|clip| (clip.verdict, risk(clip)))))
}

/// Returns the features of every label that a gate does not abstain from, and whether the label is wrong.
fn labels(
    records: &[&Record],
    names: &[String],
    settings: &GateSettings,
) -> Result<Vec<(crate::gate::RiskFeatures, bool)>> {
    let clips = judged(records, names, settings)?;
    let is_judged = |clip: &&ScoredClip| !matches!(clip.verdict, Verdict::Abstain(_));
    Ok(clips.iter().filter(is_judged).map(|clip| (clip.features, !clip.is_right())).collect())
}

/// Returns tau of the probe for each number of backgrounds on which records were probed.
fn probe_thresholds(records: &[&Record], names: &[String], settings: &GateSettings) -> Result<Vec<ProbeThreshold>> {
    let clips = judged(records, names, settings)?;
    let places: BTreeSet<u32> = clips.iter().filter_map(|clip| Some(clip.probe?.places())).collect();
    let fitted = places.into_iter().map(|places| {
        let probed = clips.iter().filter(|clip| clip.probe.is_some_and(|probe| probe.places() == places));
        let (threshold, _) = tau::choose(&probed.cloned().collect::<Vec<_>>(), ScoreKind::Probe);
        ProbeThreshold { places, threshold }
    });
    Ok(fitted.collect())
}

/// Returns the AURC of the risk less that of maximum softmax, over the labels that the attribution accepts. The
/// interval is from samples of videos.
fn aurc_difference(
    records: &[&Record],
    names: &[String],
    settings: &GateSettings,
    weights: RiskWeights,
) -> Result<Estimate> {
    let risk = Some(RiskSettings { score: ScoreKind::Risk, threshold: f32::MAX, weights: Some(weights) });
    let clips = judged(records, names, &GateSettings { risk, ..settings.clone() })?;
    let videos: BTreeMap<&str, &str> = records.iter().map(|record| (record.clip.as_str(), video(record))).collect();
    let mut groups: BTreeMap<&str, Vec<&ScoredClip>> = BTreeMap::new();
    for clip in clips.iter().filter(|clip| clip.verdict == Verdict::Accept) {
        groups.entry(videos[clip.name.as_str()]).or_default().push(clip);
    }
    let groups: Vec<Vec<&ScoredClip>> = groups.into_values().collect();
    let aurc = |score: ScoreKind, groups: &[&Vec<&ScoredClip>]| {
        let clips = groups.iter().flat_map(|group| group.iter());
        let ordered: Vec<(f64, bool)> =
            clips.filter_map(|clip| Some((clip.confidence(score)?, !clip.is_right()))).collect();
        selective::aurc(&ordered)
    };
    Ok(estimate(&groups, |groups| aurc(ScoreKind::Risk, groups) - aurc(ScoreKind::MaxSoftmax, groups)))
}

/// Returns the labels that a gate accepts, with their score.
fn accepted(clips: &[ScoredClip], score: ScoreKind) -> Vec<AcceptedLabel> {
    let accepted = clips.iter().filter(|clip| clip.verdict == Verdict::Accept);
    let label = |clip: &ScoredClip| Some(AcceptedLabel { score: clip.scores.get(score)?, is_wrong: !clip.is_right() });
    accepted.filter_map(label).collect()
}

/// Returns the full view's logits and the index of the true class of each scored clip.
fn logits(records: &[&Record], names: &[String]) -> Vec<(Vec<f32>, usize)> {
    let classes = Classes::new(names);
    let logits_and_truth = |record: &&Record| match (&record.outcome, classes.index(&record.truth)) {
        (ClipOutcome::Scored { logits, .. }, Some(truth)) => Some((logits.full.clone(), truth)),
        _ => None,
    };
    records.iter().filter_map(logits_and_truth).collect()
}
