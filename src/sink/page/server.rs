//! The thread that serves.

use super::guard::Guard;
use super::hub::Hub;
use super::{Controls, PageSettings, routes};
use crate::error::{Error, Result, Stage};
use crate::pipeline::Outcome;
use crate::sink::vitals::Vitals;
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
    hub: Arc<Hub>,
    addresses: Vec<SocketAddr>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Page {
    /// Begins to serve; all addresses are bound when it returns.
    ///
    /// # Errors
    /// When an address that is not loopback has no token, is taken, or there is no thread.
    pub fn open(settings: &PageSettings, vitals: Arc<Vitals>, controls: Controls) -> Result<Self> {
        let hub = Arc::new(Hub::new(vitals, controls, settings.pictures));
        let (mut listeners, mut addresses) = (Vec::new(), Vec::new());
        for (address, is_page) in [(settings.page, true), (settings.metrics, false)] {
            let Some(address) = address else { continue };
            let guard = Guard::new(address, settings.token.clone())?;
            let listener = bind(address)?;
            addresses.push(listener.local_addr().map_err(|e| unbound(address, &e))?);
            let router = if is_page { routes::page(&hub, guard) } else { routes::metrics(&hub, guard) };
            listeners.push((listener, router));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| no_thread(&e))?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || runtime.block_on(routes::serve(listeners, stopped));
        let thread = std::thread::Builder::new().name("page".to_owned()).spawn(serve).map_err(|e| no_thread(&e))?;
        Ok(Self { hub, addresses, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it is served: the page first, then metrics, as far as they were asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Shows `outcome`, whose verdict line is `line`; never waits.
    pub fn show(&mut self, line: &Arc<str>, outcome: &Outcome<'_>, latency: Option<Duration>) {
        self.hub.show(line, outcome, latency);
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        self.hub.close();
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
