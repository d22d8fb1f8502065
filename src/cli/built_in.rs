//! The built-in bundles and demo clip.

use figureground::Result;
use figureground::bundle::Bundle;
use figureground::source::Source;

/// Opens the built-in bundle.
#[cfg(feature = "built-in")]
pub fn bundle() -> Result<Bundle> {
    Bundle::built_in()
}

/// Opens the built-in bundle with the plain encoder.
#[cfg(feature = "built-in")]
pub fn plain_bundle() -> Result<Bundle> {
    Bundle::built_in_plain()
}

/// Opens the demo clip.
#[cfg(feature = "built-in")]
pub fn clip() -> Result<Box<dyn Source>> {
    figureground::source::demo()
}

/// Opens the demo clip as a source of another name.
#[cfg(feature = "built-in")]
pub fn clip_named(name: &str) -> Result<Box<dyn Source>> {
    figureground::source::demo_named(name)
}

/// Returns an error that says how to make a bundle.
#[cfg(not(feature = "built-in"))]
pub fn bundle() -> Result<Bundle> {
    Err(missing("--bundle DIR", "bundle", "create one with `figureground import` and pass its directory"))
}

/// Returns an error that says how to build with the bundle.
#[cfg(not(feature = "built-in"))]
pub fn plain_bundle() -> Result<Bundle> {
    bundle()
}

/// Returns an error that says how to build with the clip.
#[cfg(not(feature = "built-in"))]
pub fn clip() -> Result<Box<dyn Source>> {
    Err(missing("a SOURCE", "demo clip", "pass one"))
}

/// Returns an error that says how to build with the clip.
#[cfg(not(feature = "built-in"))]
pub fn clip_named(_name: &str) -> Result<Box<dyn Source>> {
    clip()
}

#[cfg(not(feature = "built-in"))]
fn missing(expected: &str, what: &str, next: &str) -> figureground::Error {
    let got = format!("none in a build without a {what}");
    let next = format!("{next}, or build with the feature `built-in`");
    figureground::Error::new(figureground::Stage::Command, expected, got, next)
}
