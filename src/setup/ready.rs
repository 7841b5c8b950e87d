//! Whether a broker that was just started takes messages: metadata alone comes before it does.

use std::time::Duration;

use rdkafka::admin::AdminOptions;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::SetupError;
use crate::client::{Detached, KafkaAddress, KafkaClientError, KafkaContext};

/// The topic that is made for the trial, and removed again.
const TOPIC: &str = "stockdev-readiness";
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes a topic, sends one message with `acks=all`, removes the topic.
pub async fn prove_writable(kafka: &KafkaAddress) -> Result<(), SetupError> {
    kafka.create_topic(TOPIC, 1, -1, &[], PATIENCE).await?;
    let timeout = PATIENCE.as_millis().to_string();
    let producer: FutureProducer<KafkaContext> = kafka
        .config(&[("message.timeout.ms", &timeout), ("linger.ms", "0")], &[("acks", "all")])
        .create_with_context(KafkaContext::new(&kafka.bootstrap))
        .map_err(KafkaClientError::Properties)?;
    let producer = Detached::new(producer);
    let sent = producer.send(FutureRecord::<(), _>::to(TOPIC).payload("ready"), PATIENCE).await;
    drop(producer);
    let admin = Detached::new(kafka.admin()?);
    let removed = admin.delete_topics(&[TOPIC], &AdminOptions::new().request_timeout(Some(PATIENCE))).await;
    if let Err((error, _)) = sent {
        return Err(kafka.refused("the first message", &error.to_string()).into());
    }
    removed.map_err(|error| kafka.refused("the removal of the trial topic", &error.to_string()))?;
    Ok(())
}
