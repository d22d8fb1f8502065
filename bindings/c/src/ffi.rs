//! Pointers and errors between C and Rust.

use crate::Verdict;
use core::ffi::{CStr, c_char};
use figureground::{Error, Result, Stage};
use std::cell::RefCell;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Returns the error of this thread's last failed call: one sentence in UTF-8, valid until the next call fails. It is
/// empty if no call has failed.
#[unsafe(no_mangle)]
pub extern "C" fn fg_error() -> *const c_char {
    LAST.with_borrow(|last| last.as_ptr())
}

/// Runs `body` and returns its value. On an error or a panic, returns `failed` and keeps the message for [`fg_error`].
pub(crate) fn catch<T>(failed: T, body: impl FnOnce() -> Result<T>) -> T {
    let caught = catch_unwind(AssertUnwindSafe(body));
    let error = match caught {
        Ok(Ok(value)) => return value,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "a bug in figureground; please report it".to_owned(),
    };
    let error = CString::new(error.replace('\0', " ")).unwrap_or_default();
    LAST.with_borrow_mut(|last| *last = error);
    failed
}

/// Returns the object at `pointer`.
///
/// # Safety
/// The pointer is null or valid, and the object is not used elsewhere meanwhile.
pub(crate) unsafe fn object<'a, T>(pointer: *mut T) -> Result<&'a mut T> {
    // SAFETY: promised by the caller.
    unsafe { pointer.as_mut() }.ok_or_else(|| null("an open object"))
}

/// Writes `verdict` to `to`, without reading the bytes there.
///
/// # Safety
/// `to` is null or points to memory for a verdict.
pub(crate) unsafe fn write_verdict(to: *mut Verdict, verdict: Verdict) -> Result<()> {
    if to.is_null() {
        return Err(null("a pointer to a verdict"));
    }
    // SAFETY: promised by the caller.
    unsafe { to.write(verdict) };
    Ok(())
}

/// Returns the text at `pointer`.
///
/// # Safety
/// The pointer is null or the text ends with a 0.
pub(crate) unsafe fn text<'a>(pointer: *const c_char, what: &str) -> Result<&'a str> {
    if pointer.is_null() {
        return Err(null(what));
    }
    // SAFETY: promised by the caller.
    let text = unsafe { CStr::from_ptr(pointer) };
    text.to_str().map_err(|e| Error::caused(Stage::Command, format_args!("{what} in UTF-8"), e, "encode it in UTF-8"))
}

/// Returns the `count` elements at `pointer`.
///
/// # Safety
/// The pointer is null or points to that many elements.
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
    // SAFETY: promised by the caller, and no larger than a slice may be.
    Ok(unsafe { core::slice::from_raw_parts(pointer, count) })
}

pub(crate) fn null(what: &str) -> Error {
    Error::new(Stage::Command, what, "null", "pass a valid pointer")
}
