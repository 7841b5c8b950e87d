//! Messages Elasticsearch will never take, to a topic of their own, with the reason and where they came from.

use std::time::Duration;

use rdkafka::{
    message::{Header, OwnedHeaders},
    producer::{FutureProducer, FutureRecord},
};
use tokio::sync::OnceCell;

use super::bulk::DeadLetter;
use super::{COMPRESSION, COMPRESSION_LEVEL};
use crate::client::{Detached, KafkaAddress, KafkaClientError, KafkaContext};

const CREATE_TIMEOUT: Duration = Duration::from_secs(15);
const DELIVERY_TIMEOUT_MS: &str = "30000";
/// Letters on their way at once.
const TOGETHER_MAX: usize = 500;

#[derive(Debug, thiserror::Error)]
pub enum DeadLetterError {
    #[error(transparent)]
    Client(#[from] KafkaClientError),
    #[error("a dead letter could not be written to the topic `{topic}`: {reason}")]
    NotDelivered { topic: String, reason: String },
}

/// The way to the dead letter topic. The topic and the producer are made with the first letter.
pub(crate) struct DeadLetters {
    kafka: KafkaAddress,
    source: String,
    topic: String,
    producer: OnceCell<Detached<FutureProducer<KafkaContext>>>,
}

impl DeadLetters {
    pub(crate) fn new(kafka: KafkaAddress, source: &str, topic: &str) -> Self {
        Self { kafka, source: source.into(), topic: topic.into(), producer: OnceCell::new() }
    }

    pub(crate) fn bootstrap(&self) -> &str {
        &self.kafka.bootstrap
    }

    /// Writes letters; all are acknowledged when it returns.
    pub(crate) async fn bury(&self, letters: &[DeadLetter]) -> Result<(), DeadLetterError> {
        for letters in letters.chunks(TOGETHER_MAX) {
            self.bury_together(letters).await?;
        }
        Ok(())
    }

    async fn bury_together(&self, letters: &[DeadLetter]) -> Result<(), DeadLetterError> {
        let producer = self.producer.get_or_try_init(|| self.open()).await?;
        let mut underway = Vec::with_capacity(letters.len());
        for letter in letters {
            let mut record = FutureRecord::<[u8], [u8]>::to(&self.topic).headers(self.headers(letter));
            record.key = letter.key.as_deref();
            record.payload = letter.value.as_deref();
            match producer.send_result(record) {
                Ok(delivery) => underway.push(delivery),
                Err((error, _)) => return Err(self.failed(&error.to_string())),
            }
        }
        for delivery in underway {
            match delivery.await {
                Ok(Ok(_)) => {}
                Ok(Err((error, _))) => return Err(self.failed(&error.to_string())),
                Err(_) => return Err(self.failed("the producer ended")),
            }
        }
        Ok(())
    }

    async fn open(&self) -> Result<Detached<FutureProducer<KafkaContext>>, DeadLetterError> {
        // Where we may not make topics it may be there, or be made by the cluster: writing will tell.
        if let Err(error) = self.kafka.create_topic(&self.topic, 1, -1, &[], CREATE_TIMEOUT).await {
            tracing::warn!(topic = self.topic, "the dead letter topic was not made: {error}");
        }
        let config = self.kafka.config(
            &[COMPRESSION, COMPRESSION_LEVEL, ("linger.ms", "2"), ("message.max.bytes", "16777216")],
            &[("enable.idempotence", "true"), ("acks", "all"), ("message.timeout.ms", DELIVERY_TIMEOUT_MS)],
        );
        let context = KafkaContext::new(&self.kafka.bootstrap);
        Ok(Detached::new(config.create_with_context(context).map_err(KafkaClientError::Properties)?))
    }

    fn headers(&self, letter: &DeadLetter) -> OwnedHeaders {
        let origin = letter.origin;
        let texts = [
            ("reason", letter.reason.clone()),
            ("type", letter.kind.clone()),
            ("source.topic", self.source.clone()),
            ("source.partition", origin.partition.to_string()),
            ("source.offset", origin.offset.to_string()),
            ("source.timestamp", origin.timestamp_ms.map_or_else(String::new, |time| time.to_string())),
            ("timestamp", jiff::Timestamp::now().to_string()),
        ];
        texts.iter().fold(OwnedHeaders::new_with_capacity(texts.len()), |headers, (key, value)| {
            headers.insert(Header { key, value: Some(value) })
        })
    }

    fn failed(&self, reason: &str) -> DeadLetterError {
        DeadLetterError::NotDelivered { topic: self.topic.clone(), reason: reason.to_owned() }
    }
}
