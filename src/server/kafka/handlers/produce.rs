//! Produce (0): checks each batch by its header and CRC, queues it with its partition, and answers when all are written.
//!
//! Records are not unpacked, but for two rare cases that need a look at each: compacted topics, whose records must have a
//! key, and batches whose timestamps are refused.

use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::produce_request::{PartitionProduceData, ProduceRequest};
use kafka_protocol::messages::produce_response::{
    BatchIndexAndErrorMessage, PartitionProduceResponse, ProduceResponse, TopicProduceResponse,
};
use kafka_protocol::messages::{ResponseKind, TopicName};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::{find_topic, text};
use crate::server::kafka::codec::batch::{self, BatchError, BatchHeader, Compression};
use crate::server::kafka::codec::frame::RequestHead;
use crate::server::kafka::codec::records::{self, RecordMeta};
use crate::server::kafka::dispatch::{self, Reply, ReplyFuture};
use crate::server::kafka::state::broker::BrokerState;
use crate::server::kafka::state::configs::TopicConfig;
use crate::server::kafka::state::partition::{AppendResult, now_ms};

const ZSTD_SINCE: i16 = 7;
const TRANSACTION_ABORTABLE_SINCE: i16 = 11;
/// Faulty records named in an answer.
const RECORD_ERRORS_MAX: usize = 100;

/// Why a batch is refused.
#[derive(Debug)]
struct Refusal {
    code: ResponseError,
    message: Option<String>,
    /// Index in the batch, and what is wrong there.
    records: Vec<(i32, String)>,
    /// Given, as a real broker does, when the batch itself was looked at.
    log_start_offset: Option<i64>,
}

impl From<ResponseError> for Refusal {
    fn from(code: ResponseError) -> Self {
        Self { code, message: None, records: Vec::new(), log_start_offset: None }
    }
}

impl Refusal {
    fn new(code: ResponseError, message: impl Into<String>) -> Self {
        Self { message: Some(message.into()), ..Self::from(code) }
    }

    fn invalid_record(message: impl Into<String>) -> Self {
        Self::new(ResponseError::InvalidRecord, message)
    }
}

/// The answer to come, and the start of the log for an answer that is an error.
type Queued = (oneshot::Receiver<AppendResult>, i64);

struct StartedTopic {
    name: TopicName,
    id: Uuid,
    partitions: Vec<(i32, Result<Queued, Refusal>)>,
}

/// Queues every batch, in the order of the request, before it returns.
pub(crate) fn start(broker: &Arc<BrokerState>, head: RequestHead, request: ProduceRequest) -> ReplyFuture {
    let acks = request.acks;
    let is_transactional = request.transactional_id.is_some();
    let ask = Ask { version: head.version, acks, is_transactional };
    let topics: Vec<StartedTopic> = request
        .topic_data
        .into_iter()
        .map(|topic| {
            let found = find_topic(broker, &topic.name, topic.topic_id);
            let queue = |data: PartitionProduceData| {
                let index = data.index;
                let queued = found.as_ref().map_err(|code| Refusal::from(*code)).and_then(|found| {
                    let partition = found.partition(index).ok_or(ResponseError::UnknownTopicOrPartition)?;
                    let config = found.shared.config();
                    let (header, batch) = check(&ask, &config, data.records)?;
                    check_content(&ask, &config, &header, &batch).map_err(|refusal| {
                        let log_start_offset = Some(partition.log.range().start);
                        Refusal { log_start_offset, ..refusal }
                    })?;
                    let log_start_offset = partition.log.range().start;
                    Ok((partition.append(header, batch), log_start_offset))
                });
                (index, queued)
            };
            let partitions = topic.partition_data.into_iter().map(queue).collect();
            StartedTopic { name: topic.name, id: topic.topic_id, partitions }
        })
        .collect();
    Box::pin(answer(head, acks, topics))
}

