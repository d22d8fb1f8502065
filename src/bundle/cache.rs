//! Text embeddings by model and list of prompts, kept in the user's cache directory, so that no list is embedded twice.

use super::checksum;
use super::tokenizer::Tokenizer;
use log::warn;
use std::path::PathBuf;

/// What the embeddings of `prompts` by the text encoder `model` are kept under.
pub fn key(model: &str, tokenizer: &Tokenizer, prompts: &[String]) -> String {
    let sizes = format!("{} {}", tokenizer.vocabulary(), tokenizer.context());
    checksum::of_parts([model, &sizes].into_iter().chain(prompts.iter().map(String::as_str)))
}

/// The `count` numbers kept under `key`; none where there are none, or other than that many.
pub fn read(key: &str, count: usize) -> Option<Vec<f32>> {
    let bytes = std::fs::read(path(key)?).ok()?;
    let floats: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    (bytes.len() == 4 * count && floats.iter().all(|v| v.is_finite())).then_some(floats)
}

/// Keeps `embeddings` under `key`. Where that fails, a warning is all: they are only computed again.
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
