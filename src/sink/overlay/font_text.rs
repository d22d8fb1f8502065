//! Text in the characters of the fonts: one line of Latin-1, shortened to a width.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The end of a shortened line.
const ELLIPSIS: &str = "...";

/// Returns `text` in at most `columns` characters of the fonts; longer text ends in dots.
pub(super) fn fit(text: &str, columns: usize) -> String {
    let mut line: Vec<char> = text.chars().flat_map(letters).take(columns + 1).collect();
    if line.len() > columns {
        line.truncate(columns.saturating_sub(ELLIPSIS.len()));
        line.extend(ELLIPSIS.chars().take(columns));
    }
    line.into_iter().collect()
}

/// Returns the replacement of one character: itself, its base letters without accents, or a question mark.
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
    heapless::Vec::<char, MAX_LETTERS>::from_slice(letters).unwrap_or_default().into_iter()
}

/// Maximum number of letters that replace one character.
const MAX_LETTERS: usize = 4;

/// Returns the base letters of a character with accents, or a question mark for any other.
fn base(character: char) -> heapless::vec::IntoIter<char, MAX_LETTERS, usize> {
    let parts = core::iter::once(character).nfkd().filter(|part| !is_combining_mark(*part));
    let mut letters = heapless::Vec::<char, MAX_LETTERS>::new();
    for part in parts {
        if !is_in_fonts(part) || letters.push(part).is_err() {
            letters.clear();
            let _ = letters.push('?');
            break;
        }
    }
    letters.into_iter()
}

/// Returns whether a character is in Latin-1, without control characters, the soft hyphen and the no-break space.
fn is_in_fonts(character: char) -> bool {
    matches!(character, ' '..='~' | '\u{a1}'..='\u{ac}' | '\u{ae}'..='\u{ff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_outside_latin_1_become_similar_ones() {
        assert_eq!(fit("żółć ﬁn “Ærø” – e\u{301}\n编🧶", 40), "zólc fin \"Ærø\" - e ??");
    }

    #[test]
    fn long_lines_are_shortened_with_dots_to_any_width() {
        assert_eq!(fit("playing", 7), "playing");
        assert_eq!(fit("playing basketball", 10), "playing...");
        assert_eq!((fit("playing", 2), fit("playing", 0)), ("..".to_owned(), String::new()));
    }
}
