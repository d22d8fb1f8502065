//! The one error of this crate: where it happened, what was expected, what came, and what to try next.

use alloc::string::{String, ToString};
use core::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T> = core::result::Result<T, Error>;

/// The part of the flow that could not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Pixels with a size and a capture time.
    Frame,
    /// Person probability, shape and boxes.
    Mask,
    /// Resize, crop and normalisation.
    Preprocess,
    /// Full, person and background pictures.
    View,
    /// Class names with their text embeddings.
    LabelBank,
    /// Evidence to verdict.
    Gate,
    /// `bundle.toml`.
    Manifest,
    /// The directory that holds models, labels and manifest.
    Bundle,
    /// Text to token ids.
    Tokenizer,
    /// A checkpoint on its way to a bundle.
    Import,
    /// An ONNX file.
    Model,
    /// The runtime that executes models.
    Engine,
    /// Pictures, video files, pipes, cameras.
    Source,
    /// Frames to verdicts.
    Pipeline,
    /// Verdict lines and pictures on their way out.
    Sink,
    /// Labelled clips to train and validate on.
    DataSet,
    /// A model on its way from data to a checkpoint.
    Training,
    /// The command line.
    Command,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Stage::Frame => "frame",
            Stage::Mask => "mask",
            Stage::Preprocess => "preprocess",
            Stage::View => "view",
            Stage::LabelBank => "label bank",
            Stage::Gate => "gate",
            Stage::Manifest => "manifest",
            Stage::Bundle => "bundle",
            Stage::Tokenizer => "tokenizer",
            Stage::Import => "import",
            Stage::Model => "model",
            Stage::Engine => "engine",
            Stage::Source => "source",
            Stage::Pipeline => "pipeline",
            Stage::Sink => "sink",
            Stage::DataSet => "data set",
            Stage::Training => "training",
            Stage::Command => "command",
        })
    }
}

/// What went wrong, in the four parts a person needs to go on.
///
/// ```
/// use figureground::{Error, Stage};
/// let error = Error::new(Stage::Source, "a video", "a text file", "pass a file that ffmpeg opens");
/// assert_eq!(error.to_string(), "source: expected a video, got a text file; pass a file that ffmpeg opens");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    stage: Stage,
    expected: String,
    got: String,
    next: String,
}

impl Error {
    /// An error of `stage`; `next` is the thing to try, in the imperative.
    pub fn new(stage: Stage, expected: impl fmt::Display, got: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self { stage, expected: expected.to_string(), got: got.to_string(), next: next.to_string() }
    }

    /// The part of the flow that could not go on.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// The same error with `place` (a file, a tensor, a key) named in front of what came.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.got = alloc::format!("{place}: {}", self.got);
        self
    }
}

#[cfg(feature = "cpu")]
impl Error {
    /// The same error with `to` wherever it names `from`.
    pub(crate) fn replaced(mut self, from: &str, to: &str) -> Self {
        for part in [&mut self.expected, &mut self.got, &mut self.next] {
            *part = part.replace(from, to);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}; {}", self.stage, self.expected, self.got, self.next)
    }
}

impl core::error::Error for Error {}
