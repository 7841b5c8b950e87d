//! Request bodies as Elasticsearch takes them: gzip is undone under the bounds that hold for all bodies, and what is refused is
//! refused in its words.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};

use crate::server::elasticsearch::error::ApiError;
use crate::server::http::body::{BodyError, Budget, HeldBody, Share};

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
            return Err(api_error(BodyError::TooLarge));
        }
        budget.grow(share, whole.len() + read).map_err(api_error)?;
        whole.extend_from_slice(piece.get(..read).unwrap_or_default());
    }
}

/// As an answer. 413 has an empty body on the wire (see `dispatch`).
pub(super) fn api_error(error: BodyError) -> ApiError {
    match error {
        BodyError::TooLarge => ApiError::text(413, "request entity too large"),
        BodyError::Busy { bytes, bytes_max } => ApiError::new(
            429,
            "es_rejected_execution_exception",
            format!(
                "rejected execution of coordinating operation [coordinating_and_primary_bytes={bytes}, max_coordinating_and_primary_bytes={bytes_max}]"
            ),
        ),
        BodyError::Silent | BodyError::Broken => ApiError::illegal_argument("the request body ended early"),
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
}
