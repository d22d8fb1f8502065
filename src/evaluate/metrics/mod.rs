//! What is measured of a set's records.
//!
//! A [`ScoredClip`] is what one record says in numbers. [`accuracy`] is about labels, [`selective`] about the order that a score puts
//! clips into, [`bootstrap`] about how sure all that is, and [`Measures`] are all of them together.

pub mod accuracy;
mod bias;
pub mod bootstrap;
mod measures;
pub mod selective;

pub use bias::{
    BiasMeasures, CounterfactualClips, DrawStatistics, PersonSize, SetTop1, StillBackgroundMeasures, SwapMeasures,
    pearson,
};
pub use bootstrap::Estimate;
pub use measures::{Class, Confusion, GateMeasures, Measures};

use super::{ClipOutcome, Record};
use crate::error::Result;
use crate::gate::{Gate, GateSettings, ScoreKind, Scores, Verdict};
use crate::view::View;
use std::collections::{BTreeMap, HashMap};

/// One scored clip.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoredClip {
    /// What names it.
    pub name: String,
    /// Index of its class.
    pub truth: usize,
    /// Index of the class of which the background is the home, where that is known.
    pub background: Option<usize>,
    /// Stratum by name.
    pub strata: BTreeMap<String, String>,
    /// Index of the best class of each view, in the order of [`View::index`].
    pub best: [usize; 3],
    /// Whether the true class is among the five best of the whole picture.
    pub in_top5: bool,
    /// Probability of the label in each view.
    pub p: [f32; 3],
    /// Probability of the true class in each view.
    pub p_truth: [f32; 3],
    /// The best class once the background's share is taken away (TIE).
    pub tie: usize,
    /// The gate's scores of the label.
    pub scores: Scores,
    /// The gate's verdict.
    pub verdict: Verdict,
    /// How much of the encoder's crop the person covers, in 0..=1.
    pub person_area: f32,
    /// The share of frames in which the encoder looks at the person most, where it was asked (the pointing game).
    pub pointing: Option<f32>,
}

impl ScoredClip {
    /// Index of the label: the best class of the whole picture.
    pub fn label(&self) -> usize {
        self.best[View::Full.index()]
    }

    /// Whether the label is the true class.
    pub fn is_right(&self) -> bool {
        self.label() == self.truth
    }

    /// Whether it is wrong because of the background: the label is the class whose home the background is. None where it
    /// is not known what the background is.
    pub fn is_wrong_by_background(&self) -> Option<bool> {
        self.background.map(|background| !self.is_right() && self.label() == background)
    }
}

/// Why clips were not scored, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Unscored {
    /// There is no file of these.
    pub missing: Vec<String>,
    /// The label of these is none of the bundle's classes.
    pub mislabelled: Vec<String>,
    /// These have fewer frames than the set's clips must have.
    pub too_short: Vec<String>,
    /// These could not be read, and why.
    pub unreadable: BTreeMap<String, String>,
}

/// The stratum that names the class at home in a clip's background.
const BACKGROUND: &str = "background";

/// Class indices by name, as sets write them: exactly, or with underscores for spaces, or in other case.
#[derive(Clone, Debug)]
pub struct Classes {
    exact: HashMap<String, usize>,
    /// Where one class alone is written so.
    plain: HashMap<String, Option<usize>>,
}

impl Classes {
    /// The classes of these names.
    pub fn new(names: &[String]) -> Self {
        let mut all: HashMap<String, Option<usize>> = HashMap::new();
        for (index, name) in names.iter().enumerate() {
            all.entry(plain(name)).and_modify(|one| *one = None).or_insert(Some(index));
        }
        Self { exact: names.iter().cloned().zip(0..).collect(), plain: all }
    }

    /// The index of the class that `label` means.
    pub fn index(&self, label: &str) -> Option<usize> {
        self.exact.get(label).copied().or_else(|| self.plain.get(&plain(label)).copied().flatten())
    }
}

fn plain(name: &str) -> String {
    name.trim().replace('_', " ").to_lowercase()
}

/// The scored clips among `records`, judged by a gate of these settings, and what was not scored.
///
/// # Errors
/// When a record is not what a run wrote, or the settings are out of range.
pub fn clips<'a>(
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
            (ClipOutcome::Unreadable(why), _) => {
                unscored.unreadable.insert(name(), why.clone());
            }
            (ClipOutcome::Mislabelled, _) | (_, None) => unscored.mislabelled.push(name()),
            (ClipOutcome::Scored { log_probs, .. }, Some(truth)) => {
                let background = record.strata.get(BACKGROUND).and_then(|class| classes.index(class));
                let read =
                    |gate: &Gate, evidence: &crate::gate::Evidence<'_>, judgement: crate::gate::Judgement| ScoredClip {
                        name: name(),
                        truth,
                        background,
                        strata: record.strata.clone(),
                        best: log_probs.each_ref().map(|view| best(view)),
                        in_top5: rank(&log_probs[View::Full.index()], truth) < 5,
                        p: judgement.p,
                        p_truth: gate.probabilities(evidence, truth),
                        tie: gate.tie_label(evidence),
                        scores: judgement.scores,
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

/// The first of the largest.
fn best(log_probs: &[f32]) -> usize {
    crate::zeroshot::top_k::<1>(log_probs).first().map_or(0, |best| best.class)
}

/// How many classes are better than `class`, or as good and in front of it.
fn rank(log_probs: &[f32], class: usize) -> usize {
    let own = log_probs.get(class).copied().unwrap_or(f32::NEG_INFINITY);
    log_probs.iter().enumerate().filter(|&(other, &p)| p > own || (p == own && other < class)).count()
}

/// What a clip is ordered by when a gate decides whether to accept its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Confidence {
    /// The label's probability in the whole picture: what everybody has.
    MaxSoftmax,
    /// How little of the label the background alone explains.
    Gate(ScoreKind),
}

impl Confidence {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::MaxSoftmax].into_iter().chain(ScoreKind::ALL.map(Self::Gate))
    }

    /// `max-softmax`, or the gate score's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::MaxSoftmax => "max-softmax",
            Self::Gate(kind) => kind.name(),
        }
    }

    /// The larger, the surer.
    pub fn of(self, clip: &ScoredClip) -> f64 {
        match self {
            Self::MaxSoftmax => f64::from(clip.p[View::Full.index()]),
            Self::Gate(kind) => -f64::from(clip.scores.get(kind)),
        }
    }
}

#[cfg(test)]
mod tests;
