//! What the servers that speak HTTP share: sockets, request targets, bodies within bounds, the patterns of their paths. What
//! a request means, and in which words it is refused, is each server's own matter.

pub(crate) mod body;
mod pattern;
mod sockets;
pub(crate) mod uri;

pub(crate) use pattern::{Endpoint, Pattern, Router};
pub(crate) use sockets::{Bounds, LocalAddress, serve, serve_with_http2};

/// The cause at the end of a chain: what a client of HTTP says above it is only that a request failed.
pub(crate) fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}
