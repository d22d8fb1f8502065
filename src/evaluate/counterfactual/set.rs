//! A set of counterfactual clips: its kind, its pairing and its backgrounds.

use super::{BackgroundSource, Inpainter, Pairing, SetStatistics, pair_clips};
use crate::evaluate::dataset::{Dataset, LabelledClip};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// Kind of a counterfactual set: its replacement of background, person or motion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SetKind {
    /// HAT's Human-Only: the person on the set's mean colour.
    HumanOnly,
    /// HAT's Background-Only: the inpainted background without the person.
    BackgroundOnly,
    /// HAT's Action-Swap: the person on a background of any other class.
    SwapRandom,
    /// Action-Swap with a class of the most similar scenes.
    SwapClose,
    /// Action-Swap with a class of the least similar scenes.
    SwapFar,
    /// Action-Swap with the same class: the upper bound.
    SwapSame,
    /// SCUBA: the person on one still background.
    Scuba,
    /// SCUFO: one frame of the SCUBA clip, repeated: a person without motion.
    Scufo,
    /// ConflFG: the SCUBA clip with a still person of another class in it.
    ConflFg,
}

impl SetKind {
    /// All kinds.
    pub const ALL: [SetKind; 9] = [
        SetKind::HumanOnly,
        SetKind::BackgroundOnly,
        SetKind::SwapRandom,
        SetKind::SwapClose,
        SetKind::SwapFar,
        SetKind::SwapSame,
        SetKind::Scuba,
        SetKind::Scufo,
        SetKind::ConflFg,
    ];

    /// Returns the kind's name: `human-only`, `background-only`, `swap-random`, …
    pub const fn name(self) -> &'static str {
        match self {
            SetKind::HumanOnly => "human-only",
            SetKind::BackgroundOnly => "background-only",
            SetKind::SwapRandom => "swap-random",
            SetKind::SwapClose => "swap-close",
            SetKind::SwapFar => "swap-far",
            SetKind::SwapSame => "swap-same",
            SetKind::Scuba => "scuba",
            SetKind::Scufo => "scufo",
            SetKind::ConflFg => "conflfg",
        }
    }

    /// Returns whether the background is another clip's. HAT draws these kinds three times.
    pub const fn is_swap(self) -> bool {
        matches!(self, SetKind::SwapRandom | SetKind::SwapClose | SetKind::SwapFar | SetKind::SwapSame)
    }

    /// Returns whether the background is a still picture.
    pub const fn has_still_background(self) -> bool {
        matches!(self, SetKind::Scuba | SetKind::Scufo | SetKind::ConflFg)
    }
}

/// Parameters of a counterfactual set.
#[derive(Clone, Debug)]
pub struct SetSpec {
    /// Kind of the set.
    pub kind: SetKind,
    /// Number of the draw, from 1.
    pub draw: u32,
    /// Seed for everything drawn at random.
    pub seed: u64,
    /// Source of still backgrounds.
    pub backgrounds: BackgroundSource,
}

/// One set of counterfactual clips.
#[derive(Debug)]
pub struct CounterfactualSet<'a> {
    /// Kind of the set.
    pub kind: SetKind,
    /// Number of the draw, from 1.
    pub draw: u32,
    /// Source of still backgrounds.
    pub backgrounds: BackgroundSource,
    /// Clips that the set is made from, each with the other clip that it takes.
    pub pairing: Pairing,
    pub(super) seed: u64,
    pub(super) statistics: &'a SetStatistics,
    pub(super) inpainter: &'a Inpainter,
    pub(super) colour: [u8; 3],
    pub(super) clips: HashMap<&'a str, &'a LabelledClip>,
}

impl<'a> CounterfactualSet<'a> {
    /// Creates the set that `spec` describes from the clips of `dataset`, paired by their `statistics`.
    pub fn new(spec: SetSpec, dataset: &'a Dataset, statistics: &'a SetStatistics, inpainter: &'a Inpainter) -> Self {
        let SetSpec { kind, draw, seed, backgrounds } = spec;
        Self {
            kind,
            draw,
            backgrounds,
            pairing: pair_clips(kind, draw, seed, statistics),
            seed,
            statistics,
            inpainter,
            colour: statistics.colour(),
            clips: dataset.clips.iter().map(|clip| (clip.id.as_str(), clip)).collect(),
        }
    }

    /// Replaces the pairing, for instance by a published one.
    #[must_use]
    pub fn with_pairing(self, pairing: Pairing) -> Self {
        Self { pairing, ..self }
    }

    /// Returns the name of the set in files and tables: `swap-close-2`, `scuba-stripes`, `human-only`.
    pub fn name(&self) -> String {
        match self.kind {
            kind if kind.is_swap() => format!("{}-{}", kind.name(), self.draw),
            kind if kind.has_still_background() => format!("{}-{}", kind.name(), self.backgrounds.name()),
            kind => kind.name().to_owned(),
        }
    }

    /// Returns a checksum of everything that the clips follow from, besides the data set and the segmenter.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let (name, seed, colour) = (self.name(), self.seed, self.colour);
        hash.update(format!("{name} {seed} {colour:?} {:?} {:?}", self.backgrounds, self.inpainter));
        for (clip, other) in &self.pairing {
            let is_inpainted =
                |clip: &String| self.clips.get(clip.as_str()).is_some_and(|clip| clip.inpainted.is_some());
            let background = is_inpainted(other.as_ref().unwrap_or(clip));
            hash.update(format!("{clip:?} {other:?} {background}"));
        }
        let sum: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{name} {sum}")
    }

    /// Returns the clips of `dataset` that the set is made from, as the records of their counterfactual clips describe
    /// them: the stratum `background` is the class of the new background, if there is one.
    pub fn clips(&self, dataset: &Dataset) -> Vec<LabelledClip> {
        let paired = dataset.clips.iter().filter_map(|clip| Some((clip, self.pairing.get(&clip.id)?)));
        let describe = |(clip, other): (&LabelledClip, &Option<String>)| {
            let mut clip = clip.clone();
            let other = other.as_ref().and_then(|other| self.clips.get(other.as_str()));
            match (self.kind, other) {
                (kind, Some(other)) if kind.is_swap() => {
                    clip.strata.insert("background".to_owned(), other.label.clone());
                }
                (SetKind::BackgroundOnly, _) => {}
                _ => drop(clip.strata.remove("background")),
            }
            clip
        };
        paired.map(describe).collect()
    }
}
