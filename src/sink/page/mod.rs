//! The live page, with the newest frame, the results of the three views and controls; and metrics for Prometheus.
//!
//! One thread serves all readers. Each reader receives the newest window, and a slow one misses some: recognition never
//! waits for a reader, and memory does not grow with readers. The page loads nothing from other hosts.
//!
//! A loopback address is open to all users of the machine and answers to loopback host names only, so that a web site
//! cannot reach it through DNS rebinding. Any other address needs a token.

#[cfg(feature = "page")]
mod access;
#[cfg(feature = "page")]
mod connections;
#[cfg(not(feature = "page"))]
mod disabled;
#[cfg(feature = "page")]
mod listener;
#[cfg(feature = "page")]
mod routes;
#[cfg(feature = "page")]
mod server;
#[cfg(feature = "page")]
mod state;
#[cfg(feature = "page")]
mod token_tries;

use super::Secret;
use crate::pipeline::{LabelUpdater, PipelineHandle};
#[cfg(not(feature = "page"))]
pub use disabled::{Metrics, Page};
#[cfg(feature = "page")]
pub use server::Page;
use std::net::SocketAddr;

#[cfg(feature = "page")]
pub use super::metrics::Metrics;

/// Addresses and access of the live page and metrics.
#[derive(Clone, Debug)]
pub struct PageSettings {
    /// Address and port of the page, with metrics at `/metrics`.
    pub page: Option<SocketAddr>,
    /// Address and port of a server of metrics alone.
    pub metrics: Option<SocketAddr>,
    /// Whether pictures may be shown at all.
    pub pictures: bool,
    /// The access token; required for addresses that are not loopback.
    pub token: Option<Secret>,
    /// Further origins of the page, as `https://cam.example`, at which a proxy serves it.
    pub origins: Vec<String>,
}

impl PageSettings {
    /// Returns the names of what is served, in the order of [`Page::addresses`].
    pub(super) fn served(&self) -> Vec<&'static str> {
        let page = self.page.map(|_| "live page");
        page.into_iter().chain(self.metrics.map(|_| "metrics")).collect()
    }
}

/// The pipeline that the page controls.
#[derive(Clone, Debug)]
pub struct PageControls {
    /// Reads and sets the threshold.
    pub handle: PipelineHandle,
    /// Replaces the labels.
    pub label_updater: LabelUpdater,
}
