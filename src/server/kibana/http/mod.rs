//! HTTP/1.1: sockets, routes, and what every request is held against before a handler sees it.

mod body;
mod dispatch;
mod guard;
mod message;
mod route;
mod server;
#[cfg(test)]
mod tests;

pub(crate) use message::{Params, Request, Response};
pub(crate) use route::{HandlerFuture, Route};
pub(crate) use server::serve;
