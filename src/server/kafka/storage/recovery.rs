//! Opens one log file after a stop of any kind: walks its batches, rebuilds the index, and lets the caller rebuild the
//! state of producers from the same headers.
//!
//! Only the last file of a log can have a torn tail; it is checked batch by batch, CRC included, and cut at the first one
//! that is not whole. In any other file the same finding is damage, and the log is not opened.

use super::StorageError;
use super::segment::{Segment, corrupt};
use crate::server::kafka::codec::batch::{self, BatchError, BatchHeader, HEADER_BYTES};

/// Bytes read at once while walking.
const WINDOW_BYTES: usize = 256 * 1024;

/// Which file of its log is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Another file follows: it was finished and synced.
    Sealed,
    /// The file that was written last.
    Last,
}

/// Fills `segment` from its file. Returns the offset after its last batch and the number of bytes cut off its tail.
pub(crate) fn recover(
    segment: &mut Segment,
    place: Place,
    index_interval_bytes: u64,
    mut visit: impl FnMut(&BatchHeader),
) -> Result<(i64, u64), StorageError> {
    let len = segment.file.len().map_err(StorageError::io("measure", &segment.path))?;
    let mut window = Window { start: 0, bytes: Vec::new(), len };
    let mut next_offset = segment.base_offset;
    while segment.size < len {
        match read_batch(segment, &mut window, place, next_offset)? {
            Ok(header) => {
                next_offset = header.last_offset().saturating_add(1);
                visit(&header);
                segment.add(&header, index_interval_bytes);
            }
            Err(reason) if place == Place::Last => return cut(segment, len, &reason).map(|cut| (next_offset, cut)),
            Err(reason) => return Err(corrupt(&segment.path, segment.size, &reason)),
        }
    }
    Ok((next_offset, 0))
}

/// Cuts the file after its last whole batch, and makes that durable before anything is appended.
fn cut(segment: &Segment, len: u64, reason: &str) -> Result<u64, StorageError> {
    let bytes = len - segment.size;
    tracing::warn!(path = %segment.path.display(), position = segment.size, bytes, reason, "cut a torn tail off the log");
    segment.file.set_len(segment.size).map_err(StorageError::io("cut", &segment.path))?;
    segment.file.sync_data().map_err(StorageError::io("sync", &segment.path))?;
    Ok(bytes)
}

/// The batch at the end of what is known so far. The inner error says why the bytes there are not one.
fn read_batch(
    segment: &Segment,
    window: &mut Window,
    place: Place,
    next_offset: i64,
) -> Result<Result<BatchHeader, String>, StorageError> {
    let position = segment.size;
    let Some(head) = window.get(segment, position, HEADER_BYTES)? else {
        return Ok(Err("the file ends inside a batch header".to_owned()));
    };
    let header = match BatchHeader::parse(head) {
        Ok(header) => header,
        Err(error) => return Ok(Err(error.to_string())),
    };
    if header.base_offset != next_offset || header.last_offset_delta < 0 {
        return Ok(Err(format!("offset {} where {next_offset} should be", header.base_offset)));
    }
    let left = usize::try_from(window.len - position).unwrap_or(usize::MAX);
    if header.size > left {
        return Ok(Err(BatchError::Truncated { size: header.size, available: left }.to_string()));
    }
    if place == Place::Last {
        let whole = window.get(segment, position, header.size)?.unwrap_or_default();
        if let Err(error) = batch::check_crc(&header, whole) {
            return Ok(Err(error.to_string()));
        }
    }
    Ok(Ok(header))
}

/// The part of the file in memory.
struct Window {
    start: u64,
    bytes: Vec<u8>,
    len: u64,
}

impl Window {
    /// `count` bytes at `position`; `None` when the file ends before. `count` never exceeds what the file holds, so a
    /// length field cannot make this allocate more than the file's size.
    fn get(&mut self, segment: &Segment, position: u64, count: usize) -> Result<Option<&[u8]>, StorageError> {
        let left = usize::try_from(self.len.saturating_sub(position)).unwrap_or(usize::MAX);
        if count > left {
            return Ok(None);
        }
        let inside = position.checked_sub(self.start).and_then(|start| usize::try_from(start).ok());
        let fits = inside.is_some_and(|start| start.saturating_add(count) <= self.bytes.len());
        if !fits {
            self.bytes.resize(count.max(WINDOW_BYTES).min(left), 0);
            self.start = position;
            segment.file.read_exact_at(&mut self.bytes, position).map_err(StorageError::io("read", &segment.path))?;
        }
        let start = usize::try_from(position - self.start).unwrap_or(usize::MAX);
        Ok(self.bytes.get(start..start.saturating_add(count)))
    }
}
