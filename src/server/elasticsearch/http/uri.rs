//! The request target: path segments and query parameters, percent-decoded as Elasticsearch decodes them.

use std::collections::BTreeMap;

use super::message::Params;
use crate::server::elasticsearch::error::ApiError;
use crate::server::http::uri::hex;

/// Splits a path into its decoded segments. Empty segments are dropped, as `//_search/` finds `/_search`.
pub(crate) fn decode_path(path: &str) -> Result<Vec<String>, ApiError> {
    path.split('/').filter(|segment| !segment.is_empty()).map(|segment| decode(segment, path, false)).collect()
}

/// Reads a query string; `+` is a blank there, a name without `=` has the empty value.
pub(crate) fn parse_query(query: &str) -> Result<Params, ApiError> {
    let mut params = BTreeMap::new();
    for pair in query.split(['&', ';']).filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        params.insert(decode(name, query, true)?, decode(value, query, true)?);
    }
    Ok(Params(params))
}

/// Percent-decodes; bytes that are not UTF-8 become U+FFFD.
fn decode(text: &str, whole: &str, plus_is_blank: bool) -> Result<String, ApiError> {
    if !text.contains(['%', '+']) {
        return Ok(text.to_owned());
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' if plus_is_blank => decoded.push(b' '),
            b'%' => {
                let Some((digits, after)) = after.split_at_checked(2) else { return Err(bad_escape(rest, whole)) };
                let Some(value) = hex(digits) else { return Err(bad_escape(rest, whole)) };
                decoded.push(value);
                rest = after;
            }
            other => decoded.push(other),
        }
    }
    Ok(String::from_utf8_lossy(&decoded).into_owned())
}

fn bad_escape(rest: &[u8], whole: &str) -> ApiError {
    let sequence = String::from_utf8_lossy(rest.get(..2.min(rest.len())).unwrap_or_default()).into_owned();
    let index = whole.find(&format!("%{sequence}")).unwrap_or_default();
    ApiError::illegal_argument(format!("invalid escape sequence `%{sequence}' at index {index} of: {whole}"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plus_is_a_blank_in_the_query_and_itself_in_the_path() {
        assert_eq!(decode_path("/a+b/%C3%A9/").unwrap(), ["a+b", "é"]);
        assert_eq!(parse_query("q=a+b%2B&v").unwrap().get("q"), Some("a b+"));
        assert_eq!(parse_query("q=a+b&v").unwrap().get("v"), Some(""));
    }

    #[test]
    fn a_broken_escape_is_named_with_its_place() {
        let error = decode_path("/%zz").unwrap_err();
        assert_eq!(error.exception().unwrap().reason, "invalid escape sequence `%zz' at index 1 of: /%zz");
        assert!(decode_path("/%4").is_err());
    }

    proptest! {
        #[test]
        fn any_target_is_decoded_or_refused(text in ".{0,60}") {
            let _decoded = decode_path(&text);
            let _params = parse_query(&text);
        }
    }
}
