//! `bundle.toml`: what the files of a bundle are and every choice that no family of models could imply.

use crate::error::{Error, Result, Stage};
use crate::gate::GateSettings;
use crate::preprocess::{Layout, PreprocessSettings};
use crate::sampler::Sampler;
use crate::zeroshot::{Fusion, TemplateFusion};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the manifest that is written and read.
pub const SCHEMA: u32 = 1;
/// The largest manifest that is read, in bytes.
const MAX_MANIFEST: usize = 1 << 20;
/// The most frames of one clip.
pub const MAX_FRAMES: usize = 256;

/// The whole manifest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Manifest {
    /// Version of this format.
    pub schema: u32,
    /// What people call this bundle.
    pub name: String,
    /// The licence of its models, as the user gave it.
    #[serde(default)]
    pub licence: String,
    /// How frames become one clip.
    pub clip: ClipSettings,
    /// What hides pixels.
    #[serde(default)]
    pub views: ViewSettings,
    /// The person segmenter.
    pub segmenter: SegmenterSettings,
    /// The image encoder.
    pub vision: VisionSettings,
    /// The text encoder; without it the label bank cannot be replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<TextSettings>,
    /// The temporal transformer, where `clip.fusion` is `temporal`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporal: Option<TemporalSettings>,
    /// The label bank.
    pub labels: LabelSettings,
    /// Evidence to verdict.
    #[serde(default)]
    pub gate: GateSettings,
    /// SHA-256 of every file of the bundle, in hexadecimal.
    pub files: BTreeMap<String, String>,
}

/// How the frames of a clip are chosen and fused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClipSettings {
    /// Frames scored together (T).
    pub frames: usize,
    /// Which frames of a clip these are.
    pub sampler: Sampler,
    /// How frame embeddings become the clip's.
    pub fusion: Fusion,
}

/// What hides pixels in the person and the background view.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ViewSettings {
    /// The fill, as RGB from 0 to 255; normalised like any pixel.
    pub fill: [f32; 3],
}

impl Default for ViewSettings {
    /// The colour that ImageNet's mean normalises to 0.
    fn default() -> Self {
        Self { fill: [123.675, 116.28, 103.53] }
    }
}

/// The person segmenter: pixels to a mask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct SegmenterSettings {
    /// The ONNX file; left out in a manifest of a public model, whose file the user brings.
    #[serde(default)]
    pub file: String,
    /// Name of the picture input.
    pub input: String,
    /// Name of the output that is decoded.
    pub output: String,
    /// From frame to input.
    pub preprocess: PreprocessSettings,
    /// From output to person probability.
    pub decode: DecodeSettings,
    /// A pixel shows a person when its probability exceeds this.
    #[serde(default = "half")]
    pub threshold: f32,
    /// How often the person's shape is dilated by a 3x3 cross, at the encoder's resolution.
    #[serde(default)]
    pub dilation: u32,
    /// Time constant in seconds of the smoothing of masks along a stream; 0 smooths nothing.
    #[serde(default)]
    pub smoothing: f32,
}

fn half() -> f32 {
    0.5
}

/// From a segmenter's output to one person probability a pixel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DecodeSettings {
    /// What the numbers are.
    pub kind: DecodeKind,
    /// Where the channels lie in the output.
    pub layout: Layout,
    /// Channels in the output.
    pub channels: usize,
    /// Which of them are person, or which one is background; class indices for `yolo-seg`.
    pub person: PersonChannels,
    /// Name of the second output of `yolo-seg`, which holds the prototypes of masks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prototypes: Option<String>,
}

/// Which channels of a segmenter's output speak of people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PersonChannels {
    /// These are person; their probabilities add up.
    Channels(Vec<usize>),
    /// All but this one are person.
    AllBut(usize),
}

/// What the numbers of a segmenter's output are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecodeKind {
    /// Probabilities.
    Probability,
    /// Logits, each through a sigmoid.
    Sigmoid,
    /// Logits of one softmax over the channels.
    Softmax,
    /// Class indices (one channel) or scores whose largest names the class.
    Argmax,
    /// Scores stretched to 0..=1 by their own least and largest value in the picture.
    MinMax,
    /// Boxes with class scores and mask coefficients, and prototypes in a second output.
    YoloSeg,
}

/// The image encoder: `pixel values` to unnormalised embeddings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VisionSettings {
    /// The ONNX file.
    #[serde(default)]
    pub file: String,
    /// Name of the picture input.
    pub input: String,
    /// Name of the embedding output.
    pub output: String,
    /// From frame to input.
    pub preprocess: PreprocessSettings,
}

