//! `model.safetensors` against the small configuration of the tests, and the configuration itself.

#![no_main]

use figureground::bundle::import::checkpoint::{Architecture, Checkpoint};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static ARCHITECTURE: LazyLock<Architecture> = LazyLock::new(|| {
    Architecture::parse(include_str!("../../tests/fixtures/clip/gelu/config.json")).expect("the tests' configuration")
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(checkpoint) = Checkpoint::parse(bytes, &ARCHITECTURE) {
        let _ = checkpoint.logit_scale();
        let _ = checkpoint.tensor("visual_projection.weight");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Architecture::parse(text);
    }
});
