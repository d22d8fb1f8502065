//! How a model wants its pictures and prompts: what goes for its family, and what its checkpoint says itself.

use super::source::{Config, Family};
use super::temporal::TemporalTower;
use crate::bundle::manifest::{Convention, TokenizerKind};
use crate::bundle::tokenizer::ALL_MERGES;
use crate::error::{Error, Result, Stage};
use crate::preprocess::Resize;
use crate::zeroshot::Fusion;
use log::warn;
use std::path::{Path, PathBuf};

/// The conventions of OpenAI's models.
const OPENAI: &str = include_str!("../../../models/clip/openai.toml");
/// The conventions of ViFi-CLIP.
const VIFICLIP: &str = include_str!("../../../models/clip/vificlip.toml");
/// The conventions of ActionCLIP.
const ACTIONCLIP: &str = include_str!("../../../models/clip/actionclip.toml");
/// Ids of CLIP's tokenizer that are no merges: 512 bytes, start and end.
const NO_MERGES: usize = 514;

/// The convention of a checkpoint that none was given for.
pub fn usual_convention(family: Family, config: &Config) -> Result<Convention> {
    let (text, name) = match family {
        Family::OpenAi => (OPENAI, "openai"),
        Family::ViFiClip => (VIFICLIP, "vificlip"),
        Family::ActionClip => (ACTIONCLIP, "actionclip"),
    };
    if family != Family::OpenAi {
        warn!("pictures and prompts follow models/clip/{name}.toml, as this checkpoint's do; --convention for others");
    }
    let mut convention = Convention::parse(text)?;
    if let Config::OpenClip(config) = config {
        "open_clip".clone_into(&mut convention.name);
        config.adopt(&mut convention.vision.preprocess)?;
    }
    Ok(convention)
}

/// Refuses a convention whose temporal transformer is nowhere.
pub fn check_fusion(convention: &Convention, temporal: Option<&TemporalTower>) -> Result<()> {
    if convention.clip.fusion == Fusion::Mean || temporal.is_some() {
        return Ok(());
    }
    let expected = "a temporal transformer, as the convention's clip.fusion says";
    let next = "put temporal.safetensors beside the checkpoint, or write fusion = \"mean\"";
    Err(Error::new(Stage::Import, expected, "none in the checkpoint", next))
}

/// Names the files of the two towers in `convention`, and tells their paths.
pub fn name_towers(convention: &mut Convention, directory: &Path) -> [PathBuf; 2] {
    convention.vision.file = "vision.onnx".to_owned();
    convention.text.file = "text.onnx".to_owned();
    [directory.join(&convention.vision.file), directory.join(&convention.text.file)]
}

/// Sizes that a checkpoint tells by itself; they go before the convention's.
pub struct Sizes {
    /// Side of the square picture, in pixels.
    pub side: Option<u32>,
    /// Tokens of a prompt.
    pub context: Option<usize>,
    /// Rows of the token table.
    pub vocabulary: Option<usize>,
}

impl Sizes {
    /// Writes them into `convention`.
    pub fn adopt(&self, convention: &mut Convention) -> Result<()> {
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
        let merges = vocabulary.checked_sub(NO_MERGES).and_then(|merges| u16::try_from(merges).ok());
        let merges = merges.filter(|merges| *merges <= ALL_MERGES).ok_or_else(|| {
            let expected = format!("a vocabulary of {NO_MERGES} to {} ids", NO_MERGES + usize::from(ALL_MERGES));
            let next = "only models with CLIP's byte-pair encoding can be imported";
            Error::new(Stage::Import, expected, vocabulary, next)
        })?;
        let merges = (merges < ALL_MERGES).then_some(merges);
        convention.text.tokenizer = TokenizerKind::ClipBpe { merges };
        Ok(())
    }
}
