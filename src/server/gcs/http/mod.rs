//! HTTP: sockets, request bodies, and what every request is held against before a handler sees it.

mod body;
mod dispatch;
mod message;
mod multipart;
mod route;
mod server;

pub(crate) use body::{BODIES_BYTES_MAX, RequestBody};
pub(crate) use dispatch::answer_part;
pub(crate) use message::{Body, Params, Request, Response, content_type, full, json_object};
pub(crate) use multipart::{Multipart, PartHeaders, boundary, read_parts_for_fuzzing};
pub(crate) use route::Endpoint;
pub(crate) use server::serve;
