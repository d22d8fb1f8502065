//! The clips of a run, in order.

use super::people::{PeopleRange, pick};
use clap::ValueEnum;
use pantomime::{Action, Activity, ClassGroup, Clip, Context, Crowd, Grid, GridCell, Handling, seed_of};

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
pub(super) enum ClipList {
    /// Clips of different people.
    Alternating(AlternatingClips),
    /// Every person in every place.
    Grid {
        /// Its people and places.
        grid: Grid,
        /// Four hexadecimal digits, drawn from the seed.
        name: String,
    },
}

/// Clips of different people, whose classes alternate.
#[derive(Debug)]
pub(super) struct AlternatingClips {
    activities: Vec<Activity>,
    context: ContextChoice,
    rho: f64,
    people: PeopleRange,
    seed: u64,
    clips: u64,
}

/// A clip with its id in file names.
#[derive(Debug)]
pub(super) struct NamedClip {
    /// Its people; the first one's class is the clip's.
    pub(super) crowd: Crowd,
    /// Eleven characters, like a YouTube id.
    pub(super) id: String,
    /// Index of the person in a grid.
    pub(super) person: Option<usize>,
    /// Whether the set has clips of several people, so that its files tell them apart.
    pub(super) in_crowds: bool,
}

impl ClipList {
    /// Creates the list of all cells of a grid.
    pub(super) fn grid(people: usize, seed: u64) -> Self {
        Self::Grid { grid: Grid::new(people, seed), name: format!("{:04x}", seed_of(seed, u64::MAX) >> 48) }
    }

    /// Returns the number of clips.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Alternating(list) => list.clips as usize,
            Self::Grid { grid, .. } => grid.people() * grid.places().len(),
        }
    }

    /// Returns the clips in order.
    pub(super) fn clips(&self) -> Box<dyn Iterator<Item = NamedClip> + '_> {
        match self {
            Self::Alternating(list) => Box::new(list.clips()),
            Self::Grid { grid, name } => Box::new(grid.cells().map(move |cell| NamedClip::cell(&cell, name))),
        }
    }
}

impl AlternatingClips {
    /// Creates a list of `clips` clips of `people` people each; `rho` is the probability of home scene or bound object.
    pub(super) fn new(
        (context, classes): (ContextChoice, ClassChoice),
        rho: f64,
        people: PeopleRange,
        seed: u64,
        clips: u64,
    ) -> Self {
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
        Self { activities, context, rho, people, seed, clips }
    }

    fn clips(&self) -> impl Iterator<Item = NamedClip> {
        (0..self.clips).zip(self.activities.iter().cycle()).map(|(index, activity)| {
            let seed = seed_of(self.seed, index);
            let crowd = self.crowd(self.clip(*activity, seed));
            let (id, in_crowds) = (format!("p{:010x}", seed >> 24), self.people.has_crowds());
            NamedClip { crowd, id, person: None, in_crowds }
        })
    }

    /// Joins companions of random classes to `first`; out of context, none of them is at home.
    fn crowd(&self, first: Clip) -> Crowd {
        let out = self.context == ContextChoice::Out;
        let is_home =
            |activity: &Activity| matches!(activity, Activity::Action(action) if action.home() == first.scene);
        let activities: Vec<Activity> =
            self.activities.iter().copied().filter(|activity| !(out && is_home(activity))).collect();
        let companion = |index: u64| {
            let activity = activities[pick(first.seed, index, activities.len() as u64) as usize];
            self.clip(activity, seed_of(first.seed, index))
        };
        Crowd::new(first, &(1..self.people.draw(first.seed)).map(companion).collect::<Vec<_>>())
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

/// Digits of a grid's person in ids, for at most 10,000 people.
pub(super) fn person_digits(person: usize) -> String {
    format!("{person:04}")
}

/// Digits of a clip's scene in ids.
pub(super) fn place_digits(clip: &Clip) -> String {
    format!("{:02}", clip.scene.index())
}

impl NamedClip {
    /// Names a cell of the grid `grid`: `g`, the grid, the person and the place.
    fn cell(cell: &GridCell, grid: &str) -> Self {
        let id = format!("g{grid}{}{}", person_digits(cell.person), place_digits(&cell.clip));
        Self { crowd: Crowd::new(cell.clip, &[]), id, person: Some(cell.person), in_crowds: false }
    }

    /// Returns the first person's clip.
    pub(super) fn clip(&self) -> &Clip {
        &self.crowd.people()[0]
    }

    /// Returns the first and last second, as in file names and tables.
    pub(super) fn seconds(&self) -> (u64, u64) {
        (0, (self.clip().frames() as u64 * pantomime::FRAME_US).div_ceil(1_000_000))
    }

    /// Returns the file name without extension, for example `p0123456789_000000_000003`.
    pub(super) fn stem(&self) -> String {
        let (start, end) = self.seconds();
        format!("{}_{start:06}_{end:06}", self.id)
    }
}
