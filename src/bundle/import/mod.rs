//! A checkpoint, a segmenter and a list of labels on their way to a bundle, without Python.

pub mod architecture;
mod archive;
mod bank;
mod block;
pub mod checkpoint;
pub mod config;
mod conventions;
pub mod layout;
mod onnx_pair;
pub mod pickle;
pub mod source;
mod staging;
pub mod state_dicts;
pub mod temporal;
pub mod tensors;
pub mod tower;

use super::labels;
use super::manifest::{self, Convention, LabelSettings, Manifest, SCHEMA, SegmenterSettings, ViewSettings};
use super::{Bundle, MANIFEST, checksum};
use crate::engine::cpu::Cpu;
use crate::error::{Error, Result, Stage};
use crate::gate::GateSettings;
use crate::model::write::Precision;
use crate::model::{graph, read_proto};
use crate::zeroshot::Fusion;
pub use bank::relabel;
use bank::write_labels;
use conventions::{Sizes, check_fusion, name_towers, usual_convention};
use log::warn;
use onnx_pair::OnnxPair;
use source::{CheckpointFiles, Config, Family, Loaded};
use staging::Staging;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use temporal::TemporalTower;
use tower::Activation;

/// Name of the segmenter in a bundle.
const SEGMENTER: &str = "segmenter.onnx";
/// Frames of a clip where no convention says how many.
const FRAMES: usize = 8;
/// What goes into a bundle.
#[derive(Clone, Debug)]
pub struct Import {
    /// The folder or file that holds the CLIP pair.
    pub clip: PathBuf,
    /// The checkpoint, or the folder that holds it, whose token table goes with a ViFi-CLIP.
    pub base: Option<PathBuf>,
    /// The activation of a checkpoint that nothing says it of; OpenAI's where none is given.
    pub activation: Option<Activation>,
    /// A manifest of `models/clip/`; where none is given, the conventions of the model that the checkpoint is.
    pub convention: Option<PathBuf>,
    /// A manifest of `models/segmenters/`.
    pub segmenter: PathBuf,
    /// The segmenter's ONNX file.
    pub segmenter_model: PathBuf,
    /// One class name a line.
    pub labels: PathBuf,
    /// Prompts, `{}` standing for the class name; the convention's where none is given.
    pub templates: Vec<String>,
    /// How weights are stored.
    pub precision: Precision,
    /// The bundle to write; nothing may be there.
    pub out: PathBuf,
}

impl Import {
    /// Writes the bundle beside its place and renames it; `threads` embed the labels, `progress` is told how many
    /// prompts are done of how many.
    ///
    /// # Errors
    /// When something is there already, an input is missing or not what it should be, or a file cannot be written. The
    /// place of the bundle is then as it was.
    pub fn run(&self, threads: usize, progress: &mut dyn FnMut(usize, usize) -> Result<()>) -> Result<()> {
        let names = labels::read_names(&self.labels)?;
        if !self.templates.is_empty() {
            manifest::check_templates(&self.templates)?;
        }
        let given = self.convention()?;
        let mut segmenter =
            SegmenterSettings::parse(&read_text(&self.segmenter)?).map_err(|e| e.at(self.segmenter.display()))?;
        let cpu = Cpu::new(threads)?;
        cpu.segmenter(&self.segmenter_model, &segmenter)?;
        let staging = Staging::beside(&self.out)?;
        let mut write = |directory: &Path| -> Result<()> {
            let Written { mut convention, temporal, logit_scale } = self.write_clip(given.clone(), directory)?;
            if let Some(tower) = &temporal {
                let section = TemporalTower::manifest();
                cpu.temporal(&directory.join(&section.file), &section, [tower.frames, tower.tower.width])?;
            }
            if !self.templates.is_empty() {
                convention.templates.clone_from(&self.templates);
            }
            graph::copy(&self.segmenter_model, &directory.join(SEGMENTER))?;
            SEGMENTER.clone_into(&mut segmenter.file);
            write_labels(&cpu, directory, &convention, names.clone(), logit_scale, progress)?;
            let manifest = manifest_of(&convention, &segmenter, directory)?;
            std::fs::write(directory.join(MANIFEST), manifest.to_toml()?).map_err(|e| unwritable(directory, &e))?;
            Bundle::open(directory).map(drop)
        };
        // The place where the bundle is made means nothing to the user, and is gone when the message is read.
        let place = staging.path().display().to_string();
        write(staging.path()).map_err(|error| error.replaced(&place, &self.clip.display().to_string()))?;
        staging.rename()
    }

    /// The convention that was given.
    fn convention(&self) -> Result<Option<Convention>> {
        let Some(path) = &self.convention else { return Ok(None) };
        Convention::parse(&read_text(path)?).map_err(|e| e.at(path.display())).map(Some)
    }

