//! The clips a row is examined on, the same for all rows of an experiment.

use super::preset::Preset;
use super::rows::Experiment;
use crate::casting::{self, Purpose, RHO};
use crate::footage::{Footage, Studio, Take};
use crate::recipe;
use figureground::Result;
use figureground::bundle::tokenizer::Tokenizer;
use indicatif::ProgressBar;
use pantomime::{Context, Part};

/// The seed of all test clips: every row sees the same.
const TEST_SEED: u64 = 1_000_000;

/// One set of test clips.
#[derive(Debug)]
pub struct Exam {
    /// Such as `base-out`.
    pub name: &'static str,
    /// The clips.
    pub footage: Vec<Footage>,
    /// Each clip's class.
    pub labels: Vec<usize>,
    /// Token ids of each class's prompt.
    pub prompts: Vec<Vec<i64>>,
}

/// The exams of `experiment`; the first is the one whose top1 is looked at after each epoch.
///
/// # Errors
/// When a clip cannot be filmed.
pub fn exams(
    experiment: Experiment,
    preset: Preset,
    studio: &Studio<'_>,
    tokenizer: &Tokenizer,
    bar: &ProgressBar,
) -> Result<Vec<Exam>> {
    let each = preset.tested();
    let acting = |name, part, context| {
        let names = casting::actions(Some(part)).into_iter().map(|action| action.name());
        let (takes, labels) = casting::acting(Some(part), context, each, Purpose::Testing, TEST_SEED);
        film(name, takes, labels, recipe::prompts(tokenizer, names)?, studio, bar)
    };
    let handling = |name, part, rho| {
        let names = casting::handlings(Some(part)).into_iter().map(|handling| handling.name());
        let (takes, labels) = casting::handling(Some(part), rho, 2 * each, Purpose::Testing, TEST_SEED);
        film(name, takes, labels, recipe::prompts(tokenizer, names)?, studio, bar)
    };
    match experiment {
        Experiment::FewShot => {
            vec![acting("base-in", Part::Base, Context::In), acting("novel-in", Part::Novel, Context::In)]
        }
        Experiment::Cross => vec![
            acting("base-out", Part::Base, Context::Out),
            acting("base-in", Part::Base, Context::In),
            acting("novel-out", Part::Novel, Context::Out),
            acting("novel-in", Part::Novel, Context::In),
        ],
        Experiment::Albar | Experiment::Frames => {
            vec![acting("base-in", Part::Base, Context::In), acting("base-out", Part::Base, Context::Out)]
        }
        Experiment::Objects => vec![
            handling("base", Part::Base, RHO),
            handling("novel", Part::Novel, RHO),
            handling("base-unbound", Part::Base, 0.0),
        ],
    }
    .into_iter()
    .collect()
}

fn film(
    name: &'static str,
    takes: Vec<Take>,
    labels: Vec<usize>,
    prompts: Vec<Vec<i64>>,
    studio: &Studio<'_>,
    bar: &ProgressBar,
) -> Result<Exam> {
    bar.set_message(name);
    Ok(Exam { name, footage: studio.film(&takes, bar)?, labels, prompts })
}
