//! What reads see: the last searcher, and every operation behind it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tantivy::schema::Value;
use tantivy::{Searcher, TantivyDocument};

use super::super::translog::{Location, OperationKind};
use super::lookup::{Found, IdLookup};
use super::operation::Current;
use super::{EngineError, EngineStats, Shared, StoredDocument};

/// Deleted ids that are remembered at most; the oldest go first.
const DELETES_MAX: usize = 100_000;

pub(super) struct View {
    pub(super) searcher: Searcher,
    pub(super) lookup: Arc<IdLookup>,
    /// Operations that the searcher does not have, and deletes that are remembered.
    recent: HashMap<Box<str>, Recent>,
    /// Deletes in the order they came, with their sequence numbers.
    deletes: VecDeque<(Box<str>, u64, Instant)>,
}

#[derive(Debug, Clone)]
struct Recent {
    version: u64,
    seq_no: u64,
    /// Where the document is; none for a delete.
    location: Option<Location>,
}

impl View {
    pub(super) fn new(searcher: Searcher, lookup: IdLookup) -> Self {
        Self { searcher, lookup: Arc::new(lookup), recent: HashMap::new(), deletes: VecDeque::new() }
    }

    pub(super) fn current(&self, id: &str) -> Option<Current> {
        let recent = self.recent.get(id)?;
        Some(Current { version: recent.version, seq_no: recent.seq_no, deleted: recent.location.is_none() })
    }

    /// Notes an operation; without a location it is a delete.
    pub(super) fn note(&mut self, id: &str, version: u64, seq_no: u64, location: Option<Location>) {
        if location.is_none() {
            self.deletes.push_back((id.into(), seq_no, Instant::now()));
        }
        self.recent.insert(id.into(), Recent { version, seq_no, location });
    }

    /// A searcher that has everything: only remembered deletes stay beside it.
    pub(super) fn renew(&mut self, searcher: Searcher, lookup: IdLookup, remember: Duration) {
        self.searcher = searcher;
        self.lookup = Arc::new(lookup);
        while let Some((id, seq_no, at)) = self.deletes.front() {
            let is_current = self.recent.get(id).is_some_and(|recent| recent.seq_no == *seq_no);
            if is_current && at.elapsed() < remember && self.deletes.len() <= DELETES_MAX {
                break;
            }
            if is_current {
                self.recent.remove(id);
            }
            self.deletes.pop_front();
        }
        self.recent.retain(|_, recent| recent.location.is_none());
        if self.recent.capacity() > 4 * self.recent.len() + 1024 {
            self.recent.shrink_to_fit();
        }
    }
}

enum Place {
    Log(u64, u64, Location),
    Committed(Arc<IdLookup>),
}

impl Shared {
    pub(super) fn get(&self, id: &str) -> Result<Option<StoredDocument>, EngineError> {
        let place = {
            let view = self.view();
            match view.recent.get(id) {
                Some(Recent { location: None, .. }) => return Ok(None),
                Some(Recent { version, seq_no, location: Some(location) }) => {
                    Place::Log(*version, *seq_no, location.clone())
                }
                None => Place::Committed(Arc::clone(&view.lookup)),
            }
        };
        match place {
            Place::Log(version, seq_no, location) => {
                let document = location.read(|operation| match operation.kind {
                    OperationKind::Index { source, routing } => Some(StoredDocument {
                        version,
                        seq_no,
                        routing: routing.map(str::to_owned),
                        source: Bytes::copy_from_slice(source),
                    }),
                    OperationKind::Delete => None,
                });
                document.map_err(|source| EngineError::Io { dir: self.dir.clone(), source })
            }
            Place::Committed(lookup) => self.committed(&lookup, id),
        }
    }

    pub(super) fn get_committed(&self, id: &str) -> Result<Option<StoredDocument>, EngineError> {
        let lookup = Arc::clone(&self.view().lookup);
        self.committed(&lookup, id)
    }

    fn committed(&self, lookup: &IdLookup, id: &str) -> Result<Option<StoredDocument>, EngineError> {
        match lookup.find(id).map_err(|error| self.tantivy(error))? {
            None => Ok(None),
            Some(found) => self.stored(lookup.searcher(), found).map(Some),
        }
    }

    fn stored(&self, searcher: &Searcher, found: Found) -> Result<StoredDocument, EngineError> {
        let document: TantivyDocument = searcher.doc(found.address).map_err(|error| self.tantivy(error))?;
        let source = document.get_first(self.fields.source).and_then(|value| value.as_bytes()).unwrap_or_default();
        let routing = document.get_first(self.fields.routing).and_then(|value| value.as_str()).map(str::to_owned);
        Ok(StoredDocument {
            version: found.version,
            seq_no: found.seq_no,
            routing,
            source: Bytes::copy_from_slice(source),
        })
    }

    pub(super) fn stats(&self) -> EngineStats {
        let searcher = self.view().searcher.clone();
        let deleted = searcher.segment_readers().iter().map(|reader| u64::from(reader.num_deleted_docs())).sum();
        let folders = [super::open::index_dir(&self.dir), super::open::translog_dir(&self.dir)];
        let size_bytes = folders.iter().map(|dir| folder_bytes(dir)).sum();
        EngineStats { docs: searcher.num_docs(), deleted, size_bytes }
    }
}

/// Files come and go while they are counted; those that are gone count nothing.
fn folder_bytes(dir: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}
