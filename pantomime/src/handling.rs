//! The 12 classes of the object-biased set.
//!
//! A handling is something done with an object, whichever object it is, as in Something-Something: lifting it, throwing
//! it.

use crate::action::ClassGroup;
use crate::object::Object;

/// A movement of an object by the hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Handling {
    Lifting,
    Lowering,
    Pushing,
    Pulling,
    Throwing,
    Catching,
    Shaking,
    Turning,
    Swinging,
    Dropping,
    Carrying,
    Tossing,
}

impl Handling {
    /// All variants, in the order of their indices.
    pub const ALL: [Self; 12] = [
        Self::Lifting,
        Self::Lowering,
        Self::Pushing,
        Self::Pulling,
        Self::Throwing,
        Self::Catching,
        Self::Shaking,
        Self::Turning,
        Self::Swinging,
        Self::Dropping,
        Self::Carrying,
        Self::Tossing,
    ];

    const TEMPLATES: [&str; 12] = [
        "lifting [something]",
        "lowering [something]",
        "pushing [something] away",
        "pulling [something] closer",
        "throwing [something]",
        "catching [something]",
        "shaking [something]",
        "turning [something] around",
        "swinging [something]",
        "dropping [something]",
        "carrying [something]",
        "tossing [something] up",
    ];

    /// Returns the index in [`Handling::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns the class at `index`, or `None` from 12.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// Returns the template, for example "lifting \[something\]".
    pub fn template(self) -> &'static str {
        Self::TEMPLATES[self.index()]
    }

    /// Returns the class name, for example "lifting something".
    pub fn name(self) -> String {
        self.template().replace(['[', ']'], "")
    }

    /// Returns the template filled with `object`, for example "lifting a ball".
    pub fn with(self, object: Object) -> String {
        self.template().replace("[something]", object.name())
    }

    /// Returns the class group: six classes each, reversed pairs in the same group.
    pub fn class_group(self) -> ClassGroup {
        match self {
            Self::Lifting | Self::Lowering | Self::Throwing | Self::Catching | Self::Shaking | Self::Carrying => {
                ClassGroup::Base
            }
            _ => ClassGroup::Novel,
        }
    }

    /// Returns the class that shows the same poses in reverse order, if there is one.
    pub fn reversed(self) -> Option<Self> {
        match self {
            Self::Lifting => Some(Self::Lowering),
            Self::Lowering => Some(Self::Lifting),
            Self::Pushing => Some(Self::Pulling),
            Self::Pulling => Some(Self::Pushing),
            Self::Throwing => Some(Self::Catching),
            Self::Catching => Some(Self::Throwing),
            _ => None,
        }
    }

    /// Returns the object bound to this class, a different one for each class.
    pub fn bound(self) -> Object {
        Object::ALL[(5 * self.index() + 2) % 12]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_groups_have_six_classes_and_reversed_pairs_share_a_group() {
        let base = Handling::ALL.iter().filter(|handling| handling.class_group() == ClassGroup::Base);
        assert_eq!(base.count(), 6);
        let mut pairs = Handling::ALL.iter().filter_map(|handling| Some((handling, handling.reversed()?)));
        assert!(pairs.all(|(handling, reversed)| reversed.class_group() == handling.class_group()));
    }

    #[test]
    fn every_object_is_bound_to_one_handling() {
        let mut bound: Vec<_> = Handling::ALL.iter().map(|handling| handling.bound().index()).collect();
        bound.sort_unstable();
        assert_eq!(bound, (0..12).collect::<Vec<_>>());
    }

    #[test]
    fn names_are_templates_without_brackets() {
        assert_eq!(Handling::Lifting.name(), "lifting something");
        assert_eq!(Handling::Lifting.with(Object::Ball), "lifting a ball");
    }
}
