//! Trains figureground's encoders and segmenter.
//!
//! In the order of the data: [`clip`] renders and preprocesses clips, [`batch_sampler`] applies an [`augmentation`] and
//! [`mod@patchify`], [`parallel_encoder`] encodes with a [`pair`], an [`objective`] is the loss, the [`trainer`]
//! minimises it, and [`evaluate`] measures the result. [`segmenter`] trains the person segmenter on the same data.

pub mod augmentation;
pub mod background;
pub mod batch_sampler;
pub mod checkpoint;
pub mod clip;
pub mod conventions;
pub mod evaluate;
pub mod loss_curve;
pub mod masking_ratio;
pub mod objective;
pub mod pair;
pub mod parallel_encoder;
pub mod patchify;
pub mod place_bank;
pub mod reproduce;
pub mod segmenter;
pub mod segmenter_files;
pub mod splits;
pub mod trainer;
pub mod training_settings;
