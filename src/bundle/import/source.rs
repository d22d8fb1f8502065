//! The files of a checkpoint: found, mapped, and read as what they say they are.

use super::architecture::{Architecture, Unshaped, usual_heads};
use super::checkpoint::Checkpoint;
use super::config::{FusionConfig, HuggingFaceConfig, OpenClipConfig};
use super::layout::{Layout, TOKEN_TABLE, Weights};
use super::state_dicts::StateDicts;
use super::temporal::TemporalTower;
use super::tensors::Tensors;
use super::tower::Activation;
use crate::error::{Error, Result, Stage};
use log::warn;
use memmap2::Mmap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Checkpoints that a folder may hold, the first found goes.
const NAMES: [&str; 4] =
    ["model.safetensors", "open_clip_model.safetensors", "open_clip_pytorch_model.bin", "pytorch_model.bin"];
/// How open_clip's own files begin.
const OPEN_CLIP: &str = "open_clip";
/// A temporal transformer beside a checkpoint in Hugging Face's layout.
const TEMPORAL: &str = "temporal.safetensors";

/// Whose model a checkpoint is, which says how it wants its pictures and prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// OpenAI's CLIP and what follows its conventions.
    OpenAi,
    /// ViFi-CLIP.
    ViFiClip,
    /// ActionCLIP, or another CLIP with its temporal transformer.
    ActionClip,
}

/// What lies beside a checkpoint and says what shapes do not.
#[derive(Clone, Debug)]
pub enum Config {
    /// Hugging Face's `config.json`.
    HuggingFace(Box<HuggingFaceConfig>),
    /// open_clip's `open_clip_config.json`.
    OpenClip(Box<OpenClipConfig>),
    /// Nothing.
    None,
}

impl Config {
    fn fusion(&self) -> FusionConfig {
        match self {
            Config::HuggingFace(config) => config.fusion.unwrap_or_default(),
            _ => FusionConfig::default(),
        }
    }
}

/// The mapped bytes of one file: not read, so only one tensor at a time is ever copied.
#[derive(Debug)]
struct Mapped {
    map: Mmap,
    path: PathBuf,
}

impl Mapped {
    fn open(path: &Path) -> Result<Self> {
        let refused = |e: std::io::Error| {
            let got = format!("{}: {e}", path.display());
            Error::new(Stage::Import, "a readable checkpoint", got, "check the path")
        };
        let file = File::open(path).map_err(refused)?;
        // SAFETY: the map is read-only; a writer that cuts the file meanwhile is outside what import supports.
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

/// The checkpoint file that `path` names or that lies in the folder `path`.
pub fn find(path: &Path) -> Option<PathBuf> {
    if path.is_dir() {
        return NAMES.iter().map(|name| path.join(name)).find(|path| path.is_file());
    }
    let is_onnx = path.extension().is_some_and(|extension| extension == "onnx");
    (!is_onnx).then(|| path.to_owned())
}

/// A checkpoint and what lies beside it.
#[derive(Debug)]
pub struct CheckpointFiles {
    clip: Mapped,
    base: Option<Mapped>,
    temporal: Option<Mapped>,
}

/// What was read from [`CheckpointFiles`].
#[derive(Debug)]
pub struct Loaded<'files> {
    /// The tensors.
    pub checkpoint: Checkpoint<'files>,
    /// The sizes of the two towers.
    pub architecture: Architecture,
    /// The temporal transformer, where there is one.
    pub temporal: Option<TemporalTower>,
    /// Whose model it is.
    pub family: Family,
    /// What lies beside it.
    pub config: Config,
}

impl CheckpointFiles {
    /// Maps the checkpoint `clip`, a temporal transformer beside it, and the checkpoint that `base` names.
    ///
    /// # Errors
    /// When one cannot be opened.
    pub fn open(clip: &Path, base: Option<&Path>) -> Result<Self> {
        let clip = Mapped::open(clip)?;
        let temporal = clip.beside(TEMPORAL).map(|path| Mapped::open(&path)).transpose()?;
        let base = base.map(|base| Mapped::open(&find(base).unwrap_or_else(|| base.to_owned()))).transpose()?;
        Ok(Self { clip, base, temporal })
    }

