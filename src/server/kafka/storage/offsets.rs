//! Committed offsets on disk: one append-only log, read into memory at start, rewritten when most of it is history.
//!
//! File `offsets.log`: 8 bytes of magic, then frames of `length u32 | CRC-32C u32 | record`, big endian. A record is one
//! change (a commit, a deletion, a group's facts); replaying them in order gives the state. One thread owns the file and
//! takes everything queued in one write and, with `fsync`, one `fdatasync` (group commit). The order is: write, sync,
//! apply to memory, answer. So a reader never sees an offset that a crash could take back, and a crash between any two
//! steps loses only what was not acknowledged.
//!
//! Recovery cuts a torn tail (a frame that the end of the file interrupts). A damaged frame with whole ones after it is
//! corruption: the store refuses to open and names the place. Compaction writes a second file, syncs it, and renames it
//! over the first one.

mod format;
mod recovery;
mod table;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard},
    thread::JoinHandle,
};

use tokio::sync::{mpsc, oneshot};

pub(crate) use format::{COMMIT_PARTITIONS_MAX, Record};
pub(crate) use table::{CommittedOffset, GroupFacts, GroupOffsets, OffsetTable};

/// Changes that may wait for the writer. A change more is refused: the client is told to come back.
const QUEUED_CHANGES_MAX: usize = 4096;

/// Why the store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OffsetStoreError {
    #[error("cannot {action} `{path}`")]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{path}` is not a log of committed offsets")]
    ForeignFile { path: PathBuf },
    #[error("`{path}` is damaged at byte {position}: a bad record with good ones after it")]
    Corrupt { path: PathBuf, position: u64 },
}

/// Why a change did not become durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WriteError {
    /// The queue is full; nothing was written.
    #[error("too many changes wait to be written")]
    Busy,
    /// This write failed and was undone, as on a full disk; a later one may succeed.
    #[error("the write failed")]
    Failed,
    /// The file's state is unknown (a sync failed): nothing is written until the store is opened again.
    #[error("the store is closed to writes")]
    Closed,
}

/// One change on its way to the writer, with whom to tell.
struct Change {
    record: Record,
    done: oneshot::Sender<Result<(), WriteError>>,
}

/// Resolves when the change is durable, or is known not to be.
pub(crate) struct Ticket(oneshot::Receiver<Result<(), WriteError>>);

impl Ticket {
    pub(crate) async fn durable(self) -> Result<(), WriteError> {
        self.0.await.unwrap_or(Err(WriteError::Closed))
    }
}

/// The durable store of committed offsets. Dropping it waits for what is queued.
pub(crate) struct OffsetStore {
    table: Arc<RwLock<OffsetTable>>,
    queue: Option<mpsc::Sender<Change>>,
    writer: Option<JoinHandle<()>>,
}

impl OffsetStore {
    /// Opens or creates `offsets.log` in `dir` and starts its writer. With `fsync` a change is acknowledged after
    /// `fdatasync`, else after `write`: safe from the death of the process, not of the machine.
    pub(crate) fn open(dir: &Path, fsync: bool) -> Result<OffsetStore, OffsetStoreError> {
        let recovered = recovery::open(dir)?;
        let table = Arc::new(RwLock::new(recovered.table));
        let (queue, changes) = mpsc::channel(QUEUED_CHANGES_MAX);
        let writer = writer::Writer::new(recovered.log, Arc::clone(&table), fsync);
        let writer = std::thread::Builder::new()
            .name("kafka-offsets".to_owned())
            .spawn(move || writer.run(changes))
            .map_err(|source| OffsetStoreError::Io { action: "start the writer of", path: dir.to_owned(), source })?;
        Ok(OffsetStore { table, queue: Some(queue), writer: Some(writer) })
    }

    /// Queues a change; changes become durable in the order of the calls. Never waits: a full queue is
    /// [`WriteError::Busy`], so that it may be called under a lock.
    pub(crate) fn submit(&self, record: Record) -> Result<Ticket, WriteError> {
        let (done, ticket) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(WriteError::Closed)?;
        queue.try_send(Change { record, done }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => WriteError::Busy,
            mpsc::error::TrySendError::Closed(_) => WriteError::Closed,
        })?;
        Ok(Ticket(ticket))
    }

    /// What is durable now. Hold it shortly: the writer waits for it.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, OffsetTable> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OffsetStore {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the writer of committed offsets panicked");
        }
    }
}
