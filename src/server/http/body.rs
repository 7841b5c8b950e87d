//! Request bodies: read whole, each within a bound, all together within another.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::header::HeaderMap;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A client that sends nothing for so long is gone.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// Of a body that is refused so much is read and dropped, so that the client is there to read the answer.
const DISCARD_BYTES_MAX: usize = 512 * 1024 * 1024;
const DISCARD_TIME_MAX: Duration = Duration::from_secs(20);
/// One unit of a budget: semaphores count in `u32` per call.
const UNIT: usize = 1024;

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Over the bound for one body.
    TooLarge,
    /// The server holds as much as it may.
    Busy { bytes: usize, bytes_max: usize },
    /// The client paused.
    Silent,
    /// The client went away or broke the framing.
    Broken,
}

/// Bytes of request bodies that may be in memory at once. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    bytes_max: usize,
}

/// A share of the budget, given back when dropped.
#[derive(Debug, Default)]
pub(crate) struct Share {
    permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

/// A body with its share of the budget.
#[derive(Debug)]
pub(crate) struct HeldBody {
    pub(crate) bytes: Bytes,
    pub(crate) share: Share,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { units: Arc::new(Semaphore::new(bytes_max.div_ceil(UNIT).min(Semaphore::MAX_PERMITS))), bytes_max }
    }

    /// Grows a share to cover `bytes`.
    ///
    /// # Errors
    /// [`BodyError::Busy`]: so much is not left.
    pub(crate) fn grow(&self, share: &mut Share, bytes: usize) -> Result<(), BodyError> {
        let missing = bytes.div_ceil(UNIT).saturating_sub(share.bytes.div_ceil(UNIT));
        if missing > 0 {
            let busy = BodyError::Busy { bytes, bytes_max: self.bytes_max };
            let units = u32::try_from(missing).map_err(|_| busy)?;
            let more = Arc::clone(&self.units).try_acquire_many_owned(units).map_err(|_| busy)?;
            match &mut share.permit {
                Some(permit) => permit.merge(more),
                none => *none = Some(more),
            }
        }
        share.bytes = share.bytes.max(bytes);
        Ok(())
    }
}

/// Reads a body whole.
///
/// # Errors
/// Any [`BodyError`]; too large before a byte is read, where the client says how much comes.
pub(crate) async fn read(body: &mut Incoming, bytes_max: usize, budget: &Budget) -> Result<HeldBody, BodyError> {
    check_announced(body, bytes_max as u64)?;
    let mut share = Share::default();
    let mut whole = BytesMut::new();
    let mut first = None;
    while let Some(data) = next_frame(body).await? {
        let length = whole.len() + first.as_ref().map_or(0, Bytes::len) + data.len();
        if length > bytes_max {
            return Err(BodyError::TooLarge);
        }
        budget.grow(&mut share, length)?;
        // A body that came in one piece is not copied.
        match (first.take(), whole.is_empty()) {
            (None, true) => first = Some(data),
            (held, _) => {
                whole.extend_from_slice(&held.unwrap_or_default());
                whole.extend_from_slice(&data);
            }
        }
    }
    Ok(HeldBody { bytes: first.unwrap_or_else(|| whole.freeze()), share })
}

/// # Errors
/// More is announced than is taken.
pub(crate) fn check_announced(body: &Incoming, bytes_max: u64) -> Result<(), BodyError> {
    if body.size_hint().lower() > bytes_max { Err(BodyError::TooLarge) } else { Ok(()) }
}

/// The next bytes; `None` at the end.
///
/// # Errors
/// [`BodyError::Silent`] and [`BodyError::Broken`].
pub(crate) async fn next_frame(body: &mut Incoming) -> Result<Option<Bytes>, BodyError> {
    while !body.is_end_stream() {
        match tokio::time::timeout(PAUSE_MAX, body.frame()).await {
            Err(_) => return Err(BodyError::Silent),
            Ok(None) => return Ok(None),
            Ok(Some(Err(_))) => return Err(BodyError::Broken),
            Ok(Some(Ok(frame))) => {
                if let Ok(data) = frame.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
    Ok(None)
}

/// Reads on without keeping anything. A client that waits for leave to send (`Expect`) has sent nothing.
pub(crate) async fn discard(headers: &HeaderMap, body: &mut Incoming) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_goes_back_to_the_budget() {
        let budget = Budget::new(10 * UNIT);
        let mut share = Share::default();
        budget.grow(&mut share, 10 * UNIT).unwrap();
        assert!(matches!(budget.grow(&mut Share::default(), 1), Err(BodyError::Busy { .. })));
        drop(share);
        budget.grow(&mut Share::default(), 10 * UNIT).unwrap();
    }
}
