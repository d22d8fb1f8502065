//! `bundle.toml`: the files of a bundle and the settings of its models.

mod backgrounds;
mod clip;
mod convention;
mod decode;
mod encoders;
mod labels;
mod segmenter;
mod toml_text;
mod views;

pub use backgrounds::BackgroundSettings;
pub use clip::{ClipSettings, MAX_FRAMES};
pub use convention::Convention;
pub use decode::{DecodeKind, DecodeSettings, PersonChannels};
pub use encoders::{TemporalSettings, TextSettings, TokenizerKind, VisionSettings};
pub use labels::{LabelSettings, check_templates};
pub use segmenter::SegmenterSettings;
pub use views::ViewSettings;

use crate::error::Result;
use crate::gate::GateSettings;
use crate::zeroshot::Fusion;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml_text::{parse, refused};

/// The version of the manifest that is written and read.
pub const SCHEMA: u32 = 2;

/// The manifest of a bundle.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Version of this format.
    pub schema: u32,
    /// Name of the bundle.
    pub name: String,
    /// Licence of the models, as the user gave it.
    #[serde(default)]
    pub licence: String,
    /// Sampling and fusion of the frames of a clip.
    pub clip: ClipSettings,
    /// Fill of hidden pixels.
    #[serde(default)]
    pub views: ViewSettings,
    /// The person segmenter.
    pub segmenter: SegmenterSettings,
    /// The image encoder.
    pub vision: VisionSettings,
    /// The text encoder; without one the label bank cannot be replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextSettings>,
    /// The temporal transformer; present exactly if `clip.fusion` is `temporal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporal: Option<TemporalSettings>,
    /// The label bank.
    pub labels: LabelSettings,
    /// The bank of backgrounds for probes, if the bundle has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backgrounds: Option<BackgroundSettings>,
    /// Settings of the gate.
    #[serde(default)]
    pub gate: GateSettings,
    /// SHA-256 of every file of the bundle, in hexadecimal.
    pub files: BTreeMap<String, String>,
}

impl Manifest {
    /// Parses and checks a manifest.
    ///
    /// # Errors
    /// Returns an error if the text is no TOML, a key is missing or unknown (the message names the nearest known key),
    /// or a value is out of range.
    pub fn parse(text: &str) -> Result<Self> {
        check_schema(text)?;
        let manifest: Self = parse(text)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// Returns the manifest as TOML.
    ///
    /// # Errors
    /// Returns an error if a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| refused("values that TOML can hold", &e, "report this").with_source(e))
    }

    /// Returns the file of every section, with the section's name.
    pub fn named_files(&self) -> Vec<(&'static str, &str)> {
        let mut files = vec![("vision", &self.vision.file), ("segmenter", &self.segmenter.file)];
        files.extend(self.text.iter().map(|text| ("text", &text.file)));
        files.extend(self.temporal.iter().map(|temporal| ("temporal", &temporal.file)));
        files.push(("labels", &self.labels.file));
        files.extend(self.backgrounds.iter().map(|backgrounds| ("backgrounds", &backgrounds.file)));
        files.into_iter().map(|(section, file)| (section, file.as_str())).collect()
    }

    fn check(&self) -> Result<()> {
        self.clip.check()?;
        if (self.clip.fusion == Fusion::Temporal) != self.temporal.is_some() {
            let got = format!("{} sections and clip.fusion {:?}", self.temporal.iter().len(), self.clip.fusion);
            let next = "add or remove the section, or correct clip.fusion";
            return Err(refused("a [temporal] section exactly if clip.fusion is temporal", got, next));
        }
        self.segmenter.check()?;
        self.vision.check()?;
        self.text.as_ref().map_or(Ok(()), TextSettings::check)?;
        check_templates(&self.labels.templates)?;
        self.gate.validate().map_err(|e| e.at("[gate]"))?;
        self.views.check()?;
        self.check_files()
    }

    fn check_files(&self) -> Result<()> {
        if let Some(file) = self.files.keys().find(|file| !crate::file::stays_inside(file)) {
            let next = "name it without .. or a leading /";
            return Err(refused("a file inside the bundle", format_args!("{file:?}"), next));
        }
        for (section, file) in self.named_files() {
            if !self.files.contains_key(file) {
                let expected = format!("a [files] entry with the SHA-256 of {section}.file");
                return Err(refused(expected, format_args!("{file:?}"), "import the bundle again"));
            }
        }
        Ok(())
    }
}

/// Checks the version of a manifest before its keys, which may be those of another version.
fn check_schema(text: &str) -> Result<()> {
    let Ok(table) = text.parse::<toml::Table>() else { return Ok(()) };
    let Some(schema) = table.get("schema").and_then(toml::Value::as_integer) else { return Ok(()) };
    let next = match schema {
        schema if schema == i64::from(SCHEMA) => return Ok(()),
        1 => "run `figureground migrate` on the bundle",
        _ => "use the version of figureground that wrote it",
    };
    Err(refused(format!("schema = {SCHEMA}"), format_args!("schema = {schema}"), next))
}
