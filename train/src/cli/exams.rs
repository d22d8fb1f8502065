//! What a pair knows after each epoch, on test clips.

use super::Progress;
use figureground::Result;
use figureground_train::casting::{self, Purpose};
use figureground_train::evaluate::Examiner;
use figureground_train::footage::{Footage, Masks};
use figureground_train::lessons::Lessons;
use figureground_train::pair::{ClipPair, Sizes, weights};
use figureground_train::recipe;
use figureground_train::shards::Shards;
use figureground_train::trainer::Trainer;
use pantomime::{Context, Part};
use std::path::Path;

/// Test clips in and out of context, with what examines a pair on them.
pub struct Exams<'a> {
    examiner: Examiner<'a>,
    prompts: Vec<Vec<i64>>,
    sets: Vec<(&'static str, Vec<Footage>, Vec<usize>)>,
    progress: &'a Progress,
}

impl<'a> Exams<'a> {
    /// Films `each` clips a class of `part`; none examines nothing.
    pub fn film(
        part: Option<Part>,
        each: usize,
        seed: u64,
        sizes: &Sizes,
        shards: &'a Shards,
        progress: &'a Progress,
    ) -> Result<Self> {
        let preprocess = recipe::preprocess(sizes)?;
        let studio = recipe::studio(&preprocess, sizes.frames)?;
        let mut sets = Vec::new();
        for (name, context) in [("in", Context::In), ("out", Context::Out)].into_iter().filter(|_| each > 0) {
            let (takes, labels) = casting::acting(part, context, each, Purpose::Testing, seed);
            sets.push((name, studio.film(&takes, &progress.bar("filming"))?, labels));
        }
        let names = casting::actions(part).into_iter().map(|action| action.name());
        Ok(Self {
            examiner: Examiner { shards, sizes: *sizes, fill: recipe::fill(&preprocess), object_fill: None },
            prompts: recipe::prompts(&recipe::tokenizer(sizes)?, names)?,
            sets,
            progress,
        })
    }

    /// Trains on `lessons`, examining the pair after each epoch, and writes it to the folder `out`.
    pub fn train(&self, trainer: Trainer<'_>, lessons: &dyn Lessons, out: &Path) -> Result<()> {
        let bar = self.progress.bar("training");
        let pair = trainer.run(lessons, out, &bar, &mut |epoch, pair| self.examine(epoch, pair))?;
        weights::write(&pair, &self.examiner.sizes, out)?;
        self.progress.say(&format!("{} holds the pair", out.display()));
        Ok(())
    }

    /// Says what `pair` knows after `epoch`.
    fn examine(&self, epoch: usize, pair: &ClipPair) -> Result<()> {
        let texts = self.examiner.texts(pair, &self.prompts);
        for (name, footage, labels) in &self.sets {
            let tops = self.examiner.tops(pair, footage, labels, &texts, Masks::Exact)?;
            self.progress.say(&format!(
                "epoch {epoch:3} {name:>3}: top1 {:.3} B-top1 {:.3} P-top1 {:.3}",
                tops.top1, tops.b_top1, tops.p_top1
            ));
        }
        Ok(())
    }
}
