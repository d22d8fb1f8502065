//! Bias measures on counterfactual clips, from HAT, SCUBA and ALBAR: they show which cue a model relies on.

use super::accuracy::{is_contrastive, share, top1};
use super::bootstrap::{Estimate, estimate};
use super::{ScoredClip, exact, finite, scores_of_all, selective};
use crate::gate::ScoreKind;
use crate::view::View;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Scored counterfactual clips by the name of their set.
pub type CounterfactualClips = BTreeMap<String, Vec<ScoredClip>>;

/// Measures of all scored counterfactual sets.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BiasMeasures {
    /// Top-1 accuracy of every set: `human-only`, `swap-far-2`, `scuba-stripes`.
    pub top1: BTreeMap<String, SetTop1>,
    /// Background-Only Ratio (HAT, Eq. 1): accuracy on Background-Only over accuracy on the original clips.
    pub bor: Option<Estimate>,
    /// Human-Only Ratio (HAT, Eq. 2).
    pub hor: Option<Estimate>,
    /// HAT's Action-Swap by kind: `random`, `close`, `far`, `same`.
    pub swaps: BTreeMap<&'static str, SwapMeasures>,
    /// Rows of SCUBA's tables by source of backgrounds, with `mean` over all.
    pub still: BTreeMap<String, StillBackgroundMeasures>,
    /// Share of labels that are wrong because of the background, over all swaps but `same`; `None` without them.
    pub wrong_by_background: Option<Estimate>,
    /// AUROC of each score for these labels.
    pub auroc_wrong_by_background: BTreeMap<&'static str, Estimate>,
    /// Correlation of SHAcc with the person's size over classes (HAT, Figure 4 d).
    pub person_size: Option<PersonSize>,
}

/// Accuracy of a set.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SetTop1 {
    /// Number of clips.
    pub clips: usize,
    /// Fraction whose label is the person's class.
    pub top1: Estimate,
}

/// Measures of one kind of Action-Swap.
#[derive(Clone, Debug, Serialize)]
pub struct SwapMeasures {
    /// Swap Human Accuracy: the fraction whose label is the person's class.
    pub shacc: DrawStatistics,
    /// Swap Background Error: the fraction whose label is the background's class; `None` for `same`.
    pub sberr: Option<DrawStatistics>,
    /// Clips of all draws, each of which both measures stand on.
    pub of: usize,
}

/// Mean and standard deviation over the draws of a set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrawStatistics {
    /// Mean.
    #[serde(serialize_with = "finite")]
    pub mean: f64,
    /// Standard deviation; 0 of one draw.
    #[serde(serialize_with = "finite")]
    pub deviation: f64,
    /// Number of draws.
    pub draws: usize,
}

/// Measures of one source of still backgrounds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct StillBackgroundMeasures {
    /// Accuracy on SCUBA: higher is better.
    pub scuba: Option<Estimate>,
    /// Accuracy on SCUFO, where nothing moves: lower is better.
    pub scufo: Option<Estimate>,
    /// Accuracy on ConflFG: higher is better.
    pub conflfg: Option<Estimate>,
    /// Contrastive accuracy: the fraction of clips whose SCUBA label is right and differs from the SCUFO label.
    pub contrastive: Option<Estimate>,
}

/// Correlations of SHAcc with the size of people.
#[derive(Clone, Debug, Serialize)]
pub struct PersonSize {
    /// Pearson correlation over classes of SHAcc (random) with the mean person area.
    #[serde(serialize_with = "finite")]
    pub shacc: f64,
    /// Pearson correlation of the pointing game with the mean person area; NaN if not played.
    #[serde(serialize_with = "finite")]
    pub pointing: f64,
    /// Pearson correlation of SHAcc with the pointing game (HAT, Figure 4 b).
    #[serde(serialize_with = "finite")]
    pub shacc_with_pointing: f64,
    /// Person area, SHAcc and pointing game of every class.
    pub classes: BTreeMap<String, [Option<f64>; 3]>,
}

/// Kinds of Action-Swap by the prefix of their sets' names.
const SWAPS: [(&str, &str); 4] =
    [("swap-random-", "random"), ("swap-close-", "close"), ("swap-far-", "far"), ("swap-same-", "same")];