async fn answer(head: RequestHead, acks: i16, topics: Vec<StartedTopic>) -> Reply {
    let mut failed = false;
    let mut responses = Vec::with_capacity(topics.len());
    for topic in topics {
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for (index, queued) in topic.partitions {
            let response = match queued {
                // A sender that is gone means that the append panicked.
                Ok((receiver, log_start_offset)) => {
                    let result = receiver.await.unwrap_or(Err(ResponseError::KafkaStorageError));
                    appended(index, result, log_start_offset)
                }
                Err(refusal) => refused(index, refusal),
            };
            failed |= response.error_code != 0;
            partitions.push(response);
        }
        let response = TopicProduceResponse::default().with_partition_responses(partitions);
        // Each version carries one of the two.
        responses.push(response.with_name(topic.name).with_topic_id(topic.id));
    }
    match (acks, failed) {
        (0, false) => Reply::Nothing,
        // The only way to tell: the client sees the end of the connection and asks for metadata.
        (0, true) => Reply::Close,
        _ => dispatch::encode(head, &ResponseKind::Produce(ProduceResponse::default().with_responses(responses))),
    }
}

fn appended(index: i32, result: AppendResult, log_start_offset: i64) -> PartitionProduceResponse {
    match result {
        Ok(appended) => PartitionProduceResponse::default()
            .with_index(index)
            .with_base_offset(appended.base_offset)
            .with_log_append_time_ms(appended.log_append_time_ms)
            .with_log_start_offset(appended.log_start_offset)
            .with_error_message(None),
        Err(code) => refused(index, Refusal { log_start_offset: Some(log_start_offset), ..code.into() }),
    }
}

fn refused(index: i32, refusal: Refusal) -> PartitionProduceResponse {
    let records = refusal.records.into_iter().map(|(batch_index, message)| {
        BatchIndexAndErrorMessage::default()
            .with_batch_index(batch_index)
            .with_batch_index_error_message(Some(text(message)))
    });
    PartitionProduceResponse::default()
        .with_index(index)
        .with_error_code(refusal.code.code())
        .with_base_offset(-1)
        .with_log_append_time_ms(-1)
        .with_log_start_offset(refusal.log_start_offset.unwrap_or(-1))
        .with_record_errors(records.collect())
        .with_error_message(refusal.message.map(text))
}

/// What of the request matters to each batch.
struct Ask {
    version: i16,
    acks: i16,
    is_transactional: bool,
}

/// Checks one partition's bytes: exactly one batch that a client may send.
fn check(ask: &Ask, config: &TopicConfig, records: Option<Bytes>) -> Result<(BatchHeader, Bytes), Refusal> {
    if !matches!(ask.acks, -1..=1) {
        return Err(ResponseError::InvalidRequiredAcks.into());
    }
    if ask.acks == -1 && config.min_insync_replicas > 1 {
        return Err(ResponseError::NotEnoughReplicas.into());
    }
    let batch = records.unwrap_or_default();
    let header = one_batch(&batch)?;
    check_size(&header, config)?;
    batch::check_crc(&header, &batch).map_err(|_| Refusal::from(ResponseError::CorruptMessage))?;
    Ok((header, batch))
}

/// Checks what the batch says of its records.
fn check_content(ask: &Ask, config: &TopicConfig, header: &BatchHeader, batch: &[u8]) -> Result<(), Refusal> {
    check_fields(header, ask)?;
    check_timestamps(header, batch, config)?;
    if config.is_compacted { check_keys(header, batch) } else { Ok(()) }
}

fn one_batch(batch: &[u8]) -> Result<BatchHeader, Refusal> {
    let header = BatchHeader::parse(batch).map_err(|error| match error {
        BatchError::TooShort(0) => Refusal::invalid_record("the request holds no record batch"),
        other => Refusal::invalid_record(other.to_string()),
    })?;
    match header.size.cmp(&batch.len()) {
        std::cmp::Ordering::Equal => Ok(header),
        std::cmp::Ordering::Less => Err(Refusal::invalid_record("only one record batch per partition is allowed")),
        std::cmp::Ordering::Greater => Err(Refusal::invalid_record("the record batch is truncated")),
    }
}

