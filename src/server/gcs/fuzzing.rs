//! Doors for fuzzers: each takes any bytes and must neither panic nor take memory beyond proportion.

use super::{handlers, http};
use crate::server::http::uri;

/// A request's target: the endpoint that its path names, its parameters, and what of them is a pattern or a mask.
pub fn request_target(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (path, query) = text.split_once('?').unwrap_or((&text, ""));
    let _endpoint = http::Endpoint::find(path).ok();
    if let Some(params) = uri::decode_query(query).map(http::Params) {
        handlers::read_params_for_fuzzing(&params);
    }
}

/// The name of a bucket or an object.
pub fn name(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _of_bucket = handlers::check_bucket_name(&text).is_ok();
    let _of_object = handlers::check_object_name(&text).is_ok();
}

/// `Content-Range` of an upload, `Range` of a download of so many bytes as the first eight say.
pub fn ranges(bytes: &[u8]) {
    let (size, text) = bytes.split_first_chunk().map_or((0, bytes), |(size, text)| (u64::from_be_bytes(*size), text));
    handlers::read_ranges_for_fuzzing(&String::from_utf8_lossy(text), size);
}

/// A `multipart/related` body with the boundary `b`, which comes in pieces of as many bytes as the first one says.
pub fn multipart(bytes: &[u8]) {
    if let Some((size, body)) = bytes.split_first() {
        http::read_parts_for_fuzzing(body, usize::from(*size).max(1));
    }
}
