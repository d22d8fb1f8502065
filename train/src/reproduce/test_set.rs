//! The clips a row is examined on, the same for all rows of an experiment.

use super::preset::Preset;
use super::rows::Experiment;
use crate::clip::{ClipRenderer, ClipSpec, ProcessedClip};
use crate::conventions;
use crate::splits::{self, RHO, Split};
use figureground::Result;
use figureground::bundle::tokenizer::Tokenizer;
use indicatif::ProgressBar;
use pantomime::{Context, ClassGroup};

/// The seed of all test clips: every row sees the same.
const TEST_SEED: u64 = 1_000_000;

/// One set of test clips.
#[derive(Debug)]
pub struct TestSet {
    /// Such as `base-out`.
    pub name: &'static str,
    /// The clips.
    pub clips: Vec<ProcessedClip>,
    /// Each clip's class.
    pub labels: Vec<usize>,
    /// Token ids of each class's prompt.
    pub prompts: Vec<Vec<i64>>,
}

/// The test_sets of `experiment`; the first is the one whose top1 is looked at after each epoch.
///
/// # Errors
/// When a clip cannot be filmed.
pub fn test_sets(
    experiment: Experiment,
    preset: Preset,
    renderer: &ClipRenderer<'_>,
    tokenizer: &Tokenizer,
    bar: &ProgressBar,
) -> Result<Vec<TestSet>> {
    let each = preset.tested();
    let acting = |name, part, context| {
        let names = splits::actions(Some(part)).into_iter().map(|action| action.name());
        let (specs, labels) = splits::acting(Some(part), context, each, Split::Testing, TEST_SEED);
        film(name, specs, labels, conventions::prompts(tokenizer, names)?, renderer, bar)
    };
    let handling = |name, part, rho| {
        let names = splits::handlings(Some(part)).into_iter().map(|handling| handling.name());
        let (specs, labels) = splits::handling(Some(part), rho, 2 * each, Split::Testing, TEST_SEED);
        film(name, specs, labels, conventions::prompts(tokenizer, names)?, renderer, bar)
    };
    match experiment {
        Experiment::FewShot => {
            vec![acting("base-in", ClassGroup::Base, Context::In), acting("novel-in", ClassGroup::Novel, Context::In)]
        }
        Experiment::Cross => vec![
            acting("base-out", ClassGroup::Base, Context::Out),
            acting("base-in", ClassGroup::Base, Context::In),
            acting("novel-out", ClassGroup::Novel, Context::Out),
            acting("novel-in", ClassGroup::Novel, Context::In),
        ],
        Experiment::Albar | Experiment::Frames => {
            vec![acting("base-in", ClassGroup::Base, Context::In), acting("base-out", ClassGroup::Base, Context::Out)]
        }
        Experiment::Objects => vec![
            handling("base", ClassGroup::Base, RHO),
            handling("novel", ClassGroup::Novel, RHO),
            handling("base-unbound", ClassGroup::Base, 0.0),
        ],
    }
    .into_iter()
    .collect()
}

fn film(
    name: &'static str,
    specs: Vec<ClipSpec>,
    labels: Vec<usize>,
    prompts: Vec<Vec<i64>>,
    renderer: &ClipRenderer<'_>,
    bar: &ProgressBar,
) -> Result<TestSet> {
    bar.set_message(name);
    Ok(TestSet { name, clips: renderer.film(&specs, bar)?, labels, prompts })
}
