//! The stub in builds without the live page.

use super::{PageControls, PageSettings};
use crate::error::{Error, Result, Stage};
use crate::pipeline::WindowResult;
use crate::sink::drift::Drift;
use crate::sink::{DeliveryCounts, Presence};
use crate::source::SourceHealth;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A page that cannot be opened in this build.
#[derive(Debug)]
pub enum Page {}

impl Page {
    /// Returns an error that names the feature.
    ///
    /// # Errors
    /// Always returns an error.
    pub fn open(_: &PageSettings, _: Arc<Metrics>, _: PageControls) -> Result<Self> {
        let next = "build with the feature `page`";
        Err(Error::new(Stage::Sink, "a build with the live page and metrics", "one without", next))
    }

    /// Never called.
    pub fn addresses(&self) -> &[SocketAddr] {
        match *self {}
    }

    /// Never called.
    pub fn show(&mut self, _: &Arc<str>, _: &WindowResult<'_>, _: Option<Duration>) {
        match *self {}
    }
}

/// Metrics that count nothing in this build.
#[derive(Debug)]
pub struct Metrics;

impl Metrics {
    /// Creates metrics that count nothing.
    pub fn new(_: &'static str, _: Arc<Presence>) -> Self {
        Self
    }

    /// Counts nothing.
    pub fn frame(&self, _: SourceHealth) {}

    /// Counts nothing.
    pub fn window(&self, _: &WindowResult<'_>, _: Option<Duration>) {}

    /// Records nothing.
    pub fn drift(&self, _: Drift) {}

    /// Counts nothing.
    pub fn lines(&self, _: &'static str, _: DeliveryCounts) {}
}