impl BiasMeasures {
    /// Computes the measures of the counterfactual `sets` of `clips` over the classes `names`; `None` without sets.
    pub fn of(clips: &[ScoredClip], sets: &CounterfactualClips, names: &[String]) -> Option<Self> {
        if sets.is_empty() {
            return None;
        }
        let set = |(name, clips): (&String, &Vec<ScoredClip>)| {
            (name.clone(), SetTop1 { clips: clips.len(), top1: full_top1(clips) })
        };
        let ratio = |name: &str| sets.get(name).map(|set| ratio(clips, set));
        Some(Self {
            top1: sets.iter().map(set).collect(),
            bor: ratio("background-only"),
            hor: ratio("human-only"),
            swaps: SWAPS.into_iter().filter_map(|(prefix, kind)| Some((kind, swap(sets, prefix)?))).collect(),
            still: still_backgrounds(sets),
            wrong_by_background: wrong_by_background(sets),
            auroc_wrong_by_background: aurocs(sets),
            person_size: person_size(clips, sets, names),
        })
    }
}

/// Returns the accuracy on a counterfactual set over the accuracy on the clips that it is made from.
fn ratio(clips: &[ScoredClip], set: &[ScoredClip]) -> Estimate {
    let pairs: Vec<(bool, bool)> =
        paired(clips, set).map(|(clip, counterfactual)| (clip.is_right(), counterfactual.is_right())).collect();
    estimate(&pairs, |pairs| {
        let right = |of: fn(&(bool, bool)) -> bool| pairs.iter().filter(|pair| of(pair)).count() as f64;
        right(|pair| pair.1) / right(|pair| pair.0)
    })
}

/// Returns the pairs of a clip and the clip of `set` with the same id.
fn paired<'a>(
    clips: &'a [ScoredClip],
    set: &'a [ScoredClip],
) -> impl Iterator<Item = (&'a ScoredClip, &'a ScoredClip)> {
    let by_name: HashMap<&str, &ScoredClip> = clips.iter().map(|clip| (clip.name.as_str(), clip)).collect();
    set.iter().filter_map(move |clip| Some((*by_name.get(clip.name.as_str())?, clip)))
}

/// Returns all draws of a kind of swap.
fn draws<'a>(sets: &'a CounterfactualClips, prefix: &'a str) -> impl Iterator<Item = &'a Vec<ScoredClip>> {
    sets.iter().filter(move |(name, _)| name.starts_with(prefix)).map(|(_, clips)| clips)
}

fn swap(sets: &CounterfactualClips, prefix: &str) -> Option<SwapMeasures> {
    let over = |measure: &dyn Fn(&[ScoredClip]) -> f64| {
        DrawStatistics::of(draws(sets, prefix).map(|clips| measure(clips)).collect())
    };
    let shacc = over(&|clips| top1(clips, View::Full))?;
    let by_background = |clip: &ScoredClip| clip.is_wrong_by_background() == Some(true);
    let sberr = (prefix != "swap-same-").then(|| over(&|clips| share(clips, by_background))).flatten();
    Some(SwapMeasures { shacc, sberr, of: draws(sets, prefix).map(Vec::len).sum() })
}

impl DrawStatistics {
    /// Computes mean and sample deviation; `None` without draws.
    pub fn of(draws: Vec<f64>) -> Option<Self> {
        let count = draws.len();
        if count == 0 {
            return None;
        }
        let mean = draws.iter().sum::<f64>() / count as f64;
        let squares = draws.iter().map(|draw| (draw - mean) * (draw - mean)).sum::<f64>();
        let deviation = if count > 1 { (squares / (count - 1) as f64).sqrt() } else { 0.0 };
        Some(Self { mean, deviation, draws: count })
    }
}

fn full_top1(clips: &[ScoredClip]) -> Estimate {
    exact::share(clips.iter().map(ScoredClip::is_right))
}

