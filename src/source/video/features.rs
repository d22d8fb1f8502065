//! What the installed ffmpeg can do.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The oldest version that plays all kinds of sources.
pub(super) const OLDEST: (u32, u32) = (4, 2);

/// Whether ffmpeg has refused `-fps_mode`, which is there from 5.1 on.
static HAS_OLD_OPTIONS: AtomicBool = AtomicBool::new(false);

/// Whether ffmpeg has refused `-noautoscale`, which is there from 4.4 on.
static SCALES_TO_FIRST: AtomicBool = AtomicBool::new(false);

/// Features that differ between versions and builds of ffmpeg.
pub(super) struct Features;

impl Features {
    /// Returns the option that keeps the frames of a file as they are.
    pub fn passthrough_option() -> &'static str {
        if HAS_OLD_OPTIONS.load(Ordering::Relaxed) { "-vsync" } else { "-fps_mode" }
    }

    /// Takes note of an error message; returns whether the same command is worth another try because of it.
    pub fn learn(message: &str) -> bool {
        let options = [("fps_mode", &HAS_OLD_OPTIONS), ("noautoscale", &SCALES_TO_FIRST)];
        options.iter().any(|(option, is_missing)| {
            let is_refused = message.contains(&format!("Unrecognized option '{option}'"));
            // Another thread may have learned it meanwhile: its first try was the same as this one.
            is_refused && {
                is_missing.store(true, Ordering::Relaxed);
                true
            }
        })
    }

    /// Returns whether ffmpeg scales all pictures to the size of the first one.
    pub fn scales_to_first() -> bool {
        SCALES_TO_FIRST.load(Ordering::Relaxed)
    }

    /// Returns whether this ffmpeg maps a high dynamic range to the standard one; asks it once.
    pub fn has_tone_mapping(program: &OsStr) -> bool {
        static HAS_TONE_MAPPING: OnceLock<bool> = OnceLock::new();
        *HAS_TONE_MAPPING.get_or_init(|| {
            let filters = Command::new(program).args(["-hide_banner", "-filters"]).stdin(Stdio::null()).output();
            let filters = filters.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
            filters.is_ok_and(|filters| filters.contains(" zscale ") && filters.contains(" tonemap "))
        })
    }
}

/// Returns the version of the installed ffmpeg; `None` if it is missing or does not say.
pub(in crate::source) fn version() -> Option<String> {
    let output = Command::new("ffmpeg").arg("-version").stdin(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.strip_prefix("ffmpeg version ")?.split_whitespace().next().map(str::to_owned)
}
