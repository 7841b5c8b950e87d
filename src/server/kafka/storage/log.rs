//! The log of one partition: segments in order, one of them written to.
//!
//! Offsets grow without gaps. A batch is visible, and may be acknowledged, once its write returned (and its sync, with
//! fsync): both ends of the visible range change only then. After a failed write or sync the log takes nothing more until
//! it is opened again, since nobody knows what the disk holds.

use std::io::IoSlice;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;

use super::StorageError;
use super::file::{FileSystem, replace_file};
use super::recovery::{self, Place};
use super::segment::{self, FileRange, Segment};
use crate::server::kafka::codec::batch::{BatchHeader, StampedBatch, whole_batches};
use crate::server::kafka::codec::records::{self, RecordMeta};

const START_OFFSET_FILE: &str = "log-start-offset";
/// Batches in one vectored write: two slices each, and systems take at most 1,024.
const BATCHES_PER_WRITE: usize = 256;
/// Offsets in one file, as Kafka's indexes count them in 32 bits.
const OFFSETS_PER_SEGMENT_MAX: i64 = i32::MAX as i64;

/// What of a topic's configuration the log needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LogSettings {
    pub(crate) segment_bytes: u64,
    pub(crate) segment_ms: i64,
    pub(crate) index_interval_bytes: u64,
    /// Sync after this many records; 1 syncs each write.
    pub(crate) flush_messages: i64,
}

/// The log of one partition. Readers share it with one writer.
#[derive(Debug)]
pub(crate) struct Log {
    dir: PathBuf,
    fs: Arc<dyn FileSystem>,
    fsync: bool,
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    segments: Vec<Segment>,
    start_offset: i64,
    next_offset: i64,
    records_unsynced: i64,
    failed: bool,
}

/// The visible offsets: from `start` up to, not including, `end`. On one node `end` is the high watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// What a read found.
#[derive(Debug)]
pub(crate) struct ReadBatches {
    pub(crate) records: Bytes,
    pub(crate) range: Range,
}

/// Why a read gives nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("the log reaches from {} to {}", .0.start, .0.end)]
    OutOfRange(Range),
    #[error(transparent)]
    Storage(#[from] StorageError),
}

impl Log {
    /// Opens the log in `dir`, which must exist; `visit` sees the header of every batch, in order.
    pub(crate) fn open(
        fs: Arc<dyn FileSystem>,
        dir: PathBuf,
        settings: &LogSettings,
        fsync: bool,
        mut visit: impl FnMut(&BatchHeader),
    ) -> Result<Self, StorageError> {
        let names = fs.list(&dir).map_err(StorageError::io("list", &dir))?;
        let mut bases: Vec<i64> = names.iter().filter_map(|name| segment::parse_file_name(name)).collect();
        bases.sort_unstable();
        let start_offset = read_start_offset(fs.as_ref(), &dir)?;
        let mut segments = Vec::with_capacity(bases.len());
        let mut next_offset = bases.first().copied().unwrap_or(start_offset);
        for (index, base) in bases.iter().enumerate() {
            let path = dir.join(segment::file_name(*base));
            if *base != next_offset {
                return Err(segment::corrupt(&path, 0, &format!("the file before it ends at offset {next_offset}")));
            }
            let place = if index + 1 == bases.len() { Place::Last } else { Place::Sealed };
            let file = fs.open(&path).map_err(StorageError::io("open", &path))?;
            let mut segment = Segment::new(*base, path, file);
            (next_offset, _) = recovery::recover(&mut segment, place, settings.index_interval_bytes, &mut visit)?;
            segments.push(segment);
        }
        let start_offset = start_offset.clamp(bases.first().copied().unwrap_or(start_offset), next_offset);
        let state = State { segments, start_offset, next_offset, records_unsynced: 0, failed: false };
        Ok(Self { dir, fs, fsync, state: RwLock::new(state) })
    }

    pub(crate) fn range(&self) -> Range {
        self.read_state().range()
    }

    /// Bytes of all files.
    pub(crate) fn size(&self) -> u64 {
        self.read_state().segments.iter().map(|segment| segment.size).sum()
    }

    /// Appends stamped batches; there is one caller at a time. Their offsets begin where the log ends.
    pub(crate) fn append(&self, batches: &[StampedBatch], settings: &LogSettings) -> Result<(), StorageError> {
        let mut rest = batches;
        while let Some(first) = rest.first() {
            self.refuse_if_failed()?;
            self.ensure_segment(&first.header, settings).inspect_err(|_| self.mark_failed())?;
            let (run, after) = rest.split_at(self.run_length(rest, settings));
            self.write_run(run, settings).inspect_err(|_| self.mark_failed())?;
            rest = after;
        }
        Ok(())
    }

