//! What explains the labels of a crossed grid, and how well scores say so.

use super::bootstrap::{CrossedSamples, Estimate, SampledMeasure, SplitMix64};
use super::crossed_grid::{Cell, CrossedGrid};
use super::permuted::PermutedFlags;
use super::rank::Ranking;
use super::{ScoredClip, finite};
use crate::gate::{FlagReason, ScoreKind, Verdict};
use crate::view::View;
use serde::Serialize;
use std::collections::BTreeMap;

/// Draws of the random score.
const DRAWS: usize = 20;
/// Seed of the random score.
const SEED: u64 = 0;

/// Measures of a crossed grid. All intervals are from samples of people and places.
#[derive(Clone, Debug, Serialize)]
pub struct AttributionMeasures {
    /// Number of people.
    pub people: usize,
    /// Number of places.
    pub places: usize,
    /// Number of clips that can be compared with others of their person and of their place.
    pub cells: usize,
    /// Mean R: the share of a person's other places that keep the label.
    pub kept_elsewhere: Estimate,
    /// Mean C: the share of other people in the place, of other classes, that get the label.
    pub given_to_others: Estimate,
    /// Share of labels that the place explains: T = C - R is at least .25.
    pub by_place: Estimate,
    /// Share of labels that name the class of the place, where it is not the person's.
    pub names_place: Estimate,
    /// The same share of wrong labels that do not depend on the place; NaN without two places of known classes.
    #[serde(serialize_with = "finite")]
    pub names_place_by_chance: f64,
    /// How well each score ranks the labels.
    pub scores: BTreeMap<&'static str, AttributionScore>,
    /// The labels that the gate flags as the background's.
    pub flagged: FlaggedLabels,
    /// Share of labels that it flags so when the background logits are permuted among the clips.
    pub flagged_permuted: Estimate,
    /// Number of permutations.
    pub permutations: usize,
}

/// How well a score ranks labels by the effect of the place.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct AttributionScore {
    /// Average precision for the labels that the place explains.
    pub average_precision: Estimate,
    /// Spearman's correlation with T.
    pub spearman: Estimate,
    /// AUROC for wrong labels.
    pub auroc_wrong: Estimate,
    /// `average_precision` less that of dominance, on the same cells and samples.
    pub average_precision_less_dominance: Estimate,
    /// `spearman` less that of dominance, on the same cells and samples.
    pub spearman_less_dominance: Estimate,
    /// `auroc_wrong` less that of max-softmax, on the same cells and samples.
    pub auroc_wrong_less_max_softmax: Estimate,
}

/// The labels that the gate flags as background-dominates.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FlaggedLabels {
    /// Their number.
    pub clips: usize,
    /// Share of them with T above 0.
    pub effect_above_zero: Estimate,
    /// Share of them that the place explains.
    pub by_place: Estimate,
    /// Share of them that are wrong.
    pub wrong: Estimate,
    /// Share of the labels that the place explains that are among them.
    pub found: Estimate,
    /// Number of them that the background view does not rank first.
    pub background_not_first: usize,
}

impl AttributionMeasures {
    /// Computes the measures of `grid`, whose clips are flagged so often when their backgrounds are permuted.
    pub fn of(grid: &CrossedGrid<'_>, permuted: &PermutedFlags) -> Self {
        let measured = MeasuredGrid::new(grid);
        let share_permuted = |cell: &Cell<'_>| permuted.shares.get(&cell.clip.name).copied();
        Self {
            people: grid.people,
            places: grid.places,
            cells: grid.cells.len(),
            kept_elsewhere: measured.mean(|cell| Some(cell.kept)),
            given_to_others: measured.mean(|cell| Some(cell.given)),
            by_place: measured.share(|cell| Some(cell.is_by_place())),
            names_place: measured.share(Cell::names_place),
            names_place_by_chance: grid.chance(),
            scores: measured.scores(),
            flagged: measured.flagged(),
            flagged_permuted: measured.mean(share_permuted),
            permutations: permuted.permutations,
        }
    }
}

