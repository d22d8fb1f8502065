//! The live page: what the camera sees, what the three views say, and two controls; and metrics for Prometheus.
//!
//! One thread serves all readers. Each of them gets the newest window, and one that reads slowly misses some: recognition
//! never waits for a reader, and no reader makes memory grow. Nothing is loaded from anywhere else.
//!
//! On a loopback address the page is open to who can log in to the machine, and only answers to loopback names, so that no
//! web site can reach it through a name of its own. Any other address needs a token.

#[cfg(not(feature = "page"))]
mod disabled;
#[cfg(feature = "page")]
mod guard;
#[cfg(feature = "page")]
mod listener;
#[cfg(feature = "page")]
mod routes;
#[cfg(feature = "page")]
mod server;
#[cfg(feature = "page")]
mod state;

use super::Secret;
use crate::pipeline::{LabelUpdater, PipelineHandle};
#[cfg(not(feature = "page"))]
pub use disabled::{Metrics, Page};
#[cfg(feature = "page")]
pub use server::Page;
use std::net::SocketAddr;

#[cfg(feature = "page")]
pub use super::metrics::Metrics;

/// What is served where.
#[derive(Clone, Debug)]
pub struct PageSettings {
    /// Address and port of the page, with metrics at `/metrics`.
    pub page: Option<SocketAddr>,
    /// Address and port of metrics alone.
    pub metrics: Option<SocketAddr>,
    /// Whether pictures may be shown at all.
    pub pictures: bool,
    /// What readers have to know; needed for addresses that are not loopback.
    pub token: Option<Secret>,
}

/// What the page's controls change.
#[derive(Clone, Debug)]
pub struct PageControls {
    /// Knows the threshold and takes another.
    pub handle: PipelineHandle,
    /// Takes labels.
    pub label_updater: LabelUpdater,
}
