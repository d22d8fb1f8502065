//! Which frames of a source are lent.

use crate::error::{Error, Result, Stage};

/// All frames, or those with certain indices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Selection {
    #[default]
    All,
    /// Indices that ascend and are distinct.
    Only(Vec<u64>),
}

impl Selection {
    /// The frames with these `indices`.
    ///
    /// # Errors
    /// When they do not ascend or repeat themselves.
    pub fn only(indices: &[u64]) -> Result<Self> {
        if indices.is_sorted_by(|a, b| a < b) {
            return Ok(Self::Only(indices.to_vec()));
        }
        Err(Error::new(
            Stage::Source,
            "frame indices that ascend and are distinct",
            format_args!("{indices:?}"),
            "sort them and drop repetitions",
        ))
    }

    /// Whether the frame with this index is lent.
    pub fn contains(&self, index: u64) -> bool {
        match self {
            Self::All => true,
            Self::Only(indices) => indices.binary_search(&index).is_ok(),
        }
    }

    /// The index of the `place`-th frame that is lent.
    pub fn nth(&self, place: u64) -> Option<u64> {
        match self {
            Self::All => Some(place),
            Self::Only(indices) => indices.get(usize::try_from(place).ok()?).copied(),
        }
    }

    /// Whether no frame is left after the one with index `last`, or at all where none was read.
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
    fn indices_must_ascend() {
        assert!(Selection::only(&[]).is_ok());
        assert!(Selection::only(&[0, 3, 4]).is_ok());
        assert!(Selection::only(&[0, 3, 3]).is_err());
        assert!(Selection::only(&[4, 3]).is_err());
    }

    #[test]
    fn a_selection_ends_at_its_last_index_and_all_never() {
        let selection = Selection::only(&[2, 5]).unwrap();
        assert!(selection.contains(5) && !selection.contains(3));
        assert_eq!((selection.nth(1), selection.nth(2)), (Some(5), None));
        assert!(!selection.ends_at(None) && !selection.ends_at(Some(4)) && selection.ends_at(Some(5)));
        assert!(Selection::Only(Vec::new()).ends_at(None));
        assert!(!Selection::All.ends_at(Some(u64::MAX)) && Selection::All.contains(7));
    }
}