/// A grid with its bootstrap samples.
struct MeasuredGrid<'a> {
    cells: &'a [Cell<'a>],
    samples: CrossedSamples,
}

/// Measures of one score.
struct SampledScore {
    cells: usize,
    average_precision: SampledMeasure,
    spearman: SampledMeasure,
    auroc_wrong: SampledMeasure,
}

impl SampledScore {
    /// Returns the measures with their differences from those of dominance and max-softmax on the same cells.
    fn compared_with(&self, [dominance, max_softmax]: &[SampledScore; 2]) -> AttributionScore {
        let of = |measure: &SampledMeasure| measure.estimate(self.cells);
        AttributionScore {
            average_precision: of(&self.average_precision),
            spearman: of(&self.spearman),
            auroc_wrong: of(&self.auroc_wrong),
            average_precision_less_dominance: of(&self.average_precision.less(&dominance.average_precision)),
            spearman_less_dominance: of(&self.spearman.less(&dominance.spearman)),
            auroc_wrong_less_max_softmax: of(&self.auroc_wrong.less(&max_softmax.auroc_wrong)),
        }
    }
}

impl<'a> MeasuredGrid<'a> {
    fn new(grid: &'a CrossedGrid<'a>) -> Self {
        let samples = CrossedSamples::new(grid.cells.iter().map(|cell| [cell.person, cell.place]).collect());
        Self { cells: &grid.cells, samples }
    }

