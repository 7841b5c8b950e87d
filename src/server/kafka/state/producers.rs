//! What makes a producer idempotent: per producer id and partition, the last five batches by their sequences.
//!
//! Rules as Apache Kafka 4.1's `ProducerStateManager`: an unknown id may start anywhere, an exact repeat of one of the last
//! five succeeds with its first answer, otherwise the next sequence must follow. The table is rebuilt from batch headers
//! when the log is opened.

use std::collections::{HashMap, VecDeque};

use crate::server::kafka::codec::batch::{BatchHeader, advance_sequence};

const BATCHES_REMEMBERED: usize = 5;
/// `producer.id.expiration.ms`.
const EXPIRATION_MS: i64 = 24 * 60 * 60 * 1000;
/// Producers remembered for one partition; the one unused for longest goes first.
const PRODUCERS_MAX: usize = 50_000;

/// What a batch is to its partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Not seen before: append it.
    Fresh,
    /// An exact repeat: answer with the offset and timestamp it got.
    Duplicate { base_offset: i64, timestamp: i64 },
    /// Code 45.
    OutOfOrder,
    /// Code 47: a newer instance of the producer has written.
    StaleEpoch,
}

/// The producers of one partition.
#[derive(Debug, Default)]
pub(crate) struct Producers {
    by_id: HashMap<i64, Producer>,
}

#[derive(Debug)]
struct Producer {
    epoch: i16,
    batches: VecDeque<Remembered>,
    last_used_ms: i64,
}

#[derive(Debug, Clone, Copy)]
struct Remembered {
    first_sequence: i32,
    last_sequence: i32,
    base_offset: i64,
    timestamp: i64,
}

impl Producers {
    /// Judges a batch before it is appended.
    pub(crate) fn judge(&self, header: &BatchHeader) -> Verdict {
        let Some(producer) = self.by_id.get(&header.producer_id).filter(|_| header.has_producer()) else {
            return Verdict::Fresh;
        };
        match header.producer_epoch.cmp(&producer.epoch) {
            std::cmp::Ordering::Less => Verdict::StaleEpoch,
            std::cmp::Ordering::Greater if header.base_sequence == 0 => Verdict::Fresh,
            std::cmp::Ordering::Greater => Verdict::OutOfOrder,
            std::cmp::Ordering::Equal => producer.judge_sequence(header),
        }
    }

    /// Remembers a batch that gets `header.base_offset`.
    pub(crate) fn remember(&mut self, header: &BatchHeader, now_ms: i64) {
        if !header.has_producer() || header.is_control() {
            return;
        }
        if self.by_id.len() >= PRODUCERS_MAX && !self.by_id.contains_key(&header.producer_id) {
            self.make_room(now_ms);
        }
        let producer = self.by_id.entry(header.producer_id).or_insert_with(|| Producer {
            epoch: header.producer_epoch,
            batches: VecDeque::with_capacity(BATCHES_REMEMBERED),
            last_used_ms: now_ms,
        });
        if producer.epoch != header.producer_epoch {
            producer.epoch = header.producer_epoch;
            producer.batches.clear();
        }
        if producer.batches.len() == BATCHES_REMEMBERED {
            producer.batches.pop_front();
        }
        producer.batches.push_back(Remembered {
            first_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset: header.base_offset,
            timestamp: header.max_timestamp,
        });
        producer.last_used_ms = now_ms;
    }

    fn make_room(&mut self, now_ms: i64) {
        self.by_id.retain(|_, producer| now_ms.saturating_sub(producer.last_used_ms) < EXPIRATION_MS);
        if self.by_id.len() >= PRODUCERS_MAX {
            let oldest = self.by_id.iter().min_by_key(|(_, producer)| producer.last_used_ms).map(|(id, _)| *id);
            oldest.map(|id| self.by_id.remove(&id));
        }
    }
}

impl Producer {
    fn judge_sequence(&self, header: &BatchHeader) -> Verdict {
        let last_sequence = header.last_sequence();
        let repeat = self
            .batches
            .iter()
            .find(|batch| batch.first_sequence == header.base_sequence && batch.last_sequence == last_sequence);
        if let Some(batch) = repeat {
            return Verdict::Duplicate { base_offset: batch.base_offset, timestamp: batch.timestamp };
        }
        match self.batches.back() {
            Some(last) if advance_sequence(last.last_sequence, 1) != header.base_sequence => Verdict::OutOfOrder,
            _ => Verdict::Fresh,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::kafka::codec::batch::testing::batch_of;
    use kafka_protocol::records::Compression;

    fn header(epoch: i16, first_sequence: i32, records: usize) -> BatchHeader {
        let batch = batch_of(&vec![1; records], 1, Compression::None, (9, epoch, first_sequence));
        BatchHeader::parse(&batch).expect("a whole header")
    }

    fn remember(producers: &mut Producers, header: BatchHeader, base_offset: i64) {
        producers.remember(&BatchHeader { base_offset, ..header }, 0);
    }

    #[test]
    fn an_unknown_producer_may_start_anywhere_and_then_must_go_on() {
        let mut producers = Producers::default();
        assert_eq!(producers.judge(&header(0, 17, 3)), Verdict::Fresh);
        remember(&mut producers, header(0, 17, 3), 100);
        assert_eq!(producers.judge(&header(0, 20, 1)), Verdict::Fresh);
        assert_eq!(producers.judge(&header(0, 21, 1)), Verdict::OutOfOrder);
        assert_eq!(producers.judge(&header(0, 18, 1)), Verdict::OutOfOrder, "inside an old batch, but not that batch");
    }

    #[test]
    fn the_last_five_batches_are_repeats_and_the_sixth_is_out_of_order() {
        let mut producers = Producers::default();
        for n in 0..6 {
            remember(&mut producers, header(0, n, 1), i64::from(n) + 50);
        }
        assert_eq!(producers.judge(&header(0, 1, 1)), Verdict::Duplicate { base_offset: 51, timestamp: 1 });
        assert_eq!(producers.judge(&header(0, 5, 1)), Verdict::Duplicate { base_offset: 55, timestamp: 1 });
        assert_eq!(producers.judge(&header(0, 0, 1)), Verdict::OutOfOrder);
    }

    #[test]
    fn a_newer_epoch_starts_at_zero_and_an_older_one_is_stale() {
        let mut producers = Producers::default();
        remember(&mut producers, header(3, 0, 1), 0);
        assert_eq!(producers.judge(&header(2, 1, 1)), Verdict::StaleEpoch);
        assert_eq!(producers.judge(&header(4, 1, 1)), Verdict::OutOfOrder);
        assert_eq!(producers.judge(&header(4, 0, 1)), Verdict::Fresh);
    }

    #[test]
    fn sequences_wrap() {
        let mut producers = Producers::default();
        remember(&mut producers, header(0, i32::MAX, 1), 0);
        assert_eq!(producers.judge(&header(0, 0, 1)), Verdict::Fresh);
    }

    #[test]
    fn the_table_is_bounded() {
        let mut producers = Producers::default();
        let first = header(0, 0, 1);
        for id in 0..=i64::try_from(PRODUCERS_MAX).expect("small") {
            producers.remember(&BatchHeader { producer_id: id, ..first }, id);
        }
        assert_eq!(producers.by_id.len(), PRODUCERS_MAX);
        assert!(!producers.by_id.contains_key(&0), "the one unused for longest went");
    }
}
