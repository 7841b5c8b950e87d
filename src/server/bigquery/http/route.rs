//! Which handler serves a method and path.

use std::pin::Pin;
use std::sync::Arc;

use super::error::ApiError;
use super::message::{Request, Response};
use crate::server::bigquery::BigQuery;
use crate::server::http::Endpoint;

pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;

/// How an endpoint answers.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// On a thread that may block.
    Blocking(fn(&BigQuery, &Request) -> Result<Response, ApiError>),
    /// On the async threads: it waits; what blocks goes through [`BigQuery::blocking`].
    Waiting(fn(Arc<BigQuery>, Request) -> HandlerFuture),
}

/// What an endpoint's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// Read into memory.
    Json,
    /// Streamed to a file.
    Media,
}

/// One endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// Segments; `{id}` stands for any one.
    pub(crate) path: &'static str,
    pub(crate) body: BodyKind,
    pub(crate) handler: Handler,
}

impl Route {
    pub(crate) const fn blocking(
        method: &'static str,
        path: &'static str,
        handler: fn(&BigQuery, &Request) -> Result<Response, ApiError>,
    ) -> Self {
        Self { method, path, body: BodyKind::Json, handler: Handler::Blocking(handler) }
    }

    pub(crate) const fn waiting(
        method: &'static str,
        path: &'static str,
        handler: fn(Arc<BigQuery>, Request) -> HandlerFuture,
    ) -> Self {
        Self { method, path, body: BodyKind::Json, handler: Handler::Waiting(handler) }
    }

    pub(crate) const fn media(
        method: &'static str,
        path: &'static str,
        handler: fn(&BigQuery, &Request) -> Result<Response, ApiError>,
    ) -> Self {
        Self { method, path, body: BodyKind::Media, handler: Handler::Blocking(handler) }
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
