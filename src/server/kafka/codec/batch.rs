//! The 61 bytes before the records of a batch (magic 2), read and stamped without touching the records.
//!
//! The CRC-32C covers byte 21 to the end, so base offset and leader epoch are stamped without computing it anew.
//! Source: <https://kafka.apache.org/documentation/#recordbatch>.

use std::io::IoSlice;

use bytes::Bytes;
use thiserror::Error;

/// Bytes before the first record.
pub(crate) const HEADER_BYTES: usize = 61;
/// Bytes before the length field counts: base offset and the length itself.
pub(crate) const LENGTH_FIELD_END: usize = 12;
/// Where the bytes covered by the CRC begin.
const CRC_START: usize = 21;

const CODEC_MASK: i16 = 0b111;
const LOG_APPEND_TIME: i16 = 1 << 3;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;

/// How the records of a batch are packed: bits 0 to 2 of its attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    None,
    Gzip,
    Snappy,
    Lz4,
    Zstd,
}

/// The fixed header of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BatchHeader {
    pub(crate) base_offset: i64,
    /// Whole size in bytes, header included.
    pub(crate) size: usize,
    pub(crate) crc: u32,
    pub(crate) attributes: i16,
    pub(crate) last_offset_delta: i32,
    pub(crate) base_timestamp: i64,
    pub(crate) max_timestamp: i64,
    pub(crate) producer_id: i64,
    pub(crate) producer_epoch: i16,
    pub(crate) base_sequence: i32,
    pub(crate) record_count: i32,
}

/// Why bytes are not a batch.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum BatchError {
    #[error("{0} bytes are too few for a batch header")]
    TooShort(usize),
    #[error("the length field says {0}")]
    Length(i32),
    #[error("magic {0} is not supported")]
    Magic(i8),
    #[error("the batch ends after its {available} bytes: it says {size}")]
    Truncated { size: usize, available: usize },
    #[error("the checksum does not match")]
    Crc,
}

impl BatchHeader {
    /// Reads the header at the start of `bytes`; the rest of the batch need not be there.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, BatchError> {
        let head: &[u8; HEADER_BYTES] = bytes.first_chunk().ok_or(BatchError::TooShort(bytes.len()))?;
        let length = i32::from_be_bytes(at(head, 8));
        let magic = i8::from_be_bytes(at(head, 16));
        if magic != 2 {
            return Err(BatchError::Magic(magic));
        }
        let size = usize::try_from(length).map_err(|_| BatchError::Length(length))?.saturating_add(LENGTH_FIELD_END);
        if size < HEADER_BYTES {
            return Err(BatchError::Length(length));
        }
        Ok(Self {
            base_offset: i64::from_be_bytes(at(head, 0)),
            size,
            crc: u32::from_be_bytes(at(head, 17)),
            attributes: i16::from_be_bytes(at(head, 21)),
            last_offset_delta: i32::from_be_bytes(at(head, 23)),
            base_timestamp: i64::from_be_bytes(at(head, 27)),
            max_timestamp: i64::from_be_bytes(at(head, 35)),
            producer_id: i64::from_be_bytes(at(head, 43)),
            producer_epoch: i16::from_be_bytes(at(head, 51)),
            base_sequence: i32::from_be_bytes(at(head, 53)),
            record_count: i32::from_be_bytes(at(head, 57)),
        })
    }

    /// Offset of the last record.
    pub(crate) fn last_offset(&self) -> i64 {
        self.base_offset.saturating_add(i64::from(self.last_offset_delta))
    }

    /// Sequence of the last record: sequences wrap from 2^31-1 to 0.
    pub(crate) fn last_sequence(&self) -> i32 {
        advance_sequence(self.base_sequence, self.last_offset_delta)
    }

    pub(crate) fn compression(&self) -> Option<Compression> {
        match self.attributes & CODEC_MASK {
            0 => Some(Compression::None),
            1 => Some(Compression::Gzip),
            2 => Some(Compression::Snappy),
            3 => Some(Compression::Lz4),
            4 => Some(Compression::Zstd),
            _ => None,
        }
    }

    pub(crate) fn is_log_append_time(&self) -> bool {
        self.attributes & LOG_APPEND_TIME != 0
    }

    pub(crate) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    pub(crate) fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    pub(crate) fn has_producer(&self) -> bool {
        self.producer_id >= 0
    }
}

