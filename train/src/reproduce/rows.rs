//! The rows of the papers' tables; each row is a training run.

use crate::augmentation::Augmentation;
use crate::masking_ratio::MaskingRatio;
use crate::objective::{Albar, Objective};
use crate::pair::FusionKind;
use figureground::sampler::Sampler;

/// An experiment of the papers, with one table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Experiment {
    /// Table 1 of the masking paper: few clips per base class, in context; tested on base and novel classes.
    FewShot,
    /// Tables 2 and 3: trained on base classes in context; tested on them and on novel ones, in and out of context.
    Cross,
    /// Table 4: handlings that their objects suggest.
    Objects,
    /// ALBAR's table: SCUBA, SCUFO, ConflFG, contrastive accuracy.
    Albar,
    /// HAT's observation on the number of frames.
    Frames,
}

impl Experiment {
    /// All experiments.
    pub const ALL: [Self; 5] = [Self::FewShot, Self::Cross, Self::Objects, Self::Albar, Self::Frames];

    /// Returns the first part of the names of its rows.
    pub fn name(self) -> &'static str {
        match self {
            Self::FewShot => "few-shot",
            Self::Cross => "cross",
            Self::Objects => "objects",
            Self::Albar => "albar",
            Self::Frames => "frames",
        }
    }
}

/// A row of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRow {
    /// Name, for example `cross/mean/0.33:0.67`.
    pub name: String,
    /// The experiment.
    pub experiment: Experiment,
    /// Fusion of frame embeddings.
    pub fusion: FusionKind,
    /// Augmentation of training samples.
    pub augmentation: Augmentation,
    /// The loss.
    pub objective: Objective,
    /// Frames per clip.
    pub frames: usize,
    /// Sampler of the frames.
    pub sampler: Sampler,
}

/// Masking ratios of Tables 1 to 3.
const BACKGROUND: [[f32; 2]; 4] = [[1.0, 0.0], [0.5, 0.5], [0.33, 0.67], [0.0, 1.0]];
/// Masking ratios of Table 4.
const OBJECTS: [[f32; 4]; 5] =
    [[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.5, 0.0, 0.5, 0.0], [0.5, 0.0, 0.0, 0.5], [0.33, 0.0, 0.33, 0.33]];

/// Returns all rows, the most important ones first.
pub fn rows() -> Vec<TableRow> {
    let fusions = [FusionKind::Mean, FusionKind::Temporal];
    let ratios = || fusions.into_iter().flat_map(|fusion| BACKGROUND.map(|ratio| (fusion, ratio)));
    let masked = |ratio: [f32; 2]| Augmentation::masked(MaskingRatio::Background(ratio));
    let mut rows: Vec<TableRow> = ratios().map(|(f, r)| info_nce_row(Experiment::Cross, f, masked(r))).collect();
    rows.extend(fusions.map(|fusion| {
        let mut row = info_nce_row(Experiment::Cross, fusion, Augmentation { swap: 0.5, ..Augmentation::PLAIN });
        row.name = format!("{}/{}/swap", row.experiment.name(), fusion_name(fusion));
        row
    }));
    let albar = [("baseline", Objective::CrossEntropy), ("albar", Objective::Albar(Albar::HMDB51))];
    rows.extend([FusionKind::Temporal, FusionKind::Mean].into_iter().flat_map(|fusion| {
        albar.map(|(name, objective)| TableRow {
            name: format!("albar/{}/{name}", fusion_name(fusion)),
            objective,
            ..info_nce_row(Experiment::Albar, fusion, Augmentation::PLAIN)
        })
    }));
    rows.extend(ratios().map(|(f, r)| info_nce_row(Experiment::FewShot, f, masked(r))));
    rows.extend(fusions.into_iter().flat_map(|fusion| {
        OBJECTS.map(|r| info_nce_row(Experiment::Objects, fusion, Augmentation::masked(MaskingRatio::Objects(r))))
    }));
    let sampled = |name: &str, frames, sampler| TableRow {
        name: format!("frames/temporal/{frames}{name}"),
        frames,
        sampler,
        ..info_nce_row(Experiment::Frames, FusionKind::Temporal, Augmentation::PLAIN)
    };
    rows.extend([1, 3, 5, 8].map(|frames| sampled("", frames, Sampler::ViFiClip)));
    rows.push(sampled("-dense", 8, Sampler::Dense));
    rows
}

fn info_nce_row(experiment: Experiment, fusion: FusionKind, augmentation: Augmentation) -> TableRow {
    TableRow {
        name: format!("{}/{}/{}", experiment.name(), fusion_name(fusion), augmentation.ratio),
        experiment,
        fusion,
        augmentation,
        objective: Objective::InfoNce,
        frames: 8,
        sampler: Sampler::ViFiClip,
    }
}

/// Returns the name of a fusion in row names.
pub fn fusion_name(fusion: FusionKind) -> &'static str {
    match fusion {
        FusionKind::Mean => "mean",
        FusionKind::Temporal => "temporal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_names_are_unique() {
        let mut names: Vec<String> = rows().into_iter().map(|row| row.name).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.contains(&"cross/mean/0.33:0.67".to_owned()), "{names:?}");
    }
}
