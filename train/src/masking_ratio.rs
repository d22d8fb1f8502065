//! The ratio of the kinds of masking in training.

use figureground::view::{Fill, Masking};
use figureground::{Error, Result, Stage};
use rand::{Rng, RngExt};
use rand_distr::StandardNormal;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The masking ratio (section 3.3 of the paper): weights of the kinds of masking, one of which is drawn per sample.
///
/// Written `none:background` against background bias, `none:box:shape:background+object` against object bias.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum MaskingRatio {
    /// Weights of no masking, and of hiding all but the person (Eq. 2).
    Background([f32; 2]),
    /// Weights of no masking, object boxes (Eq. 3), object shapes (Eq. 4), and background and objects in two colours
    /// (Eq. 5).
    Objects([f32; 4]),
}

impl MaskingRatio {
    /// No masking.
    pub const NONE: Self = Self::Background([1.0, 0.0]);

    /// Draws the masking of one sample. Its colours are from N(0, I) and equal in all its frames.
    pub fn draw(&self, rng: &mut impl Rng) -> Masking {
        let mut colour = || Fill([0, 1, 2].map(|_| rng.sample(StandardNormal)));
        let (first, second) = (colour(), colour());
        match self {
            Self::Background(weights) => match pick(weights, rng) {
                0 => Masking::None,
                _ => Masking::Background(first),
            },
            Self::Objects(weights) => match pick(weights, rng) {
                0 => Masking::None,
                1 => Masking::ObjectBoxes(first),
                2 => Masking::ObjectShapes(first),
                _ => Masking::BackgroundAndObjects { background: first, objects: second },
            },
        }
    }

    fn weights(&self) -> &[f32] {
        match self {
            Self::Background(weights) => weights,
            Self::Objects(weights) => weights,
        }
    }
}

/// Draws an index in proportion to the weights.
fn pick(weights: &[f32], rng: &mut impl Rng) -> usize {
    let mut remaining = rng.random::<f32>() * weights.iter().sum::<f32>();
    for (index, weight) in weights.iter().enumerate() {
        remaining -= weight;
        if remaining < 0.0 {
            return index;
        }
    }
    weights.iter().rposition(|weight| *weight > 0.0).unwrap_or(0)
}

impl fmt::Display for MaskingRatio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.weights().iter().map(f32::to_string).collect();
        f.write_str(&parts.join(":"))
    }
}

impl FromStr for MaskingRatio {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refused = || {
            let expected = "none:background or none:box:shape:background+object, numbers from 0 that are not all 0";
            Error::new(Stage::Training, expected, format_args!("{text:?}"), "write, for example, .33:.67")
        };
        let weights: std::result::Result<Vec<f32>, _> = text.split(':').map(str::parse).collect();
        let weights = weights.map_err(|_| refused())?;
        if !weights.iter().all(|w| w.is_finite() && *w >= 0.0) || weights.iter().sum::<f32>() <= 0.0 {
            return Err(refused());
        }
        match weights[..] {
            [none, background] => Ok(Self::Background([none, background])),
            [none, boxes, shapes, both] => Ok(Self::Objects([none, boxes, shapes, both])),
            _ => Err(refused()),
        }
    }
}

impl TryFrom<String> for MaskingRatio {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<MaskingRatio> for String {
    fn from(ratio: MaskingRatio) -> Self {
        ratio.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    #[test]
    fn kinds_are_drawn_in_proportion_to_the_ratio() {
        let mut rng = Pcg64::seed_from_u64(3);
        let ratio: MaskingRatio = ".25:.25:0:.5".parse().unwrap();
        let mut counts = [0; 4];
        for _ in 0..4000 {
            counts[match ratio.draw(&mut rng) {
                Masking::None => 0,
                Masking::ObjectBoxes(_) => 1,
                Masking::ObjectShapes(_) => 2,
                _ => 3,
            }] += 1;
        }
        assert_eq!(counts[2], 0);
        assert!((900..1100).contains(&counts[0]) && (900..1100).contains(&counts[1]), "{counts:?}");
    }

    #[test]
    fn colours_are_standard_normal_and_differ_between_videos() {
        let mut rng = Pcg64::seed_from_u64(4);
        let ratio: MaskingRatio = "0:1".parse().unwrap();
        let draws: Vec<f32> = (0..4000)
            .flat_map(|_| match ratio.draw(&mut rng) {
                Masking::Background(Fill(colour)) => colour,
                other => panic!("{other:?}"),
            })
            .collect();
        let mean = draws.iter().sum::<f32>() / draws.len() as f32;
        let variance = draws.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / draws.len() as f32;
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.06, "{mean} {variance}");
    }

    #[test]
    fn a_ratio_is_parsed_as_it_is_printed_and_invalid_text_is_refused() {
        for text in ["1:0", "0.33:0.67", "0.33:0:0.33:0.33"] {
            assert_eq!(text.parse::<MaskingRatio>().unwrap().to_string(), text);
        }
        for text in ["", "1", "0:0", "1:-1", "1:x", "1:2:3", "nan:1"] {
            assert!(text.parse::<MaskingRatio>().is_err(), "{text}");
        }
    }
}
