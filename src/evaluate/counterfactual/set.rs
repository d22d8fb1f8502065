//! One set of counterfactual clips: what is made, of which clips, with what.

use super::{BackgroundSource, Inpainter, Pairing, SetStatistics, pair_clips};
use crate::evaluate::dataset::{Dataset, LabelledClip};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// What is put around a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum SetKind {
    /// HAT's Human-Only: the person on the set's mean colour.
    HumanOnly,
    /// HAT's Background-Only: what lies behind the person.
    BackgroundOnly,
    /// HAT's Action-Swap: the person before the background of another class, any one.
    SwapRandom,
    /// The same of one of the classes in the most similar places.
    SwapClose,
    /// The same of one of the classes in the least similar places.
    SwapFar,
    /// The same of the same class: the upper bound.
    SwapSame,
    /// SCUBA: the person on one still background.
    Scuba,
    /// SCUFO: one frame of SCUBA's clip, again and again: a person without motion.
    Scufo,
    /// ConflFG: somebody of another class stands still in SCUBA's clip.
    #[cfg_attr(feature = "cli", value(name = "conflfg"))]
    ConflFg,
}

impl SetKind {
    /// All of them.
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

    /// `human-only`, `background-only`, `swap-random`, …
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

    /// Whether the person is put before another clip's background: HAT draws these three times.
    pub const fn is_swap(self) -> bool {
        matches!(self, SetKind::SwapRandom | SetKind::SwapClose | SetKind::SwapFar | SetKind::SwapSame)
    }

    /// Whether it is put before a still background of some source.
    pub const fn has_backdrop(self) -> bool {
        matches!(self, SetKind::Scuba | SetKind::Scufo | SetKind::ConflFg)
    }
}

/// One set of counterfactual clips.
#[derive(Debug)]
pub struct CounterfactualSet<'a> {
    /// What is made.
    pub set: SetKind,
    /// Which of several draws, from 1.
    pub draw: u32,
    /// Where still backgrounds come from.
    pub backdrops: BackgroundSource,
    /// Of which clips, and with which others.
    pub pairing: Pairing,
    pub(super) seed: u64,
    pub(super) surveys: &'a SetStatistics,
    pub(super) inpainter: &'a Inpainter,
    pub(super) colour: [u8; 3],
    pub(super) clips: HashMap<&'a str, &'a LabelledClip>,
}

impl<'a> CounterfactualSet<'a> {
    /// The script of the `draw`-th `set` of `dataset`.
    pub fn new(
        (set, draw): (SetKind, u32),
        seed: u64,
        backdrops: BackgroundSource,
        dataset: &'a Dataset,
        surveys: &'a SetStatistics,
        inpainter: &'a Inpainter,
    ) -> Self {
        Self {
            set,
            draw,
            backdrops,
            pairing: pair_clips(set, draw, seed, surveys),
            seed,
            surveys,
            inpainter,
            colour: surveys.colour(),
            clips: dataset.clips.iter().map(|clip| (clip.id.as_str(), clip)).collect(),
        }
    }

    /// The same with another pairing, such as one that was published.
    #[must_use]
    pub fn with_pairing(self, pairing: Pairing) -> Self {
        Self { pairing, ..self }
    }

    /// What files and tables call it: `swap-close-2`, `scuba-stripes`, `human-only`.
    pub fn name(&self) -> String {
        match self.set {
            set if set.is_swap() => format!("{}-{}", set.name(), self.draw),
            set if set.has_backdrop() => format!("{}-{}", set.name(), self.backdrops.name()),
            set => set.name().to_owned(),
        }
    }

    /// A checksum of all that its clips follow from, besides the set and the segmenter.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        let text = format!("{} {} {:?} {:?} {:?}", self.name(), self.seed, self.colour, self.backdrops, self.inpainter);
        hash.update(text);
        for (clip, other) in &self.pairing {
            let is_uncovered =
                |clip: &String| self.clips.get(clip.as_str()).is_some_and(|clip| clip.inpainted.is_some());
            let behind = is_uncovered(other.as_ref().unwrap_or(clip));
            hash.update(format!("{clip:?} {other:?} {behind}"));
        }
        let sum: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{} {sum}", self.name())
    }

    /// The clips of `dataset` that are pair_clips, as records of their twins name them: with the class of the background, where
    /// that is known.
    pub fn clips(&self, dataset: &Dataset) -> Vec<LabelledClip> {
        let cast = dataset.clips.iter().filter_map(|clip| Some((clip, self.pairing.get(&clip.id)?)));
        let twin = |(clip, other): (&LabelledClip, &Option<String>)| {
            let mut twin = clip.clone();
            let other = other.as_ref().and_then(|other| self.clips.get(other.as_str()));
            match (self.set, other) {
                (set, Some(other)) if set.is_swap() => {
                    twin.strata.insert("background".to_owned(), other.label.clone());
                }
                (SetKind::BackgroundOnly, _) => {}
                _ => drop(twin.strata.remove("background")),
            }
            twin
        };
        cast.map(twin).collect()
    }
}
