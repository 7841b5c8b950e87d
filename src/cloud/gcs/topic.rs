//! A topic into objects: one a batch, below `data/dt=YYYY-MM-DD/`, named by topic, partition and offsets.
//!
//! A batch is a run of offsets of one partition and one day. Batches are written in order, and what a bucket holds of a partition is
//! read from the names of its objects: a later run goes on behind them, so no offset is ever in two objects, whenever a run
//! was killed.

use std::collections::BTreeMap;
use std::io;
use std::io::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::spool::Body;
use super::upload::{Content, patiently};
use super::{BucketOutcome, Gcs, GcsError, PushProgress};
use crate::client::{KafkaAddress, KafkaClientError};
use crate::cloud::names::BucketName;
use crate::pipeline::{self, ConsumeError, ConsumeFrom, ConsumeOptions, ConsumedMessage, PartitionOffsets};
use crate::tick::{parse_timestamp, write_line};

/// Ticks of an object at most.
pub const BATCH_TICKS: u64 = 50_000;
/// Bytes of an object at most, before they are compressed, and so of a batch in memory.
const BATCH_BYTES: usize = 32 << 20;
/// Batches that wait to be sent.
const WAITING_BATCHES: usize = 1;
/// Objects that are looked through for what is there already.
const LISTED_MAX: usize = 1_000_000;
const FOLDER: &str = "data/dt=";

#[derive(Debug, Clone)]
pub struct TopicPushOptions {
    pub topic: String,
    /// Of timestamps that name none, and of the days that objects are sorted into.
    pub zone: TimeZone,
    /// Ticks of an object at most.
    pub batch_ticks: u64,
    pub gzip: bool,
    /// How long an upload may go without a byte taken.
    pub patience: Duration,
}

/// What a push from a topic did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPushReport {
    pub bucket: BucketOutcome,
    /// Names of the objects written.
    pub objects: Vec<String>,
    pub ticks: u64,
    pub bytes: u64,
    /// Messages that objects of earlier runs hold.
    pub already_there: u64,
}

/// A run of messages, as lines.
#[derive(Debug, PartialEq, Eq)]
struct Batch {
    day: Date,
    partition: i32,
    first: i64,
    last: i64,
    ticks: u64,
    lines: Vec<u8>,
}

impl Gcs {
    /// Writes what of the topic is in no object yet, up to its end as it is now.
    pub async fn push_topic(
        &self,
        bucket: &BucketName,
        kafka: &KafkaAddress,
        options: &TopicPushOptions,
        progress: &Arc<PushProgress>,
        stop: &CancellationToken,
    ) -> Result<TopicPushReport, GcsError> {
        let partitions = pipeline::topic_counts(kafka, &options.topic).await?;
        let no_topic = || KafkaClientError::NoSuchTopic { topic: options.topic.clone() };
        let partitions = partitions.ok_or_else(|| ConsumeError::Kafka(no_topic()))?;
        let made = self.ensure_bucket(bucket).await?;
        let there = self.list(bucket, FOLDER, LISTED_MAX).await?;
        let names: Vec<&str> = there.iter().map(|object| object.name.as_str()).collect();
        let ends = ends(&names, &options.topic);
        let mut report = TopicPushReport { bucket: made, objects: Vec::new(), ticks: 0, bytes: 0, already_there: 0 };
        for offsets in partitions {
            let from = ends.get(&offsets.partition).map_or(offsets.low, |last| last.saturating_add(1));
            if from > offsets.high {
                return Err(other_topic(&options.topic, offsets, from));
            }
            report.already_there += u64::try_from(from.saturating_sub(offsets.low)).unwrap_or_default();
            if from.max(offsets.low) < offsets.high {
                let plan = PartitionPlan { bucket, kafka, options, partition: offsets.partition, from };
                self.push_partition(&plan, &mut report, progress, stop).await?;
            }
            if stop.is_cancelled() {
                return Err(GcsError::Cancelled);
            }
        }
        Ok(report)
    }

    async fn push_partition(
        &self,
        plan: &PartitionPlan<'_>,
        report: &mut TopicPushReport,
        progress: &Arc<PushProgress>,
        stop: &CancellationToken,
    ) -> Result<(), GcsError> {
        let (sender, mut batches) = mpsc::channel(WAITING_BATCHES);
        let batcher = Arc::new(Mutex::new(Batcher::new(plan.options)));
        let (inner, counters, to_upload) = (Arc::clone(&batcher), Arc::clone(progress), sender.clone());
        let sink = move |message: &ConsumedMessage| {
            let full = lock(&inner).add(message);
            counters.add_tick();
            // A failed upload has taken the other end away; that error is the one to tell.
            full.map_or(Ok(()), |batch| to_upload.blocking_send(batch).map_err(|_| io::ErrorKind::BrokenPipe.into()))
        };
        let consume = ConsumeOptions {
            topic: plan.options.topic.clone(),
            from: ConsumeFrom::Offset(plan.from),
            partition: Some(plan.partition),
            ..ConsumeOptions::default()
        };
        let reading = async {
            pipeline::consume(plan.kafka, &consume, sink, stop).await?;
            let last = lock(&batcher).take();
            if let Some(last) = last.filter(|_| !stop.is_cancelled()) {
                drop(sender.send(last).await);
            }
            drop(sender);
            Ok::<(), GcsError>(())
        };
        let writing = async {
            while let Some(batch) = batches.recv().await {
                self.write_batch(plan, batch, report, progress, stop).await?;
            }
            Ok::<(), GcsError>(())
        };
        tokio::try_join!(reading, writing).map(|_| ())
    }

