//! The gate alone: log-probabilities of three views to a decision.

use crate::Verdict;
use crate::ffi::{catch, numbers, object, write_verdict};
use core::ffi::c_int;
use figureground::gate::{self, Evidence, GateSettings, Visibility};

/// Judges the windows of one stream in order.
#[derive(Debug)]
pub struct Gate(gate::Gate);

/// Opens a gate that flags a label which the background ranks first when its probability in the background exceeds that
/// in the person by more than `tau`, until it falls to `hysteresis` below. Returns null if a number is not finite.
#[unsafe(no_mangle)]
pub extern "C" fn fg_gate_open(tau: f32, hysteresis: f32) -> *mut Gate {
    catch(core::ptr::null_mut(), || {
        let mut settings = GateSettings { hysteresis, ..GateSettings::default() };
        settings.set_threshold(tau)?;
        Ok(Box::into_raw(Box::new(Gate(gate::Gate::new(settings)?))))
    })
}

/// Judges one window by `classes` log-probabilities or logits of each view, and the fractions of the crop that the
/// person and the visible background cover. Returns 0, or -1 on an error.
///
/// # Safety
/// `gate` comes from `fg_gate_open`; `full`, `person` and `background` point to `classes` numbers each, and `verdict`
/// to a verdict.
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
        // SAFETY: promised by the caller.
        let Gate(gate) = unsafe { object(gate) }?;
        let views = [(full, "the whole picture"), (person, "the person"), (background, "the background")];
        let mut logits = [[].as_slice(); 3];
        for (view, (pointer, what)) in logits.iter_mut().zip(views) {
            // SAFETY: promised by the caller.
            *view = unsafe { numbers(pointer, classes, &format!("log-probabilities of {what}")) }?;
        }
        let visibility = Visibility::of_areas(person_area, background_area, gate.settings());
        let judgement = gate.judge(&Evidence::new(logits, visibility)?);
        // SAFETY: promised by the caller.
        unsafe { write_verdict(verdict, Verdict::new(&judgement, &visibility, [0; 2])) }?;
        Ok(0)
    })
}

/// Closes a gate; null is ignored.
///
/// # Safety
/// `gate` comes from `fg_gate_open` and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_gate_close(gate: *mut Gate) {
    if !gate.is_null() {
        // SAFETY: promised by the caller.
        drop(unsafe { Box::from_raw(gate) });
    }
}
