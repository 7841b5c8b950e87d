//! From a file back to a topic.

use std::io::Read;
use std::sync::Arc;

use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::lines::{ArchiveError, ArchiveHead, ArchiveReader};
use crate::client::{Detached, KafkaAddress, KafkaClientError, KafkaContext};
use crate::pipeline::{
    COMPRESSION, COMPRESSION_LEVEL, ConsumedMessage, CountError, PartitionOffsets, Progress, topic_counts,
};

/// How long Kafka may take to acknowledge a message.
const DELIVERY_TIMEOUT_MS: &str = "120000";
/// Messages on their way at once.
const TOGETHER_MAX: usize = 1_000;
/// Their bytes, beyond which no more go along.
const TOGETHER_BYTES: usize = 8 << 20;

#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error(transparent)]
    Kafka(#[from] KafkaClientError),
    #[error(transparent)]
    Count(#[from] CountError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("the topic `{topic}` is not empty: it holds {messages} messages")]
    NotEmpty { topic: String, messages: u64 },
    #[error("the archive is of {wanted} partitions, and the topic `{topic}` has {there}")]
    Partitions { topic: String, wanted: i32, there: usize },
    #[error("{unsent} messages were not acknowledged by the topic `{topic}`: {reason}")]
    NotDelivered { topic: String, sent: u64, unsent: u64, reason: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RestoreReport {
    pub messages: u64,
    pub cancelled: bool,
}

/// Whether `topic` has room for an archive: it is there and empty, and has as many partitions.
pub async fn check_room(kafka: &KafkaAddress, topic: &str, archive: &ArchiveHead) -> Result<(), RestoreError> {
    let none = || KafkaClientError::NoSuchTopic { topic: topic.to_owned() };
    let offsets = topic_counts(kafka, topic).await?.ok_or_else(none)?;
    let messages = offsets.iter().map(PartitionOffsets::messages).sum();
    if messages > 0 {
        return Err(RestoreError::NotEmpty { topic: topic.to_owned(), messages });
    }
    let wanted = archive.partitions;
    if usize::try_from(wanted).unwrap_or(usize::MAX) > offsets.len() {
        return Err(RestoreError::Partitions { topic: topic.to_owned(), wanted, there: offsets.len() });
    }
    Ok(())
}

/// Puts all messages of an archive into `topic`, which has room for it ([`check_room`]): each into its partition, in its order,
/// with its time.
pub async fn restore_topic<R: Read + Send + 'static>(
    kafka: &KafkaAddress,
    topic: &str,
    archive: ArchiveReader<R>,
    progress: &Arc<Progress>,
    cancel: &CancellationToken,
) -> Result<RestoreReport, RestoreError> {
    let config = kafka.config(
        &[COMPRESSION, COMPRESSION_LEVEL, ("linger.ms", "5"), ("message.max.bytes", "16777216")],
        &[("enable.idempotence", "true"), ("acks", "all"), ("message.timeout.ms", DELIVERY_TIMEOUT_MS)],
    );
    let context = KafkaContext::new(&kafka.bootstrap);
    let producer: FutureProducer<KafkaContext> =
        config.create_with_context(context).map_err(KafkaClientError::Properties)?;
    let (producer, mut report) = (Detached::new(producer), RestoreReport::default());
    let mut chunks = read_ahead(archive);
    while let Some(chunk) = chunks.recv().await {
        if cancel.is_cancelled() {
            report.cancelled = true;
            break;
        }
        let chunk = chunk?;
        let (sent, outcome) = send(&producer, topic, &chunk).await;
        report.messages += sent;
        progress.add_done(sent, 0);
        if let Err(reason) = outcome {
            let unsent = u64::try_from(chunk.len()).unwrap_or(u64::MAX) - sent;
            return Err(RestoreError::NotDelivered { topic: topic.to_owned(), sent: report.messages, unsent, reason });
        }
    }
    Ok(report)
}

/// Reads on a thread of its own, one chunk ahead. Ends when nobody takes the chunks.
fn read_ahead<R: Read + Send + 'static>(
    mut archive: ArchiveReader<R>,
) -> mpsc::Receiver<Result<Vec<ConsumedMessage>, ArchiveError>> {
    let (chunks, receiver) = mpsc::channel(1);
    tokio::task::spawn_blocking(move || {
        loop {
            let goes_on = match read_chunk(&mut archive) {
                Ok(chunk) if chunk.is_empty() => false,
                Ok(chunk) => chunks.blocking_send(Ok(chunk)).is_ok(),
                Err(error) => {
                    // Without a receiver nobody wants to know.
                    let _taken = chunks.blocking_send(Err(error));
                    false
                }
            };
            if !goes_on {
                return;
            }
        }
    });
    receiver
}

/// The next messages; none at the end.
fn read_chunk<R: Read>(archive: &mut ArchiveReader<R>) -> Result<Vec<ConsumedMessage>, ArchiveError> {
    let (mut chunk, mut bytes) = (Vec::new(), 0);
    while chunk.len() < TOGETHER_MAX && bytes < TOGETHER_BYTES {
        let Some(message) = archive.message()? else { break };
        bytes += message.value.as_ref().map_or(0, Vec::len);
        chunk.push(message);
    }
    Ok(chunk)
}

/// Sends, and waits for every acknowledgement; how many came, and why one did not.
async fn send(
    producer: &FutureProducer<KafkaContext>,
    topic: &str,
    chunk: &[ConsumedMessage],
) -> (u64, Result<(), String>) {
    let (mut underway, mut outcome) = (Vec::with_capacity(chunk.len()), Ok(()));
    for message in chunk {
        let mut record = FutureRecord::<[u8], [u8]>::to(topic).partition(message.partition);
        record.key = message.key.as_deref();
        record.payload = message.value.as_deref();
        record.timestamp = message.timestamp_ms;
        if !message.headers.is_empty() {
            record.headers = Some(headers(message));
        }
        match producer.send_result(record) {
            Ok(delivery) => underway.push(delivery),
            Err((error, _)) => {
                outcome = Err(error.to_string());
                break;
            }
        }
    }
    let mut sent = 0;
    for delivery in underway {
        match delivery.await {
            Ok(Ok(_)) => sent += 1,
            Ok(Err((error, _))) => outcome = Err(error.to_string()),
            Err(_) => outcome = Err("the producer ended".into()),
        }
    }
    (sent, outcome)
}

fn headers(message: &ConsumedMessage) -> OwnedHeaders {
    let none = OwnedHeaders::new_with_capacity(message.headers.len());
    message.headers.iter().fold(none, |headers, (key, value)| headers.insert(Header { key, value: value.as_deref() }))
}
