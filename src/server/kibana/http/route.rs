//! Which handler serves a method and path.

use std::pin::Pin;
use std::sync::Arc;

use super::super::Kibana;
use super::super::error::ApiError;
use super::message::{Request, Response};
use crate::server::http::Endpoint;

pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;
/// A handler runs on the async threads; what computes long or touches the disk goes through [`Kibana::blocking`].
pub(crate) type Handler = fn(Arc<Kibana>, Request) -> HandlerFuture;

/// One endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// Segments; `{id}` stands for any one, `{*rest}` at the end for any that follow.
    pub(crate) path: &'static str,
    pub(crate) handler: Handler,
}

impl Route {
    pub(crate) const fn new(method: &'static str, path: &'static str, handler: Handler) -> Self {
        Self { method, path, handler }
    }
}

impl Endpoint for Route {
    fn method(&self) -> &'static str {
        self.method
    }

    fn path(&self) -> &'static str {
        self.path
    }
}
