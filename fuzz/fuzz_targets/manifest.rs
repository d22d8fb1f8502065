//! `bundle.toml`: a manifest that parses can be written and parsed again.

#![no_main]

use figureground::bundle::manifest::{Convention, Manifest, SegmenterSettings};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(manifest) = Manifest::parse(text) {
        let written = manifest.to_toml().expect("a manifest that parses can be written");
        assert_eq!(Manifest::parse(&written).as_ref(), Ok(&manifest));
    }
    let _ = SegmenterSettings::parse(text);
    let _ = Convention::parse(text);
});
