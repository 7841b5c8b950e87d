//! Content on its way into a blob: pieces as the network gives them, written and summed off the async threads.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::super::Gcs;
use super::super::error::ApiError;
use super::super::store::BlobWriter;

/// Bytes gathered before they are written.
const WRITE_BYTES: usize = 1024 * 1024;

/// A blob that is being written.
pub(super) struct Receiver {
    blob: Option<BlobWriter>,
    waiting: BytesMut,
}

impl Receiver {
    /// Goes on with a blob.
    pub(super) fn new(blob: BlobWriter) -> Self {
        Self { blob: Some(blob), waiting: BytesMut::new() }
    }

    /// With a new blob.
    pub(super) async fn create(gcs: &Arc<Gcs>) -> Result<Self, ApiError> {
        Ok(Self::new(gcs.blocking(|store| Ok(store.create_blob()?)).await?))
    }

    /// What was added, written or not yet.
    pub(super) fn size(&self) -> u64 {
        self.blob.as_ref().map_or(0, BlobWriter::size).saturating_add(self.waiting.len() as u64)
    }

    pub(super) async fn add(&mut self, gcs: &Arc<Gcs>, piece: Bytes) -> Result<(), ApiError> {
        self.waiting.extend_from_slice(&piece);
        if self.waiting.len() >= WRITE_BYTES { self.flush(gcs).await } else { Ok(()) }
    }

    /// Writes what waits, and gives the blob.
    pub(super) async fn finish(mut self, gcs: &Arc<Gcs>) -> Result<BlobWriter, ApiError> {
        self.flush(gcs).await?;
        self.blob.take().ok_or_else(ApiError::internal)
    }

    /// Lets `work` use the blob when all is written.
    pub(super) async fn with_blob<T: Send + 'static>(
        &mut self,
        gcs: &Arc<Gcs>,
        work: impl FnOnce(&super::super::store::Store, &mut BlobWriter) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let bytes = self.waiting.split().freeze();
        let mut blob = self.blob.take().ok_or_else(ApiError::internal)?;
        let (blob, outcome) = gcs
            .blocking(move |store| {
                if !bytes.is_empty() {
                    // A blob of which that failed is gone: what was counted may not be what it holds.
                    blob.write(&bytes).map_err(super::super::store::StoreError::from)?;
                }
                let outcome = work(store, &mut blob);
                Ok((blob, outcome))
            })
            .await?;
        self.blob = Some(blob);
        outcome
    }

    async fn flush(&mut self, gcs: &Arc<Gcs>) -> Result<(), ApiError> {
        if self.waiting.is_empty() { Ok(()) } else { self.with_blob(gcs, |_, _| Ok(())).await }
    }
}
