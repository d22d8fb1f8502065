//! The self-contained page of a comparison.

use super::{ChangedClip, Comparison, Difference, McNemar, RunIdentity, Unit};
use crate::evaluate::markup::escaped;
use core::fmt::Write;

const STYLE: &str = "\
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1b; --soft: #5c5c5c; --faint: #d9d9d9; --mark: #0072b2; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181b; --ink: #e8e6e3; --soft: #a3a09b; --faint: #3a3d42;
--mark: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 62rem; padding: 1.2rem; background: var(--paper); color: var(--ink);
font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
.note { color: var(--soft); font-size: .9rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--faint); text-align: right; vertical-align: top; }
th { vertical-align: bottom; }
th:first-child, td:first-child, .words th, .words td { text-align: left; }
th:first-child, td:first-child { padding-left: 0; }
svg { width: 8rem; height: 1.2rem; vertical-align: middle; }
";

/// Returns the page of `comparison` as HTML.
pub fn page(comparison: &Comparison) -> String {
    let [a, b] = comparison.runs.each_ref().map(run);
    let rows: String = comparison.differences.iter().map(|d| row(d, widest(comparison, d.unit))).collect();
    let Comparison { clips, videos, left_out, changed, version, .. } = comparison;
    let left_out = match left_out {
        0 => String::new(),
        count => format!(" {count} clips that are not in both runs are left out."),
    };
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Comparison of two runs</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <h1>Comparison of two runs</h1>\n<p>A: {a}<br>\nB: {b}</p>\n\
         <p>{clips} clips of {videos} source videos.{left_out}</p>\n\
         <h2>Paired differences</h2>\n<div class=\"wide\" tabindex=\"0\"><table>\n\
         <tr><th scope=\"col\">measure</th><th scope=\"col\">A</th><th scope=\"col\">B</th>\
         <th scope=\"col\">B &minus; A</th><th scope=\"col\">95 % interval</th><th scope=\"col\"></th>\
         <th scope=\"col\">only A : only B, p</th></tr>\n{rows}</table></div>\n\
         <p class=\"note\">Shares are in percent. Areas under the risk-coverage curve (aurc) are smaller for better \
         scores. Intervals are of a paired bootstrap that draws source videos a thousand times. p is that of the exact \
         McNemar test.</p>\n\
         <h2>Clips whose label or verdict changed: {}</h2>\n{}\
         <p class=\"note\">figureground {version}</p>\n</main>\n</body>\n</html>\n",
        changed.len(),
        changes(changed),
    )
}

fn run(RunIdentity { path, bundle, clips }: &RunIdentity) -> String {
    let name = bundle.name.as_deref().map_or_else(|| "unnamed".to_owned(), escaped);
    let checksum = bundle.checksum.get(..12).unwrap_or(&bundle.checksum);
    format!(
        "{}, bundle {name} <span class=\"note\" title=\"{}\">{}</span>, {clips} scored clips",
        escaped(path),
        escaped(&bundle.checksum),
        escaped(checksum)
    )
}

/// Returns the largest end of an interval of this unit, for a common scale.
fn widest(comparison: &Comparison, unit: Unit) -> f64 {
    let of_unit = comparison.differences.iter().filter(|difference| difference.unit == unit);
    of_unit.flat_map(|d| [d.low, d.high, d.difference]).flatten().map(f64::abs).fold(1e-9, f64::max)
}

fn row(difference: &Difference, scale: f64) -> String {
    let Difference { measure, unit, a, b, low, high, mcnemar, .. } = difference;
    let test = mcnemar.map_or_else(String::new, |McNemar { only_a, only_b, p }| format!("{only_a} : {only_b}, {p:.3}"));
    format!(
        "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"note\">{} to {}</td><td>{}</td>\
         <td>{test}</td></tr>\n",
        escaped(measure),
        unit.number(*a),
        unit.number(*b),
        unit.change(difference.difference),
        unit.change(*low),
        unit.change(*high),
        interval(difference, scale),
    )
}

/// Draws the interval on a scale with zero in its middle.
fn interval(difference: &Difference, scale: f64) -> String {
    let (Some(value), Some(low), Some(high)) = (difference.difference, difference.low, difference.high) else {
        return String::new();
    };
    let [value, low, high] = [value, low, high].map(|value| 50.0 + 46.0 * value / scale);
    format!(
        "<svg viewBox=\"0 0 100 12\" role=\"img\" aria-label=\"interval from {} to {}\" preserveAspectRatio=\"none\">\
         <path d=\"M50 0V12\" stroke=\"var(--soft)\"/><path d=\"M{low:.1} 6H{high:.1}\" stroke=\"var(--mark)\" \
         stroke-width=\"2\"/><path d=\"M{value:.1} 2V10\" stroke=\"var(--mark)\" stroke-width=\"2\"/></svg>",
        difference.unit.change(difference.low),
        difference.unit.change(difference.high),
    )
}

fn changes(changed: &[ChangedClip]) -> String {
    if changed.is_empty() {
        return String::new();
    }
    let mut rows = String::new();
    for ChangedClip { clip, truth, labels: [label_a, label_b], verdicts: [verdict_a, verdict_b] } in changed {
        let [clip, truth, label_a, label_b, verdict_a, verdict_b] =
            [clip, truth, label_a, label_b, verdict_a, verdict_b].map(|text| escaped(text));
        // Writing to a string cannot fail.
        let _ = writeln!(
            rows,
            "<tr><td>{clip}</td><td>{truth}</td><td>{label_a}<br><span class=\"note\">{verdict_a}</span></td>\
             <td>{label_b}<br><span class=\"note\">{verdict_b}</span></td></tr>"
        );
    }
    format!(
        "<div class=\"wide\" tabindex=\"0\"><table class=\"words\">\n<tr><th scope=\"col\">clip</th>\
         <th scope=\"col\">true class</th><th scope=\"col\">A</th><th scope=\"col\">B</th></tr>\n{rows}</table></div>\n"
    )
}

impl Unit {
    /// Returns a measure for people; a dash if it is undefined.
    pub fn number(self, value: Option<f64>) -> String {
        match (self, value) {
            (_, None) => "–".to_owned(),
            (Unit::Share, Some(value)) => format!("{:.1}", value * 100.0),
            (Unit::Area, Some(value)) => format!("{value:.3}"),
        }
    }

    /// Returns a difference for people, with its sign; a dash if it is undefined.
    pub fn change(self, value: Option<f64>) -> String {
        // Without negative zero.
        let sign = |text: String| {
            if text.trim_start_matches(['+', '-', '0', '.']).is_empty() { text.replace('-', "+") } else { text }
        };
        match (self, value) {
            (_, None) => "–".to_owned(),
            (Unit::Share, Some(value)) => sign(format!("{:+.1}", value * 100.0)),
            (Unit::Area, Some(value)) => sign(format!("{value:+.3}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_has_a_sign_and_no_negative_zero() {
        assert_eq!(Unit::Share.change(Some(-0.00001)), "+0.0");
        assert_eq!(Unit::Share.change(Some(-0.054)), "-5.4");
        assert_eq!(Unit::Area.change(Some(0.0123)), "+0.012");
        assert_eq!(Unit::Area.number(None), "–");
    }
}
