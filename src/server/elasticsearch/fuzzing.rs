//! Doors for fuzzers: each takes any bytes and must neither panic nor take memory beyond proportion.

use super::codec::json::{Json, Source};
use super::http::{decode_path, parse_query};
use super::state::IndexTemplate;

/// A JSON text, and its places.
pub fn json(bytes: &[u8]) {
    if let Ok(json) = Json::parse(bytes) {
        let _value = json.to_value();
    }
}

/// A request target: path and query.
pub fn request_target(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let _path = decode_path(path);
        let _params = parse_query(query);
    }
}

/// A response, filtered by `filter_path` and indented: the first line is the filter.
pub fn filter_path(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let (filter, body) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    super::http::render_for_fuzzing(&String::from_utf8_lossy(filter), body);
}

/// The body of `PUT _index_template`.
pub fn index_template(bytes: &[u8]) {
    if let Ok(json) = Json::parse(bytes) {
        let _template = IndexTemplate::parse(&json, &Source(bytes));
    }
}