    async fn write_batch(
        &self,
        plan: &PartitionPlan<'_>,
        batch: Batch,
        report: &mut TopicPushReport,
        progress: &Arc<PushProgress>,
        stop: &CancellationToken,
    ) -> Result<(), GcsError> {
        let object = object_name(&plan.options.topic, &batch, plan.options.gzip);
        let gzip = plan.options.gzip;
        let (ticks, lines) = (batch.ticks, batch.lines);
        let packing = tokio::task::spawn_blocking(move || if gzip { pack(&lines) } else { Ok(lines) });
        let packed = packing.await.map_err(|error| GcsError::Task(error.to_string()))?.map_err(GcsError::Spool)?;
        let size = u64::try_from(packed.len()).unwrap_or(u64::MAX);
        let content_type = if gzip { "application/gzip" } else { "application/x-ndjson" };
        let content = Content { size, crc32c: crc32c::crc32c(&packed), content_type };
        progress.begin(size);
        let body = Body::new(io::Cursor::new(packed), size, Arc::clone(progress));
        let sending = self.write(plan.bucket, &object, &content, 0, body);
        patiently(sending, progress, plan.options.patience, stop).await?;
        report.objects.push(object);
        report.ticks += ticks;
        report.bytes += size;
        Ok(())
    }
}

/// One partition to be pushed.
struct PartitionPlan<'a> {
    bucket: &'a BucketName,
    kafka: &'a KafkaAddress,
    options: &'a TopicPushOptions,
    partition: i32,
    from: i64,
}

fn other_topic(topic: &str, offsets: PartitionOffsets, from: i64) -> GcsError {
    GcsError::OtherTopic { topic: topic.to_owned(), partition: offsets.partition, held: from - 1, end: offsets.high }
}

fn lock(batcher: &Mutex<Batcher>) -> MutexGuard<'_, Batcher> {
    batcher.lock().unwrap_or_else(PoisonError::into_inner)
}

fn pack(lines: &[u8]) -> io::Result<Vec<u8>> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::default());
    packed.write_all(lines)?;
    packed.finish()
}

/// Gathers messages into batches.
struct Batcher {
    zone: TimeZone,
    ticks_max: u64,
    batch: Option<Batch>,
}

impl Batcher {
    fn new(options: &TopicPushOptions) -> Self {
        Self { zone: options.zone.clone(), ticks_max: options.batch_ticks.max(1), batch: None }
    }

    /// Takes a message; gives the batch that ended before it.
    fn add(&mut self, message: &ConsumedMessage) -> Option<Batch> {
        let value = message.value.as_deref()?;
        let day = day_of(value, message.timestamp_ms, &self.zone);
        let ends = self.batch.as_ref().is_some_and(|batch| {
            batch.day != day
                || batch.ticks >= self.ticks_max
                || batch.lines.len().saturating_add(value.len()) > BATCH_BYTES
        });
        let ended = if ends { self.batch.take() } else { None };
        let (partition, first) = (message.partition, message.offset);
        let batch = self.batch.get_or_insert(Batch { day, partition, first, last: first, ticks: 0, lines: Vec::new() });
        // Writing into memory does not fail.
        drop(write_line(&mut batch.lines, value));
        batch.last = message.offset;
        batch.ticks += 1;
        ended
    }

    fn take(&mut self) -> Option<Batch> {
        self.batch.take()
    }
}

