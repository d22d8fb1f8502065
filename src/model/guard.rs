//! A wall around what may panic on a damaged graph: a panic becomes an error, and nothing is printed.

use crate::error::{Error, Result, Stage};
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::Once;
use tract_onnx::prelude::TractResult;

thread_local! {
    /// Whether this thread is behind the wall.
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `body` on the graph of the file `path`, and turns an error or a panic into an error that names the file.
///
/// # Errors
/// When `body` fails or panics.
pub(crate) fn guarded<T>(path: &Path, body: impl FnOnce() -> TractResult<T>) -> Result<T> {
    quiet_behind_the_wall();
    let outside = GUARDED.replace(true);
    let ended = panic::catch_unwind(AssertUnwindSafe(body));
    GUARDED.set(outside);
    let refused = |got: &dyn core::fmt::Display, next: &str| {
        Error::new(Stage::Model, "an ONNX model that tract runs", format_args!("{}: {got}", path.display()), next)
    };
    match ended {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(refused(&format_args!("{error:#}"), "export the model with opset 17 or lower")),
        Err(_) => Err(refused(&"a graph that an operator breaks on", "copy or export the model again")),
    }
}

/// Puts a hook in front of the one that prints panics, once: it lets those pass that are not behind the wall.
fn quiet_behind_the_wall() {
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
