//! The REST layer: sockets, media types, routes, parameters; a handler sees a [`Request`] and gives a [`Response`].

mod message;

pub(crate) use message::{Body, Params, Request, Response};
