//! From a topic to a file.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::sync::CancellationToken;

use super::lines::{ArchiveHead, ArchiveWriter};
use crate::client::{KafkaAddress, KafkaClientError};
use crate::pipeline::{ConsumeError, ConsumeOptions, CountError, PartitionOffsets, Progress, consume, topic_counts};

#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    #[error(transparent)]
    Kafka(#[from] KafkaClientError),
    #[error(transparent)]
    Count(#[from] CountError),
    #[error(transparent)]
    Consume(#[from] ConsumeError),
    #[error("cannot write: {0}")]
    Write(#[source] io::Error),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaveReport {
    pub messages: u64,
    pub partitions: i32,
    /// The archive is not whole, and is of no use.
    pub cancelled: bool,
}

/// Writes all messages that are in `topic` now into `out`, as an archive.
pub async fn save_topic(
    kafka: &KafkaAddress,
    topic: &str,
    out: impl Write + Send + 'static,
    progress: &Arc<Progress>,
    cancel: &CancellationToken,
) -> Result<SaveReport, SaveError> {
    let none = || KafkaClientError::NoSuchTopic { topic: topic.to_owned() };
    let offsets = topic_counts(kafka, topic).await?.ok_or_else(none)?;
    progress.set_total(offsets.iter().map(PartitionOffsets::messages).sum());
    let partitions = i32::try_from(offsets.len()).unwrap_or(i32::MAX);
    let writer = ArchiveWriter::new(out, &ArchiveHead::new(topic, partitions)).map_err(SaveError::Write)?;
    // The sink goes to another thread, and the end is written here.
    let writer = Arc::new(Mutex::new(Some(writer)));
    let (inner, counters) = (Arc::clone(&writer), Arc::clone(progress));
    let options = ConsumeOptions { topic: topic.to_owned(), ..ConsumeOptions::default() };
    let write = move |message: &crate::pipeline::ConsumedMessage| {
        let mut writer = inner.lock().unwrap_or_else(PoisonError::into_inner);
        let writer = writer.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writer.write(message)?;
        counters.add_done(1, 0);
        Ok(())
    };
    let report = consume(kafka, &options, write, cancel).await?;
    let writer = writer.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Some(writer), false) = (writer, report.cancelled) {
        writer.finish().and_then(|mut out| out.flush()).map_err(SaveError::Write)?;
    }
    Ok(SaveReport { messages: report.messages, partitions, cancelled: report.cancelled })
}
