//! All measures of a set.

use super::bootstrap::{Estimate, estimate};
use super::{BiasMeasures, Confidence, CounterfactualClips, ScoredClip, Unscored, accuracy, selective};
use crate::gate::Verdict;
use crate::view::View;
use serde::Serialize;
use std::collections::BTreeMap;

/// The most values that something said of clips may have to be taken for strata.
const MAX_STRATA: usize = 40;
/// Coverages at which the risk is told.
const COVERAGES: [f64; 6] = [0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// All measures of a set.
#[derive(Clone, Debug, Serialize)]
pub struct Measures {
    /// Clips that were scored.
    pub clips: usize,
    /// Clips that were not, and why.
    #[serde(flatten)]
    pub unscored: Unscored,
    /// Accuracies by name, in 0..=1.
    pub metrics: BTreeMap<&'static str, Estimate>,
    /// What each score buys, by its name.
    pub gates: BTreeMap<&'static str, GateMeasures>,
    /// What the gate's verdicts did.
    pub verdicts: BTreeMap<&'static str, Estimate>,
    /// Every class that has clips.
    pub classes: Vec<Class>,
    /// The metrics of every stratum, by what it is a stratum of and its name.
    pub strata: BTreeMap<String, BTreeMap<String, BTreeMap<&'static str, Estimate>>>,
    /// Labels of the whole picture against labels of the background alone.
    pub confusion: Confusion,
    /// What counterfactual clips tell, where there are such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counterfactual: Option<BiasMeasures>,
}

/// What a score buys.
#[derive(Clone, Debug, Serialize)]
pub struct GateMeasures {
    /// Area under the risk-coverage curve.
    pub aurc: Estimate,
    /// The part of it that a better order would take away.
    pub e_aurc: Estimate,
    /// Area under the generalised risk-coverage curve.
    pub augrc: Estimate,
    /// `aurc` less that of the maximum softmax, on the same draws: below 0 where this score is better.
    pub aurc_less_max_softmax: Estimate,
    /// Risk at coverages from 50 to 100 %.
    pub risk_at: BTreeMap<String, f64>,
    /// How well the score tells labels that are wrong because of the background; null where that is not known.
    pub auroc_wrong_by_background: Estimate,
    /// Risk at every coverage k/n.
    #[serde(skip)]
    pub curve: Vec<f64>,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Class {
    /// Its name.
    pub label: String,
    /// Its clips.
    pub clips: usize,
    /// Shares of them whose best class is this one: whole picture, person only, background only.
    pub top1: f64,
    /// See `top1`.
    pub p_top1: f64,
    /// See `top1`.
    pub b_top1: f64,
    /// Mean probability of this class by the person alone.
    pub p_person: f64,
    /// Mean probability of this class by the background alone.
    pub p_background: f64,
}

/// How often the whole picture got one label and its background another.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Confusion {
    /// Clips by label of the whole picture, then by label of the background.
    pub counts: BTreeMap<String, BTreeMap<String, usize>>,
}

impl Measures {
    /// The measures of `clips`, whose classes have these `names`, and of their `twins`.
    pub fn of(clips: &[ScoredClip], unscored: Unscored, names: &[String], twins: &CounterfactualClips) -> Self {
        Self {
            clips: clips.len(),
            unscored,
            metrics: metrics(clips),
            gates: Confidence::all().map(|by| (by.name(), gate(clips, by))).collect(),
            verdicts: verdicts(clips),
            classes: classes(clips, names),
            strata: strata(clips),
            confusion: confusion(clips, names),
            counterfactual: BiasMeasures::of(clips, twins, names),
        }
    }
}

fn metrics(clips: &[ScoredClip]) -> BTreeMap<&'static str, Estimate> {
    let top1 = |view: View| estimate(clips, move |clips| accuracy::top1(clips.iter().copied(), view));
    BTreeMap::from([
        ("top1", top1(View::Full)),
        ("top5", estimate(clips, |clips| accuracy::top5(clips.iter().copied()))),
        ("mean_class", estimate(clips, |clips| accuracy::mean_class(clips.iter().copied()))),
        ("p_top1", top1(View::Person)),
        ("b_top1", top1(View::Background)),
        ("pointing", estimate(clips, |clips| accuracy::pointing(clips.iter().copied()))),
    ])
}

