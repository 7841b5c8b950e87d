//! Walks the records inside a batch without building any: offsets, timestamps and whether there is a key.
//!
//! Compressed batches are unpacked as a stream with a cap, so that a small batch cannot take memory or time without bound.

use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;

use thiserror::Error;

use super::batch::{BatchHeader, Compression, HEADER_BYTES};

/// Unpacked bytes of one batch that are looked at.
pub(crate) const UNPACKED_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Kafka's snappy blocks are 32 KiB; anything far beyond is not from a client.
const SNAPPY_BLOCK_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Start of the framing that Java's snappy library writes and Kafka clients therefore use.
const XERIAL_MAGIC: &[u8; 8] = b"\x82SNAPPY\x00";
const XERIAL_HEADER_BYTES: usize = 16;

/// What a walk sees of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordMeta {
    pub(crate) offset: i64,
    pub(crate) timestamp: i64,
    pub(crate) has_key: bool,
}

/// Why the records of a batch cannot be read.
#[derive(Debug, Error)]
pub(crate) enum RecordsError {
    #[error("unknown compression in attributes {0:#x}")]
    Compression(i16),
    #[error("the records are malformed")]
    Malformed,
    #[error("the records do not unpack: {0}")]
    Unpack(#[from] io::Error),
}

/// Calls `visit` for each record of `batch` (header included) until it breaks.
pub(crate) fn walk<B>(
    header: &BatchHeader,
    batch: &[u8],
    visit: impl FnMut(RecordMeta) -> ControlFlow<B>,
) -> Result<Option<B>, RecordsError> {
    walk_capped(header, batch, UNPACKED_BYTES_MAX, visit)
}

fn walk_capped<B>(
    header: &BatchHeader,
    batch: &[u8],
    unpacked_bytes_max: u64,
    mut visit: impl FnMut(RecordMeta) -> ControlFlow<B>,
) -> Result<Option<B>, RecordsError> {
    let packed = batch.get(HEADER_BYTES..header.size).ok_or(RecordsError::Malformed)?;
    let mut records = unpack(header, packed, unpacked_bytes_max)?;
    for _ in 0..header.record_count {
        let record = read_record(&mut records, header)?;
        if let ControlFlow::Break(found) = visit(record) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn unpack<'a>(header: &BatchHeader, packed: &'a [u8], bytes_max: u64) -> Result<Box<dyn Read + 'a>, RecordsError> {
    Ok(match header.compression().ok_or(RecordsError::Compression(header.attributes))? {
        Compression::None => Box::new(packed),
        Compression::Gzip => capped(flate2::read::MultiGzDecoder::new(packed), bytes_max),
        Compression::Snappy => capped(SnappyReader::new(packed), bytes_max),
        Compression::Lz4 => capped(lz4::Decoder::new(packed)?, bytes_max),
        Compression::Zstd => capped(zstd::stream::read::Decoder::with_buffer(packed)?, bytes_max),
    })
}

fn capped<'a>(reader: impl Read + 'a, bytes_max: u64) -> Box<dyn Read + 'a> {
    Box::new(BufReader::new(reader.take(bytes_max)))
}

/// Reads one record: length, attributes, timestamp delta, offset delta, key length; the rest is passed over.
fn read_record(records: &mut dyn Read, header: &BatchHeader) -> Result<RecordMeta, RecordsError> {
    let size = u64::try_from(read_varint(records)?).map_err(|_| RecordsError::Malformed)?;
    let mut record = records.take(size);
    read_byte(&mut record)?;
    let timestamp_delta = read_varint(&mut record)?;
    let offset_delta = read_varint(&mut record)?;
    let key_length = read_varint(&mut record)?;
    io::copy(&mut record, &mut io::sink())?;
    if record.limit() > 0 {
        return Err(RecordsError::Malformed);
    }
    let timestamp = match header.is_log_append_time() {
        true => header.max_timestamp,
        false => header.base_timestamp.saturating_add(timestamp_delta),
    };
    let offset = header.base_offset.saturating_add(offset_delta);
    Ok(RecordMeta { offset, timestamp, has_key: key_length >= 0 })
}

fn read_byte(from: &mut dyn Read) -> Result<u8, RecordsError> {
    let mut byte = [0; 1];
    from.read_exact(&mut byte)?;
    Ok(u8::from_be_bytes(byte))
}

/// A zigzag variable-length integer of up to 64 bits.
fn read_varint(from: &mut dyn Read) -> Result<i64, RecordsError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = read_byte(from)?;
        value |= u64::from(byte & 0x7f).checked_shl(shift).ok_or(RecordsError::Malformed)?;
        if byte & 0x80 == 0 {
            let magnitude = i64::try_from(value >> 1).map_err(|_| RecordsError::Malformed)?;
            return Ok(if value & 1 == 0 { magnitude } else { -magnitude - 1 });
        }
    }
    Err(RecordsError::Malformed)
}

/// Snappy as Kafka clients send it: blocks with a length before each, or one bare block.
struct SnappyReader<'a> {
    packed: &'a [u8],
    bare: bool,
    block: Vec<u8>,
    position: usize,
}

