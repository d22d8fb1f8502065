//! Turns panics on a damaged graph into errors, without printing them.

use crate::error::{Error, Result, Stage};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;
use tract_onnx::prelude::TractResult;

thread_local! {
    /// Whether this thread runs a guarded body.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body` on the graph of the file `path`.
///
/// # Errors
/// Returns an error that names the file if `body` fails or panics.
pub(crate) fn guarded<T>(path: &Path, body: impl FnOnce() -> TractResult<T>) -> Result<T> {
    install_quiet_hook();
    let before = GUARDED.replace(true);
    let result = panic::catch_unwind(AssertUnwindSafe(body));
    GUARDED.set(before);
    let refused = |got: &dyn core::fmt::Display, next: &str| {
        Error::new(Stage::Model, "an ONNX model that tract runs", format_args!("{}: {got}", path.display()), next)
    };
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(refused(&format_args!("{error:#}"), "export the model with opset 17 or lower")),
        Err(_) => Err(refused(&"a graph on which an operator panics", "copy or export the model again")),
    }
}

/// Installs a panic hook, once, that hides the panics of guarded bodies and passes all others on.
fn install_quiet_hook() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !GUARDED.get() {
                before(info);
            }
        }));
    });
}
