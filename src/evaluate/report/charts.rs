//! SVG charts in the page's colours, for dark and light. Each scales with the page and has a name for screen readers.

use crate::evaluate::markup::escaped;
use crate::evaluate::metrics::{Class, Measures};
use core::fmt::Write;

/// Colours of curves, distinguishable for colour-blind people on dark and light (Okabe and Ito).
const COLOURS: [&str; 6] = ["#808080", "#e66100", "#0072b2", "#009e73", "#cc79a7", "#56b4e9"];
/// Dashes of curves; further curves with the same colour have the next ones.
const DASHES: [&str; 3] = ["none", "7 4", "2 3"];
/// Largest number of classes in a chart.
const MAX_CLASSES: usize = 60;
/// Width of all charts but the confusion, in the units of their fonts.
const WIDTH: f64 = 520.0;
/// Height of text.
const FONT: f64 = 14.0;
/// Largest width of a character, as a fraction of the height of text.
const CHARACTER: f64 = 0.62;

/// A part of a chart: values from 0 to `most` on `length` units from `start` on.
#[derive(Clone, Copy, Debug)]
struct Axis {
    start: f64,
    length: f64,
    most: f64,
}

impl Axis {
    fn position(self, value: f64) -> f64 {
        self.start + self.length * value / self.most
    }

    /// Returns round values whose texts are at least `distance` units apart.
    fn ticks(self, distance: f64) -> Vec<f64> {
        let least = self.most.max(f64::MIN_POSITIVE) * distance / self.length.abs();
        let power = 10f64.powf(least.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|step| *step >= least * 0.999);
        let step = step.unwrap_or(10.0 * power);
        let count = (self.most / step * 1.000_001).floor() as usize;
        (0..=count).map(|index| index as f64 * step).collect()
    }
}

/// Returns `value` with the decimals that multiples of `step` need.
fn decimal(value: f64, step: f64) -> String {
    let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{value:.decimals$}")
}

/// Draws selective risk over coverage, one curve per score.
pub(super) fn curves(measures: &Measures) -> String {
    let highest = measures.gates.values().flat_map(|gate| &gate.curve).copied().fold(0.05, f64::max);
    let (left, top, height) = (56.0, 10.0, 260.0);
    let across = Axis { start: left, length: WIDTH - left - 22.0, most: 100.0 };
    let up = Axis { start: top + height, length: -height, most: (highest * 105.0).min(100.0) };
    let mut drawing = String::new();
    axes(&mut drawing, across, up);
    let (middle, bottom) = (across.position(50.0), top + height);
    text(&mut drawing, [middle, bottom + 40.0], "middle", "coverage: accepted labels, %");
    let turned = format!("transform=\"rotate(-90 14 {0})\"", top + height / 2.0);
    text_with(&mut drawing, [14.0, top + height / 2.0], "middle", "risk: wrong labels among them, %", &turned);
    let legend = bottom + 66.0;
    for (index, (name, gate)) in measures.gates.iter().enumerate() {
        let count = gate.curve.len().max(1) as f64;
        let point = |(k, risk): (usize, &f64)| {
            let (x, y) = (across.position((k + 1) as f64 * 100.0 / count), up.position(risk * 100.0));
            format!("{x:.1},{y:.1}")
        };
        let points: Vec<String> = gate.curve.iter().enumerate().map(point).collect();
        let stroke = stroke(index);
        let _ = write!(drawing, "<polyline points=\"{}\" fill=\"none\" {stroke}/>", points.join(" "));
        let (x, y) = (left + (index % 3) as f64 * 155.0, legend + (index / 3) as f64 * 20.0);
        let _ = write!(drawing, "<path d=\"M{x} {:.1}h22\" {stroke}/>", y - 5.0);
        text(&mut drawing, [x + 28.0, y], "start", name);
    }
    let rows = measures.gates.len().div_ceil(3) as f64;
    svg([WIDTH, legend + rows * 20.0], "Selective risk over coverage, one curve for each score", &drawing)
}

