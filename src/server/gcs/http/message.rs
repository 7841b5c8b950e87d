//! A request as a handler sees it, and the answer it gives.

use std::io;
use std::str::FromStr;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;

use super::super::error::ApiError;
use super::body::RequestBody;

/// A request, its body not read yet.
pub(crate) struct Request {
    pub(crate) method: hyper::Method,
    /// As it came, still percent-encoded.
    pub(crate) path: String,
    pub(crate) params: Params,
    pub(crate) headers: HeaderMap,
    /// How the client reaches this server: `http://host:port`.
    pub(crate) base: String,
    pub(crate) body: RequestBody,
}

impl Request {
    /// A header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method == hyper::Method::HEAD
    }

    /// The body as a JSON object; an empty one counts as `{}`.
    pub(crate) async fn json(&mut self) -> Result<serde_json::Map<String, Value>, ApiError> {
        let is_gzip = self.header("content-encoding").is_some_and(|encoding| encoding.eq_ignore_ascii_case("gzip"));
        let bytes = self.body.json_bytes(is_gzip).await?;
        json_object(&bytes)
    }
}

/// # Errors
/// It is something else; serde bounds the depth.
pub(crate) fn json_object(bytes: &[u8]) -> Result<serde_json::Map<String, Value>, ApiError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(serde_json::Map::new());
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(object)) => Ok(object),
        _ => Err(ApiError::parse()),
    }
}

/// Parameters of the query, decoded, in order; a name may stand several times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

impl Params {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Without it, or when it is empty: the empty text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false" | "") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(ApiError::invalid_parameter(name, other)),
        }
    }

    pub(crate) fn number<N: FromStr>(&self, name: &str) -> Result<Option<N>, ApiError> {
        let Some(text) = self.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| ApiError::invalid_parameter(name, text))
    }
}

/// A body whose failure breaks the connection, so that no client takes a part for the whole.
pub(crate) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// An answer.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

impl Response {
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: HeaderMap::new(), body: full(Bytes::new()) }
    }

    pub(crate) fn json(value: &Value) -> Self {
        Self::bytes("application/json; charset=UTF-8", value.to_string())
    }

    pub(crate) fn bytes(content_type: &str, bytes: impl Into<Bytes>) -> Self {
        Self { body: full(bytes.into()), ..Self::empty(200) }.with("content-type", content_type)
    }

    pub(crate) fn xml_error(error: &ApiError) -> Self {
        Self::bytes("application/xml; charset=UTF-8", error.to_xml()).with_status(error.status)
    }

    #[must_use]
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Adds a header; a value that none can have is left out.
    #[must_use]
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_bytes(value.as_bytes()) {
            self.headers.append(HeaderName::from_static(name), value);
        }
        self
    }

    /// Without the body, whose length is told if it is known.
    #[must_use]
    pub(crate) fn into_head(mut self) -> Self {
        let length = hyper::body::Body::size_hint(&self.body).exact();
        if let Some(length) = length.filter(|_| !self.headers.contains_key(CONTENT_LENGTH)) {
            self.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        self.body = full(Bytes::new());
        self
    }
}

impl From<&ApiError> for Response {
    fn from(error: &ApiError) -> Self {
        match error.status {
            304 => Self::empty(304),
            status => Self::json(&error.to_json()).with_status(status),
        }
    }
}

pub(crate) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

/// The content type of an answer, as text.
pub(crate) fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}
