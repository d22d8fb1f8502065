//! What a model goes by, told by what it says of counterfactual clips: the measures of HAT, SCUBA and ALBAR.

use super::accuracy::{is_contrastive, share, top1};
use super::bootstrap::{Estimate, estimate};
use super::{Confidence, ScoredClip, selective};
use crate::view::View;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, HashMap};

/// CounterfactualClips of clips, by the names of what was made of them.
pub type CounterfactualClips = BTreeMap<String, Vec<ScoredClip>>;

/// The measures of all sets that were scored.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BiasMeasures {
    /// Top1 of every set, as it is: `human-only`, `swap-far-2`, `scuba-stripes`.
    pub top1: BTreeMap<String, SetTop1>,
    /// Background-Only Ratio (HAT, Eq. 1): accuracy on Background-Only over that on the same clips as they are.
    pub bor: Option<Estimate>,
    /// Human-Only Ratio (HAT, Eq. 2).
    pub hor: Option<Estimate>,
    /// HAT's Action-SwapMeasures by kind: `random`, `close`, `far`, `same`.
    pub swaps: BTreeMap<&'static str, SwapMeasures>,
    /// The rows of SCUBA's tables by source of background, and `mean` of all.
    pub still: BTreeMap<String, StillBackgroundMeasures>,
    /// Over all swaps but `same`: how well each score tells labels that are wrong because of the background.
    pub auroc_wrong_by_background: BTreeMap<&'static str, Estimate>,
    /// How much of SHAcc follows from how large the person is: over classes, as HAT's Figure 4 (d).
    pub person_size: Option<PersonSize>,
}

/// A set's clips and accuracy.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct SetTop1 {
    /// Clips.
    pub clips: usize,
    /// The share whose best class is the person's.
    pub top1: Estimate,
}

/// One kind of Action-SwapMeasures.
#[derive(Clone, Debug, Serialize)]
pub struct SwapMeasures {
    /// SwapMeasures Human Accuracy: the share labelled as what the person does.
    pub shacc: DrawStatistics,
    /// SwapMeasures Background Error: the share labelled as the class that the background is of. Not for `same`.
    pub sberr: Option<DrawStatistics>,
}

/// The mean and deviation over draws.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DrawStatistics {
    /// Mean.
    #[serde(serialize_with = "finite")]
    pub mean: f64,
    /// Deviation of the draws; 0 of one.
    #[serde(serialize_with = "finite")]
    pub deviation: f64,
    /// How many there are.
    pub draws: usize,
}

/// One source of still backgrounds.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct StillBackgroundMeasures {
    /// Accuracy on SCUBA: higher is better.
    pub scuba: Option<Estimate>,
    /// Accuracy on SCUFO, where nothing moves: lower is better.
    pub scufo: Option<Estimate>,
    /// Accuracy on ConflFG: higher is better.
    pub conflfg: Option<Estimate>,
    /// Contrastive accuracy: SCUBA's label is right and SCUFO's is another one, over all clips.
    pub contrastive: Option<Estimate>,
}

/// SHAcc against the size of people.
#[derive(Clone, Debug, Serialize)]
pub struct PersonSize {
    /// Pearson's correlation over classes of SHAcc (random) with the mean area of the person.
    #[serde(serialize_with = "finite")]
    pub shacc: f64,
    /// The same of the pointing game, where it was played.
    #[serde(serialize_with = "finite")]
    pub pointing: f64,
    /// The correlation of SHAcc with the pointing game: HAT's Figure 4 (b).
    #[serde(serialize_with = "finite")]
    pub shacc_with_pointing: f64,
    /// Area of the person, SHAcc and pointing game of every class.
    pub classes: BTreeMap<String, [Option<f64>; 3]>,
}

/// Numbers that do not exist are null.
fn finite<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    Some(number).filter(|number| number.is_finite()).serialize(serializer)
}

/// Kinds of Action-SwapMeasures by the names of their sets.
const SWAPS: [(&str, &str); 4] =
    [("swap-random-", "random"), ("swap-close-", "close"), ("swap-far-", "far"), ("swap-same-", "same")];

impl BiasMeasures {
    /// The measures of `twins` of `clips`, whose classes have these `names`; none where there are no twins.
    pub fn of(clips: &[ScoredClip], twins: &CounterfactualClips, names: &[String]) -> Option<Self> {
        if twins.is_empty() {
            return None;
        }
        let full = |clips: &[ScoredClip]| estimate(clips, |clips| top1(clips.iter().copied(), View::Full));
        let set = |(name, clips): (&String, &Vec<ScoredClip>)| {
            (name.clone(), SetTop1 { clips: clips.len(), top1: full(clips) })
        };
        let ratio = |name: &str| twins.get(name).map(|twins| ratio(clips, twins));
        Some(Self {
            top1: twins.iter().map(set).collect(),
            bor: ratio("background-only"),
            hor: ratio("human-only"),
            swaps: SWAPS.into_iter().filter_map(|(prefix, kind)| Some((kind, swap(twins, prefix)?))).collect(),
            still: still(twins),
            auroc_wrong_by_background: aurocs(twins),
            person_size: person_size(clips, twins, names),
        })
    }
}

