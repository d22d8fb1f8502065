//! What a build without the live page has instead.

use super::{PageControls, PageSettings};
use crate::error::{Error, Result, Stage};
use crate::pipeline::WindowResult;
use crate::sink::DeliveryCounts;
use crate::source::SourceHealth;
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
    pub fn open(_: &PageSettings, _: Arc<Metrics>, _: PageControls) -> Result<Self> {
        let next = "build with the feature `page`";
        Err(Error::new(Stage::Sink, "a build with the live page and metrics", "one without", next))
    }

    /// Cannot be called.
    pub fn addresses(&self) -> &[SocketAddr] {
        match *self {}
    }

    /// Cannot be called.
    pub fn show(&mut self, _: &Arc<str>, _: &WindowResult<'_>, _: Option<Duration>) {
        match *self {}
    }
}

/// Counts that nobody can collect in this build.
#[derive(Debug)]
pub struct Metrics;

impl Metrics {
    /// Counts nothing.
    pub fn new(_: &'static str) -> Self {
        Self
    }

    /// Counts nothing.
    pub fn frame(&self, _: SourceHealth) {}

    /// Counts nothing.
    pub fn window(&self, _: &WindowResult<'_>, _: Option<Duration>) {}

    /// Counts nothing.
    pub fn lines(&self, _: &'static str, _: DeliveryCounts) {}
}
