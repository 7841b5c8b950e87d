//! Sockets of the servers that speak HTTP: accepts within a bound of connections, gives each to hyper, and drains on
//! shutdown. What a request means is the server's own matter. All speak HTTP/1.1; [`serve_with_http2`] also cleartext
//! HTTP/2, on the same port, to clients that begin with its preface: those of gRPC do.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How a client of HTTP/2 begins; no method of HTTP/1.1 does.
const HTTP2_PREFACE_START: &[u8; 4] = b"PRI ";
/// Who has not sent that much by then is taken for a client of HTTP/1.1.
const PREFACE_PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks at a connection of which less than that has come.
const PREFACE_PAUSE: Duration = Duration::from_millis(10);
/// Requests at once on one HTTP/2 connection.
const HTTP2_STREAMS_MAX: u32 = 100;
/// Bytes that a client of HTTP/2 may send ahead: for one request, and for all of a connection.
const HTTP2_STREAM_WINDOW: u32 = 1024 * 1024;
const HTTP2_CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// Bytes of answers that wait in one HTTP/2 connection.
const HTTP2_SEND_BYTES_MAX: usize = 512 * 1024;
/// An HTTP/2 connection that is silent for so long is asked whether it is still there.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(60);

/// The address of the socket that a request came in by: an extension of each request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalAddress(pub(crate) SocketAddr);

/// What is spoken beside HTTP/1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocols {
    Http1,
    Http1And2,
}

/// Bounds of the connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Connections open at once; more wait in the kernel's queue.
    pub(crate) connections_max: usize,
    /// Time to send a request's head.
    pub(crate) header_read_timeout: Duration,
    pub(crate) head_bytes_max: usize,
    /// Time that running requests have to end after shutdown begins.
    pub(crate) drain_timeout: Duration,
}

#[derive(Clone)]
struct Serving<F> {
    answer: F,
    bounds: Bounds,
    protocols: Protocols,
    slots: Arc<Semaphore>,
    connections: TaskTracker,
    shutdown: CancellationToken,
    abort: CancellationToken,
}

/// Serves until `shutdown`, then lets running requests end within the drain timeout.
pub(crate) async fn serve<F, A, B>(listeners: Vec<TcpListener>, bounds: Bounds, shutdown: CancellationToken, answer: F)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    serve_protocols(listeners, bounds, Protocols::Http1, shutdown, answer).await;
}

/// The same, with HTTP/2 beside HTTP/1.1.
pub(crate) async fn serve_with_http2<F, A, B>(
    listeners: Vec<TcpListener>,
    bounds: Bounds,
    shutdown: CancellationToken,
    answer: F,
) where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    serve_protocols(listeners, bounds, Protocols::Http1And2, shutdown, answer).await;
}

async fn serve_protocols<F, A, B>(
    listeners: Vec<TcpListener>,
    bounds: Bounds,
    protocols: Protocols,
    shutdown: CancellationToken,
    answer: F,
) where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let serving = Serving {
        answer,
        bounds,
        protocols,
        slots: Arc::new(Semaphore::new(bounds.connections_max)),
        connections: TaskTracker::new(),
        shutdown,
        abort: CancellationToken::new(),
    };
    let acceptors = TaskTracker::new();
    for listener in listeners {
        acceptors.spawn(serving.clone().accept(listener));
    }
    acceptors.close();
    acceptors.wait().await;
    serving.connections.close();
    if tokio::time::timeout(bounds.drain_timeout, serving.connections.wait()).await.is_err() {
        tracing::warn!(
            open = serving.connections.len(),
            "requests still run after the drain timeout; closing their connections"
        );
        serving.abort.cancel();
        serving.connections.wait().await;
    }
}

impl<F, A, B> Serving<F>
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    async fn accept(self, listener: TcpListener) {
        loop {
            let next = async {
                let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
                Some((slot, listener.accept().await))
            };
            let accepted = tokio::select! {
                () = self.shutdown.cancelled() => return,
                accepted = next => accepted,
            };
            match accepted {
                None => return,
                Some((slot, Ok((stream, _)))) => {
                    self.connections.spawn(self.clone().connection(stream, slot));
                }
                Some((_, Err(error))) => {
                    // Out of file descriptors, or a client that left: neither ends the server.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn connection(self, stream: TcpStream, _slot: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let is_http2 = self.protocols == Protocols::Http1And2
            && tokio::select! {
                () = self.shutdown.cancelled() => return,
                is_http2 = begins_http2(&stream) => is_http2,
            };
        let local = stream.local_addr().ok().map(LocalAddress);
        let answer = self.answer.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            if let Some(local) = local {
                request.extensions_mut().insert(local);
            }
            let answer = answer(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        if is_http2 {
            let connection = http2_builder(&self.bounds).serve_connection(TokioIo::new(stream), service);
            self.drain(connection).await;
        } else {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(self.bounds.header_read_timeout)
                .max_buf_size(self.bounds.head_bytes_max)
                .serve_connection(TokioIo::new(stream), service);
            self.drain(connection).await;
        }
    }

    /// Runs a connection to its end; when shutdown begins, to the end of its requests.
    async fn drain<C>(&self, connection: C)
    where
        C: Future<Output = hyper::Result<()>> + Graceful,
    {
        tokio::pin!(connection);
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.shutdown.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    () = self.abort.cancelled() => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

/// Looks at what comes first, without taking it.
async fn begins_http2(stream: &TcpStream) -> bool {
    let look = async {
        loop {
            let mut start = [0; HTTP2_PREFACE_START.len()];
            let count = stream.peek(&mut start).await.unwrap_or(0);
            let seen = start.get(..count).unwrap_or_default();
            if count == 0 || count == start.len() || !HTTP2_PREFACE_START.starts_with(seen) {
                return seen == HTTP2_PREFACE_START;
            }
            tokio::time::sleep(PREFACE_PAUSE).await;
        }
    };
    // A client that sends nothing meets the timeout of HTTP/1.1.
    tokio::time::timeout(PREFACE_PATIENCE, look).await.unwrap_or(false)
}

fn http2_builder(bounds: &Bounds) -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(bounds.head_bytes_max).unwrap_or(u32::MAX))
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW)
        .max_send_buf_size(HTTP2_SEND_BYTES_MAX)
        .keep_alive_interval(HTTP2_PING_INTERVAL);
    builder
}

/// A connection that can be told to end after its running requests.
trait Graceful {
    fn graceful_shutdown(self: Pin<&mut Self>);
}

impl<S, B> Graceful for http1::Connection<TokioIo<TcpStream>, S>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        http1::Connection::graceful_shutdown(self);
    }
}

impl<S, B> Graceful for http2::Connection<TokioIo<TcpStream>, S, TokioExecutor>
where
    S: HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    TokioExecutor: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    fn graceful_shutdown(self: Pin<&mut Self>) {
        http2::Connection::graceful_shutdown(self);
    }
}
