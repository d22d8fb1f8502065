//! Preprocessing and prompts of an imported model: from its family's convention and its own configuration.

use super::checkpoint_files::{ModelConfig, ModelFamily};
use super::tower::TemporalTower;
use crate::bundle::manifest::{Convention, TokenizerKind};
use crate::bundle::tokenizer::ALL_MERGES;
use crate::error::{Error, Result, Stage};
use crate::preprocess::Resize;
use crate::zeroshot::Fusion;
use log::info;
use std::path::{Path, PathBuf};

/// The convention of OpenAI's models.
const OPENAI: &str = include_str!("../../models/clip/openai.toml");
/// The convention of ViFi-CLIP.
const VIFICLIP: &str = include_str!("../../models/clip/vificlip.toml");
/// The convention of ActionCLIP.
const ACTIONCLIP: &str = include_str!("../../models/clip/actionclip.toml");
/// Token ids besides the merges: 512 bytes, start and end.
const BASE_IDS: usize = 514;

/// Returns the convention of `family`, with the preprocessing of an open_clip configuration.
pub fn usual_convention(family: ModelFamily, config: &ModelConfig) -> Result<Convention> {
    let (text, name) = match family {
        ModelFamily::OpenAi => (OPENAI, "openai"),
        ModelFamily::ViFiClip => (VIFICLIP, "vificlip"),
        ModelFamily::ActionClip => (ACTIONCLIP, "actionclip"),
    };
    if family != ModelFamily::OpenAi {
        info!(target: crate::NOTES, "preprocessing and prompts follow models/clip/{name}.toml; choose another convention if they differ");
    }
    let mut convention = Convention::parse(text)?;
    if let ModelConfig::OpenClip(config) = config {
        "open_clip".clone_into(&mut convention.name);
        config.apply_to(&mut convention.vision.preprocess)?;
    }
    Ok(convention)
}

/// Checks that a convention with temporal fusion has a temporal transformer.
pub fn check_fusion(convention: &Convention, temporal: Option<&TemporalTower>) -> Result<()> {
    if convention.clip.fusion == Fusion::Mean || temporal.is_some() {
        return Ok(());
    }
    let expected = "a temporal transformer, because the convention has clip.fusion = \"temporal\"";
    let next = "put temporal.safetensors beside the checkpoint, or write fusion = \"mean\"";
    Err(Error::new(Stage::Import, expected, "none in the checkpoint", next))
}

/// Sets the file names of the two towers in `convention` and returns their paths.
pub fn name_towers(convention: &mut Convention, directory: &Path) -> [PathBuf; 2] {
    convention.vision.file = "vision.onnx".to_owned();
    convention.text.file = "text.onnx".to_owned();
    [directory.join(&convention.vision.file), directory.join(&convention.text.file)]
}

/// Input sizes of the models; they replace the convention's.
pub struct InputSizes {
    /// Side of the square picture, in pixels.
    pub side: Option<u32>,
    /// Tokens of a prompt.
    pub context: Option<usize>,
    /// Rows of the token table.
    pub vocabulary: Option<usize>,
}

impl InputSizes {
    /// Writes the sizes into `convention`.
    pub fn apply_to(&self, convention: &mut Convention) -> Result<()> {
        let preprocess = &mut convention.vision.preprocess;
        if let Some(side) = self.side.filter(|side| (preprocess.width, preprocess.height) != (*side, *side)) {
            if let Resize::ShortestThenCrop { shortest } = &mut preprocess.resize {
                let scaled = (u64::from(*shortest) * u64::from(side)).div_ceil(u64::from(preprocess.height));
                *shortest = u32::try_from(scaled).unwrap_or(u32::MAX);
            }
            (preprocess.width, preprocess.height) = (side, side);
            preprocess.validate()?;
        }
        convention.text.context = self.context.unwrap_or(convention.text.context);
        let Some(vocabulary) = self.vocabulary else { return Ok(()) };
        let merges = vocabulary.checked_sub(BASE_IDS).and_then(|merges| u16::try_from(merges).ok());
        let merges = merges.filter(|merges| *merges <= ALL_MERGES).ok_or_else(|| {
            let expected = format!("a vocabulary of {BASE_IDS} to {} ids", BASE_IDS + usize::from(ALL_MERGES));
            let next = "import a model with CLIP's byte-pair encoding";
            Error::new(Stage::Import, expected, vocabulary, next)
        })?;
        let merges = (merges < ALL_MERGES).then_some(merges);
        convention.text.tokenizer = TokenizerKind::ClipBpe { merges };
        Ok(())
    }
}
