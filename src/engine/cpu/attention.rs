//! What a transformer attends to, read off its softmaxes.

use crate::error::{Error, Result, Setting, Stage};
use crate::model::{Model, guarded};
use std::path::PathBuf;
use std::sync::Arc;
use tract_onnx::prelude::*;

/// A vision transformer that runs up to its attentions.
pub struct Attentions {
    plan: Arc<TypedRunnableModel>,
    path: PathBuf,
    shape: Vec<usize>,
    tokens: usize,
}

impl core::fmt::Debug for Attentions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Attentions").field("path", &self.path).field("tokens", &self.tokens).finish_non_exhaustive()
    }
}

impl Attentions {
    /// Prepares the attention maps of `model` for one picture of `item` shape at its `input`.
    ///
    /// # Errors
    /// Returns an error if no softmax is square over tokens, so the model is no vision transformer.
    pub fn new(model: &Model, input: &str, item: &[usize]) -> Result<Self> {
        let shape: Vec<usize> = [1].into_iter().chain(item.iter().copied()).collect();
        let mut graph = model.decluttered(&[(input, &shape)], &[])?;
        let square = |node: &TypedNode| {
            let shape = node.outputs.first()?.fact.shape.as_concrete()?;
            let [.., rows, columns] = shape else { return None };
            (node.op.name() == "Softmax" && rows == columns && *rows > 1).then_some((node.id, *rows))
        };
        let found: Vec<(usize, usize)> = graph.nodes.iter().filter_map(square).collect();
        // A head that pools, or a smaller stage, has rows of its own; the tower is where most are.
        let most = found
            .iter()
            .map(|(_, tokens)| *tokens)
            .max_by_key(|tokens| (found.iter().filter(|(_, other)| other == tokens).count(), *tokens));
        let Some(tokens) = most else {
            let got = format!("{}, which has no softmax over its tokens", model.path().display());
            let next = "leave the pointing game out: only a vision transformer has attention";
            return Err(Error::new(Stage::Engine, "a vision transformer", got, next).about(Setting::Pointing));
        };
        let layers = found.iter().filter(|(_, of)| *of == tokens).map(|(node, _)| OutletId::new(*node, 0));
        let layers: Vec<OutletId> = layers.collect();
        let plan = guarded(model.path(), || {
            graph.select_output_outlets(&layers)?;
            graph.into_optimized()?.into_runnable()
        })?;
        Ok(Self { plan, path: model.path().to_owned(), shape, tokens })
    }

    /// Returns the number of tokens of one picture.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    /// Returns the attention maps of one picture, one a layer, averaged over its heads: `[tokens, tokens]`, rows sum to
    /// 1.
    ///
    /// # Errors
    /// Returns an error if the model fails.
    pub fn of(&self, pixel_values: &[f32]) -> Result<Vec<Vec<f32>>> {
        let area = self.tokens * self.tokens;
        guarded(&self.path, || {
            let layers = self.plan.run(tvec!(Tensor::from_shape(&self.shape, pixel_values)?.into_tvalue()))?;
            let mean = |layer: &TValue| {
                let layer = layer.cast_to::<f32>()?;
                let layer = layer.try_as_plain_ram()?;
                let heads = layer.as_slice::<f32>()?;
                let mut mean = vec![0.0; area];
                for head in heads.chunks_exact(area) {
                    mean.iter_mut().zip(head).for_each(|(sum, a)| *sum += a * area as f32 / heads.len() as f32);
                }
                Ok(mean)
            };
            layers.iter().map(mean).collect()
        })
    }
}
