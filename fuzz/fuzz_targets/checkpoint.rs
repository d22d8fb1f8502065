//! `model.safetensors` with the tests' small configuration, and the configurations.

#![no_main]

use figureground::import::architecture::Architecture;
use figureground::import::checkpoint::Checkpoint;
use figureground::import::config::{HuggingFaceConfig, OpenClipConfig};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static ARCHITECTURE: LazyLock<Architecture> = LazyLock::new(|| {
    let config = HuggingFaceConfig::parse(include_str!("../../tests/fixtures/clip/gelu/config.json"));
    config.and_then(|config| config.architecture()).expect("the tests' configuration")
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(checkpoint) = Checkpoint::parse(bytes, &ARCHITECTURE) {
        let _ = checkpoint.logit_scale();
        let _ = checkpoint.tensor("visual_projection.weight");
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = HuggingFaceConfig::parse(text).and_then(|config| config.architecture());
        let _ = OpenClipConfig::parse(text);
    }
});
