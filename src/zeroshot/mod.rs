//! From a clip's embedding to log-probabilities of classes that were never trained for, only named.
//!
//! `log_softmax(exp(logit_scale) * cos(clip, text))` over the classes of a [`LabelBank`]. Sums run in a fixed order,
//! those of softmax in f64, so that every target gives the same bits, and no probability is ever rounded to 0 and then
//! logged.

mod embedding;
mod label_bank;
mod log_probs;

pub use embedding::{Embedding, Fusion, mean_pool};
pub use label_bank::{LabelBank, TemplateFusion, TextEmbeds};
pub use log_probs::{LogProbs, Ranked, log_softmax, top_k};
pub(crate) use log_probs::{LogSumExp, finite};