fn gate(clips: &[ScoredClip], by: Confidence) -> GateMeasures {
    let ordered = |clips: &[&ScoredClip]| -> Vec<(f64, bool)> {
        clips.iter().map(|clip| (by.of(clip), !clip.is_right())).collect()
    };
    let plain = |clips: &[&ScoredClip]| -> Vec<(f64, bool)> {
        clips.iter().map(|clip| (Confidence::MaxSoftmax.of(clip), !clip.is_right())).collect()
    };
    let background = |clips: &[&ScoredClip]| {
        let known = clips.iter().filter_map(|clip| Some((-by.of(clip), clip.is_wrong_by_background()?)));
        selective::auroc(&known.collect::<Vec<_>>())
    };
    let all: Vec<&ScoredClip> = clips.iter().collect();
    let all = ordered(&all);
    let percent = |coverage: f64| format!("{:.0}%", coverage * 100.0);
    GateMeasures {
        aurc: estimate(clips, |clips| selective::aurc(&ordered(clips))),
        e_aurc: estimate(clips, |clips| selective::e_aurc(&ordered(clips))),
        augrc: estimate(clips, |clips| selective::augrc(&ordered(clips))),
        aurc_less_max_softmax: estimate(clips, |clips| {
            selective::aurc(&ordered(clips)) - selective::aurc(&plain(clips))
        }),
        risk_at: COVERAGES.map(|coverage| (percent(coverage), selective::risk_at(&all, coverage))).into(),
        auroc_wrong_by_background: estimate(clips, background),
        curve: selective::risks(&all),
    }
}

fn verdicts(clips: &[ScoredClip]) -> BTreeMap<&'static str, Estimate> {
    let is_flagged = |clip: &ScoredClip| matches!(clip.verdict, Verdict::Flag(_));
    let flagged_of = |right: bool| {
        estimate(clips, move |clips| {
            accuracy::share(clips.iter().copied().filter(|clip| clip.is_right() == right), is_flagged)
        })
    };
    let replaced = |other: fn(&ScoredClip) -> usize| {
        let label = move |clip: &ScoredClip| if is_flagged(clip) { other(clip) } else { clip.label() };
        estimate(clips, move |clips| accuracy::share(clips.iter().copied(), |clip| label(clip) == clip.truth))
    };
    let accepted = |clip: &ScoredClip| matches!(clip.verdict, Verdict::Accept);
    BTreeMap::from([
        ("flagged", estimate(clips, |clips| accuracy::share(clips.iter().copied(), is_flagged))),
        ("accepted", estimate(clips, |clips| accuracy::share(clips.iter().copied(), accepted))),
        ("right_flagged", flagged_of(true)),
        ("wrong_flagged", flagged_of(false)),
        (
            "top1_of_accepted",
            estimate(clips, |clips| accuracy::top1(clips.iter().copied().filter(|clip| accepted(clip)), View::Full)),
        ),
        ("top1_flagged_by_person", replaced(|clip| clip.best[View::Person.index()])),
        ("top1_flagged_by_tie", replaced(|clip| clip.tie)),
    ])
}

fn classes(clips: &[ScoredClip], names: &[String]) -> Vec<Class> {
    let of = |(index, label): (usize, &String)| {
        let clips: Vec<&ScoredClip> = clips.iter().filter(|clip| clip.truth == index).collect();
        let top1 = |view: View| accuracy::top1(clips.iter().copied(), view);
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
        for (of, name) in &clip.strata {
            groups.entry(of).or_default().entry(name).or_default().push(clip.clone());
        }
    }
    groups.retain(|_, names| (2..=MAX_STRATA).contains(&names.len()));
    let measured = |names: BTreeMap<&String, Vec<ScoredClip>>| {
        names.into_iter().map(|(name, clips)| (name.clone(), metrics(&clips))).collect()
    };
    groups.into_iter().map(|(of, names)| (of.clone(), measured(names))).collect()
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
