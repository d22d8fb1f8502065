//! The clips of each split. Different splits never share a seed.

use crate::clip::ClipSpec;
use pantomime::{Action, Activity, ClassGroup, Context, Handling};

/// Probability that an action is in its home scene, or a handling has its bound object.
pub const RHO: f64 = 0.9;

/// The purpose of clips; each has its own seeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Pretraining on captions.
    Pretraining,
    /// Training on classes.
    Training,
    /// Testing.
    Testing,
    /// Calibration of a gate.
    Calibration,
}

/// Clips of one split to render.
#[derive(Clone, Copy, Debug)]
pub struct ClipSelection {
    /// The classes; `None` selects all.
    pub group: Option<ClassGroup>,
    /// Clips per class.
    pub clips_per_class: usize,
    /// The purpose.
    pub split: Split,
    /// Seed within the split.
    pub seed: u64,
}

/// Specifications of clips with the index of each one's class among the selected ones.
#[derive(Clone, Debug)]
pub struct LabelledSpecs {
    /// The clips.
    pub specs: Vec<ClipSpec>,
    /// Index of each clip's class.
    pub labels: Vec<usize>,
}

impl ClipSelection {
    /// Specifies clips of actions in `context`.
    pub fn actions(&self, context: Context) -> LabelledSpecs {
        let activities: Vec<Activity> = actions(self.group).into_iter().map(Activity::Action).collect();
        self.specs(&activities, context, RHO)
    }

    /// Specifies clips of handlings, which have their bound object with probability `rho`.
    pub fn handlings(&self, rho: f64) -> LabelledSpecs {
        let activities: Vec<Activity> = handlings(self.group).into_iter().map(Activity::Handling).collect();
        self.specs(&activities, Context::Free, rho)
    }

    fn specs(&self, activities: &[Activity], context: Context, rho: f64) -> LabelledSpecs {
        let labels: Vec<usize> = (0..activities.len() * self.clips_per_class).map(|i| i % activities.len()).collect();
        let spec = |(i, label): (usize, &usize)| {
            let seed = clip_seed(self.split, self.seed, i);
            ClipSpec { activity: activities[*label], context, rho, seed }
        };
        LabelledSpecs { specs: labels.iter().enumerate().map(spec).collect(), labels }
    }
}

/// Specifies `count` clips of base classes in random scenes, every fifth of a handling and the others of actions.
pub fn pretraining(count: usize, seed: u64) -> Vec<ClipSpec> {
    let (actions, handlings) = (actions(Some(ClassGroup::Base)), handlings(Some(ClassGroup::Base)));
    (0..count)
        .map(|i| {
            let activity = match i % 5 {
                0 => Activity::Handling(handlings[i / 5 % handlings.len()]),
                _ => Activity::Action(actions[(i - i / 5) % actions.len()]),
            };
            // Objects of handlings are uniform too, so that pretraining learns no bias.
            let seed = clip_seed(Split::Pretraining, seed, i);
            ClipSpec { activity, context: Context::Free, rho: 1.0 / 12.0, seed }
        })
        .collect()
}

/// Returns the handlings of `group`, or all, in their order.
pub fn handlings(group: Option<ClassGroup>) -> Vec<Handling> {
    Handling::ALL.iter().copied().filter(|class| group.is_none_or(|group| class.class_group() == group)).collect()
}

/// Returns the actions of `group`, or all, in their order.
pub fn actions(group: Option<ClassGroup>) -> Vec<Action> {
    Action::ALL.iter().copied().filter(|class| group.is_none_or(|group| class.class_group() == group)).collect()
}

/// Returns the class names of the handlings of `group`, or of all.
pub fn handling_names(group: Option<ClassGroup>) -> Vec<String> {
    handlings(group).into_iter().map(Handling::name).collect()
}

/// Returns the class names of the actions of `group`, or of all.
pub fn action_names(group: Option<ClassGroup>) -> Vec<String> {
    actions(group).into_iter().map(Action::name).collect()
}

/// Returns the seed of a clip: 4 bits of split, 28 of seed, 32 of index.
fn clip_seed(split: Split, seed: u64, index: usize) -> u64 {
    (split as u64) << 60 | (seed & 0xfff_ffff) << 32 | index as u64
}
