//! A request as a handler sees it, and the answer it gives.

use std::collections::BTreeMap;
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::HeaderMap;
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use serde_json::Value;
use tokio::sync::mpsc;

use super::super::attribute::expected;
use super::super::error::ApiError;

/// A request, routed and read whole.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Variables of the route, decoded.
    pub(crate) path: BTreeMap<&'static str, String>,
    pub(crate) params: Params,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Request {
    /// A variable of the route; empty when the route has none of that name.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A header, if it is text.
    pub(crate) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Parameters of the query, decoded, in order; a name may stand several times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params(pub(crate) Vec<(String, String)>);

impl Params {
    pub(crate) fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn get<'p>(&'p self, name: &'p str) -> Option<&'p str> {
        self.all(name).next()
    }

    /// Refuses parameters of other names, in Kibana's words.
    pub(crate) fn check(&self, known: &[&str]) -> Result<(), ApiError> {
        match self.0.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            None => Ok(()),
            Some((name, _)) => {
                Err(ApiError::bad_request(format!("[request query.{name}]: definition for this key is missing")))
            }
        }
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(self.wrong(name, "boolean", other)),
        }
    }

    pub(crate) fn number(&self, name: &str, default: usize) -> Result<usize, ApiError> {
        match self.get(name) {
            None => Ok(default),
            Some(text) => text.parse().map_err(|_| self.wrong(name, "number", text)),
        }
    }

    fn wrong(&self, name: &str, kind: &str, found: &str) -> ApiError {
        ApiError::bad_request(expected(&format!("request query.{name}"), kind, Some(&Value::from(found))))
    }
}

/// An answer. The headers that all answers carry are added to it where it does not set them itself.
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: UnsyncBoxBody<Bytes, Infallible>,
}

impl Response {
    pub(crate) fn bytes(content_type: &'static str, bytes: impl Into<Bytes>) -> Self {
        Self::new(content_type, Full::new(bytes.into()).boxed_unsync())
    }

    pub(crate) fn json(value: &Value) -> Self {
        Self::bytes("application/json; charset=utf-8", value.to_string())
    }

    /// Sends each piece as it comes, until the sender is dropped.
    pub(crate) fn stream(content_type: &'static str, pieces: mpsc::Receiver<Bytes>) -> Self {
        let frames = stream::unfold(pieces, |mut pieces| async move {
            let piece = pieces.recv().await?;
            Some((Ok::<_, Infallible>(Frame::data(piece)), pieces))
        });
        Self::new(content_type, StreamBody::new(frames).boxed_unsync())
    }

    fn new(content_type: &'static str, body: UnsyncBoxBody<Bytes, Infallible>) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status: 200, headers, body }
    }

    #[must_use]
    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

impl From<&ApiError> for Response {
    fn from(error: &ApiError) -> Self {
        Self::json(&error.to_json()).with_status(error.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stream_sends_each_piece_until_its_sender_is_gone() {
        let (sender, pieces) = mpsc::channel(1);
        let mut response = Response::stream("text/event-stream", pieces);
        let sending = tokio::spawn(async move {
            for piece in ["a", "b"] {
                sender.send(Bytes::from(piece)).await.unwrap();
            }
        });
        let mut sent = Vec::new();
        while let Some(frame) = response.body.frame().await {
            sent.push(frame.unwrap().into_data().unwrap());
        }
        sending.await.unwrap();
        assert_eq!(sent, ["a", "b"]);
    }
}
