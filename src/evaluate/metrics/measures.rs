//! All measures of a data set.

use super::bootstrap::{Estimate, estimate};
use super::{
    AttributionMeasures, BiasMeasures, CounterfactualClips, ScoredClip, Unscored, accuracy, exact, scores_of_all,
    selective,
};
use crate::gate::{FlagReason, ScoreKind, Verdict};
use crate::view::View;
use serde::Serialize;
use std::collections::BTreeMap;

/// Largest number of values of an attribute whose strata are measured.
const MAX_STRATA: usize = 40;
/// Coverages at which the risk is reported.
const COVERAGES: [f64; 6] = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// All measures of a data set.
#[derive(Clone, Debug, Serialize)]
pub struct Measures {
    /// Number of scored clips.
    pub clips: usize,
    /// Clips that were not scored, by reason.
    #[serde(flatten)]
    pub unscored: Unscored,
    /// Accuracies by name, in 0..=1.
    pub metrics: BTreeMap<&'static str, Estimate>,
    /// Selective classification by each score's name.
    pub gates: BTreeMap<&'static str, GateMeasures>,
    /// Effect of the gate's verdicts.
    pub verdicts: BTreeMap<&'static str, Estimate>,
    /// All classes with clips.
    pub classes: Vec<Class>,
    /// Metrics of every stratum, by attribute and value.
    pub strata: BTreeMap<String, BTreeMap<String, BTreeMap<&'static str, Estimate>>>,
    /// Labels of the full view against labels of the background view.
    pub confusion: Confusion,
    /// What explains the labels, if the clips are a crossed grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribution: Option<AttributionMeasures>,
    /// Measures of counterfactual clips, if some were scored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<BiasMeasures>,
}

/// Selective classification by one score.
#[derive(Clone, Debug, Serialize)]
pub struct GateMeasures {
    /// Area under the risk-coverage curve.
    pub aurc: Estimate,
    /// Excess AURC: the part that the best order would remove.
    pub e_aurc: Estimate,
    /// Area under the generalised risk-coverage curve.
    pub augrc: Estimate,
    /// `aurc` minus that of max-softmax, on the same samples: negative if this score is better.
    pub aurc_less_max_softmax: Estimate,
    /// Risk at coverages from 50 % to 100 %.
    pub risk_at: BTreeMap<String, Estimate>,
    /// AUROC of labels that are wrong because of the background; null if the backgrounds' classes are not known.
    pub auroc_wrong_by_background: Estimate,
    /// Risk at every coverage k/n.
    #[serde(skip)]
    pub curve: Vec<f64>,
}

/// Accuracy of one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    /// Name of the class.
    pub label: String,
    /// Number of clips.
    pub clips: usize,
    /// Top-1 accuracy of the full view.
    pub top1: Estimate,
    /// Top-1 accuracy of the person view.
    pub p_top1: Estimate,
    /// Top-1 accuracy of the background view.
    pub b_top1: Estimate,
    /// Mean probability of the class in the person view.
    pub p_person: f64,
    /// Mean probability of the class in the background view.
    pub p_background: f64,
}

/// Counts of pairs of labels: full view and background view.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Number of clips by label of the full view, then by label of the background view.
    pub counts: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Measures {
    /// Computes the measures of `clips` over the classes `names`, and of their counterfactual clips. Those of a crossed
    /// grid need the records, and are left out.
    pub fn of(
        clips: &[ScoredClip],
        unscored: Unscored,
        names: &[String],
        counterfactual: &CounterfactualClips,
    ) -> Self {
        Self {
            clips: clips.len(),
            unscored,
            metrics: metrics(clips),
            gates: scores_of_all(clips).map(|by| (by.name(), gate(clips, by))).collect(),
            verdicts: verdicts(clips),
            classes: classes(clips, names),
            strata: strata(clips),
            confusion: confusion(clips, names),
            attribution: None,
            counterfactual: BiasMeasures::of(clips, counterfactual, names),
        }
    }
}

fn metrics(clips: &[ScoredClip]) -> BTreeMap<&'static str, Estimate> {
    let played: Vec<&ScoredClip> = clips.iter().filter(|clip| clip.pointing.is_some()).collect();
    BTreeMap::from([
        ("top1", top1(clips, View::Full)),
        ("top5", exact::share(clips.iter().map(|clip| clip.in_top5))),
        ("mean_class", estimate(clips, |clips| accuracy::mean_class(clips.iter().copied()))),
        ("p_top1", top1(clips, View::Person)),
        ("b_top1", top1(clips, View::Background)),
        ("pointing", estimate(&played, |clips| accuracy::pointing(clips.iter().map(|clip| **clip)))),
        ("wrong_by_background", exact::share(clips.iter().filter_map(ScoredClip::is_wrong_by_background))),
    ])
}

fn top1<'a>(clips: impl IntoIterator<Item = &'a ScoredClip>, view: View) -> Estimate {
    exact::share(clips.into_iter().map(|clip| clip.best[view.index()] == clip.truth))
}

