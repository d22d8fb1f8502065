//! The picture of one frame: four panels in a row, above the caption and three bars.

use super::canvas::Canvas;
use super::caption::Caption;
use super::panel::{LINE, Panel};
use super::strip::PANELS;
use crate::error::Result;
use crate::gate::Verdict;
use crate::mask;
use crate::pipeline::FrameViews;
use crate::view::View;
use embedded_graphics::mono_font::iso_8859_1::{FONT_7X14, FONT_8X13_BOLD, FONT_9X15_BOLD, FONT_10X20};
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::{Dimensions, OriginDimensions, Point, Size};
use embedded_graphics::primitives::Rectangle;

/// Minimum width of a sheet, for its text.
const MIN_SHEET_WIDTH: u32 = 848;

const MARGIN: u32 = 16;
const GAP: u32 = 8;
const TITLE: u32 = 13;
/// Height of the text and the bars.
const TEXT_HEIGHT: u32 = 107;

/// Padding of the verdict badge.
const PAD: u32 = 8;
/// Height of a bar.
const BAR: u32 = 22;
/// Distance from the heading of the bars to the first bar.
const BARS_TOP: u32 = 22;
/// Width of the name before a bar.
const BAR_NAME: u32 = 90;
/// Width of the number after a bar.
const BAR_NUMBER: u32 = 48;

const PAPER: Rgb888 = Rgb888::new(0x14, 0x17, 0x1c);
const INK: Rgb888 = Rgb888::new(0xf2, 0xf4, 0xf8);
const PALE: Rgb888 = Rgb888::new(0xb4, 0xbc, 0xc8);
const TRACK: Rgb888 = Rgb888::new(0x2a, 0x30, 0x3a);

/// Returns the colour of a view's title and bar.
const fn colour_of(view: View) -> Rgb888 {
    match view {
        View::Full => INK,
        View::Person => LINE,
        View::Background => Rgb888::new(0x5c, 0xb8, 0xff),
    }
}

const fn colour_of_verdict(verdict: Verdict) -> Rgb888 {
    match verdict {
        Verdict::Accept => Rgb888::new(0x4a, 0xd0, 0x8a),
        Verdict::Flag(_) => Rgb888::new(0xff, 0x6a, 0x55),
        Verdict::Abstain(_) => Rgb888::new(0xb8, 0xc0, 0xcc),
    }
}

/// A sheet for frames of one size; its memory is reused from frame to frame.
#[derive(Debug)]
pub(super) struct Sheet {
    panel: Panel,
    canvas: Canvas,
}

impl Sheet {
    /// Returns `sheet` if it is for views of size `view`, or else a new one.
    ///
    /// # Errors
    /// Returns an error if the sheet would have too many pixels.
    pub(super) fn reuse(sheet: Option<Sheet>, view: mask::Size) -> Result<Self> {
        match sheet {
            Some(sheet) if sheet.panel.view() == view => Ok(sheet),
            _ => Self::new(view),
        }
    }

    fn new(view: mask::Size) -> Result<Self> {
        let panel = Panel::new(view);
        let panels = PANELS * panel.size().width + (PANELS - 1) * GAP + 2 * MARGIN;
        let width = panels.max(MIN_SHEET_WIDTH).next_multiple_of(2);
        let height = (panel.size().height + GAP + TITLE + TEXT_HEIGHT + 3 * MARGIN).next_multiple_of(2);
        Ok(Self { panel, canvas: Canvas::new(Size::new(width, height))? })
    }

    /// Draws the views of a frame and its caption.
    pub(super) fn draw(&mut self, caption: &Caption<'_>, views: &FrameViews) -> &Canvas {
        self.canvas.fill(self.canvas.bounding_box(), PAPER);
        self.draw_panels(views);
        self.draw_text(caption);
        self.draw_bars(caption);
        &self.canvas
    }

    fn draw_panels(&mut self, views: &FrameViews) {
        let panel = self.panel.size();
        let width = PANELS * panel.width + (PANELS - 1) * GAP;
        let mut corner = point((self.canvas.size().width - width) / 2, MARGIN);
        self.panel.draw(&mut self.canvas, corner, views.view(View::Full));
        self.panel.outline(&mut self.canvas, corner, views.person());
        let is_empty = views.person().pixels().iter().all(|covered| !covered);
        self.draw_title(corner, if is_empty { "frame, no person found" } else { "frame, person outlined" }, INK);
        for view in View::ALL {
            corner.x += (panel.width + GAP) as i32;
            self.panel.draw(&mut self.canvas, corner, views.view(view));
            self.draw_title(corner, view.name(), colour_of(view));
        }
    }

    fn draw_title(&mut self, corner: Point, title: &str, colour: Rgb888) {
        let panel = self.panel.size();
        self.canvas.write(title, corner + point(0, panel.height + GAP), panel.width, &FONT_8X13_BOLD, colour);
    }

