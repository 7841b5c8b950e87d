//! A request as a handler sees it, and the answer it gives.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hyper::HeaderMap;
use hyper::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use super::error::ApiError;
use super::fields::Selection;
use super::params::Params;
use super::spool::Spooled;

/// A request, routed and read whole.
#[derive(Debug)]
pub(crate) struct Request {
    /// Variables of the route, decoded.
    pub(crate) path: BTreeMap<&'static str, String>,
    pub(crate) params: Params,
    pub(crate) headers: HeaderMap,
    /// Of endpoints whose body is JSON; decompressed.
    pub(crate) body: Bytes,
    /// Of endpoints that take media.
    pub(crate) media: Option<Arc<Spooled>>,
    /// `http://host:port`, as the client reaches this server.
    pub(crate) base_url: String,
}

impl Request {
    /// A variable of the route; empty when the route has none of that name.
    pub(crate) fn path(&self, name: &str) -> &str {
        self.path.get(name).map_or("", String::as_str)
    }

    /// A header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// The body, which must be a JSON object; none at all is an empty one.
    ///
    /// # Errors
    /// 400 when it is not.
    pub(crate) fn json(&self) -> Result<Map<String, Value>, ApiError> {
        object(&self.body)
    }
}

/// Reads a JSON object; nothing at all is an empty one.
///
/// # Errors
/// 400 when it is none, or nested deeper than serde's bound of 128.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, ApiError> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(parse_error("an object was expected")),
        Err(error) => Err(parse_error(&error.to_string())),
    }
}

fn parse_error(why: &str) -> ApiError {
    ApiError::new(400, "parseError", format!("Invalid JSON payload received. {why}"))
}

/// An answer: JSON, text, or only a status and headers.
#[derive(Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    content: Content,
}

#[derive(Debug, Default)]
enum Content {
    #[default]
    None,
    Json {
        head: Value,
        /// The text of the member `rows`, which may be long.
        rows: Option<String>,
    },
}

impl Response {
    pub(crate) fn json(value: Value) -> Self {
        Self { status: 200, headers: HeaderMap::new(), content: Content::Json { head: value, rows: None } }
    }

    /// An object whose last member is `rows`: the text of a JSON array.
    pub(crate) fn json_with_rows(head: Value, rows: Option<String>) -> Self {
        Self { status: 200, headers: HeaderMap::new(), content: Content::Json { head, rows } }
    }

    /// Without a body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    #[must_use]
    pub(crate) fn with_header(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(HeaderName::from_static(name), value);
        }
        self
    }

    /// Bytes as the client wants them: with the members that `fields` names, indented unless `prettyPrint` is false.
    ///
    /// # Errors
    /// 400 when `fields` is no selection.
    pub(super) fn render(mut self, params: &Params) -> Result<(u16, HeaderMap, Bytes), ApiError> {
        let (mut head, mut rows) = match self.content {
            Content::None => return Ok((self.status, self.headers, Bytes::new())),
            Content::Json { head, rows } => (head, rows),
        };
        self.headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json; charset=UTF-8"));
        if let Some(etag) = head.get("etag").and_then(Value::as_str).filter(|etag| !etag.is_empty())
            && let Ok(etag) = HeaderValue::from_str(etag)
        {
            self.headers.insert(ETAG, etag);
        }
        if let Some(fields) = params.text("fields").filter(|_| self.status < 300) {
            let selection = Selection::parse(fields)?;
            selection.apply(&mut head);
            rows = rows.filter(|_| selection.wants("rows"));
        }
        let is_pretty = params.flag("prettyPrint").ok().flatten().unwrap_or(true);
        Ok((self.status, self.headers, text(&head, rows, is_pretty).into()))
    }
}

fn text(head: &Value, rows: Option<String>, is_pretty: bool) -> String {
    let mut text = if is_pretty { format!("{head:#}\n") } else { head.to_string() };
    let Some(rows) = rows else { return text };
    let end = text.rfind('}').unwrap_or(text.len());
    let tail = text.split_off(end);
    let body = text.trim_end().len();
    text.truncate(body);
    if !text.ends_with('{') {
        text.push(',');
    }
    text.push_str(if is_pretty { "\n  \"rows\": " } else { "\"rows\":" });
    text.push_str(&rows);
    text.push_str(if is_pretty { "\n" } else { "" });
    text.push_str(&tail);
    text
}

impl From<&ApiError> for Response {
    fn from(error: &ApiError) -> Self {
        Self { status: error.status, ..Self::json(error.to_json()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn rendered(query: &str, response: Response) -> String {
        let params = Params(crate::server::http::uri::decode_query(query).unwrap());
        String::from_utf8(response.render(&params).unwrap().2.to_vec()).unwrap()
    }

    #[test]
    fn rows_are_the_last_member_of_an_answer() {
        let answer = || Response::json_with_rows(json!({"a": 1, "b": "}"}), Some("[{\"f\":[]}]".into()));
        let whole = json!({"a": 1, "b": "}", "rows": [{"f": []}]});
        assert_eq!(rendered("prettyPrint=false", answer()), whole.to_string());
        assert_eq!(serde_json::from_str::<Value>(&rendered("", answer())).unwrap(), whole);
        assert_eq!(rendered("prettyPrint=false&fields=rows", answer()), r#"{"rows":[{"f":[]}]}"#);
        assert_eq!(rendered("prettyPrint=false&fields=a", answer()), r#"{"a":1}"#);
        assert_eq!(rendered("", Response::json(json!({"a": 1}))), "{\n  \"a\": 1\n}\n");
    }

    #[test]
    fn a_body_is_an_object_of_bounded_depth_or_nothing() {
        assert_eq!(object(b" ").unwrap().len(), 0);
        assert_eq!(object(b"{\"a\":1}").unwrap().len(), 1);
        let deep = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(deep(50).as_bytes()).is_ok());
        for text in ["[]", "{", "1", "\u{0}", &deep(130), &deep(100_000)] {
            assert_eq!(object(text.as_bytes()).unwrap_err().reason, "parseError");
        }
    }
}
