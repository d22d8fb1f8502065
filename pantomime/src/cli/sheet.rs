//! A contact sheet: eight frames of each clip in a row, with its caption.

use super::font::Page;
use super::plan::{Entry, Plan};
use super::png_file::write_rgb;
use figureground::Result;
use figureground::mask::Size;
use indicatif::ProgressBar;
use pantomime::Picture;
use std::path::Path;

/// Frames of a row.
const COLUMNS: usize = 8;
/// Height of a caption in pixels.
const CAPTION: usize = 13;

/// Writes the sheet of `plan` to `file`.
pub(super) fn write(plan: &Plan, size: Size, file: &Path, bar: &ProgressBar) -> Result<()> {
    let (width, height) = (COLUMNS * size.width() as usize, CAPTION + size.height() as usize);
    let sheet = Size::new(width as u32, (plan.len() * height) as u32)?;
    let mut rgb = vec![0; 3 * sheet.area()];
    let mut picture = Picture::new(size);
    for (entry, row) in plan.entries().zip(rgb.chunks_exact_mut(3 * width * height)) {
        draw_row(&entry, &mut picture, row);
        bar.inc(1);
    }
    write_rgb(file, sheet, &rgb)
}

/// The middle frames of eight equal parts of the clip.
fn draw_row(entry: &Entry, picture: &mut Picture, row: &mut [u8]) {
    let width = picture.size.width() as usize;
    let mut stage = entry.clip.stage(picture.size);
    for column in 0..COLUMNS {
        stage.render((2 * column + 1) * entry.clip.frames() / (2 * COLUMNS), picture);
        let lines = row.chunks_exact_mut(3 * COLUMNS * width).skip(CAPTION);
        for (line, pixels) in lines.zip(picture.rgb.chunks_exact(3 * width)) {
            line[3 * column * width..3 * (column + 1) * width].copy_from_slice(pixels);
        }
    }
    Page { rgb: row, width: COLUMNS * width }.write(&caption(entry), 2, 9);
}

fn caption(entry: &Entry) -> String {
    let words = entry.clip.caption_parts();
    let object = words.object.map(|object| format!(", {object}")).unwrap_or_default();
    format!("{}: {}{object}, {}", words.action.to_uppercase(), words.person, words.scene)
}
