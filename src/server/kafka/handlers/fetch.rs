//! Fetch (1): whole batches from each partition, waiting for enough of them up to the client's limit.

use std::sync::Arc;
use std::time::Duration;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchRequest};
use tokio::sync::{Notify, OwnedSemaphorePermit};
use tokio::time::Instant;
use uuid::Uuid;

use super::{blocking, check_leader_epoch, find_topic};
use crate::server::kafka::codec::fetch_response::{self, Aborted, FetchAnswer, PartitionAnswer, TopicAnswer};
use crate::server::kafka::codec::frame::RequestHead;
use crate::server::kafka::dispatch::Reply;
use crate::server::kafka::state::broker::BrokerState;
use crate::server::kafka::state::partition::{Partition, Watch};
use crate::server::kafka::storage::log::ReadError;

/// `fetch.max.bytes` of a broker: no answer is much larger, whatever is asked for.
const RESPONSE_BYTES_MAX: u64 = 55 * 1024 * 1024;
/// Sessions begin at version 7; 0 and -1 are the epochs of a request that names everything.
const FULL_EPOCHS: [i32; 2] = [0, -1];
const READ_COMMITTED: i8 = 1;

/// One partition that is asked for.
#[derive(Debug, Clone)]
struct Target {
    index: i32,
    offset: i64,
    bytes_max: u64,
    aborted: Aborted,
    partition: Result<Arc<Partition>, ResponseError>,
}

#[derive(Debug, Clone)]
struct TargetTopic {
    name: String,
    id: Uuid,
    targets: Vec<Target>,
}

/// What was read for a whole request.
struct Round {
    answer: FetchAnswer,
    bytes: u64,
    has_error: bool,
}

pub(crate) async fn handle(broker: &Arc<BrokerState>, head: RequestHead, request: FetchRequest) -> Reply {
    let (answer, memory) = if FULL_EPOCHS.contains(&request.session_epoch) {
        fetch(broker, request).await
    } else {
        // Sessions are declined, so whatever session this goes on is not known.
        (FetchAnswer { error_code: ResponseError::FetchSessionIdNotFound.code(), topics: Vec::new() }, None)
    };
    match fetch_response::encode(answer, head.correlation_id, head.version) {
        Some(pieces) => Reply::Frame(pieces, memory),
        None => Reply::Close,
    }
}

async fn fetch(broker: &Arc<BrokerState>, request: FetchRequest) -> (FetchAnswer, Option<OwnedSemaphorePermit>) {
    let max_wait = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = Instant::now() + max_wait;
    let bytes_min = u64::try_from(request.min_bytes).unwrap_or(0);
    let bytes_max = u64::try_from(request.max_bytes).unwrap_or(0).min(RESPONSE_BYTES_MAX);
    let topics: Arc<Vec<TargetTopic>> = Arc::new(resolve(broker, request));
    let notify = Arc::new(Notify::new());
    let nothing_asked = topics.iter().all(|topic| topic.targets.is_empty());
    let mut watches: Option<Vec<Watch>> = None;
    loop {
        let is_last = Instant::now() >= deadline || nothing_asked || broker.stopping.is_cancelled();
        let available = available_bytes(&topics);
        if is_last || available.is_none_or(|bytes| bytes >= bytes_min) {
            let (round, memory) = read(broker, &topics, bytes_max, available).await;
            if is_last || round.has_error || round.bytes >= bytes_min {
                return (round.answer, memory);
            }
        }
        if watches.is_none() {
            // Watched before it is looked at once more, so that no append slips in between.
            watches = Some(watch_all(&topics, &notify));
            continue;
        }
        tokio::select! {
            () = notify.notified() => {}
            () = tokio::time::sleep_until(deadline) => {}
            () = broker.stopping.cancelled() => {}
        }
    }
}

fn resolve(broker: &BrokerState, request: FetchRequest) -> Vec<TargetTopic> {
    let aborted = if request.isolation_level == READ_COMMITTED { Aborted::None } else { Aborted::NotAsked };
    let topics = request.topics.into_iter().map(|topic| {
        let found = find_topic(broker, &topic.topic, topic.topic_id);
        let target = |asked: &FetchPartition| Target {
            index: asked.partition,
            offset: asked.fetch_offset,
            bytes_max: u64::try_from(asked.partition_max_bytes).unwrap_or(0),
            aborted,
            partition: found.clone().and_then(|found| {
                let partition = found.partition(asked.partition).ok_or(ResponseError::UnknownTopicOrPartition)?;
                check_leader_epoch(asked.current_leader_epoch).map(|()| partition)
            }),
        };
        let targets = topic.partitions.iter().map(target).collect();
        TargetTopic { name: topic.topic.to_string(), id: topic.topic_id, targets }
    });
    topics.collect()
}

