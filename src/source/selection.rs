//! The selected frames of a source.

use crate::error::{Error, Result, Stage};

/// All frames, or those with given indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Selection {
    #[default]
    All,
    /// Strictly ascending indices.
    Only(Vec<u64>),
}

impl Selection {
    /// Selects the frames with these `indices`.
    ///
    /// # Errors
    /// Returns an error if they are not strictly ascending.
    pub fn only(indices: &[u64]) -> Result<Self> {
        if indices.is_sorted_by(|a, b| a < b) {
            return Ok(Self::Only(indices.to_vec()));
        }
        let next = "sort them and remove duplicates";
        Err(Error::new(Stage::Source, "strictly ascending frame indices", format_args!("{indices:?}"), next))
    }

    /// Returns whether the frame with this index is selected.
    pub fn contains(&self, index: u64) -> bool {
        match self {
            Self::All => true,
            Self::Only(indices) => indices.binary_search(&index).is_ok(),
        }
    }

    /// Returns the index of the `position`-th selected frame.
    pub fn nth(&self, position: u64) -> Option<u64> {
        match self {
            Self::All => Some(position),
            Self::Only(indices) => indices.get(usize::try_from(position).ok()?).copied(),
        }
    }

    /// Returns whether no selected frame remains after index `last`, or at all if no frame was read.
    pub fn ends_at(&self, last: Option<u64>) -> bool {
        match self {
            Self::All => false,
            Self::Only(indices) => indices.last().is_none_or(|end| last.is_some_and(|last| last >= *end)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indices_must_be_strictly_ascending() {
        assert!(Selection::only(&[]).is_ok());
        assert!(Selection::only(&[0, 3, 4]).is_ok());
        assert!(Selection::only(&[0, 3, 3]).is_err());
        assert!(Selection::only(&[4, 3]).is_err());
    }

    #[test]
    fn a_selection_ends_at_its_last_index() {
        let selection = Selection::only(&[2, 5]).unwrap();
        assert!(selection.contains(5) && !selection.contains(3));
        assert_eq!((selection.nth(1), selection.nth(2)), (Some(5), None));
        assert!(!selection.ends_at(None) && !selection.ends_at(Some(4)) && selection.ends_at(Some(5)));
        assert!(Selection::Only(Vec::new()).ends_at(None));
        assert!(!Selection::All.ends_at(Some(u64::MAX)) && Selection::All.contains(7));
    }
}
