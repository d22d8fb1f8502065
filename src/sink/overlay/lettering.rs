//! Text as the fonts can show it: Latin-1, one line, cut to a width.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// What stands at the end of a line that was cut.
const CUT: &str = "...";

/// `text` in at most `columns` letters that the fonts have; what is longer ends in dots.
pub(super) fn fitted(text: &str, columns: usize) -> String {
    let mut line: Vec<char> = text.chars().flat_map(letters).take(columns + 1).collect();
    if line.len() > columns {
        line.truncate(columns.saturating_sub(CUT.len()));
        line.extend(CUT.chars().take(columns));
    }
    line.into_iter().collect()
}

/// What stands for one character: itself, its base letters without accents, or a question mark.
fn letters(character: char) -> impl Iterator<Item = char> {
    let letters: &[char] = match character {
        _ if is_in_fonts(character) => &[character],
        '\u{200b}'..='\u{200f}' | '\u{feff}' => &[],
        '\u{2018}' | '\u{2019}' => &['\''],
        '\u{201c}'..='\u{201e}' => &['"'],
        '\u{2010}'..='\u{2015}' => &['-'],
        'ı' => &['i'],
        'Ł' => &['L'],
        'ł' => &['l'],
        'Đ' => &['D'],
        'đ' => &['d'],
        'Œ' => &['O', 'E'],
        'œ' => &['o', 'e'],
        'ẞ' => &['S', 'S'],
        _ if character.is_whitespace() || character.is_control() => &[' '],
        _ if is_combining_mark(character) => &[],
        _ => return base(character),
    };
    heapless::Vec::<char, BASE>::from_slice(letters).unwrap_or_default().into_iter()
}

/// The most letters that one character becomes.
const BASE: usize = 4;

/// The letters of a character that is made of letters with accents; a question mark for any other.
fn base(character: char) -> heapless::vec::IntoIter<char, BASE, usize> {
    let parts = core::iter::once(character).nfkd().filter(|part| !is_combining_mark(*part));
    let mut letters = heapless::Vec::<char, BASE>::new();
    for part in parts {
        if !is_in_fonts(part) || letters.push(part).is_err() {
            letters.clear();
            let _ = letters.push('?');
            break;
        }
    }
    letters.into_iter()
}

/// Latin-1 without its control characters, its invisible hyphen and its odd space.
fn is_in_fonts(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_no_font_has_become_what_comes_nearest() {
        assert_eq!(fitted("żółć ﬁn “Ærø” – e\u{301}\n编🧶", 40), "zólc fin \"Ærø\" - e ??");
    }

    #[test]
    fn long_lines_are_cut_with_dots_to_any_width() {
        assert_eq!(fitted("playing", 7), "playing");
        assert_eq!(fitted("playing basketball", 10), "playing...");
        assert_eq!((fitted("playing", 2), fitted("playing", 0)), ("..".to_owned(), String::new()));
    }
}
