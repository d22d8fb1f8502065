//! Accepts connections, and bounds what each may take: time for a request's head, memory for it, and silence.

use super::connections::{ConnectionLimits, Connections, Place};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep};

/// Maximum numbers of connections. The live page has a reader for each of up to 64.
const LIMITS: ConnectionLimits = ConnectionLimits { all: 256, per_client: 128 };
/// Timeout of an idle connection. Readers of the page receive a message every second.
const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Time for the whole head of a request, from the end of the one before.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum size of a head in bytes.
const MAX_HEAD_BYTES: usize = 16 << 10;
/// Pause after a failure to accept, such as a lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves `router` to all who connect to `listener`.
pub(super) async fn serve(listener: TcpListener, router: Router) {
    let connections = Connections::new(LIMITS);
    loop {
        let (stream, client) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // A client that has gone is no reason to wait.
                if !matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
                continue;
            }
        };
        // Without a place, the stream is closed.
        if let Some((place, closed)) = connections.admit(client.ip()) {
            let number = place.number();
            let connection = BoundedConnection::new(stream, IDLE_TIMEOUT, Some(place));
            let (router, connections) = (router.clone(), connections.clone());
            tokio::spawn(async move {
                serve_connection(connection, router, closed).await;
                connections.keep(number);
            });
        }
    }
}

/// Serves `router` on `connection` until its end, until it becomes a live channel, or until `closed` resolves.
async fn serve_connection(connection: BoundedConnection, router: Router, closed: oneshot::Receiver<()>) {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD_BYTES);
    let serving = builder.serve_connection(TokioIo::new(connection), TowerToHyperService::new(router)).with_upgrades();
    // An error is of the client: nobody else needs it.
    tokio::select! {
        _ = serving => {}
        _ = closed => {}
    }
}

/// A connection that holds its place until it is dropped, and fails when it is idle for too long.
pub(super) struct BoundedConnection {
    stream: TcpStream,
    idle_timeout: Duration,
    idle_timer: Pin<Box<Sleep>>,
    _place: Option<Place>,
}

impl BoundedConnection {
    fn new(stream: TcpStream, idle_timeout: Duration, place: Option<Place>) -> Self {
        Self { stream, idle_timeout, idle_timer: Box::pin(tokio::time::sleep(idle_timeout)), _place: place }
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
    use axum::routing::get;
    use std::future::poll_fn;
    use std::io::{Read, Write};

    async fn read(connection: &mut BoundedConnection) -> io::Result<usize> {
        let mut bytes = [0; 8];
        let mut buffer = ReadBuf::new(&mut bytes);
        poll_fn(|context| Pin::new(&mut *connection).poll_read(context, &mut buffer)).await?;
        Ok(buffer.filled().len())
    }

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
    }

    #[test]
    fn an_idle_connection_times_out_and_frees_its_place() {
        runtime().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let mut client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let connections = Connections::new(ConnectionLimits { all: 1, per_client: 1 });
            let (stream, address) = listener.accept().await.unwrap();
            let (place, _closed) = connections.admit(address.ip()).unwrap();
            connections.keep(place.number());
            let mut connection = BoundedConnection::new(stream, Duration::from_millis(300), Some(place));
            // Traffic keeps it open.
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                client.write_all(b"x").unwrap();
                assert_eq!(read(&mut connection).await.unwrap(), 1);
            }
            assert_eq!(read(&mut connection).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
            assert!(connections.admit(address.ip()).is_none());
            drop(connection);
            assert!(connections.admit(address.ip()).is_some());
        });
    }

    #[test]
    fn heads_that_never_end_keep_nobody_out() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            runtime().block_on(async {
                let router = Router::new().route("/health", get(|| async { "ok" }));
                serve(TcpListener::from_std(listener).unwrap(), router).await;
            });
        });
        let head = b"GET /health HTTP/1.1\r\nHost: localhost\r\n";
        let connect = |bytes: &[u8]| {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            stream.set_read_timeout(Some(2 * HEAD_TIMEOUT)).unwrap();
            stream.write_all(bytes).unwrap();
            stream
        };
        let began = std::time::Instant::now();
        let mut slow: Vec<_> = (0..LIMITS.all + 44).map(|_| connect(head)).collect();
        let mut answer = String::new();
        let mut client = connect(&[head.as_slice(), b"Connection: close\r\n\r\n"].concat());
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200") && began.elapsed() < HEAD_TIMEOUT, "{answer}");
        // A head that is too long ends its connection, and so does one that takes too long in all.
        let mut long = connect(head);
        let field = [b"X-Field: ".as_slice(), &[b'x'; 4000], b"\r\n"].concat();
        let sent = (0..100).take_while(|_| long.write_all(&field).is_ok()).count();
        answer.clear();
        let _ = long.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 431") || sent < 100, "{answer}");
        let mut last = slow.pop().unwrap();
        let dripping = std::time::Instant::now();
        last.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let ended = loop {
            let mut byte = [0; 64];
            let is_open = last.write_all(b"X: y\r\n").is_ok();
            match last.read(&mut byte) {
                Err(error)
                    if is_open && matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) =>
                {
                    assert!(dripping.elapsed() < 2 * HEAD_TIMEOUT, "still open");
                }
                Ok(1..) => {}
                _ => break began.elapsed(),
            }
        };
        assert!(ended < HEAD_TIMEOUT + Duration::from_secs(5), "{ended:?}");
    }
}
