//! The files of a checkpoint: finds, maps and reads them.

use super::architecture::{Architecture, ArchitectureOptions, usual_heads};
use super::checkpoint::Checkpoint;
use super::config::{FusionConfig, HuggingFaceConfig, OpenClipConfig};
use super::layout::{CheckpointLayout, TOKEN_TABLE, Weights};
use super::state_dicts::StateDicts;
use super::tensors::Tensors;
use super::tower::{Activation, TemporalTower};
use crate::error::{Error, Result, Setting, Stage};
use log::{info, warn};
use memmap2::Mmap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// File names of checkpoints in a folder; the first that exists is used.
const NAMES: [&str; 4] =
    ["model.safetensors", "open_clip_model.safetensors", "open_clip_pytorch_model.bin", "pytorch_model.bin"];
/// Prefix of open_clip's file names.
const OPEN_CLIP: &str = "open_clip";
/// File of a temporal transformer beside a checkpoint in Hugging Face's layout.
const TEMPORAL: &str = "temporal.safetensors";

/// Model family of a checkpoint, which sets its preprocessing and prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelFamily {
    /// OpenAI's CLIP and models with its conventions.
    OpenAi,
    /// ViFi-CLIP.
    ViFiClip,
    /// ActionCLIP, or another CLIP with its temporal transformer.
    ActionClip,
}

/// The configuration file beside a checkpoint.
#[derive(Clone, Debug)]
pub enum ModelConfig {
    /// Hugging Face's `config.json`.
    HuggingFace(Box<HuggingFaceConfig>),
    /// open_clip's `open_clip_config.json`.
    OpenClip(Box<OpenClipConfig>),
    /// No file.
    None,
}

impl ModelConfig {
    fn fusion(&self) -> FusionConfig {
        match self {
            ModelConfig::HuggingFace(config) => config.fusion.unwrap_or_default(),
            _ => FusionConfig::default(),
        }
    }
}

/// A memory-mapped file, from which one tensor at a time is copied.
#[derive(Debug)]
struct MappedFile {
    map: Mmap,
    path: PathBuf,
}

impl MappedFile {
    fn open(path: &Path) -> Result<Self> {
        let refused = |e: std::io::Error| {
            Error::caused(Stage::Import, "a readable checkpoint", e, "check the path").at(path.display())
        };
        let file = File::open(path).map_err(refused)?;
        // SAFETY: the map is read-only; import does not support files that another process cuts meanwhile.
        let map = unsafe { Mmap::map(&file) }.map_err(refused)?;
        Ok(Self { map, path: path.to_owned() })
    }

    fn state_dicts(&self) -> Result<StateDicts<'_>> {
        StateDicts::parse(&self.map).map_err(|e| e.at(self.path.display()))
    }

    fn beside(&self, name: &str) -> Option<PathBuf> {
        Some(self.path.with_file_name(name)).filter(|path| path.is_file())
    }
}

/// Returns the checkpoint file at `path` or in the folder `path`; `None` if there is only ONNX.
pub fn find(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return NAMES.iter().map(|name| path.join(name)).find(|path| path.is_file());
    }
    let is_onnx = path.extension().is_some_and(|extension| extension == "onnx");
    (!is_onnx).then(|| path.to_owned())
}

/// The files of a checkpoint.
#[derive(Debug)]
pub struct CheckpointFiles {
    clip: MappedFile,
    base: Option<MappedFile>,
    temporal: Option<MappedFile>,
}

/// The contents of [`CheckpointFiles`].
#[derive(Debug)]
pub struct LoadedCheckpoint<'files> {
    /// The tensors.
    pub checkpoint: Checkpoint<'files>,
    /// Sizes of the two towers.
    pub architecture: Architecture,
    /// Sizes of the temporal transformer, if there is one.
    pub temporal: Option<TemporalTower>,
    /// Model family.
    pub family: ModelFamily,
    /// The configuration beside the checkpoint.
    pub config: ModelConfig,
}

impl CheckpointFiles {
    /// Maps the checkpoint `clip`, a temporal transformer beside it, and the checkpoint `base`.
    ///
    /// # Errors
    /// Returns an error if a file cannot be opened.
    pub fn open(clip: &Path, base: Option<&Path>) -> Result<Self> {
        let clip = MappedFile::open(clip)?;
        let temporal = clip.beside(TEMPORAL).map(|path| MappedFile::open(&path)).transpose()?;
        let base = base.map(|base| MappedFile::open(&find(base).unwrap_or_else(|| base.to_owned()))).transpose()?;
        Ok(Self { clip, base, temporal })
    }

