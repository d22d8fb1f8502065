//! The flags of a data set, and of a run over its clips.

use super::choices::{Choice, parser};
use clap::Args;
use clap::builder::TypedValueParser;
use figureground::Result;
use figureground::evaluate::RunSettings;
use figureground::evaluate::dataset::{Dataset, Format};
use figureground::source::SourceOptions;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub struct DatasetArgs {
    /// Folder of the data set.
    data: PathBuf,
    /// Layout of the data set.
    #[arg(long, value_parser = format())]
    format: Format,
    /// File that lists the clips [default: the only such file in DATA].
    #[arg(long, value_name = "FILE")]
    annotations: Option<PathBuf>,
    /// Folder of precomputed masks, as seg/CLASS/CLIP/%06d.png with obj beside seg, or CLASS/CLIP/%06d.png with a
    /// folder objects in it, and boxes.json [default: the bundle's segmenter].
    #[arg(long, value_name = "DIR")]
    masks: Option<PathBuf>,
    /// Directory to write results to.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Clips processed at a time, each by models of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Frames per second of clips that are folders of pictures.
    #[arg(long, value_name = "N", default_value_t = SourceOptions::default().fps, value_parser = super::run::positive)]
    fps: f64,
    /// Keep the pixels of a video as they are stored, even if players stretch them because they are not square.
    #[arg(long)]
    no_stretch: bool,
}

impl DatasetArgs {
    /// Opens the data set, with its masks.
    pub fn open(&self) -> Result<Dataset> {
        let dataset = Dataset::open(self.format, &self.data, self.annotations.as_deref())?;
        self.masks.iter().try_fold(dataset, |dataset, masks| dataset.with_masks(masks))
    }

    /// Returns the name of the data set's folder.
    pub fn name(&self) -> String {
        self.data.file_name().unwrap_or(self.data.as_os_str()).to_string_lossy().into_owned()
    }

    pub fn out(&self) -> &Path {
        &self.out
    }

    /// Returns the settings of a run with this number of CPU threads.
    pub fn settings(&self, threads: usize) -> RunSettings {
        RunSettings { out: self.out.clone(), jobs: self.jobs.into(), threads, fps: self.fps, stretch: !self.no_stretch }
    }
}

fn format() -> impl TypedValueParser<Value = Format> {
    let help = |format| match format {
        Format::Mimetics => "CSV of label, youtube_id, time_start, time_end, split; clips are named by id and seconds",
        Format::Kinetics => "Same as mimetics",
        Format::Mmaction2 => {
            "mmaction2's lists: `path label` for videos, `folder [offset] frames label` for raw frames"
        }
        Format::Ssv2 => "Something-Something v2's JSON lists of id and template, without clips under 16 frames",
        Format::Hat => "HAT's tree: ori/CLASS/CLIP/%06d.jpg",
        Format::Folder => "A folder per class, with video files or folders of pictures",
    };
    parser(Format::ALL.map(|value| Choice { value, name: value.name(), help: help(value) }))
}
