//! The REST layer: sockets, media types, routes, parameters; a handler sees a [`Request`] and gives a [`Response`].

mod body;
mod dispatch;
mod filter;
mod media;
mod message;
mod pretty;
mod route;
mod server;
pub(crate) mod similar;
mod uri;

pub(crate) use filter::wildcard_match;
pub(crate) use message::{Body, Params, Request, Response};

pub(crate) use route::{HandlerFuture, Route, Router, UNIVERSAL_PARAMS};
pub use server::Limits;
pub(crate) use server::serve;
pub(crate) use uri::{decode_path, parse_query};

/// What the writer of answers does to a body, for fuzzing.
pub(crate) fn render_for_fuzzing(filter_path: &str, body: &[u8]) {
    let filtered = filter::FilterPath::parse(filter_path).map(|filter| filter.apply(body));
    let _indented = pretty::pretty(filtered.as_deref().unwrap_or(body));
}
