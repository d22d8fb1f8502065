//! A set of counterfactual clips: its kind, its pairing and its backgrounds.

use super::{BackgroundSource, Inpainter, Pairing, SetKind, SetStatistics, pair_clips};
use crate::bundle::checksum;
use crate::evaluate::dataset::{Dataset, LabelledClip};
use crate::evaluate::file_identity::Inputs;
use std::collections::HashMap;

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
    /// Checksum of the files of inpainter and backgrounds.
    pub(super) sources: String,
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
            sources: String::new(),
            colour: statistics.colour(),
            clips: dataset.clips.iter().map(|clip| (clip.id.as_str(), clip)).collect(),
        }
    }

    /// Replaces the pairing, for instance by a published one.
    #[must_use]
    pub fn with_pairing(self, pairing: Pairing) -> Self {
        Self { pairing, ..self }
    }

    /// Sets the checksum of the files of inpainter and backgrounds, which is part of the fingerprint.
    #[must_use]
    pub(super) fn with_sources(self, sources: String) -> Self {
        Self { sources, ..self }
    }

    /// Returns the files that the counterfactual clip of `clip` is made from, by their role.
    pub(in crate::evaluate) fn inputs(&self, clip: &LabelledClip) -> Inputs {
        let inpainted = |clip: &LabelledClip| clip.inpainted.iter().map(|path| ("inpainted", path.clone())).collect();
        let mut inputs: Inputs = clip.inputs();
        let other = self.pairing.get(&clip.id).and_then(Option::as_ref);
        match other.and_then(|other| self.clips.get(other.as_str())) {
            Some(other) => {
                let of_other = other.inputs().into_iter().map(|(role, path)| match role {
                    "clip" => ("other", path),
                    "masks" => ("other-masks", path),
                    _ => ("other-objects", path),
                });
                inputs.extend(of_other);
                inputs.extend::<Inputs>(inpainted(other));
            }
            None => inputs.extend::<Inputs>(inpainted(clip)),
        }
        inputs
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
        let (name, seed, colour) = (self.name(), self.seed, self.colour);
        let (backgrounds, sources) = (self.backgrounds.name(), &self.sources);
        let mut text = format!("{name} {seed} {colour:?} {backgrounds} {:?} {sources}", self.inpainter);
        for (clip, other) in &self.pairing {
            let is_inpainted =
                |clip: &String| self.clips.get(clip.as_str()).is_some_and(|clip| clip.inpainted.is_some());
            let background = is_inpainted(other.as_ref().unwrap_or(clip));
            text += &format!("{clip:?} {other:?} {background}");
        }
        format!("{name} {}", checksum::of_bytes(text.as_bytes()))
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
                (SetKind::BackgroundOnly | SetKind::PasteBack, _) => {}
                _ => drop(clip.strata.remove("background")),
            }
            clip
        };
        paired.map(describe).collect()
    }
}