fn gate(clips: &[ScoredClip], by: ScoreKind) -> GateMeasures {
    let ordered_by = |by: ScoreKind, clips: &[&ScoredClip]| -> Vec<(f64, bool)> {
        clips.iter().filter_map(|clip| Some((clip.confidence(by)?, !clip.is_right()))).collect()
    };
    let ordered = |clips: &[&ScoredClip]| ordered_by(by, clips);
    let background = |clip: &ScoredClip| Some((-clip.confidence(by)?, clip.is_wrong_by_background()?));
    let background: Vec<(f64, bool)> = clips.iter().filter_map(background).collect();
    let all = ordered(&clips.iter().collect::<Vec<_>>());
    let risk_at = |coverage: f64| {
        let accepted = selective::accepted(all.len(), coverage);
        let risk = selective::risk_at(&all, coverage);
        (format!("{:.0}%", coverage * 100.0), exact::share_of(risk * accepted as f64, accepted))
    };
    GateMeasures {
        aurc: estimate(clips, |clips| selective::aurc(&ordered(clips))),
        e_aurc: estimate(clips, |clips| selective::e_aurc(&ordered(clips))),
        augrc: estimate(clips, |clips| selective::augrc(&ordered(clips))),
        aurc_less_max_softmax: estimate(clips, |clips| {
            selective::aurc(&ordered(clips)) - selective::aurc(&ordered_by(ScoreKind::MaxSoftmax, clips))
        }),
        risk_at: COVERAGES.map(risk_at).into(),
        auroc_wrong_by_background: selective::auroc_estimate(&background),
        curve: selective::risks(&all),
    }
}

fn verdicts(clips: &[ScoredClip]) -> BTreeMap<&'static str, Estimate> {
    let is_flagged = |clip: &ScoredClip| matches!(clip.verdict, Verdict::Flag(_));
    let is_accepted = |clip: &ScoredClip| matches!(clip.verdict, Verdict::Accept);
    let of_all = |holds: &dyn Fn(&ScoredClip) -> bool| exact::share(clips.iter().map(holds));
    let flagged_of = |right: bool| exact::share(clips.iter().filter(|clip| clip.is_right() == right).map(is_flagged));
    let by_person = |clip: &ScoredClip| clip.best[View::Person.index()];
    let replaced = |other: fn(&ScoredClip) -> usize| {
        let label = move |clip: &ScoredClip| if is_flagged(clip) { other(clip) } else { clip.label() };
        of_all(&|clip| label(clip) == clip.truth)
    };
    BTreeMap::from([
        ("flagged", of_all(&is_flagged)),
        ("accepted", of_all(&is_accepted)),
        ("abstained", of_all(&|clip| matches!(clip.verdict, Verdict::Abstain(_)))),
        ("right_flagged", flagged_of(true)),
        ("wrong_flagged", flagged_of(false)),
        ("top1_of_accepted", top1(clips.iter().filter(|clip| is_accepted(clip)), View::Full)),
        ("top1_by_person", of_all(&|clip| by_person(clip) == clip.truth)),
        ("top1_flagged_by_person", replaced(by_person)),
        ("top1_flagged_by_tie", replaced(|clip| clip.tie)),
        ("reasons_not_shown", exact::share(clips.iter().filter_map(is_reason_shown).map(|shown| !shown))),
    ])
}

/// Returns whether the views' first labels show the reason of a flag; `None` without a flag.
fn is_reason_shown(clip: &ScoredClip) -> Option<bool> {
    let Verdict::Flag(reason) = clip.verdict else { return None };
    let is_first = |view: View| clip.best[view.index()] == clip.label();
    Some(match reason {
        FlagReason::BackgroundDominates => is_first(View::Background),
        FlagReason::PersonDisagrees => !is_first(View::Person),
        FlagReason::LikelyWrong => is_first(View::Person),
    })
}

fn classes(clips: &[ScoredClip], names: &[String]) -> Vec<Class> {
    let of = |(index, label): (usize, &String)| {
        let clips: Vec<&ScoredClip> = clips.iter().filter(|clip| clip.truth == index).collect();
        let top1 = |view: View| top1(clips.iter().copied(), view);
        let mean = |view: View| {
            clips.iter().map(|clip| f64::from(clip.p_truth[view.index()])).sum::<f64>() / clips.len() as f64
        };
        (!clips.is_empty()).then(|| Class {
            label: label.clone(),
            clips: clips.len(),
            top1: top1(View::Full),
            p_top1: top1(View::Person),
            b_top1: top1(View::Background),
            p_person: mean(View::Person),
            p_background: mean(View::Background),
        })
    };
    names.iter().enumerate().filter_map(of).collect()
}

fn strata(clips: &[ScoredClip]) -> BTreeMap<String, BTreeMap<String, BTreeMap<&'static str, Estimate>>> {
    let mut groups: BTreeMap<&String, BTreeMap<&String, Vec<ScoredClip>>> = BTreeMap::new();
    for clip in clips {
        for (attribute, value) in &clip.strata {
            groups.entry(attribute).or_default().entry(value).or_default().push(clip.clone());
        }
    }
    groups.retain(|_, values| (2..=MAX_STRATA).contains(&values.len()));
    let measured = |values: BTreeMap<&String, Vec<ScoredClip>>| {
        values.into_iter().map(|(value, clips)| (value.clone(), metrics(&clips))).collect()
    };
    groups.into_iter().map(|(attribute, values)| (attribute.clone(), measured(values))).collect()
}

fn confusion(clips: &[ScoredClip], names: &[String]) -> Confusion {
    let mut counts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let name = |index: usize| names.get(index).cloned().unwrap_or_default();
    for clip in clips {
        let row = counts.entry(name(clip.label())).or_default();
        *row.entry(name(clip.best[View::Background.index()])).or_default() += 1;
    }
    Confusion { counts }
}