fn still_backgrounds(sets: &CounterfactualClips) -> BTreeMap<String, StillBackgroundMeasures> {
    let mut rows: BTreeMap<String, StillBackgroundMeasures> = BTreeMap::new();
    for (name, clips) in sets {
        let Some((kind, source)) = name.split_once('-') else { continue };
        match kind {
            "scuba" => rows.entry(source.to_owned()).or_default().scuba = Some(full_top1(clips)),
            "scufo" => rows.entry(source.to_owned()).or_default().scufo = Some(full_top1(clips)),
            "conflfg" => rows.entry(source.to_owned()).or_default().conflfg = Some(full_top1(clips)),
            _ => {}
        }
    }
    for (source, row) in &mut rows {
        let pair = (sets.get(&format!("scuba-{source}")), sets.get(&format!("scufo-{source}")));
        if let (Some(scuba), Some(scufo)) = pair {
            let passes =
                |(scufo, scuba): (&ScoredClip, &ScoredClip)| is_contrastive(scuba.truth, scuba.label(), scufo.label());
            row.contrastive = Some(exact::share(paired(scufo, scuba).map(passes)));
        }
    }
    if rows.len() > 1 {
        let mean = |of: fn(&StillBackgroundMeasures) -> Option<Estimate>| {
            let all: Vec<Estimate> = rows.values().filter_map(of).collect();
            let mean = |of: fn(&Estimate) -> f64| all.iter().map(of).sum::<f64>() / all.len() as f64;
            (!all.is_empty()).then(|| Estimate {
                value: mean(|e| e.value),
                low: mean(|e| e.low),
                high: mean(|e| e.high),
                of: all.iter().map(|e| e.of).sum(),
            })
        };
        let mean = StillBackgroundMeasures {
            scuba: mean(|row| row.scuba),
            scufo: mean(|row| row.scufo),
            conflfg: mean(|row| row.conflfg),
            contrastive: mean(|row| row.contrastive),
        };
        rows.insert("mean".to_owned(), mean);
    }
    rows
}

/// Returns the clips of all swaps whose background is of another class.
fn swapped(sets: &CounterfactualClips) -> Vec<&ScoredClip> {
    SWAPS[..3].iter().flat_map(|(prefix, _)| draws(sets, prefix)).flatten().collect()
}

fn wrong_by_background(sets: &CounterfactualClips) -> Option<Estimate> {
    let swapped = swapped(sets);
    let known = swapped.iter().filter_map(|clip| clip.is_wrong_by_background());
    (!swapped.is_empty()).then(|| exact::share(known))
}

fn aurocs(sets: &CounterfactualClips) -> BTreeMap<&'static str, Estimate> {
    let swapped = swapped(sets);
    if swapped.is_empty() {
        return BTreeMap::new();
    }
    let auroc = |by: ScoreKind| {
        let score = |clip: &&ScoredClip| Some((-clip.confidence(by)?, clip.is_wrong_by_background()?));
        selective::auroc_estimate(&swapped.iter().filter_map(score).collect::<Vec<_>>())
    };
    scores_of_all(swapped.iter().copied()).map(|by| (by.name(), auroc(by))).collect()
}

/// Correlates person area, SHAcc and pointing game over classes; `None` without random swaps.
fn person_size(clips: &[ScoredClip], sets: &CounterfactualClips, names: &[String]) -> Option<PersonSize> {
    let swapped: Vec<&ScoredClip> = draws(sets, SWAPS[0].0).flatten().collect();
    if swapped.is_empty() {
        return None;
    }
    let mean = |numbers: Vec<f64>| (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64);
    let mut classes: BTreeMap<String, [Option<f64>; 3]> = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        let originals = || clips.iter().filter(move |clip| clip.truth == index);
        let area = mean(originals().map(|clip| f64::from(clip.person_area)).collect());
        let of_class = swapped.iter().filter(|clip| clip.truth == index);
        let shacc = mean(of_class.map(|clip| f64::from(u8::from(clip.is_right()))).collect());
        let pointing = mean(originals().filter_map(|clip| clip.pointing).map(f64::from).collect());
        if area.is_some() && shacc.is_some() {
            classes.insert(name.clone(), [area, shacc, pointing]);
        }
    }
    let correlation = |[a, b]: [usize; 2]| {
        let pair = |numbers: &[Option<f64>; 3]| Some((numbers[a]?, numbers[b]?));
        pearson(&classes.values().filter_map(pair).collect::<Vec<_>>())
    };
    let [shacc, pointing, shacc_with_pointing] = [[0, 1], [0, 2], [1, 2]].map(correlation);
    Some(PersonSize { shacc, pointing, shacc_with_pointing, classes })
}

/// Returns the Pearson correlation; NaN if one side is constant.
pub fn pearson(pairs: &[(f64, f64)]) -> f64 {
    let count = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
    let (a, b) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|pair| of(pair.0 - a, pair.1 - b)).sum::<f64>();
    let spread = (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt();
    if spread > 0.0 { sum(&|x, y| x * y) / spread } else { f64::NAN }
}
