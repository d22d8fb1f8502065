//! The number of people per clip.

use pantomime::seed_of;
use std::str::FromStr;

/// Most people in a clip.
const MOST: u64 = 5;

/// A range for the number of people in a clip, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PeopleRange {
    least: u64,
    most: u64,
}

impl PeopleRange {
    /// Returns whether any clip may have several people.
    pub(super) fn has_crowds(self) -> bool {
        self.most > 1
    }

    /// Returns the number of people in the clip with `seed`, uniform over the range.
    pub(super) fn draw(self, seed: u64) -> u64 {
        self.least + pick(seed, 0, self.most - self.least + 1)
    }
}

impl FromStr for PeopleRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (least, most) = text.split_once(':').unwrap_or((text, text));
        let range = least.parse().ok().zip(most.parse().ok());
        let (least, most) = range.ok_or("expected a number such as 3, or a range such as 2:5")?;
        if least < 1 || most > MOST || least > most {
            return Err(format!("expected numbers from 1 to {MOST}, the smaller one first"));
        }
        Ok(Self { least, most })
    }
}

/// Returns a number below `count` for the aspect `index` of the crowd in the clip with `seed`.
pub(super) fn pick(seed: u64, index: u64, count: u64) -> u64 {
    // The bits of a seed are uniform, and `count` is far below 2^64.
    seed_of(!seed, index) % count
}
