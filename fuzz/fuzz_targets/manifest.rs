//! `bundle.toml`: whatever is taken can be written again.

#![no_main]

use figureground::bundle::manifest::{Convention, Manifest, SegmenterSettings};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(manifest) = Manifest::parse(text) {
        let written = manifest.to_toml().expect("a manifest that was read can be written");
        assert_eq!(Manifest::parse(&written).as_ref(), Ok(&manifest));
    }
    let _ = SegmenterSettings::parse(text);
    let _ = Convention::parse(text);
});
