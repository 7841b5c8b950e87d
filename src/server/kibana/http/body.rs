//! Request bodies as Kibana takes them: its bound, and its words for what is refused.

use hyper::body::Incoming;

use super::super::error::ApiError;
use crate::server::http::body::{BodyError, Budget, HeldBody, read as read_body};

/// Bytes of one body (`savedObjects.maxImportPayloadBytes`).
const BODY_BYTES_MAX: usize = 26_214_400;
/// Bytes of all bodies in memory.
pub(super) const BODIES_BYTES_MAX: usize = 256 * 1024 * 1024;

/// # Errors
/// 413 over the bound, 503 when there is no room, 408 when the client pauses, 400 when it breaks off.
pub(super) async fn read(body: &mut Incoming, budget: &Budget) -> Result<HeldBody, ApiError> {
    read_body(body, BODY_BYTES_MAX, budget).await.map_err(|error| match error {
        BodyError::TooLarge => {
            ApiError::new(413, format!("Payload content length greater than maximum allowed: {BODY_BYTES_MAX}"))
        }
        BodyError::Busy { .. } => ApiError::new(503, "Too many request bodies at once, try again"),
        BodyError::Silent => ApiError::new(408, "Request Time-out"),
        BodyError::Broken => ApiError::bad_request("The request body broke off"),
    })
}
