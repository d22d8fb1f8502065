//! Crossed grids: every person in several places, every place with several people.
//!
//! In a grid, what explains a label is found by intervention: the person stays and the place changes, or the place
//! stays and the person changes.

use super::{BACKGROUND, ScoredClip};
use std::collections::{BTreeMap, BTreeSet};

/// Stratum that names the person of a clip.
const PERSON: &str = "seed";
/// Share of the clips that must be comparable with others of their person and place; fewer are no grid.
const COMPARABLE: f64 = 0.9;
/// Smallest effect of the place that explains a label.
const EXPLAINS: f64 = 0.25;

/// The clips of a crossed grid.
#[derive(Clone, Debug)]
pub struct CrossedGrid<'a> {
    /// All cells.
    pub cells: Vec<Cell<'a>>,
    /// Number of people.
    pub people: usize,
    /// Number of places.
    pub places: usize,
}

/// A clip of a crossed grid, with its label's fate in other cells.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// The clip.
    pub clip: &'a ScoredClip,
    /// Index of its person.
    pub person: usize,
    /// Index of its place.
    pub place: usize,
    /// R: share of the person's clips in other places that keep the label.
    pub kept: f64,
    /// C: share of the clips of other people in the place, of other true classes, that get the label.
    pub given: f64,
}

impl Cell<'_> {
    /// Returns the effect of the place on the label, T = C - R, from -1 to 1.
    pub fn effect(&self) -> f64 {
        // Rounded, so that effects that are equal as fractions are equal.
        ((self.given - self.kept) * 1e9).round() / 1e9
    }

    /// Returns whether the place explains the label: T is at least .25.
    pub fn is_by_place(&self) -> bool {
        self.effect() >= EXPLAINS
    }

    /// Returns whether the label names the class of the place; `None` at home or if that class is not known.
    pub fn names_place(&self) -> Option<bool> {
        let class = self.clip.background.filter(|&class| class != self.clip.truth)?;
        Some(self.clip.label() == class)
    }
}

/// A clip whose person and place are known.
#[derive(Clone, Copy, Debug)]
struct Located<'a> {
    clip: &'a ScoredClip,
    person: &'a str,
    place: &'a str,
}

impl<'a> CrossedGrid<'a> {
    /// Finds the grid that `clips` are. The stratum `seed` names the person, and `background` the place. `None` if
    /// fewer than nine in ten clips have another place with the same person and other people in the same place.
    pub fn of(clips: &'a [ScoredClip]) -> Option<Self> {
        let located: Vec<Located<'a>> = clips.iter().filter_map(Located::of).collect();
        let (by_person, by_place) = (groups(&located, |at| at.person), groups(&located, |at| at.place));
        let cell = |at: &Located<'a>| {
            let places = by_person[at.person].iter().filter(|other| other.place != at.place);
            let people = by_place[at.place].iter().filter(|other| other.person != at.person);
            let of_other_classes = people.filter(|other| other.clip.truth != at.clip.truth);
            Some((*at, share_with(at.clip.label(), places)?, share_with(at.clip.label(), of_other_classes)?))
        };
        let cells: Vec<(Located<'a>, f64, f64)> = located.iter().filter_map(cell).collect();
        if cells.is_empty() || (cells.len() as f64) < COMPARABLE * clips.len() as f64 {
            return None;
        }
        let people = indices(cells.iter().map(|(at, ..)| at.person));
        let places = indices(cells.iter().map(|(at, ..)| at.place));
        let numbered = |(at, kept, given): (Located<'a>, f64, f64)| Cell {
            clip: at.clip,
            person: people[at.person],
            place: places[at.place],
            kept,
            given,
        };
        Some(Self { cells: cells.into_iter().map(numbered).collect(), people: people.len(), places: places.len() })
    }

    /// Returns the share of labels that would name the class of the place if they were wrong labels and independent of
    /// it: that of one among the classes of the other places. NaN without two of them.
    pub fn chance(&self) -> f64 {
        let classes: BTreeSet<usize> = self.cells.iter().filter_map(|cell| cell.clip.background).collect();
        if classes.len() < 2 { f64::NAN } else { 1.0 / (classes.len() - 1) as f64 }
    }
}

impl<'a> Located<'a> {
    fn of(clip: &'a ScoredClip) -> Option<Self> {
        let named = |stratum: &str| clip.strata.get(stratum).map(String::as_str).filter(|name| !name.is_empty());
        Some(Self { clip, person: named(PERSON)?, place: named(BACKGROUND)? })
    }
}

/// Groups clips by their person or place.
fn groups<'a>(located: &[Located<'a>], name: impl Fn(&Located<'a>) -> &'a str) -> BTreeMap<&'a str, Vec<Located<'a>>> {
    let mut groups: BTreeMap<&str, Vec<Located<'a>>> = BTreeMap::new();
    for at in located {
        groups.entry(name(at)).or_default().push(*at);
    }
    groups
}

/// Numbers names in alphabetical order.
fn indices<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    names.collect::<BTreeSet<&str>>().into_iter().zip(0..).collect()
}

/// Returns the share of `others` with this label; `None` without others.
fn share_with<'a>(label: usize, others: impl Iterator<Item = &'a Located<'a>>) -> Option<f64> {
    let (mut all, mut same) = (0u32, 0u32);
    for other in others {
        all += 1;
        same += u32::from(other.clip.label() == label);
    }
    (all > 0).then(|| f64::from(same) / f64::from(all))
}
