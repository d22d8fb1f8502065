//! A checkpoint of CLIP whose tensors are all there in their right shapes, under this crate's names.

use super::architecture::Architecture;
use super::layout::{LOGIT_SCALE, TOKEN_TABLE, Weights};
use super::state_dicts::StateDicts;
use super::temporal::TemporalTower;
use crate::error::{Error, Result, Stage};

/// A checkpoint whose tensors are all there in their right shapes.
#[derive(Debug)]
pub struct Checkpoint<'data> {
    weights: Weights<'data>,
    /// Where the token table lies, when not in `weights`.
    base: Option<Weights<'data>>,
    temporal: Option<Weights<'data>>,
}

impl<'data> Checkpoint<'data> {
    /// The checkpoint in the bytes of one file, checked as [`Checkpoint::new`] does.
    ///
    /// # Errors
    /// As [`StateDicts::parse`] and [`Checkpoint::new`].
    pub fn parse(bytes: &'data [u8], architecture: &Architecture) -> Result<Self> {
        Self::new(Weights::new(StateDicts::parse(bytes)?.weights)?, None, architecture)
    }

    /// Checks that `weights` are exactly the tensors of `architecture`; the token table may lie in `base`.
    ///
    /// # Errors
    /// When a tensor is missing, extra or misshapen: which, expected, found.
    pub fn new(weights: Weights<'data>, base: Option<Weights<'data>>, architecture: &Architecture) -> Result<Self> {
        let mut shapes = architecture.tensors();
        let table = base.as_ref().and_then(|base| Some((base, shapes.remove_entry(TOKEN_TABLE)?)));
        if let Some((base, (name, shape))) = table {
            base.check_one(&name, &shape).map_err(|e| e.at("--base"))?;
        }
        weights.check(&shapes)?;
        Ok(Self { weights, base, temporal: None })
    }

    /// The checkpoint with `weights` of a temporal transformer, which must be exactly the tensors of `tower`.
    ///
    /// # Errors
    /// As [`Checkpoint::new`].
    pub fn with_temporal(mut self, weights: Weights<'data>, tower: &TemporalTower) -> Result<Self> {
        weights.check(&tower.tensors())?;
        self.temporal = Some(weights);
        Ok(self)
    }

    /// The values of the tensor that this crate calls `name` as f32, row-major.
    ///
    /// # Errors
    /// When it is not there or holds a number that is not finite.
    pub fn tensor(&self, name: &str) -> Result<Vec<f32>> {
        let home = if name == TOKEN_TABLE { self.base.as_ref() } else { None };
        let home = home.or(self.temporal.as_ref().filter(|_| name.starts_with("temporal_model.")));
        let values = home.unwrap_or(&self.weights).view(name)?.values();
        if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
            let expected = format!("finite numbers in tensor {name:?}");
            return Err(Error::new(Stage::Import, expected, bad, "use another checkpoint"));
        }
        Ok(values)
    }

    /// The checkpoint's `logit_scale`: the ln of what cosines are multiplied by.
    ///
    /// # Errors
    /// As [`Checkpoint::tensor`].
    pub fn logit_scale(&self) -> Result<f32> {
        Ok(self.tensor(LOGIT_SCALE)?.first().copied().unwrap_or_default())
    }
}
