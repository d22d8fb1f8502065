//! The bundle and the demo clip inside the program.

use figureground::Result;
use figureground::bundle::Bundle;
use figureground::source::Source;

/// Opens the built-in bundle.
#[cfg(feature = "built-in")]
pub fn bundle() -> Result<Bundle> {
    Bundle::built_in()
}

/// Opens the demo clip.
#[cfg(feature = "built-in")]
pub fn clip() -> Result<Box<dyn Source>> {
    figureground::source::demo()
}

/// Says how to get a bundle.
#[cfg(not(feature = "built-in"))]
pub fn bundle() -> Result<Bundle> {
    Err(absent("--bundle DIR", "bundle", "make one with `figureground import` and pass its directory"))
}

/// Says how to get the demo clip.
#[cfg(not(feature = "built-in"))]
pub fn clip() -> Result<Box<dyn Source>> {
    Err(absent("a SOURCE", "demo clip", "name one"))
}

#[cfg(not(feature = "built-in"))]
fn absent(expected: &str, what: &str, next: &str) -> figureground::Error {
    let got = format!("none, and this build has no {what}");
    let next = format!("{next}, or build with the feature `built-in`");
    figureground::Error::new(figureground::Stage::Command, expected, got, next)
}
