//! As many connections as the program can bear: files and cameras need descriptors too.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

/// How many connections one address holds; further ones wait in the system's queue.
const CONNECTIONS: usize = 256;
/// How long a connection may be silent before others get its place. Readers of the page hear something every second.
const IDLE: Duration = Duration::from_secs(90);

/// A listener with a place for each connection.
pub(super) struct BoundedListener {
    listener: TcpListener,
    places: Arc<Semaphore>,
}

/// A connection that gives its place back when it ends, and ends when nothing is heard or said for too long.
pub(super) struct BoundedConnection {
    stream: TcpStream,
    patience: Duration,
    silence: Pin<Box<Sleep>>,
    _place: Option<OwnedSemaphorePermit>,
}

impl BoundedConnection {
    fn new(stream: TcpStream, patience: Duration, place: Option<OwnedSemaphorePermit>) -> Self {
        Self { stream, patience, silence: Box::pin(tokio::time::sleep(patience)), _place: place }
    }

    /// What came of `attempt`, or an error once there was silence for too long.
    fn heard<T>(&mut self, context: &mut Context<'_>, attempt: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if attempt.is_ready() {
            let until = Instant::now() + self.patience;
            self.silence.as_mut().reset(until);
            return attempt;
        }
        ready!(self.silence.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl BoundedListener {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(CONNECTIONS)) }
    }
}

impl axum::serve::Listener for BoundedListener {
    type Io = BoundedConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (BoundedConnection, SocketAddr) {
        // It is never closed, so that a place always comes.
        let place = Arc::clone(&self.places).acquire_owned().await.ok();
        let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
        (BoundedConnection::new(stream, IDLE, place), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl AsyncRead for BoundedConnection {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let attempt = Pin::new(&mut self.stream).poll_read(context, into);
        self.heard(context, attempt)
    }
}

impl AsyncWrite for BoundedConnection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let attempt = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.heard(context, attempt)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::io::Write;

    async fn read(held: &mut BoundedConnection) -> io::Result<usize> {
        let mut bytes = [0; 8];
        let mut into = ReadBuf::new(&mut bytes);
        poll_fn(|context| Pin::new(&mut *held).poll_read(context, &mut into)).await?;
        Ok(into.filled().len())
    }

    #[test]
    fn a_connection_that_says_nothing_gives_its_place_back() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut reader = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let places = Arc::new(Semaphore::new(1));
            let place = Arc::clone(&places).try_acquire_owned().ok();
            let mut held =
                BoundedConnection::new(listener.accept().await.unwrap().0, Duration::from_millis(300), place);
            // Whoever speaks now and then stays.
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                reader.write_all(b"x").unwrap();
                assert_eq!(read(&mut held).await.unwrap(), 1);
            }
            assert_eq!(read(&mut held).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert_eq!(places.available_permits(), 0);
            drop(held);
            assert_eq!(places.available_permits(), 1);
        });
    }
}