fn check_size(header: &BatchHeader, config: &TopicConfig) -> Result<(), Refusal> {
    if header.size > config.max_message_bytes {
        let max = config.max_message_bytes;
        let text = format!(
            "The record batch size is {} bytes, which exceeds the maximum configured value of {max}.",
            header.size
        );
        return Err(Refusal::new(ResponseError::MessageTooLarge, text));
    }
    if u64::try_from(header.size).is_ok_and(|size| size > config.log.segment_bytes) {
        return Err(ResponseError::RecordListTooLarge.into());
    }
    Ok(())
}

fn check_fields(header: &BatchHeader, ask: &Ask) -> Result<(), Refusal> {
    if header.is_control() {
        return Err(Refusal::invalid_record("clients are not allowed to write control records"));
    }
    if header.record_count <= 0 || header.last_offset_delta != header.record_count - 1 {
        return Err(Refusal::invalid_record("the record count does not match the last offset delta"));
    }
    if header.has_producer() && (header.base_sequence < 0 || header.producer_epoch < 0) {
        return Err(Refusal::invalid_record("a producer id needs a sequence and an epoch"));
    }
    match header.compression() {
        None => return Err(Refusal::invalid_record("the compression type is unknown")),
        Some(Compression::Zstd) if ask.version < ZSTD_SINCE => {
            return Err(ResponseError::UnsupportedCompressionType.into());
        }
        Some(_) => {}
    }
    match (header.is_transactional(), ask.is_transactional) {
        (false, _) => Ok(()),
        (true, false) => Err(ResponseError::TransactionalIdAuthorizationFailed.into()),
        // Transactions are not served, so no partition was ever added to one.
        (true, true) if ask.version >= TRANSACTION_ABORTABLE_SINCE => Err(ResponseError::TransactionAbortable.into()),
        (true, true) => Err(ResponseError::InvalidTxnState.into()),
    }
}

fn check_timestamps(header: &BatchHeader, batch: &[u8], config: &TopicConfig) -> Result<(), Refusal> {
    if config.log_append_time {
        return Ok(());
    }
    let now = now_ms();
    let latest = now.saturating_add(config.timestamp_after_max_ms);
    // A record without a timestamp has -1, and is in order.
    let earliest = match config.timestamp_before_max_ms {
        i64::MAX => i64::MIN,
        before => now.saturating_sub(before),
    };
    let is_late = header.max_timestamp > latest;
    let is_early = header.base_timestamp < earliest && header.base_timestamp != -1;
    if !is_late && !is_early {
        return Ok(());
    }
    let wrong = |record: &RecordMeta| {
        (record.timestamp > latest || (record.timestamp < earliest && record.timestamp != -1)).then(|| {
            format!("Timestamp {} of message with offset {} is out of range.", record.timestamp, record.offset)
        })
    };
    let message = "One or more records have been rejected due to invalid timestamp";
    let records = faulty_records(header, batch, wrong)?;
    Err(Refusal { records, ..Refusal::new(ResponseError::InvalidTimestamp, message) })
}

fn check_keys(header: &BatchHeader, batch: &[u8]) -> Result<(), Refusal> {
    let wrong = |record: &RecordMeta| {
        (!record.has_key).then(|| "Compacted topic cannot accept message without key in topic partition.".to_owned())
    };
    let records = faulty_records(header, batch, wrong)?;
    if records.is_empty() {
        return Ok(());
    }
    let message = Some("One or more records have been rejected".to_owned());
    Err(Refusal { message, records, ..ResponseError::InvalidRecord.into() })
}

/// The records that `wrong` names a fault of.
fn faulty_records(
    header: &BatchHeader,
    batch: &[u8],
    wrong: impl Fn(&RecordMeta) -> Option<String>,
) -> Result<Vec<(i32, String)>, Refusal> {
    let mut faulty = Vec::new();
    let mut index = 0;
    let walked = records::walk(header, batch, |record| {
        faulty.extend(wrong(&record).map(|fault| (index, fault)));
        index += 1;
        if faulty.len() < RECORD_ERRORS_MAX { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    walked.map_err(|error| Refusal::invalid_record(error.to_string()))?;
    Ok(faulty)
}
