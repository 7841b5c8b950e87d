//! HTTP/1.1: sockets, routes, and what every request is held against before a handler sees it.

mod body;
mod dispatch;
mod guard;
mod message;
mod route;
mod server;
#[cfg(test)]
mod tests;
mod uri;

pub(crate) use message::{Params, Request, Response};
pub(crate) use route::{HandlerFuture, Route, Router};
pub(crate) use server::serve;
pub(crate) use uri::decode;
