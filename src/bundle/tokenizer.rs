//! CLIP's tokenizer: text to the token ids of transformers' `CLIPTokenizerFast`.

use crate::error::{Error, Result, Stage};
use instant_clip_tokenizer as bpe;
use std::collections::HashMap;
use std::io::Cursor;
use unicode_normalization::UnicodeNormalization;

/// Number of merges in OpenAI's vocabulary.
pub const ALL_MERGES: u16 = 48_894;
/// Number of ids for single bytes: 256 within a word and 256 at its end.
const BYTE_TOKENS: u16 = 512;
/// Id of the padding.
const PADDING: i64 = 0;
/// Suffix of a word's last piece in the vocabulary.
const END: &str = "</w>";

/// CLIP's byte-pair encoding, with all merges or only the first.
pub struct Tokenizer {
    bpe: bpe::Tokenizer,
    context: usize,
}

impl core::fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Tokenizer").field("context", &self.context).finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// Creates a tokenizer with the first `merges` merges, or all, for prompts of `context` tokens.
    ///
    /// # Errors
    /// Returns an error if `merges` is over [`ALL_MERGES`] or `context` is under 3.
    pub fn new(merges: Option<u16>, context: usize) -> Result<Self> {
        let merges = merges.unwrap_or(ALL_MERGES);
        if merges > ALL_MERGES || context < 3 {
            let expected = format!("at most {ALL_MERGES} merges and at least 3 tokens of context");
            let got = format!("{merges} merges, {context} tokens");
            return Err(Error::new(Stage::Tokenizer, expected, got, "correct the manifest"));
        }
        let whole = bpe::Tokenizer::new();
        let bpe = if merges == ALL_MERGES { whole } else { with_merges(&whole, merges)? };
        Ok(Self { bpe, context })
    }

    /// Returns the number of ids: 512 bytes, the merges, start and end.
    pub fn vocabulary(&self) -> usize {
        usize::from(self.bpe.end_of_text().to_u16()) + 1
    }

    /// Returns the number of tokens of a prompt, padding included.
    pub fn context(&self) -> usize {
        self.context
    }

    /// Returns the ids of `text`: start, its tokens, end, then zeros up to the context length. Cuts tokens that do not
    /// fit.
    pub fn encode(&self, text: &str) -> Vec<i64> {
        let (start, end) = (self.bpe.start_of_text(), self.bpe.end_of_text());
        let mut tokens = vec![start];
        for part in prompt_parts(text) {
            match part {
                PromptPart::Start => tokens.push(start),
                PromptPart::End => tokens.push(end),
                PromptPart::Text(text) => self.encode_plain(text, &mut tokens),
            }
        }
        tokens.truncate(self.context - 1);
        tokens.push(end);
        let mut ids: Vec<i64> = tokens.into_iter().map(|token| i64::from(token.to_u16())).collect();
        ids.resize(self.context, PADDING);
        ids
    }

    fn encode_plain(&self, text: &str, tokens: &mut Vec<bpe::Token>) {
        // Lower case letter by letter, like transformers: the result does not depend on the end of a word.
        let text: String = text.nfc().flat_map(char::to_lowercase).collect();
        // The library reads these strings as marks. The space changes nothing: a letter after "<" begins a new word.
        let text = text.replace("<start_of_text>", "< start_of_text>").replace("<end_of_text>", "< end_of_text>");
        self.bpe.encode(&text, tokens);
    }
}

#[derive(Clone, Copy)]
enum PromptPart<'a> {
    Start,
    End,
    Text(&'a str),
}

/// Splits `text` at the two marks for start and end.
fn prompt_parts(text: &str) -> Vec<PromptPart<'_>> {
    const MARKS: [(&str, PromptPart<'static>); 2] =
        [("<|startoftext|>", PromptPart::Start), ("<|endoftext|>", PromptPart::End)];
    let mut parts = Vec::new();
    let mut rest = text;
    let next =
        |rest: &str| MARKS.iter().filter_map(|&(mark, part)| Some((rest.find(mark)?, mark, part))).min_by_key(|m| m.0);
    while let Some((at, mark, part)) = next(rest) {
        parts.push(PromptPart::Text(&rest[..at]));
        parts.push(part);
        rest = &rest[at + mark.len()..];
    }
    parts.push(PromptPart::Text(rest));
    parts
}

/// A piece of a word.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    bytes: Vec<u8>,
    /// Whether the word ends with this piece.
    ends: bool,
}

impl Piece {
    /// Returns the spelling of the piece in the vocabulary file.
    fn spelling(&self) -> String {
        let letters: String = self.bytes.iter().map(|&byte| letter(byte)).collect();
        if self.ends { letters + END } else { letters }
    }
}

