//! What `calibrate` chose, and why.

use figureground::evaluate::calibration::{BACKGROUNDS_DOING, FALSE_FLAGS, Fitted, TauRule};
use figureground::gate::{OnBackground, ScoreKind};
use std::fmt::Write;

/// Returns what was chosen and why, and the effect on the clips of the bound.
pub(super) fn text(fitted: &Fitted) -> String {
    let [fit, choose, bound] = fitted.parts;
    let mut text = format!(
        "{fit} clips fitted the temperature and the risk, {choose} chose score and tau, {bound} tested the bound\n"
    );
    let score = fitted.settings.risk.map_or("none", |risk| risk.score.name());
    let why = match fitted.aurc_less_max_softmax {
        Some(difference) => format!(
            "AURC of risk less that of max-softmax {:+.4}, 95 % {:+.4} to {:+.4}",
            difference.value, difference.low, difference.high
        ),
        None => "too few wrong or right labels for the weights of risk".to_owned(),
    };
    // Writing to a string cannot fail.
    let _ = writeln!(text, "score {score}: {why}");
    let tau = fitted.settings.threshold;
    let _ = match fitted.tau {
        TauRule::BackgroundsDoing { flags: 0, .. } => writeln!(
            text,
            "tau {tau:.3}: at no tau are {:.0} % of the flags the background's doing, so it flags none of these clips",
            BACKGROUNDS_DOING * 100.0
        ),
        TauRule::BackgroundsDoing { flags, of_background } => {
            writeln!(text, "tau {tau:.3}: of {flags} flags, {of_background} are the background's doing")
        }
        TauRule::FalseFlags { flags, right } => writeln!(
            text,
            "tau {tau:.3}: it flags {flags} of {right} right labels, at most {:.0} %",
            FALSE_FLAGS * 100.0
        ),
    };
    if fitted.settings.on_background == OnBackground::Note {
        let _ = writeln!(text, "what the background explains is noted, not flagged");
    }
    let _ = writeln!(
        text,
        "{:.1} % of the clips of the bound are accepted, {:.1} % of these wrong",
        fitted.coverage * 100.0,
        fitted.risk * 100.0
    );
    text
}

/// Parses a score that every window has.
pub(super) fn score(text: &str) -> std::result::Result<ScoreKind, String> {
    let known = || ScoreKind::ALL.into_iter().filter(|kind| *kind != ScoreKind::Probe);
    known().find(|kind| kind.name() == text).ok_or_else(|| {
        let names: Vec<&str> = known().map(ScoreKind::name).collect();
        format!("expected one of {}", names.join(", "))
    })
}
