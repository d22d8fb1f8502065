//! Comparison of two validation runs on the same clips: paired differences of their measures, and the clips whose label
//! or verdict changed.
//!
//! Labels, verdicts and scores are those of the records' verdict lines, so a comparison needs no bundle.

mod page;
mod paired;
mod run;

pub use page::page;
pub use paired::{McNemar, interval, mcnemar};
pub use run::{BundleName, JudgedClip, JudgedRun};

use super::metrics::accuracy::share;
use super::metrics::selective;
use crate::error::{Error, Result, Setting, Stage};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Version of the format of a comparison.
pub const SCHEMA: u32 = 2;
/// Clips that an error names.
const NAMED: usize = 5;

/// Comparison of two runs, A and B.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Version of this format.
    pub schema: u32,
    /// `comparison`.
    pub kind: &'static str,
    /// Version of the program.
    pub version: &'static str,
    /// The runs A and B.
    pub runs: [RunIdentity; 2],
    /// Number of compared clips.
    pub clips: usize,
    /// Number of source videos of these clips; each is drawn as a whole.
    pub videos: usize,
    /// Number of clips that only one run scored, or that the runs label differently; they are left out.
    pub left_out: usize,
    /// Paired differences.
    pub differences: Vec<Difference>,
    /// Clips whose label or verdict changed.
    pub changed: Vec<ChangedClip>,
}

/// A run of a comparison.
#[derive(Clone, Debug, Serialize)]
pub struct RunIdentity {
    /// Path that the run was read from.
    pub path: String,
    /// Its bundle.
    pub bundle: BundleName,
    /// Number of clips that it scored.
    pub clips: usize,
}

/// A measure of both runs with its paired difference. Undefined numbers are null in JSON.
#[derive(Clone, Debug, Serialize)]
pub struct Difference {
    /// Name of the measure.
    pub measure: String,
    /// Unit of the measure.
    pub unit: Unit,
    /// The measure of A.
    pub a: Option<f64>,
    /// The measure of B.
    pub b: Option<f64>,
    /// B less A.
    pub difference: Option<f64>,
    /// Lower end of the 95 % interval of the difference.
    pub low: Option<f64>,
    /// Upper end of the interval.
    pub high: Option<f64>,
    /// Clips that the measure counts in A and in B.
    pub of: [usize; 2],
    /// Exact McNemar test of a measure that is true or false for every clip; `None` for others.
    pub mcnemar: Option<McNemar>,
}

/// Unit of a measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// A share of clips, in 0..=1.
    Share,
    /// An area under a curve, in 0..=1; smaller is better.
    Area,
}

/// A clip whose label or verdict changed, in the order A, B.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChangedClip {
    /// Id of the clip.
    pub clip: String,
    /// Its true class.
    pub truth: String,
    /// Its labels.
    pub labels: [String; 2],
    /// Its verdicts, each with its reason: `flag: background-dominates`.
    pub verdicts: [String; 2],
}

/// Clips that a comparison uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClipSelection {
    /// All clips; both runs must have scored the same ones.
    Same,
    /// The clips that both runs scored.
    Common,
}

/// A clip in both runs.
type Pair<'a> = [&'a JudgedClip; 2];

impl Comparison {
    /// Compares two runs.
    ///
    /// # Errors
    /// Returns an error if the runs did not score the same clips with the same true classes and `selection` is
    /// [`ClipSelection::Same`], or if they have no clip in common.
    pub fn of(a: &JudgedRun, b: &JudgedRun, selection: ClipSelection) -> Result<Self> {
        let pairs = pairs(a, b);
        let left_out = differing(a, b);
        if pairs.is_empty() {
            let got = format!("none of {} and {} clips", a.clips.len(), b.clips.len());
            return Err(Error::new(Stage::DataSet, "two runs with common clips", got, "compare runs of one data set"));
        }
        if !left_out.is_empty() && selection == ClipSelection::Same {
            return Err(other_clips(a, b));
        }
        let videos = videos(&pairs);
        Ok(Self {
            schema: SCHEMA,
            kind: "comparison",
            version: env!("CARGO_PKG_VERSION"),
            runs: [a, b].map(RunIdentity::of),
            clips: pairs.len(),
            videos: videos.len(),
            left_out: left_out.len(),
            differences: differences(&pairs, &videos),
            changed: pairs.iter().filter_map(|(clip, pair)| changed(clip, *pair)).collect(),
        })
    }
}

impl RunIdentity {
    fn of(run: &JudgedRun) -> Self {
        Self { path: run.path.display().to_string(), bundle: run.bundle.clone(), clips: run.clips.len() }
    }
}

/// Returns the clips that both runs scored under one true class.
fn pairs<'a>(a: &'a JudgedRun, b: &'a JudgedRun) -> Vec<(&'a str, Pair<'a>)> {
    let pair = |(id, clip): (&'a String, &'a JudgedClip)| {
        let other = b.clips.get(id).filter(|other| other.truth == clip.truth)?;
        Some((id.as_str(), [clip, other]))
    };
    a.clips.iter().filter_map(pair).collect()
}

/// Returns the clips of one run that are not in the other, or have another true class there.
fn differing<'a>(a: &'a JudgedRun, b: &'a JudgedRun) -> BTreeSet<&'a str> {
    let only = |a: &'a JudgedRun, b: &'a JudgedRun| {
        let differs =
            |(id, clip): &(&'a String, &'a JudgedClip)| b.clips.get(*id).is_none_or(|other| other.truth != clip.truth);
        a.clips.iter().filter(differs).map(|(id, _)| id.as_str())
    };
    only(a, b).chain(only(b, a)).collect()
}

