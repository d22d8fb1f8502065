//! The pointing game: whether the patch that an encoder attends to most lies on the person.
//!
//! Attention is measured by attention rollout (Abnar and Zuidema, "Quantifying Attention Flow in Transformers", 2020).

use crate::bundle::Bundle;
use crate::engine::cpu::Attentions;
use crate::error::{Error, Result, Setting, Stage};
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

/// Grid of an encoder's patches over its picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Grid {
    /// Side of a patch in pixels.
    patch: usize,
    columns: usize,
    /// Tokens before the first patch: the class token, if there is one.
    class_tokens: usize,
}

impl PointingGame {
    /// Loads the image encoder of `bundle`, which has to be a vision transformer.
    ///
    /// # Errors
    /// Returns an error if the encoder cannot be loaded, or if its tokens are not a grid of patches.
    pub fn new(bundle: &Bundle) -> Result<Self> {
        let vision = &bundle.manifest().vision;
        let settings = vision.preprocess.clone();
        let size = settings.target()?;
        let model = Model::read_with_weights(&bundle.path(&vision.file))?;
        let attentions = Attentions::new(&model, &vision.input, &crate::engine::picture(&settings))?;
        let grid = Grid::of(attentions.tokens(), size).ok_or_else(|| {
            let got = format!("{} tokens for {size} in {}", attentions.tokens(), model.path().display());
            let next = "do not play the pointing game: this encoder's tokens are not a grid of patches";
            Error::new(Stage::Engine, "a token per patch and at most one class token", got, next)
                .about(Setting::Pointing)
        })?;
        Ok(Self { attentions, settings, grid, input: vec![0.0; 3 * size.area()] })
    }

    /// Returns the fraction of a window's frames with a person in which the encoder attends most to the person; `None`
    /// without such frames.
    ///
    /// # Errors
    /// Returns an error if the model fails.
    pub fn play(&mut self, frames: &WindowViews<'_>) -> Result<Option<f32>> {
        let (mut count, mut hits) = (0u32, 0u32);
        for frame in frames.iter().filter(|frame| frame.person().area() > 0.0) {
            self.settings.renormalise(frame.view(View::Full), &mut self.input);
            let attention = rollout(&self.attentions.of(&self.input)?, self.grid.class_tokens);
            count += 1;
            hits += u32::from(self.grid.points_at(&attention, frame.person()));
        }
        Ok((count > 0).then(|| hits as f32 / count as f32))
    }
}

impl Grid {
    /// Returns the grid of this number of tokens over a picture of `size`, with a class token if both fit.
    fn of(tokens: usize, size: Size) -> Option<Self> {
        let (width, height) = (size.width() as usize, size.height() as usize);
        let patches = |patch: usize| (width / patch) * (height / patch);
        [1, 0].into_iter().find_map(|class_tokens| {
            let patch = (1..=width.min(height)).find(|&patch| patches(patch) == tokens - class_tokens)?;
            // Several patch sizes may give this number; the largest is the encoder's.
            let patch =
                (patch..=width.min(height)).take_while(|&patch| patches(patch) == tokens - class_tokens).last()?;
            Some(Self { patch, columns: width / patch, class_tokens })
        })
    }

    /// Returns whether the centre of the patch with the most attention lies on the person.
    fn points_at(self, attention: &[f32], person: &Shape) -> bool {
        let larger = |best, patch| if attention[patch] > attention[best] { patch } else { best };
        let best = (0..attention.len()).fold(0, larger);
        let centre = |index: usize| index * self.patch + self.patch / 2;
        let (x, y) = (centre(best % self.columns), centre(best / self.columns));
        person.pixels().get(y * person.size().width() as usize + x).copied().unwrap_or(false)
    }
}

/// Returns the rollout of each patch to the class token, or to the mean of all tokens without one: the product over
/// layers of (A + I) / 2, with A the layer's attention.
fn rollout(layers: &[Vec<f32>], class_tokens: usize) -> Vec<f32> {
    let tokens = layers.first().map_or(0, |layer| (layer.len() as f64).sqrt() as usize);
    // The last layer's row, multiplied by one layer after the other.
    let mut row: Vec<f32> = match class_tokens {
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
    row.split_off(class_tokens.min(row.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_tokens_gives_the_patch_grid() {
        let size = |width, height| Size::new(width, height).unwrap();
        assert_eq!(Grid::of(50, size(224, 224)), Some(Grid { patch: 32, columns: 7, class_tokens: 1 }));
        assert_eq!(Grid::of(197, size(224, 224)), Some(Grid { patch: 16, columns: 14, class_tokens: 1 }));
        assert_eq!(Grid::of(196, size(224, 224)), Some(Grid { patch: 16, columns: 14, class_tokens: 0 }));
        assert_eq!(Grid::of(25, size(96, 64)), Some(Grid { patch: 16, columns: 6, class_tokens: 1 }));
        assert_eq!(Grid::of(23, size(224, 224)), None);
    }

    #[test]
    fn a_rollout_of_two_layers_is_the_product_computed_by_hand() {
        // Token 0 is the class token. Layer 1: 0 attends to 2, 1 and 2 to themselves. Layer 2: 0 to 1, 1 to 2, 2 to 2.
        let first = vec![0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let second = vec![0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0];
        // Layer 2 leaves half on 0 and moves half to 1. Layer 1 moves half of 0 to 2 and leaves 1.
        assert_eq!(rollout(&[first, second], 1), [0.5, 0.25]);
        let even = vec![0.25; 16];
        assert_eq!(rollout(&[even.clone(), even], 0), [0.25; 4]);
    }

    #[test]
    fn attention_rows_of_the_built_in_encoder_sum_to_1() {
        let bundle = Bundle::built_in().unwrap();
        let game = PointingGame::new(&bundle).unwrap();
        let layers = game.attentions.of(&vec![0.1; game.input.len()]).unwrap();
        assert!(layers.len() > 1);
        for row in layers.iter().flat_map(|layer| layer.chunks_exact(game.attentions.tokens())) {
            assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-4);
        }
        let attention = rollout(&layers, game.grid.class_tokens);
        assert_eq!(attention.len(), game.attentions.tokens() - game.grid.class_tokens);
        assert!(attention.iter().all(|share| *share >= 0.0) && attention.iter().sum::<f32>() < 1.0 + 1e-4);
    }
}
