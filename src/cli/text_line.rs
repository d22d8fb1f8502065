//! One line a window for people at a terminal.

use figureground::gate::{AbstainReason, FlagReason, Verdict};
use figureground::pipeline::WindowResult;

/// The line of `outcome`, a window of `source`.
pub fn line(source: &str, outcome: &WindowResult<'_>) -> String {
    let judgement = &outcome.judgement;
    let [full, person, background] = judgement.p;
    let [first, last] = outcome.time_span_us().map(|time| time as f64 / 1e6);
    format!(
        "{source} {first:.2}-{last:.2} s  {}  {}  full {full:.2}  person {person:.2}  background {background:.2}\n",
        outcome.names[judgement.label],
        in_words(judgement.verdict),
    )
}

/// A verdict as people say it.
pub fn in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accepted",
        Verdict::Flag(FlagReason::BackgroundDominates) => "FLAGGED: the background alone says so",
        Verdict::Abstain(AbstainReason::NoPerson) => "no verdict: nobody is seen",
        Verdict::Abstain(AbstainReason::PersonFillsFrame) => "no verdict: no background is left to judge by",
        Verdict::Abstain(AbstainReason::LowConfidence) => "no verdict: nothing fits well",
        Verdict::Flag(_) => "FLAGGED",
        Verdict::Abstain(_) => "no verdict",
    }
}