/// The text encoder: token ids to unnormalised embeddings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TextSettings {
    /// The ONNX file.
    #[serde(default)]
    pub file: String,
    /// Name of the token input.
    pub input: String,
    /// Name of the embedding output.
    pub output: String,
    /// Tokens of a prompt, padding included.
    pub context: usize,
    /// Text to token ids.
    pub tokenizer: TokenizerKind,
}

/// Text to token ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", tag = "kind")]
pub enum TokenizerKind {
    /// CLIP's byte-pair encoding, whole or its first `merges` merges.
    ClipBpe {
        /// How many merges; all 48,894 where nothing is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        merges: Option<u16>,
    },
}

/// The temporal transformer: frame embeddings [batch, T, D] to clip embeddings [batch, D].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TemporalSettings {
    /// The ONNX file.
    #[serde(default)]
    pub file: String,
    /// Name of the input.
    pub input: String,
    /// Name of the output.
    pub output: String,
}

/// The label bank.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LabelSettings {
    /// The safetensors file.
    pub file: String,
    /// Prompts, `{}` standing for the class name.
    pub templates: Vec<String>,
    /// How a class's templates become one score.
    pub template_fusion: TemplateFusion,
}

impl Manifest {
    /// Parses and checks a manifest.
    ///
    /// # Errors
    /// When it is no TOML, has a key that is not known (the nearest known one is named), lacks one, or a value is out of
    /// its range.
    pub fn parse(text: &str) -> Result<Self> {
        let manifest: Self = parse(text)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The manifest as TOML.
    ///
    /// # Errors
    /// When a value cannot be written as TOML.
    pub fn to_toml(&self) -> Result<String> {
        toml::to_string(self).map_err(|e| refused("values that TOML can hold", e, "report this"))
    }

    /// Every file that a section names, with the section.
    pub fn named_files(&self) -> Vec<(&'static str, &str)> {
        let mut files = vec![("vision", &self.vision.file), ("segmenter", &self.segmenter.file)];
        files.extend(self.text.iter().map(|text| ("text", &text.file)));
        files.extend(self.temporal.iter().map(|temporal| ("temporal", &temporal.file)));
        files.push(("labels", &self.labels.file));
        files.into_iter().map(|(section, file)| (section, file.as_str())).collect()
    }

    fn check(&self) -> Result<()> {
        if self.schema != SCHEMA {
            let next = "use the version of figureground that wrote it";
            return Err(refused(format!("schema = {SCHEMA}"), self.schema, next));
        }
        check_range("clip.frames", self.clip.frames, 1, MAX_FRAMES)?;
        if (self.clip.fusion == Fusion::Temporal) != self.temporal.is_some() {
            let got = format!("{:?} with {} [temporal]", self.clip.fusion, self.temporal.iter().len());
            return Err(refused("a [temporal] section exactly where clip.fusion is temporal", got, "correct one"));
        }
        self.segmenter.check()?;
        self.vision.check()?;
        if let Some(text) = &self.text {
            check_range("text.context", text.context, 3, 4096)?;
        }
        check_templates(&self.labels.templates)?;
        self.gate.validate().map_err(|e| e.at("[gate]"))?;
        let fill = self.views.fill;
        if !fill.iter().all(|c| (0.0..=255.0).contains(c)) {
            return Err(refused("views.fill as RGB from 0 to 255", format_args!("{fill:?}"), "correct it"));
        }
        self.check_files()
    }

    fn check_files(&self) -> Result<()> {
        for file in self.files.keys() {
            check_plain(file)?;
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

impl SegmenterSettings {
    /// Parses the `[segmenter]` manifest of a public model, which names no file.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn parse(text: &str) -> Result<Self> {
        let segmenter: Self = parse(text)?;
        segmenter.check()?;
        Ok(segmenter)
    }

    fn check(&self) -> Result<()> {
        self.preprocess.validate().map_err(|e| e.at("[segmenter.preprocess]"))?;
        if !(0.0..=1.0).contains(&self.threshold) {
            return Err(refused("segmenter.threshold from 0 to 1", self.threshold, "correct it"));
        }
        if !(0.0..=60.0).contains(&self.smoothing) {
            return Err(refused("segmenter.smoothing from 0 to 60 seconds", self.smoothing, "correct it"));
        }
        check_range("segmenter.dilation", self.dilation as usize, 0, 64)?;
        self.decode.check()
    }
}

impl VisionSettings {
    fn check(&self) -> Result<()> {
        self.preprocess.validate().map_err(|e| e.at("[vision.preprocess]"))?;
        if self.preprocess.layout != Layout::Nchw {
            let next = "views are composed in planes: export the encoder with NCHW input";
            return Err(refused("vision.preprocess.layout = \"nchw\"", "nhwc", next));
        }
        Ok(())
    }
}

impl DecodeSettings {
    pub(crate) fn check(&self) -> Result<()> {
        check_range("decode.channels", self.channels, 1, 4096)?;
        if (self.kind == DecodeKind::YoloSeg) != self.prototypes.is_some() {
            let got = format!("{:?} with prototypes {:?}", self.kind, self.prototypes);
            return Err(refused("decode.prototypes exactly where decode.kind is yolo-seg", got, "correct one"));
        }
        let named = match &self.person {
            PersonChannels::Channels(channels) => channels.clone(),
            PersonChannels::AllBut(channel) => vec![*channel],
        };
        // One channel of class indices can hold any class.
        let is_index = self.kind == DecodeKind::Argmax && self.channels == 1;
        if named.is_empty() || (!is_index && named.iter().any(|&channel| channel >= self.channels)) {
            let expected = format!("decode.person to name channels under {}", self.channels);
            return Err(refused(expected, format_args!("{named:?}"), "correct it"));
        }
        Ok(())
    }
}

/// The conventions of a public CLIP model, whose files the user brings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Convention {
    /// What the model is called.
    pub name: String,
    /// The licence its authors give.
    #[serde(default)]
    pub licence: String,
    /// How frames become one clip.
    pub clip: ClipSettings,
    /// The image encoder.
    pub vision: VisionSettings,
    /// The text encoder.
    pub text: TextSettings,
    /// Prompts that go with the model.
    pub templates: Vec<String>,
    /// How a class's templates become one score.
    pub template_fusion: TemplateFusion,
    /// ln of what cosines are multiplied by, for files that do not hold it.
    pub logit_scale: f32,
}

impl Convention {
    /// Parses a manifest of `models/clip/`.
    ///
    /// # Errors
    /// As [`Manifest::parse`].
    pub fn parse(text: &str) -> Result<Self> {
        let convention: Self = parse(text)?;
        convention.vision.check()?;
        check_range("clip.frames", convention.clip.frames, 1, MAX_FRAMES)?;
        check_templates(&convention.templates)?;
        Ok(convention)
    }
}

/// Refuses prompts without exactly one place for the class name.
///
/// # Errors
/// When there is none, or one has no `{}` or several.
pub fn check_templates(templates: &[String]) -> Result<()> {
    let bad = templates.iter().find(|template| template.matches("{}").count() != 1);
    if templates.is_empty() || bad.is_some() {
        let got = bad.map_or("no template".to_owned(), |bad| format!("{bad:?}"));
        return Err(refused("templates with one {} each", got, "write it as \"a photo of a {}.\""));
    }
    Ok(())
}

/// Refuses what is no plain path below the bundle.
fn check_plain(file: &str) -> Result<()> {
    if !crate::file::stays_inside(file) {
        return Err(refused("a file inside the bundle", format_args!("{file:?}"), "name it without .. and /"));
    }
    Ok(())
}

fn check_range(key: &str, value: usize, least: usize, most: usize) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(refused(format!("{key} from {least} to {most}"), value, "correct it"))
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    if text.len() > MAX_MANIFEST {
        let got = format!("{} bytes", text.len());
        return Err(refused(format!("at most {MAX_MANIFEST} bytes of TOML"), got, "pass a manifest"));
    }
    toml::from_str(text).map_err(|error| {
        let message = error.message();
        let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].lines().count().max(1));
        let next =
            nearest_key(message).map_or("correct the manifest".to_owned(), |key| format!("did you mean `{key}`?"));
        refused("a manifest as the README describes it", format_args!("line {line}: {message}"), next)
    })
}

/// Of `unknown field `x`, expected one of `a`, `b`, …`, the name nearest to x.
fn nearest_key(message: &str) -> Option<&str> {
    let mut quoted = message.strip_prefix("unknown ")?.split('`').skip(1).step_by(2);
    let unknown = quoted.next()?;
    quoted.max_by(|a, b| strsim::jaro_winkler(a, unknown).total_cmp(&strsim::jaro_winkler(b, unknown)))
}

fn refused(expected: impl core::fmt::Display, got: impl core::fmt::Display, next: impl core::fmt::Display) -> Error {
    Error::new(Stage::Manifest, expected, got, next)
}
