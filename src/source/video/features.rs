//! What the installed ffmpeg can do.

use super::environment::restrict;
use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The oldest version that plays all kinds of sources.
pub(super) const OLDEST: (u32, u32) = (4, 2);

/// Whether ffmpeg has refused `-fps_mode`, which is there from 5.1 on.
static LACKS_FPS_MODE: AtomicBool = AtomicBool::new(false);

/// Whether ffmpeg has refused `-noautoscale`, which is there from 4.4 on.
static SCALES_TO_FIRST: AtomicBool = AtomicBool::new(false);

/// Returns the option that keeps the frames of a file as they are.
pub(super) fn passthrough_option() -> &'static str {
    if LACKS_FPS_MODE.load(Ordering::Relaxed) { "-vsync" } else { "-fps_mode" }
}

/// Takes note of an error message; returns whether the same command is worth another try because of it.
pub(super) fn learn(message: &str) -> bool {
    let options = [("fps_mode", &LACKS_FPS_MODE), ("noautoscale", &SCALES_TO_FIRST)];
    let is_refused = |option: &str| message.contains(&format!("Unrecognized option '{option}'"));
    let refused = options.iter().find(|(option, _)| is_refused(option));
    refused.inspect(|(_, is_missing)| is_missing.store(true, Ordering::Relaxed)).is_some()
}

/// Returns whether ffmpeg scales all pictures to the size of the first one.
pub(super) fn scales_to_first() -> bool {
    SCALES_TO_FIRST.load(Ordering::Relaxed)
}

/// Returns whether this ffmpeg maps a high dynamic range to the standard one; asks it once.
pub(super) fn has_tone_mapping(program: &OsStr) -> bool {
    static HAS_TONE_MAPPING: OnceLock<bool> = OnceLock::new();
    *HAS_TONE_MAPPING.get_or_init(|| {
        let filters = printed(program, &["-hide_banner", "-filters"]);
        filters.is_some_and(|filters| filters.contains(" zscale ") && filters.contains(" tonemap "))
    })
}

/// Returns the version of the installed ffmpeg; `None` if it is missing or does not say.
pub(in crate::source) fn version() -> Option<String> {
    let text = printed("ffmpeg".as_ref(), &["-version"])?;
    text.strip_prefix("ffmpeg version ")?.split_whitespace().next().map(str::to_owned)
}

/// Returns what `program` prints; `None` if it cannot be started.
fn printed(program: &OsStr, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    restrict(&mut command);
    let output = command.args(arguments).stdin(Stdio::null()).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
