//! A checkpoint, a segmenter and a list of labels on their way to a bundle, without Python.

pub mod checkpoint;
mod onnx_pair;
pub mod tower;

use super::labels::{self, LabelFile};
use super::manifest::{self, Convention, Labels, Manifest, SCHEMA, Segmenter, Views};
use super::tokenizer::{ALL_MERGES, Tokenizer};
use super::{Bundle, MANIFEST, checksum};
use crate::engine::cpu::Cpu;
use crate::error::{Error, Result, Stage};
use crate::file::{directory_of, write_aside};
use crate::gate::GateSettings;
use crate::model::write::Precision;
use crate::model::{graph, read_proto};
use crate::preprocess::Resize;
use checkpoint::{Architecture, CheckpointFile};
use log::warn;
use onnx_pair::OnnxPair;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// OpenAI's conventions, which checkpoints in Hugging Face's layout follow.
const OPENAI: &str = include_str!("../../../models/clip/openai.toml");
/// Name of the segmenter in a bundle.
const SEGMENTER: &str = "segmenter.onnx";
/// Ids of CLIP's tokenizer that are no merges: 512 bytes, start and end.
const NO_MERGES: usize = 514;

/// What goes into a bundle.
#[derive(Clone, Debug)]
pub struct Import {
    /// The folder or file that holds the CLIP pair.
    pub clip: PathBuf,
    /// A manifest of `models/clip/`; OpenAI's conventions where none is given.
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
        let mut convention = self.convention()?;
        if !self.templates.is_empty() {
            manifest::check_templates(&self.templates)?;
            convention.templates.clone_from(&self.templates);
        }
        let mut segmenter =
            Segmenter::parse(&read_text(&self.segmenter)?).map_err(|e| e.at(self.segmenter.display()))?;
        let cpu = Cpu::new(threads)?;
        cpu.segmenter(&self.segmenter_model, &segmenter)?;
        let staging = Staging::beside(&self.out)?;
        let mut write = |directory: &Path| -> Result<()> {
            let logit_scale = self.write_clip(&mut convention, directory)?;
            graph::copy(&self.segmenter_model, &directory.join(SEGMENTER))?;
            SEGMENTER.clone_into(&mut segmenter.file);
            write_labels(&cpu, directory, &convention, names.clone(), logit_scale, progress)?;
            let manifest = manifest_of(&convention, &segmenter, directory)?;
            std::fs::write(directory.join(MANIFEST), manifest.to_toml()?).map_err(|e| unwritable(directory, &e))?;
            Bundle::open(directory).map(|_| ())
        };
        // The place where the bundle is made means nothing to the user, and is gone when the message is read.
        let place = staging.path().display().to_string();
        write(staging.path()).map_err(|error| error.replaced(&place, &self.clip.display().to_string()))?;
        staging.rename()
    }

    fn convention(&self) -> Result<Convention> {
        match &self.convention {
            Some(path) => Convention::parse(&read_text(path)?).map_err(|e| e.at(path.display())),
            None => Convention::parse(OPENAI),
        }
    }

    /// Writes both towers, and adds to the convention what the checkpoint says itself.
    fn write_clip(&self, convention: &mut Convention, directory: &Path) -> Result<f32> {
        convention.vision.file = "vision.onnx".to_owned();
        convention.text.file = "text.onnx".to_owned();
        let (vision, text) = (directory.join(&convention.vision.file), directory.join(&convention.text.file));
        let weights = if self.clip.is_dir() { self.clip.join("model.safetensors") } else { self.clip.clone() };
        if weights.is_file() && weights.extension().is_some_and(|e| e == "safetensors") {
            let architecture = Architecture::read(&weights.with_file_name("config.json"))?;
            let file = CheckpointFile::open(&weights)?;
            let checkpoint = file.checkpoint(&architecture)?;
            architecture.vision.write(&checkpoint, &vision, self.precision)?;
            architecture.text.write(&checkpoint, &text, self.precision)?;
            let sizes = Sizes {
                side: Some(architecture.vision.image_size as u32),
                context: Some(architecture.text.context),
                vocabulary: Some(architecture.text.vocabulary),
            };
            sizes.adopt(convention)?;
            return checkpoint.logit_scale();
        }
        let pair = OnnxPair::find(&self.clip)?;
        pair.write_vision(&convention.vision.input, &convention.vision.output, &vision, self.precision)?;
        pair.write_text(&convention.text.input, &convention.text.output, &text, self.precision)?;
        let (vision, text) = (read_proto(&vision)?, read_proto(&text)?);
        let sizes = Sizes {
            side: graph::side(&vision, &convention.vision.input),
            context: graph::context(&text, &convention.text.input),
            vocabulary: graph::vocabulary(&text, &convention.text.input),
        };
        sizes.adopt(convention)?;
        warn!("logit_scale {} is the convention's, because ONNX files do not hold it", convention.logit_scale);
        Ok(convention.logit_scale)
    }
}

/// Sizes that a checkpoint tells by itself; they go before the convention's.
struct Sizes {
    /// Side of the square picture, in pixels.
    side: Option<u32>,
    /// Tokens of a prompt.
    context: Option<usize>,
    /// Rows of the token table.
    vocabulary: Option<usize>,
}