/// Returns the error of runs on other clips, which it counts and names.
fn other_clips(a: &JudgedRun, b: &JudgedRun) -> Error {
    let only = |a: &JudgedRun, b: &JudgedRun, name: &str| {
        let ids: Vec<&str> = a.clips.keys().filter(|id| !b.clips.contains_key(*id)).map(String::as_str).collect();
        (!ids.is_empty()).then(|| format!("{} clips only in {name} ({})", ids.len(), names(&ids)))
    };
    let is_relabelled =
        |(id, clip): &(&String, &JudgedClip)| b.clips.get(*id).is_some_and(|other| other.truth != clip.truth);
    let relabelled: Vec<&str> = a.clips.iter().filter(is_relabelled).map(|(id, _)| id.as_str()).collect();
    let relabelled =
        (!relabelled.is_empty()).then(|| format!("{} of another class ({})", relabelled.len(), names(&relabelled)));
    let parts: Vec<String> = [only(a, b, "A"), only(b, a, "B"), relabelled].into_iter().flatten().collect();
    let next = "run validate on the same clips, or compare the common ones";
    let got = parts.join(" and ");
    Error::new(Stage::DataSet, "two runs that scored the same clips", got, next).about(Setting::CommonClips)
}

/// Returns the first of `ids`, and how many more there are.
fn names(ids: &[&str]) -> String {
    let more = ids.len().saturating_sub(NAMED);
    let first = ids[..ids.len() - more].join(", ");
    if more > 0 { format!("{first} and {more} more") } else { first }
}

/// Returns the indices of the clips of each source video.
fn videos(pairs: &[(&str, Pair<'_>)]) -> Vec<Vec<usize>> {
    let mut videos: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, (id, pair)) in pairs.iter().enumerate() {
        videos.entry(pair[0].video.as_deref().unwrap_or(id)).or_default().push(index);
    }
    videos.into_values().collect()
}

fn changed(clip: &str, [a, b]: Pair<'_>) -> Option<ChangedClip> {
    let (labels, verdicts) = ([a, b].map(|clip| clip.label.clone()), [a, b].map(JudgedClip::verdict_with_reason));
    let is_changed = labels[0] != labels[1] || verdicts[0] != verdicts[1];
    is_changed.then(|| ChangedClip { clip: clip.to_owned(), truth: a.truth.clone(), labels, verdicts })
}

/// What a measure says of one clip; `None` if it does not count the clip.
type Holds = fn(&JudgedClip) -> Option<bool>;

/// Shares of clips by name.
const SHARES: [(&str, Holds); 9] = [
    ("top1", |clip| Some(clip.is_right)),
    ("top5", |clip| clip.in_top5),
    ("p_top1", |clip| clip.is_person_right),
    ("b_top1", |clip| clip.is_background_right),
    ("accepted", |clip| Some(clip.is("accept"))),
    ("flagged", |clip| Some(clip.is("flag"))),
    ("right_flagged", |clip| clip.is_right.then(|| clip.is("flag"))),
    ("wrong_flagged", |clip| (!clip.is_right).then(|| clip.is("flag"))),
    ("top1_of_accepted", |clip| clip.is("accept").then_some(clip.is_right)),
];

fn differences(pairs: &[(&str, Pair<'_>)], videos: &[Vec<usize>]) -> Vec<Difference> {
    let pairs: Vec<Pair<'_>> = pairs.iter().map(|(_, pair)| *pair).collect();
    let shares = SHARES.iter().map(|&(name, holds)| {
        let measure = |clips: &[&JudgedClip]| share(clips.iter().filter_map(|clip| holds(clip)), |holds| holds);
        let of = [0, 1].map(|side| pairs.iter().filter(|pair| holds(pair[side]).is_some()).count());
        let outcomes: Option<Vec<[bool; 2]>> = pairs.iter().map(|[a, b]| Some([holds(a)?, holds(b)?])).collect();
        let mcnemar = outcomes.map(|outcomes| mcnemar(&outcomes));
        Difference { mcnemar, of, ..difference(name.to_owned(), Unit::Share, &pairs, videos, &measure) }
    });
    let names: BTreeSet<&String> = pairs.iter().flatten().flat_map(|clip| clip.confidence.keys()).collect();
    let has_all = |name: &&String| pairs.iter().flatten().all(|clip| clip.confidence.contains_key(*name));
    let areas = names.into_iter().filter(has_all).map(|name| {
        let measure = |clips: &[&JudgedClip]| {
            let ordered: Vec<(f64, bool)> =
                clips.iter().filter_map(|clip| Some((*clip.confidence.get(name)?, !clip.is_right))).collect();
            selective::aurc(&ordered)
        };
        difference(format!("aurc_{name}"), Unit::Area, &pairs, videos, &measure)
    });
    shares.chain(areas).collect()
}

fn difference(
    measure: String,
    unit: Unit,
    pairs: &[Pair<'_>],
    videos: &[Vec<usize>],
    of: &dyn Fn(&[&JudgedClip]) -> f64,
) -> Difference {
    let sides = |indices: &[usize]| -> [f64; 2] {
        [0, 1].map(|side| of(&indices.iter().map(|&index| pairs[index][side]).collect::<Vec<_>>()))
    };
    let [a, b] = sides(&(0..pairs.len()).collect::<Vec<_>>());
    let [low, high] = interval(videos, |indices| {
        let [a, b] = sides(indices);
        b - a
    });
    let finite = |value: f64| Some(value).filter(|value| value.is_finite());
    Difference {
        measure,
        unit,
        a: finite(a),
        b: finite(b),
        difference: finite(b - a),
        low: finite(low),
        high: finite(high),
        of: [pairs.len(); 2],
        mcnemar: None,
    }
}