/// The sequence `delta` records after `sequence`.
pub(crate) fn advance_sequence(sequence: i32, delta: i32) -> i32 {
    let sum = i64::from(sequence) + i64::from(delta);
    i32::try_from(sum).unwrap_or_else(|_| i32::try_from(sum - i64::from(i32::MAX) - 1).unwrap_or(0))
}

/// Checks the CRC of a whole batch: `batch` must be exactly `header.size` bytes.
pub(crate) fn check_crc(header: &BatchHeader, batch: &[u8]) -> Result<(), BatchError> {
    let covered =
        batch.get(CRC_START..header.size).ok_or(BatchError::Truncated { size: header.size, available: batch.len() })?;
    if crc32c::crc32c(covered) == header.crc { Ok(()) } else { Err(BatchError::Crc) }
}

/// A batch ready for the log: its header with offset, epoch (and time, where the topic asks for it) stamped, and the
/// records as they came.
#[derive(Debug, Clone)]
pub(crate) struct StampedBatch {
    pub(crate) header: BatchHeader,
    head: [u8; HEADER_BYTES],
    records: Bytes,
}

impl StampedBatch {
    /// Stamps `batch`, whose header was parsed before. `append_time_ms` replaces the timestamps, as
    /// `message.timestamp.type=LogAppendTime` asks; only then the CRC is computed anew.
    pub(crate) fn new(
        mut header: BatchHeader,
        batch: &Bytes,
        base_offset: i64,
        leader_epoch: i32,
        append_time_ms: Option<i64>,
    ) -> Result<Self, BatchError> {
        let mut head: [u8; HEADER_BYTES] = *batch.first_chunk().ok_or(BatchError::TooShort(batch.len()))?;
        let records = batch.slice(HEADER_BYTES..);
        header.base_offset = base_offset;
        put(&mut head, 0, base_offset.to_be_bytes());
        put(&mut head, 12, leader_epoch.to_be_bytes());
        if let Some(now) = append_time_ms {
            header.attributes |= LOG_APPEND_TIME;
            header.max_timestamp = now;
            put(&mut head, 21, header.attributes.to_be_bytes());
            put(&mut head, 35, now.to_be_bytes());
            let covered_head = head.get(CRC_START..).unwrap_or_default();
            header.crc = crc32c::crc32c_append(crc32c::crc32c(covered_head), &records);
            put(&mut head, 17, header.crc.to_be_bytes());
        }
        Ok(Self { header, head, records })
    }

    /// The two parts as they go to the file.
    pub(crate) fn slices(&self) -> [IoSlice<'_>; 2] {
        [IoSlice::new(&self.head), IoSlice::new(&self.records)]
    }
}

/// Whole batches at the start of `bytes`: their common size. A batch cut off at the end is left out.
pub(crate) fn whole_batches(bytes: &[u8]) -> usize {
    let mut end = 0;
    while let Some(rest) = bytes.get(end..) {
        match BatchHeader::parse(rest) {
            Ok(header) if header.size <= rest.len() => end += header.size,
            _ => break,
        }
    }
    end
}

fn at<const N: usize>(head: &[u8; HEADER_BYTES], start: usize) -> [u8; N] {
    let mut field = [0; N];
    for (to, from) in field.iter_mut().zip(head.iter().skip(start)) {
        *to = *from;
    }
    field
}

fn put<const N: usize>(head: &mut [u8; HEADER_BYTES], start: usize, field: [u8; N]) {
    for (to, from) in head.iter_mut().skip(start).zip(field) {
        *to = from;
    }
}
