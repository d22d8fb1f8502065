//! The clips of a run, in order.

use clap::ValueEnum;
use pantomime::{Action, Activity, ClassGroup, Clip, Context, Handling, seed_of};

/// The relation of scene or object to the class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ContextChoice {
    /// Mostly the home scene of the action
    In,
    /// The home scene of another class used for training
    Out,
    /// Any scene
    Free,
    /// The object-biased set: any scene, mostly the bound object of the class
    Object,
}

/// The classes to draw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum ClassChoice {
    /// Classes for training and testing
    Base,
    /// Classes for testing only
    Novel,
    /// Both groups
    All,
}

/// All clips of a run.
#[derive(Debug)]
pub(super) struct ClipList {
    activities: Vec<Activity>,
    context: ContextChoice,
    rho: f64,
    seed: u64,
    clips: u64,
}

/// A clip with its id in file names.
#[derive(Debug)]
pub(super) struct NamedClip {
    pub(super) clip: Clip,
    /// Eleven characters, like a YouTube id.
    pub(super) id: String,
}

impl ClipList {
    pub(super) fn new(context: ContextChoice, classes: ClassChoice, rho: f64, seed: u64, clips: u64) -> Self {
        let chosen = |group: ClassGroup| match classes {
            ClassChoice::Base => group == ClassGroup::Base,
            ClassChoice::Novel => group == ClassGroup::Novel,
            ClassChoice::All => true,
        };
        let activities = if context == ContextChoice::Object {
            Handling::ALL
                .into_iter()
                .filter(|activity| chosen(activity.class_group()))
                .map(Activity::Handling)
                .collect()
        } else {
            Action::ALL.into_iter().filter(|activity| chosen(activity.class_group())).map(Activity::Action).collect()
        };
        Self { activities, context, rho, seed, clips }
    }

    /// Returns the number of clips.
    pub(super) fn len(&self) -> usize {
        self.clips as usize
    }

    /// Returns the clips; the classes alternate.
    pub(super) fn clips(&self) -> impl Iterator<Item = NamedClip> {
        (0..self.clips).zip(self.activities.iter().cycle()).map(|(index, activity)| {
            let seed = seed_of(self.seed, index);
            NamedClip { clip: self.clip(*activity, seed), id: format!("p{:010x}", seed >> 24) }
        })
    }

    fn clip(&self, activity: Activity, seed: u64) -> Clip {
        let context = match self.context {
            ContextChoice::In => Context::In,
            ContextChoice::Out => Context::Out,
            ContextChoice::Free | ContextChoice::Object => Context::Free,
        };
        match activity {
            Activity::Action(action) => Clip::action(action, context, self.rho, seed),
            Activity::Handling(handling) => Clip::handling(handling, self.rho, seed),
        }
    }
}

impl NamedClip {
    /// Returns the first and last second, as in file names and tables.
    pub(super) fn seconds(&self) -> (u64, u64) {
        (0, (self.clip.frames() as u64 * pantomime::FRAME_US).div_ceil(1_000_000))
    }

    /// Returns the file name without extension, for example `p0123456789_000000_000003`.
    pub(super) fn stem(&self) -> String {
        let (start, end) = self.seconds();
        format!("{}_{start:06}_{end:06}", self.id)
    }
}