    /// Returns the mean of `value` over the cells that have one.
    fn mean(&self, value: impl Fn(&Cell<'a>) -> Option<f64>) -> Estimate {
        let values: Vec<Option<f64>> = self.cells.iter().map(value).collect();
        let mean = |weights: &[f64]| {
            let (mut sum, mut total) = (0.0, 0.0);
            for (value, weight) in values.iter().zip(weights) {
                let Some(value) = value else { continue };
                (sum, total) = (sum + weight * value, total + weight);
            }
            sum / total
        };
        self.samples.measure(mean).estimate(values.iter().flatten().count())
    }

    /// Returns the share of the cells for which `holds` is true, of those for which it is known.
    fn share(&self, holds: impl Fn(&Cell<'a>) -> Option<bool>) -> Estimate {
        self.mean(|cell| holds(cell).map(|holds| f64::from(u8::from(holds))))
    }

    fn flagged(&self) -> FlaggedLabels {
        let is_flagged = |cell: &&Cell<'a>| cell.clip.verdict == Verdict::Flag(FlagReason::BackgroundDominates);
        let of_flagged =
            |holds: &dyn Fn(&Cell<'a>) -> bool| self.share(|cell| Some(cell).filter(is_flagged).map(holds));
        let flagged = || self.cells.iter().filter(is_flagged);
        let is_not_first = |cell: &&Cell<'a>| cell.clip.best[View::Background.index()] != cell.clip.label();
        FlaggedLabels {
            clips: flagged().count(),
            effect_above_zero: of_flagged(&|cell| cell.effect() > 0.0),
            by_place: of_flagged(&Cell::is_by_place),
            wrong: of_flagged(&|cell| !cell.clip.is_right()),
            found: self.share(|cell| cell.is_by_place().then(|| is_flagged(&cell))),
            background_not_first: flagged().filter(is_not_first).count(),
        }
    }

    fn scores(&self) -> BTreeMap<&'static str, AttributionScore> {
        let all = vec![true; self.cells.len()];
        let baselines = self.baselines(&all);
        let of_all = |score: &SampledScore| score.compared_with(&baselines);
        let of_some = |score: &SampledScore, has_score: &[bool]| score.compared_with(&self.baselines(has_score));
        let measure = |score: Score| {
            let has_score: Vec<bool> = self.cells.iter().map(|cell| score(cell.clip).is_some()).collect();
            let sampled = self.rankings(&[self.ranking(score)], &has_score);
            let is_complete = sampled.cells == self.cells.len();
            (sampled.cells > 0).then(|| if is_complete { of_all(&sampled) } else { of_some(&sampled, &has_score) })
        };
        let scores = SCORES.iter().filter_map(|(name, score)| Some((*name, measure(*score)?)));
        scores.chain([("random", of_all(&self.rankings(&self.random(), &all)))]).collect()
    }

    /// Measures dominance and max-softmax, with which all scores are compared, on the cells that have another score.
    fn baselines(&self, has_score: &[bool]) -> [SampledScore; 2] {
        let baselines = [ScoreKind::Dominance, ScoreKind::MaxSoftmax];
        baselines.map(|kind| {
            let scores: Vec<f64> = self.cells.iter().map(|cell| by(cell.clip, kind).unwrap_or_default()).collect();
            self.rankings(&[Ranking::of(&scores)], has_score)
        })
    }

    /// Ranks the cells by a score. Those without it have any rank.
    fn ranking(&self, score: Score) -> Ranking {
        Ranking::of(&self.cells.iter().map(|cell| score(cell.clip).unwrap_or_default()).collect::<Vec<_>>())
    }

    /// Draws random scores.
    fn random(&self) -> Vec<Ranking> {
        let mut rng = SplitMix64(SEED);
        let mut draw = || {
            let scores: Vec<f64> = self.cells.iter().map(|_| rng.below(usize::MAX) as f64).collect();
            Ranking::of(&scores)
        };
        (0..DRAWS).map(|_| draw()).collect()
    }

    /// Measures `rankings` on the cells that have a score, and returns the mean of each measure.
    fn rankings(&self, rankings: &[Ranking], has_score: &[bool]) -> SampledScore {
        let by_place: Vec<bool> = self.cells.iter().map(Cell::is_by_place).collect();
        let wrong: Vec<bool> = self.cells.iter().map(|cell| !cell.clip.is_right()).collect();
        let effect = Ranking::of(&self.cells.iter().map(Cell::effect).collect::<Vec<_>>());
        let measure = |of: &dyn Fn(&Ranking, &[f64]) -> f64| {
            self.samples.measure(|weights| {
                // A cell without a score counts as often as none.
                let weight = |(weight, has_score): (&f64, &bool)| if *has_score { *weight } else { 0.0 };
                let weights: Vec<f64> = weights.iter().zip(has_score).map(weight).collect();
                rankings.iter().map(|ranking| of(ranking, &weights)).sum::<f64>() / rankings.len() as f64
            })
        };
        SampledScore {
            cells: has_score.iter().filter(|has_score| **has_score).count(),
            average_precision: measure(&|ranking, weights| ranking.average_precision(&by_place, weights)),
            spearman: measure(&|ranking, weights| ranking.spearman(&effect, weights)),
            auroc_wrong: measure(&|ranking, weights| ranking.auroc(&wrong, weights)),
        }
    }
}

/// A score of a clip's label; `None` if the clip does not have it.
type Score = fn(&ScoredClip) -> Option<f64>;

/// Scores that are compared, by name.
const SCORES: [(&str, Score); 11] = [
    ("dominance", |clip| by(clip, ScoreKind::Dominance)),
    ("probe", |clip| by(clip, ScoreKind::Probe)),
    ("log-ratio", |clip| by(clip, ScoreKind::LogRatio)),
    ("margin", |clip| by(clip, ScoreKind::Margin)),
    ("max-softmax", |clip| by(clip, ScoreKind::MaxSoftmax)),
    ("full-person-mean", |clip| by(clip, ScoreKind::FullPersonMean)),
    ("risk", |clip| by(clip, ScoreKind::Risk)),
    ("disagreement", |clip| by(clip, ScoreKind::Disagreement)),
    ("p-background", |clip| Some(p(clip, View::Background))),
    ("minus-p-person", |clip| Some(-p(clip, View::Person))),
    ("minus-ln-p-person", |clip| Some(-p(clip, View::Person).max(LEAST_P).ln())),
];

/// The smallest p in a logarithm, as in the gate's scores.
const LEAST_P: f64 = 1e-6;

fn by(clip: &ScoredClip, score: ScoreKind) -> Option<f64> {
    clip.confidence(score).map(|confidence| -confidence)
}

fn p(clip: &ScoredClip, view: View) -> f64 {
    f64::from(clip.p[view.index()])
}
