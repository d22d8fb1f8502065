//! figureground recognises what a person is doing, and knows when it is only reading the room.
//!
//! The crate scores three views of every clip: the full frame, the person only and the background only. A CLIP encoder
//! compares each view with text. A gate flags a prediction that the background alone would produce.
//!
//! Read the crate in the order of the data flow:
//!
//! 1. [`source`] supplies each [`frame`].
//! 2. [`preprocess`] resizes, crops and normalises it. [`segment`] makes its [`mask`] with a model of [`engine`].
//! 3. [`view`] composes the three views. The image encoder of [`engine`] turns them into embeddings. [`mod@paste`] puts
//!    the person of a doubtful clip onto other backgrounds.
//! 4. [`zeroshot`] scores the embeddings against a label bank. [`gate`] turns the scores into a verdict.
//! 5. [`clip_encoder`] runs steps 2 and 3 on one backend and owns their buffers. [`pipeline`] cuts a source into
//!    windows and judges each. [`sink`] delivers the verdicts.
//!
//! A [`bundle`] is the directory of the models, labels and settings; [`model`] reads and writes its ONNX files.
//! [`import`] creates a bundle from a checkpoint, and [`label_embedding`] embeds its labels. [`evaluate`] runs the
//! pipeline on labelled clips and measures a model's background bias and the benefit of the gate.
//!
//! Without the feature `std`, the crate is `no_std` and holds the algebra only ([`frame`], [`mask`], [`view`],
//! [`mod@paste`], [`preprocess`], [`sampler`], [`zeroshot`], [`gate`]), which allocates in constructors only.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod error;
pub mod frame;
pub mod gate;
pub mod mask;
pub mod paste;
pub mod preprocess;
pub mod sampler;
pub mod view;
pub mod zeroshot;

#[cfg(feature = "std")]
pub mod bounded_file;
#[cfg(feature = "std")]
pub mod bundle;
#[cfg(feature = "std")]
pub mod clip_encoder;
#[cfg(feature = "std")]
pub mod engine;
#[cfg(feature = "evaluate")]
pub mod evaluate;
#[cfg(feature = "std")]
pub mod file;
#[cfg(feature = "cpu")]
pub mod import;
#[cfg(feature = "cpu")]
pub mod label_embedding;
#[cfg(feature = "evaluate")]
pub mod migrate;
#[cfg(feature = "std")]
pub mod model;
#[cfg(feature = "std")]
pub mod pipeline;
#[cfg(feature = "std")]
pub mod printable;
#[cfg(feature = "std")]
pub mod run_id;
#[cfg(feature = "std")]
pub mod segment;
#[cfg(feature = "std")]
pub mod sink;
#[cfg(feature = "std")]
pub mod source;
#[cfg(feature = "std")]
pub mod temporary;
#[cfg(feature = "std")]
pub(crate) mod text_file;
#[cfg(feature = "std")]
pub mod timestamp;

pub use error::{Error, Result, Setting, Stage};

/// Log target of notes: a choice that the library made for the user, when nothing is wrong.
#[cfg(feature = "std")]
pub const NOTES: &str = "figureground::notes";
