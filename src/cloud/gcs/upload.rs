//! Bytes into an object, under a precondition: it is written only where nothing is, or over the very generation that was seen.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use google_cloud_storage::model::Object;
use tokio::io::{AsyncRead, AsyncSeek};
use tokio_util::sync::CancellationToken;

use super::spool::{Body, Read, Spool, spool};
use super::{BucketOutcome, Gcs, GcsError, PushOptions, PushProgress};
use crate::cloud::names::BucketName;
use crate::tick::TickSource;

/// From this size on an upload is resumable.
const RESUMABLE_BYTES: usize = 8 << 20;
/// How often it is looked whether an upload still moves.
const LOOK: Duration = Duration::from_millis(200);
/// Objects of one answer of a listing.
const PAGE_OBJECTS: i32 = 1000;

/// What a push did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushReport {
    pub bucket: BucketOutcome,
    pub object: String,
    pub generation: i64,
    /// Bytes of the object.
    pub bytes: u64,
    pub crc32c: u32,
    pub ticks: u64,
    pub invalid: u64,
    pub first_problems: Vec<String>,
    /// The object held this content already: nothing was written.
    pub unchanged: bool,
}

/// An object, as a listing has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredObject {
    pub name: String,
    pub bytes: u64,
    pub generation: i64,
    pub crc32c: Option<u32>,
    /// Seconds since 1970.
    pub updated: Option<i64>,
}

impl From<Object> for StoredObject {
    fn from(object: Object) -> Self {
        Self {
            bytes: u64::try_from(object.size).unwrap_or_default(),
            generation: object.generation,
            crc32c: object.checksums.and_then(|sums| sums.crc32c),
            updated: object.update_time.map(|time| time.seconds()),
            name: object.name,
        }
    }
}

/// What an object is to hold.
pub(super) struct Content {
    pub(super) size: u64,
    pub(super) crc32c: u32,
    pub(super) content_type: &'static str,
}

impl Gcs {
    /// Makes the bucket where it is missing, and the object where it is missing or holds other content.
    pub async fn push(
        &self,
        bucket: &BucketName,
        source: &TickSource,
        options: &PushOptions,
        progress: &Arc<PushProgress>,
        stop: &CancellationToken,
    ) -> Result<PushReport, GcsError> {
        let (source, wanted) = (source.clone(), options.clone());
        let (counters, token) = (Arc::clone(progress), stop.child_token());
        // A server that is not there is said at once, and ends the reading.
        let _ends_reading = token.clone().drop_guard();
        let reading = tokio::task::spawn_blocking(move || spool(&source, &wanted, &counters, &token));
        // The bucket is asked for while the ticks are read.
        let made = self.ensure_bucket(bucket).await?;
        let Spool { file, size, crc32c, read } = reading.await.map_err(|error| GcsError::Task(error.to_string()))??;
        let object = options.object.as_str();
        let content_type = if options.gzip { "application/gzip" } else { "application/x-ndjson" };
        let content = Content { size, crc32c, content_type };
        let there = self.object(bucket, object).await?;
        let (generation, unchanged) = match there {
            Some(there) if there.bytes == size && there.crc32c == Some(crc32c) => (there.generation, true),
            there => {
                progress.begin(size);
                let body = Body::new(tokio::fs::File::from_std(file), size, Arc::clone(progress));
                let before = there.map_or(0, |there| there.generation);
                let sending = self.write(bucket, object, &content, before, body);
                (patiently(sending, progress, options.patience, stop).await?, false)
            }
        };
        let Read { ticks, invalid, first_problems } = read;
        let object = object.to_owned();
        Ok(PushReport {
            bucket: made,
            object,
            generation,
            bytes: size,
            crc32c,
            ticks,
            invalid,
            first_problems,
            unchanged,
        })
    }

    /// What is known of an object; `None` when it is not there.
    pub async fn object(&self, bucket: &BucketName, object: &str) -> Result<Option<StoredObject>, GcsError> {
        match Box::pin(self.control.get_object().set_bucket(bucket.path()).set_object(object).send()).await {
            Ok(found) => Ok(Some(found.into())),
            Err(error) => match self.classify(&format!("object {bucket}/{object}"), &error) {
                error if error.is_not_found() => Ok(None),
                error => Err(error.into()),
            },
        }
    }

    /// The objects whose names begin with `prefix`, by name; at most `limit`.
    pub async fn list(&self, bucket: &BucketName, prefix: &str, limit: usize) -> Result<Vec<StoredObject>, GcsError> {
        let (mut found, mut token) = (Vec::new(), String::new());
        loop {
            let request = self.control.list_objects().set_parent(bucket.path()).set_prefix(prefix);
            let request = request.set_page_size(PAGE_OBJECTS).set_page_token(token);
            let page = Box::pin(request.send()).await;
            let page = page.map_err(|error| self.classify(&format!("the objects of {bucket}"), &error))?;
            found.extend(page.objects.into_iter().map(StoredObject::from));
            if page.next_page_token.is_empty() || found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
            token = page.next_page_token;
        }
    }

    /// Writes an object over the generation `before` (zero: where there is none). Gives the new generation.
    pub(super) async fn write<R>(
        &self,
        bucket: &BucketName,
        object: &str,
        content: &Content,
        before: i64,
        body: Body<R>,
    ) -> Result<i64, GcsError>
    where
        R: AsyncRead + AsyncSeek + Unpin + Send + Sync + 'static,
    {
        let request = self
            .storage
            .write_object(bucket.path(), object, body)
            .set_if_generation_match(before)
            .set_content_type(content.content_type)
            .with_resumable_upload_threshold(RESUMABLE_BYTES)
            .with_known_crc32c(content.crc32c)
            .with_checksum_precomputation(false);
        let outcome = Box::pin(request.send_unbuffered()).await;
        self.settle(outcome, bucket, object, content).await
    }

    /// A precondition that did not hold may be our own doing: an attempt whose answer was lost. Then the content is ours.
    async fn settle(
        &self,
        outcome: Result<Object, google_cloud_gax::error::Error>,
        bucket: &BucketName,
        object: &str,
        content: &Content,
    ) -> Result<i64, GcsError> {
        let error = match outcome {
            Ok(written) => return Ok(written.generation),
            Err(error) => self.classify(&format!("upload of {bucket}/{object}"), &error),
        };
        if !error.is_changed() {
            return Err(error.into());
        }
        match self.object(bucket, object).await? {
            Some(there) if there.bytes == content.size && there.crc32c == Some(content.crc32c) => Ok(there.generation),
            _ => Err(GcsError::Changed { object: object.to_owned() }),
        }
    }
}

/// Waits for an upload as long as it moves.
pub(super) async fn patiently<T>(
    work: impl Future<Output = Result<T, GcsError>>,
    progress: &PushProgress,
    patience: Duration,
    stop: &CancellationToken,
) -> Result<T, GcsError> {
    let mut work = std::pin::pin!(work);
    let (mut last, mut since) = (progress.sent(), Instant::now());
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            biased;
            outcome = &mut work => return outcome,
            () = stop.cancelled() => return Err(GcsError::Cancelled),
            _ = looks.tick() => {
                if progress.sent() != last {
                    (last, since) = (progress.sent(), Instant::now());
                } else if since.elapsed() >= patience {
                    return Err(GcsError::Stalled(patience));
                }
            }
        }
    }
}