fn stroke(index: usize) -> String {
    let (colour, dash) = (COLOURS[index % COLOURS.len()], DASHES[index / COLOURS.len() % DASHES.len()]);
    format!("stroke=\"{colour}\" stroke-width=\"2\" stroke-dasharray=\"{dash}\"")
}

/// Draws two axes with their ticks and grid lines.
fn axes(drawing: &mut String, across: Axis, up: Axis) {
    let (bottom, top) = (up.start, up.start + up.length);
    let ticks = across.ticks(FONT * CHARACTER * 5.0);
    let step = ticks.get(1).copied().unwrap_or(across.most);
    for tick in ticks {
        let x = across.position(tick);
        let _ = write!(drawing, "<path d=\"M{x:.1} {top:.1}V{bottom:.1}\" stroke=\"var(--faint)\"/>");
        text_with(drawing, [x, bottom + 18.0], "middle", &decimal(tick, step), "class=\"x-tick\"");
    }
    let ticks = up.ticks(FONT * 1.6);
    let step = ticks.get(1).copied().unwrap_or(up.most);
    let (left, right) = (across.start, across.start + across.length);
    for tick in ticks {
        let y = up.position(tick);
        let _ = write!(drawing, "<path d=\"M{left:.1} {y:.1}H{right:.1}\" stroke=\"var(--faint)\"/>");
        text_with(drawing, [left - 8.0, y + 5.0], "end", &decimal(tick, step), "class=\"y-tick\"");
    }
    let line = format!("M{left:.1} {top:.1}V{bottom:.1}H{right:.1}");
    let _ = write!(drawing, "<path d=\"{line}\" fill=\"none\" stroke=\"currentColor\"/>");
}

/// Draws two bars per class, the mean probability of the true class in the person and in the background view, for the
/// classes with the largest background probability over the person's.
pub(super) fn bars(measures: &Measures) -> String {
    let mut classes: Vec<&Class> = measures.classes.iter().collect();
    classes.sort_by(|a, b| (b.p_background - b.p_person).total_cmp(&(a.p_background - a.p_person)));
    classes.truncate(MAX_CLASSES);
    let across = Axis { start: 4.0, length: WIDTH - 24.0, most: 1.0 };
    let row = 46.0;
    let bottom = 4.0 + row * classes.len().max(1) as f64;
    let mut drawing = String::new();
    let ticks = across.ticks(FONT * CHARACTER * 6.0);
    let step = ticks.get(1).copied().unwrap_or(1.0);
    for tick in ticks {
        let x = across.position(tick);
        let _ = write!(drawing, "<path d=\"M{x:.1} 4V{bottom:.1}\" stroke=\"var(--faint)\"/>");
        let anchor = if tick == 0.0 { "start" } else { "middle" };
        text_with(&mut drawing, [x, bottom + 18.0], anchor, &decimal(tick, step), "class=\"x-tick\"");
    }
    for (index, class) in classes.iter().enumerate() {
        let y = 4.0 + row * index as f64;
        text(&mut drawing, [across.start, y + 15.0], "start", &class.label);
        for (p, offset, colour) in [(class.p_person, 20.0, "person"), (class.p_background, 30.0, "background")] {
            let (x, width) = (across.start, across.length * p.clamp(0.0, 1.0));
            let (y, name) = (y + offset, escaped(&class.label));
            let _ = write!(
                drawing,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"9\" fill=\"var(--{colour})\"><title>\
                 {name}, {colour} view: {p:.3}</title></rect>"
            );
        }
    }
    text(&mut drawing, [WIDTH / 2.0, bottom + 40.0], "middle", "mean probability of the true class");
    svg([WIDTH, bottom + 48.0], "Mean probability of the true class in the person and in the background view", &drawing)
}

