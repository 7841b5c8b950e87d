//! Request bodies: read whole, under a bound for each and a budget for all together; gzip is undone under the same bounds.

use std::io::Read;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::server::elasticsearch::error::ApiError;

/// Bytes of request bodies that may be in memory at once. Cloning shares the budget.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    units: Arc<Semaphore>,
    bytes_max: usize,
}

/// One unit of the budget; semaphores count in `u32` per call.
const UNIT: usize = 1024;

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

/// Why a body was not read.
#[derive(Debug)]
pub(crate) enum BodyError {
    /// Over the bound for one body: 413, the connection ends.
    TooLarge,
    /// The server holds as much as it may: 429.
    Busy { bytes: usize, bytes_max: usize },
    /// The client went away or broke the framing.
    Broken,
}

impl Budget {
    pub(crate) fn new(bytes_max: usize) -> Budget {
        Budget { units: Arc::new(Semaphore::new(bytes_max.div_ceil(UNIT).min(Semaphore::MAX_PERMITS))), bytes_max }
    }

    /// Grows a share to cover `bytes`.
    fn grow(&self, share: &mut Share, bytes: usize) -> Result<(), BodyError> {
        let missing = bytes.div_ceil(UNIT).saturating_sub(share.bytes.div_ceil(UNIT));
        if missing > 0 {
            let busy = BodyError::Busy { bytes, bytes_max: self.bytes_max };
            let Ok(units) = u32::try_from(missing) else { return Err(busy) };
            let Ok(more) = Arc::clone(&self.units).try_acquire_many_owned(units) else { return Err(busy) };
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
pub(crate) async fn read(mut body: Incoming, bytes_max: usize, budget: &Budget) -> Result<HeldBody, BodyError> {
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if announced > bytes_max {
        return Err(BodyError::TooLarge);
    }
    let mut share = Share::default();
    let mut whole = BytesMut::new();
    let mut first = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else { continue };
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

/// Undoes `Content-Encoding`. Inflation is charged to the budget and bounded like a plain body.
pub(crate) fn decode(
    body: &mut HeldBody,
    encoding: Option<&str>,
    bytes_max: usize,
    budget: &Budget,
) -> Result<(), ApiError> {
    let bytes = body.bytes.clone();
    let reader: Box<dyn Read> = match encoding.map(str::trim).map(str::to_ascii_lowercase).as_deref() {
        None | Some("" | "identity") => return Ok(()),
        Some("gzip" | "x-gzip") => Box::new(MultiGzDecoder::new(bytes.as_ref())),
        Some("deflate") => Box::new(ZlibDecoder::new(bytes.as_ref())),
        Some(other) => {
            return Err(ApiError::illegal_argument(format!("Content-Encoding header [{other}] is not supported")));
        }
    };
    body.bytes = inflate(reader, &mut body.share, bytes_max, budget)?;
    Ok(())
}

fn inflate(
    mut reader: Box<dyn Read + '_>,
    share: &mut Share,
    bytes_max: usize,
    budget: &Budget,
) -> Result<Bytes, ApiError> {
    let mut whole = Vec::new();
    let mut piece = vec![0; 64 * 1024];
    loop {
        let read = reader
            .read(&mut piece)
            .map_err(|error| ApiError::illegal_argument(format!("failed to decompress the request body: {error}")))?;
        if read == 0 {
            return Ok(whole.into());
        }
        if whole.len() + read > bytes_max {
            return Err(BodyError::TooLarge.into_api_error());
        }
        budget.grow(share, whole.len() + read).map_err(BodyError::into_api_error)?;
        whole.extend_from_slice(piece.get(..read).unwrap_or_default());
    }
}

impl BodyError {
    /// As an answer. 413 has an empty body on the wire (see `dispatch`).
    pub(crate) fn into_api_error(self) -> ApiError {
        match self {
            Self::TooLarge => ApiError::text(413, "request entity too large"),
            Self::Busy { bytes, bytes_max } => ApiError::new(
                429,
                "es_rejected_execution_exception",
                format!(
                    "rejected execution of coordinating operation [coordinating_and_primary_bytes={bytes}, max_coordinating_and_primary_bytes={bytes_max}]"
                ),
            ),
            Self::Broken => ApiError::illegal_argument("the request body ended early"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    fn decoded(bytes: Bytes, bytes_max: usize, budget: &Budget) -> Result<Bytes, ApiError> {
        let mut body = HeldBody { bytes, share: Share::default() };
        decode(&mut body, Some("gzip"), bytes_max, budget).map(|()| body.bytes)
    }

    #[test]
    fn gzip_is_undone() {
        assert_eq!(decoded(gzip(b"{}"), 100, &Budget::new(1 << 20)).unwrap().as_ref(), b"{}");
        assert_eq!(decoded(Bytes::from_static(b"no gzip"), 100, &Budget::new(1 << 20)).unwrap_err().status, 400);
    }

    #[test]
    fn a_small_body_that_inflates_beyond_the_bound_is_refused() {
        let bomb = gzip(&vec![0; 10 << 20]);
        assert!(bomb.len() < 64 << 10);
        assert_eq!(decoded(bomb.clone(), 1 << 20, &Budget::new(64 << 20)).unwrap_err().status, 413);
        assert_eq!(decoded(bomb, 64 << 20, &Budget::new(1 << 20)).unwrap_err().status, 429);
    }

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
