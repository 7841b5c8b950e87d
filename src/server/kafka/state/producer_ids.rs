//! Ids for idempotent producers, each given out once for the life of the data folder.
//!
//! Ids come in blocks: a block is on the disk as taken before its first id leaves, so a crash skips ids but never repeats
//! one.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::server::kafka::storage::StorageError;
use crate::server::kafka::storage::file::FileSystem;
use crate::server::kafka::storage::meta::{self, ProducerIdRecord};

const BLOCK: i64 = 1000;

/// Gives out producer ids.
#[derive(Debug)]
pub(crate) struct ProducerIds {
    fs: Arc<dyn FileSystem>,
    path: PathBuf,
    state: Mutex<Ids>,
}

#[derive(Debug)]
struct Ids {
    next: i64,
    reserved_until: i64,
}

impl ProducerIds {
    pub(crate) fn open(fs: Arc<dyn FileSystem>, path: PathBuf) -> Result<Self, StorageError> {
        let record: Option<ProducerIdRecord> = meta::load(fs.as_ref(), &path)?;
        let next = record.map_or(0, |record| record.next_producer_id.max(0));
        Ok(Self { fs, path, state: Mutex::new(Ids { next, reserved_until: next }) })
    }

    /// A new id. Blocks on the disk once in a thousand calls.
    pub(crate) fn next(&self) -> Result<i64, StorageError> {
        let mut ids = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.next >= ids.reserved_until {
            let until = ids.next.saturating_add(BLOCK);
            meta::store(self.fs.as_ref(), &self.path, ProducerIdRecord { next_producer_id: until })?;
            ids.reserved_until = until;
        }
        let id = ids.next;
        ids.next += 1;
        Ok(id)
    }
}
