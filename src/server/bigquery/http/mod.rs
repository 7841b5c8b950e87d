//! HTTP/1.1: sockets, routes, and what every request is held against before a handler sees it.

mod body;
mod dispatch;
mod error;
mod fields;
mod guard;
mod message;
mod params;
mod route;
mod server;
mod spool;
mod uri;

pub(crate) use body::JSON_BYTES_MAX;
pub(crate) use error::ApiError;
pub(crate) use message::{Request, Response, object};
pub(crate) use route::{HandlerFuture, Route};
pub(crate) use server::serve;
pub(crate) use spool::{Spool, Spooled, TempFile};
