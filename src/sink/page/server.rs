//! The thread that serves.

use super::guard::Guard;
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

/// How long the program's end waits for readers.
const GRACE: Duration = Duration::from_millis(500);

/// A running server. Dropping it ends it.
#[derive(Debug)]
pub struct Page {
    state: Arc<PageState>,
    addresses: Vec<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Page {
    /// Begins to serve; all addresses are bound when it returns.
    ///
    /// # Errors
    /// When an address that is not loopback has no token, is taken, or there is no thread.
    pub fn open(settings: &PageSettings, metrics: Arc<Metrics>, controls: PageControls) -> Result<Self> {
        let state = Arc::new(PageState::new(metrics, controls, settings.pictures));
        let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
        for (address, is_page) in [(settings.page, true), (settings.metrics, false)] {
            let Some(address) = address else { continue };
            let guard = Guard::new(address, settings.token.clone())?;
            let listener = bind(address)?;
            addresses.push(listener.local_addr().map_err(|e| unbound(address, &e))?);
            let router = if is_page { routes::page(&state, guard) } else { routes::metrics(&state, guard) };
            listeners.push((listener, router));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| no_thread(&e))?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || runtime.block_on(routes::serve(listeners, stopped));
        let thread = std::thread::Builder::new().name("page".to_owned()).spawn(serve).map_err(|e| no_thread(&e))?;
        Ok(Self { state, addresses, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is served: the page first, then metrics, as far as they were asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Shows `outcome`, whose verdict line is `line`; never waits.
    pub fn show(&mut self, line: &Arc<str>, outcome: &WindowResult<'_>, latency: Option<Duration>) {
        self.state.show(line, outcome, latency);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.state.close();
        if let Some(stop) = self.stop.take() {
            // Nobody listens where the thread has ended already.
            let _ = stop.send(());
        }
        let until = Instant::now() + GRACE;
        while self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

fn bind(address: SocketAddr) -> Result<std::net::TcpListener> {
    let listener = std::net::TcpListener::bind(address).map_err(|e| unbound(address, &e))?;
    listener.set_nonblocking(true).map_err(|e| unbound(address, &e))?;
    Ok(listener)
}

fn unbound(address: SocketAddr, error: &std::io::Error) -> Error {
    let expected = format!("to serve at {address}");
    Error::new(Stage::Sink, expected, error, "choose an address of this machine and a port that is free")
}

fn no_thread(error: &std::io::Error) -> Error {
    Error::new(Stage::Sink, "a thread for the live page", error, "raise the limit of threads")
}
