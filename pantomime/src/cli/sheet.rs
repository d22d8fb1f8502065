//! A contact sheet: eight frames of each clip in a row, with its caption.

use super::clip_list::{ClipList, NamedClip};
use super::png_file::write_rgb;
use super::text::TextCanvas;
use figureground::Result;
use figureground::mask::Size;
use indicatif::ProgressBar;
use pantomime::Picture;
use std::path::Path;

/// Frames per row.
const COLUMNS: usize = 8;
/// Height of a caption in pixels.
const CAPTION: usize = 13;

/// Writes a contact sheet of `list` to `file`.
pub(super) fn write(list: &ClipList, size: Size, file: &Path, bar: &ProgressBar) -> Result<()> {
    let (width, height) = (COLUMNS * size.width() as usize, CAPTION + size.height() as usize);
    let sheet = Size::new(width as u32, (list.len() * height) as u32)?;
    let mut rgb = vec![0; 3 * sheet.area()];
    let mut picture = Picture::new(size);
    for (named, row) in list.clips().zip(rgb.chunks_exact_mut(3 * width * height)) {
        draw_row(&named, &mut picture, row);
        bar.inc(1);
    }
    write_rgb(file, sheet, &rgb)
}

/// Draws the middle frames of eight equal parts of the clip.
fn draw_row(named: &NamedClip, picture: &mut Picture, row: &mut [u8]) {
    let width = picture.size.width() as usize;
    let mut renderer = named.crowd.renderer(picture.size);
    for column in 0..COLUMNS {
        renderer.render((2 * column + 1) * named.clip().frames() / (2 * COLUMNS), picture);
        let lines = row.chunks_exact_mut(3 * COLUMNS * width).skip(CAPTION);
        for (line, pixels) in lines.zip(picture.rgb.chunks_exact(3 * width)) {
            line[3 * column * width..3 * (column + 1) * width].copy_from_slice(pixels);
        }
    }
    TextCanvas { rgb: row, width: COLUMNS * width }.write(&caption(named), 2, 9);
}

fn caption(named: &NamedClip) -> String {
    let people = named.crowd.people().iter().map(|clip| {
        let words = clip.caption_parts();
        let object = words.object.map(|object| format!(", {object}")).unwrap_or_default();
        format!("{}: {}{object}", words.action.to_uppercase(), words.person)
    });
    let (people, scene) = (people.collect::<Vec<_>>(), named.clip().caption_parts().scene);
    match &people[..] {
        [person] => format!("{person}, {scene}"),
        // A long caption is cut off, so that the scene is first.
        people => format!("{scene}: {}", people.join("; ")),
    }
}
