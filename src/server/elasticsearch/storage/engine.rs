//! The engine of one index: versions, sequence numbers, the write-ahead log and tantivy kept in step.
//!
//! A write is decided (versions, conflicts), appended to the log, put into tantivy's memory, and acknowledged when the log is
//! synced. A refresh commits tantivy and opens a new searcher; the commit's payload says which sequence numbers it holds. Opening
//! takes the last commit and replays what the log has beyond it. So at every point of a crash, what was acknowledged is in the log or
//! in the commit.
//!
//! Two locks, always in this order: `state` (writers, refresh; held while tantivy commits) and `view` (what reads see; short).
//! Everything here blocks; the async functions move to blocking threads.

mod lookup;
mod open;
mod operation;
mod queue;
mod refresh;
mod view;
mod write;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tantivy::{IndexReader, IndexWriter, Searcher, TantivyError};
use tokio::sync::watch;

use super::disk::{Disk, RealDisk};
use super::schema::Fields;
use super::translog::{SyncGroup, Translog, TranslogError};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::mapping::Mapping;
pub(crate) use operation::{Condition, Outcome, WriteError, WriteKind, WriteOp, WriteResult, Written};
use queue::{Budget, Queued};
use view::View;

/// The only primary term of an index on one node.
pub(crate) const PRIMARY_TERM: u64 = 1;

/// How an engine is run.
#[derive(Debug, Clone)]
pub(crate) struct EngineOptions {
    /// How soon writes become visible by themselves; none: only on demand.
    pub(crate) refresh_interval: Option<Duration>,
    /// tantivy's memory for documents that are not committed yet; at least 15 MB.
    pub(crate) writer_memory_bytes: usize,
    /// The log is trimmed at a refresh when it is longer than this.
    pub(crate) translog_bytes_max: u64,
    /// Without writes for this long, tantivy's writer and its threads are let go.
    pub(crate) writer_idle: Duration,
    /// How long the version of a deleted document is remembered (`index.gc_deletes`).
    pub(crate) remember_deletes: Duration,
    pub(crate) disk: Arc<dyn Disk>,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            refresh_interval: Some(Duration::from_secs(1)),
            writer_memory_bytes: 20_000_000,
            translog_bytes_max: 32 << 20,
            writer_idle: Duration::from_secs(20),
            remember_deletes: Duration::from_secs(60),
            disk: Arc::new(RealDisk),
        }
    }
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum EngineError {
    #[error(transparent)]
    Translog(#[from] TranslogError),
    #[error("index files in `{dir}`: {source}")]
    Tantivy { dir: PathBuf, source: TantivyError },
    #[error("`{dir}`: {source}")]
    Io { dir: PathBuf, source: std::io::Error },
    /// An operation of the log that the index cannot take.
    #[error("operation {seq_no} of the write-ahead log in `{dir}` cannot be replayed: {reason}")]
    Replay { dir: PathBuf, seq_no: u64, reason: String },
    /// A write or sync failed before; nothing is written until the index is opened again.
    #[error("the index stopped writing: {0}")]
    Failed(Arc<str>),
    #[error("the index is closed")]
    Closed,
}

impl EngineError {
    /// As a client sees it: the shard is not there, try again (503).
    pub(crate) fn to_api(&self) -> ApiError {
        ApiError::new(503, "unavailable_shards_exception", format!("primary shard is not active: {self}"))
    }
}

/// A document as it is now, refreshed or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredDocument {
    pub(crate) version: u64,
    pub(crate) seq_no: u64,
    pub(crate) routing: Option<String>,
    /// The bytes as they were sent.
    pub(crate) source: Bytes,
}

/// What a search can see, and what it takes on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct EngineStats {
    pub(crate) docs: u64,
    pub(crate) deleted: u64,
    pub(crate) size_bytes: u64,
}

/// One index on disk. Cheap to clone; the last one dropped without [`Engine::close`] is like a crash, which loses nothing.
#[derive(Clone)]
pub(crate) struct Engine {
    shared: Arc<Shared>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Engine").field("dir", &self.shared.dir).finish_non_exhaustive()
    }
}

struct Shared {
    dir: PathBuf,
    options: EngineOptions,
    fields: Fields,
    index: tantivy::Index,
    reader: IndexReader,
    state: Mutex<State>,
    view: Mutex<View>,
    group: Arc<SyncGroup>,
    /// Room for documents that wait for tantivy's thread.
    budget: Arc<Budget>,
    interval: Mutex<Option<Duration>>,
    refresh_scheduled: AtomicBool,
    idle_check_scheduled: AtomicBool,
    /// Operations below this sequence number are visible.
    visible: watch::Sender<u64>,
}

/// What writers change.
struct State {
    /// Opened by the first write, dropped when idle.
    writer: Option<IndexWriter<Queued>>,
    translog: Translog,
    next_seq_no: u64,
    /// Operations since the last commit.
    dirty: bool,
    failed: Option<Arc<str>>,
    closed: bool,
    last_write: Instant,
}

impl State {
    fn check(&self) -> Result<(), EngineError> {
        if let Some(reason) = &self.failed {
            return Err(EngineError::Failed(Arc::clone(reason)));
        }
        if self.closed { Err(EngineError::Closed) } else { Ok(()) }
    }
}

impl Engine {
    /// Opens the index in a folder, or makes one; replays the log. Blocks.
    ///
    /// # Errors
    /// Files that cannot be read or are corrupt; the message names them.
    pub(crate) fn open(dir: &Path, mapping: Arc<Mapping>, options: EngineOptions) -> Result<Engine, EngineError> {
        open::open(dir, &mapping, options).map(|shared| Engine { shared: Arc::new(shared) })
    }

