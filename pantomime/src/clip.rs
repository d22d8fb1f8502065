//! The description of one clip: actor, activity, scene, object and seed. They determine every pixel.

use crate::action::Action;
use crate::activity::Activity;
use crate::actor::Actor;
use crate::handling::Handling;
use crate::object::Object;
use crate::random::{Random, RandomStream, mixed};
use crate::scene::Scene;

/// The relation of scene and action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// The action's home scene with probability rho, otherwise any other scene: for training.
    In,
    /// The home scene of another class used for training, uniform over these: for testing out of context, as in
    /// Mimetics. The scene suggests a class, and a wrong one.
    Out,
    /// Uniform over all scenes: they carry no information about the action.
    Free,
}

/// Position of an object that no handling moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grip {
    /// In a hand.
    Hand,
    /// On the ground beside the actor.
    Floor,
}

/// A clip before it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    /// The class.
    pub activity: Activity,
    /// The scene.
    pub scene: Scene,
    /// The object in the picture; a handling always has one.
    pub object: Option<Object>,
    /// Position of the object of an [`Action`]; ignored for a [`Handling`].
    pub grip: Grip,
    /// The person.
    pub actor: Actor,
    /// Number of frames, 24 to 40, 80 ms each.
    pub frames: usize,
    /// Seed of everything else: movements, camera, layout, noise.
    pub seed: u64,
}

/// Phrases that describe a clip, to build captions from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptionParts {
    /// For example "a woman in a red jacket".
    pub person: String,
    /// For example "waving while walking".
    pub action: String,
    /// For example "holding a ball" or "beside a chair".
    pub object: Option<String>,
    /// For example "on a snowy street at night".
    pub scene: String,
}

/// Returns the seed of clip `index` of a set with the seed `seed`.
pub fn seed_of(seed: u64, index: u64) -> u64 {
    mixed(mixed(seed).wrapping_add(mixed(index ^ 0x70A2_7014_13E0_0001)))
}

/// Duration of a frame in microseconds.
pub const FRAME_US: u64 = 80_000;

impl Clip {
    /// Draws a clip of `action`; `rho` from 0 to 1 is the probability of its home scene and used in context only.
    ///
    /// ```
    /// use pantomime::{Action, Clip, Context};
    /// let clip = Clip::action(Action::ALL[1], Context::Out, 0.9, 7);
    /// assert_eq!(clip.label(), "waving while walking");
    /// assert_ne!(clip.scene, Action::ALL[1].home());
    /// ```
    pub fn action(action: Action, context: Context, rho: f64, seed: u64) -> Self {
        let mut random = Random::new(seed, RandomStream::Context);
        let frames = frame_count(&mut random);
        let home = action.home();
        let scene = match context {
            Context::In if random.chance(rho) => home,
            Context::In => Scene::ALL[other(&mut random, home.index(), Scene::ALL.len())],
            Context::Out => random.pick(&homes_of_others(action)),
            Context::Free => random.pick(&Scene::ALL),
        };
        let mut random = Random::new(seed, RandomStream::Object);
        let object = random.chance(0.5).then(|| random.pick(&Object::ALL));
        let in_hand = random.chance(0.5) && object.is_some_and(Object::fits_one_hand);
        let grip = if in_hand { Grip::Hand } else { Grip::Floor };
        Self { activity: Activity::Action(action), scene, object, grip, actor: Actor::new(seed), frames, seed }
    }

    /// Draws a clip of `handling` in a random scene; `rho` from 0 to 1 is the probability of its bound object.
    pub fn handling(handling: Handling, rho: f64, seed: u64) -> Self {
        let mut random = Random::new(seed, RandomStream::Context);
        let frames = frame_count(&mut random);
        let scene = random.pick(&Scene::ALL);
        let mut random = Random::new(seed, RandomStream::Object);
        let bound = handling.bound();
        let is_bound = random.chance(rho);
        let object = if is_bound { bound } else { Object::ALL[other(&mut random, bound.index(), Object::ALL.len())] };
        let activity = Activity::Handling(handling);
        Self { activity, scene, object: Some(object), grip: Grip::Hand, actor: Actor::new(seed), frames, seed }
    }

    /// Returns the number of frames, 80 ms each.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Returns the class name: "waving while walking", or "lifting something".
    pub fn label(&self) -> String {
        self.activity.name()
    }

    /// Returns phrases to build a caption from.
    pub fn caption_parts(&self) -> CaptionParts {
        let object = self.object.map(|object| match (self.activity, self.grip) {
            (Activity::Handling(_), _) => format!("with {}", object.name()),
            (_, Grip::Hand) => format!("holding {}", object.name()),
            (_, Grip::Floor) => format!("beside {}", object.name()),
        });
        CaptionParts {
            person: self.actor.description(),
            action: self.label(),
            object,
            scene: self.scene.name_with_preposition(),
        }
    }
}

/// Returns the home scenes of the classes used for training, without that of `action`.
fn homes_of_others(action: Action) -> Vec<Scene> {
    Action::trained().filter(|other| *other != action).map(Action::home).collect()
}

fn frame_count(random: &mut Random) -> usize {
    24 + random.below(17)
}

/// Draws uniformly from 0..`count` without `taken`.
fn other(random: &mut Random, taken: usize, count: usize) -> usize {
    let index = random.below(count - 1);
    index + usize::from(index >= taken)
}