impl Sizes {
    fn adopt(&self, convention: &mut Convention) -> Result<()> {
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
        convention.text.tokenizer = manifest::Tokenizer::ClipBpe { merges };
        Ok(())
    }
}

fn write_labels(
    cpu: &Cpu,
    directory: &Path,
    convention: &Convention,
    names: Vec<String>,
    logit_scale: f32,
    progress: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<()> {
    let path = directory.join(&convention.text.file);
    let mut text = cpu.text(&path, &convention.text)?;
    let manifest::Tokenizer::ClipBpe { merges } = convention.text.tokenizer;
    let tokenizer = Tokenizer::new(merges, convention.text.context)?;
    let templates = convention.templates.clone();
    let model = model_checksum(&path)?;
    let file = LabelFile::embed(names, templates, logit_scale, (&tokenizer, &mut text), &model, progress)?;
    let dimension = text.dimension();
    drop(text);
    let vision = cpu.vision(&directory.join(&convention.vision.file), &convention.vision)?.dimension();
    if vision != dimension {
        let got = format!("{vision} of the vision tower, {dimension} of the text tower");
        let next = "import two towers of one model";
        return Err(Error::new(Stage::Import, "embeddings of one dimension", got, next));
    }
    let (labels, bytes) = (directory.join("labels.safetensors"), file.to_bytes()?);
    file.into_bank(convention.template_fusion)?;
    std::fs::write(&labels, bytes).map_err(|e| unwritable(&labels, &e))
}

/// What identifies a model: the checksums of its file and of its external data.
pub(crate) fn model_checksum(path: &Path) -> Result<String> {
    let data = external_data(path);
    let rest = if data.is_file() { checksum::of_file(&data)? } else { String::new() };
    Ok(checksum::of_parts([checksum::of_file(path)?.as_str(), &rest]))
}

fn external_data(path: &Path) -> PathBuf {
    path.with_file_name(format!("{}.data", path.file_name().unwrap_or_default().to_string_lossy()))
}

fn manifest_of(convention: &Convention, segmenter: &Segmenter, directory: &Path) -> Result<Manifest> {
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
    let Convention { name, licence, clip, vision, text, templates, template_fusion, .. } = convention.clone();
    Ok(Manifest {
        schema: SCHEMA,
        name,
        licence,
        clip,
        views: Views::default(),
        segmenter: segmenter.clone(),
        vision,
        text: Some(text),
        temporal: None,
        labels: Labels { file: "labels.safetensors".to_owned(), templates, template_fusion },
        gate: GateSettings::default(),
        files,
    })
}

/// Replaces the label bank of the bundle in `directory` by `names` in `templates` (its own where none are given).
///
/// # Errors
/// When the bundle has no text encoder, or a file cannot be written; the bundle is then as it was.
pub fn relabel(
    directory: &Path,
    names: Vec<String>,
    templates: &[String],
    threads: usize,
    progress: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<()> {
    let bundle = Bundle::open(directory)?;
    let mut manifest = bundle.manifest().clone();
    if !templates.is_empty() {
        manifest::check_templates(templates)?;
        manifest.labels.templates = templates.to_vec();
    }
    let section = bundle.text()?;
    let path = bundle.path(&section.file);
    let mut text = Cpu::new(threads)?.text(&path, section)?;
    let scale = bundle.label_file()?.logit_scale;
    let (tokenizer, model) = (bundle.tokenizer()?, model_checksum(&path)?);
    let templates = manifest.labels.templates.clone();
    let file = LabelFile::embed(names, templates, scale, (&tokenizer, &mut text), &model, progress)?;
    let bytes = file.to_bytes()?;
    file.into_bank(manifest.labels.template_fusion)?;
    // The new bank lies under a name of its own until the manifest, renamed last, points to it.
    let name = format!("labels-{}.safetensors", &checksum::of_bytes(&bytes)[..8]);
    let old = std::mem::replace(&mut manifest.labels.file, name.clone());
    write_aside(&directory.join(&name), &bytes)?;
    manifest.files.insert(name.clone(), checksum::of_bytes(&bytes));
    if old != name {
        manifest.files.remove(&old);
    }
    if manifest.gate.calibration.take().is_some() {
        warn!("the gate was calibrated for the old labels: calibrate it again");
    }
    write_aside(&directory.join(MANIFEST), manifest.to_toml()?.as_bytes())?;
    if old != name
        && let Err(error) = std::fs::remove_file(directory.join(&old))
    {
        warn!("the old label bank {old} stays: {error}");
    }
    Ok(())
}

/// A directory beside the bundle's place, gone again unless it is renamed.
struct Staging {
    directory: tempfile::TempDir,
    out: PathBuf,
}

impl Staging {
    fn beside(out: &Path) -> Result<Self> {
        if out.exists() {
            let expected = "a place for the bundle where nothing is";
            return Err(Error::new(Stage::Import, expected, out.display(), "remove it, or pass another --out"));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(".figureground-import-");
        // A temporary directory is its owner's alone; a bundle is like any other directory the user makes.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o777));
        let directory = builder.tempdir_in(directory_of(out)).map_err(|e| unwritable(out, &e))?;
        Ok(Self { directory, out: out.to_owned() })
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn rename(self) -> Result<()> {
        std::fs::rename(self.directory.path(), &self.out).map_err(|e| unwritable(&self.out, &e))?;
        Ok(())
    }
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
