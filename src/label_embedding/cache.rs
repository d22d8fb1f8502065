//! Text embeddings in the user's cache directory, one file for each model and list of prompts.

use crate::bundle::checksum;
use crate::bundle::tokenizer::Tokenizer;
use log::warn;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Bytes of all cached embeddings, beyond which the oldest are removed.
const MAX_BYTES: u64 = 256 << 20;
/// Extension of cached embeddings.
const EXTENSION: &str = "f32";

/// Returns the cache key of the embeddings of `prompts` by the text encoder with the checksum `model`.
pub fn key(model: &str, tokenizer: &Tokenizer, prompts: &[String]) -> String {
    let sizes = format!("{} {}", tokenizer.vocabulary(), tokenizer.context());
    checksum::of_parts([model, &sizes].into_iter().chain(prompts.iter().map(String::as_str)))
}

/// Returns the `count` numbers cached under `key`, or `None` if there is no such entry.
pub fn read(key: &str, count: usize) -> Option<Vec<f32>> {
    let mut file = std::fs::File::open(path(key)?).ok()?;
    let mut bytes = Vec::new();
    (&mut file).take(4 * count as u64 + 1).read_to_end(&mut bytes).ok()?;
    // What is used is not the oldest; it may be read-only.
    let _ = file.set_modified(SystemTime::now());
    let floats: Vec<f32> = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    (bytes.len() == 4 * count && floats.iter().all(|v| v.is_finite())).then_some(floats)
}

/// Caches `embeddings` under `key`, and removes the oldest ones beyond [`MAX_BYTES`]. A failure is only logged, because
/// embeddings can be computed again.
pub fn write(key: &str, embeddings: &[f32]) {
    let Some(path) = path(key).filter(|_| 4 * embeddings.len() as u64 <= MAX_BYTES) else { return };
    let bytes: Vec<u8> = embeddings.iter().flat_map(|v| v.to_le_bytes()).collect();
    if let Err(error) = crate::file::write_aside(&path, &bytes) {
        warn!("text embeddings are not cached: {error}");
    }
    remove_oldest(crate::file::directory_of(&path), MAX_BYTES);
}

/// Removes the embeddings in `directory` that were not used for the longest time, until at most `max_bytes` are left.
fn remove_oldest(directory: &Path, max_bytes: u64) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    let embeddings = entries.flatten().map(|entry| entry.path()).filter(|path| {
        // The cache has other files as well.
        path.extension().is_some_and(|extension| extension == EXTENSION)
    });
    let sized = embeddings.filter_map(|path| {
        let metadata = path.symlink_metadata().ok().filter(std::fs::Metadata::is_file)?;
        Some((metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH), path, metadata.len()))
    });
    let mut files: Vec<(SystemTime, PathBuf, u64)> = sized.collect();
    files.sort();
    let mut bytes: u64 = files.iter().map(|(_, _, size)| size).sum();
    for (_, path, size) in files {
        if bytes <= max_bytes {
            return;
        }
        // Another program may have removed it.
        let _ = std::fs::remove_file(path);
        bytes -= size;
    }
}

fn path(key: &str) -> Option<PathBuf> {
    Some(crate::file::cache_directory()?.join(format!("{key}.{EXTENSION}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_oldest_embeddings_are_removed_first_and_other_files_stay() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["d.f32", "b.f32", "c.f32", "a.f32", "z.wgsl"];
        for (age, name) in names.iter().enumerate() {
            let file = std::fs::File::create(folder.path().join(name)).unwrap();
            file.set_len(10).unwrap();
            file.set_modified(SystemTime::now() - Duration::from_secs(100 * age as u64)).unwrap();
        }
        let left = || names.map(|name| folder.path().join(name).exists());
        remove_oldest(folder.path(), 40);
        assert_eq!(left(), [true; 5]);
        remove_oldest(folder.path(), 25);
        assert_eq!(left(), [true, true, false, false, true]);
        remove_oldest(folder.path(), 0);
        assert_eq!(left(), [false, false, false, false, true]);
    }
}