    /// Whole batches from the one that holds `offset` on, at most `bytes_max`; with `whole_first`, the first one whatever
    /// its size. Empty at the end of the log.
    pub(crate) fn read(&self, offset: i64, bytes_max: u64, whole_first: bool) -> Result<ReadBatches, ReadError> {
        let (range, files) = self.files_from(offset)?;
        for file in files {
            let Some((position, header)) = file.find_batch(|header| header.last_offset() >= offset)? else { continue };
            let first_bytes = u64::try_from(header.size).unwrap_or(u64::MAX);
            if first_bytes > bytes_max && !whole_first {
                break;
            }
            let mut read = Bytes::from(file.read(position, bytes_max.max(first_bytes))?);
            read.truncate(whole_batches(&read));
            return Ok(ReadBatches { records: read, range });
        }
        Ok(ReadBatches { records: Bytes::new(), range })
    }

    /// About how many bytes a read from `offset` could give: never too few, up to an index interval too many.
    pub(crate) fn bytes_from(&self, offset: i64) -> u64 {
        let state = self.read_state();
        if offset >= state.next_offset {
            return 0;
        }
        let first = state.segment_of(offset);
        let skipped = state.segments.get(first).map_or(0, |segment| segment.index.position_before(offset));
        let total: u64 = state.segments.iter().skip(first).map(|segment| segment.size).sum();
        total.saturating_sub(skipped)
    }

    /// The first record with a timestamp of at least `timestamp`.
    pub(crate) fn find_timestamp(&self, timestamp: i64) -> Result<Option<RecordMeta>, StorageError> {
        let (start, files) = {
            let state = self.read_state();
            let late = state.segments.iter().filter(|segment| segment.max_timestamp >= timestamp);
            let ranges = late.filter_map(|segment| {
                segment.index.position_of_timestamp(timestamp).map(|position| segment.range_at(position))
            });
            (state.start_offset, ranges.collect::<Vec<_>>())
        };
        for mut file in files {
            let wanted = |header: &BatchHeader| header.max_timestamp >= timestamp && header.last_offset() >= start;
            while let Some((position, header)) = file.find_batch(wanted)? {
                let found = first_record(&file, position, &header, |record| {
                    record.timestamp >= timestamp && record.offset >= start
                })?;
                if found.is_some() {
                    return Ok(found);
                }
                file.start = position.saturating_add(u64::try_from(header.size).unwrap_or(u64::MAX));
            }
        }
        Ok(None)
    }

    /// The first record that has the largest timestamp.
    pub(crate) fn find_max_timestamp(&self) -> Result<Option<RecordMeta>, StorageError> {
        let max = self.read_state().segments.iter().map(|segment| segment.max_timestamp).max();
        match max {
            Some(max) if max >= 0 => self.find_timestamp(max),
            _ => Ok(None),
        }
    }

    /// Moves the start of the log up to `offset`, durably, and removes files that lie wholly before it.
    pub(crate) fn delete_before(&self, offset: i64) -> Result<i64, StorageError> {
        let range = self.range();
        if offset <= range.start {
            return Ok(range.start);
        }
        let start = offset.min(range.end);
        replace_file(self.fs.as_ref(), &self.dir.join(START_OFFSET_FILE), start.to_string().as_bytes())?;
        let removed = {
            let mut state = self.write_state();
            state.start_offset = state.start_offset.max(start);
            let keep_from = state.segment_of(start);
            state.segments.drain(..keep_from).collect::<Vec<_>>()
        };
        for segment in removed {
            self.fs.remove_file(&segment.path).map_err(StorageError::io("remove", &segment.path))?;
        }
        Ok(start)
    }

