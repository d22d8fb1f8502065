//! Errors on their way over the border.

use crate::Verdict;
use core::ffi::{CStr, c_char};
use figureground::{Error, Result, Stage};
use std::cell::RefCell;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Why the last call of this thread that failed did: one sentence in UTF-8, which is valid until the next call fails. Empty
/// where none has failed.
#[unsafe(no_mangle)]
pub extern "C" fn fg_error() -> *const c_char {
    LAST.with_borrow(|last| last.as_ptr())
}

/// Runs `body`; its error, or the panic it should not have had, is left for [`fg_error`].
pub(crate) fn catch<T>(failed: T, body: impl FnOnce() -> Result<T>) -> T {
    let caught = catch_unwind(AssertUnwindSafe(body));
    let error = match caught {
        Ok(Ok(value)) => return value,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "an error of figureground itself; please report it".to_owned(),
    };
    let error = CString::new(error.replace('\0', " ")).unwrap_or_default();
    LAST.with_borrow_mut(|last| *last = error);
    failed
}

/// What `pointer` points to.
///
/// # Safety
/// It is null or valid, and nobody else uses it meanwhile.
pub(crate) unsafe fn object<'a, T>(pointer: *mut T) -> Result<&'a mut T> {
    // SAFETY: as the caller promises.
    unsafe { pointer.as_mut() }.ok_or_else(|| null("an object that was opened"))
}

/// Writes `verdict` to where the caller wants it, whatever bytes are there.
///
/// # Safety
/// `to` is null or points to room for one.
pub(crate) unsafe fn tell(to: *mut Verdict, verdict: Verdict) -> Result<()> {
    if to.is_null() {
        return Err(null("a place for the verdict"));
    }
    // SAFETY: as the caller promises.
    unsafe { to.write(verdict) };
    Ok(())
}

/// The text at `pointer`.
///
/// # Safety
/// It is null or ends with a 0.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, what: &str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(null(what));
    }
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|e| Error::new(Stage::Command, format_args!("{what} in UTF-8"), e, "encode it so"))
}

/// `count` numbers at `pointer`.
///
/// # Safety
/// It is null or points to that many.
pub(crate) unsafe fn numbers<'a, T>(pointer: *const T, count: usize, what: &str) -> Result<&'a [T]> {
    if pointer.is_null() {
        return Err(null(what));
    }
    if count > isize::MAX as usize / size_of::<T>() {
        return Err(Error::new(
            Stage::Command,
            format_args!("{what} that fit into memory"),
            count,
            "correct the sizes",
        ));
    }
    // SAFETY: as the caller promises, and as slices have to be no larger than that.
    Ok(unsafe { core::slice::from_raw_parts(pointer, count) })
}

pub(crate) fn null(what: &str) -> Error {
    Error::new(Stage::Command, what, "null", "pass a pointer to one")
}
