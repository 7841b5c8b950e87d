//! The server's sockets: HTTP/1.1, and HTTP/2 for gRPC, on the same ports.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::super::Gcs;
use super::dispatch;
use crate::server::http::{self, Bounds};

const BOUNDS: Bounds = Bounds {
    connections_max: 512,
    header_read_timeout: Duration::from_secs(60),
    head_bytes_max: 64 * 1024,
    drain_timeout: Duration::from_secs(10),
};

/// Serves until `shutdown`, then lets running requests end within the drain timeout.
pub(crate) async fn serve(gcs: Arc<Gcs>, listeners: Vec<TcpListener>, shutdown: CancellationToken) {
    let answer = move |request| dispatch::answer(Arc::clone(&gcs), request);
    http::serve_with_http2(listeners, BOUNDS, shutdown, answer).await;
}