/// Creates a tokenizer with only the first `merges` merges of `whole`.
///
/// The library does not expose its merges, so they are derived from the pieces: the earlier merges reduce the bytes of
/// a piece to the two parts of its own merge.
fn with_merges(whole: &bpe::Tokenizer, merges: u16) -> Result<bpe::Tokenizer> {
    let failed = |got: &str| Error::new(Stage::Tokenizer, "the merges of CLIP's vocabulary", got, "use all merges");
    let bytes = byte_order();
    let mut single = HashMap::new();
    for (id, &byte) in bytes.iter().enumerate() {
        single.insert((byte, false), id as u16);
        single.insert((byte, true), id as u16 + 256);
    }
    let mut ranks = HashMap::new();
    let mut lines = String::from("#version\n");
    let mut pieces: Vec<Piece> = [false, true]
        .iter()
        .flat_map(|&ends| bytes.iter().map(move |&byte| Piece { bytes: vec![byte], ends }))
        .collect();
    for id in BYTE_TOKENS..BYTE_TOKENS + merges {
        let piece = piece(whole, &single, id).ok_or_else(|| failed("a piece that is not UTF-8"))?;
        let parts = merged(&piece, &single, &ranks);
        let [first, second] = parts[..] else { return Err(failed("a piece that no two parts make")) };
        lines += &format!("{} {}\n", pieces[usize::from(first)].spelling(), pieces[usize::from(second)].spelling());
        ranks.insert((first, second), id);
        pieces.push(piece);
    }
    bpe::Tokenizer::with_vocabulary(Cursor::new(lines), BYTE_TOKENS + merges + 2)
        .map_err(|e| failed(&e.to_string()).with_source(e))
}

/// Applies the merges `ranks` to the bytes of a piece and returns the remaining parts.
fn merged(piece: &Piece, single: &HashMap<(u8, bool), u16>, ranks: &HashMap<(u16, u16), u16>) -> Vec<u16> {
    let last = piece.bytes.len() - 1;
    let mut parts: Vec<u16> =
        piece.bytes.iter().enumerate().map(|(i, &byte)| single[&(byte, piece.ends && i == last)]).collect();
    while let Some((at, id)) = parts
        .windows(2)
        .enumerate()
        .filter_map(|(at, pair)| Some((at, *ranks.get(&(pair[0], pair[1]))?)))
        .min_by_key(|&(_, id)| id)
    {
        parts.splice(at..at + 2, [id]);
    }
    parts
}

/// Returns the piece of token `id`. The library decodes to text only; a piece that is part of a character is decoded
/// with bytes around it that complete the character.
fn piece(whole: &bpe::Tokenizer, single: &HashMap<(u8, bool), u16>, id: u16) -> Option<Piece> {
    const BEFORE: [&[u8]; 10] =
        [&[], &[0xC3], &[0xE2], &[0xE0], &[0xE2, 0x80], &[0xF0], &[0xF3], &[0xF0, 0x9F], &[0xF0, 0x9F, 0x98], &[0xED]];
    const AFTER: [&[u8]; 6] = [&[], &[0x80], &[0xA0], &[0x80, 0x80], &[0xA0, 0x80], &[0x80, 0x80, 0x80]];
    let token = |id: u16| bpe::Token::from_u16(id, whole);
    for before in BEFORE {
        for after in AFTER {
            let around = |bytes: &[u8]| -> Option<Vec<bpe::Token>> {
                bytes.iter().map(|&byte| token(*single.get(&(byte, false))?)).collect()
            };
            let mut tokens = around(before)?;
            tokens.push(token(id)?);
            tokens.extend(around(after)?);
            let text = whole.decode(tokens);
            if text.contains(char::REPLACEMENT_CHARACTER) {
                continue;
            }
            let inner = text.as_bytes().get(before.len()..text.len() - after.len())?;
            // The end of a word decodes to a space, which no piece has otherwise.
            let (bytes, ends) = inner.strip_suffix(b" ").map_or((inner, false), |bytes| (bytes, true));
            return Some(Piece { bytes: bytes.to_vec(), ends });
        }
    }
    None
}

/// Returns the bytes in the order of their ids: printable bytes, then the others.
fn byte_order() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=255).filter(|&byte| is_printable(byte)).collect();
    bytes.extend((0..=255).filter(|&byte| !is_printable(byte)));
    bytes
}

/// Returns whether the vocabulary file spells `byte` as the character itself.
fn is_printable(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

/// Returns the character that spells `byte` in the vocabulary file.
fn letter(byte: u8) -> char {
    if is_printable(byte) {
        return char::from(byte);
    }
    let index = (0..byte).filter(|&earlier| !is_printable(earlier)).count();
    char::from_u32(256 + index as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}
