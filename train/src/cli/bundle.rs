//! `figureground-train bundle`.

use super::progress::Progress;
use clap::Args;
use figureground::bundle::Bundle;
use figureground::engine::all_cores;
use figureground::file::write_aside;
use figureground::import::Import;
use figureground::model::write::WeightPrecision;
use figureground::{Error, Result, Stage};
use figureground_train::place_bank;
use pantomime::Action;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Example:
  figureground-train bundle --from masked --segmenter models/pantomime/segmenter --out my-bundle
  figureground validate clips --format mimetics --bundle my-bundle --out report
  figureground calibrate report --risk 0.1 --bundle my-bundle --in-place";

#[derive(Debug, Args)]
pub struct MakeBundle {
    /// Folder of the trained pair.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// Folder with segmenter.toml and segmenter.onnx.
    #[arg(long, value_name = "DIR")]
    segmenter: PathBuf,
    /// Preprocessing and prompts of the pair [default: models/clip/pantomime.toml].
    #[arg(long, value_name = "MANIFEST.toml")]
    convention: Option<PathBuf>,
    /// Leave the text encoder out: the labels of the bundle cannot be changed.
    #[arg(long)]
    without_text: bool,
    /// Bundle to write, which must not exist.
    #[arg(long, value_name = "BUNDLE")]
    out: PathBuf,
}

impl MakeBundle {
    pub fn run(&self, progress: &Progress) -> Result<()> {
        let labels = tempfile::NamedTempFile::new().map_err(no_temporary_file)?;
        let names: String = Action::ALL.iter().map(|action| action.name() + "\n").collect();
        write_aside(labels.path(), names.as_bytes())?;
        let convention = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/clip/pantomime.toml");
        let import = Import {
            clip: self.from.clone(),
            base: None,
            activation: None,
            convention: Some(self.convention.clone().unwrap_or(convention)),
            segmenter: self.segmenter.join("segmenter.toml"),
            segmenter_model: self.segmenter.join("segmenter.onnx"),
            labels: labels.path().to_owned(),
            templates: Vec::new(),
            precision: WeightPrecision::F16,
            out: self.out.clone(),
        };
        import.run(all_cores(), &mut |_, _| Ok(()))?;
        let mut bundle = Bundle::open(&self.out)?;
        bundle.write_backgrounds(&place_bank::draw(&bundle.manifest().vision.preprocess)?)?;
        if self.without_text {
            bundle.remove_text_encoder()?;
        }
        Bundle::open(&self.out)?;
        progress.print(&format!("wrote {}, with an uncalibrated gate", self.out.display()));
        Ok(())
    }
}

/// Returns the error of a temporary file that cannot be created.
pub fn no_temporary_file(error: std::io::Error) -> Error {
    Error::caused(Stage::Training, "space for a temporary file", error, "set TMPDIR to a directory with free space")
}
