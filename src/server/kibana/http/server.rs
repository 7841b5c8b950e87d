//! The server's sockets: what all of its connections share, and their bounds.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::super::Kibana;
use super::body::BODIES_BYTES_MAX;
use super::dispatch;
use super::route::Route;
use crate::server::http::body::Budget;
use crate::server::http::{self, Bounds, Router};

const BOUNDS: Bounds = Bounds {
    connections_max: 256,
    header_read_timeout: Duration::from_secs(30),
    head_bytes_max: 64 * 1024,
    drain_timeout: Duration::from_secs(10),
};
/// Handlers that run at once; more wait. An answer that streams holds none.
const HANDLERS_MAX: usize = 64;
/// Requests with large bodies that are handled at once: JSON takes many times its length in memory.
const LARGE_MAX: usize = 2;

/// What every connection shares.
pub(super) struct Context {
    pub(super) kibana: Arc<Kibana>,
    pub(super) router: &'static Router<Route>,
    pub(super) budget: Budget,
    pub(super) handlers: Semaphore,
    /// For handlers of large bodies, beside the other.
    pub(super) large: Semaphore,
}

/// Serves until `shutdown`, then lets running requests end within the drain timeout.
pub(crate) async fn serve(
    kibana: Arc<Kibana>,
    router: &'static Router<Route>,
    listeners: Vec<TcpListener>,
    shutdown: CancellationToken,
) {
    let (handlers, large) = (Semaphore::new(HANDLERS_MAX), Semaphore::new(LARGE_MAX));
    let context = Arc::new(Context { kibana, router, budget: Budget::new(BODIES_BYTES_MAX), handlers, large });
    http::serve(listeners, BOUNDS, shutdown, move |request| dispatch::answer(Arc::clone(&context), request)).await;
}
