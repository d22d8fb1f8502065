//! What becomes of a label that the background explains.

use serde::{Deserialize, Serialize};

/// What becomes of a label that the background explains: dominance exceeds tau, and the background view ranks it first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnBackground {
    /// It is flagged.
    #[default]
    Flag,
    /// The verdict is by the risk alone. Attribution and `explained_by` still say what explains the label.
    Note,
}
