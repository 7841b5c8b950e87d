//! Request bodies that are JSON: decompressed within the bounds that hold for all bodies, and refused in BigQuery's words.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use hyper::body::Incoming;
use hyper::header::{CONTENT_ENCODING, HeaderMap};

use super::error::ApiError;
use crate::server::http::body::{BodyError, Budget, HeldBody, read as read_body};

/// Bytes of one body, as it comes and decompressed.
pub(crate) const JSON_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Bytes of all bodies in memory.
pub(super) const BODIES_BYTES_MAX: usize = 128 * 1024 * 1024;

/// # Errors
/// 413 over the bound, 429 when there is no room, 408 when the client pauses, 400 when it breaks off or what it sent is
/// not compressed as it says.
pub(super) async fn read(headers: &HeaderMap, body: &mut Incoming, budget: &Budget) -> Result<HeldBody, ApiError> {
    let refused = |error| api_error(error, JSON_BYTES_MAX as u64);
    let mut held = read_body(body, JSON_BYTES_MAX, budget).await.map_err(refused)?;
    if !is_compressed(headers)? || held.bytes.is_empty() {
        return Ok(held);
    }
    // What comes out is at most as large as a body may be, and is in memory beside what went in.
    budget.grow(&mut held.share, held.bytes.len() + JSON_BYTES_MAX).map_err(refused)?;
    let bytes = std::mem::take(&mut held.bytes);
    held.bytes =
        tokio::task::spawn_blocking(move || decompressed(&bytes)).await.map_err(|_| ApiError::internal())??;
    Ok(held)
}

/// What is refused, in BigQuery's words.
pub(super) fn api_error(error: BodyError, bytes_max: u64) -> ApiError {
    match error {
        BodyError::TooLarge => too_large(bytes_max),
        BodyError::Busy { .. } => ApiError::busy("Too many request bodies at once, try again"),
        BodyError::Silent => ApiError::new(408, "requestTimeout", "The client paused while it sent its request"),
        BodyError::Broken => ApiError::invalid("The request body broke off"),
    }
}

fn decompressed(bytes: &[u8]) -> Result<Bytes, ApiError> {
    let mut plain = Vec::new();
    let mut decoder = MultiGzDecoder::new(bytes).take(JSON_BYTES_MAX as u64 + 1);
    decoder.read_to_end(&mut plain).map_err(|_| ApiError::invalid("The request body is not valid gzip"))?;
    if plain.len() > JSON_BYTES_MAX {
        return Err(too_large(JSON_BYTES_MAX as u64));
    }
    Ok(plain.into())
}

/// Whether the body is compressed.
///
/// # Errors
/// 400 for a compression that is not gzip.
pub(super) fn is_compressed(headers: &HeaderMap) -> Result<bool, ApiError> {
    let encoding = headers.get(CONTENT_ENCODING).map(|encoding| encoding.to_str().unwrap_or("?").to_ascii_lowercase());
    match encoding.as_deref() {
        None | Some("" | "identity") => Ok(false),
        Some("gzip" | "x-gzip") => Ok(true),
        Some(other) => Err(ApiError::invalid(format!("Content-Encoding {other} is not supported"))),
    }
}

pub(super) fn too_large(bytes_max: u64) -> ApiError {
    let message = format!("Request payload size exceeds the limit: {bytes_max} bytes.");
    ApiError::new(413, "uploadTooLarge", message)
}