/// About what could be read at once; `None` when a partition has an error to report.
fn available_bytes(topics: &[TargetTopic]) -> Option<u64> {
    let mut bytes = 0_u64;
    for target in topics.iter().flat_map(|topic| &topic.targets) {
        let partition = target.partition.as_ref().ok().filter(|partition| !partition.is_deleted())?;
        let range = partition.log.range();
        if target.offset < range.start || target.offset > range.end {
            return None;
        }
        bytes = bytes.saturating_add(partition.log.bytes_from(target.offset).min(target.bytes_max.max(1)));
    }
    Some(bytes)
}

fn watch_all(topics: &[TargetTopic], notify: &Arc<Notify>) -> Vec<Watch> {
    let targets = topics.iter().flat_map(|topic| &topic.targets);
    targets.filter_map(|target| target.partition.as_ref().ok()).map(|partition| partition.watch(notify)).collect()
}

/// Reads what there is, off the async threads when there is anything, within the memory all fetches share.
async fn read(
    broker: &Arc<BrokerState>,
    topics: &Arc<Vec<TargetTopic>>,
    bytes_max: u64,
    available: Option<u64>,
) -> (Round, Option<OwnedSemaphorePermit>) {
    if available == Some(0) {
        return (read_all(topics, bytes_max), None);
    }
    // Without a hint for the size, the whole limit is taken.
    let kib = available.unwrap_or(bytes_max).min(bytes_max) / 1024 + 1;
    let kib = u32::try_from(kib.min(RESPONSE_BYTES_MAX / 1024)).unwrap_or(1);
    let memory = Arc::clone(&broker.fetch_budget).acquire_many_owned(kib).await.ok();
    let topics = Arc::clone(topics);
    (blocking(move || read_all(&topics, bytes_max)).await, memory)
}

/// Reads every partition in the order of the request. Limits are soft: the first batch of the first partition that has
/// data is whole, so that a consumer always moves.
fn read_all(topics: &[TargetTopic], bytes_max: u64) -> Round {
    let mut round = Round { answer: FetchAnswer::default(), bytes: 0, has_error: false };
    for topic in topics {
        let mut partitions = Vec::with_capacity(topic.targets.len());
        for target in &topic.targets {
            let left = bytes_max.saturating_sub(round.bytes).min(target.bytes_max);
            let answer = read_one(target, left, round.bytes == 0);
            round.bytes += u64::try_from(answer.records.len()).unwrap_or(u64::MAX);
            round.has_error |= answer.error_code != 0;
            partitions.push(answer);
        }
        round.answer.topics.push(TopicAnswer { name: topic.name.clone(), id: topic.id, partitions });
    }
    round
}

fn read_one(target: &Target, bytes_max: u64, whole_first: bool) -> PartitionAnswer {
    // As a real broker: an empty list for partitions it does not have, null for those it cannot read.
    let failed = |error: ResponseError| {
        let unknown = matches!(error, ResponseError::UnknownTopicOrPartition | ResponseError::UnknownTopicId);
        let aborted = if unknown { Aborted::None } else { Aborted::NotAsked };
        PartitionAnswer::error(target.index, error.code(), aborted)
    };
    let partition = match &target.partition {
        Ok(partition) if partition.is_deleted() => return failed(ResponseError::UnknownTopicOrPartition),
        Ok(partition) => partition,
        Err(error) => return failed(*error),
    };
    match partition.log.read(target.offset, bytes_max, whole_first) {
        Ok(read) => PartitionAnswer {
            index: target.index,
            error_code: 0,
            high_watermark: read.range.end,
            last_stable_offset: read.range.end,
            log_start_offset: read.range.start,
            aborted: target.aborted,
            records: read.records,
        },
        Err(ReadError::OutOfRange(_)) => failed(ResponseError::OffsetOutOfRange),
        Err(ReadError::Storage(error)) => {
            tracing::error!(topic = %partition.topic.name, partition = partition.index, %error, "cannot read a log");
            failed(ResponseError::KafkaStorageError)
        }
    }
}
