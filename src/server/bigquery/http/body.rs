//! Request bodies that are JSON: read whole and decompressed, each within a bound, all together within another.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;

/// Bytes of one body, as it comes and decompressed.
pub(crate) const JSON_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Bytes of all bodies in memory.
const BODIES_BYTES_MAX: usize = 128 * 1024 * 1024;
/// One unit of the budget: semaphores count in `u32`.
const UNIT: usize = 1024;
/// A client that sends nothing for so long is gone.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Of a body that is refused so much is read and dropped, so that the client is there to read the answer.
const DISCARD_BYTES_MAX: usize = 256 * 1024 * 1024;
const DISCARD_TIME_MAX: Duration = Duration::from_secs(20);

/// Room for bodies; clones share it.
#[derive(Debug, Clone)]
pub(super) struct Budget(Arc<Semaphore>);

/// A body, with its part of the budget.
pub(super) struct HeldBody {
    pub(super) bytes: Bytes,
    _held: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_BYTES_MAX / UNIT)))
    }

    fn take(&self, bytes: usize, held: &mut Option<OwnedSemaphorePermit>) -> Result<(), ApiError> {
        let has = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let lacks = bytes.div_ceil(UNIT).saturating_sub(has);
        let lacks = u32::try_from(lacks).map_err(|_| too_large(JSON_BYTES_MAX as u64))?;
        let more = Arc::clone(&self.0).try_acquire_many_owned(lacks);
        let more = more.map_err(|_| ApiError::busy("Too many request bodies at once, try again"))?;
        match held {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

/// # Errors
/// 413 over the bound, 429 when there is no room, 408 when the client pauses, 400 when it breaks off or what it sent is
/// not compressed as it says.
pub(super) async fn read(headers: &HeaderMap, body: &mut Incoming, budget: &Budget) -> Result<HeldBody, ApiError> {
    check_announced(headers, JSON_BYTES_MAX as u64)?;
    let mut bytes = BytesMut::new();
    let mut held = None;
    while let Some(frame) = next_frame(body).await? {
        if bytes.len().saturating_add(frame.len()) > JSON_BYTES_MAX {
            return Err(too_large(JSON_BYTES_MAX as u64));
        }
        budget.take(bytes.len() + frame.len(), &mut held)?;
        bytes.extend_from_slice(&frame);
    }
    let bytes = bytes.freeze();
    if !is_compressed(headers)? || bytes.is_empty() {
        return Ok(HeldBody { bytes, _held: held });
    }
    // What comes out is at most as large as a body may be, and is in memory beside what went in.
    budget.take(bytes.len() + JSON_BYTES_MAX, &mut held)?;
    let plain = tokio::task::spawn_blocking(move || decompressed(&bytes)).await.map_err(|_| ApiError::internal())??;
    Ok(HeldBody { bytes: plain, _held: held })
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

/// # Errors
/// 413 when more is announced than is taken.
pub(super) fn check_announced(headers: &HeaderMap, bytes_max: u64) -> Result<(), ApiError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > bytes_max) { Err(too_large(bytes_max)) } else { Ok(()) }
}

/// Reads on without keeping anything. A client that waits for leave to send (`Expect`) has sent nothing.
pub(super) async fn discard(headers: &HeaderMap, body: &mut Incoming) {
    if headers.contains_key("expect") {
        return;
    }
    let all = async {
        let mut count: usize = 0;
        while let Ok(Some(frame)) = next_frame(body).await {
            count = count.saturating_add(frame.len());
            if count > DISCARD_BYTES_MAX {
                return;
            }
        }
    };
    if tokio::time::timeout(DISCARD_TIME_MAX, all).await.is_err() {
        tracing::debug!("a refused body was not read to its end");
    }
}

pub(super) async fn next_frame(body: &mut Incoming) -> Result<Option<Bytes>, ApiError> {
    loop {
        if body.is_end_stream() {
            return Ok(None);
        }
        match tokio::time::timeout(PAUSE_MAX, body.frame()).await {
            Err(_) => return Err(ApiError::new(408, "requestTimeout", "The client paused while it sent its request")),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(ApiError::invalid("The request body broke off")),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

pub(super) fn too_large(bytes_max: u64) -> ApiError {
    let message = format!("Request payload size exceeds the limit: {bytes_max} bytes.");
    ApiError::new(413, "uploadTooLarge", message)
}
