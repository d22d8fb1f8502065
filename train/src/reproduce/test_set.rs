//! Test sets, equal for all rows of an experiment.

use super::rows::Experiment;
use crate::clip::{ClipRenderer, LabelledClips};
use crate::conventions;
use crate::splits::{self, ClipSelection, LabelledSpecs, RHO, Split};
use figureground::Result;
use figureground::bundle::tokenizer::Tokenizer;
use indicatif::ProgressBar;
use pantomime::{ClassGroup, Context};

/// Seed of all test clips.
const TEST_SEED: u64 = 1_000_000;

/// One set of test clips.
#[derive(Debug)]
pub struct TestSet {
    /// Name, for example `base-out`.
    pub name: &'static str,
    /// The clips.
    pub clips: LabelledClips,
    /// Token ids of each class's prompt.
    pub prompts: Vec<Vec<i64>>,
}

/// Renders test sets.
pub struct TestSetRenderer<'a> {
    /// Clips per class of actions; handlings have twice as many.
    pub clips_per_class: usize,
    /// Renderer of the clips.
    pub renderer: &'a ClipRenderer<'a>,
    /// Tokenizer of the prompts.
    pub tokenizer: &'a Tokenizer,
    /// Progress bar.
    pub bar: &'a ProgressBar,
}

impl TestSetRenderer<'_> {
    /// Renders the test sets of `experiment`. The first one is also measured after each epoch.
    ///
    /// # Errors
    /// Returns an error if a clip cannot be rendered.
    pub fn render_all(&self, experiment: Experiment) -> Result<Vec<TestSet>> {
        use ClassGroup::{Base, Novel};
        match experiment {
            Experiment::FewShot => {
                vec![self.actions("base-in", Base, Context::In), self.actions("novel-in", Novel, Context::In)]
            }
            Experiment::Cross => vec![
                self.actions("base-out", Base, Context::Out),
                self.actions("base-in", Base, Context::In),
                self.actions("novel-out", Novel, Context::Out),
                self.actions("novel-in", Novel, Context::In),
            ],
            Experiment::Albar | Experiment::Frames => {
                vec![self.actions("base-in", Base, Context::In), self.actions("base-out", Base, Context::Out)]
            }
            Experiment::Objects => vec![
                self.handlings("base", Base, RHO),
                self.handlings("novel", Novel, RHO),
                self.handlings("base-unbound", Base, 0.0),
            ],
        }
        .into_iter()
        .collect()
    }

    fn actions(&self, name: &'static str, group: ClassGroup, context: Context) -> Result<TestSet> {
        let selection = self.selection(group, self.clips_per_class);
        self.render(name, selection.actions(context), &splits::action_names(Some(group)))
    }

    fn handlings(&self, name: &'static str, group: ClassGroup, rho: f64) -> Result<TestSet> {
        let selection = self.selection(group, 2 * self.clips_per_class);
        self.render(name, selection.handlings(rho), &splits::handling_names(Some(group)))
    }

    fn selection(&self, group: ClassGroup, clips_per_class: usize) -> ClipSelection {
        ClipSelection { group: Some(group), clips_per_class, split: Split::Testing, seed: TEST_SEED }
    }

    fn render(&self, name: &'static str, clips: LabelledSpecs, classes: &[String]) -> Result<TestSet> {
        let prompts = conventions::prompts(self.tokenizer, classes)?;
        self.bar.set_message(name);
        let clips = LabelledClips { clips: self.renderer.render(&clips.specs, self.bar)?, labels: clips.labels };
        Ok(TestSet { name, clips, prompts })
    }
}
