//! Trains figureground's encoders, in the order the data flow:
//!
//! [`footage`] films drawn clips through the runtime's own preprocessing and masks, [`lessons`] vary them by a
//! [`masking_ratio`] and cut them into [`patches`], [`shards`] run a [`pair`] over them, an [`objective`] judges it, the
//! [`trainer`] steps, and [`evaluate`] asks what was learned. [`segmenter`] is the person segmenter of the same data.

pub mod calibration;
pub mod casting;
pub mod checkpoint;
pub mod compose;
pub mod curve;
pub mod evaluate;
pub mod eye;
pub mod footage;
pub mod lessons;
pub mod masking_ratio;
pub mod objective;
pub mod pair;
pub mod patches;
pub mod recipe;
pub mod reproduce;
pub mod segmenter;
pub mod shards;
pub mod trainer;
