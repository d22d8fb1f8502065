//! The 36 actions: what the arms do while the legs do something else.

use crate::scene::Scene;

/// What the arms do, over and over, alike forwards and backwards in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Arm {
    Waving,
    Clapping,
    Punching,
    Raising,
    Drinking,
    Rowing,
}

impl Arm {
    /// All, in the order of their indices.
    pub const ALL: [Self; 6] =
        [Self::Waving, Self::Clapping, Self::Punching, Self::Raising, Self::Drinking, Self::Rowing];

    /// Place in [`Arm::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Such as "waving".
    pub fn name(self) -> &'static str {
        ["waving", "clapping", "punching", "raising both arms", "drinking", "rowing"][self.index()]
    }
}

/// What the legs do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Leg {
    Standing,
    Walking,
    Jumping,
    SittingDown,
    StandingUp,
    Kicking,
}

impl Leg {
    /// All, in the order of their indices.
    pub const ALL: [Self; 6] =
        [Self::Standing, Self::Walking, Self::Jumping, Self::SittingDown, Self::StandingUp, Self::Kicking];

    /// Place in [`Leg::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Such as "sitting down".
    pub fn name(self) -> &'static str {
        ["standing", "walking", "jumping", "sitting down", "standing up", "kicking"][self.index()]
    }

    /// What it is when time runs backwards, where that is another one of these.
    pub fn reversed(self) -> Option<Self> {
        match self {
            Self::SittingDown => Some(Self::StandingUp),
            Self::StandingUp => Some(Self::SittingDown),
            _ => None,
        }
    }
}

/// Whether a class is there to train on, or only to be tested on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// For training and testing.
    Base,
    /// For testing only.
    Novel,
}

/// One of the 36 classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// What the arms do.
    pub arm: Arm,
    /// What the legs do.
    pub leg: Leg,
}

impl Action {
    /// All, in the order of their indices: the legs change fastest.
    pub const ALL: [Self; 36] = {
        let mut all = [Self { arm: Arm::Waving, leg: Leg::Standing }; 36];
        let mut index = 0;
        while index < 36 {
            all[index] = Self { arm: Arm::ALL[index / 6], leg: Leg::ALL[index % 6] };
            index += 1;
        }
        all
    };

    /// Place in [`Action::ALL`].
    pub fn index(self) -> usize {
        6 * self.arm.index() + self.leg.index()
    }

    /// The action at `index`, if it is below 36.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// Such as "waving while sitting down".
    pub fn name(self) -> String {
        format!("{} while {}", self.arm.name(), self.leg.name())
    }

    /// A Latin square: each arm and each leg action occurs three times in both parts.
    pub fn part(self) -> Part {
        if (self.arm.index() + self.leg.index()) % 6 < 3 { Part::Base } else { Part::Novel }
    }

    /// The class that shows the same poses in the opposite order, where there is one: only motion tells the two apart.
    pub fn reversed(self) -> Option<Self> {
        Some(Self { leg: self.leg.reversed()?, ..self })
    }

    /// The scene that goes with this action in context, a different one for each.
    ///
    /// Each kind of scene is home to three actions with three different arms and three different legs, from both parts.
    pub fn home(self) -> Scene {
        let (arm, leg) = (self.arm.index(), self.leg.index());
        let kind = 2 * ((leg + 6 - arm) % 6) + arm / 3;
        Scene::ALL[3 * kind + arm % 3]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_lead_back() {
        assert!(Action::ALL.iter().enumerate().all(|(index, action)| action.index() == index));
        assert_eq!(Action::from_index(36), None);
    }

    #[test]
    fn each_arm_and_each_leg_is_in_both_parts_three_times() {
        for index in 0..6 {
            let arm = Action::ALL.iter().filter(|action| action.arm.index() == index && action.part() == Part::Base);
            let leg = Action::ALL.iter().filter(|action| action.leg.index() == index && action.part() == Part::Base);
            assert_eq!((arm.count(), leg.count()), (3, 3));
        }
    }

    #[test]
    fn every_scene_is_home_to_one_action_and_every_kind_to_both_parts() {
        let mut homes: Vec<_> = Action::ALL.iter().map(|action| action.home().index()).collect();
        homes.sort_unstable();
        assert_eq!(homes, (0..36).collect::<Vec<_>>());
        for kind in Scene::ALL.map(Scene::kind) {
            let guests: Vec<_> = Action::ALL.iter().filter(|action| action.home().kind() == kind).collect();
            assert_eq!(guests.len(), 3);
            assert!([Part::Base, Part::Novel].iter().all(|part| guests.iter().any(|guest| guest.part() == *part)));
        }
    }

    #[test]
    fn six_pairs_are_each_others_reverse() {
        let twins: Vec<_> = Action::ALL.iter().filter_map(|action| Some((*action, action.reversed()?))).collect();
        assert_eq!(twins.len(), 12);
        assert!(twins.iter().all(|(action, twin)| twin.reversed() == Some(*action) && twin.arm == action.arm));
    }
}
