//! One line per window for people at a terminal.

use figureground::gate::{AbstainReason, CalibrationState, FlagReason, Probe, Verdict};
use figureground::pipeline::WindowResult;
use figureground::printable::printable;

/// Returns the line of `result`, a window of `source`.
pub fn line(source: &str, result: &WindowResult<'_>) -> String {
    let (judgement, source) = (&result.judgement, printable(source, &[]));
    let [full, person, background] = judgement.p;
    let [first, last] = result.time_span_us().map(|time| time as f64 / 1e6);
    let calibration = calibration_text(judgement.calibrated);
    if judgement.verdict == Verdict::Abstain(AbstainReason::NoPerson) {
        // The probabilities are those of a label that nobody shows.
        return format!("{source} {first:.2}-{last:.2} s  nobody  {}{calibration}\n", verdict_text(judgement.verdict));
    }
    format!(
        "{source} {first:.2}-{last:.2} s  {}  {}{calibration}  full {full:.2}  person {person:.2}  \
         background {background:.2}{}\n",
        printable(&result.names[judgement.label], &[]),
        verdict_text(judgement.verdict),
        probe_text(judgement.probe),
    )
}

fn probe_text(probe: Option<Probe>) -> String {
    probe.map_or_else(String::new, |probe| format!("  kept in {} of {} other places", probe.kept(), probe.places()))
}

fn calibration_text(calibration: Option<CalibrationState>) -> &'static str {
    match calibration {
        Some(CalibrationState::Labels | CalibrationState::Unlabelled) => "",
        Some(CalibrationState::Overridden) => "  (thresholds changed since calibration)",
        None => "  (not calibrated)",
    }
}

fn verdict_text(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accepted",
        Verdict::Flag(FlagReason::BackgroundDominates) => "FLAGGED: the background dominates",
        Verdict::Flag(FlagReason::PersonDisagrees) => {
            "FLAGGED: likely wrong, the person alone looks like another label"
        }
        Verdict::Flag(FlagReason::LikelyWrong) => "FLAGGED: likely wrong",
        Verdict::Abstain(AbstainReason::NoPerson) => "no verdict: no person in most frames",
        Verdict::Abstain(AbstainReason::TooFewFrames) => "no verdict: too few distinct frames",
        Verdict::Abstain(AbstainReason::PersonFillsFrame) => "no verdict: too little background",
        Verdict::Abstain(AbstainReason::LowConfidence) => "no verdict: no label is probable enough",
        Verdict::Flag(_) => "FLAGGED",
        Verdict::Abstain(_) => "no verdict",
    }
}
