//! Embeddings of clips.

use crate::error::{Error, Result, Stage};
use serde::{Deserialize, Serialize};

/// Fusion of the embeddings of T frames into the embedding of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Fusion {
    /// The mean (ViFi-CLIP): [`mean_pool`].
    Mean,
    /// A temporal transformer of the bundle, then the mean (ActionCLIP).
    Temporal,
}

/// Writes the mean of `frames`, each `[dim]`, to `out`, also `[dim]`, not normalised.
///
/// # Errors
/// Returns an error if there is no frame, or one has another length than `out`.
pub fn mean_pool<'a>(frames: impl ExactSizeIterator<Item = &'a [f32]>, out: &mut [f32]) -> Result<()> {
    let count = frames.len();
    if count == 0 {
        return Err(Error::new(Stage::Pipeline, "embeddings of at least one frame", "none", "pass a clip with frames"));
    }
    out.fill(0.0);
    for frame in frames {
        expect_dim(frame.len(), out.len())?;
        for (mean, value) in out.iter_mut().zip(frame) {
            // Dividing first keeps sums of finite values finite.
            *mean += value / count as f32;
        }
    }
    Ok(())
}

/// A borrowed vector of norm 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Embedding<'a>(&'a [f32]);

impl<'a> Embedding<'a> {
    /// Normalises `values` in place, `v / ||v||`, and borrows them.
    ///
    /// # Errors
    /// Returns an error, and changes nothing, if a value is NaN or infinite, or all are 0.
    pub fn new(values: &'a mut [f32]) -> Result<Self> {
        normalise(values).map_err(|got| {
            let next = "check the encoder with `figureground infer MODEL.onnx`";
            Error::new(Stage::Engine, "an embedding of finite numbers that are not all 0", got, next)
        })?;
        Ok(Self(values))
    }

    /// Returns the coordinates, `[dim]`.
    pub fn values(&self) -> &'a [f32] {
        self.0
    }
}

/// Scales `values` to norm 1; the error is the reason why that is impossible. Squares of f32 neither overflow nor
/// underflow in f64.
pub(super) fn normalise(values: &mut [f32]) -> core::result::Result<(), &'static str> {
    let norm = libm::sqrt(values.iter().map(|&value| f64::from(value) * f64::from(value)).sum());
    if !norm.is_finite() {
        return Err("NaN or infinity");
    }
    if norm == 0.0 {
        return Err("only zeros");
    }
    for value in values {
        *value = (f64::from(*value) / norm) as f32;
    }
    Ok(())
}

/// Checks the dimension of an embedding.
pub(super) fn expect_dim(got: usize, expected: usize) -> Result<()> {
    if got == expected {
        return Ok(());
    }
    let expected = format_args!("an embedding of {expected} dimensions");
    Err(Error::new(Stage::LabelBank, expected, got, "use a label bank and encoders of the same model"))
}
