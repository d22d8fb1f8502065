//! What a build without the live page has instead.

use super::{Controls, PageSettings};
use crate::error::{Error, Result, Stage};
use crate::pipeline::Outcome;
use crate::sink::Tally;
use crate::source::Health;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A page that this build does not have.
#[derive(Debug)]
pub enum Page {}

impl Page {
    /// Says how to get it.
    ///
    /// # Errors
    /// Always.
    pub fn open(_: &PageSettings, _: Arc<Vitals>, _: Controls) -> Result<Self> {
        let next = "build with the feature `page`";
        Err(Error::new(Stage::Sink, "a build with the live page and metrics", "one without", next))
    }

    /// Cannot be called.
    pub fn addresses(&self) -> &[SocketAddr] {
        match *self {}
    }

    /// Cannot be called.
    pub fn show(&mut self, _: &Arc<str>, _: &Outcome<'_>, _: Option<Duration>) {
        match *self {}
    }
}

/// Counts that nobody can collect in this build.
#[derive(Debug)]
pub struct Vitals;

impl Vitals {
    /// Counts nothing.
    pub fn new(_: &'static str) -> Self {
        Self
    }

    /// Counts nothing.
    pub fn frame(&self, _: Health) {}

    /// Counts nothing.
    pub fn window(&self, _: &Outcome<'_>, _: Option<Duration>) {}

    /// Counts nothing.
    pub fn lines(&self, _: &'static str, _: Tally) {}
}
