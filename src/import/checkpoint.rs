//! A complete CLIP checkpoint: every tensor exists under this crate's name and has the expected shape.

use super::architecture::Architecture;
use super::layout::{LOGIT_SCALE, TOKEN_TABLE, Weights};
use super::state_dicts::StateDicts;
use super::tower::TemporalTower;
use crate::error::{Error, Result, Setting, Stage};

/// A checkpoint with every tensor of its architecture, in the expected shapes.
#[derive(Debug)]
pub struct Checkpoint<'data> {
    weights: Weights<'data>,
    /// Holds the token table if `weights` lacks it.
    base: Option<Weights<'data>>,
    temporal: Option<Weights<'data>>,
}

impl<'data> Checkpoint<'data> {
    /// Parses the bytes of one file and checks its tensors.
    ///
    /// # Errors
    /// Returns an error if [`StateDicts::parse`] or [`Checkpoint::new`] does.
    pub fn parse(bytes: &'data [u8], architecture: &Architecture) -> Result<Self> {
        Self::new(Weights::new(StateDicts::parse(bytes)?.weights)?, None, architecture)
    }

    /// Creates a checkpoint of exactly the tensors of `architecture`. The token table may be in `base`.
    ///
    /// # Errors
    /// Returns an error if a tensor is missing, extra or has another shape; the message names it.
    pub fn new(weights: Weights<'data>, base: Option<Weights<'data>>, architecture: &Architecture) -> Result<Self> {
        let mut shapes = architecture.tensors();
        let table = base.as_ref().and_then(|base| Some((base, shapes.remove_entry(TOKEN_TABLE)?)));
        if let Some((base, (name, shape))) = table {
            base.check_one(&name, &shape).map_err(|e| e.at("the base checkpoint").about(Setting::Base))?;
        }
        weights.check(&shapes)?;
        Ok(Self { weights, base, temporal: None })
    }

    /// Adds the `weights` of a temporal transformer, exactly the tensors of `tower`.
    ///
    /// # Errors
    /// Returns an error if a tensor is missing, extra or has another shape.
    pub fn with_temporal(mut self, weights: Weights<'data>, tower: &TemporalTower) -> Result<Self> {
        weights.check(&tower.tensors())?;
        self.temporal = Some(weights);
        Ok(self)
    }

    /// Returns the values of the tensor that this crate calls `name` as f32, row-major.
    ///
    /// # Errors
    /// Returns an error if the tensor is missing or a value is not finite.
    pub fn tensor(&self, name: &str) -> Result<Vec<f32>> {
        let weights = if name == TOKEN_TABLE { self.base.as_ref() } else { None };
        let weights = weights.or(self.temporal.as_ref().filter(|_| name.starts_with("temporal_model.")));
        let values = weights.unwrap_or(&self.weights).view(name)?.values();
        if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
            let expected = format!("finite numbers in tensor {name:?}");
            return Err(Error::new(Stage::Import, expected, bad, "use another checkpoint"));
        }
        Ok(values)
    }

    /// Returns the checkpoint's `logit_scale`, the ln of the factor on cosines.
    ///
    /// # Errors
    /// Returns an error if [`Checkpoint::tensor`] does.
    pub fn logit_scale(&self) -> Result<f32> {
        Ok(self.tensor(LOGIT_SCALE)?.first().copied().unwrap_or_default())
    }
}
