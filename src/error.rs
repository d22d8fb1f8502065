//! The error of this crate: the stage that failed, what it expected, what it got, and what to do next.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::error::Error as StdError;
use core::fmt;

/// The result of a function that can fail.
pub type Result<T> = core::result::Result<T, Error>;

/// The part of the program that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Pixels with a size and a capture time.
    Frame,
    /// Person probability, shape and boxes.
    Mask,
    /// Resize, crop and normalisation.
    Preprocess,
    /// Full, person and background views.
    View,
    /// Class names with their text embeddings.
    LabelBank,
    /// Scores to verdict.
    Gate,
    /// `bundle.toml`.
    Manifest,
    /// The directory of models, labels and manifest.
    Bundle,
    /// Text to token ids.
    Tokenizer,
    /// A checkpoint to a bundle.
    Import,
    /// An ONNX file.
    Model,
    /// The runtime that executes models.
    Engine,
    /// Pictures, video files, pipes, cameras.
    Source,
    /// Frames to verdicts.
    Pipeline,
    /// Delivery of verdict lines and pictures.
    Sink,
    /// Labelled clips for training and validation.
    DataSet,
    /// Data to a checkpoint.
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

/// A setting that an error is about. Callers name it in their own words; the program adds its flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Setting {
    /// The activation of an imported checkpoint.
    Activation,
    /// The file that lists the clips of a data set.
    Annotations,
    /// The device that runs models.
    Backend,
    /// Folders of still background pictures.
    Backgrounds,
    /// The CLIP that an imported checkpoint was trained from.
    Base,
    /// The bundle.
    Bundle,
    /// The clips of a comparison.
    CommonClips,
    /// Preprocessing and prompts of an imported model.
    Convention,
    /// The folder of a data set.
    Data,
    /// The probability that a risk bound may fail.
    Delta,
    /// Frames a second of a folder of pictures.
    Fps,
    /// The layout of a data set.
    Format,
    /// The ONNX inpainter.
    Inpainter,
    /// The label file.
    Labels,
    /// The file of verdict lines.
    Lines,
    /// The masks of a data set.
    Masks,
    /// The origin of the live page.
    Origin,
    /// The output path.
    Out,
    /// The overlay pictures.
    Overlay,
    /// The pictures of the live page.
    Pictures,
    /// The pointing game.
    Pointing,
    /// The number format on a GPU.
    Precision,
    /// Places in which a doubted person is asked again.
    Probe,
    /// Folder of pictures of these places.
    ProbeBank,
    /// The risk that a gate is calibrated to.
    Risk,
    /// The ONNX scene classifier.
    Scenes,
    /// The share of ordinary footage that a gate may flag.
    Share,
    /// Bytes of a pipe that may be spooled to disk.
    SpoolLimit,
    /// Seconds between two windows.
    Stride,
    /// Lists of swaps.
    Swaps,
    /// The gate's threshold.
    Threshold,
    /// CPU threads.
    Threads,
    /// The access token of the live page and metrics.
    Token,
    /// Seconds of a window.
    Window,
}

/// An error with the four parts that a person needs: stage, expected, got, next.
///
/// ```
/// use figureground::{Error, Stage};
/// let error = Error::new(Stage::Source, "a video", "a text file", "pass a file that ffmpeg opens");
/// assert_eq!(error.to_string(), "source: expected a video, got a text file; pass a file that ffmpeg opens");
/// ```
#[derive(Clone, Debug)]
pub struct Error {
    stage: Stage,
    expected: String,
    got: String,
    next: String,
    settings: Vec<Setting>,
    source: Option<Arc<dyn StdError + Send + Sync>>,
}

impl Error {
    /// Creates an error of `stage`; `next` is what to try, in the imperative.
    pub fn new(stage: Stage, expected: impl fmt::Display, got: impl fmt::Display, next: impl fmt::Display) -> Self {
        Self {
            stage,
            expected: expected.to_string(),
            got: got.to_string(),
            next: next.to_string(),
            settings: Vec::new(),
            source: None,
        }
    }

    /// Creates an error of `stage` with another error as its cause. The cause's message becomes `got`, and
    /// [`source`](StdError::source) returns the cause.
    pub fn caused(
        stage: Stage,
        expected: impl fmt::Display,
        source: impl StdError + Send + Sync + 'static,
        next: impl fmt::Display,
    ) -> Self {
        Self::new(stage, expected, &source, next).with_source(source)
    }

    /// Returns the stage that failed.
    pub fn stage(&self) -> Stage {
        self.stage
    }

    /// Returns the settings that the error is about, in the order they were added.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// Returns whether a clip or one of its frames caused the error. A run over many clips records such an error and
    /// continues.
    pub fn is_input(&self) -> bool {
        matches!(self.stage, Stage::Source | Stage::Frame | Stage::Preprocess)
    }

    /// Puts `place` (a file, a tensor, a key) in front of `got`.
    #[must_use]
    pub fn at(mut self, place: impl fmt::Display) -> Self {
        self.got = alloc::format!("{place}: {}", self.got);
        self
    }

    /// Adds a setting that the error is about.
    #[must_use]
    pub fn about(mut self, setting: Setting) -> Self {
        self.settings.push(setting);
        self
    }

    /// Sets the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl StdError + Send + Sync + 'static) -> Self {
        self.source = Some(Arc::new(source));
        self
    }

    /// Replaces `from` with `to` in every part.
    #[cfg(feature = "cpu")]
    pub(crate) fn replaced(mut self, from: &str, to: &str) -> Self {
        for part in [&mut self.expected, &mut self.got, &mut self.next] {
            *part = part.replace(from, to);
        }
        self
    }
}

/// Compares the messages; the sources do not count.
impl PartialEq for Error {
    fn eq(&self, other: &Self) -> bool {
        (self.stage, &self.expected, &self.got, &self.next) == (other.stage, &other.expected, &other.got, &other.next)
    }
}

impl Eq for Error {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}; {}", self.stage, self.expected, self.got, self.next)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
