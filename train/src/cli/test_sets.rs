//! Measures a pair on test clips after each epoch.

use super::progress::Progress;
use figureground::Result;
use figureground_train::batch_sampler::BatchSampler;
use figureground_train::clip::{LabelledClips, MaskSource};
use figureground_train::conventions;
use figureground_train::evaluate::Evaluator;
use figureground_train::pair::{ClipPair, PairSizes, weights};
use figureground_train::parallel_encoder::ParallelEncoder;
use figureground_train::splits::{self, ClipSelection};
use figureground_train::trainer::PairTrainer;
use pantomime::Context;
use std::path::Path;

/// Test clips in and out of context.
pub struct TestSets<'a> {
    evaluator: Evaluator<'a>,
    prompts: Vec<Vec<i64>>,
    sets: Vec<(&'static str, LabelledClips)>,
    progress: &'a Progress,
}

impl<'a> TestSets<'a> {
    /// Renders the clips of `selection` in and out of context; there are no sets if it has no clips.
    pub fn render(
        selection: ClipSelection,
        sizes: &PairSizes,
        encoder: &'a ParallelEncoder,
        progress: &'a Progress,
    ) -> Result<Self> {
        let preprocess = conventions::preprocess(sizes)?;
        let renderer = conventions::renderer(&preprocess, sizes.frames)?;
        let contexts = [("in", Context::In), ("out", Context::Out)];
        let mut sets = Vec::new();
        for (name, context) in contexts.into_iter().filter(|_| selection.clips_per_class > 0) {
            let clips = selection.actions(context);
            let rendered = renderer.render(&clips.specs, &progress.bar("rendering"))?;
            sets.push((name, LabelledClips { clips: rendered, labels: clips.labels }));
        }
        let names = splits::action_names(selection.group);
        Ok(Self {
            evaluator: Evaluator { encoder, sizes: *sizes, fill: conventions::fill(&preprocess), object_fill: None },
            prompts: conventions::prompts(&conventions::tokenizer(sizes)?, &names)?,
            sets,
            progress,
        })
    }

    /// Trains on `batch_sampler`, prints accuracies after each epoch, and writes the pair to the folder `out`.
    pub fn train(&self, trainer: PairTrainer<'_>, batch_sampler: &dyn BatchSampler, out: &Path) -> Result<()> {
        let bar = self.progress.bar("training");
        let pair = trainer.run(batch_sampler, out, &bar, &mut |epoch, pair| self.print_accuracies(epoch, pair))?;
        weights::write(&pair, &self.evaluator.sizes, out)?;
        self.progress.print(&format!("wrote the pair to {}", out.display()));
        Ok(())
    }

    fn print_accuracies(&self, epoch: usize, pair: &ClipPair) -> Result<()> {
        let classifier = self.evaluator.classifier(pair, &self.prompts);
        for (name, clips) in &self.sets {
            let accuracies = self.evaluator.view_accuracies(&classifier, clips, MaskSource::Exact)?;
            self.progress.print(&format!(
                "epoch {epoch:3} {name:>3}: top1 {:.3} B-top1 {:.3} P-top1 {:.3}",
                accuracies.top1, accuracies.b_top1, accuracies.p_top1
            ));
        }
        Ok(())
    }
}
