//! The label file of a new bundle.

use super::WrittenModels;
use crate::bundle::manifest::TokenizerKind;
use crate::bundle::tokenizer::Tokenizer;
use crate::engine::cpu::Cpu;
use crate::error::{Error, Result, Stage};
use crate::label_embedding::{Progress, TextModel, model_checksum};
use crate::model::write::write_failed;
use std::path::Path;

/// Embeds `names` with the text tower in `directory` and writes `labels.safetensors` beside it.
pub fn write_labels(
    cpu: &Cpu,
    directory: &Path,
    models: &WrittenModels,
    names: Vec<String>,
    progress: &mut Progress<'_>,
) -> Result<()> {
    let convention = &models.convention;
    let path = directory.join(&convention.text.file);
    let mut encoder = cpu.text(&path, &convention.text)?;
    let TokenizerKind::ClipBpe { merges } = convention.text.tokenizer;
    let tokenizer = Tokenizer::new(merges, convention.text.context)?;
    let checksum = model_checksum(&path)?;
    let mut model = TextModel { tokenizer: &tokenizer, encoder: &mut encoder, checksum };
    let file = model.embed_labels(names, convention.templates.clone(), models.logit_scale, progress)?;
    let dimension = encoder.dimension();
    drop(encoder);
    let vision = cpu.vision(&directory.join(&convention.vision.file), &convention.vision)?.dimension();
    if vision != dimension {
        let got = format!("{vision} of the vision tower, {dimension} of the text tower");
        let next = "import two towers of one model";
        return Err(Error::new(Stage::Import, "embeddings of one dimension", got, next));
    }
    let (labels, bytes) = (directory.join("labels.safetensors"), file.to_bytes()?);
    file.into_bank(convention.template_fusion)?;
    std::fs::write(&labels, bytes).map_err(|e| write_failed(&labels, e))
}