    /// Writes operations in order; durable when it returns. One result an operation. Blocks.
    pub(crate) fn write_blocking(&self, ops: Vec<WriteOp>) -> Vec<WriteResult> {
        self.shared.write(ops, || self.schedule_refresh())
    }

    /// The document as it is now, refreshed or not. Blocks.
    pub(crate) fn get(&self, id: &str) -> Result<Option<StoredDocument>, EngineError> {
        self.shared.get(id)
    }

    /// The document as searches see it. Blocks.
    pub(crate) fn get_refreshed(&self, id: &str) -> Result<Option<StoredDocument>, EngineError> {
        self.shared.get_committed(id)
    }

    /// Makes everything written before visible to new searchers.
    pub(crate) async fn refresh(&self) -> Result<(), EngineError> {
        self.blocking(Self::refresh_blocking).await
    }

    pub(crate) fn refresh_blocking(&self) -> Result<(), EngineError> {
        self.shared.refresh(false)
    }

    /// Commits everything and empties the log.
    pub(crate) async fn flush(&self) -> Result<(), EngineError> {
        self.blocking(|engine| engine.shared.refresh(true)).await
    }

    /// Merges all segments into one.
    pub(crate) async fn force_merge(&self) -> Result<(), EngineError> {
        self.blocking(|engine| engine.shared.force_merge()).await
    }

    /// Waits until an operation is visible, as `refresh=wait_for` does: for the next refresh by interval, or forces one where there is
    /// none.
    pub(crate) async fn wait_visible(&self, seq_no: u64) -> Result<(), EngineError> {
        const PATIENCE: Duration = Duration::from_secs(5);
        let interval = *self.shared.interval.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(interval) = interval {
            let mut visible = self.shared.visible.subscribe();
            let seen = visible.wait_for(|next| *next > seq_no);
            if tokio::time::timeout(interval + PATIENCE, seen).await.is_ok_and(|seen| seen.is_ok()) {
                return Ok(());
            }
        }
        self.refresh().await
    }

    /// What a search runs on: everything up to the last refresh.
    pub(crate) fn searcher(&self) -> Searcher {
        self.shared.view().searcher.clone()
    }

    pub(crate) fn set_refresh_interval(&self, interval: Option<Duration>) {
        *self.shared.interval.lock().unwrap_or_else(PoisonError::into_inner) = interval;
        self.schedule_refresh();
    }

    pub(crate) fn stats(&self) -> EngineStats {
        self.shared.stats()
    }

    /// Commits what is not committed yet and lets go of everything; later writes are refused.
    pub(crate) async fn close(&self) {
        if let Err(error) = self.blocking(|engine| engine.shared.close()).await {
            tracing::warn!(dir = %self.shared.dir.display(), %error, "an index was closed without a commit; the log has its writes");
        }
    }

    /// Lets go of everything without a commit, for an index whose folder is gone; later writes are refused.
    pub(crate) async fn discard(&self) {
        let done = self.blocking(|engine| {
            engine.shared.discard();
            Ok(())
        });
        if let Err(error) = done.await {
            tracing::warn!(dir = %self.shared.dir.display(), %error, "a deleted index was not let go of");
        }
    }

    async fn blocking(
        &self,
        work: impl FnOnce(&Engine) -> Result<(), EngineError> + Send + 'static,
    ) -> Result<(), EngineError> {
        let engine = self.clone();
        let done = tokio::task::spawn_blocking(move || work(&engine)).await;
        done.unwrap_or_else(|_| Err(EngineError::Failed("the work was interrupted".into())))
    }

    /// Sees to it that a refresh comes while there is something to show. Does nothing outside a runtime.
    fn schedule_refresh(&self) {
        let interval = *self.shared.interval.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(interval), Ok(runtime)) = (interval, tokio::runtime::Handle::try_current()) else { return };
        if self.shared.refresh_scheduled.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = Arc::downgrade(&self.shared);
        runtime.spawn(async move {
            tokio::time::sleep(interval).await;
            let Some(shared) = shared.upgrade() else { return };
            let engine = Engine { shared };
            engine.shared.refresh_scheduled.store(false, Ordering::Release);
            match engine.refresh().await {
                Ok(()) => engine.schedule_idle_check(),
                Err(EngineError::Closed) => {}
                Err(error) => tracing::error!(dir = %engine.shared.dir.display(), %error, "a refresh failed"),
            }
        });
    }

    /// Lets go of tantivy's writer once nothing was written for a while.
    fn schedule_idle_check(&self) {
        if self.shared.idle_check_scheduled.swap(true, Ordering::AcqRel) {
            return;
        }
        let shared = Arc::downgrade(&self.shared);
        let idle = self.shared.options.writer_idle;
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(idle).await;
                let Some(shared) = shared.upgrade() else { return };
                let done = tokio::task::spawn_blocking(move || shared.drop_idle_writer()).await;
                if done.unwrap_or(true) {
                    return;
                }
            }
        });
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn view(&self) -> MutexGuard<'_, View> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tantivy(&self, source: TantivyError) -> EngineError {
        EngineError::Tantivy { dir: self.dir.clone(), source }
    }

    /// From here on nothing is written until the index is opened again.
    fn fail(&self, state: &mut State, reason: impl fmt::Display) -> EngineError {
        let reason: Arc<str> = reason.to_string().into();
        tracing::error!(dir = %self.dir.display(), %reason, "an index stopped writing");
        state.failed = Some(Arc::clone(&reason));
        EngineError::Failed(reason)
    }
}

#[cfg(test)]
mod tests;
