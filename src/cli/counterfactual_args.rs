//! The flags of counterfactual sets.

use clap::Args;
use figureground::Result;
use figureground::evaluate::counterfactual::SetSettings;
use figureground::evaluate::dataset::Dataset;
use std::path::PathBuf;

#[derive(Debug, Args)]
#[command(next_help_heading = "Counterfactual clips")]
pub struct CounterfactualArgs {
    /// Seed for everything drawn at random.
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Folder of still background pictures for SCUBA, SCUFO and ConflFG; may be given several times [default: stripes].
    #[arg(long, value_name = "DIR")]
    backgrounds: Vec<PathBuf>,
    /// ONNX inpainter: picture and mask to picture, like LaMa [default: interpolation of colours].
    #[arg(long, value_name = "FILE")]
    inpainter: Option<PathBuf>,
    /// Folder of frames without the person, inpainted elsewhere, as inp/CLASS/CLIP/%06d.jpg or CLASS/CLIP/%06d.jpg.
    #[arg(long, value_name = "DIR", conflicts_with = "inpainter")]
    inpainted: Option<PathBuf>,
    /// ONNX scene classifier, for instance of Places365, that finds close and far classes [default: the built-in
    /// encoder].
    #[arg(long, value_name = "FILE")]
    scenes: Option<PathBuf>,
    /// HAT's list of swaps, actionswap_{rand,close,far,same}_{1..3}.pickle; may be given several times.
    #[arg(long, value_name = "FILE")]
    swaps: Vec<PathBuf>,
    /// Cache file for each clip's person area and scene [default: clip-statistics.jsonl in OUT].
    #[arg(long, value_name = "FILE", alias = "survey")]
    clip_statistics: Option<PathBuf>,
}

impl CounterfactualArgs {
    /// Adds the frames that were inpainted elsewhere to the data set.
    pub fn add_inpainted(&self, dataset: Dataset) -> Result<Dataset> {
        self.inpainted.iter().try_fold(dataset, |dataset, folder| dataset.with_inpainted(folder))
    }

    pub fn settings(&self) -> SetSettings {
        SetSettings {
            seed: self.seed,
            backgrounds: self.backgrounds.clone(),
            inpainter: self.inpainter.clone(),
            scenes: self.scenes.clone(),
            swaps: self.swaps.clone(),
            statistics: self.clip_statistics.clone(),
        }
    }
}
