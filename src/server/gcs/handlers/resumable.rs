//! A resumable upload after its start: parts, questions how much is kept, the end.
//!
//! A part counts from the first byte that is not kept yet; of any other nothing is taken, and the answer tells where to go
//! on. A part that breaks off counts as far as it came.

use std::sync::Arc;

use super::super::Gcs;
use super::super::error::ApiError;
use super::super::http::{Request, Response};
use super::super::store::{BlobWriter, Session, Upload};
use super::content::Receiver;
use super::content_range::UploadRange;
use super::object::answer;
use super::upload::request_checksums;

/// Parts but the last are multiples of this.
const PART_UNIT: u64 = 256 * 1024;
/// Within one request, so often what came is made to survive a crash.
const CHECKPOINT_BYTES: u64 = 64 * 1024 * 1024;

/// A part, or a question.
pub(super) async fn send(
    gcs: &Arc<Gcs>,
    request: &mut Request,
    bucket: String,
    id: String,
) -> Result<Response, ApiError> {
    let range = range(request)?;
    let upload: Upload = gcs.store.upload(&gcs.store.session(&bucket, &id)?);
    let mut held = upload.lock().await;
    // Another request may have gone on with it, or ended it.
    let session = gcs.store.session(&bucket, &id)?;
    if let Some(object) = &session.finished {
        return Ok(answer(object, &bucket, request));
    }
    let (first, length, total) = match range {
        UploadRange::Ask { total } if total.is_some_and(|total| total == session.kept) => {
            (session.kept, Some(0), total)
        }
        UploadRange::Ask { .. } => return Ok(incomplete(request, session.kept)),
        UploadRange::Bytes { first, .. } if first != session.kept => return Ok(incomplete(request, session.kept)),
        UploadRange::Bytes { first, last, total } => {
            let end = last.map(|last| last.saturating_add(1)).or(total);
            (first, end.map(|end| end.saturating_sub(first)), total)
        }
    };
    check_unit(range, first)?;
    let taken = held.take();
    let resuming = session.clone();
    let blob = gcs.blocking(move |store| Ok(store.resume_blob(&resuming, taken)?)).await?;
    let mut part = Part { session, receiver: Receiver::new(blob), length };
    let received = part.receive(gcs, request).await;
    let size = part.receiver.size();
    let is_open_end = matches!(range, UploadRange::Bytes { last: None, total: None, .. });
    let is_all = received.is_ok() && total.map_or(is_open_end, |total| total == size);
    let outcome = if is_all { part.finish(gcs, request).await } else { part.keep(gcs, request).await };
    let (response, blob) = outcome?;
    *held = blob;
    received?;
    Ok(response)
}

/// Cancels the upload.
pub(super) async fn cancel(gcs: &Arc<Gcs>, bucket: String, id: String) -> Result<Response, ApiError> {
    gcs.blocking(move |store| {
        let session = store.session(&bucket, &id)?;
        Ok(store.end_session(&session.id)?)
    })
    .await?;
    Ok(Response::empty(499))
}

/// A request without a range has all of the content.
fn range(request: &Request) -> Result<UploadRange, ApiError> {
    let Some(text) = request.header("content-range") else {
        let length = request.header("content-length").and_then(|length| length.parse().ok());
        return Ok(UploadRange::Bytes { first: 0, last: None, total: length });
    };
    let refused = || ApiError::invalid("Failed to parse Content-Range header.").at("header", "Content-Range");
    UploadRange::parse(text).ok_or_else(refused)
}

fn check_unit(range: UploadRange, first: u64) -> Result<(), ApiError> {
    let UploadRange::Bytes { last: Some(last), total, .. } = range else { return Ok(()) };
    let end = last.saturating_add(1);
    let is_last = total == Some(end);
    if is_last || end.saturating_sub(first).is_multiple_of(PART_UNIT) {
        return Ok(());
    }
    Err(ApiError::invalid(format!(
        "Invalid request.  The number of bytes uploaded is required to be a multiple of {PART_UNIT}, except for the final \
         request, but {} bytes came.",
        end.saturating_sub(first)
    )))
}

/// A part on its way.
struct Part {
    session: Session,
    receiver: Receiver,
    /// What its range says; `None`: all that comes.
    length: Option<u64>,
}

impl Part {
    /// # Errors
    /// The body breaks off, or is longer than its range; what came before counts.
    async fn receive(&mut self, gcs: &Arc<Gcs>, request: &mut Request) -> Result<(), ApiError> {
        let mut left = self.length;
        let mut since_checkpoint = 0;
        while let Some(mut piece) = request.body.next().await? {
            let room = left.map_or(usize::MAX, |left| usize::try_from(left).unwrap_or(usize::MAX));
            let is_longer = piece.len() > room;
            piece.truncate(room);
            let length = piece.len() as u64;
            left = left.map(|left| left.saturating_sub(length));
            since_checkpoint += length;
            self.receiver.add(gcs, piece).await?;
            if is_longer {
                return Err(ApiError::invalid("Invalid request.  The body is longer than its Content-Range."));
            }
            if since_checkpoint >= CHECKPOINT_BYTES {
                since_checkpoint = 0;
                self.checkpoint(gcs).await?;
            }
        }
        Ok(())
    }

    async fn checkpoint(&mut self, gcs: &Arc<Gcs>) -> Result<(), ApiError> {
        let id = self.session.id.clone();
        self.receiver.with_blob(gcs, move |store, blob| Ok(store.keep_in_session(&id, blob)?)).await
    }

    async fn keep(mut self, gcs: &Arc<Gcs>, request: &Request) -> Result<(Response, Option<BlobWriter>), ApiError> {
        self.checkpoint(gcs).await?;
        let response = incomplete(request, self.receiver.size());
        let mut blob = self.receiver.finish(gcs).await?;
        blob.suspend();
        Ok((response, Some(blob)))
    }

    async fn finish(mut self, gcs: &Arc<Gcs>, request: &Request) -> Result<(Response, Option<BlobWriter>), ApiError> {
        let sums = request_checksums(request)?;
        let session = self.session.clone();
        let finish = move |store: &super::super::store::Store, blob: &mut BlobWriter| {
            Ok(store.finish_session(&session, sums, blob)?)
        };
        let object = self.receiver.with_blob(gcs, finish).await?;
        Ok((answer(&object, &self.session.draft.bucket, request), None))
    }
}

/// 308 with what is kept: no range when that is nothing. Go's client asks for 200 with the status beside it.
fn incomplete(request: &Request, kept: u64) -> Response {
    let no_308 = request.header("x-guploader-no-308").is_some_and(|value| value.eq_ignore_ascii_case("yes"));
    let response = match no_308 {
        true => Response::empty(200).with("x-http-status-code-override", "308"),
        false => Response::empty(308),
    };
    match kept.checked_sub(1) {
        Some(last) => response.with("range", &format!("bytes=0-{last}")),
        None => response,
    }
}
