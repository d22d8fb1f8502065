//! Zero-shot classification: a clip's embedding to log-probabilities of named classes.
//!
//! Computes `log_softmax(exp(logit_scale) * cos(clip, text))` over the classes of a [`LabelBank`]. Sums have a fixed
//! order, those of the softmax are in f64, so every target gives the same bits. No probability is rounded to 0 before
//! its logarithm is taken.

mod embedding;
mod label_bank;
mod log_probs;

pub use embedding::{Embedding, Fusion, mean_pool};
pub use label_bank::{LabelBank, TemplateFusion, TextEmbeds};
pub use log_probs::{LogProbs, Ranked, log_softmax, top_k};
pub(crate) use log_probs::{LogSumExp, finite};
