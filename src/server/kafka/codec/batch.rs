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

/// Batches for tests, made by the codec crate.
#[cfg(test)]
pub(crate) mod testing {
    use bytes::{Bytes, BytesMut};
    use kafka_protocol::records::{Compression, Record, RecordBatchEncoder, RecordEncodeOptions, TimestampType};

    /// Producer id, epoch and first sequence of a batch.
    pub(crate) type Producer = (i64, i16, i32);
    pub(crate) const NO_PRODUCER: Producer = (-1, -1, -1);

    /// A batch of records with these timestamps; record n has key `k<n>` and a value of `value_bytes` bytes.
    pub(crate) fn batch_of(
        timestamps: &[i64],
        value_bytes: usize,
        compression: Compression,
        (producer_id, producer_epoch, first_sequence): Producer,
    ) -> Bytes {
        let records: Vec<Record> = (0_i64..)
            .zip(timestamps)
            .map(|(offset, timestamp)| Record {
                transactional: false,
                control: false,
                delete_horizon: false,
                partition_leader_epoch: -1,
                producer_id,
                producer_epoch,
                timestamp_type: TimestampType::Creation,
                offset,
                // The encoder makes one batch of records whose sequence grows with the offset.
                sequence: first_sequence.wrapping_add(i32::try_from(offset).expect("few records")),
                timestamp: *timestamp,
                key: Some(Bytes::from(format!("k{offset}"))),
                value: Some(Bytes::from(vec![b'v'; value_bytes])),
                headers: Default::default(),
            })
            .collect();
        let mut buffer = BytesMut::new();
        RecordBatchEncoder::encode(&mut buffer, &records, &RecordEncodeOptions { version: 2, compression })
            .expect("the codec crate encodes records");
        buffer.freeze()
    }

    /// A small uncompressed batch without a producer.
    pub(crate) fn batch(records: usize) -> Bytes {
        batch_of(&vec![1_000; records], 10, Compression::None, NO_PRODUCER)
    }
}

#[cfg(test)]
mod tests {
    use kafka_protocol::records::Compression as Codec;
    use proptest::prelude::*;

    use super::testing::{NO_PRODUCER, batch, batch_of};
    use super::*;

    #[test]
    fn header_fields_are_read_where_kafka_puts_them() {
        let bytes = batch_of(&[10, 30, 20], 5, Codec::Zstd, (7, 2, 40));
        let header = BatchHeader::parse(&bytes).expect("a whole header");
        assert_eq!(header.size, bytes.len());
        assert_eq!((header.base_timestamp, header.max_timestamp), (10, 30));
        assert_eq!((header.producer_id, header.producer_epoch, header.base_sequence), (7, 2, 40));
        assert_eq!((header.record_count, header.last_offset_delta, header.last_sequence()), (3, 2, 42));
        assert_eq!(header.compression(), Some(Compression::Zstd));
        assert_eq!(check_crc(&header, &bytes), Ok(()));
    }

    #[test]
    fn stamping_changes_offset_and_epoch_and_keeps_the_crc_valid() {
        let bytes = batch(3);
        let header = BatchHeader::parse(&bytes).expect("a whole header");
        for append_time in [None, Some(1_234)] {
            let stamped = StampedBatch::new(header, &bytes, 1_000, 0, append_time).expect("a whole batch");
            let written: Vec<u8> = stamped.slices().iter().flat_map(|slice| slice.to_vec()).collect();
            let read = BatchHeader::parse(&written).expect("a whole header");
            assert_eq!((read.base_offset, read.last_offset()), (1_000, 1_002));
            assert_eq!(check_crc(&read, &written), Ok(()));
            assert_eq!(read.is_log_append_time(), append_time.is_some());
            assert_eq!(read.max_timestamp, append_time.unwrap_or(header.max_timestamp));
        }
    }

    #[test]
    fn sequences_wrap_to_zero() {
        assert_eq!(advance_sequence(i32::MAX, 1), 0);
        assert_eq!(advance_sequence(i32::MAX - 1, 3), 1);
        assert_eq!(advance_sequence(5, 0), 5);
    }

    #[test]
    fn whole_batches_leaves_a_cut_one_out() {
        let (first, second) = (batch_of(&[1], 5, Codec::None, NO_PRODUCER), batch(2));
        let both = [first.as_ref(), second.as_ref()].concat();
        assert_eq!(whole_batches(&both), both.len());
        for cut in first.len()..both.len() {
            assert_eq!(whole_batches(&both[..cut]), first.len());
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_header_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(header) = BatchHeader::parse(&bytes) {
                prop_assert!(header.size >= HEADER_BYTES);
                let _ = (header.last_offset(), header.last_sequence(), check_crc(&header, &bytes).is_ok());
            }
            prop_assert!(whole_batches(&bytes) <= bytes.len());
        }
    }
}
