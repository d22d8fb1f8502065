//! Files of version 1 in today's formats.
//!
//! What version 1 does not say is null: its probabilities have a temperature per view and an offset, so they are not
//! those of version 2. A migrated gate is uncalibrated, because its thresholds are of other scores.

mod configuration;
mod lines;
mod manifest;

pub use configuration::configuration;
pub use lines::{LineKind, lines};
pub use manifest::manifest;

use crate::bundle::MANIFEST;
use crate::error::{Error, Result, Setting, Stage};
use crate::file::{NewDirectory, check_new_directory, directory_of, io_failed, write_aside};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Version that is migrated.
const OLD: u32 = 1;

/// Result of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// What was migrated: `bundle`, `12 records`.
    pub what: String,
    /// File or bundle in today's format.
    pub to: PathBuf,
    /// The original, if it has another name now.
    pub original: Option<PathBuf>,
}

/// Rewrites the file or bundle at `path`. Without `out`, it replaces the original, which gets the suffix `.v1`.
///
/// # Errors
/// Returns an error if the file is not of version 1 or is damaged, or if an output exists or cannot be written. Nothing
/// is then changed.
pub fn migrate(path: &Path, out: Option<&Path>) -> Result<Migrated> {
    if path.join(MANIFEST).is_file() {
        return migrate_bundle(path, out);
    }
    if path.is_dir() {
        let got = format!("{}, a directory without {MANIFEST}", path.display());
        let next = "name its files one by one, such as records.jsonl";
        return Err(Error::new(Stage::Command, "a file or a bundle of version 1", got, next));
    }
    let text = read(path)?;
    let is_configuration = path.extension().is_some_and(|extension| extension == "toml");
    let (what, text) = migrated_text(&text, is_configuration).map_err(|error| error.at(path.display()))?;
    let original = write(path, out, &text)?;
    Ok(Migrated { what, to: out.unwrap_or(path).to_owned(), original })
}

/// Returns what a file with this text is, and its text in today's format.
fn migrated_text(text: &str, is_configuration: bool) -> Result<(String, String)> {
    if is_configuration {
        return Ok(("configuration".to_owned(), configuration(text)?));
    }
    let (kind, count, text) = lines(text)?;
    Ok((format!("{count} {}", kind.name()), text))
}

fn migrate_bundle(path: &Path, out: Option<&Path>) -> Result<Migrated> {
    let file = path.join(MANIFEST);
    let migrated = manifest(&read(&file)?).map_err(|error| error.at(file.display()))?;
    let text = migrated.to_toml()?;
    let (to, original) = match out {
        None => (path, write(&file, None, &text)?),
        Some(out) => {
            copy_bundle(path, migrated.files.keys(), &text, out)?;
            (out, None)
        }
    };
    Ok(Migrated { what: "bundle".to_owned(), to: to.to_owned(), original })
}

/// Copies the `files` of the bundle at `path` to the new directory `out`, with another manifest.
fn copy_bundle<'a>(path: &Path, files: impl Iterator<Item = &'a String>, manifest: &str, out: &Path) -> Result<()> {
    let directory = NewDirectory::beside(out)?;
    for name in files {
        let to = directory.path().join(name);
        std::fs::create_dir_all(directory_of(&to)).map_err(|error| io_failed(out, error))?;
        let bytes = std::fs::read(path.join(name)).map_err(|error| unreadable(&path.join(name), error))?;
        std::fs::write(&to, bytes).map_err(|error| io_failed(out, error))?;
    }
    std::fs::write(directory.path().join(MANIFEST), manifest).map_err(|error| io_failed(out, error))?;
    directory.rename()
}

/// Writes `text` to `out`, or in place of `path`, whose content stays under another name, which is returned.
fn write(path: &Path, out: Option<&Path>, text: &str) -> Result<Option<PathBuf>> {
    if let Some(out) = out {
        check_new_directory(out)?;
        return write_aside(out, text.as_bytes()).map(|()| None);
    }
    let mut name = OsString::from(path);
    name.push(".v1");
    let original = PathBuf::from(name);
    if original.exists() {
        let got = format!("{}, which exists", original.display());
        let next = "move it away, or write to another file";
        return Err(Error::new(Stage::Sink, "a new name for the original", got, next).about(Setting::Out));
    }
    // The original keeps its name until the new file replaces it.
    let kept = std::fs::hard_link(path, &original).or_else(|_| std::fs::copy(path, &original).map(drop));
    kept.map_err(|error| io_failed(&original, error))?;
    if let Err(error) = write_aside(path, text.as_bytes()) {
        let _ = std::fs::remove_file(&original);
        return Err(error);
    }
    Ok(Some(original))
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(|error| unreadable(path, error))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::caused(Stage::Command, "a file of version 1", error, "check the path").at(path.display())
}

/// Returns the error of a file that has nothing to migrate.
fn not_old(got: impl core::fmt::Display) -> Error {
    Error::new(Stage::Command, "a file of version 1", got, "use it as it is; only version 1 is migrated")
}
