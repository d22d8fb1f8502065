//! The 12 classes of the object-biased set: what is done with a thing, whatever the thing is.

use crate::action::Part;
use crate::object::Object;

/// What is done with the object.
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
    /// All, in the order of their indices.
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

    /// Place in [`Handling::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The class at `index`, if it is below 12.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// Such as "lifting \[something\]".
    pub fn template(self) -> &'static str {
        Self::TEMPLATES[self.index()]
    }

    /// The template as text for an encoder, such as "lifting something".
    pub fn name(self) -> String {
        self.template().replace(['[', ']'], "")
    }

    /// Such as "lifting a ball".
    pub fn with(self, object: Object) -> String {
        self.template().replace("[something]", object.name())
    }

    /// Six classes each; the two of a reversible pair are in the same part.
    pub fn part(self) -> Part {
        match self {
            Self::Lifting | Self::Lowering | Self::Throwing | Self::Catching | Self::Shaking | Self::Carrying => {
                Part::Base
            }
            _ => Part::Novel,
        }
    }

    /// The class that shows the same poses in the opposite order, where there is one.
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

    /// The object that goes with this class in context, a different one for each.
    pub fn bound(self) -> Object {
        Object::ALL[(5 * self.index() + 2) % 12]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_equal_and_pairs_stay_together() {
        let base = Handling::ALL.iter().filter(|handling| handling.part() == Part::Base);
        assert_eq!(base.count(), 6);
        let mut pairs = Handling::ALL.iter().filter_map(|handling| Some((handling, handling.reversed()?)));
        assert!(pairs.all(|(handling, twin)| twin.part() == handling.part()));
    }

    #[test]
    fn every_object_is_bound_once() {
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
