//! The 36 actions: an arm movement combined with a leg movement.

use crate::scene::Scene;

/// A repeated arm movement that looks the same forwards and backwards in time.
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
    /// All variants, in the order of their indices.
    pub const ALL: [Self; 6] =
        [Self::Waving, Self::Clapping, Self::Punching, Self::Raising, Self::Drinking, Self::Rowing];

    /// Returns the index in [`Arm::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns the name, for example "waving".
    pub fn name(self) -> &'static str {
        ["waving", "clapping", "punching", "raising both arms", "drinking", "rowing"][self.index()]
    }
}

/// A leg movement.
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
    /// All variants, in the order of their indices.
    pub const ALL: [Self; 6] =
        [Self::Standing, Self::Walking, Self::Jumping, Self::SittingDown, Self::StandingUp, Self::Kicking];

    /// Returns the index in [`Leg::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// Returns the name, for example "sitting down".
    pub fn name(self) -> &'static str {
        ["standing", "walking", "jumping", "sitting down", "standing up", "kicking"][self.index()]
    }

    /// Returns the movement that this one becomes when time runs backwards, if that is another variant.
    pub fn reversed(self) -> Option<Self> {
        match self {
            Self::SittingDown => Some(Self::StandingUp),
            Self::StandingUp => Some(Self::SittingDown),
            _ => None,
        }
    }
}

/// Whether a class is used for training or for testing only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClassGroup {
    /// Used for training and testing.
    Base,
    /// Used for testing only.
    Novel,
}

/// One of the 36 classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// The arm movement.
    pub arm: Arm,
    /// The leg movement.
    pub leg: Leg,
}

impl Action {
    /// All actions, in the order of their indices: the leg movement changes fastest.
    pub const ALL: [Self; 36] = {
        let mut all = [Self { arm: Arm::Waving, leg: Leg::Standing }; 36];
        let mut index = 0;
        while index < 36 {
            all[index] = Self { arm: Arm::ALL[index / 6], leg: Leg::ALL[index % 6] };
            index += 1;
        }
        all
    };

    /// Returns the index in [`Action::ALL`].
    pub fn index(self) -> usize {
        6 * self.arm.index() + self.leg.index()
    }

    /// Returns the action at `index`, or `None` from 36.
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// Returns the class name, for example "waving while sitting down".
    pub fn name(self) -> String {
        format!("{} while {}", self.arm.name(), self.leg.name())
    }

    /// Returns the class group by a Latin square: each arm and each leg movement occurs three times in both groups.
    pub fn class_group(self) -> ClassGroup {
        if (self.arm.index() + self.leg.index()) % 6 < 3 { ClassGroup::Base } else { ClassGroup::Novel }
    }

    /// Returns the class that shows the same poses in reverse order, if there is one: only motion tells the two apart.
    pub fn reversed(self) -> Option<Self> {
        Some(Self { leg: self.leg.reversed()?, ..self })
    }

    /// Returns the home scene: the scene of this action in context, a different one for each action.
    ///
    /// The leg movement decides between two kinds of scene, and the arm movement between these two and their variants.
    /// So a part of the name implies a kind of scene, for classes that training never shows as well. Each kind is home
    /// to actions of both class groups.
    pub fn home(self) -> Scene {
        let (arm, leg) = (self.arm.index(), self.leg.index());
        let kind = 2 * leg + arm % 2;
        Scene::ALL[3 * kind + arm / 2]
    }

    /// Returns the classes used for training, in the order of their indices.
    pub fn trained() -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(|action| action.class_group() == ClassGroup::Base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_and_from_index_agree() {
        assert!(Action::ALL.iter().enumerate().all(|(index, action)| action.index() == index));
        assert_eq!(Action::from_index(36), None);
    }

    #[test]
    fn each_arm_and_each_leg_movement_is_in_both_groups_three_times() {
        for index in 0..6 {
            let arm = Action::ALL
                .iter()
                .filter(|action| action.arm.index() == index && action.class_group() == ClassGroup::Base);
            let leg = Action::ALL
                .iter()
                .filter(|action| action.leg.index() == index && action.class_group() == ClassGroup::Base);
            assert_eq!((arm.count(), leg.count()), (3, 3));
        }
    }

    #[test]
    fn every_scene_is_home_to_one_action_and_every_kind_of_scene_to_both_groups() {
        let mut homes: Vec<_> = Action::ALL.iter().map(|action| action.home().index()).collect();
        homes.sort_unstable();
        assert_eq!(homes, (0..36).collect::<Vec<_>>());
        for kind in Scene::ALL.map(Scene::kind) {
            let actions: Vec<_> = Action::ALL.iter().filter(|action| action.home().kind() == kind).collect();
            assert_eq!(actions.len(), 3);
            assert!(
                [ClassGroup::Base, ClassGroup::Novel]
                    .iter()
                    .all(|group| actions.iter().any(|action| action.class_group() == *group))
            );
            assert!(actions.iter().all(|action| action.leg == actions[0].leg), "a leg movement implies two kinds");
        }
    }

    #[test]
    fn six_pairs_of_actions_are_each_others_reverse() {
        let pairs: Vec<_> = Action::ALL.iter().filter_map(|action| Some((*action, action.reversed()?))).collect();
        assert_eq!(pairs.len(), 12);
        assert!(
            pairs.iter().all(|(action, reversed)| reversed.reversed() == Some(*action) && reversed.arm == action.arm)
        );
    }
}
