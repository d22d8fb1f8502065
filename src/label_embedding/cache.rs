//! Text embeddings in the user's cache directory, one file for each model and list of prompts.

use crate::bundle::checksum;
use crate::bundle::tokenizer::Tokenizer;
use log::warn;
use std::path::PathBuf;

/// Returns the cache key of the embeddings of `prompts` by the text encoder with the checksum `model`.
pub fn key(model: &str, tokenizer: &Tokenizer, prompts: &[String]) -> String {
    let sizes = format!("{} {}", tokenizer.vocabulary(), tokenizer.context());
    checksum::of_parts([model, &sizes].into_iter().chain(prompts.iter().map(String::as_str)))
}

/// Returns the `count` numbers cached under `key`, or `None` if there is no such entry.
pub fn read(key: &str, count: usize) -> Option<Vec<f32>> {
    let bytes = std::fs::read(path(key)?).ok()?;
    let floats: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    (bytes.len() == 4 * count && floats.iter().all(|v| v.is_finite())).then_some(floats)
}

/// Caches `embeddings` under `key`. A failure is only logged, because embeddings can be computed again.
pub fn write(key: &str, embeddings: &[f32]) {
    let Some(path) = path(key) else { return };
    let bytes: Vec<u8> = embeddings.iter().flat_map(|v| v.to_le_bytes()).collect();
    if let Err(error) = crate::file::write_aside(&path, &bytes) {
        warn!("text embeddings are not cached: {error}");
    }
}

fn path(key: &str) -> Option<PathBuf> {
    Some(crate::file::cache_directory()?.join(format!("{key}.f32")))
}
