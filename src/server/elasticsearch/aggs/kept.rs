//! Work kept between searches: what aggregations gathered from the large segments of an index that a query matched as a whole.
//!
//! A dashboard asks the same again and again while new ticks come. Segments never change, so what they give to a request
//! is gathered once, and the next search of the kind goes on from there with what is new and what its range cuts through.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tantivy::SegmentReader;
use tantivy::index::SegmentId;

use super::AggregationRun;
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::mapping::Mapping;
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

/// Memory for all that is kept, as far as it can be told.
const BYTES_MAX: usize = 32 << 20;
/// Smaller segments are merged soon, and gathered from quickly.
const DOCS_MIN: u32 = 10_000;

/// What one collector gathered, which a collector of the same request goes on from.
pub(super) struct Kept {
    state: Box<dyn Any + Send + Sync>,
    bytes: usize,
}

impl Kept {
    /// `bytes` is about what `state` has on the heap.
    pub(super) fn new<T: Any + Send + Sync>(state: T, bytes: usize) -> Self {
        Self { state: Box::new(state), bytes: bytes + size_of::<T>() }
    }

    pub(super) fn get<T: Any>(&self) -> Option<&T> {
        self.state.downcast_ref()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

/// A segment with the documents that are deleted in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SegmentState {
    id: SegmentId,
    deletes: Option<u64>,
    living: u32,
}

impl SegmentState {
    fn of(segment: &SegmentReader) -> Self {
        Self { id: segment.segment_id(), deletes: segment.delete_opstamp(), living: segment.num_docs() }
    }

    /// Its living documents.
    pub(crate) fn living(&self) -> u64 {
        u64::from(self.living)
    }
}

/// What one request gathered from some segments.
struct Entry {
    mapping: Arc<Mapping>,
    segments: Vec<SegmentState>,
    gathered: Arc<Vec<Kept>>,
    bytes: usize,
    used: u64,
}

/// The work kept by a node; what was not used for longest goes first.
pub(crate) struct KeptWork {
    docs_min: u32,
    inner: Mutex<Inner>,
}

impl Default for KeptWork {
    fn default() -> Self {
        Self::of_segments_from(DOCS_MIN)
    }
}

#[derive(Default)]
struct Inner {
    /// By index and request.
    entries: HashMap<(Arc<str>, String), Entry>,
    bytes: usize,
    turn: u64,
}

impl KeptWork {
    pub(super) fn of_segments_from(docs_min: u32) -> Self {
        Self { docs_min, inner: Mutex::default() }
    }

    /// None where gathering anew is cheap.
    pub(crate) fn state(&self, segment: &SegmentReader) -> Option<SegmentState> {
        (segment.max_doc() >= self.docs_min).then(|| SegmentState::of(segment))
    }

    /// Lets a run that has collected nothing go on from what was kept, if all of it is still among `segments`. The answer: those of
    /// them that it has now.
    ///
    /// # Errors
    /// What was kept does not fit the run, which is of no use any more.
    pub(crate) fn resume(
        &self,
        shard: &IndexSnapshot,
        segments: &[SegmentState],
        run: &mut AggregationRun,
    ) -> Result<Vec<SegmentState>, Exception> {
        let Some(key) = run.key().map(|request| (Arc::clone(&shard.uuid), request.to_owned())) else {
            return Ok(Vec::new());
        };
        let Some((gathered, done)) = self.find(&key, &shard.mapping, segments) else { return Ok(Vec::new()) };
        if run.resume(&gathered) {
            return Ok(done);
        }
        self.lock().remove(&key);
        Err(Exception::new("illegal_state_exception", "what was kept of an earlier search does not fit this one"))
    }

    fn find(
        &self,
        key: &(Arc<str>, String),
        mapping: &Arc<Mapping>,
        segments: &[SegmentState],
    ) -> Option<(Arc<Vec<Kept>>, Vec<SegmentState>)> {
        let mut inner = self.lock();
        inner.turn += 1;
        let turn = inner.turn;
        let entry = inner.entries.get_mut(key)?;
        let same =
            Arc::ptr_eq(&entry.mapping, mapping) && entry.segments.iter().all(|segment| segments.contains(segment));
        entry.used = turn;
        same.then(|| (Arc::clone(&entry.gathered), entry.segments.clone()))
    }

    /// Keeps what a run gathered from `segments`, and from nothing else.
    pub(crate) fn keep(&self, shard: &IndexSnapshot, segments: Vec<SegmentState>, run: &AggregationRun) {
        let Some((request, gathered)) = run.key().zip(run.keep()) else { return };
        let bytes = request.len() + gathered.iter().map(Kept::bytes).sum::<usize>();
        if bytes > BYTES_MAX / 4 {
            return;
        }
        let mut inner = self.lock();
        inner.turn += 1;
        let (mapping, gathered, used) = (Arc::clone(&shard.mapping), Arc::new(gathered), inner.turn);
        let entry = Entry { mapping, segments, gathered, bytes, used };
        let key = (Arc::clone(&shard.uuid), request.to_owned());
        inner.remove(&key);
        inner.bytes += bytes;
        inner.entries.insert(key, entry);
        inner.evict();
    }

    /// Memory taken, as far as it can be told.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn evict(&mut self) {
        while self.bytes > BYTES_MAX {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { return };
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &(Arc<str>, String)) {
        if let Some(entry) = self.entries.remove(key) {
            self.bytes = self.bytes.saturating_sub(entry.bytes);
        }
    }
}