impl<'a> SnappyReader<'a> {
    fn new(packed: &'a [u8]) -> Self {
        let framed = packed.starts_with(XERIAL_MAGIC);
        let packed = if framed { packed.get(XERIAL_HEADER_BYTES..).unwrap_or_default() } else { packed };
        Self { packed, bare: !framed, block: Vec::new(), position: 0 }
    }

    /// The next packed block; `None` at the end.
    fn next_block(&mut self) -> io::Result<Option<&'a [u8]>> {
        if self.packed.is_empty() {
            return Ok(None);
        }
        if self.bare {
            return Ok(Some(std::mem::take(&mut self.packed)));
        }
        let (length, rest) = self.packed.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(io::Error::other)?;
        let (block, rest) = rest.split_at_checked(length).ok_or(io::ErrorKind::UnexpectedEof)?;
        self.packed = rest;
        Ok(Some(block))
    }

    fn unpack_block(&mut self, packed: &[u8]) -> io::Result<()> {
        if snap::raw::decompress_len(packed)? > SNAPPY_BLOCK_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "snappy block too large"));
        }
        self.block = snap::raw::Decoder::new().decompress_vec(packed)?;
        self.position = 0;
        Ok(())
    }
}

impl Read for SnappyReader<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        while self.position >= self.block.len() {
            match self.next_block()? {
                Some(packed) => self.unpack_block(packed)?,
                None => return Ok(0),
            }
        }
        let mut unread = self.block.get(self.position..).unwrap_or_default();
        let count = unread.read(out)?;
        self.position += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use kafka_protocol::records::Compression as Codec;
    use proptest::prelude::*;

    use super::super::batch::testing::{NO_PRODUCER, batch_of};
    use super::*;

    const CODECS: [Codec; 5] = [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd];

    fn collect(batch: &[u8]) -> Result<Vec<RecordMeta>, RecordsError> {
        let header = BatchHeader::parse(batch).map_err(|_| RecordsError::Malformed)?;
        let mut records = Vec::new();
        walk(&header, batch, |record| {
            records.push(record);
            ControlFlow::<()>::Continue(())
        })?;
        Ok(records)
    }

    #[test]
    fn every_codec_is_walked_record_by_record() {
        let timestamps = [100, 90, 5_000_000_000, 100];
        for codec in CODECS {
            let batch = batch_of(&timestamps, 300, codec, NO_PRODUCER);
            let records = collect(&batch).expect("a valid batch");
            let seen: Vec<_> = records.iter().map(|record| (record.offset, record.timestamp)).collect();
            assert_eq!(seen, [(0, 100), (1, 90), (2, 5_000_000_000), (3, 100)], "{codec:?}");
            assert!(records.iter().all(|record| record.has_key));
        }
    }

    #[test]
    fn a_batch_that_unpacks_to_far_more_than_the_cap_ends_in_an_error() {
        // One record that says it is 1 GiB long, and unpacks to more than the cap of this test.
        use std::io::Write;
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packed.write_all(&[0x80, 0x80, 0x80, 0x80, 0x08]).expect("memory");
        let zeros = vec![0; 1 << 20];
        packed.write_all(&zeros).expect("memory");
        let packed = packed.finish().expect("memory");
        let mut batch = batch_of(&[1], 1, Codec::Gzip, NO_PRODUCER)[..HEADER_BYTES].to_vec();
        batch.extend_from_slice(&packed);
        let length = i32::try_from(batch.len() - 12).expect("small").to_be_bytes();
        batch[8..12].copy_from_slice(&length);
        let header = BatchHeader::parse(&batch).expect("a whole header");
        let walked = walk_capped(&header, &batch, 1 << 16, |_| ControlFlow::<()>::Continue(()));
        assert!(matches!(walked, Err(RecordsError::Malformed)));
    }

    #[test]
    fn a_snappy_block_that_announces_too_much_is_refused() {
        let announced = [0xff, 0xff, 0xff, 0xff, 0x0f];
        let mut reader = SnappyReader::new(&announced);
        assert!(reader.read(&mut [0; 16]).is_err());
    }

    proptest! {
        #[test]
        fn damaged_batches_never_panic(codec in 0_usize..5, at in any::<prop::sample::Index>(), with in any::<u8>(), cut in any::<prop::sample::Index>()) {
            let mut bytes = batch_of(&[1, 2, 3, 4], 50, CODECS[codec], NO_PRODUCER).to_vec();
            let position = at.index(bytes.len());
            bytes[position] = with;
            bytes.truncate(cut.index(bytes.len()) + 1);
            std::hint::black_box(collect(&Bytes::from(bytes)).is_ok());
        }

        #[test]
        fn any_records_never_panic(attributes in 0_u8..8, packed in prop::collection::vec(any::<u8>(), 0..300)) {
            let mut bytes = batch_of(&[1], 1, Codec::None, NO_PRODUCER)[..HEADER_BYTES].to_vec();
            bytes.extend_from_slice(&packed);
            bytes[22] = attributes;
            let length = i32::try_from(bytes.len() - 12).expect("small").to_be_bytes();
            bytes[8..12].copy_from_slice(&length);
            std::hint::black_box(collect(&bytes).is_ok());
        }
    }
}
