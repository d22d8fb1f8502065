//! Which clips are made, in which order.

use super::{Choice, Setting};
use pantomime::{Action, Clip, Context, Deed, Handling, Part, seed_of};

/// All clips of a run.
#[derive(Debug)]
pub(super) struct Plan {
    deeds: Vec<Deed>,
    setting: Setting,
    rho: f64,
    seed: u64,
    clips: u64,
}

/// One clip with its name in files.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) clip: Clip,
    /// Eleven characters, like a video's id.
    pub(super) id: String,
}

impl Plan {
    pub(super) fn new(setting: Setting, choice: Choice, rho: f64, seed: u64, clips: u64) -> Self {
        let wanted = |part: Part| match choice {
            Choice::Base => part == Part::Base,
            Choice::Novel => part == Part::Novel,
            Choice::All => true,
        };
        let deeds = if setting == Setting::Object {
            Handling::ALL.into_iter().filter(|deed| wanted(deed.part())).map(Deed::Handling).collect()
        } else {
            Action::ALL.into_iter().filter(|deed| wanted(deed.part())).map(Deed::Action).collect()
        };
        Self { deeds, setting, rho, seed, clips }
    }

    /// How many clips there are.
    pub(super) fn len(&self) -> usize {
        self.clips as usize
    }

    /// The clips; classes take turns.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry> {
        (0..self.clips).zip(self.deeds.iter().cycle()).map(|(index, deed)| {
            let seed = seed_of(self.seed, index);
            Entry { clip: self.clip(*deed, seed), id: format!("p{:010x}", seed >> 24) }
        })
    }

    fn clip(&self, deed: Deed, seed: u64) -> Clip {
        let context = match self.setting {
            Setting::In => Context::In,
            Setting::Out => Context::Out,
            Setting::Free | Setting::Object => Context::Free,
        };
        match deed {
            Deed::Action(action) => Clip::action(action, context, self.rho, seed),
            Deed::Handling(handling) => Clip::handling(handling, self.rho, seed),
        }
    }
}

impl Entry {
    /// First and last second, as in file names and tables.
    pub(super) fn seconds(&self) -> (u64, u64) {
        (0, (self.clip.frames() as u64 * pantomime::FRAME_US).div_ceil(1_000_000))
    }

    /// Such as `p0123456789_000000_000003`.
    pub(super) fn stem(&self) -> String {
        let (start, end) = self.seconds();
        format!("{}_{start:06}_{end:06}", self.id)
    }
}
