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
            ClipSpec { activity: activities[*label], context, rho, scene: None, seed }
        };
        LabelledSpecs { specs: labels.iter().enumerate().map(spec).collect(), labels }
    }
}

/// Clips of base classes for pretraining on captions, every fifth of a handling and the others of actions.
#[derive(Clone, Copy, Debug)]
pub struct PretrainingClips {
    /// Number of clips.
    pub count: usize,
    /// Relation of scene and action; handlings are in any scene.
    pub context: Context,
    /// Probability that an action in context is in its home scene.
    pub rho: f64,
    /// Seed within the split.
    pub seed: u64,
}

impl PretrainingClips {
    /// Specifies the clips.
    pub fn specs(&self) -> Vec<ClipSpec> {
        let (actions, handlings) = (actions(Some(ClassGroup::Base)), handlings(Some(ClassGroup::Base)));
        (0..self.count)
            .map(|i| {
                let seed = clip_seed(Split::Pretraining, self.seed, i);
                if i % 5 == 0 {
                    // Objects of handlings are uniform, so that pretraining learns no bias to them.
                    let activity = Activity::Handling(handlings[i / 5 % handlings.len()]);
                    return ClipSpec { activity, context: Context::Free, rho: 1.0 / 12.0, scene: None, seed };
                }
                let activity = Activity::Action(actions[(i - i / 5) % actions.len()]);
                ClipSpec { activity, context: self.context, rho: self.rho, scene: None, seed }
            })
            .collect()
    }
}

/// A crossed grid: every person in the home scene of every base class.
#[derive(Clone, Copy, Debug)]
pub struct CrossedGrid {
    /// Number of people; the classes alternate.
    pub people: usize,
    /// Seed within the split for testing.
    pub seed: u64,
}

impl CrossedGrid {
    /// Specifies the clips, the places of one person after another; the labels are the people's classes.
    pub fn clips(&self) -> LabelledSpecs {
        let actions = actions(Some(ClassGroup::Base));
        let mut grid = LabelledSpecs { specs: Vec::new(), labels: Vec::new() };
        for person in 0..self.people {
            let label = person % actions.len();
            let (activity, seed) = (Activity::Action(actions[label]), clip_seed(Split::Testing, self.seed, person));
            for place in &actions {
                let scene = Some(place.home());
                grid.specs.push(ClipSpec { activity, context: Context::Free, rho: 1.0, scene, seed });
                grid.labels.push(label);
            }
        }
        grid
    }
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
