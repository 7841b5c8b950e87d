//! Request bodies: read whole, each within a bound, all together within another.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::{CONTENT_LENGTH, HeaderMap};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::super::error::ApiError;

/// Bytes of one body (`savedObjects.maxImportPayloadBytes`).
pub(crate) const BODY_BYTES_MAX: usize = 26_214_400;
/// Bytes of all bodies in memory.
const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;
/// One unit of the budget: semaphores count in `u32`.
const UNIT: usize = 1024;
/// A client that sends nothing for so long is gone.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Of a body that is refused so much is read and dropped, so that the client is there to read the answer.
const DISCARD_BYTES_MAX: usize = 512 * 1024 * 1024;
const DISCARD_TIME_MAX: Duration = Duration::from_secs(20);

/// Room for bodies; clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Budget(Arc<Semaphore>);

/// A body, with its part of the budget.
pub(super) struct HeldBody {
    pub(super) bytes: Bytes,
    _held: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(BODIES_BYTES_MAX / UNIT)))
    }

    fn take(&self, bytes: usize, held: &mut Option<OwnedSemaphorePermit>) -> Result<(), ApiError> {
        let has = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let lacks = bytes.div_ceil(UNIT).saturating_sub(has);
        let lacks = u32::try_from(lacks).map_err(|_| too_large())?;
        let more = Arc::clone(&self.0).try_acquire_many_owned(lacks);
        let more = more.map_err(|_| ApiError::new(503, "Too many request bodies at once, try again"))?;
        match held {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

/// # Errors
/// 413 over the bound, 503 when there is no room, 408 when the client pauses, 400 when it breaks off.
pub(super) async fn read(headers: &HeaderMap, body: &mut Incoming, budget: &Budget) -> Result<HeldBody, ApiError> {
    let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_BYTES_MAX as u64) {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    let mut held = None;
    while let Some(frame) = next_frame(body).await? {
        if bytes.len().saturating_add(frame.len()) > BODY_BYTES_MAX {
            return Err(too_large());
        }
        budget.take(bytes.len() + frame.len(), &mut held)?;
        bytes.extend_from_slice(&frame);
    }
    Ok(HeldBody { bytes: bytes.freeze(), _held: held })
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

async fn next_frame(body: &mut Incoming) -> Result<Option<Bytes>, ApiError> {
    loop {
        if body.is_end_stream() {
            return Ok(None);
        }
        match tokio::time::timeout(PAUSE_MAX, body.frame()).await {
            Err(_) => return Err(ApiError::new(408, "Request Time-out")),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(ApiError::bad_request("The request body broke off")),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

fn too_large() -> ApiError {
    ApiError::new(413, format!("Payload content length greater than maximum allowed: {BODY_BYTES_MAX}"))
}
