//! Which clips are filmed for what. Seeds of different sets never meet.

use crate::clip::ClipSpec;
use pantomime::{Action, Context, Activity, Handling, ClassGroup};

/// How often an action is in its home scene, and an object is a handling's own.
pub const RHO: f64 = 0.9;

/// What a set of clips is for; each has seeds of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Captions.
    Pretraining,
    /// Training on classes.
    Training,
    /// What tables report.
    Testing,
    /// What a gate is calibrated on.
    Calibration,
}

/// `count` clips of base actions, or of base handlings in one of five, in random scenes.
pub fn pretraining(count: usize, seed: u64) -> Vec<ClipSpec> {
    let (actions, handlings) = (actions(Some(ClassGroup::Base)), handlings(Some(ClassGroup::Base)));
    (0..count)
        .map(|i| {
            let activity = match i % 5 {
                0 => Activity::Handling(handlings[i / 5 % handlings.len()]),
                _ => Activity::Action(actions[(i - i / 5) % actions.len()]),
            };
            // Objects of handlings are random too: nothing is to be learned from them yet.
            ClipSpec { activity, context: Context::Free, rho: 1.0 / 12.0, seed: seed_of(Split::Pretraining, seed, i) }
        })
        .collect()
}

/// `each` clips of every action of `part` and, for each clip, the place of its action among them.
pub fn acting(
    part: Option<ClassGroup>,
    context: Context,
    each: usize,
    purpose: Split,
    seed: u64,
) -> (Vec<ClipSpec>, Vec<usize>) {
    let actions = actions(part);
    let activities: Vec<Activity> = actions.into_iter().map(Activity::Action).collect();
    splits(&activities, context, RHO, each, purpose, seed)
}

/// `each` clips of every handling of `part`, whose own objects they show with probability `rho`.
pub fn handling(part: Option<ClassGroup>, rho: f64, each: usize, purpose: Split, seed: u64) -> (Vec<ClipSpec>, Vec<usize>) {
    let activities: Vec<Activity> = handlings(part).into_iter().map(Activity::Handling).collect();
    splits(&activities, Context::Free, rho, each, purpose, seed)
}

/// The handlings of `part`, or all, in their order.
pub fn handlings(part: Option<ClassGroup>) -> Vec<Handling> {
    Handling::ALL.iter().copied().filter(|handling| part.is_none_or(|part| handling.class_group() == part)).collect()
}

/// The actions of `part`, or all, in their order.
pub fn actions(part: Option<ClassGroup>) -> Vec<Action> {
    Action::ALL.iter().copied().filter(|action| part.is_none_or(|part| action.class_group() == part)).collect()
}

fn splits(
    activities: &[Activity],
    context: Context,
    rho: f64,
    each: usize,
    purpose: Split,
    seed: u64,
) -> (Vec<ClipSpec>, Vec<usize>) {
    let labels: Vec<usize> = (0..activities.len() * each).map(|i| i % activities.len()).collect();
    let specs = labels
        .iter()
        .enumerate()
        .map(|(i, label)| ClipSpec { activity: activities[*label], context, rho, seed: seed_of(purpose, seed, i) })
        .collect();
    (specs, labels)
}

/// 4 bits of purpose, 28 of seed, 32 of index.
fn seed_of(purpose: Split, seed: u64, index: usize) -> u64 {
    (purpose as u64) << 60 | (seed & 0xfff_ffff) << 32 | index as u64
}
