//! Creates a bundle from a checkpoint, a segmenter and a list of labels, without Python.

pub mod architecture;
mod archive;
mod block;
pub mod checkpoint;
pub mod checkpoint_files;
mod clip_graphs;
pub mod config;
mod conventions;
mod labels;
pub mod layout;
mod onnx_pair;
mod output_directory;
pub mod pickle;
pub mod state_dicts;
pub mod tensors;
pub mod tower;

use crate::bounded_file::{self, MAX_SETTINGS_BYTES};
use crate::bundle::labels::read_names;
use crate::bundle::manifest::{
    Convention, LabelSettings, Manifest, SCHEMA, SegmenterSettings, ViewSettings, check_templates,
};
use crate::bundle::{Bundle, MANIFEST, checksum};
use crate::engine::cpu::Cpu;
use crate::error::{Error, Result, Stage};
use crate::gate::GateSettings;
use crate::label_embedding::Progress;
use crate::model::write::{WeightPrecision, write_failed};
use crate::model::{Model, graph, read_proto};
use crate::zeroshot::Fusion;
use checkpoint_files::{CheckpointFiles, LoadedCheckpoint, ModelConfig, ModelFamily};
use conventions::{InputSizes, check_fusion, name_towers, usual_convention};
use labels::write_labels;
use log::{info, warn};
use onnx_pair::{OnnxPair, write_tower};
use output_directory::OutputDirectory;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use tower::{Activation, TemporalTower};

/// Name of the segmenter in a bundle.
const SEGMENTER: &str = "segmenter.onnx";
/// Frames of a clip if no convention sets them.
const FRAMES: usize = 8;

/// Inputs of a new bundle.
#[derive(Clone, Debug)]
pub struct Import {
    /// Folder or file of the CLIP pair.
    pub clip: PathBuf,
    /// Checkpoint, or its folder, with the token table that a ViFi-CLIP lacks.
    pub base: Option<PathBuf>,
    /// Activation of a checkpoint without a configuration; OpenAI's if `None`.
    pub activation: Option<Activation>,
    /// A manifest of `models/clip/`; the one for the checkpoint's model family if `None`.
    pub convention: Option<PathBuf>,
    /// A manifest of `models/segmenters/`.
    pub segmenter: PathBuf,
    /// The segmenter's ONNX file.
    pub segmenter_model: PathBuf,
    /// File with one class name a line.
    pub labels: PathBuf,
    /// Prompts with `{}` for the class name; the convention's if empty.
    pub templates: Vec<String>,
    /// Number format of stored weights.
    pub precision: WeightPrecision,
    /// Directory of the new bundle; must not exist.
    pub out: PathBuf,
}

impl Import {
    /// Writes the bundle to a temporary directory beside `out` and renames it. Embeds the labels on `threads` threads.
    ///
    /// # Errors
    /// Returns an error if `out` exists, an input is missing or malformed, or a file cannot be written. `out` is then
    /// unchanged.
    pub fn run(&self, threads: usize, progress: &mut Progress<'_>) -> Result<()> {
        let names = read_names(&self.labels)?;
        if !self.templates.is_empty() {
            check_templates(&self.templates)?;
        }
        let convention = self.convention.as_ref().map(|path| read_manifest(path, Convention::parse)).transpose()?;
        let mut segmenter = read_manifest(&self.segmenter, SegmenterSettings::parse)?;
        let cpu = Cpu::new(threads)?;
        cpu.segmenter(&self.segmenter_model, &segmenter)?;
        let directory = OutputDirectory::beside(&self.out)?;
        let mut write = |directory: &Path| -> Result<()> {
            let mut models = self.write_clip(convention.clone(), directory)?;
            // The image encoder does not run here, so nothing else looks at its weights.
            Model::read_with_weights(&directory.join(&models.convention.vision.file))?;
            if let Some(tower) = &models.temporal {
                let section = TemporalTower::settings();
                cpu.temporal(&directory.join(&section.file), &section, [tower.frames, tower.tower.width])?;
            }
            if !self.templates.is_empty() {
                models.convention.templates.clone_from(&self.templates);
            }
            graph::copy(&self.segmenter_model, &directory.join(SEGMENTER))?;
            SEGMENTER.clone_into(&mut segmenter.file);
            write_labels(&cpu, directory, &models, names.clone(), progress)?;
            let manifest = manifest_of(&models.convention, &segmenter, directory)?;
            std::fs::write(directory.join(MANIFEST), manifest.to_toml()?).map_err(|e| write_failed(directory, e))?;
            Bundle::open(directory).map(drop)
        };
        write(directory.path()).map_err(|error| directory.in_words(error, &self.clip))?;
        directory.rename()
    }

