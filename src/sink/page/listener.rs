//! A limit on connections, because files and cameras need file descriptors too.

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

/// Maximum number of connections of one address; further ones wait in the backlog of the system.
const MAX_CONNECTIONS: usize = 256;
/// Timeout of an idle connection. Readers of the page receive a message every second.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);

/// A listener with a limited number of connections.
pub(super) struct BoundedListener {
    listener: TcpListener,
    permits: Arc<Semaphore>,
}

/// A connection that counts towards the limit until it is dropped, and fails when it is idle for too long.
pub(super) struct BoundedConnection {
    stream: TcpStream,
    idle_timeout: Duration,
    idle_timer: Pin<Box<Sleep>>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl BoundedConnection {
    fn new(stream: TcpStream, idle_timeout: Duration, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self { stream, idle_timeout, idle_timer: Box::pin(tokio::time::sleep(idle_timeout)), _permit: permit }
    }

    /// Returns the result of an I/O operation, or an error once the connection was idle for too long.
    fn with_timeout<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            let deadline = Instant::now() + self.idle_timeout;
            self.idle_timer.as_mut().reset(deadline);
            return polled;
        }
        ready!(self.idle_timer.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl BoundedListener {
    pub(super) fn new(listener: TcpListener) -> Self {
        Self { listener, permits: Arc::new(Semaphore::new(MAX_CONNECTIONS)) }
    }
}

impl axum::serve::Listener for BoundedListener {
    type Io = BoundedConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (BoundedConnection, SocketAddr) {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        let (stream, address) = axum::serve::Listener::accept(&mut self.listener).await;
        (BoundedConnection::new(stream, IDLE_TIMEOUT, permit), address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl AsyncRead for BoundedConnection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.with_timeout(context, polled)
    }
}

impl AsyncWrite for BoundedConnection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.with_timeout(context, polled)
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

    async fn read(connection: &mut BoundedConnection) -> io::Result<usize> {
        let mut bytes = [0; 8];
        let mut buffer = ReadBuf::new(&mut bytes);
        poll_fn(|context| Pin::new(&mut *connection).poll_read(context, &mut buffer)).await?;
        Ok(buffer.filled().len())
    }

    #[test]
    fn an_idle_connection_times_out_and_frees_its_permit() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let permits = Arc::new(Semaphore::new(1));
            let permit = Arc::clone(&permits).try_acquire_owned().ok();
            let mut connection =
                BoundedConnection::new(listener.accept().await.unwrap().0, Duration::from_millis(300), permit);
            // Traffic keeps it open.
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                client.write_all(b"x").unwrap();
                assert_eq!(read(&mut connection).await.unwrap(), 1);
            }
            assert_eq!(read(&mut connection).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert_eq!(permits.available_permits(), 0);
            drop(connection);
            assert_eq!(permits.available_permits(), 1);
        });
    }
}
