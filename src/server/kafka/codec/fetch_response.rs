//! The Fetch response, written by hand so that the record bytes go out as they were read instead of being copied into the
//! frame: a list of pieces for one vectored write.
//!
//! Empty partitions carry records of length zero, never null: librdkafka takes null as a broken response.

use bytes::{BufMut, Bytes, BytesMut};
use uuid::Uuid;

/// First version with compact lengths and tagged fields.
const FLEXIBLE_SINCE: i16 = 12;
/// First version that names topics by id.
const TOPIC_IDS_SINCE: i16 = 13;

/// A Fetch answer before it is written.
#[derive(Debug, Default)]
pub(crate) struct FetchAnswer {
    pub(crate) error_code: i16,
    pub(crate) topics: Vec<TopicAnswer>,
}

/// One topic, named as the request named it.
#[derive(Debug)]
pub(crate) struct TopicAnswer {
    pub(crate) name: String,
    pub(crate) id: Uuid,
    pub(crate) partitions: Vec<PartitionAnswer>,
}

/// One partition. Offsets are -1 with an error.
#[derive(Debug)]
pub(crate) struct PartitionAnswer {
    pub(crate) index: i32,
    pub(crate) error_code: i16,
    pub(crate) high_watermark: i64,
    pub(crate) last_stable_offset: i64,
    pub(crate) log_start_offset: i64,
    pub(crate) aborted: Aborted,
    pub(crate) records: Bytes,
}

/// The list of aborted transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aborted {
    /// Nobody asked: null.
    NotAsked,
    /// There are none: an empty list.
    None,
}

impl PartitionAnswer {
    pub(crate) fn error(index: i32, error_code: i16, aborted: Aborted) -> Self {
        Self {
            index,
            error_code,
            high_watermark: -1,
            last_stable_offset: -1,
            log_start_offset: -1,
            aborted,
            records: Bytes::new(),
        }
    }
}

/// The pieces of the whole frame, length first. `None` when the frame would be over 2 GiB.
pub(crate) fn encode(answer: FetchAnswer, correlation_id: i32, version: i16) -> Option<Vec<Bytes>> {
    let mut writer = Writer { version, current: BytesMut::with_capacity(256), pieces: Vec::new() };
    writer.current.put_i32(0);
    writer.current.put_i32(correlation_id);
    writer.tag_end();
    writer.answer(answer);
    writer.finish()
}

struct Writer {
    version: i16,
    current: BytesMut,
    pieces: Vec<Bytes>,
}

impl Writer {
    fn answer(&mut self, answer: FetchAnswer) {
        self.current.put_i32(0);
        if self.version >= 7 {
            self.current.put_i16(answer.error_code);
            self.current.put_i32(0);
        }
        self.count(answer.topics.len());
        for topic in answer.topics {
            self.topic(topic);
        }
        self.tag_end();
    }

    fn topic(&mut self, topic: TopicAnswer) {
        if self.version >= TOPIC_IDS_SINCE {
            self.current.put_slice(topic.id.as_bytes());
        } else {
            self.string(&topic.name);
        }
        self.count(topic.partitions.len());
        for partition in topic.partitions {
            self.partition(partition);
        }
        self.tag_end();
    }

    fn partition(&mut self, partition: PartitionAnswer) {
        self.current.put_i32(partition.index);
        self.current.put_i16(partition.error_code);
        self.current.put_i64(partition.high_watermark);
        self.current.put_i64(partition.last_stable_offset);
        if self.version >= 5 {
            self.current.put_i64(partition.log_start_offset);
        }
        self.aborted_transactions(partition.aborted);
        if self.version >= 11 {
            self.current.put_i32(-1); // preferred read replica: anything else makes librdkafka throw the data away
        }
        self.records(partition.records);
        self.tag_end();
    }

    fn aborted_transactions(&mut self, aborted: Aborted) {
        match (self.version >= FLEXIBLE_SINCE, aborted == Aborted::None) {
            (true, true) => self.current.put_u8(1),
            (true, false) => self.current.put_u8(0),
            (false, true) => self.current.put_i32(0),
            (false, false) => self.current.put_i32(-1),
        }
    }

    fn records(&mut self, records: Bytes) {
        if self.version >= FLEXIBLE_SINCE {
            self.varint(records.len().saturating_add(1));
        } else {
            self.current.put_i32(i32::try_from(records.len()).unwrap_or(i32::MAX));
        }
        if !records.is_empty() {
            self.pieces.push(self.current.split().freeze());
            self.pieces.push(records);
        }
    }

    fn string(&mut self, text: &str) {
        if self.version >= FLEXIBLE_SINCE {
            self.varint(text.len() + 1);
        } else {
            self.current.put_i16(i16::try_from(text.len()).unwrap_or(i16::MAX));
        }
        self.current.put_slice(text.as_bytes());
    }

    fn count(&mut self, count: usize) {
        if self.version >= FLEXIBLE_SINCE {
            self.varint(count + 1);
        } else {
            self.current.put_i32(i32::try_from(count).unwrap_or(i32::MAX));
        }
    }

    fn tag_end(&mut self) {
        if self.version >= FLEXIBLE_SINCE {
            self.current.put_u8(0);
        }
    }

    fn varint(&mut self, mut value: usize) {
        while value >= 0x80 {
            self.current.put_u8(0x80 | u8::try_from(value & 0x7f).unwrap_or_default());
            value >>= 7;
        }
        self.current.put_u8(u8::try_from(value).unwrap_or_default());
    }

    fn finish(mut self) -> Option<Vec<Bytes>> {
        self.pieces.push(self.current.freeze());
        let total: usize = self.pieces.iter().map(Bytes::len).sum();
        let length = i32::try_from(total - 4).ok()?;
        let mut first = BytesMut::from(self.pieces.first()?.as_ref());
        *first.first_chunk_mut()? = length.to_be_bytes();
        *self.pieces.first_mut()? = first.freeze();
        Some(self.pieces)
    }
}
