//! Class names with their text embeddings.

use super::embedding::{Embedding, expect_dim, normalise};
use super::log_probs::{LogProbs, log_add_exp, log_softmax};
use crate::error::{Error, Result, Stage};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// Advice for a label bank of other sizes.
const AGAIN: &str = "create the label bank again with `figureground labels`";

/// Fusion of the prompts of one class ("a photo of a {}.", …) into one probability.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum TemplateFusion {
    /// One embedding a class: the normalised mean of its unit text embeddings (CLIP, ViFi-CLIP).
    MeanEmbedding,
    /// One softmax a template, averaged (ActionCLIP).
    MeanSoftmax,
}

/// Borrowed text embeddings, not normalised: `[classes, templates, dim]`.
#[derive(Clone, Copy, Debug)]
pub struct TextEmbeds<'a> {
    /// All coordinates, the last axis fastest.
    pub values: &'a [f32],
    /// Prompts of each class, at least 1.
    pub templates: usize,
    /// Coordinates of one embedding, at least 1.
    pub dim: usize,
}

impl<'a> TextEmbeds<'a> {
    fn class(&self, class: usize) -> &'a [f32] {
        let length = self.templates * self.dim;
        &self.values[class * length..][..length]
    }

    fn expect_classes(&self, classes: usize) -> Result<()> {
        let expected = classes.checked_mul(self.templates).and_then(|rows| rows.checked_mul(self.dim));
        if self.templates > 0 && self.dim > 0 && expected == Some(self.values.len()) {
            return Ok(());
        }
        let Self { values, templates, dim } = self;
        let expected = format_args!("text embeddings of {classes} classes, {templates} templates and {dim} dimensions");
        Err(Error::new(Stage::LabelBank, expected, format_args!("{} numbers", values.len()), AGAIN))
    }
}

/// Class names in alphabetical order, with their text embeddings and the scale of their logits.
///
/// A class index refers to the alphabetical order. Results do not depend on the order in which classes were given, and
/// a tie goes to the smaller name.
#[derive(Clone, Debug)]
pub struct LabelBank {
    names: Vec<String>,
    /// `exp(logit_scale)`.
    scale: f32,
    dim: usize,
    /// Number of softmaxes to average: 1 for [`TemplateFusion::MeanEmbedding`].
    softmaxes: usize,
    /// Unit rows, `[softmaxes, classes, dim]`.
    rows: Vec<f32>,
}

impl LabelBank {
    /// Creates the bank of `names`, in any order, with embeddings in the same order. `logit_scale` is CLIP's: the
    /// natural logarithm of the factor on cosines.
    ///
    /// # Errors
    /// Returns an error if there is no class, a name is empty or repeated, the embeddings have another size, are not
    /// finite, are 0 or cancel out over templates, or `exp(logit_scale)` is not finite.
    pub fn new(
        names: Vec<String>,
        text_embeds: TextEmbeds<'_>,
        logit_scale: f32,
        fusion: TemplateFusion,
    ) -> Result<Self> {
        text_embeds.expect_classes(names.len())?;
        let order = sorted(&names)?;
        let mut bank = Self {
            scale: scale(logit_scale)?,
            dim: text_embeds.dim,
            softmaxes: match fusion {
                TemplateFusion::MeanEmbedding => 1,
                TemplateFusion::MeanSoftmax => text_embeds.templates,
            },
            rows: Vec::new(),
            names,
        };
        bank.rows = vec![0.0; bank.softmaxes * bank.names.len() * bank.dim];
        for (class, &given) in order.iter().enumerate() {
            let result = bank.set_rows(class, text_embeds.class(given));
            result.map_err(|got| broken_embedding(&bank.names[given], got))?;
        }
        bank.names.sort_unstable();
        Ok(bank)
    }

    /// Returns the class names in alphabetical order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the number of coordinates of one embedding.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Checks that the image encoder's embeddings have the bank's dimension.
    ///
    /// # Errors
    /// Returns an error if `dimension` is not the bank's.
    pub fn expect_encoder(&self, dimension: usize) -> Result<()> {
        if self.dim == dimension {
            return Ok(());
        }
        let got = format_args!("{} of the label bank, {dimension} of the image encoder", self.dim);
        Err(Error::new(Stage::LabelBank, "embeddings of one dimension", got, AGAIN))
    }

