//! Trains figureground's encoders, in the order the data flow:
//!
//! [`clips`] films drawn clips through the runtime's own preprocessing and masks, [`batch_sampler`] vary them by a
//! [`masking_ratio`] and cut them into [`patches`], [`encoder`] run a [`pair`] over them, an [`objective`] judges it, the
//! [`trainer`] steps, and [`evaluate`] asks what was learned. [`segmenter`] is the person segmenter of the same data.

pub mod batch_sampler;
pub mod calibration;
pub mod checkpoint;
pub mod clip;
pub mod compose;
pub mod conventions;
pub mod evaluate;
pub mod loss_curve;
pub mod masking_ratio;
pub mod objective;
pub mod pair;
pub mod parallel_encoder;
pub mod patchify;
pub mod reproduce;
pub mod segmenter;
pub mod segmenter_files;
pub mod splits;
pub mod trainer;
