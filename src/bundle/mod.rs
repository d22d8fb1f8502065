//! A bundle: one directory with everything a device needs.

#[cfg(feature = "built-in")]
mod built_in;
mod cache;
pub mod checksum;
#[cfg(feature = "cpu")]
pub mod import;
pub mod labels;
pub mod manifest;
pub mod tokenizer;

use crate::error::{Error, Result, Stage};
use crate::zeroshot::LabelBank;
use labels::LabelFile;
use manifest::Manifest;
use std::path::{Path, PathBuf};
use tokenizer::Tokenizer;

/// Name of the manifest in a bundle.
pub const MANIFEST: &str = "bundle.toml";

/// An opened bundle: manifest read, every file there and whole.
#[derive(Clone, Debug)]
pub struct Bundle {
    directory: PathBuf,
    manifest: Manifest,
    /// Where the built-in bundle's files are, until the last clone goes.
    #[cfg(feature = "built-in")]
    #[expect(dead_code, reason = "the directory goes when it is dropped")]
    unpacked: Option<std::sync::Arc<tempfile::TempDir>>,
}

impl Bundle {
    /// Opens the bundle in `directory` and compares every file with its checksum.
    ///
    /// # Errors
    /// When the manifest is not there or wrong, a file is missing, lies outside, or differs from its checksum.
    pub fn open(directory: &Path) -> Result<Self> {
        let manifest = read_manifest(directory)?;
        let bundle = Self {
            directory: directory.to_owned(),
            manifest,
            #[cfg(feature = "built-in")]
            unpacked: None,
        };
        bundle.check_inside(MANIFEST)?;
        for (file, sha256) in &bundle.manifest.files {
            bundle.check_file(file, sha256)?;
        }
        bundle.check_external_data()?;
        Ok(bundle)
    }

    /// What the manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The same bundle with `tau` as the threshold of the score that its gate goes by.
    ///
    /// # Errors
    /// When `tau` is not finite.
    pub fn set_threshold(&mut self, tau: f32) -> Result<()> {
        self.manifest.gate.set_threshold(tau)
    }

    /// The same bundle with another gate.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn set_gate(&mut self, gate: crate::gate::GateSettings) -> Result<()> {
        gate.validate()?;
        self.manifest.gate = gate;
        Ok(())
    }

    /// What sets this bundle's scores apart from those of others: a checksum over all of the manifest but the gate, which
    /// judges scores and makes none.
    ///
    /// # Errors
    /// When the manifest cannot be written as TOML.
    pub fn fingerprint(&self) -> Result<String> {
        let min_person_area = self.manifest.gate.min_person_area;
        let mut manifest = self.manifest.clone();
        // It counts the frames that show a person.
        manifest.gate = crate::gate::GateSettings { min_person_area, ..Default::default() };
        Ok(checksum::of_bytes(manifest.to_toml()?.as_bytes()))
    }

    /// Where `file` of the manifest lies.
    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    /// The directory it was opened from.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The label bank's file.
    ///
    /// # Errors
    /// When it is no label bank.
    pub fn label_file(&self) -> Result<LabelFile> {
        LabelFile::read(&self.path(&self.manifest.labels.file))
    }

    /// The label bank.
    ///
    /// # Errors
    /// When it is no label bank, or its embeddings are not usable.
    pub fn label_bank(&self) -> Result<LabelBank> {
        self.label_file()?.into_bank(self.manifest.labels.template_fusion)
    }

    /// The tokenizer of the text encoder.
    ///
    /// # Errors
    /// When the bundle has no text encoder.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        let text = self.text()?;
        let manifest::TokenizerKind::ClipBpe { merges } = text.tokenizer;
        Tokenizer::new(merges, text.context)
    }

    /// The text encoder's section.
    ///
    /// # Errors
    /// When the bundle has none.
    pub fn text(&self) -> Result<&manifest::TextSettings> {
        self.manifest.text.as_ref().ok_or_else(|| {
            let got = format!("{} without a [text] section", self.directory.display());
            Error::new(Stage::Bundle, "a bundle with a text encoder", got, "import one that has it")
        })
    }

    /// Refuses a link that leads out of the bundle.
    fn check_inside(&self, file: &str) -> Result<()> {
        let path = self.path(file);
        let resolved = |path: &Path| path.canonicalize().map_err(|e| unreadable(path, &e));
        if resolved(&path)?.starts_with(resolved(&self.directory)?) {
            return Ok(());
        }
        let got = format!("{} outside it", path.display());
        Err(Error::new(Stage::Bundle, "files inside the bundle", got, "copy the file into it"))
    }

    /// Refuses a model whose weights lie in a file without a checksum.
    fn check_external_data(&self) -> Result<()> {
        for (section, file) in self.manifest.named_files().iter().filter(|(section, _)| *section != "labels") {
            for data in crate::model::external_files(&self.path(file))? {
                let data = Path::new(file).with_file_name(data).to_string_lossy().into_owned();
                if !self.manifest.files.contains_key(&data) {
                    let expected = format!("a [files] entry for the weights of {section}");
                    return Err(Error::new(Stage::Bundle, expected, data, "import the bundle again"));
                }
            }
        }
        Ok(())
    }

    fn check_file(&self, file: &str, sha256: &str) -> Result<()> {
        self.check_inside(file)?;
        let path = self.path(file);
        let found = checksum::of_file(&path)?;
        if !found.eq_ignore_ascii_case(sha256) {
            let got = format!("{found} of {}", path.display());
            let next = "the file is damaged or was replaced: import the bundle again";
            return Err(Error::new(Stage::Bundle, format_args!("sha256 {sha256}"), got, next));
        }
        Ok(())
    }
}

/// Reads the manifest of the bundle in `directory`, and nothing else.
///
/// # Errors
/// When it is not there or [`Manifest::parse`] refuses it.
pub fn read_manifest(directory: &Path) -> Result<Manifest> {
    let path = directory.join(MANIFEST);
    let text = std::fs::read_to_string(&path).map_err(|e| unreadable(&path, &e))?;
    Manifest::parse(&text).map_err(|e| e.at(path.display()))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    let got = format!("{}: {error}", path.display());
    Error::new(Stage::Bundle, "a bundle's files", got, "make one with `figureground import`")
}
