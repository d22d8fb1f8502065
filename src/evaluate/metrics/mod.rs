//! Measures of the records of a data set.
//!
//! A [`ScoredClip`] holds the numbers of one record. [`accuracy`] measures labels, [`selective`] the order in which a
//! score accepts clips, [`rank`] how well it ranks them, and [`exact`] and [`bootstrap`] their confidence intervals.
//! [`CrossedGrid`] finds what explains a label by intervention. [`Measures`] are all of them.

pub mod accuracy;
mod attribution;
mod bias;
pub mod bootstrap;
mod crossed_grid;
pub mod exact;
mod measures;
mod permuted;
pub mod rank;
pub mod selective;

pub use attribution::{AttributionMeasures, AttributionScore, FlaggedLabels};
pub use bias::{
    BiasMeasures, CounterfactualClips, DrawStatistics, PersonSize, SetTop1, StillBackgroundMeasures, SwapMeasures,
    pearson,
};
pub use bootstrap::Estimate;
pub use crossed_grid::{Cell, CrossedGrid};
pub use measures::{Class, Confusion, GateMeasures, Measures};
pub use permuted::PermutedFlags;

use super::{ClipOutcome, Record, class_name};
use crate::error::Result;
use crate::gate::{Gate, GateSettings, Probe, RiskFeatures, ScoreKind, Scores, Verdict};
use crate::view::View;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, HashMap};

/// One scored clip.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredClip {
    /// Id of the clip.
    pub name: String,
    /// Index of the true class.
    pub truth: usize,
    /// Index of the class of the background, if it is known.
    pub background: Option<usize>,
    /// Further attributes by name.
    pub strata: BTreeMap<String, String>,
    /// Index of the best class of each view, in the order of [`View::index`].
    pub best: [usize; 3],
    /// Whether the true class is among the five best of the full view.
    pub in_top5: bool,
    /// Probability of the label in each view.
    pub p: [f32; 3],
    /// Probability of the true class in each view.
    pub p_truth: [f32; 3],
    /// Best class by total indirect effect (TIE): without the effect of the background.
    pub tie: usize,
    /// The gate's scores of the label.
    pub scores: Scores,
    /// Features of the risk of the label.
    pub features: RiskFeatures,
    /// The probe; `None` if the clip was not probed.
    pub probe: Option<Probe>,
    /// The gate's verdict.
    pub verdict: Verdict,
    /// Fraction of the encoder's crop that the person covers, in 0..=1.
    pub person_area: f32,
    /// Pointing game: fraction of frames in which the encoder attends most to the person; `None` if not played.
    pub pointing: Option<f32>,
}

impl ScoredClip {
    /// Returns the index of the label: the best class of the full view.
    pub fn label(&self) -> usize {
        self.best[View::Full.index()]
    }

    /// Returns the confidence in the label by `score`: larger is more confident. `None` if the clip lacks the score.
    pub fn confidence(&self, score: ScoreKind) -> Option<f64> {
        self.scores.get(score).map(|score| -f64::from(score))
    }

    /// Returns whether the label is the true class.
    pub fn is_right(&self) -> bool {
        self.label() == self.truth
    }

    /// Returns whether the label is wrong and is the background's class; `None` if that class is not known.
    pub fn is_wrong_by_background(&self) -> Option<bool> {
        self.background.map(|background| !self.is_right() && self.label() == background)
    }
}

/// Returns the kinds of the scores that all `clips` have.
fn scores_of_all<'a>(clips: impl IntoIterator<Item = &'a ScoredClip>) -> impl Iterator<Item = ScoreKind> {
    let mut kinds = ScoreKind::ALL.to_vec();
    for clip in clips {
        kinds.retain(|kind| clip.scores.get(*kind).is_some());
    }
    kinds.into_iter()
}

/// Ids of the clips that were not scored, by reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Unscored {
    /// Clips without a file.
    pub missing: Vec<String>,
    /// Clips whose label is not a class of the bundle.
    pub mislabelled: Vec<String>,
    /// Clips with fewer frames than the data set requires.
    pub too_short: Vec<String>,
    /// Clips that could not be read, with the error.
    pub unreadable: BTreeMap<String, String>,
}

/// Stratum that names the class of a clip's background.
const BACKGROUND: &str = "background";