    /// Draws the label, verdict, numbers and source in the left half.
    fn draw_text(&mut self, caption: &Caption<'_>) {
        let corner = point(MARGIN, self.text_top());
        let width = self.canvas.size().width / 2 - MARGIN - MARGIN;
        self.canvas.write(caption.label, corner, width, &FONT_10X20, INK);
        self.draw_badge(corner + point(0, 27), caption);
        for (line, top) in [(caption.frame_text(), 58), (caption.evidence(), 75), (caption.name().to_owned(), 92)] {
            self.canvas.write(&line, corner + point(0, top), width, &FONT_7X14, PALE);
        }
    }

    fn draw_badge(&mut self, corner: Point, caption: &Caption<'_>) {
        let text = caption.verdict();
        let letter = FONT_9X15_BOLD.character_size;
        let size = Size::new(text.len() as u32 * letter.width + 2 * PAD, letter.height + PAD);
        self.canvas.fill(Rectangle::new(corner, size), colour_of_verdict(caption.judgement.verdict));
        self.canvas.write(&text, corner + point(PAD, PAD / 2), size.width - 2 * PAD, &FONT_9X15_BOLD, PAPER);
    }

    /// Draws the probability of the label in each view in the right half.
    fn draw_bars(&mut self, caption: &Caption<'_>) {
        let left = self.canvas.size().width / 2 + GAP / 2;
        let width = self.canvas.size().width - MARGIN - left;
        let mut corner = point(left, self.text_top());
        self.canvas.write("probability of this label in each view", corner, width, &FONT_7X14, PALE);
        corner.y += BARS_TOP as i32;
        for view in View::ALL {
            self.draw_bar(corner, width, view, caption.judgement.p[view.index()]);
            corner.y += (BAR + GAP) as i32;
        }
    }

    fn draw_bar(&mut self, corner: Point, width: u32, view: View, p: f32) {
        let track = Rectangle::new(corner + point(BAR_NAME, 0), Size::new(width - BAR_NAME - BAR_NUMBER, BAR));
        self.canvas.write(view.name(), corner + point(0, (BAR - 13) / 2), BAR_NAME, &FONT_8X13_BOLD, colour_of(view));
        self.canvas.fill(track, TRACK);
        let filled = Size::new(bar_length(p, track.size.width), BAR);
        self.canvas.fill(Rectangle::new(track.top_left, filled), colour_of(view));
        for quarter in 1..4 {
            let tick = track.top_left + point(quarter * track.size.width / 4, 0);
            self.canvas.fill(Rectangle::new(tick, Size::new(1, BAR)), PAPER);
        }
        let number = corner + point(width - BAR_NUMBER + PAD, (BAR - 15) / 2);
        self.canvas.write(&format!("{p:.2}"), number, BAR_NUMBER - PAD, &FONT_9X15_BOLD, INK);
    }

    fn text_top(&self) -> u32 {
        MARGIN + self.panel.size().height + GAP + TITLE + MARGIN
    }
}

/// Returns the filled length of a bar of `width` pixels for probability `p`; 0 for NaN.
fn bar_length(p: f32, width: u32) -> u32 {
    (p.clamp(0.0, 1.0) * width as f32).round() as u32
}

fn point(x: u32, y: u32) -> Point {
    Point::new(x as i32, y as i32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use embedded_graphics::prelude::RgbColor;

    #[test]
    fn bar_length_is_proportional_to_probability() {
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(|p| bar_length(p, 300)), [0, 75, 150, 300]);
        assert_eq!([-1.0, 7.0, f32::INFINITY, f32::NAN].map(|p| bar_length(p, 300)), [0, 300, 300, 0]);
    }

    #[test]
    fn bars_are_drawn_in_their_length_and_colour() {
        let mut sheet = Sheet::new(mask::Size::new(32, 32).unwrap()).unwrap();
        for (view, p) in View::ALL.into_iter().zip([0.1, 0.6, 0.9]) {
            sheet.canvas.fill(Rectangle::new(Point::zero(), Size::new(952, 400)), PAPER);
            sheet.draw_bar(Point::zero(), 428, view, p);
            let colour = colour_of(view);
            let top = &sheet.canvas.pixels()[3 * BAR_NAME as usize..3 * (428 - BAR_NUMBER as usize)];
            let filled = top.chunks(3).filter(|rgb| **rgb == [colour.r(), colour.g(), colour.b()]).count();
            let ticks = (p * 4.0) as usize;
            assert_eq!(filled + ticks, bar_length(p, 290) as usize);
        }
    }

    #[test]
    fn small_views_are_enlarged_and_extreme_ones_still_fit() {
        let sheet = |width, height| Sheet::new(mask::Size::new(width, height).unwrap()).map(|sheet| sheet.panel.size());
        assert_eq!(sheet(32, 32).unwrap(), Size::new(224, 224));
        assert_eq!(sheet(224, 224).unwrap(), Size::new(224, 224));
        assert_eq!(sheet(1, 1000).unwrap(), Size::new(2, 2000));
        assert_eq!(sheet(3000, 1).unwrap(), Size::new(3000, 1));
        assert!(sheet(1, 100_000_000).is_err());
    }
}