/// Draws the counts of labels of the full view against labels of the background view; darker is more.
pub(super) fn confusion(measures: &Measures) -> String {
    let counts = &measures.confusion.counts;
    let mut names: Vec<&String> = counts.keys().chain(counts.values().flat_map(|row| row.keys())).collect();
    names.sort();
    names.dedup();
    let weight = |name: &&String| core::cmp::Reverse(counts.get(*name).map_or(0, |row| row.values().sum::<usize>()));
    names.sort_by_key(weight);
    names.truncate(MAX_CLASSES);
    names.sort();
    let most = counts.values().flat_map(|row| row.values()).copied().max().unwrap_or(1) as f64;
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    // A row is as high as its text, so that rows never overlap.
    let (top, cell) = (6.0, FONT + 2.0);
    let left = (longest as f64 * FONT * CHARACTER).ceil() + 12.0;
    let side = cell * names.len().max(1) as f64;
    let mut drawing = String::new();
    for (row, name) in names.iter().enumerate() {
        let y = top + cell * row as f64;
        text(&mut drawing, [left - 8.0, y + cell - 4.0], "end", name);
        for (column, other) in names.iter().enumerate() {
            let Some(found) = counts.get(*name).and_then(|row| row.get(*other)) else { continue };
            let (x, colour) = (left + cell * column as f64, if row == column { "background" } else { "person" });
            let opacity = (*found as f64 / most).sqrt();
            let (full, background, width) = (escaped(name), escaped(other), cell - 1.0);
            let _ = write!(
                drawing,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width}\" height=\"{width}\" fill=\"var(--{colour})\" \
                 fill-opacity=\"{opacity:.2}\"><title>{found}: {full} in the full view, {background} in the background \
                 view</title></rect>"
            );
        }
    }
    let _ = write!(
        drawing,
        "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{side:.1}\" height=\"{side:.1}\" fill=\"none\" \
         stroke=\"var(--faint)\"/>"
    );
    let size = [left + side + 10.0, top + side + 10.0];
    svg(size, "Labels of the full view against labels of the background view", &drawing)
}

fn text(drawing: &mut String, at: [f64; 2], anchor: &str, words: &str) {
    text_with(drawing, at, anchor, words, "");
}

fn text_with(drawing: &mut String, [x, y]: [f64; 2], anchor: &str, words: &str, attributes: &str) {
    let words = escaped(words);
    let _ = write!(drawing, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" {attributes}>{words}</text>");
}

/// Returns a picture of this width and height. The page sets its size; it is not narrower than its width in pixels
/// times 0.68, at which its text is still 9.5 pixels high.
fn svg([width, height]: [f64; 2], name: &str, drawing: &str) -> String {
    let least = width * 0.68;
    format!(
        "<svg role=\"img\" aria-label=\"{name}\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         style=\"min-width:{least:.0}px;max-width:{most:.0}px\" font-size=\"{FONT}\" fill=\"currentColor\" \
         xmlns=\"http://www.w3.org/2000/svg\"><title>{name}</title>{drawing}</svg>",
        most = width * 1.4
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_keep_their_distance() {
        for most in [0.3, 1.0, 4.2, 5.25, 23.0, 73.5, 99.0, 100.0] {
            for (length, distance) in [(442.0, 44.0), (-260.0, 23.0), (60.0, 44.0)] {
                let axis = Axis { start: 300.0, length, most };
                let ticks = axis.ticks(distance);
                for pair in ticks.windows(2) {
                    let apart = (axis.position(pair[1]) - axis.position(pair[0])).abs();
                    assert!(apart >= distance * 0.99, "{apart} between ticks of 0..{most} on {length}");
                }
                let step = ticks.get(1).copied().unwrap_or(most);
                let mut texts: Vec<String> = ticks.iter().map(|tick| decimal(*tick, step)).collect();
                let count = texts.len();
                texts.dedup();
                assert!(texts.len() == count && ticks.iter().all(|tick| *tick <= most * 1.001), "{texts:?}");
            }
        }
    }

    #[test]
    fn names_are_escaped() {
        let mut drawing = String::new();
        text(&mut drawing, [0.0, 0.0], "start", "<b> & \"c\"");
        assert!(drawing.contains("&lt;b&gt; &amp; &quot;c&quot;"), "{drawing}");
    }
}
