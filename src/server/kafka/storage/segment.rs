//! One log file: batches back to back, named after its first offset, as Apache Kafka lays it out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StorageError;
use super::file::LogFile;
use super::index::SparseIndex;
use crate::server::kafka::codec::batch::{BatchHeader, HEADER_BYTES};

/// Headers are looked for in chunks of this size: an index interval and a bit.
const SCAN_CHUNK_BYTES: u64 = 8 * 1024;

/// A log file and what is known of it. `size` ends after the last batch a reader may see.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) base_offset: i64,
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn LogFile>,
    pub(crate) size: u64,
    pub(crate) index: SparseIndex,
    pub(crate) first_timestamp: Option<i64>,
    pub(crate) max_timestamp: i64,
}

/// A readable range of a log file, taken out of the lock so that reading needs none.
#[derive(Debug, Clone)]
pub(crate) struct FileRange {
    pub(crate) path: PathBuf,
    pub(crate) file: Arc<dyn LogFile>,
    /// A batch begins here.
    pub(crate) start: u64,
    pub(crate) end: u64,
}

impl Segment {
    pub(crate) fn new(base_offset: i64, path: PathBuf, file: Arc<dyn LogFile>) -> Self {
        Self {
            base_offset,
            path,
            file,
            size: 0,
            index: SparseIndex::default(),
            first_timestamp: None,
            max_timestamp: -1,
        }
    }

    /// Takes note of a batch that lies at the end of the file.
    pub(crate) fn add(&mut self, header: &BatchHeader, index_interval_bytes: u64) {
        self.index.add(header.base_offset, self.size, header.max_timestamp, index_interval_bytes);
        self.first_timestamp.get_or_insert(header.max_timestamp);
        self.max_timestamp = self.max_timestamp.max(header.max_timestamp);
        self.size += u64::try_from(header.size).unwrap_or(u64::MAX);
    }

    /// From an index entry at or before `offset` to the end.
    pub(crate) fn range_from(&self, offset: i64) -> FileRange {
        self.range_at(self.index.position_before(offset))
    }

    pub(crate) fn range_at(&self, start: u64) -> FileRange {
        FileRange { path: self.path.clone(), file: Arc::clone(&self.file), start, end: self.size }
    }
}

/// `00000000000000000042.log`, as Kafka names it.
pub(crate) fn file_name(base_offset: i64) -> String {
    format!("{base_offset:020}.log")
}

/// The first offset a file name stands for; `None` when it is not a log file's name.
pub(crate) fn parse_file_name(name: &str) -> Option<i64> {
    let digits = name.strip_suffix(".log")?;
    (digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())).then(|| digits.parse().ok())?
}

impl FileRange {
    /// The first batch for which `wanted` holds: its position and header.
    pub(crate) fn find_batch(
        &self,
        mut wanted: impl FnMut(&BatchHeader) -> bool,
    ) -> Result<Option<(u64, BatchHeader)>, StorageError> {
        let mut chunk = Vec::new();
        let mut chunk_start = self.start;
        let mut position = self.start;
        while position < self.end {
            let mut available = header_slice(&chunk, chunk_start, position);
            if available.is_none() {
                chunk_start = position;
                chunk = self.read(position, SCAN_CHUNK_BYTES)?;
                available = header_slice(&chunk, chunk_start, position);
            }
            let header =
                available.ok_or_else(|| self.corrupt(position, "the file ends inside a batch header")).and_then(
                    |bytes| BatchHeader::parse(bytes).map_err(|error| self.corrupt(position, &error.to_string())),
                )?;
            if wanted(&header) {
                return Ok(Some((position, header)));
            }
            position = position.saturating_add(u64::try_from(header.size).unwrap_or(u64::MAX));
        }
        Ok(None)
    }

    /// Up to `count` bytes from `position`, not beyond the end of the range.
    pub(crate) fn read(&self, position: u64, count: u64) -> Result<Vec<u8>, StorageError> {
        let count = count.min(self.end.saturating_sub(position));
        let mut buffer = vec![0; usize::try_from(count).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut buffer, position).map_err(StorageError::io("read", &self.path))?;
        Ok(buffer)
    }

    fn corrupt(&self, position: u64, reason: &str) -> StorageError {
        corrupt(&self.path, position, reason)
    }
}

pub(crate) fn corrupt(path: &Path, position: u64, reason: &str) -> StorageError {
    StorageError::Corrupt { path: path.to_path_buf(), position, reason: reason.to_owned() }
}

/// The header bytes at `position`, when the chunk holds all of them.
fn header_slice(chunk: &[u8], chunk_start: u64, position: u64) -> Option<&[u8]> {
    let start = usize::try_from(position.checked_sub(chunk_start)?).ok()?;
    chunk.get(start..start.checked_add(HEADER_BYTES)?)
}
