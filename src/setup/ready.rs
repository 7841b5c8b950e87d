//! Whether a broker that was just started can be used: metadata alone comes before it takes messages, and both come before
//! it knows consumer groups.

use std::time::Duration;

use rdkafka::TopicPartitionList;
use rdkafka::admin::AdminOptions;
use rdkafka::producer::{FutureProducer, FutureRecord};

use super::SetupError;
use crate::client::{Detached, KafkaAddress, KafkaClientError, KafkaContext};

/// The topic that is made for the trial, and removed again; also the group that is asked for and never joined.
const TRIAL: &str = "stockdev-readiness";
const PATIENCE: Duration = Duration::from_secs(5);

/// Makes a topic, sends one message as the pipeline's producer does, asks a group's coordinator for offsets, removes the
/// topic. The first of these questions take a new broker a second or more: better while the other services start.
pub async fn prove_usable(kafka: &KafkaAddress) -> Result<(), SetupError> {
    kafka.create_topic(TRIAL, 1, -1, &[], PATIENCE).await?;
    let used = use_topic(kafka).await;
    let admin = Detached::new(kafka.admin()?);
    let removed = admin.delete_topics(&[TRIAL], &AdminOptions::new().request_timeout(Some(PATIENCE))).await;
    used?;
    removed.map_err(|error| kafka.refused("the removal of the trial topic", &error.to_string()))?;
    Ok(())
}

async fn use_topic(kafka: &KafkaAddress) -> Result<(), SetupError> {
    let timeout = PATIENCE.as_millis().to_string();
    let producer: FutureProducer<KafkaContext> = kafka
        .config(
            &[("message.timeout.ms", &timeout), ("linger.ms", "0")],
            &[("acks", "all"), ("enable.idempotence", "true")],
        )
        .create_with_context(KafkaContext::new(&kafka.bootstrap))
        .map_err(KafkaClientError::Properties)?;
    let producer = Detached::new(producer);
    let sent = producer.send(FutureRecord::<(), _>::to(TRIAL).payload("ready"), PATIENCE).await;
    sent.map_err(|(error, _)| kafka.refused("the first message", &error.to_string()))?;
    kafka
        .ask(|kafka| {
            let client = kafka.inspector(Some(TRIAL))?;
            let mut partitions = TopicPartitionList::new();
            partitions.add_partition(TRIAL, 0);
            kafka.committed(&client, partitions, PATIENCE)
        })
        .await?;
    Ok(())
}
