//! Doors for fuzzers: each takes any bytes and must neither panic nor take memory beyond proportion.

use super::codec::json::{Json, Source};
use super::handlers;
use super::http::{Params, decode_path, parse_query};
use super::mapping::{DateFormat, Mapping, parse_document};
use super::search::request::SearchRequest;
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

/// The body of `_bulk`: action and source lines.
pub fn bulk_body(bytes: &[u8]) {
    handlers::parse_bulk_for_fuzzing(bytes);
}

/// The body of `_search`: the query DSL, sorting, aggregations.
pub fn search_body(bytes: &[u8]) {
    let _request = SearchRequest::parse(bytes, &Params::default(), "/_search");
}

/// The body of `PUT _mapping`.
pub fn mapping(bytes: &[u8]) {
    if let Ok(json) = Json::parse(bytes) {
        let _mapping = Mapping::parse(&json, &Source(bytes));
    }
}

/// A document, mapped dynamically.
pub fn document(bytes: &[u8]) {
    let _document = parse_document(&Mapping::default(), "1", bytes);
}

/// A date pattern (the first line) and a date in it.
pub fn date(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (pattern, date) = text.split_once('\n').unwrap_or((&text, ""));
    if let Ok(format) = DateFormat::parse_pattern(pattern) {
        let _millis = format.parse_millis(date);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_decoder_survives_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for decode in [
                super::json, super::request_target, super::filter_path, super::index_template, super::bulk_body,
                super::search_body, super::mapping, super::document, super::date,
            ] {
                decode(&bytes);
            }
        }

        #[test]
        fn every_decoder_survives_what_looks_like_its_input(
            text in r#"(\{|\}|\[|\]|:|,|\n|"query"|"aggs"|"index"|"_id"|"bool"|"must"|"terms"|"field"|"a"|"properties"|"type"|"date"|1|-1\.5|null){0,40}"#
        ) {
            let bytes = text.as_bytes();
            for decode in [super::index_template, super::bulk_body, super::search_body, super::mapping, super::document] {
                decode(bytes);
            }
        }
    }
}
