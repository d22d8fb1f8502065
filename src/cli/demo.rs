//! The demo clip inside the program.

use figureground::Result;
use figureground::source::Source;

/// Opens the demo clip.
#[cfg(feature = "built-in")]
pub fn open() -> Result<Box<dyn Source>> {
    figureground::source::demo()
}

/// Says how to get the demo clip.
#[cfg(not(feature = "built-in"))]
pub fn open() -> Result<Box<dyn Source>> {
    use figureground::{Error, Stage};
    let got = "none, and this build has no demo clip";
    Err(Error::new(Stage::Command, "a SOURCE", got, "name one, or build with the feature `built-in`"))
}
