//! The pointing game: whether the place that an encoder looks at most lies on the person.
//!
//! Where it looks is told by attention rollout (Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020).

use crate::bundle::Bundle;
use crate::engine::cpu::Attentions;
use crate::error::{Error, Result, Stage};
use crate::mask::{Shape, Size};
use crate::model::Model;
use crate::pipeline::WindowViews;
use crate::preprocess::PreprocessSettings;
use crate::view::View;

/// Plays the pointing game with a bundle's image encoder, on the CPU.
#[derive(Debug)]
pub struct PointingGame {
    attentions: Attentions,
    settings: PreprocessSettings,
    grid: Grid,
    input: Vec<f32>,
}

/// How tokens lie on the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grid {
    /// Pixels of a side of a patch.
    patch: usize,
    columns: usize,
    /// Tokens in front of the first patch: the class's.
    ahead: usize,
}

impl PointingGame {
    /// The pointer of `bundle`, whose image encoder has to be a vision transformer.
    ///
    /// # Errors
    /// When it is none, or cannot be loaded.
    pub fn new(bundle: &Bundle) -> Result<Self> {
        let vision = &bundle.manifest().vision;
        let settings = vision.preprocess.clone();
        let size = settings.target()?;
        let model = Model::read(&bundle.path(&vision.file))?;
        let attentions = Attentions::new(&model, &vision.input, &crate::engine::picture(&settings))?;
        let grid = Grid::of(attentions.tokens(), size).ok_or_else(|| {
            let got = format!("{} tokens for {size} in {}", attentions.tokens(), model.path().display());
            let next = "leave --pointing out: this encoder's tokens do not lie on a grid";
            Error::new(Stage::Engine, "a token a patch and at most one for the class", got, next)
        })?;
        Ok(Self { attentions, settings, grid, input: vec![0.0; 3 * size.area()] })
    }

    /// The share of a window's frames that show a person in which the encoder looks at the person most; none where none
    /// shows one.
    ///
    /// # Errors
    /// When the model fails.
    pub fn play(&mut self, pictures: &WindowViews<'_>) -> Result<Option<f32>> {
        let (mut shown, mut hit) = (0u32, 0u32);
        for picture in pictures.iter().filter(|picture| picture.person().area() > 0.0) {
            self.settings.renormalise(picture.view(View::Full), &mut self.input);
            let seen = rollout(&self.attentions.of(&self.input)?, self.grid.ahead);
            shown += 1;
            hit += u32::from(self.grid.is_on(&seen, picture.person()));
        }
        Ok((shown > 0).then(|| hit as f32 / shown as f32))
    }
}

impl Grid {
    /// The grid of so many tokens over a picture of `size`; with a token for the class where both would do.
    fn of(tokens: usize, size: Size) -> Option<Self> {
        let (width, height) = (size.width() as usize, size.height() as usize);
        let patches = |patch: usize| (width / patch) * (height / patch);
        [1, 0].into_iter().find_map(|ahead| {
            let patch = (1..=width.min(height)).find(|&patch| patches(patch) == tokens - ahead)?;
            // The largest patch that gives so many.
            let patch = (patch..=width.min(height)).take_while(|&patch| patches(patch) == tokens - ahead).last()?;
            Some(Self { patch, columns: width / patch, ahead })
        })
    }

    /// Whether the middle of the first patch with the most lies on the person.
    fn is_on(self, seen: &[f32], person: &Shape) -> bool {
        let best = (0..seen.len()).fold(0, |best, patch| if seen[patch] > seen[best] { patch } else { best });
        let (x, y) =
            (best % self.columns * self.patch + self.patch / 2, best / self.columns * self.patch + self.patch / 2);
        person.pixels().get(y * person.size().width() as usize + x).copied().unwrap_or(false)
    }
}

/// How much of each patch reaches the class's token, or where there is none all tokens: the product over layers of half the
/// attention and half of staying in place.
fn rollout(layers: &[Vec<f32>], ahead: usize) -> Vec<f32> {
    let tokens = layers.first().map_or(0, |layer| (layer.len() as f64).sqrt() as usize);
    // One row is enough: from the last layer down.
    let mut row: Vec<f32> = match ahead {
        0 => vec![1.0 / tokens as f32; tokens],
        _ => (0..tokens).map(|token| f32::from(u8::from(token == 0))).collect(),
    };
    for layer in layers.iter().rev() {
        let mut next: Vec<f32> = row.iter().map(|share| share / 2.0).collect();
        for (share, attention) in row.iter().zip(layer.chunks_exact(tokens.max(1))) {
            next.iter_mut().zip(attention).for_each(|(sum, a)| *sum += share * a / 2.0);
        }
        row = next;
    }
    row.split_off(ahead.min(row.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_lie_on_the_grid_that_the_picture_allows() {
        let size = |width, height| Size::new(width, height).unwrap();
        assert_eq!(Grid::of(50, size(224, 224)), Some(Grid { patch: 32, columns: 7, ahead: 1 }));
        assert_eq!(Grid::of(197, size(224, 224)), Some(Grid { patch: 16, columns: 14, ahead: 1 }));
        assert_eq!(Grid::of(196, size(224, 224)), Some(Grid { patch: 16, columns: 14, ahead: 0 }));
        assert_eq!(Grid::of(25, size(96, 64)), Some(Grid { patch: 16, columns: 6, ahead: 1 }));
        assert_eq!(Grid::of(23, size(224, 224)), None);
    }

    #[test]
    fn a_rollout_of_two_layers_is_the_product_that_was_worked_out_by_hand() {
        // Token 0 is the class's. Layer 1: 0 looks at 2, 1 and 2 at themselves. Layer 2: 0 at 1, 1 at 2, 2 at 2.
        let first = vec![0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let second = vec![0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0];
        // Above: half of 0, half of 1. Below: of 0 half stays and half is 2's; 1 is 1's.
        assert_eq!(rollout(&[first, second], 1), [0.5, 0.25]);
        let even = vec![0.25; 16];
        assert_eq!(rollout(&[even.clone(), even], 0), [0.25; 4]);
    }

    #[test]
    fn the_built_in_encoder_points_somewhere_and_rows_are_shares() {
        let bundle = Bundle::built_in().unwrap();
        let pointer = PointingGame::new(&bundle).unwrap();
        let layers = pointer.attentions.of(&vec![0.1; pointer.input.len()]).unwrap();
        assert!(layers.len() > 1);
        for row in layers.iter().flat_map(|layer| layer.chunks_exact(pointer.attentions.tokens())) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
        let seen = rollout(&layers, pointer.grid.ahead);
        assert_eq!(seen.len(), pointer.attentions.tokens() - pointer.grid.ahead);
        assert!(seen.iter().all(|share| *share >= 0.0) && seen.iter().sum::<f32>() < 1.0 + 1e-4);
    }
}
