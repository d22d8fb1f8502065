//! The gate on its own: log-probabilities of three views in, a decision out.

use crate::Verdict;
use crate::ffi::{catch, numbers, object, tell};
use core::ffi::c_int;
use figureground::gate::{self, Evidence, GateSettings, Visibility};

/// Judges the windows of one stream, one after another.
#[derive(Debug)]
pub struct Gate(gate::Gate);

/// A gate that flags above `tau`, by the log-ratio of background and person, and takes back a flag `hysteresis` below it. Null
/// when a number is not finite.
#[unsafe(no_mangle)]
pub extern "C" fn fg_gate_open(tau: f32, hysteresis: f32) -> *mut Gate {
    catch(core::ptr::null_mut(), || {
        let mut settings = GateSettings { hysteresis, ..GateSettings::default() };
        settings.set_threshold(tau)?;
        Ok(Box::into_raw(Box::new(Gate(gate::Gate::new(settings)?))))
    })
}

/// Judges one window: `classes` log-probabilities or logits of each view, and the fractions of the crop that person and visible
/// background cover. 0, or -1 on an error.
///
/// # Safety
/// `gate` comes from `fg_gate_open`; `full`, `person` and `background` point to `classes` numbers each; `verdict` to a verdict.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_gate_judge(
    gate: *mut Gate,
    full: *const f32,
    person: *const f32,
    background: *const f32,
    classes: usize,
    person_area: f32,
    background_area: f32,
    verdict: *mut Verdict,
) -> c_int {
    catch(-1, || {
        // SAFETY: as the caller promises.
        let Gate(gate) = unsafe { object(gate) }?;
        let views = [(full, "whole pictures"), (person, "persons"), (background, "backgrounds")];
        let mut log_probs = [[].as_slice(); 3];
        for (view, (pointer, what)) in log_probs.iter_mut().zip(views) {
            // SAFETY: as the caller promises.
            *view = unsafe { numbers(pointer, classes, &format!("log-probabilities of {what}")) }?;
        }
        let seen = u32::from(person_area >= gate.settings().min_person_area);
        let visibility = Visibility { person_area, background_area, frames_with_person: seen, frames: 1 };
        let judgement = gate.judge(&Evidence::new(log_probs, visibility)?);
        // SAFETY: as the caller promises.
        unsafe { tell(verdict, Verdict::new(&judgement, [person_area, background_area], [0; 2])) }?;
        Ok(0)
    })
}

/// Lets a gate go; null is none.
///
/// # Safety
/// `gate` comes from `fg_gate_open` and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_gate_close(gate: *mut Gate) {
    if !gate.is_null() {
        // SAFETY: as the caller promises.
        drop(unsafe { Box::from_raw(gate) });
    }
}
