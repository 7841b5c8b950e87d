//! Sockets: accepts within a bound of connections, gives each to hyper, and drains on shutdown.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::super::Kibana;
use super::body::Budget;
use super::dispatch;
use super::route::Router;

/// Connections open at once; more wait in the kernel's queue.
const CONNECTIONS_MAX: usize = 256;
/// Handlers that run at once; more wait. An answer that streams holds none.
const HANDLERS_MAX: usize = 64;
/// Requests with large bodies that are handled at once: JSON takes many times its length in memory.
const LARGE_MAX: usize = 2;
/// Time to send a request's head.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Time that running requests have to end after shutdown begins.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(10);

/// What every connection shares.
pub(super) struct Context {
    pub(super) kibana: Arc<Kibana>,
    pub(super) router: &'static Router,
    pub(super) budget: Budget,
    pub(super) handlers: Semaphore,
    /// For handlers of large bodies, beside the other.
    pub(super) large: Semaphore,
}

#[derive(Clone)]
struct Serving {
    context: Arc<Context>,
    slots: Arc<Semaphore>,
    connections: TaskTracker,
    shutdown: CancellationToken,
    abort: CancellationToken,
}

/// Serves until `shutdown`, then lets running requests end within the drain timeout.
pub(crate) async fn serve(
    kibana: Arc<Kibana>,
    router: &'static Router,
    listeners: Vec<TcpListener>,
    shutdown: CancellationToken,
) {
    let (handlers, large) = (Semaphore::new(HANDLERS_MAX), Semaphore::new(LARGE_MAX));
    let serving = Serving {
        context: Arc::new(Context { kibana, router, budget: Budget::new(), handlers, large }),
        slots: Arc::new(Semaphore::new(CONNECTIONS_MAX)),
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
    if tokio::time::timeout(DRAIN_TIMEOUT, serving.connections.wait()).await.is_err() {
        tracing::warn!(
            open = serving.connections.len(),
            "requests still run after the drain timeout; they are cut off"
        );
        serving.abort.cancel();
        serving.connections.wait().await;
    }
}

impl Serving {
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
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    async fn connection(self, stream: TcpStream, _slot: OwnedSemaphorePermit) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let context = self.context;
        let service = service_fn(move |request| {
            let context = Arc::clone(&context);
            async move { Ok::<_, std::convert::Infallible>(dispatch::answer(context, request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_READ_TIMEOUT)
            .max_buf_size(HEAD_BYTES_MAX)
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
