//! The tokenizer equals transformers' `CLIPTokenizerFast`, on strings by people and from data sets.

use figureground::bundle::tokenizer::Tokenizer;
use serde_json::Value;

/// Returns the number of strings in `fixture`, and those on which `tokenizer` differs.
fn differences(fixture: &str, tokenizer: &Tokenizer) -> (usize, Vec<String>) {
    let lines: Vec<Value> = fixture.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let differs = |line: &Value| {
        let text = line["text"].as_str().unwrap();
        let expected: Vec<i64> = line["ids"].as_array().unwrap().iter().map(|id| id.as_i64().unwrap()).collect();
        let got = tokenizer.encode(text);
        (got != expected).then(|| format!("{text:?}\n  got      {got:?}\n  expected {expected:?}"))
    };
    (lines.len(), lines.iter().filter_map(differs).collect())
}

#[test]
fn the_whole_vocabulary_gives_the_ids_of_transformers() {
    let tokenizer = Tokenizer::new(None, 77).unwrap();
    let (count, differences) = differences(include_str!("../fixtures/tokenizer.jsonl"), &tokenizer);
    assert!(count >= 200);
    assert!(differences.is_empty(), "{} of {count} differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn a_vocabulary_cut_to_1000_merges_gives_the_ids_of_transformers() {
    let tokenizer = Tokenizer::new(Some(1000), 77).unwrap();
    let (count, differences) = differences(include_str!("../fixtures/tokenizer-1000.jsonl"), &tokenizer);
    assert!(count >= 50);
    assert!(differences.is_empty(), "{} of {count} differ:\n{}", differences.len(), differences.join("\n"));
}

#[test]
fn too_many_merges_and_contexts_without_text_are_refused() {
    assert!(Tokenizer::new(Some(u16::MAX), 77).is_err());
    assert!(Tokenizer::new(None, 2).is_err());
}

#[test]
fn a_vocabulary_has_its_bytes_its_merges_and_two_marks() {
    let tokenizer = Tokenizer::new(Some(1000), 77).unwrap();
    assert_eq!(tokenizer.vocabulary(), 1514);
    assert_eq!(Tokenizer::new(None, 77).unwrap().vocabulary(), 49_408);
}

#[test]
fn every_prompt_has_the_context_length_and_an_end_token() {
    let tokenizer = Tokenizer::new(None, 8).unwrap();
    let ids = tokenizer.encode("a very long prompt about a person who is waving at someone");
    assert_eq!(ids.len(), 8);
    assert_eq!((ids[0], ids[7]), (49_406, 49_407));
}