    /// Reads the checkpoint and checks its tensors. `activation` and `frames` are used if no file sets them.
    ///
    /// # Errors
    /// Returns an error if a file is malformed, a tensor is missing, extra or has another shape, or a choice is open.
    pub fn load(&self, activation: Option<Activation>, frames: usize) -> Result<LoadedCheckpoint<'_>> {
        let dicts = self.clip.state_dicts()?;
        let weights = Weights::new(dicts.weights).map_err(|e| e.at(self.clip.path.display()))?;
        let temporal = self.temporal(dicts.temporal, weights.layout())?;
        let base = self.base(&weights)?;
        let family = match (&temporal, weights.layout()) {
            (Some(_), _) => ModelFamily::ActionClip,
            (None, CheckpointLayout::ViFiClip) => ModelFamily::ViFiClip,
            (None, _) => ModelFamily::OpenAi,
        };
        if weights.has_learned_prompts() {
            warn!("the learned prompts of this ViFi-CLIP are not used: labels are embedded in plain templates");
        }
        let config = self.config(weights.layout(), family)?;
        let table = base.as_ref().unwrap_or(&weights);
        if !matches!(config, ModelConfig::None) {
            refuse_activation(activation)?;
        }
        let architecture = match &config {
            ModelConfig::HuggingFace(config) => config.architecture()?,
            ModelConfig::OpenClip(config) => Architecture::from_shapes(&weights, table, config.architecture_options())?,
            ModelConfig::None => {
                let is_openai = family != ModelFamily::OpenAi || dicts.is_torch_script;
                let activation = self.activation(activation, is_openai)?;
                let options = ArchitectureOptions { activation, vision_heads: None, text_heads: None };
                Architecture::from_shapes(&weights, table, options)?
            }
        };
        let checkpoint = Checkpoint::new(weights, base, &architecture).map_err(|e| e.at(self.clip.path.display()))?;
        let Some(weights) = temporal else {
            return Ok(LoadedCheckpoint { checkpoint, architecture, temporal: None, family, config });
        };
        let tower = temporal_tower(&weights, &architecture, config.fusion(), frames)?;
        let checkpoint = checkpoint.with_temporal(weights, &tower)?;
        Ok(LoadedCheckpoint { checkpoint, architecture, temporal: Some(tower), family, config })
    }

    /// Reads the configuration beside the checkpoint.
    fn config(&self, layout: CheckpointLayout, family: ModelFamily) -> Result<ModelConfig> {
        if layout == CheckpointLayout::HuggingFace {
            let path = self.clip.path.with_file_name("config.json");
            return HuggingFaceConfig::read(&path).map(Box::new).map(ModelConfig::HuggingFace);
        }
        match self.clip.beside("open_clip_config.json").filter(|_| family == ModelFamily::OpenAi) {
            Some(path) => OpenClipConfig::read(&path).map(Box::new).map(ModelConfig::OpenClip),
            None => Ok(ModelConfig::None),
        }
    }

    /// Returns the temporal transformer, from the checkpoint itself or, in Hugging Face's layout, the file beside it.
    fn temporal<'files>(
        &'files self,
        inside: Option<Tensors<'files>>,
        layout: CheckpointLayout,
    ) -> Result<Option<Weights<'files>>> {
        let beside = self.temporal.as_ref().filter(|_| inside.is_none() && layout == CheckpointLayout::HuggingFace);
        let beside = beside.map(|file| file.state_dicts().map(|dicts| dicts.weights)).transpose()?;
        Ok(inside.or(beside).map(Weights::temporal))
    }

    /// Returns the base checkpoint, if `weights` lacks the token table.
    fn base(&self, weights: &Weights<'_>) -> Result<Option<Weights<'_>>> {
        let refused = |got: String| {
            let expected = "a base checkpoint with the token table of the CLIP that this one was trained from";
            let next = "choose that CLIP as the base, such as clip-vit-base-patch16/ or ViT-B-16.pt";
            Error::new(Stage::Import, expected, got, next).about(Setting::Base)
        };
        match &self.base {
            Some(_) if weights.layout() != CheckpointLayout::ViFiClip => {
                warn!("the base checkpoint is not used: {} has its own token table", self.clip.path.display());
                Ok(None)
            }
            None if weights.layout() == CheckpointLayout::ViFiClip => {
                Err(refused(format!("none, and the ViFi-CLIP {} has no token table", self.clip.path.display())))
            }
            None => Ok(None),
            Some(base) => {
                let weights = Weights::new(base.state_dicts()?.weights).map_err(|e| e.at(base.path.display()))?;
                if !weights.holds(TOKEN_TABLE) {
                    return Err(refused(format!("none in {}", base.path.display())));
                }
                Ok(Some(weights))
            }
        }
    }

    /// Returns the activation of a checkpoint without a configuration: the user's choice, else OpenAI's.
    fn activation(&self, chosen: Option<Activation>, is_openai: bool) -> Result<Activation> {
        if let Some(activation) = chosen {
            return Ok(activation);
        }
        let name = self.clip.path.file_name().unwrap_or_default().to_string_lossy();
        if !is_openai && name.starts_with(OPEN_CLIP) {
            let expected = "open_clip_config.json, which sets the activation, beside the checkpoint";
            let next = "download it too, or choose the activation gelu (quick-gelu for names with -quickgelu)";
            let got = format!("none beside {name}");
            return Err(Error::new(Stage::Import, expected, got, next).about(Setting::Activation));
        }
        if !is_openai {
            info!(
                target: crate::NOTES,
                "no configuration sets the activation: using QuickGELU, as OpenAI does (the other activation is gelu)"
            );
        }
        Ok(Activation::QuickGelu)
    }
}

/// Returns the sizes of the temporal transformer in `weights`. `frames` is used if `config` does not set them.
fn temporal_tower(
    weights: &Weights<'_>,
    architecture: &Architecture,
    config: FusionConfig,
    frames: usize,
) -> Result<TemporalTower> {
    let heads = config.num_attention_heads.unwrap_or_else(|| usual_heads(architecture.text.tower.width));
    let tower = TemporalTower::from_shapes(weights, heads, config.num_frames.unwrap_or(frames))?;
    let (width, dimension) = (tower.tower.width, architecture.vision.tower.projection);
    if width != dimension {
        let expected = format!("a temporal transformer of {dimension} channels, as the embeddings have");
        let next = "use the temporal transformer that was trained with this CLIP";
        return Err(Error::new(Stage::Import, expected, width, next));
    }
    Ok(tower)
}

/// Checks that the user chose no activation for a checkpoint with a configuration.
fn refuse_activation(chosen: Option<Activation>) -> Result<()> {
    if chosen.is_none() {
        return Ok(());
    }
    let expected = "the activation from the user or from a configuration";
    let next = "leave the activation out, or move the configuration away";
    Err(Error::new(Stage::Import, expected, "both", next).about(Setting::Activation))
}
