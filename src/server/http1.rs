//! Sockets of the servers that speak HTTP/1.1: accepts within a bound of connections, gives each to hyper, and drains on
//! shutdown. What a request means is the server's own matter.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pause after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Bounds of the connections.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Connections open at once; more wait in the kernel's queue.
    pub(super) connections_max: usize,
    /// Time to send a request's head.
    pub(super) header_read_timeout: Duration,
    pub(super) head_bytes_max: usize,
    /// Time that running requests have to end after shutdown begins.
    pub(super) drain_timeout: Duration,
}

#[derive(Clone)]
struct Serving<F> {
    answer: F,
    bounds: Bounds,
    slots: Arc<Semaphore>,
    connections: TaskTracker,
    shutdown: CancellationToken,
    abort: CancellationToken,
}

/// Serves until `shutdown`, then lets running requests end within the drain timeout.
pub(super) async fn serve<F, A, B>(listeners: Vec<TcpListener>, bounds: Bounds, shutdown: CancellationToken, answer: F)
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<B>> + Send + 'static,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let serving = Serving {
        answer,
        bounds,
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
        let answer = self.answer;
        let service = service_fn(move |request| {
            let answer = answer(request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.bounds.header_read_timeout)
            .max_buf_size(self.bounds.head_bytes_max)
            .serve_connection(TokioIo::new(stream), service);
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
