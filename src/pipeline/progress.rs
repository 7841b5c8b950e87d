//! How far a run is, as counters that whoever shows progress reads when it likes.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

/// Counters of one run. They only grow, but for `total` and the note.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    bytes: AtomicU64,
    dead: AtomicU64,
    invalid: AtomicU64,
    retries: AtomicU64,
    note: Mutex<Option<String>>,
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProgressSnapshot {
    /// Ticks acknowledged by the broker; or messages indexed or dead-lettered.
    pub done: u64,
    /// `None` while it is not known.
    pub total: Option<u64>,
    /// Payload bytes of what is done.
    pub bytes: u64,
    /// Dead letters among `done`.
    pub dead: u64,
    /// Bad records passed over, not among `done`.
    pub invalid: u64,
    /// Requests or documents that were sent again.
    pub retries: u64,
    /// Why it is not going on, while it is not.
    pub note: Option<String>,
}

impl Progress {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn snapshot(&self) -> ProgressSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProgressSnapshot {
            done: read(&self.done),
            total: Some(read(&self.total)).filter(|total| *total > 0),
            bytes: read(&self.bytes),
            dead: read(&self.dead),
            invalid: read(&self.invalid),
            retries: read(&self.retries),
            note: self.note.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }

    pub(crate) fn set_total(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    pub(crate) fn add_done(&self, count: u64, bytes: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_dead(&self, count: u64) {
        self.dead.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn add_invalid(&self) {
        self.invalid.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_retries(&self, count: u64) {
        self.retries.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn set_note(&self, note: Option<String>) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = note;
    }
}
