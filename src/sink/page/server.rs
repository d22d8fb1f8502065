//! The server thread.

use super::access::AccessGuard;
use super::routes::Endpoint;
use super::state::PageState;
use super::{PageControls, PageSettings, routes};
use crate::error::{Error, Result, Stage};
use crate::pipeline::WindowResult;
use crate::sink::metrics::Metrics;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// Time for readers to disconnect when the server is dropped.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(500);

/// A running server, stopped when it is dropped.
#[derive(Debug)]
pub struct Page {
    state: Arc<PageState>,
    addresses: Vec<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Page {
    /// Starts the server; all addresses are bound when it returns.
    ///
    /// # Errors
    /// Returns an error if an address is in use, or is not loopback and has no token, or if no thread can be started.
    pub fn open(settings: &PageSettings, metrics: Arc<Metrics>, controls: PageControls) -> Result<Self> {
        let state = Arc::new(PageState::new(metrics, controls, settings.pictures));
        let (mut endpoints, mut addresses) = (Vec::new(), Vec::new());
        for (address, is_page) in [(settings.page, true), (settings.metrics, false)] {
            let Some(address) = address else { continue };
            // Before the address is bound.
            AccessGuard::new(address, settings.token.clone(), &settings.origins)?;
            let listener = bind(address)?;
            let bound = listener.local_addr().map_err(|e| unbound(address, e))?;
            let guard = AccessGuard::new(bound, settings.token.clone(), &settings.origins)?;
            addresses.push(bound);
            let router = if is_page { routes::page(&state, guard) } else { routes::metrics(&state, guard) };
            endpoints.push(Endpoint { listener, router });
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(no_thread)?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || runtime.block_on(routes::serve(endpoints, stopped));
        let thread = std::thread::Builder::new().name("page".to_owned()).spawn(serve).map_err(no_thread)?;
        Ok(Self { state, addresses, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns the addresses: first the page, then the metrics, if they are served.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Shows `result`, whose verdict line is `line`; never blocks.
    pub fn show(&mut self, line: &Arc<str>, result: &WindowResult<'_>, latency: Option<Duration>) {
        self.state.show(line, result, latency);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.state.close();
        if let Some(stop) = self.stop.take() {
            // It fails only if the thread has ended already.
            let _ = stop.send(());
        }
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn bind(address: SocketAddr) -> Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address).map_err(|e| unbound(address, e))?;
    listener.set_nonblocking(true).map_err(|e| unbound(address, e))?;
    Ok(listener)
}

fn unbound(address: SocketAddr, error: std::io::Error) -> Error {
    let expected = format!("a free address {address} to serve at");
    Error::caused(Stage::Sink, expected, error, "choose an address of this machine and a free port")
}

fn no_thread(error: std::io::Error) -> Error {
    Error::caused(Stage::Sink, "a thread for the live page", error, "raise the limit of threads")
}