    /// Makes everything written so far survive a power cut.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        let active = self.read_state().segments.last().map(|segment| segment.range_at(0));
        match active {
            Some(active) => active
                .file
                .sync_data()
                .map_err(StorageError::io("sync", &active.path))
                .inspect_err(|_| self.mark_failed()),
            None => Ok(()),
        }
    }

    /// Takes no more writes, as after a failed one.
    pub(crate) fn mark_failed(&self) {
        self.write_state().failed = true;
    }

    fn refuse_if_failed(&self) -> Result<(), StorageError> {
        if self.read_state().failed { Err(StorageError::Poisoned { path: self.dir.clone() }) } else { Ok(()) }
    }

    /// Begins a new file when there is none or the next batch does not belong into the last one.
    fn ensure_segment(&self, next: &BatchHeader, settings: &LogSettings) -> Result<(), StorageError> {
        let full = match self.read_state().segments.last() {
            Some(active) if !must_roll(active, active.size, next, settings) => return Ok(()),
            Some(active) => Some(active.range_at(0)),
            None => None,
        };
        if let Some(full) = full {
            // Sealed files are trusted at recovery, so they are on the disk before another one follows.
            full.file.sync_data().map_err(StorageError::io("sync", &full.path))?;
        }
        let path = self.dir.join(segment::file_name(next.base_offset));
        let file = self.fs.open(&path).map_err(StorageError::io("open", &path))?;
        self.fs.sync_dir(&self.dir).map_err(StorageError::io("sync folder", &self.dir))?;
        self.write_state().segments.push(Segment::new(next.base_offset, path, file));
        Ok(())
    }

    /// How many of `batches` go to the last file in one write: at least one.
    fn run_length(&self, batches: &[StampedBatch], settings: &LogSettings) -> usize {
        let state = self.read_state();
        let Some(active) = state.segments.last() else { return batches.len().min(1) };
        let mut size = active.size;
        let fits = |batch: &&StampedBatch| {
            let fits = !must_roll(active, size, &batch.header, settings);
            size += u64::try_from(batch.header.size).unwrap_or(u64::MAX / 2);
            fits
        };
        batches.iter().take(BATCHES_PER_WRITE).take_while(fits).count().max(1)
    }

    fn write_run(&self, run: &[StampedBatch], settings: &LogSettings) -> Result<(), StorageError> {
        let (active, records_unsynced) = {
            let state = self.read_state();
            let segment = state.segments.last().expect("a segment was ensured just before, by the only writer");
            (segment.range_at(segment.size), state.records_unsynced)
        };
        let mut slices: Vec<IoSlice<'_>> = run.iter().flat_map(StampedBatch::slices).collect();
        if let Err(error) = active.file.append(&mut slices) {
            // Best effort: recovery cuts the same bytes if this fails too.
            if let Err(error) = active.file.set_len(active.end) {
                tracing::warn!(path = %active.path.display(), %error, "cannot cut a failed write");
            }
            return Err(StorageError::io("write", &active.path)(error));
        }
        let records: i64 = run.iter().map(|batch| i64::from(batch.header.record_count)).sum();
        let mut records_unsynced = records_unsynced.saturating_add(records);
        if self.fsync || records_unsynced >= settings.flush_messages {
            active.file.sync_data().map_err(StorageError::io("sync", &active.path))?;
            records_unsynced = 0;
        }
        self.publish(run, records_unsynced, settings);
        Ok(())
    }

    fn publish(&self, run: &[StampedBatch], records_unsynced: i64, settings: &LogSettings) {
        let mut state = self.write_state();
        state.records_unsynced = records_unsynced;
        for batch in run {
            if let Some(segment) = state.segments.last_mut() {
                segment.add(&batch.header, settings.index_interval_bytes);
            }
            assert_eq!(batch.header.base_offset, state.next_offset, "batches are stamped with the offsets that follow");
            state.next_offset = batch.header.last_offset() + 1;
        }
    }

    /// The parts of files to look through for `offset`, first the one that should hold it.
    fn files_from(&self, offset: i64) -> Result<(Range, Vec<FileRange>), ReadError> {
        let state = self.read_state();
        let range = state.range();
        if offset < range.start || offset > range.end {
            return Err(ReadError::OutOfRange(range));
        }
        if offset == range.end {
            return Ok((range, Vec::new()));
        }
        let files = state.segments.iter().skip(state.segment_of(offset)).take(2);
        Ok((range, files.map(|segment| segment.range_from(offset)).collect()))
    }

    fn read_state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn range(&self) -> Range {
        Range { start: self.start_offset, end: self.next_offset }
    }

    /// Index of the segment that holds `offset`.
    fn segment_of(&self, offset: i64) -> usize {
        self.segments.partition_point(|segment| segment.base_offset <= offset).saturating_sub(1)
    }
}

/// Whether a batch begins a new file rather than being added at `size` to `active`.
fn must_roll(active: &Segment, size: u64, next: &BatchHeader, settings: &LogSettings) -> bool {
    if size == 0 {
        return false;
    }
    let too_large = size.saturating_add(u64::try_from(next.size).unwrap_or(u64::MAX)) > settings.segment_bytes;
    let too_many = next.last_offset().saturating_sub(active.base_offset) > OFFSETS_PER_SEGMENT_MAX;
    let first = active.first_timestamp.unwrap_or(next.max_timestamp);
    too_large || too_many || next.max_timestamp.saturating_sub(first) > settings.segment_ms
}

/// The first record of a batch that `wanted` holds for. Records that do not unpack are answered with the batch's first
/// offset and its largest timestamp: a consumer that starts there misses nothing.
fn first_record(
    file: &FileRange,
    position: u64,
    header: &BatchHeader,
    wanted: impl Fn(&RecordMeta) -> bool,
) -> Result<Option<RecordMeta>, StorageError> {
    let batch = file.read(position, u64::try_from(header.size).unwrap_or(u64::MAX))?;
    let found = records::walk(header, &batch, |record| {
        if wanted(&record) { ControlFlow::Break(record) } else { ControlFlow::Continue(()) }
    });
    Ok(found.unwrap_or_else(|error| {
        tracing::debug!(path = %file.path.display(), position, %error, "a batch cannot be searched by time");
        Some(RecordMeta { offset: header.base_offset, timestamp: header.max_timestamp, has_key: true })
    }))
}

fn read_start_offset(fs: &dyn FileSystem, dir: &Path) -> Result<i64, StorageError> {
    let path = dir.join(START_OFFSET_FILE);
    let Some(bytes) = fs.read(&path).map_err(StorageError::io("read", &path))? else { return Ok(0) };
    let text = String::from_utf8_lossy(&bytes);
    match text.trim().parse() {
        Ok(offset) if offset >= 0 => Ok(offset),
        _ => Err(StorageError::Metadata { path, reason: format!("`{text}` is not an offset") }),
    }
}

#[cfg(test)]
mod tests;
