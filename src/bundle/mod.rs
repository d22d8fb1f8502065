//! A bundle: a directory with the models, labels and settings of a device.

mod backgrounds;
#[cfg(feature = "built-in")]
mod built_in;
pub mod checksum;
mod copy;
pub mod labels;
pub mod manifest;
pub mod tokenizer;

pub use backgrounds::{Backgrounds, MAX_BACKGROUNDS};

use crate::bounded_file::{self, MAX_SETTINGS_BYTES};
use crate::error::{Error, Result, Stage};
use crate::zeroshot::LabelBank;
use labels::LabelFile;
use manifest::Manifest;
use std::path::{Path, PathBuf};
use tokenizer::Tokenizer;

/// Name of the manifest in a bundle.
pub const MANIFEST: &str = "bundle.toml";

/// An opened bundle, whose files all match their checksums.
#[derive(Clone, Debug)]
pub struct Bundle {
    directory: PathBuf,
    manifest: Manifest,
    /// Directory of the built-in bundle's files, removed with the last clone.
    #[cfg(feature = "built-in")]
    #[expect(dead_code, reason = "dropping it removes the directory")]
    unpacked: Option<std::sync::Arc<crate::temporary::TemporaryDirectory>>,
}

impl Bundle {
    /// Opens the bundle in `directory` and compares every file with its checksum.
    ///
    /// # Errors
    /// Returns an error if the manifest is missing or malformed, or a file is missing, outside the directory or has
    /// another checksum.
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

    /// Returns the manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Sets the threshold tau of the gate's score.
    ///
    /// # Errors
    /// Returns an error if `tau` is not finite.
    pub fn set_threshold(&mut self, tau: f32) -> Result<()> {
        self.manifest.gate.set_threshold(tau)
    }

    /// Sets the settings of the gate.
    ///
    /// # Errors
    /// Returns an error if a setting is out of range.
    pub fn set_gate(&mut self, gate: crate::gate::GateSettings) -> Result<()> {
        gate.validate()?;
        self.manifest.gate = gate;
        Ok(())
    }

    /// Returns a checksum of everything that affects the bundle's scores: the manifest without the gate.
    ///
    /// # Errors
    /// Returns an error if the manifest cannot be written as TOML.
    pub fn fingerprint(&self) -> Result<String> {
        let min_person_area = self.manifest.gate.min_person_area;
        let mut manifest = self.manifest.clone();
        // The frames with a person, which a record counts, depend on this setting of the gate.
        manifest.gate = crate::gate::GateSettings { min_person_area, ..Default::default() };
        Ok(checksum::of_bytes(manifest.to_toml()?.as_bytes()))
    }

    /// Returns the path of `file`, as the manifest names it.
    pub fn path(&self, file: &str) -> PathBuf {
        self.directory.join(file)
    }

    /// Returns the directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Reads the label file.
    ///
    /// # Errors
    /// Returns an error if the file is no label file.
    pub fn label_file(&self) -> Result<LabelFile> {
        LabelFile::read(&self.path(&self.manifest.labels.file))
    }

    /// Reads the label file and creates its label bank.
    ///
    /// # Errors
    /// Returns an error if the file is no label file, or its embeddings are not usable.
    pub fn label_bank(&self) -> Result<LabelBank> {
        self.label_file()?.into_bank(self.manifest.labels.template_fusion)
    }

    /// Reads the bank of backgrounds for probes; `None` if the bundle has none.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or is no bank of the encoder's size.
    pub fn backgrounds(&self) -> Result<Option<Backgrounds>> {
        let Some(settings) = &self.manifest.backgrounds else { return Ok(None) };
        let path = self.path(&settings.file);
        let bytes = std::fs::read(&path).map_err(|e| unreadable(&path, e))?;
        let bank = Backgrounds::parse(&bytes, self.manifest.vision.preprocess.target()?);
        bank.map(Some).map_err(|e| e.at(path.display()))
    }

