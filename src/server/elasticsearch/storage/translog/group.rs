//! Group commit: all writers that wait share one sync.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::super::disk::DiskFile;

/// How far the log is written and durable. Positions count all bytes ever appended, over all files.
#[derive(Debug)]
pub(crate) struct SyncGroup {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    file: Arc<dyn DiskFile>,
    /// Position of the file's first byte.
    base: u64,
    written: u64,
    durable: u64,
    running: bool,
    failed: Option<Arc<str>>,
}

impl SyncGroup {
    pub(super) fn new(file: Arc<dyn DiskFile>, length: u64) -> Self {
        let state = State { file, base: 0, written: length, durable: length, running: false, failed: None };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The length of the current file that is durable.
    pub(super) fn durable(&self) -> u64 {
        let state = self.lock();
        state.durable.saturating_sub(state.base)
    }

    /// The current file has grown; gives the position to wait for.
    pub(super) fn written(&self, length: u64) -> u64 {
        let mut state = self.lock();
        state.written = state.base + length;
        state.written
    }

    /// A new file follows, durable so far; all before it is durable elsewhere.
    pub(super) fn switch(&self, file: Arc<dyn DiskFile>, length: u64) {
        let mut state = self.lock();
        state.base = state.written;
        state.written += length;
        state.durable = state.written;
        state.file = file;
        self.changed.notify_all();
    }

    /// Blocks until everything up to a position is durable: one of those that wait syncs, for all.
    ///
    /// # Errors
    /// A sync failed, now or before: what was written since the last good one may be lost, and nothing can be acknowledged any more.
    pub(crate) fn wait(&self, position: u64) -> Result<(), Arc<str>> {
        let mut state = self.lock();
        loop {
            if let Some(failed) = &state.failed {
                return Err(Arc::clone(failed));
            }
            if state.durable >= position {
                return Ok(());
            }
            if state.running {
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state.running = true;
            let (file, written) = (Arc::clone(&state.file), state.written);
            drop(state);
            let result = file.sync();
            state = self.lock();
            state.running = false;
            match result {
                Ok(()) => state.durable = state.durable.max(written),
                Err(error) => {
                    state.failed = Some(format!("the write-ahead log was not synced: {error}").into());
                }
            }
            self.changed.notify_all();
        }
    }
}
