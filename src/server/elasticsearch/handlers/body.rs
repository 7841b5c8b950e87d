//! Request bodies as JSON, with Elasticsearch's words for what is not.

use serde_json::json;

use crate::server::elasticsearch::codec::json::{Json, JsonError, JsonErrorKind, Source};
use crate::server::elasticsearch::error::{ApiError, Exception};

/// Source text that Jackson shows of a broken body.
const EXCERPT_BYTES: usize = 500;

/// Reads a body that must be there.
pub(crate) fn required_body(bytes: &[u8]) -> Result<Json, ApiError> {
    optional_body(bytes)?.ok_or_else(|| ApiError::new(400, "parse_exception", "request body is required"))
}

/// Reads a body where there is one.
pub(crate) fn optional_body(bytes: &[u8]) -> Result<Option<Json>, ApiError> {
    if bytes.is_empty() {
        return Ok(None);
    }
    Json::parse(bytes).map(Some).map_err(|error| not_json(&error, bytes))
}

/// 400 for a text that is not JSON.
pub(crate) fn not_json(error: &JsonError, bytes: &[u8]) -> ApiError {
    let position = Source(bytes).position(error.offset);
    let place = format!("[{}:{}]", position.line, position.column);
    let (kind, cause_kind, reason) = match error.kind {
        JsonErrorKind::EndOfInput => ("x_content_e_o_f_exception", "json_e_o_f_exception", error.reason.clone()),
        JsonErrorKind::Malformed => {
            let at = format!("line: {}, column: {}", position.line, position.column);
            let reason = format!("{}\n at [Source: (byte[]){}; {at}]", error.reason, excerpt(bytes));
            ("x_content_parse_exception", "json_parse_exception", reason)
        }
    };
    let cause = Exception::new(cause_kind, reason.clone());
    ApiError::from_exception(400, Exception::new(kind, format!("{place} {reason}")).caused_by(cause))
}

fn excerpt(bytes: &[u8]) -> String {
    let shown = bytes.get(..EXCERPT_BYTES.min(bytes.len())).unwrap_or_default();
    let text = json!(String::from_utf8_lossy(shown)).to_string();
    // Jackson prints the text between quotes as it is.
    let text = text.replace("\\\"", "\"");
    match bytes.len().saturating_sub(EXCERPT_BYTES) {
        0 => text,
        cut => format!("{text}[truncated {cut} bytes]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_json_is_described_as_jackson_does() {
        let error = required_body(b"{bad").unwrap_err();
        assert_eq!(
            error.exception().unwrap().reason,
            "[1:2] Unexpected character ('b' (code 98)): was expecting double-quote to start field name\n at [Source: (byte[])\"{bad\"; line: 1, column: 2]"
        );
        assert_eq!(required_body(b"").unwrap_err().exception().unwrap().reason, "request body is required");
        assert_eq!(required_body(br#"{"query":"#).unwrap_err().exception().unwrap().kind, "x_content_e_o_f_exception");
    }
}
