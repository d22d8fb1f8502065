//! A crossed grid: every person in the home of every class used for training.

use crate::action::Action;
use crate::clip::{Clip, Context, seed_of};
use crate::scene::Scene;

/// A crossed grid of clips, to measure by intervention whether person or place explains a prediction.
///
/// A person is the same clip in all places: actor, movement, camera, object, length and noise are equal, and only the
/// scene with its light differs. The places are the homes of the 18 classes used for training.
///
/// ```
/// use pantomime::Grid;
/// let grid = Grid::new(36, 1);
/// let (here, there) = (grid.cell(20, 0), grid.cell(20, 7));
/// assert_eq!((here.seed, here.activity, here.actor), (there.seed, there.activity, there.actor));
/// assert_ne!(here.scene, there.scene);
/// assert_eq!(grid.cells().count(), 36 * 18);
/// ```
#[derive(Clone, Debug)]
pub struct Grid {
    people: usize,
    seed: u64,
    actions: Vec<Action>,
}

/// A clip of a [`Grid`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GridCell {
    /// Index of the person, from 0.
    pub person: usize,
    /// The place; [`Clip::scene`] is the same.
    pub place: Scene,
    /// The person in this place.
    pub clip: Clip,
}

impl Grid {
    /// Creates the grid of `people` people drawn from `seed`; their classes alternate over those used for training.
    ///
    /// Person `k` is the actor of the clip with the seed [`seed_of`]`(seed, k)`, so two grids of different seeds share
    /// no person.
    pub fn new(people: usize, seed: u64) -> Self {
        Self { people, seed, actions: Action::trained().collect() }
    }

    /// Returns the number of people.
    pub fn people(&self) -> usize {
        self.people
    }

    /// Returns the places: the home of each class used for training, in the order of the classes.
    pub fn places(&self) -> Vec<Scene> {
        self.actions.iter().map(|action| action.home()).collect()
    }

    /// Returns the clip of `person` in the place at the index `place` of [`Grid::places`].
    ///
    /// # Panics
    /// Panics if `place` is not below 18.
    pub fn cell(&self, person: usize, place: usize) -> Clip {
        let action = self.actions[person % self.actions.len()];
        let clip = Clip::action(action, Context::In, 1.0, seed_of(self.seed, person as u64));
        Clip { scene: self.actions[place].home(), ..clip }
    }

    /// Returns all cells: the places of the first person, then those of the second, and so on.
    pub fn cells(&self) -> impl Iterator<Item = GridCell> {
        (0..self.people).flat_map(move |person| {
            (0..self.actions.len()).map(move |place| {
                let clip = self.cell(person, place);
                GridCell { person, place: clip.scene, clip }
            })
        })
    }
}
