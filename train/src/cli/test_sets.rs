//! What a pair knows after each epoch, on test clips.

use super::Progress;
use figureground::Result;
use figureground_train::batch_sampler::BatchSampler;
use figureground_train::clip::{Masks, ProcessedClip};
use figureground_train::conventions;
use figureground_train::evaluate::Evaluator;
use figureground_train::pair::{ClipPair, Sizes, weights};
use figureground_train::parallel_encoder::ParallelEncoder;
use figureground_train::splits::{self, Split};
use figureground_train::trainer::Trainer;
use pantomime::{Context, ClassGroup};
use std::path::Path;

/// Test clips in and out of context, with what examines a pair on them.
pub struct TestSets<'a> {
    evaluator: Evaluator<'a>,
    prompts: Vec<Vec<i64>>,
    sets: Vec<(&'static str, Vec<ProcessedClip>, Vec<usize>)>,
    progress: &'a Progress,
}

impl<'a> TestSets<'a> {
    /// Films `each` clips a class of `part`; none examines nothing.
    pub fn film(
        part: Option<ClassGroup>,
        each: usize,
        seed: u64,
        sizes: &Sizes,
        encoder: &'a ParallelEncoder,
        progress: &'a Progress,
    ) -> Result<Self> {
        let preprocess = conventions::preprocess(sizes)?;
        let renderer = conventions::renderer(&preprocess, sizes.frames)?;
        let mut sets = Vec::new();
        for (name, context) in [("in", Context::In), ("out", Context::Out)].into_iter().filter(|_| each > 0) {
            let (specs, labels) = splits::acting(part, context, each, Split::Testing, seed);
            sets.push((name, renderer.film(&specs, &progress.bar("filming"))?, labels));
        }
        let names = splits::actions(part).into_iter().map(|action| action.name());
        Ok(Self {
            evaluator: Evaluator { encoder, sizes: *sizes, fill: conventions::fill(&preprocess), object_fill: None },
            prompts: conventions::prompts(&conventions::tokenizer(sizes)?, names)?,
            sets,
            progress,
        })
    }

    /// Trains on `batch_sampler`, examining the pair after each epoch, and writes it to the folder `out`.
    pub fn train(&self, trainer: Trainer<'_>, batch_sampler: &dyn BatchSampler, out: &Path) -> Result<()> {
        let bar = self.progress.bar("training");
        let pair = trainer.run(batch_sampler, out, &bar, &mut |epoch, pair| self.evaluate_row(epoch, pair))?;
        weights::write(&pair, &self.evaluator.sizes, out)?;
        self.progress.say(&format!("{} holds the pair", out.display()));
        Ok(())
    }

    /// Says what `pair` knows after `epoch`.
    fn evaluate_row(&self, epoch: usize, pair: &ClipPair) -> Result<()> {
        let texts = self.evaluator.texts(pair, &self.prompts);
        for (name, clips, labels) in &self.sets {
            let tops = self.evaluator.tops(pair, clips, labels, &texts, Masks::Exact)?;
            self.progress.say(&format!(
                "epoch {epoch:3} {name:>3}: top1 {:.3} B-top1 {:.3} P-top1 {:.3}",
                tops.top1, tops.b_top1, tops.p_top1
            ));
        }
        Ok(())
    }
}