    /// Adds `bank` to the bundle, or replaces its bank: the file, then the manifest that names it.
    ///
    /// # Errors
    /// Returns an error if the pictures are not of the encoder's size, the bank is empty, or a file cannot be written.
    pub fn write_backgrounds(&mut self, bank: &Backgrounds) -> Result<()> {
        let bytes = bank.to_bytes()?;
        Backgrounds::parse(&bytes, self.manifest.vision.preprocess.target()?)?;
        let file = "backgrounds.safetensors".to_owned();
        crate::file::write_aside(&self.path(&file), &bytes)?;
        let mut manifest = self.manifest.clone();
        manifest.files.insert(file.clone(), checksum::of_bytes(&bytes));
        manifest.backgrounds = Some(manifest::BackgroundSettings { file });
        crate::file::write_aside(&self.path(MANIFEST), manifest.to_toml()?.as_bytes())?;
        self.manifest = manifest;
        Ok(())
    }

    /// Removes the text encoder and its files: the labels can then not be changed.
    ///
    /// # Errors
    /// Returns an error if the manifest cannot be written, or a file cannot be removed.
    pub fn remove_text_encoder(&mut self) -> Result<()> {
        let mut manifest = self.manifest.clone();
        let Some(text) = manifest.text.take() else { return Ok(()) };
        let is_text = |file: &str| file == text.file || file == format!("{}.data", text.file);
        let removed: Vec<String> = manifest.files.keys().filter(|file| is_text(file)).cloned().collect();
        manifest.files.retain(|file, _| !is_text(file));
        crate::file::write_aside(&self.path(MANIFEST), manifest.to_toml()?.as_bytes())?;
        self.manifest = manifest;
        for file in removed {
            let path = self.path(&file);
            std::fs::remove_file(&path).map_err(|error| {
                let expected = format!("{} removed", path.display());
                Error::caused(Stage::Bundle, expected, error, "remove it by hand")
            })?;
        }
        Ok(())
    }

    /// Creates the tokenizer of the text encoder.
    ///
    /// # Errors
    /// Returns an error if the bundle has no text encoder.
    pub fn tokenizer(&self) -> Result<Tokenizer> {
        let text = self.text()?;
        let manifest::TokenizerKind::ClipBpe { merges } = text.tokenizer;
        Tokenizer::new(merges, text.context)
    }

    /// Returns the settings of the text encoder.
    ///
    /// # Errors
    /// Returns an error if the bundle has no text encoder.
    pub fn text(&self) -> Result<&manifest::TextSettings> {
        self.manifest.text.as_ref().ok_or_else(|| {
            let got = format!("{} without a [text] section", self.directory.display());
            Error::new(Stage::Bundle, "a bundle with a text encoder", got, "import a bundle with a text encoder")
        })
    }

    /// Checks that `file` is no link to a file outside the bundle.
    fn check_inside(&self, file: &str) -> Result<()> {
        let path = self.path(file);
        let resolved = |path: &Path| path.canonicalize().map_err(|e| unreadable(path, e));
        if resolved(&path)?.starts_with(resolved(&self.directory)?) {
            return Ok(());
        }
        let got = format!("{} outside it", path.display());
        Err(Error::new(Stage::Bundle, "files inside the bundle", got, "copy the file into it"))
    }

    /// Checks that every external data file of a model has a checksum.
    fn check_external_data(&self) -> Result<()> {
        let models = self.manifest.named_files();
        for (section, file) in models.iter().filter(|(section, _)| !["labels", "backgrounds"].contains(section)) {
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
            let next = "import the bundle again: the file is damaged or was replaced";
            return Err(Error::new(Stage::Bundle, format_args!("sha256 {sha256}"), got, next));
        }
        Ok(())
    }
}

/// Reads only the manifest of the bundle in `directory`.
///
/// # Errors
/// Returns an error if the file cannot be read or [`Manifest::parse`] fails.
pub fn read_manifest(directory: &Path) -> Result<Manifest> {
    let path = directory.join(MANIFEST);
    let text = bounded_file::read_text(&path, MAX_SETTINGS_BYTES).map_err(|e| unreadable(&path, e))?;
    Manifest::parse(&text).map_err(|e| e.at(path.display()))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    let next = "create a bundle with `figureground import`";
    Error::caused(Stage::Bundle, "a bundle's files", error, next).at(path.display())
}
