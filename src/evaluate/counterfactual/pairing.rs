//! Pairs each clip of a set with the other clip that it takes.

use super::{LabelledStatistics, SetKind, SetStatistics, seeded_rng};
use crate::error::{Error, Result, Setting, Stage};
use crate::import::pickle::{Namespace, Pickle, PickleValue as Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Range of the fraction of every frame that a person may cover (HAT).
pub const PERSON_AREA_RANGE: core::ops::RangeInclusive<f32> = 0.05..=0.5;
/// Number of close classes (HAT).
const CLOSE: usize = 5;
/// Number of far classes, and of the other classes that they are chosen from (HAT).
const FAR: [usize; 2] = [200, 399];

/// Clips that a set is made from, each with the other clip that it takes, if it takes one.
pub type Pairing = BTreeMap<String, Option<String>>;

/// Returns the pairing of a set, without clips that it cannot be made from. For all kinds but Human-Only and
/// Background-Only, the person has to cover 5 to 50 % of every frame; for another clip whose background is taken, at
/// most 50 %.
pub fn pair_clips(kind: SetKind, draw: u32, seed: u64, statistics: &SetStatistics) -> Pairing {
    let is_in_range =
        |clip: &LabelledStatistics| clip.statistics.person_area.iter().all(|area| PERSON_AREA_RANGE.contains(area));
    let clips = statistics.clips.iter();
    if matches!(kind, SetKind::HumanOnly | SetKind::BackgroundOnly) {
        return clips.map(|(clip, _)| (clip.clone(), None)).collect();
    }
    let cut_out = clips.filter(|(_, clip)| is_in_range(clip));
    if matches!(kind, SetKind::PasteBack | SetKind::Scuba | SetKind::Scufo) {
        return cut_out.map(|(clip, _)| (clip.clone(), None)).collect();
    }
    // Clips whose background, or whose person for ConflFG, another clip can take, by class.
    let mut others: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (id, clip) in &statistics.clips {
        let fits = match kind {
            SetKind::ConflFg => is_in_range(clip),
            _ => clip.statistics.person_area[1] <= *PERSON_AREA_RANGE.end(),
        };
        if fits {
            others.entry(&clip.label).or_default().push(id);
        }
    }
    let nearest = nearest(statistics);
    let mut pairing = Pairing::new();
    for (clip, LabelledStatistics { label, .. }) in cut_out {
        let classes: Vec<&str> = candidates(kind, label, &nearest);
        let classes: Vec<&str> = classes
            .into_iter()
            .filter(|class| others.get(class).is_some_and(|clips| clips.iter().any(|other| other != clip)))
            .collect();
        if classes.is_empty() {
            continue;
        }
        let mut rng = seeded_rng(seed, &[kind.name(), &draw.to_string(), clip]);
        let of_class: Vec<&str> =
            others[classes[rng.below(classes.len())]].iter().copied().filter(|other| other != clip).collect();
        pairing.insert(clip.clone(), Some(of_class[rng.below(of_class.len())].to_owned()));
    }
    pairing
}

/// Returns the classes whose clips a clip of class `label` may take.
fn candidates<'a>(kind: SetKind, label: &'a str, nearest: &BTreeMap<&'a str, Vec<&'a str>>) -> Vec<&'a str> {
    let others = nearest.get(label).map(Vec::as_slice).unwrap_or_default();
    match kind {
        SetKind::SwapSame => vec![label],
        SetKind::SwapClose => others[..close(others.len())].to_vec(),
        SetKind::SwapFar => others[others.len() - far(others.len())..].to_vec(),
        _ => others.to_vec(),
    }
}

/// Returns the number of close classes among `others`: five, but at most half.
fn close(others: usize) -> usize {
    CLOSE.min(others.div_ceil(2))
}

/// Returns the number of far classes among `others`: 200 of 399, in proportion.
fn far(others: usize) -> usize {
    (others * FAR[0]).div_ceil(FAR[1])
}