    /// Reads the tensors and checks that they are all there; `activation` and `frames` are for what no file says.
    ///
    /// # Errors
    /// When a file is not what it should be, a tensor is missing, extra or misshapen, or a choice is open.
    pub fn load(&self, activation: Option<Activation>, frames: usize) -> Result<Loaded<'_>> {
        let dicts = self.clip.state_dicts()?;
        let weights = Weights::new(dicts.weights).map_err(|e| e.at(self.clip.path.display()))?;
        let temporal = self.temporal(dicts.temporal, weights.layout())?;
        let base = self.base(&weights)?;
        let family = match (&temporal, weights.layout()) {
            (Some(_), _) => Family::ActionClip,
            (None, Layout::ViFiClip) => Family::ViFiClip,
            (None, _) => Family::OpenAi,
        };
        if weights.has_learned_prompts() {
            warn!("the prompts that this ViFi-CLIP learned are left out: its labels are embedded in plain templates");
        }
        let config = self.config(weights.layout(), family)?;
        let table = base.as_ref().unwrap_or(&weights);
        let architecture = match &config {
            Config::HuggingFace(config) => {
                refuse_activation(activation)?;
                config.architecture()?
            }
            Config::OpenClip(config) => {
                refuse_activation(activation)?;
                Architecture::from_shapes(&weights, table, config.unshaped())?
            }
            Config::None => {
                let is_openai = family != Family::OpenAi || dicts.is_torch_script;
                let activation = self.activation(activation, is_openai)?;
                let unshaped = Unshaped { activation, vision_heads: None, text_heads: None };
                Architecture::from_shapes(&weights, table, unshaped)?
            }
        };
        let checkpoint = Checkpoint::new(weights, base, &architecture).map_err(|e| e.at(self.clip.path.display()))?;
        let Some(weights) = temporal else {
            return Ok(Loaded { checkpoint, architecture, temporal: None, family, config });
        };
        let tower = temporal_tower(&weights, &architecture, config.fusion(), frames)?;
        let checkpoint = checkpoint.with_temporal(weights, &tower)?;
        Ok(Loaded { checkpoint, architecture, temporal: Some(tower), family, config })
    }

    /// The configuration beside the checkpoint that speaks of its layout.
    fn config(&self, layout: Layout, family: Family) -> Result<Config> {
        if layout == Layout::HuggingFace {
            let path = self.clip.path.with_file_name("config.json");
            return HuggingFaceConfig::read(&path).map(Box::new).map(Config::HuggingFace);
        }
        match self.clip.beside("open_clip_config.json").filter(|_| family == Family::OpenAi) {
            Some(path) => OpenClipConfig::read(&path).map(Box::new).map(Config::OpenClip),
            None => Ok(Config::None),
        }
    }

    /// The temporal transformer: in the checkpoint itself, or in a file beside one of Hugging Face's layout.
    fn temporal<'files>(
        &'files self,
        inside: Option<Tensors<'files>>,
        layout: Layout,
    ) -> Result<Option<Weights<'files>>> {
        let beside = self.temporal.as_ref().filter(|_| inside.is_none() && layout == Layout::HuggingFace);
        let beside = beside.map(|file| file.state_dicts().map(|dicts| dicts.weights)).transpose()?;
        Ok(inside.or(beside).map(Weights::temporal))
    }

    /// The checkpoint whose token table goes with `weights`, where they lack it.
    fn base(&self, weights: &Weights<'_>) -> Result<Option<Weights<'_>>> {
        let expected = "--base with the token table of the CLIP that this one was trained from";
        let next = "pass that CLIP: --base clip-vit-base-patch16/ or --base ViT-B-16.pt";
        match &self.base {
            Some(_) if weights.layout() != Layout::ViFiClip => {
                warn!("--base is not needed: {} holds its own token table", self.clip.path.display());
                Ok(None)
            }
            None if weights.layout() == Layout::ViFiClip => {
                let got = format!("none, and {} is a ViFi-CLIP, which leaves it out", self.clip.path.display());
                Err(Error::new(Stage::Import, expected, got, next))
            }
            None => Ok(None),
            Some(base) => {
                let weights = Weights::new(base.state_dicts()?.weights).map_err(|e| e.at(base.path.display()))?;
                if !weights.holds(TOKEN_TABLE) {
                    let got = format!("none in {}", base.path.display());
                    return Err(Error::new(Stage::Import, expected, got, next));
                }
                Ok(Some(weights))
            }
        }
    }

    /// The activation that no configuration says: the user's, or what is certain of OpenAI's own models.
    fn activation(&self, asked: Option<Activation>, is_openai: bool) -> Result<Activation> {
        if let Some(activation) = asked {
            return Ok(activation);
        }
        let name = self.clip.path.file_name().unwrap_or_default().to_string_lossy();
        if !is_openai && name.starts_with(OPEN_CLIP) {
            let expected = "open_clip_config.json beside the checkpoint, which says the activation";
            let next = "download it too, or pass --activation gelu (quick-gelu for names with -quickgelu)";
            return Err(Error::new(Stage::Import, expected, format_args!("none beside {name}"), next));
        }
        if !is_openai {
            warn!("no configuration says the activation: OpenAI's QuickGELU is taken; --activation gelu for GELU");
        }
        Ok(Activation::QuickGelu)
    }
}

/// The temporal transformer in `weights`, which goes with `architecture`; `frames` where `config` does not say.
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

fn refuse_activation(asked: Option<Activation>) -> Result<()> {
    if asked.is_none() {
        return Ok(());
    }
    let expected = "no --activation where a configuration says it";
    Err(Error::new(Stage::Import, expected, "both", "leave --activation out, or move the configuration away"))
}