/// The day of a tick: by its own timestamp, else by the message's.
fn day_of(value: &[u8], message_ms: Option<i64>, zone: &TimeZone) -> Date {
    #[derive(Deserialize)]
    struct Stamped {
        timestamp: String,
    }
    let own = serde_json::from_slice::<Stamped>(value).ok().and_then(|tick| parse_timestamp(&tick.timestamp, zone));
    let instant = own.or_else(|| Timestamp::from_millisecond(message_ms?).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
    zone.to_datetime(instant).date()
}

/// `data/dt=2024-01-02/stock-stream-0-00000000000000000000-00000000000000001999.json`
fn object_name(topic: &str, batch: &Batch, gzip: bool) -> String {
    let suffix = if gzip { ".gz" } else { "" };
    format!("{FOLDER}{}/{topic}-{}-{:020}-{:020}.json{suffix}", batch.day, batch.partition, batch.first, batch.last)
}

/// By partition, the last offset that the objects of a topic hold.
fn ends(names: &[&str], topic: &str) -> BTreeMap<i32, i64> {
    let mut ends = BTreeMap::new();
    for (partition, last) in names.iter().filter_map(|name| offsets_of(name, topic)) {
        let end = ends.entry(partition).or_insert(last);
        *end = last.max(*end);
    }
    ends
}

/// Partition and last offset from the name of an object of `topic`.
fn offsets_of(name: &str, topic: &str) -> Option<(i32, i64)> {
    let (_, file) = name.strip_prefix(FOLDER)?.split_once('/')?;
    let stem = file.strip_suffix(".gz").unwrap_or(file).strip_suffix(".json")?;
    let mut parts = stem.strip_prefix(topic)?.strip_prefix('-')?.split('-');
    let (partition, first, last) = (parts.next()?, parts.next()?, parts.next()?);
    let first: i64 = first.parse().ok()?;
    let last: i64 = last.parse().ok()?;
    (parts.next().is_none() && first <= last).then_some((partition.parse().ok()?, last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tick::default_zone;

    fn message(offset: i64, timestamp: &str) -> ConsumedMessage {
        ConsumedMessage {
            topic: "t".into(),
            partition: 3,
            offset,
            key: None,
            value: Some(format!("{{\"timestamp\":\"{timestamp}\",\n\"n\":{offset}}}").into_bytes()),
            timestamp_ms: Some(0),
            headers: Vec::new(),
        }
    }

    fn batcher(batch_ticks: u64) -> Batcher {
        Batcher { zone: default_zone(), ticks_max: batch_ticks, batch: None }
    }

    #[test]
    fn a_batch_ends_with_its_day_or_when_it_is_full() {
        let mut batcher = batcher(2);
        let mut done = Vec::new();
        for (offset, stamp) in [
            (7, "2024-01-02 09:15:00"),
            (8, "2024-01-02 23:59:59.999"),
            (9, "2024-01-02 10:00:00"),
            (11, "2024-01-02T20:00:00Z"),
            (12, "nonsense"),
        ] {
            done.extend(batcher.add(&message(offset, stamp)));
        }
        done.extend(batcher.take());
        let seen: Vec<String> = done.iter().map(|batch| object_name("t-1", batch, false)).collect();
        let place = |day: &str, first: i64, last: i64| format!("data/dt={day}/t-1-3-{first:020}-{last:020}.json");
        assert_eq!(
            seen,
            [
                place("2024-01-02", 7, 8),
                place("2024-01-02", 9, 9),
                place("2024-01-03", 11, 11),
                place("1970-01-01", 12, 12),
            ]
        );
        assert_eq!(done[0].lines.iter().filter(|byte| **byte == b'\n').count(), 2);
        assert!(batcher.take().is_none());
    }

    #[test]
    fn what_is_there_is_read_from_the_names_of_one_topic() {
        let names = [
            "data/dt=2024-01-02/stock-stream-0-00000000000000000000-00000000000000001999.json",
            "data/dt=2024-01-01/stock-stream-0-00000000000000002000-00000000000000002005.json.gz",
            "data/dt=2024-01-02/stock-stream-1-00000000000000000000-00000000000000000004.json",
            "data/dt=2024-01-02/stock-stream-dlq-1-00000000000000000000-00000000000000000009.json",
            "data/dt=2024-01-02/stock-stream-1-00000000000000000009-00000000000000000005.json",
            "data/stock_data_sample.json",
            "data/dt=x/stock-stream-0-a-b.json",
        ];
        assert_eq!(ends(&names, "stock-stream"), BTreeMap::from([(0, 2005), (1, 4)]));
        assert_eq!(ends(&names, "stock-stream-dlq"), BTreeMap::from([(1, 9)]));
        assert_eq!(ends(&names, "stock"), BTreeMap::new());
    }

    proptest! {
        #[test]
        fn a_name_is_read_as_it_was_written(first in 0i64..i64::MAX / 2, count in 0i64..1_000_000, partition in 0i32..10_000) {
            let day = jiff::civil::date(2024, 1, 2);
            let batch = Batch { day, partition, first, last: first + count, ticks: 0, lines: Vec::new() };
            prop_assert_eq!(offsets_of(&object_name("a-b.c_d", &batch, count % 2 == 0), "a-b.c_d"), Some((partition, first + count)));
        }

        #[test]
        fn any_name_is_read_or_passed_over(name in "\\PC{0,60}", rest in "(data/dt=)?[0-9a-z/.-]{0,50}") {
            offsets_of(&name, "t");
            offsets_of(&rest, "t");
        }
    }
}
