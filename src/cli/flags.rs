//! The flags of settings that errors are about.

use figureground::{Error, Setting};

/// Returns what stderr shows of `error`: its message, and the flags of the settings that it is about.
pub fn message(error: &Error) -> String {
    let flags: Vec<&str> = error.settings().iter().map(|&setting| flag(setting)).collect();
    if flags.is_empty() { error.to_string() } else { format!("{error} ({})", flags.join(", ")) }
}

fn flag(setting: Setting) -> &'static str {
    match setting {
        Setting::Activation => "--activation",
        Setting::Annotations => "--annotations",
        Setting::Backend => "--backend",
        Setting::Backgrounds => "--backgrounds",
        Setting::Base => "--base",
        Setting::Bundle => "--bundle",
        Setting::CommonClips => "--common",
        Setting::Convention => "--convention",
        Setting::Data => "DATA",
        Setting::Delta => "--delta",
        Setting::Fps => "--fps",
        Setting::Format => "--format",
        Setting::Inpainter => "--inpainter",
        Setting::Labels => "--labels",
        Setting::Lines => "--lines",
        Setting::Masks => "--masks",
        Setting::Origin => "--allow-origin",
        Setting::Out => "--out",
        Setting::Overlay => "--overlay",
        Setting::Pictures => "--no-picture",
        Setting::Pointing => "--pointing",
        Setting::Precision => "--precision",
        Setting::Probe => "--probe",
        Setting::ProbeBank => "--probe-bank",
        Setting::Risk => "--risk",
        Setting::Scenes => "--scenes",
        Setting::Share => "--share",
        Setting::SpoolLimit => "--spool",
        Setting::Stride => "--stride",
        Setting::Swaps => "--swaps",
        Setting::Threshold => "--tau",
        Setting::Threads => "--threads",
        Setting::Token => "--token-file",
        Setting::Window => "--window",
        _ => "--help lists the flags",
    }
}
