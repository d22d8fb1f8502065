//! Text to CLIP's token ids, as transformers' `CLIPTokenizerFast` gives them.

use crate::error::{Error, Result, Stage};
use instant_clip_tokenizer as bpe;
use std::collections::HashMap;
use std::io::Cursor;
use unicode_normalization::UnicodeNormalization;

/// Merges of OpenAI's vocabulary.
pub const ALL_MERGES: u16 = 48_894;
/// Ids below it are single bytes, in the middle and at the end of a word.
const BYTE_TOKENS: u16 = 512;
/// The id that fills a prompt up.
const PADDING: i64 = 0;
/// What a word's last piece carries in the vocabulary.
const END: &str = "</w>";

/// CLIP's byte-pair encoding, whole or cut to its first merges.
#[derive(Debug)]
pub struct Tokenizer {
    bpe: BpeDebug,
    context: usize,
}

struct BpeDebug(bpe::Tokenizer);

impl core::fmt::Debug for BpeDebug {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("CLIP BPE")
    }
}

impl Tokenizer {
    /// The tokenizer with the first `merges` merges, for prompts of `context` tokens.
    ///
    /// # Errors
    /// When `merges` is over [`ALL_MERGES`] or `context` holds no text between its two ends.
    pub fn new(merges: Option<u16>, context: usize) -> Result<Self> {
        let merges = merges.unwrap_or(ALL_MERGES);
        if merges > ALL_MERGES || context < 3 {
            let expected = format!("at most {ALL_MERGES} merges and at least 3 tokens of context");
            let got = format!("{merges} merges, {context} tokens");
            return Err(Error::new(Stage::Tokenizer, expected, got, "correct the manifest"));
        }
        let whole = bpe::Tokenizer::new();
        let bpe = if merges == ALL_MERGES { whole } else { cut(&whole, merges)? };
        Ok(Self { bpe: BpeDebug(bpe), context })
    }

    /// Number of ids: 512 bytes, the merges, start and end.
    pub fn vocabulary(&self) -> usize {
        usize::from(self.bpe.0.end_of_text().to_u16()) + 1
    }

    /// Tokens of a prompt, padding included.
    pub fn context(&self) -> usize {
        self.context
    }

    /// The ids of `text`: start, its tokens, cut where they do not fit, end, then zeros up to the context length.
    pub fn encode(&self, text: &str) -> Vec<i64> {
        let (start, end) = (self.bpe.0.start_of_text(), self.bpe.0.end_of_text());
        let mut tokens = vec![start];
        for part in specials(text) {
            match part {
                Part::Start => tokens.push(start),
                Part::End => tokens.push(end),
                Part::Text(text) => self.encode_plain(text, &mut tokens),
            }
        }
        tokens.truncate(self.context - 1);
        tokens.push(end);
        let mut ids: Vec<i64> = tokens.into_iter().map(|token| i64::from(token.to_u16())).collect();
        ids.resize(self.context, PADDING);
        ids
    }

    fn encode_plain(&self, text: &str, tokens: &mut Vec<bpe::Token>) {
        // Lower case letter by letter, as transformers does it: the end of a word has no say in it.
        let text: String = text.nfc().flat_map(char::to_lowercase).collect();
        // The library takes these for its own marks; after "<" a letter begins a new word in any case.
        let text = text.replace("<start_of_text>", "< start_of_text>").replace("<end_of_text>", "< end_of_text>");
        self.bpe.0.encode(&text, tokens);
    }
}

#[derive(Clone, Copy)]
enum Part<'a> {
    Start,
    End,
    Text(&'a str),
}

/// Splits `text` at the two marks that stand for start and end.
fn specials(text: &str) -> Vec<Part<'_>> {
    const MARKS: [(&str, Part<'static>); 2] = [("<|startoftext|>", Part::Start), ("<|endoftext|>", Part::End)];
    let mut parts = Vec::new();
    let mut rest = text;
    let next =
        |rest: &str| MARKS.iter().filter_map(|&(mark, part)| Some((rest.find(mark)?, mark, part))).min_by_key(|m| m.0);
    while let Some((at, mark, part)) = next(rest) {
        parts.push(Part::Text(&rest[..at]));
        parts.push(part);
        rest = &rest[at + mark.len()..];
    }
    parts.push(Part::Text(rest));
    parts
}

/// A piece of a word: its bytes, and whether the word ends with it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Piece {
    bytes: Vec<u8>,
    ends: bool,
}

impl Piece {
    /// As the vocabulary file spells it.
    fn spelled(&self) -> String {
        let letters: String = self.bytes.iter().map(|&byte| letter(byte)).collect();
        if self.ends { letters + END } else { letters }
    }
}

/// The tokenizer with only the first `merges` merges of `whole`.
///
/// The library keeps its merge list to itself, but a list of merges follows from the pieces they make: the two parts of
/// a piece are what the merges before it leave of its bytes.
fn cut(whole: &bpe::Tokenizer, merges: u16) -> Result<bpe::Tokenizer> {
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
        let piece = piece(whole, &single, id).ok_or_else(|| failed("a piece that is no text"))?;
        let parts = merged(&piece, &single, &ranks);
        let [first, second] = parts[..] else { return Err(failed("a piece of other than two parts")) };
        lines += &format!("{} {}\n", pieces[usize::from(first)].spelled(), pieces[usize::from(second)].spelled());
        ranks.insert((first, second), id);
        pieces.push(piece);
    }
    bpe::Tokenizer::with_vocabulary(Cursor::new(lines), BYTE_TOKENS + merges + 2).map_err(|e| failed(&e.to_string()))
}

/// What `ranks` leaves of a piece's bytes.
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

/// The piece that token `id` stands for. The library decodes to text, so where the piece is part of a character, the
/// bytes that complete it are put around it.
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
            // The end of a word decodes to a space, which no piece holds otherwise.
            let (bytes, ends) = inner.strip_suffix(b" ").map_or((inner, false), |bytes| (bytes, true));
            return Some(Piece { bytes: bytes.to_vec(), ends });
        }
    }
    None
}

/// The bytes in the order of their ids: those that print as themselves, then the others.
fn byte_order() -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..=255).filter(|&byte| prints(byte)).collect();
    bytes.extend((0..=255).filter(|&byte| !prints(byte)));
    bytes
}

fn prints(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF)
}

/// The letter by which the vocabulary file spells a byte.
fn letter(byte: u8) -> char {
    if prints(byte) {
        return char::from(byte);
    }
    let place = (0..byte).filter(|&earlier| !prints(earlier)).count();
    char::from_u32(256 + place as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_vocabulary_has_its_bytes_merges_and_two_marks() {
        let tokenizer = Tokenizer::new(Some(1000), 77).unwrap();
        assert_eq!(tokenizer.vocabulary(), 1514);
        assert_eq!(Tokenizer::new(None, 77).unwrap().vocabulary(), 49_408);
    }

    #[test]
    fn every_prompt_has_the_context_length_and_ends() {
        let tokenizer = Tokenizer::new(None, 8).unwrap();
        let ids = tokenizer.encode("a very long prompt about a person who is waving at someone");
        assert_eq!(ids.len(), 8);
        assert_eq!((ids[0], ids[7]), (49_406, 49_407));
    }
}
