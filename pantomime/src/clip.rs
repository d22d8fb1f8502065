//! One clip: who does what, where, with which object. Everything follows from its fields and its seed.

use crate::action::Action;
use crate::actor::Actor;
use crate::handling::Handling;
use crate::object::Object;
use crate::random::{Aspect, Random, mixed};
use crate::scene::Scene;
use crate::stage::Stage;
use figureground::mask::Size;

/// How the scene goes with the action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Context {
    /// The action's home with probability rho, otherwise any other scene: what a recogniser is trained on.
    In,
    /// Never the action's home, uniform over the others: the twin of Mimetics.
    Out,
    /// Uniform over all scenes: nothing is learned from them.
    Free,
}

/// What the actor does: the class of the clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// One of the 36 classes of the scene-biased set.
    Action(Action),
    /// One of the 12 classes of the object-biased set.
    Handling(Handling),
}

/// Where an object is that is not handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grip {
    /// In a hand.
    Hand,
    /// On the ground beside the actor.
    Ground,
}

/// A clip before it is drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Clip {
    /// What is done.
    pub deed: Deed,
    /// Where.
    pub scene: Scene,
    /// The object in the picture, if any; always there when something is handled.
    pub object: Option<Object>,
    /// Where the object of an [`Action`] is; without meaning for a [`Handling`].
    pub grip: Grip,
    /// Who does it.
    pub actor: Actor,
    /// How many frames, 24 to 40, 80 ms each.
    pub frames: usize,
    /// What everything else is drawn from: movements, camera, layout, noise.
    pub seed: u64,
}

/// A clip in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Such as "a woman in a red jacket".
    pub person: String,
    /// Such as "waving while walking".
    pub action: String,
    /// Such as "holding a ball" or "beside a chair".
    pub object: Option<String>,
    /// Such as "on a snowy street at night".
    pub scene: String,
}

/// The seed of the `index`-th clip of a set made from `seed`.
pub fn seed_of(seed: u64, index: u64) -> u64 {
    mixed(mixed(seed).wrapping_add(mixed(index ^ 0x70A2_7014_13E0_0001)))
}

/// Duration of a frame in microseconds.
pub const FRAME_US: u64 = 80_000;

impl Clip {
    /// A clip of `action`; `rho` from 0 to 1 is the probability of its home scene and matters in context only.
    ///
    /// ```
    /// use pantomime::{Action, Clip, Context};
    /// let clip = Clip::action(Action::ALL[1], Context::Out, 0.9, 7);
    /// assert_eq!(clip.label(), "waving while walking");
    /// assert_ne!(clip.scene, Action::ALL[1].home());
    /// ```
    pub fn action(action: Action, context: Context, rho: f64, seed: u64) -> Self {
        let mut random = Random::new(seed, Aspect::Context);
        let frames = frame_count(&mut random);
        let home = action.home();
        let scene = match context {
            Context::In if random.chance(rho) => home,
            Context::In | Context::Out => Scene::ALL[other(&mut random, home.index(), Scene::ALL.len())],
            Context::Free => random.pick(&Scene::ALL),
        };
        let mut random = Random::new(seed, Aspect::Object);
        let object = random.chance(0.5).then(|| random.pick(&Object::ALL));
        let in_hand = random.chance(0.5) && object.is_some_and(Object::fits_one_hand);
        let grip = if in_hand { Grip::Hand } else { Grip::Ground };
        Self { deed: Deed::Action(action), scene, object, grip, actor: Actor::new(seed), frames, seed }
    }

    /// A clip of `handling`; `rho` from 0 to 1 is the probability of the object bound to it. The scene is any.
    pub fn handling(handling: Handling, rho: f64, seed: u64) -> Self {
        let mut random = Random::new(seed, Aspect::Context);
        let frames = frame_count(&mut random);
        let scene = random.pick(&Scene::ALL);
        let mut random = Random::new(seed, Aspect::Object);
        let bound = handling.bound();
        let as_usual = random.chance(rho);
        let object = if as_usual { bound } else { Object::ALL[other(&mut random, bound.index(), Object::ALL.len())] };
        let deed = Deed::Handling(handling);
        Self { deed, scene, object: Some(object), grip: Grip::Hand, actor: Actor::new(seed), frames, seed }
    }

    /// How many frames it has, 80 ms each.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// The class: "waving while walking", or "lifting something".
    pub fn label(&self) -> String {
        match self.deed {
            Deed::Action(action) => action.name(),
            Deed::Handling(handling) => handling.name(),
        }
    }

    /// The parts of a caption.
    pub fn caption_parts(&self) -> Words {
        let object = self.object.map(|object| match (self.deed, self.grip) {
            (Deed::Handling(_), _) => format!("with {}", object.name()),
            (_, Grip::Hand) => format!("holding {}", object.name()),
            (_, Grip::Ground) => format!("beside {}", object.name()),
        });
        Words { person: self.actor.description(), action: self.label(), object, scene: self.scene.place() }
    }

    /// Everything that stays the same from frame to frame, made once, for pictures of `size`.
    pub fn stage(&self, size: Size) -> Stage {
        Stage::new(self, size)
    }
}

fn frame_count(random: &mut Random) -> usize {
    24 + random.below(17)
}

/// Uniform over 0..`count` without `taken`.
fn other(random: &mut Random, taken: usize, count: usize) -> usize {
    let index = random.below(count - 1);
    index + usize::from(index >= taken)
}