/// Returns the other classes of each class, sorted by the L1 distance of their mean scene probabilities.
fn nearest(statistics: &SetStatistics) -> BTreeMap<&str, Vec<&str>> {
    let mut means: BTreeMap<&str, (Vec<f64>, f64)> = BTreeMap::new();
    for LabelledStatistics { label, statistics } in statistics.clips.values() {
        let (mean, frames) = means.entry(label).or_default();
        mean.resize(statistics.scene.len().max(mean.len()), 0.0);
        // HAT averages over frames.
        let weight = statistics.frames as f64;
        mean.iter_mut().zip(&statistics.scene).for_each(|(sum, p)| *sum += weight * f64::from(*p));
        *frames += weight;
    }
    let distance = |a: &str, b: &str| {
        let ((a, of_a), (b, of_b)) = (&means[a], &means[b]);
        a.iter().zip(b).map(|(a, b)| (a / of_a - b / of_b).abs()).sum::<f64>()
    };
    let labels: BTreeSet<&str> = means.keys().copied().collect();
    let others = |label: &&str| {
        let others = labels.iter().copied().filter(|other| other != label);
        // Computes each distance once: a comparison is a sum over hundreds of scenes.
        let mut others: Vec<(f64, &str)> = others.map(|other| (distance(label, other), other)).collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
        others.into_iter().map(|(_, other)| other).collect::<Vec<&str>>()
    };
    labels.iter().map(|label| (*label, others(label))).collect()
}

/// Returns the kind and the draw of one of HAT's lists from its file name,
/// `actionswap_{rand,close,far,same}_{1..3}.pickle`.
///
/// # Errors
/// Returns an error if the file has another name.
pub fn list_name(path: &Path) -> Result<(SetKind, u32)> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let parts = name.strip_prefix("actionswap_").and_then(|name| name.split_once('_'));
    let parsed = parts.and_then(|(kind, draw)| {
        let kind = match kind {
            "rand" => SetKind::SwapRandom,
            "close" => SetKind::SwapClose,
            "far" => SetKind::SwapFar,
            "same" => SetKind::SwapSame,
            _ => return None,
        };
        Some((kind, draw.parse().ok()?))
    });
    parsed.ok_or_else(|| {
        let expected = "a list named actionswap_{rand,close,far,same}_{1..3}.pickle";
        Error::new(Stage::DataSet, expected, path.display(), "rename it as in HAT").about(Setting::Swaps)
    })
}

/// Reads one of HAT's lists, `actionswap_{rand,close,far,same}_{1..3}.pickle`: a map from "class/clip" to
/// ["class/clip", frames, class index]. The pickle is parsed, never executed.
///
/// # Errors
/// Returns an error if the file cannot be read, names a callable, or is not such a list.
pub fn read_list(path: &Path) -> Result<Pairing> {
    let refused = |got: String| {
        let next = "pass one of HAT's actionswap_*.pickle files";
        let got = format!("{got} in {}", path.display());
        Error::new(Stage::DataSet, "a list of clips, each with [clip, frames, class]", got, next).about(Setting::Swaps)
    };
    let bytes = std::fs::read(path).map_err(|e| refused(e.to_string()).with_source(e))?;
    let pickle = Pickle::parse(&bytes, Namespace::None).map_err(|e| e.at(path.display()))?;
    let Value::Dict(_) = pickle.value(pickle.root()) else { return Err(refused("something else".to_owned())) };
    let mut pairing = Pairing::new();
    for (clip, other) in pickle.named(pickle.root()) {
        let parts: &[u32] = match pickle.value(other) {
            Value::List(parts) | Value::Tuple(parts) => parts,
            _ => return Err(refused(format!("no list at {clip:?}"))),
        };
        let Some(Value::Text(other)) = parts.first().map(|&part| pickle.value(part)) else {
            return Err(refused(format!("no clip's name at {clip:?}")));
        };
        pairing.insert(clip.to_owned(), Some(other.clone()));
    }
    if pairing.is_empty() {
        return Err(refused("an empty list".to_owned()));
    }
    Ok(pairing)
}
