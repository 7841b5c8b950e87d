//! Ticks into Cloud Storage: one object from a source, or one a batch from a topic.
//!
//! [`spool`] makes the bytes (NDJSON, timestamps with their offset) and knows their CRC32C before anything is sent; [`upload`] sends
//! them under a precondition on the object's generation, so that a re-run with equal content writes nothing and two runs at
//! once can't overwrite each other; [`topic`] cuts a topic into objects that are named by their offsets.

mod spool;
mod topic;
mod upload;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use google_cloud_gax::options::RequestOptionsBuilder as _;
use google_cloud_storage::client::{Storage, StorageControl};
use google_cloud_storage::model;

use super::names::{BucketName, NameError, ObjectName};
use crate::client::{ATTEMPT_TIMEOUT, GoogleAddress, GoogleError, GoogleService, backoff, retries};
use crate::pipeline::{ConsumeError, CountError};
use crate::tick::{ReadError, ReadOptions};

pub use topic::{BATCH_TICKS, TopicPushOptions, TopicPushReport};
pub use upload::{PushReport, StoredObject};

/// Where the ticks go, and where `sql/create_external_table.sql` reads them.
pub const OBJECT: &str = "data/stock_data_sample.json";

#[derive(Debug, thiserror::Error)]
pub enum GcsError {
    #[error(transparent)]
    Google(#[from] GoogleError),
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("the ticks can't be kept on disk until they are sent: {0}")]
    Spool(#[source] std::io::Error),
    #[error("object `{object}` was changed by somebody else while it was written")]
    Changed { object: String },
    #[error(
        "the bucket holds `{topic}`, partition {partition}, up to offset {held}, but the topic ends at {end}: it is another one of that name"
    )]
    OtherTopic { topic: String, partition: i32, held: i64, end: i64 },
    #[error("no byte was taken for {} s", .0.as_secs())]
    Stalled(Duration),
    #[error("it was interrupted")]
    Cancelled,
    #[error(transparent)]
    Consume(#[from] ConsumeError),
    #[error(transparent)]
    Count(#[from] CountError),
    #[error("a task ended badly: {0}")]
    Task(String),
}

/// How a source is pushed.
#[derive(Debug, Clone)]
pub struct PushOptions {
    pub object: ObjectName,
    pub read: ReadOptions,
    pub skip_invalid: bool,
    /// Compress; the object is then a gzip file.
    pub gzip: bool,
    /// How long the upload may go without a byte taken.
    pub patience: Duration,
}

/// How far a push is: counters that whoever shows progress reads when it likes.
#[derive(Debug, Default)]
pub struct PushProgress {
    ticks: AtomicU64,
    sent: AtomicU64,
    total: AtomicU64,
}

impl PushProgress {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Ticks read.
    pub fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }

    /// Bytes sent of the object under way; a part that has to be sent again is counted back.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Bytes of the object under way; zero while they are still being made.
    pub fn total(&self) -> u64 {
        self.total.load(Ordering::Relaxed)
    }

    fn add_tick(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }

    fn begin(&self, total: u64) {
        self.sent.store(0, Ordering::Relaxed);
        self.total.store(total, Ordering::Relaxed);
    }

    fn set_sent(&self, bytes: u64) {
        self.sent.store(bytes, Ordering::Relaxed);
    }
}

/// A bucket that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketOutcome {
    pub created: bool,
    /// As the service writes it: `EU`, `EUROPE-WEST1`.
    pub location: String,
}

/// Cloud Storage, connected.
#[derive(Debug)]
pub struct Gcs {
    storage: Storage,
    control: StorageControl,
    address: GoogleAddress,
}

impl Gcs {
    /// Makes the clients. Fails when there are no credentials; whether the service answers is seen by the first request.
    pub async fn connect(address: &GoogleAddress) -> Result<Self, GcsError> {
        let service = GoogleService::Storage;
        let endpoint = address.endpoint(service)?;
        let credentials = address.credentials().await?;
        let failed = |reason: String| GoogleError::Build { service, reason };
        let mut storage = Storage::builder()
            .with_credentials(credentials.clone())
            .with_retry_policy(retries())
            .with_backoff_policy(backoff());
        let mut control = StorageControl::builder()
            .with_credentials(credentials)
            .with_retry_policy(retries())
            .with_backoff_policy(backoff())
            .with_attempt_timeout(ATTEMPT_TIMEOUT);
        if let Some(endpoint) = endpoint {
            (storage, control) = (storage.with_endpoint(endpoint), control.with_endpoint(endpoint));
        }
        let storage = storage.build().await.map_err(|error| failed(error.to_string()))?;
        let control = control.build().await.map_err(|error| failed(error.to_string()))?;
        Ok(Self { storage, control, address: address.clone() })
    }

    /// Where a bucket is; `None` when it is not there.
    pub async fn bucket_location(&self, bucket: &BucketName) -> Result<Option<String>, GcsError> {
        match Box::pin(self.control.get_bucket().set_name(bucket.path()).send()).await {
            Ok(found) => Ok(Some(found.location)),
            Err(error) => match self.classify(&format!("bucket {bucket}"), &error) {
                error if error.is_not_found() => Ok(None),
                error => Err(error.into()),
            },
        }
    }

    /// Makes the bucket where it is missing, at the address's location.
    pub async fn ensure_bucket(&self, bucket: &BucketName) -> Result<BucketOutcome, GcsError> {
        if let Some(location) = self.bucket_location(bucket).await? {
            return Ok(BucketOutcome { created: false, location });
        }
        let wanted = model::Bucket::new()
            .set_project(format!("projects/{}", self.address.project()))
            .set_location(self.address.location());
        let request =
            self.control.create_bucket().set_parent("projects/_").set_bucket_id(bucket.as_str()).set_bucket(wanted);
        // Sent twice it is refused the second time, and that is taken for what it is below.
        match Box::pin(request.with_idempotency(true).send()).await {
            Ok(made) => Ok(BucketOutcome { created: true, location: made.location }),
            Err(error) => match self.classify(&format!("new bucket {bucket}"), &error) {
                error if error.is_conflict() => match self.bucket_location(bucket).await? {
                    Some(location) => Ok(BucketOutcome { created: true, location }),
                    None => Err(error.into()),
                },
                error => Err(error.into()),
            },
        }
    }

    fn classify(&self, request: &str, error: &google_cloud_gax::error::Error) -> GoogleError {
        self.address.classify(GoogleService::Storage, request, error)
    }
}
