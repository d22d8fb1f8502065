//! Which clips are filmed for what. Seeds of different sets never meet.

use crate::clip::ClipSpec;
use pantomime::{Action, Context, Deed, Handling, Part};

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
    let (actions, handlings) = (actions(Some(Part::Base)), handlings(Some(Part::Base)));
    (0..count)
        .map(|i| {
            let deed = match i % 5 {
                0 => Deed::Handling(handlings[i / 5 % handlings.len()]),
                _ => Deed::Action(actions[(i - i / 5) % actions.len()]),
            };
            // Objects of handlings are random too: nothing is to be learned from them yet.
            ClipSpec { deed, context: Context::Free, rho: 1.0 / 12.0, seed: seed_of(Split::Pretraining, seed, i) }
        })
        .collect()
}

/// `each` clips of every action of `part` and, for each clip, the place of its action among them.
pub fn acting(
    part: Option<Part>,
    context: Context,
    each: usize,
    purpose: Split,
    seed: u64,
) -> (Vec<ClipSpec>, Vec<usize>) {
    let actions = actions(part);
    let deeds: Vec<Deed> = actions.into_iter().map(Deed::Action).collect();
    splits(&deeds, context, RHO, each, purpose, seed)
}

/// `each` clips of every handling of `part`, whose own objects they show with probability `rho`.
pub fn handling(part: Option<Part>, rho: f64, each: usize, purpose: Split, seed: u64) -> (Vec<ClipSpec>, Vec<usize>) {
    let deeds: Vec<Deed> = handlings(part).into_iter().map(Deed::Handling).collect();
    splits(&deeds, Context::Free, rho, each, purpose, seed)
}

/// The handlings of `part`, or all, in their order.
pub fn handlings(part: Option<Part>) -> Vec<Handling> {
    Handling::ALL.iter().copied().filter(|handling| part.is_none_or(|part| handling.part() == part)).collect()
}

/// The actions of `part`, or all, in their order.
pub fn actions(part: Option<Part>) -> Vec<Action> {
    Action::ALL.iter().copied().filter(|action| part.is_none_or(|part| action.part() == part)).collect()
}

fn splits(
    deeds: &[Deed],
    context: Context,
    rho: f64,
    each: usize,
    purpose: Split,
    seed: u64,
) -> (Vec<ClipSpec>, Vec<usize>) {
    let labels: Vec<usize> = (0..deeds.len() * each).map(|i| i % deeds.len()).collect();
    let specs = labels
        .iter()
        .enumerate()
        .map(|(i, label)| ClipSpec { deed: deeds[*label], context, rho, seed: seed_of(purpose, seed, i) })
        .collect();
    (specs, labels)
}

/// 4 bits of purpose, 28 of seed, 32 of index.
fn seed_of(purpose: Split, seed: u64, index: usize) -> u64 {
    (purpose as u64) << 60 | (seed & 0xfff_ffff) << 32 | index as u64
}
