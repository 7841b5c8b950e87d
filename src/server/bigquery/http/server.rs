//! The server's sockets: what all of its connections share, and their bounds.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::BigQuery;
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

/// What every connection shares.
pub(super) struct Context {
    pub(super) bigquery: Arc<BigQuery>,
    pub(super) router: &'static Router<Route>,
    pub(super) budget: Budget,
}

/// Serves until `shutdown`, then lets running requests end within the drain timeout.
pub(crate) async fn serve(
    bigquery: Arc<BigQuery>,
    router: &'static Router<Route>,
    listeners: Vec<TcpListener>,
    shutdown: CancellationToken,
) {
    let context = Arc::new(Context { bigquery, router, budget: Budget::new(BODIES_BYTES_MAX) });
    http::serve(listeners, BOUNDS, shutdown, move |request| dispatch::answer(Arc::clone(&context), request)).await;
}
