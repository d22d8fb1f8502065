//! Text from files and strangers, made safe for terminals.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt::Write;

/// Returns whether a terminal obeys `character` and does not show it: control characters, line and paragraph
/// separators, and what changes the direction of other characters.
///
/// ```
/// use figureground::printable::is_control;
/// assert!(['\u{1b}', '\0', '\n', '\u{9b}', '\u{202e}'].into_iter().all(is_control));
/// assert!(!['a', 'ä', '中', 'ע', ' '].into_iter().any(is_control));
/// ```
pub fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns `text` with control characters as `\u{1b}`, except those in `kept`.
pub fn printable<'a>(text: &'a str, kept: &[char]) -> Cow<'a, str> {
    escape(text, kept, |escaped, code| write!(escaped, "\\u{{{code:x}}}"))
}

/// Returns JSON whose strings have control characters as `\u001b`; its content is the same.
pub(crate) fn printable_json(json: &str) -> Cow<'_, str> {
    escape(json, &['\n', '\t', '\r'], |escaped, code| write!(escaped, "\\u{code:04x}"))
}

fn escape<'a>(
    text: &'a str,
    kept: &[char],
    write_code: impl Fn(&mut String, u32) -> core::fmt::Result,
) -> Cow<'a, str> {
    let is_escaped = |character: char| is_control(character) && !kept.contains(&character);
    if !text.chars().any(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if is_escaped(character) {
            // Writing to a string cannot fail.
            let _ = write_code(&mut escaped, character.into());
        } else {
            escaped.push(character);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_everything_else_stays() {
        assert_eq!(printable("a\u{1b}[2Jb\n\u{202e}c\u{9b}", &[]), "a\\u{1b}[2Jb\\u{a}\\u{202e}c\\u{9b}");
        assert_eq!(printable("a\tb\nc\0", &['\n', '\t']), "a\tb\nc\\u{0}");
        assert!(matches!(printable("Grüße, 中 עברית", &[]), Cow::Borrowed(_)));
        assert_eq!(printable_json("{\"a\":\"\u{9b}\u{7f}é\"}"), "{\"a\":\"\\u009b\\u007fé\"}");
    }
}
