//! ALBAR: adversarial training against what a still of the clip says about its action.
//!
//! `L = CE(clip) - w_adv CE(still) + w_ent sum p ln p (still) + w_gp ||grad F(still)||_2`, where F is the sum of the
//! logits. The still is the middle frame, repeated T times; its gradient is taken with respect to that frame.

use super::cross_entropy;
use burn::tensor::{Tensor, activation};
use figureground::{Error, Result, Stage};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Weights of ALBAR's terms, written `adversarial:entropy:penalty`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Albar {
    /// Weight of the still's cross-entropy, which is subtracted.
    pub adversarial: f32,
    /// Weight of the still's negative entropy.
    pub entropy: f32,
    /// Weight of the gradient's norm.
    pub penalty: f32,
    /// Half the step, in normalised pixels, of the difference quotient along the gradient.
    pub step: f32,
}

impl Albar {
    /// ALBAR's weights for HMDB51.
    pub const HMDB51: Self = Self { adversarial: 1.0, entropy: 4.25, penalty: 10.0, step: 0.03 };

    /// Computes the loss without its penalty from the logits [n, classes] of clips and stills.
    pub fn loss(&self, clips: Tensor<2>, stills: Tensor<2>, labels: &[usize]) -> Tensor<1> {
        let adversarial = cross_entropy(stills.clone(), labels).mul_scalar(self.adversarial);
        let log_p = activation::log_softmax(stills, 1);
        let entropy = (log_p.clone().exp() * log_p).sum_dim(1).mean().mul_scalar(self.entropy);
        cross_entropy(clips, labels) - adversarial + entropy
    }
}

impl fmt::Display for Albar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.adversarial, self.entropy, self.penalty)
    }
}

impl FromStr for Albar {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let weights: std::result::Result<Vec<f32>, _> = text.split(':').map(str::parse).collect();
        match weights.as_deref() {
            Ok(&[adversarial, entropy, penalty])
                if [adversarial, entropy, penalty].iter().all(|w| w.is_finite() && *w >= 0.0) =>
            {
                Ok(Self { adversarial, entropy, penalty, ..Self::HMDB51 })
            }
            _ => {
                let expected = "adversarial:entropy:penalty, three weights from 0";
                Err(Error::new(Stage::Training, expected, format_args!("{text:?}"), "write, for example, 1:4.25:10"))
            }
        }
    }
}

/// Returns unit vectors along `gradient` [n, ...], per sample.
pub fn directions<const D: usize>(gradient: Tensor<D>) -> Tensor<D> {
    let shape = gradient.dims();
    let flat = gradient.reshape([shape[0] as i32, -1]);
    let norm: Tensor<2> = flat.clone().powi_scalar(2).sum_dim(1).add_scalar(1e-20).sqrt();
    (flat / norm).reshape(shape)
}

/// Computes the norm of the gradient of F, `[n]`, as the central difference `(F(x + e u) - F(x - e u)) / 2e` along its
/// direction u. Its gradient with respect to the parameters is that of the norm, because u changes at right angles to
/// it.
pub fn gradient_norm(forward: Tensor<1>, backward: Tensor<1>, step: f32) -> Tensor<1> {
    (forward - backward).div_scalar(2.0 * step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_parsed_as_they_are_printed() {
        assert_eq!("1:4.25:10".parse::<Albar>().unwrap(), Albar::HMDB51);
        assert_eq!(Albar::HMDB51.to_string(), "1:4.25:10");
        for wrong in ["", "1:2", "1:2:3:4", "1:-2:3", "1:nan:3", "1:inf:3"] {
            assert!(wrong.parse::<Albar>().is_err(), "{wrong}");
        }
    }
}