    /// Returns the unit rows `[softmaxes, classes, dim]`, the number of softmaxes, and the factor on cosines.
    #[cfg(feature = "gpu")]
    pub(crate) fn parts(&self) -> (&[f32], usize, f32) {
        (&self.rows, self.softmaxes, self.scale)
    }

    /// Writes ln p of every class for `clip` to `log_probs`, by log-softmax.
    ///
    /// # Errors
    /// Returns an error if `clip` has another dimension, or `log_probs` has another number of classes.
    pub fn score(&self, clip: &Embedding<'_>, log_probs: &mut LogProbs) -> Result<()> {
        expect_dim(clip.values().len(), self.dim)?;
        let LogProbs { values, template } = log_probs;
        if values.len() != self.names.len() {
            let next = "create the log-probabilities for this bank";
            return Err(Error::new(Stage::LabelBank, self.names.len(), values.len(), next));
        }
        self.log_softmax_of(0, clip, values);
        for index in 1..self.softmaxes {
            self.log_softmax_of(index, clip, template);
            values.iter_mut().zip(template.iter()).for_each(|(sum, &log_p)| *sum = log_add_exp(*sum, log_p));
        }
        let log_count = libm::log(self.softmaxes as f64) as f32;
        values.iter_mut().for_each(|sum| *sum -= log_count);
        Ok(())
    }

    fn log_softmax_of(&self, index: usize, clip: &Embedding<'_>, out: &mut [f32]) {
        let rows = self.rows.chunks_exact(self.dim).skip(index * self.names.len());
        for (logit, row) in out.iter_mut().zip(rows) {
            *logit = self.scale * dot(clip.values(), row);
        }
        log_softmax(out);
    }

    /// Writes the normalised `[templates, dim]` embeddings of one class to its rows.
    fn set_rows(&mut self, class: usize, text_embeds: &[f32]) -> core::result::Result<(), &'static str> {
        let (dim, classes) = (self.dim, self.names.len());
        let mut unit = vec![0.0; dim];
        for (template, text_embed) in text_embeds.chunks_exact(dim).enumerate() {
            unit.copy_from_slice(text_embed);
            normalise(&mut unit)?;
            // The mean needs no division, because the sum is normalised below.
            let row = &mut self.rows[(template % self.softmaxes * classes + class) * dim..][..dim];
            row.iter_mut().zip(&unit).for_each(|(sum, value)| *sum += value);
        }
        for softmax in 0..self.softmaxes {
            normalise(&mut self.rows[(softmax * classes + class) * dim..][..dim])?;
        }
        Ok(())
    }
}

/// Returns the indices of `names` in alphabetical order.
fn sorted(names: &[String]) -> Result<Vec<usize>> {
    let mut order: Vec<usize> = (0..names.len()).collect();
    order.sort_unstable_by_key(|&given| &names[given]);
    let refuse = |got: &dyn core::fmt::Display| {
        Err(Error::new(Stage::LabelBank, "class names without repetition, none empty", got, "correct the label file"))
    };
    match order.first() {
        None => return refuse(&"no class"),
        Some(&first) if names[first].is_empty() => return refuse(&"an empty name"),
        _ => {}
    }
    match order.windows(2).find(|pair| names[pair[0]] == names[pair[1]]) {
        Some(pair) => refuse(&format_args!("{:?} twice", shortened(&names[pair[0]]))),
        None => Ok(order),
    }
}

fn scale(logit_scale: f32) -> Result<f32> {
    let scale = libm::exp(f64::from(logit_scale)) as f32;
    if scale.is_finite() && scale > 0.0 {
        return Ok(scale);
    }
    let expected = "a logit_scale whose exp is finite and above 0";
    Err(Error::new(Stage::LabelBank, expected, logit_scale, "take it from the checkpoint (CLIP: 4.6052)"))
}

fn broken_embedding(name: &str, got: &str) -> Error {
    let got = format_args!("{got} for {:?}", shortened(name));
    let next = "check the text encoder with `figureground infer text.onnx`";
    Error::new(Stage::LabelBank, "finite text embeddings that do not cancel out", got, next)
}

/// Returns the start of a name, for messages.
fn shortened(name: &str) -> &str {
    &name[..name.floor_char_boundary(60)]
}

/// Returns the dot product, computed in sixteen partial sums for SIMD.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    let mut sums = [0.0; LANES];
    for (a, b) in a.iter().zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}
