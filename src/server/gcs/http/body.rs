//! Request bodies: read piece by piece, or whole within a bound.

use std::io::Read;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use flate2::read::MultiGzDecoder;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;

use super::super::error::ApiError;
use crate::server::http::body::{Budget, Share};

/// Bytes of a JSON body.
pub(crate) const JSON_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Bytes of all bodies in memory. Objects' contents are not among them: they pass through.
pub(crate) const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;
/// A client that sends nothing for so long is gone.
const PAUSE_MAX: Duration = Duration::from_secs(60);
/// Of a body that is refused so much is read and dropped, so that the client is there to read the answer.
const DISCARD_BYTES_MAX: u64 = 256 * 1024 * 1024;
const DISCARD_TIME_MAX: Duration = Duration::from_secs(20);

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body that is being read.
pub(crate) struct RequestBody {
    body: BoxBody<Bytes, BoxError>,
    budget: Budget,
    /// For what of it is in memory, as long as the request lasts.
    share: Share,
    is_at_end: bool,
}

impl RequestBody {
    pub(crate) fn new<B>(body: B, budget: Budget) -> Self
    where
        B: hyper::body::Body<Data = Bytes> + Send + Sync + 'static,
        B::Error: Into<BoxError>,
    {
        Self { body: body.map_err(Into::into).boxed(), budget, share: Share::default(), is_at_end: false }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// 408 when the client pauses, 400 when it breaks off.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        match tokio::time::timeout(PAUSE_MAX, self.next_of_stream()).await {
            Ok(next) => next,
            Err(_) => Err(ApiError::new(408, "requestTimeout", "Request Timeout")),
        }
    }

    /// The same, however long the client pauses: for streams of messages.
    pub(crate) async fn next_of_stream(&mut self) -> Result<Option<Bytes>, ApiError> {
        while !self.is_at_end {
            match self.body.frame().await {
                None => self.is_at_end = true,
                Some(Err(_)) => {
                    self.is_at_end = true;
                    return Err(ApiError::invalid("The request body broke off."));
                }
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data()
                        && !data.is_empty()
                    {
                        return Ok(Some(data));
                    }
                }
            }
        }
        Ok(None)
    }

    /// All of it.
    ///
    /// # Errors
    /// 413 over the bound, and those of [`Self::hold`] and [`Self::next`].
    pub(crate) async fn whole(&mut self, bytes_max: usize) -> Result<Bytes, ApiError> {
        let mut bytes = BytesMut::new();
        while let Some(piece) = self.next().await? {
            let length = bytes.len().saturating_add(piece.len());
            if length > bytes_max {
                return Err(ApiError::too_large(bytes_max));
            }
            self.hold(length)?;
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    }

    /// Counts so many bytes of it as being in memory.
    ///
    /// # Errors
    /// 503 when the requests of all clients hold too much: clients try again.
    pub(crate) fn hold(&mut self, bytes: usize) -> Result<(), ApiError> {
        let busy = |_| ApiError::new(503, "backendError", "Too many request bodies at once, try again.");
        self.budget.grow(&mut self.share, bytes).map_err(busy)
    }

    /// All of it, within the bound of JSON; `is_gzip`: it is compressed.
    pub(crate) async fn json_bytes(&mut self, is_gzip: bool) -> Result<Bytes, ApiError> {
        let bytes = self.whole(JSON_BYTES_MAX).await?;
        if !is_gzip {
            return Ok(bytes);
        }
        self.hold(bytes.len() + JSON_BYTES_MAX)?;
        let mut plain = Vec::new();
        let mut reader = MultiGzDecoder::new(&bytes[..]).take(JSON_BYTES_MAX as u64 + 1);
        reader.read_to_end(&mut plain).map_err(|_| ApiError::parse())?;
        if plain.len() > JSON_BYTES_MAX {
            return Err(ApiError::too_large(JSON_BYTES_MAX));
        }
        Ok(plain.into())
    }

    /// Reads on without keeping anything, within bounds. True: to the end.
    pub(crate) async fn discard(&mut self) -> bool {
        let all = async {
            let mut count: u64 = 0;
            while let Ok(Some(piece)) = self.next().await {
                count = count.saturating_add(piece.len() as u64);
                if count > DISCARD_BYTES_MAX {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(DISCARD_TIME_MAX, all).await.unwrap_or(false)
    }
}
