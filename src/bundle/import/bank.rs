//! The label bank of a bundle: written with it, replaced later.

use super::unwritable;
use crate::bundle::labels::LabelFile;
use crate::bundle::manifest::{self, Convention};
use crate::bundle::tokenizer::Tokenizer;
use crate::bundle::{Bundle, MANIFEST, checksum};
use crate::engine::cpu::Cpu;
use crate::error::{Error, Result, Stage};
use crate::file::write_aside;
use crate::zeroshot::LabelBank;
use log::warn;
use std::path::{Path, PathBuf};

impl Bundle {
    /// Other labels than the bundle's own to score with: `names` in its templates, embedded by its text encoder, which is loaded
    /// for that and let go again. What was embedded before comes from the user's cache.
    ///
    /// # Errors
    /// When the bundle has no text encoder, or it fails; and when `progress` does, which is told how many prompts are done.
    pub fn embed_labels(
        &self,
        names: Vec<String>,
        threads: usize,
        progress: &mut dyn FnMut(usize, usize) -> Result<()>,
    ) -> Result<LabelBank> {
        let section = &self.manifest().labels;
        embed(self, names, &section.templates, threads, progress)?.into_bank(section.template_fusion)
    }
}

fn embed(
    bundle: &Bundle,
    names: Vec<String>,
    templates: &[String],
    threads: usize,
    progress: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<LabelFile> {
    let section = bundle.text()?;
    let path = bundle.path(&section.file);
    let mut text = Cpu::new(threads)?.text(&path, section)?;
    let scale = bundle.label_file()?.logit_scale;
    let (tokenizer, model) = (bundle.tokenizer()?, model_checksum(&path)?);
    LabelFile::embed(names, templates.to_vec(), scale, (&tokenizer, &mut text), &model, progress)
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
    let file = embed(&bundle, names, &manifest.labels.templates, threads, progress)?;
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

/// Embeds `names` with the text tower in `directory` and writes the bank beside it.
pub fn write_labels(
    cpu: &Cpu,
    directory: &Path,
    convention: &Convention,
    names: Vec<String>,
    logit_scale: f32,
    progress: &mut dyn FnMut(usize, usize) -> Result<()>,
) -> Result<()> {
    let path = directory.join(&convention.text.file);
    let mut text = cpu.text(&path, &convention.text)?;
    let manifest::TokenizerKind::ClipBpe { merges } = convention.text.tokenizer;
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