    fn write_clip(&self, convention: Option<Convention>, directory: &Path) -> Result<WrittenModels> {
        match checkpoint_files::find(&self.clip) {
            Some(checkpoint) => self.write_checkpoint(&checkpoint, convention, directory),
            None => self.write_onnx(convention, directory),
        }
    }

    /// Writes the towers of a checkpoint; its own sizes replace the convention's.
    fn write_checkpoint(&self, path: &Path, convention: Option<Convention>, directory: &Path) -> Result<WrittenModels> {
        let files = CheckpointFiles::open(path, self.base.as_deref())?;
        let frames = convention.as_ref().map_or(FRAMES, |convention| convention.clip.frames);
        let LoadedCheckpoint { checkpoint, architecture, temporal, family, config } =
            files.load(self.activation, frames)?;
        let mut convention = convention.map_or_else(|| usual_convention(family, &config), Ok)?;
        check_fusion(&convention, temporal.as_ref())?;
        let [vision, text] = name_towers(&mut convention, directory);
        architecture.vision.write(&checkpoint, &vision, self.precision)?;
        architecture.text.write(&checkpoint, &text, self.precision)?;
        if let Some(tower) = &temporal {
            let path = directory.join(TemporalTower::settings().file);
            tower.write(&checkpoint, &path, self.precision)?;
            (convention.clip.fusion, convention.clip.frames) = (Fusion::Temporal, tower.frames);
        }
        let sizes = InputSizes {
            side: Some(architecture.vision.image_size as u32),
            context: Some(architecture.text.context),
            vocabulary: Some(architecture.text.vocabulary),
        };
        sizes.apply_to(&mut convention)?;
        Ok(WrittenModels { convention, temporal, logit_scale: checkpoint.logit_scale()? })
    }

    /// Writes the towers of ONNX files.
    fn write_onnx(&self, convention: Option<Convention>, directory: &Path) -> Result<WrittenModels> {
        if self.base.is_some() || self.activation.is_some() {
            warn!("a base checkpoint and an activation do not apply to ONNX files: they are ignored");
        }
        let usual = || usual_convention(ModelFamily::OpenAi, &ModelConfig::None);
        let mut convention = convention.map_or_else(usual, Ok)?;
        check_fusion(&convention, None)?;
        let [vision, text] = name_towers(&mut convention, directory);
        let pair = OnnxPair::find(&self.clip)?;
        write_tower(&pair.vision, &convention.vision.input, &convention.vision.output, &vision, self.precision)?;
        write_tower(&pair.text, &convention.text.input, &convention.text.output, &text, self.precision)?;
        let (vision, text) = (read_proto(&vision)?, read_proto(&text)?);
        let sizes = InputSizes {
            side: graph::side(&vision, &convention.vision.input),
            context: graph::context(&text, &convention.text.input),
            vocabulary: graph::vocabulary(&text, &convention.text.input),
        };
        sizes.apply_to(&mut convention)?;
        let logit_scale = convention.logit_scale;
        info!(
            target: crate::NOTES,
            "logit_scale {logit_scale} comes from the convention, because ONNX files do not hold it"
        );
        Ok(WrittenModels { convention, temporal: None, logit_scale })
    }
}

/// The models of a bundle in its temporary directory.
struct WrittenModels {
    /// The convention with the checkpoint's own sizes.
    convention: Convention,
    temporal: Option<TemporalTower>,
    /// ln of the factor on cosines.
    logit_scale: f32,
}

fn manifest_of(convention: &Convention, segmenter: &SegmenterSettings, directory: &Path) -> Result<Manifest> {
    let mut files = BTreeMap::new();
    let entries = std::fs::read_dir(directory).map_err(|e| write_failed(directory, e))?;
    for entry in entries {
        let path = entry.map_err(|e| write_failed(directory, e))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() == 0) {
            // A graph with small weights only has an empty data file.
            std::fs::remove_file(&path).map_err(|e| write_failed(&path, e))?;
            continue;
        }
        files.insert(name, checksum::of_file(&path)?);
    }
    let temporal = (convention.clip.fusion == Fusion::Temporal).then(TemporalTower::settings);
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
        backgrounds: None,
        gate: GateSettings::default(),
        files,
    })
}

/// Reads and parses the manifest at `path`.
fn read_manifest<T>(path: &Path, parse: fn(&str) -> Result<T>) -> Result<T> {
    read(path, "a readable manifest", "check the path", parse)
}

/// Reads and parses the text file at `path`, which should be `expected`.
fn read<T>(path: &Path, expected: &str, next: &str, parse: fn(&str) -> Result<T>) -> Result<T> {
    let text = bounded_file::read_text(path, MAX_SETTINGS_BYTES);
    let text = text.map_err(|e| Error::caused(Stage::Import, expected, e, next));
    text.and_then(|text| parse(&text)).map_err(|e| e.at(path.display()))
}