/// Accuracy on `twins` over that on the clips they were made of.
fn ratio(clips: &[ScoredClip], twins: &[ScoredClip]) -> Estimate {
    let pairs: Vec<(bool, bool)> =
        paired(clips, twins).map(|(clip, twin)| (clip.is_right(), twin.is_right())).collect();
    estimate(&pairs, |pairs| {
        let right = |of: fn(&(bool, bool)) -> bool| pairs.iter().filter(|pair| of(pair)).count() as f64;
        right(|pair| pair.1) / right(|pair| pair.0)
    })
}

/// Each of `twins` behind the one of `clips` that it is made of.
fn paired<'a>(
    clips: &'a [ScoredClip],
    twins: &'a [ScoredClip],
) -> impl Iterator<Item = (&'a ScoredClip, &'a ScoredClip)> {
    let by_name: HashMap<&str, &ScoredClip> = clips.iter().map(|clip| (clip.name.as_str(), clip)).collect();
    twins.iter().filter_map(move |twin| Some((*by_name.get(twin.name.as_str())?, twin)))
}

fn draws<'a>(twins: &'a CounterfactualClips, prefix: &'a str) -> impl Iterator<Item = &'a Vec<ScoredClip>> {
    twins.iter().filter(move |(name, _)| name.starts_with(prefix)).map(|(_, clips)| clips)
}

fn swap(twins: &CounterfactualClips, prefix: &str) -> Option<SwapMeasures> {
    let over = |measure: &dyn Fn(&[ScoredClip]) -> f64| {
        DrawStatistics::of(draws(twins, prefix).map(|clips| measure(clips)).collect())
    };
    let shacc = over(&|clips| top1(clips, View::Full))?;
    let by_background = |clip: &ScoredClip| clip.is_wrong_by_background() == Some(true);
    let sberr = (prefix != "swap-same-").then(|| over(&|clips| share(clips, by_background))).flatten();
    Some(SwapMeasures { shacc, sberr })
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

fn still(twins: &CounterfactualClips) -> BTreeMap<String, StillBackgroundMeasures> {
    let mut rows: BTreeMap<String, StillBackgroundMeasures> = BTreeMap::new();
    let full = |clips: &Vec<ScoredClip>| estimate(clips, |clips| top1(clips.iter().copied(), View::Full));
    for (name, clips) in twins {
        let Some((set, source)) = name.split_once('-') else { continue };
        match set {
            "scuba" => rows.entry(source.to_owned()).or_default().scuba = Some(full(clips)),
            "scufo" => rows.entry(source.to_owned()).or_default().scufo = Some(full(clips)),
            "conflfg" => rows.entry(source.to_owned()).or_default().conflfg = Some(full(clips)),
            _ => {}
        }
    }
    for (source, row) in &mut rows {
        let pair = (twins.get(&format!("scuba-{source}")), twins.get(&format!("scufo-{source}")));
        if let (Some(scuba), Some(scufo)) = pair {
            let held =
                |(scufo, scuba): (&ScoredClip, &ScoredClip)| is_contrastive(scuba.truth, scuba.label(), scufo.label());
            let held: Vec<bool> = paired(scufo, scuba).map(held).collect();
            row.contrastive =
                Some(estimate(&held, |held| held.iter().filter(|held| ***held).count() as f64 / held.len() as f64));
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

fn aurocs(twins: &CounterfactualClips) -> BTreeMap<&'static str, Estimate> {
    let swapped = SWAPS[..3].iter().flat_map(|(prefix, _)| draws(twins, prefix)).flatten();
    let swapped: Vec<&ScoredClip> = swapped.collect();
    if swapped.is_empty() {
        return BTreeMap::new();
    }
    let auroc = |by: Confidence| {
        let known = |clip: &&ScoredClip| Some((-by.of(clip), clip.is_wrong_by_background()?));
        let known: Vec<(f64, bool)> = swapped.iter().filter_map(known).collect();
        estimate(&known, |known| selective::auroc(&known.iter().map(|pair| **pair).collect::<Vec<_>>()))
    };
    Confidence::all().map(|by| (by.name(), auroc(by))).collect()
}

/// The mean area of the person, SHAcc and the pointing game, class by class.
fn person_size(clips: &[ScoredClip], twins: &CounterfactualClips, names: &[String]) -> Option<PersonSize> {
    let swapped: Vec<&ScoredClip> = draws(twins, SWAPS[0].0).flatten().collect();
    if swapped.is_empty() {
        return None;
    }
    let mean = |numbers: Vec<f64>| (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64);
    let mut classes: BTreeMap<String, [Option<f64>; 3]> = BTreeMap::new();
    for (index, name) in names.iter().enumerate() {
        let own = || clips.iter().filter(move |clip| clip.truth == index);
        let area = mean(own().map(|clip| f64::from(clip.person_area)).collect());
        let of_class = swapped.iter().filter(|clip| clip.truth == index);
        let shacc = mean(of_class.map(|clip| f64::from(u8::from(clip.is_right()))).collect());
        let pointing = mean(own().filter_map(|clip| clip.pointing).map(f64::from).collect());
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

/// Pearson's correlation; NaN where one side does not vary.
pub fn pearson(pairs: &[(f64, f64)]) -> f64 {
    let count = pairs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
    let (a, b) = (mean(|pair| pair.0), mean(|pair| pair.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| pairs.iter().map(|pair| of(pair.0 - a, pair.1 - b)).sum::<f64>();
    let spread = (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt();
    if spread > 0.0 { sum(&|x, y| x * y) / spread } else { f64::NAN }
}
