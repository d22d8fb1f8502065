//! The class of a clip: an action or a handling.

use crate::action::Action;
use crate::handling::Handling;

/// What the actor does: the class of the clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    /// One of the 36 classes of the scene-biased set.
    Action(Action),
    /// One of the 12 classes of the object-biased set.
    Handling(Handling),
}

impl Activity {
    /// Returns the class name: "waving while walking", or "lifting something".
    pub fn name(self) -> String {
        match self {
            Self::Action(action) => action.name(),
            Self::Handling(handling) => handling.name(),
        }
    }
}
