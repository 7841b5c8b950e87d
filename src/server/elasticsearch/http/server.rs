//! The node's sockets: what all of its connections share, and the bounds of the REST layer.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::dispatch;
use super::route::Router;
use crate::server::elasticsearch::state::Node;
use crate::server::http::body::Budget;
use crate::server::http::{self, Bounds};

/// Bounds of the REST layer. The defaults are Elasticsearch's, where it has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; more wait in the kernel's queue.
    pub connections_max: usize,
    /// Time to send a request's head.
    pub header_read_timeout: Duration,
    /// Bytes of one body, compressed or not (`http.max_content_length`).
    pub body_bytes_max: usize,
    /// Bytes of all bodies in memory (`indexing_pressure.memory.limit`).
    pub in_flight_bytes_max: usize,
    /// Handlers that run at once; more wait.
    pub handlers_max: usize,
    /// Time that running requests have to end after shutdown begins.
    pub drain_timeout: Duration,
}

/// Bytes of a request line (`http.max_initial_line_length`).
pub(super) const LINE_BYTES_MAX: usize = 4096;
/// Bytes of all headers (`http.max_header_size`).
pub(super) const HEADER_BYTES_MAX: usize = 16 * 1024;
/// Room for a head that is too long to be served but short enough to be answered in Elasticsearch's words.
const HEAD_BUFFER_BYTES: usize = 64 * 1024;

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 1024,
            header_read_timeout: Duration::from_secs(30),
            body_bytes_max: 100 * 1024 * 1024,
            in_flight_bytes_max: 256 * 1024 * 1024,
            handlers_max: 64,
            drain_timeout: Duration::from_secs(10),
        }
    }
}

/// What every connection shares.
pub(super) struct Context {
    pub(super) node: Arc<Node>,
    pub(super) router: &'static Router,
    pub(super) limits: Limits,
    pub(super) budget: Budget,
    pub(super) handlers: Arc<Semaphore>,
}

/// Serves until `shutdown`, then lets running requests end within the drain timeout.
pub(crate) async fn serve(
    node: Arc<Node>,
    router: &'static Router,
    listeners: Vec<TcpListener>,
    limits: Limits,
    shutdown: CancellationToken,
) {
    let bounds = Bounds {
        connections_max: limits.connections_max,
        header_read_timeout: limits.header_read_timeout,
        head_bytes_max: HEAD_BUFFER_BYTES,
        drain_timeout: limits.drain_timeout,
    };
    let context = Arc::new(Context {
        node,
        router,
        budget: Budget::new(limits.in_flight_bytes_max),
        handlers: Arc::new(Semaphore::new(limits.handlers_max)),
        limits,
    });
    http::serve(listeners, bounds, shutdown, move |request| dispatch::answer(Arc::clone(&context), request)).await;
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::server::elasticsearch::NodeConfig;
    use crate::server::elasticsearch::http::route::{HandlerFuture, Route};
    use crate::server::elasticsearch::http::{Request, Response};

    fn panics(_: Arc<Node>, _: Request) -> HandlerFuture {
        Box::pin(async { panic!("a handler's bug") })
    }

    fn answers(_: Arc<Node>, _: Request) -> HandlerFuture {
        Box::pin(async { Ok(Response::ok(serde_json::json!({"alive": true}))) })
    }

    fn get(address: std::net::SocketAddr, target: &str) -> String {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        stream.write_all(format!("GET {target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_panic_in_a_handler_fails_its_own_request_only() {
        let dir = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let node = Arc::new(Node::open(&NodeConfig::new(dir.path(), address)).unwrap());
        let router: &'static Router = Box::leak(Box::new(Router::new(vec![
            Route::new(&["GET"], "/_panics", &[], panics),
            Route::new(&["GET"], "/_panics_waiting", &[], panics).waits(),
            Route::new(&["GET"], "/_answers", &[], answers),
        ])));
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(serve(node, router, vec![listener], Limits::default(), shutdown.clone()));
        tokio::task::spawn_blocking(move || {
            for target in ["/_panics", "/_panics_waiting"] {
                let answer = get(address, target);
                assert!(answer.starts_with("HTTP/1.1 500 "), "{answer}");
                assert!(answer.contains(r#""status":500"#), "{answer}");
                assert!(get(address, "/_answers").ends_with(r#"{"alive":true}"#));
            }
        })
        .await
        .unwrap();
        shutdown.cancel();
        served.await.unwrap();
    }
}
