//! Class names to text embeddings: the label file of a new bundle, and other labels for an existing one.

mod cache;
mod relabel;

use crate::bundle::labels::LabelFile;
use crate::bundle::tokenizer::Tokenizer;
use crate::engine::TextEncoder;
use crate::error::{Error, Result, Stage};
pub(crate) use relabel::model_checksum;
pub use relabel::relabel;

/// Prompts in one batch of the text encoder.
const BATCH: usize = 64;

/// Called with the number of prompts embedded so far and in all; an error stops the work.
pub type Progress<'a> = dyn FnMut(usize, usize) -> Result<()> + 'a;

/// A text encoder with its tokenizer.
pub(crate) struct TextModel<'a> {
    /// Text to token ids.
    pub tokenizer: &'a Tokenizer,
    /// Token ids to embeddings.
    pub encoder: &'a mut dyn TextEncoder,
    /// Checksum of the encoder's files, part of the key of cached embeddings.
    pub checksum: String,
}

impl TextModel<'_> {
    /// Embeds every name in every template. Takes embeddings of known prompts from the user's cache.
    ///
    /// # Errors
    /// Returns an error if the text encoder or `progress` fails, or an embedding is not finite.
    pub fn embed_labels(
        &mut self,
        names: Vec<String>,
        templates: Vec<String>,
        logit_scale: f32,
        progress: &mut Progress<'_>,
    ) -> Result<LabelFile> {
        let dimension = self.encoder.dimension();
        let prompts: Vec<String> =
            names.iter().flat_map(|name| templates.iter().map(move |template| template.replace("{}", name))).collect();
        let key = cache::key(&self.checksum, self.tokenizer, &prompts);
        let embeddings = match cache::read(&key, prompts.len() * dimension) {
            Some(embeddings) => embeddings,
            None => {
                let embeddings = self.embed_prompts(&prompts, progress)?;
                cache::write(&key, &embeddings);
                embeddings
            }
        };
        Ok(LabelFile { names, templates, dimension, embeddings, logit_scale })
    }

    fn embed_prompts(&mut self, prompts: &[String], progress: &mut Progress<'_>) -> Result<Vec<f32>> {
        let dimension = self.encoder.dimension();
        let mut embeddings = vec![0.0; prompts.len() * dimension];
        let rows = embeddings.chunks_mut(BATCH * dimension);
        for (index, (batch, rows)) in prompts.chunks(BATCH).zip(rows).enumerate() {
            let ids: Vec<i64> = batch.iter().flat_map(|prompt| self.tokenizer.encode(prompt)).collect();
            self.encoder.encode(&ids, rows)?;
            progress(index * BATCH + batch.len(), prompts.len())?;
        }
        if let Some(index) = embeddings.iter().position(|v| !v.is_finite()) {
            let got = format!("NaN or infinity for {:?}", prompts[index / dimension]);
            let next = "check the text encoder's weights";
            return Err(Error::new(Stage::LabelBank, "finite text embeddings", got, next));
        }
        Ok(embeddings)
    }
}
