//! Which clip goes with which other one.

use super::{SetKind, SetStatistics, seeded_rng};
use crate::error::{Error, Result, Stage};
use crate::import::pickle::{Namespace, Pickle, PickleValue as Value};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The fraction of every frame that a person may cover (HAT).
pub const PERSON_AREA_RANGE: core::ops::RangeInclusive<f32> = 0.05..=0.5;
/// Classes that are close (HAT).
const CLOSE: usize = 5;
/// Classes that are far, of so many others (HAT).
const FAR: [usize; 2] = [200, 399];

/// The clips that a set is made of, each with the other clip that it takes, where it takes one.
pub type Pairing = BTreeMap<String, Option<String>>;

/// The pairing of `set`. Clips of which the set cannot be made are not in it: for all but Human-Only and Background-Only the
/// person has to cover 5 to 50 % of every frame. Of another clip whose background is taken the upper bound holds.
pub fn pair_clips(set: SetKind, draw: u32, seed: u64, surveys: &SetStatistics) -> Pairing {
    let sees = |covered: [f32; 2]| PERSON_AREA_RANGE.contains(&covered[0]) && PERSON_AREA_RANGE.contains(&covered[1]);
    let clips = surveys.clips.iter();
    if matches!(set, SetKind::HumanOnly | SetKind::BackgroundOnly) {
        return clips.map(|(clip, _)| (clip.clone(), None)).collect();
    }
    let cut_out = clips.filter(|(_, (_, sight))| sees(sight.covered));
    if matches!(set, SetKind::Scuba | SetKind::Scufo) {
        return cut_out.map(|(clip, _)| (clip.clone(), None)).collect();
    }
    // What is taken of the other clip, its background or its person, has to be there.
    let mut others: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (clip, (label, sight)) in &surveys.clips {
        let fits =
            if set == SetKind::ConflFg { sees(sight.covered) } else { sight.covered[1] <= *PERSON_AREA_RANGE.end() };
        if fits {
            others.entry(label).or_default().push(clip);
        }
    }
    let near = nearest(surveys);
    let mut pairing = Pairing::new();
    for (clip, (label, _)) in cut_out {
        let classes: Vec<&str> = candidates(set, label, &near);
        let classes: Vec<&str> = classes
            .into_iter()
            .filter(|class| others.get(class).is_some_and(|clips| clips.iter().any(|other| other != clip)))
            .collect();
        if classes.is_empty() {
            continue;
        }
        let mut rng = seeded_rng(seed, &[set.name(), &draw.to_string(), clip]);
        let of_class: Vec<&str> =
            others[classes[rng.below(classes.len())]].iter().copied().filter(|other| other != clip).collect();
        pairing.insert(clip.clone(), Some(of_class[rng.below(of_class.len())].to_owned()));
    }
    pairing
}

/// The classes whose clips one of class `label` may take.
fn candidates<'a>(set: SetKind, label: &'a str, near: &BTreeMap<&'a str, Vec<&'a str>>) -> Vec<&'a str> {
    let others = near.get(label).map(Vec::as_slice).unwrap_or_default();
    match set {
        SetKind::SwapSame => vec![label],
        SetKind::SwapClose => others[..close(others.len())].to_vec(),
        SetKind::SwapFar => others[others.len() - far(others.len())..].to_vec(),
        _ => others.to_vec(),
    }
}

/// How many of `others` are close: five, and of few at most half.
fn close(others: usize) -> usize {
    CLOSE.min(others.div_ceil(2))
}

/// How many of `others` are far: 200 of 399, and of others in proportion.
fn far(others: usize) -> usize {
    (others * FAR[0]).div_ceil(FAR[1])
}

/// All other classes of each class, the one with the most similar scenes first: by L1 of mean predictions.
fn nearest(surveys: &SetStatistics) -> BTreeMap<&str, Vec<&str>> {
    let mut means: BTreeMap<&str, (Vec<f64>, f64)> = BTreeMap::new();
    for (label, sight) in surveys.clips.values() {
        let (mean, frames) = means.entry(label).or_default();
        mean.resize(sight.scene.len().max(mean.len()), 0.0);
        // HAT averages over frames.
        let weight = sight.frames as f64;
        mean.iter_mut().zip(&sight.scene).for_each(|(sum, p)| *sum += weight * f64::from(*p));
        *frames += weight;
    }
    let distance = |a: &str, b: &str| {
        let ((a, of_a), (b, of_b)) = (&means[a], &means[b]);
        a.iter().zip(b).map(|(a, b)| (a / of_a - b / of_b).abs()).sum::<f64>()
    };
    let labels: BTreeSet<&str> = means.keys().copied().collect();
    let others = |label: &&str| {
        let others = labels.iter().copied().filter(|other| other != label);
        // Each distance once: there are hundreds of classes with hundreds of scenes.
        let mut others: Vec<(f64, &str)> = others.map(|other| (distance(label, other), other)).collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0).then_with(|| a.1.cmp(b.1)));
        others.into_iter().map(|(_, other)| other).collect::<Vec<&str>>()
    };
    labels.iter().map(|label| (*label, others(label))).collect()
}

/// The set and the draw that a file of HAT's lists is of, by its name: `actionswap_{rand,close,far,same}_{1..3}.pickle`.
///
/// # Errors
/// When it has another name.
pub fn list_name(path: &Path) -> Result<(SetKind, u32)> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let parts = name.strip_prefix("actionswap_").and_then(|name| name.split_once('_'));
    let set = parts.and_then(|(kind, draw)| {
        let set = match kind {
            "rand" => SetKind::SwapRandom,
            "close" => SetKind::SwapClose,
            "far" => SetKind::SwapFar,
            "same" => SetKind::SwapSame,
            _ => return None,
        };
        Some((set, draw.parse().ok()?))
    });
    set.ok_or_else(|| {
        let expected = "a list called actionswap_{rand,close,far,same}_{1..3}.pickle";
        Error::new(Stage::DataSet, expected, path.display(), "give it the name that HAT gives it")
    })
}

/// One of HAT's lists, `actionswap_{rand,close,far,same}_{1..3}.pickle`: "class/clip" to ["class/clip", frames, class
/// index]. It is read, never executed.
///
/// # Errors
/// When it names a callable, or is no such list.
pub fn read_list(path: &Path) -> Result<Pairing> {
    let refused = |got: String| {
        let next = "pass one of HAT's actionswap_*.pickle files";
        let got = format!("{got} in {}", path.display());
        Error::new(Stage::DataSet, "a list of clips, each with [clip, frames, class]", got, next)
    };
    let bytes = std::fs::read(path).map_err(|e| refused(e.to_string()))?;
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
        return Err(refused("none".to_owned()));
    }
    Ok(pairing)
}
