//! A request as a handler sees it, and the answer it gives.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;

use crate::server::elasticsearch::error::{ApiError, Exception};

/// One request, routed: media types are agreed, gzip is undone, parameter names are known to be legal for the endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: &'static str,
    /// Path and query as sent, for messages.
    pub(crate) uri: String,
    /// Variables of the route, percent-decoded (`index`, `id`, `name`, ...).
    pub(crate) path: BTreeMap<&'static str, String>,
    pub(crate) params: Params,
    /// The body, or the parameter `source` in its place.
    pub(crate) body: Bytes,
}

/// Parameters of the query string, percent-decoded; the last one wins where a name stands twice.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(pub(crate) BTreeMap<String, String>);

impl Params {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// `true`, `false`, or empty for true; anything else is refused as Elasticsearch does.
    pub(crate) fn bool(&self, name: &str, default: bool) -> Result<bool, ApiError> {
        match self.get(name) {
            None => Ok(default),
            Some("" | "true") => Ok(true),
            Some("false") => Ok(false),
            Some(other) => Err(ApiError::illegal_argument(format!(
                "Failed to parse value [{other}] as only [true] or [false] are allowed."
            ))),
        }
    }

    pub(crate) fn int(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| {
            let cause = Exception::new("number_format_exception", format!("For input string: \"{text}\""));
            let reason = format!("Failed to parse int parameter [{name}] with value [{text}]");
            ApiError::from_exception(400, Exception::new("illegal_argument_exception", reason).caused_by(cause))
        })
    }
}

/// What a handler answers; the REST layer adds the usual headers, `pretty`, `filter_path` and the agreed media type.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Json(Value),
    /// JSON already written: large answers, sources as bytes. `filter_path` and `pretty` re-read it.
    RawJson(Bytes),
    Text(String),
}

impl Response {
    pub(crate) fn json(status: u16, body: Value) -> Self {
        Self { status, headers: Vec::new(), body: Body::Json(body) }
    }

    pub(crate) fn ok(body: Value) -> Self {
        Self::json(200, body)
    }
}