/// Serializes NaN and infinity as null.
fn finite<S: Serializer>(number: &f64, serializer: S) -> core::result::Result<S::Ok, S::Error> {
    Some(number).filter(|number| number.is_finite()).serialize(serializer)
}

/// Class indices by name. Names match exactly, or with underscores for spaces and in any case, or
/// without the characters that downloaders leave out of the names of folders.
#[derive(Clone, Debug)]
pub struct Classes {
    exact: HashMap<String, usize>,
    /// Classes by normalised name; `None` for a name of several classes.
    normalised: HashMap<String, Option<usize>>,
    /// Classes by the letters and digits of their name, likewise.
    keys: HashMap<String, Option<usize>>,
}

impl Classes {
    /// Creates the classes with these names.
    pub fn new(names: &[String]) -> Self {
        let by = |spelling: fn(&str) -> String| {
            let mut classes: HashMap<String, Option<usize>> = HashMap::new();
            for (index, name) in names.iter().enumerate() {
                classes.entry(spelling(name)).and_modify(|unique| *unique = None).or_insert(Some(index));
            }
            classes
        };
        let exact = names.iter().cloned().zip(0..).collect();
        Self { exact, normalised: by(normalise), keys: by(class_name::key) }
    }

    /// Returns the index of the class that `label` names.
    pub fn index(&self, label: &str) -> Option<usize> {
        let exact = self.exact.get(label).copied();
        let normalised = || self.normalised.get(&normalise(label)).copied().flatten();
        exact.or_else(normalised).or_else(|| self.keys.get(&class_name::key(label)).copied().flatten())
    }
}

fn normalise(name: &str) -> String {
    name.trim().replace('_', " ").to_lowercase()
}

/// Judges the scored clips among `records` by a gate with these settings, and lists the others.
///
/// # Errors
/// Returns an error if a record's numbers are invalid, or if the settings are out of range.
pub fn score_records<'a>(
    records: impl IntoIterator<Item = &'a Record>,
    names: &[String],
    settings: &GateSettings,
) -> Result<(Vec<ScoredClip>, Unscored)> {
    let (classes, mut gate) = (Classes::new(names), Gate::new(settings.clone())?);
    let (mut clips, mut unscored) = (Vec::new(), Unscored::default());
    for record in records {
        let name = || record.clip.clone();
        match (&record.outcome, classes.index(&record.truth)) {
            (ClipOutcome::Missing, _) => unscored.missing.push(name()),
            (ClipOutcome::TooShort(_), _) => unscored.too_short.push(name()),
            (ClipOutcome::Unreadable(error), _) => {
                unscored.unreadable.insert(name(), error.clone());
            }
            (ClipOutcome::Mislabelled, _) | (_, None) => unscored.mislabelled.push(name()),
            (ClipOutcome::Scored { logits, .. }, Some(truth)) => {
                let background = record.strata.get(BACKGROUND).and_then(|class| classes.index(class));
                let read =
                    |gate: &Gate, evidence: &crate::gate::Evidence<'_>, judgement: crate::gate::Judgement| ScoredClip {
                        name: name(),
                        truth,
                        background,
                        strata: record.strata.clone(),
                        best: logits.views().map(best),
                        in_top5: rank(&logits.full, truth) < 5,
                        p: judgement.p,
                        p_truth: gate.probabilities(evidence, truth),
                        tie: gate.tie_label(evidence),
                        scores: judgement.scores,
                        features: judgement.features,
                        probe: judgement.probe,
                        verdict: judgement.verdict,
                        person_area: evidence.visibility().person_area,
                        pointing: record.pointing,
                    };
                clips.extend(record.outcome.judge(&mut gate, read)?);
            }
        }
    }
    Ok((clips, unscored))
}

/// Returns the first class with the largest logit.
fn best(logits: &[f32]) -> usize {
    crate::zeroshot::top_k::<1>(logits).first().map_or(0, |best| best.class)
}

/// Returns the number of classes with a larger logit than `class`, or with the same and a smaller index.
fn rank(logits: &[f32], class: usize) -> usize {
    let p_class = logits.get(class).copied().unwrap_or(f32::NEG_INFINITY);
    logits.iter().enumerate().filter(|&(other, &p)| p > p_class || (p == p_class && other < class)).count()
}
