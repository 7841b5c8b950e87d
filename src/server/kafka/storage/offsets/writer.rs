//! The one owner of the log: takes all that is queued, writes it at once, syncs it at once, then answers.

use std::{
    fs::File,
    io::{self, Seek, SeekFrom, Write},
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    Change, WriteError,
    format::Record,
    recovery::{self, RewriteError},
    table::OffsetTable,
};

/// Bytes taken into one write. One change more may go over it.
const BATCH_BYTES_MAX: usize = 4 << 20;
/// A log below this size is never compacted.
const COMPACT_BYTES_MIN: u64 = 4 << 20;

/// The calls on the file that can fail, so that tests can make them fail.
pub(super) trait LogFile: Send {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;
    fn sync(&mut self) -> io::Result<()>;
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

impl LogFile for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.set_len(length)?;
        self.seek(SeekFrom::Start(length)).map(drop)
    }
}

/// The file, and up to where it is good.
pub(super) struct Log<F> {
    dir: PathBuf,
    file: F,
    bytes: u64,
    /// The size at which the log is worth compacting: four times what it was when it was last only state.
    compact_at: u64,
    open: bool,
}

impl<F: LogFile> Log<F> {
    pub(super) fn new(dir: PathBuf, file: F, bytes: u64) -> Log<F> {
        // At start nobody knows how much of the log is history, so its first compaction comes soon.
        Log { dir, file, bytes, compact_at: COMPACT_BYTES_MIN.max(bytes + bytes / 2), open: true }
    }

    /// Appends `bytes` and, when asked, makes them power-safe. On an error nothing of them stays.
    fn write(&mut self, bytes: &[u8], fsync: bool) -> Result<(), WriteError> {
        if !self.open {
            return Err(WriteError::Closed);
        }
        if let Err(error) = self.file.append(bytes) {
            tracing::error!(%error, "cannot write committed offsets");
            if let Err(error) = self.file.cut(self.bytes) {
                tracing::error!(%error, "cannot undo a failed write of committed offsets: no more are taken");
                self.open = false;
            }
            return Err(WriteError::Failed);
        }
        if fsync && let Err(error) = self.file.sync() {
            // After a failed sync the kernel may have dropped the pages: a second sync would succeed and lie.
            tracing::error!(%error, "cannot sync committed offsets: no more are taken until the broker is started again");
            self.open = false;
            return Err(WriteError::Closed);
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

impl Log<File> {
    fn compact_if_due(&mut self, table: &OffsetTable) {
        if !self.open || self.bytes < self.compact_at {
            return;
        }
        match recovery::rewrite(&self.dir, table) {
            Ok((file, bytes)) => {
                self.file = file;
                self.bytes = bytes;
                self.compact_at = COMPACT_BYTES_MIN.max(bytes.saturating_mul(4));
            }
            Err(RewriteError::Untouched(error)) => {
                tracing::warn!(%error, "cannot compact the committed offsets; trying again later");
                self.compact_at = self.bytes.saturating_mul(2);
            }
            Err(RewriteError::Unknown(error)) => {
                tracing::error!(%error, "cannot sync the compacted offsets: no more are taken until the broker is started again");
                self.open = false;
            }
        }
    }
}

/// What the writer's thread runs.
pub(super) struct Writer {
    log: Log<File>,
    table: Arc<RwLock<OffsetTable>>,
    fsync: bool,
}

impl Writer {
    pub(super) fn new(log: Log<File>, table: Arc<RwLock<OffsetTable>>, fsync: bool) -> Writer {
        Writer { log, table, fsync }
    }

    /// Until every sender is gone and the queue is empty.
    pub(super) fn run(mut self, mut changes: mpsc::Receiver<Change>) {
        while let Some(first) = changes.blocking_recv() {
            write_batch(&mut self.log, &self.table, self.fsync, first, &mut changes);
            // Only this thread writes the table, so a copy is not needed: readers go on reading meanwhile.
            self.log.compact_if_due(&self.table.read().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

type Answer = oneshot::Sender<Result<(), WriteError>>;

/// `first` and all that is queued behind it: one write, one sync, then memory, then the answers.
pub(super) fn write_batch<F: LogFile>(
    log: &mut Log<F>,
    table: &RwLock<OffsetTable>,
    fsync: bool,
    first: Change,
    changes: &mut mpsc::Receiver<Change>,
) {
    let mut bytes = Vec::new();
    let mut batch: Vec<(Record, Answer)> = Vec::new();
    let mut next = Some(first);
    while let Some(Change { record, done }) = next {
        if record.encode_frame(&mut bytes) {
            batch.push((record, done));
        } else {
            tell(done, Err(WriteError::Failed));
        }
        next = if bytes.len() < BATCH_BYTES_MAX { changes.try_recv().ok() } else { None };
    }
    let written = log.write(&bytes, fsync);
    let mut answers = Vec::with_capacity(batch.len());
    {
        let mut table = table.write().unwrap_or_else(PoisonError::into_inner);
        for (record, done) in batch {
            if written.is_ok() {
                table.apply(record);
            }
            answers.push(done);
        }
    }
    for done in answers {
        tell(done, written);
    }
}

/// The asker may be gone: then nobody waits for the answer, and the change stays.
fn tell(done: Answer, result: Result<(), WriteError>) {
    if done.send(result).is_err() {
        tracing::trace!("nobody waits for this change of committed offsets");
    }
}
