//! The id of a run: what one process writes has one id.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// Returns the random id of this process: 8 hexadecimal digits.
pub fn of_process() -> &'static str {
    // The standard library seeds each process at random.
    static ID: LazyLock<String> = LazyLock::new(|| format!("{:08x}", RandomState::new().build_hasher().finish() >> 32));
    &ID
}
