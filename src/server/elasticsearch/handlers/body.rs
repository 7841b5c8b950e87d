//! Request bodies as JSON: one that must be there, and one that may.

use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::search::fault::parse_body;

/// Reads a body that must be there.
pub(crate) fn required_body(bytes: &[u8]) -> Result<Json, ApiError> {
    optional_body(bytes)?.ok_or_else(|| ApiError::new(400, "parse_exception", "request body is required"))
}

/// Reads a body where there is one.
pub(crate) fn optional_body(bytes: &[u8]) -> Result<Option<Json>, ApiError> {
    if bytes.is_empty() { Ok(None) } else { parse_body(bytes).map(Some) }
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
