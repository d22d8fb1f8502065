//! figureground recognises what a person is doing, and knows when it is only reading the room.
//!
//! Every clip is looked at three times: whole, person only and background only. A CLIP encoder scores each view
//! against text, and a gate flags the prediction that the background alone would have produced.
//!
//! Read the crate in the order the data flows:
//!
//! 1. [`source`] lends a [`frame`];
//! 2. [`preprocess`] resizes, crops and normalises it once; [`segment`] makes its [`mask`] with a model of [`engine`];
//! 3. [`view`] composes the three views, which the image encoder of [`engine`] turns into embeddings;
//! 4. [`zeroshot`] scores them against a label bank; [`gate`] weighs the evidence and gives a verdict;
//! 5. a [`clip_encoder`] owns all buffers of these steps on one backend; [`pipeline`] cuts a source into windows and judges
//!    them; [`sink`] writes the verdicts.
//!
//! [`evaluate`] does all this for labelled sets of clips and measures how biased a model is and what its gate buys.
//!
//! A [`bundle`] is the directory that holds the models, labels and settings of all this; [`model`] reads and writes
//! its ONNX files.
//!
//! Without the feature `std`, what is left is the algebra ([`frame`], [`mask`], [`view`], [`preprocess`], [`zeroshot`],
//! [`gate`], [`sampler`]): `no_std`, memory only in constructors.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod error;
pub mod frame;
pub mod gate;
pub mod mask;
pub mod preprocess;
pub mod sampler;
pub mod view;
pub mod zeroshot;

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
#[cfg(feature = "std")]
pub mod model;
#[cfg(feature = "std")]
pub mod pipeline;
#[cfg(feature = "std")]
pub mod segment;
#[cfg(feature = "std")]
pub mod sink;
#[cfg(feature = "std")]
pub mod source;

pub use error::{Error, Result, Setting, Stage};
