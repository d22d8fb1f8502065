//! Other labels for a bundle that exists.

use super::{Progress, TextModel};
use crate::bundle::labels::LabelFile;
use crate::bundle::manifest::check_templates;
use crate::bundle::{Bundle, MANIFEST, checksum};
use crate::engine::cpu::Cpu;
use crate::error::Result;
use crate::file::write_aside;
use crate::zeroshot::LabelBank;
use log::warn;
use std::path::Path;

impl Bundle {
    /// Returns a label bank for `names` in the bundle's templates. Loads the text encoder for this call only;
    /// embeddings from earlier calls come from the user's cache.
    ///
    /// # Errors
    /// Returns an error if the bundle has no text encoder, or the encoder or `progress` fails.
    pub fn embed_labels(&self, names: Vec<String>, threads: usize, progress: &mut Progress<'_>) -> Result<LabelBank> {
        let section = &self.manifest().labels;
        embed(self, names, &section.templates, threads, progress)?.into_bank(section.template_fusion)
    }
}

fn embed(
    bundle: &Bundle,
    names: Vec<String>,
    templates: &[String],
    threads: usize,
    progress: &mut Progress<'_>,
) -> Result<LabelFile> {
    let section = bundle.text()?;
    let path = bundle.path(&section.file);
    let mut encoder = Cpu::new(threads)?.text(&path, section)?;
    let tokenizer = bundle.tokenizer()?;
    let mut model = TextModel { tokenizer: &tokenizer, encoder: &mut encoder, checksum: model_checksum(&path)? };
    model.embed_labels(names, templates.to_vec(), bundle.label_file()?.logit_scale, progress)
}

/// Replaces the label bank of the bundle in `directory` with `names` in `templates`. If `templates` is empty, the
/// bundle keeps its own.
///
/// # Errors
/// Returns an error if the bundle has no text encoder, or a file cannot be written. The bundle is then unchanged.
pub fn relabel(
    directory: &Path,
    names: Vec<String>,
    templates: &[String],
    threads: usize,
    progress: &mut Progress<'_>,
) -> Result<()> {
    let bundle = Bundle::open(directory)?;
    let mut manifest = bundle.manifest().clone();
    if !templates.is_empty() {
        check_templates(templates)?;
        manifest.labels.templates = templates.to_vec();
    }
    let file = embed(&bundle, names, &manifest.labels.templates, threads, progress)?;
    let bytes = file.to_bytes()?;
    file.into_bank(manifest.labels.template_fusion)?;
    // The new bank has its own file name until the manifest, renamed last, points to it.
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
        warn!("the old label bank {old} could not be removed: {error}");
    }
    Ok(())
}

/// Returns the checksum of the ONNX file at `path` and of its external data.
pub(crate) fn model_checksum(path: &Path) -> Result<String> {
    let data = path.with_file_name(format!("{}.data", path.file_name().unwrap_or_default().to_string_lossy()));
    let data = if data.is_file() { checksum::of_file(&data)? } else { String::new() };
    Ok(checksum::of_parts([checksum::of_file(path)?.as_str(), &data]))
}
