//! SVG charts in the page's colours, for dark and light.

use super::failed;
use crate::error::{Error, Result, Stage};
use crate::evaluate::metrics::{Class, Measures};
use plotters::prelude::*;

/// Placeholder for the text colour.
const INK: RGBColor = RGBColor(1, 2, 3);
/// Placeholder for the colour of grid lines.
const FAINT: RGBColor = RGBColor(1, 2, 4);
/// One colour per curve, distinguishable for colour-blind people (Okabe and Ito).
const COLOURS: [RGBColor; 5] = [
    RGBColor(120, 120, 120),
    RGBColor(230, 97, 0),
    RGBColor(0, 114, 178),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
];
/// Largest number of classes in a chart.
const MAX_CLASSES: usize = 60;

/// Draws selective risk over coverage, one curve per score.
pub(super) fn curves(measures: &Measures) -> Result<String> {
    let highest = measures.gates.values().flat_map(|gate| &gate.curve).copied().fold(0.05, f64::max);
    draw([760, 380], |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .margin_right(28)
            .x_label_area_size(44)
            .y_label_area_size(56)
            .build_cartesian_2d(0.0..100.0, 0.0..(highest * 105.0).min(100.0))?;
        chart
            .configure_mesh()
            .axis_style(INK)
            .bold_line_style(FAINT)
            .light_line_style(TRANSPARENT)
            .label_style(("sans-serif", 15, &INK))
            .x_label_formatter(&|coverage| format!("{coverage:.0}"))
            .y_label_formatter(&|risk| format!("{risk:.0}"))
            .x_desc("coverage: accepted labels, %")
            .y_desc("risk: wrong labels among them, %")
            .draw()?;
        for ((name, gate), colour) in measures.gates.iter().zip(COLOURS) {
            let count = gate.curve.len().max(1) as f64;
            let points = gate.curve.iter().enumerate().map(|(k, risk)| ((k + 1) as f64 * 100.0 / count, risk * 100.0));
            chart
                .draw_series(LineSeries::new(points, colour.stroke_width(2)))?
                .label(*name)
                .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(3)));
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::LowerRight)
            .label_font(("sans-serif", 15, &INK))
            .border_style(TRANSPARENT)
            .draw()?;
        Ok(())
    })
}

/// Draws two bars per class, the mean probability of the true class in the person and in the background view, for the
/// classes with the largest background probability over the person's.
pub(super) fn bars(measures: &Measures) -> Result<String> {
    let mut classes: Vec<&Class> = measures.classes.iter().collect();
    classes.sort_by(|a, b| (a.p_background - a.p_person).total_cmp(&(b.p_background - b.p_person)));
    let skipped = classes.len().saturating_sub(MAX_CLASSES);
    let classes = &classes[skipped..];
    let count = classes.len().max(1);
    draw([760, 60 + 24 * count as u32], |area| {
        let mut chart = ChartBuilder::on(area)
            .margin(12)
            .x_label_area_size(40)
            .y_label_area_size(250)
            .build_cartesian_2d(0.0..1.0, 0.0..count as f64)?;
        chart
            .configure_mesh()
            .axis_style(INK)
            .bold_line_style(FAINT)
            .light_line_style(TRANSPARENT)
            .disable_y_mesh()
            .y_labels(0)
            .label_style(("sans-serif", 15, &INK))
            .x_desc("mean probability of the true class")
            .draw()?;
        for (row, class) in classes.iter().enumerate() {
            let bottom = row as f64;
            for (p, from, to, colour) in
                [(class.p_person, 0.5, 0.85, COLOURS[2]), (class.p_background, 0.15, 0.5, COLOURS[1])]
            {
                let corners = [(0.0, bottom + from), (p.clamp(0.0, 1.0), bottom + to)];
                chart.draw_series([Rectangle::new(corners, colour.filled())])?;
            }
        }
        let plot = chart.plotting_area();
        for (row, class) in classes.iter().enumerate() {
            let (x, y) = plot.map_coordinate(&(0.0, row as f64 + 0.5));
            let style = ("sans-serif", 14, &INK).into_text_style(area).pos(plotters::style::text_anchor::Pos::new(
                plotters::style::text_anchor::HPos::Right,
                plotters::style::text_anchor::VPos::Center,
            ));
            area.draw_text(&class.label, &style, (x - 8, y))?;
        }
        Ok(())
    })
}

/// Draws the counts of labels of the full view against labels of the background view; darker is more.
pub(super) fn confusion(measures: &Measures) -> Result<String> {
    let counts = &measures.confusion.counts;
    let mut names: Vec<&String> = counts.keys().chain(counts.values().flat_map(|row| row.keys())).collect();
    names.sort();
    names.dedup();
    let weight = |name: &&String| core::cmp::Reverse(counts.get(*name).map_or(0, |row| row.values().sum::<usize>()));
    names.sort_by_key(weight);
    names.truncate(MAX_CLASSES);
    names.sort();
    let count = names.len().max(1);
    let most = counts.values().flat_map(|row| row.values()).copied().max().unwrap_or(1) as f64;
    let (left, top, cell) = (250, 10, (500 / count as i32).clamp(9, 24));
    let side = cell * count as i32;
    draw([left + side + 20, top + side + 20].map(|side| side as u32), |area| {
        for (row, name) in names.iter().enumerate() {
            let y = top + cell * row as i32;
            let style = ("sans-serif", f64::from(cell.min(14)), &INK).into_text_style(area).pos(
                plotters::style::text_anchor::Pos::new(
                    plotters::style::text_anchor::HPos::Right,
                    plotters::style::text_anchor::VPos::Center,
                ),
            );
            area.draw_text(name, &style, (left - 8, y + cell / 2))?;
            for (column, other) in names.iter().enumerate() {
                let found = counts.get(*name).and_then(|row| row.get(*other)).copied().unwrap_or(0);
                let x = left + cell * column as i32;
                let corners = [(x, y), (x + cell - 1, y + cell - 1)];
                let shade = COLOURS[if row == column { 1 } else { 2 }].mix((found as f64 / most).sqrt());
                area.draw(&Rectangle::new(corners, shade.filled()))?;
            }
        }
        area.draw(&Rectangle::new([(left, top), (left + side, top + side)], FAINT.stroke_width(1)))?;
        Ok(())
    })
}

type Drawing<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Drawn = core::result::Result<(), Box<dyn std::error::Error>>;

fn draw([width, height]: [u32; 2], paint: impl FnOnce(&Drawing<'_>) -> Drawn) -> Result<String> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (width, height)).into_drawing_area();
        paint(&area).map_err(|e| Error::new(Stage::Sink, "a chart", e, "report this"))?;
        area.present().map_err(failed)?;
    }
    let text = text.replace("#010203", "currentColor").replace("#010204", "var(--faint)");
    // The page sets the size.
    let fixed = format!("width=\"{width}\" height=\"{height}\" ");
    Ok(text.replacen(&fixed, "", 1))
}