    fn write_clip(&self, given: Option<Convention>, directory: &Path) -> Result<Written> {
        match source::find(&self.clip) {
            Some(checkpoint) => self.write_checkpoint(&checkpoint, given, directory),
            None => self.write_onnx(given, directory),
        }
    }

    /// Writes the towers of a checkpoint, and adds to the convention what the checkpoint says itself.
    fn write_checkpoint(&self, path: &Path, given: Option<Convention>, directory: &Path) -> Result<Written> {
        let files = CheckpointFiles::open(path, self.base.as_deref())?;
        let frames = given.as_ref().map_or(FRAMES, |convention| convention.clip.frames);
        let Loaded { checkpoint, architecture, temporal, family, config } = files.load(self.activation, frames)?;
        let mut convention = match given {
            Some(given) => given,
            None => usual_convention(family, &config)?,
        };
        check_fusion(&convention, temporal.as_ref())?;
        let [vision, text] = name_towers(&mut convention, directory);
        architecture.vision.write(&checkpoint, &vision, self.precision)?;
        architecture.text.write(&checkpoint, &text, self.precision)?;
        if let Some(tower) = &temporal {
            let path = directory.join(TemporalTower::manifest().file);
            tower.write(&checkpoint, &path, self.precision)?;
            (convention.clip.fusion, convention.clip.frames) = (Fusion::Temporal, tower.frames);
        }
        let sizes = Sizes {
            side: Some(architecture.vision.image_size as u32),
            context: Some(architecture.text.context),
            vocabulary: Some(architecture.text.vocabulary),
        };
        sizes.adopt(&mut convention)?;
        Ok(Written { convention, temporal, logit_scale: checkpoint.logit_scale()? })
    }

    /// Writes the towers of ONNX files.
    fn write_onnx(&self, given: Option<Convention>, directory: &Path) -> Result<Written> {
        if self.base.is_some() || self.activation.is_some() {
            warn!("--base and --activation are for checkpoints: these are ONNX files");
        }
        let mut convention = match given {
            Some(given) => given,
            None => usual_convention(Family::OpenAi, &Config::None)?,
        };
        check_fusion(&convention, None)?;
        let [vision, text] = name_towers(&mut convention, directory);
        let pair = OnnxPair::find(&self.clip)?;
        pair.write_vision(&convention.vision.input, &convention.vision.output, &vision, self.precision)?;
        pair.write_text(&convention.text.input, &convention.text.output, &text, self.precision)?;
        let (vision, text) = (read_proto(&vision)?, read_proto(&text)?);
        let sizes = Sizes {
            side: graph::side(&vision, &convention.vision.input),
            context: graph::context(&text, &convention.text.input),
            vocabulary: graph::vocabulary(&text, &convention.text.input),
        };
        sizes.adopt(&mut convention)?;
        let logit_scale = convention.logit_scale;
        warn!("logit_scale {logit_scale} is the convention's, because ONNX files do not hold it");
        Ok(Written { convention, temporal: None, logit_scale })
    }
}

/// What is known once the models are written.
struct Written {
    /// The convention with what the checkpoint says itself.
    convention: Convention,
    /// The temporal transformer, where there is one.
    temporal: Option<TemporalTower>,
    /// ln of what cosines are multiplied by.
    logit_scale: f32,
}

fn manifest_of(convention: &Convention, segmenter: &SegmenterSettings, directory: &Path) -> Result<Manifest> {
    let mut files = BTreeMap::new();
    let entries = std::fs::read_dir(directory).map_err(|e| unwritable(directory, &e))?;
    for entry in entries {
        let path = entry.map_err(|e| unwritable(directory, &e))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() == 0) {
            // A graph whose weights are all small has an empty data file.
            std::fs::remove_file(&path).map_err(|e| unwritable(&path, &e))?;
            continue;
        }
        files.insert(name, checksum::of_file(&path)?);
    }
    let temporal = (convention.clip.fusion == Fusion::Temporal).then(TemporalTower::manifest);
    let Convention { name, licence, clip, vision, text, templates, template_fusion, .. } = convention.clone();
    Ok(Manifest {
        schema: SCHEMA,
        name,
        licence,
        clip,
        views: ViewSettings::default(),
        segmenter: segmenter.clone(),
        vision,
        text: Some(text),
        temporal,
        labels: LabelSettings { file: "labels.safetensors".to_owned(), templates, template_fusion },
        gate: GateSettings::default(),
        files,
    })
}

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|e| {
        Error::new(Stage::Import, "a readable manifest", format_args!("{}: {e}", path.display()), "check the path")
    })
}

fn unwritable(path: &Path, error: &std::io::Error) -> Error {
    let next = "check the directory's permissions and free space";
    Error::new(Stage::Import, format_args!("to write {}", path.display()), error, next)
}
