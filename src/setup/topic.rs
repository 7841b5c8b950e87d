//! The topic.

use std::time::{Duration, Instant};

use super::SetupError;
use crate::client::{KafkaAddress, TopicCreation};

const TIMEOUT: Duration = Duration::from_secs(15);
const READY_TIMEOUT: Duration = Duration::from_secs(30);

/// A topic that is to exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    pub name: String,
    pub partitions: i32,
    /// Copies of each partition; -1 is the cluster's default.
    pub replication: i32,
    /// Topic configurations, such as `retention.ms`; used when the topic is made.
    pub configs: Vec<(String, String)>,
}

impl TopicSpec {
    /// With the cluster's own replication.
    pub fn new(name: impl Into<String>, partitions: i32) -> Self {
        Self { name: name.into(), partitions, replication: -1, configs: Vec::new() }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicOutcome {
    Created,
    /// It was there, and stays as it was.
    Exists {
        partitions: i32,
    },
}

/// Makes the topic unless it is there, and waits until it can be written to.
pub async fn ensure_topic(kafka: &KafkaAddress, spec: &TopicSpec) -> Result<TopicOutcome, SetupError> {
    if let Some(partitions) = kafka.partition_count(&spec.name, TIMEOUT).await? {
        return Ok(TopicOutcome::Exists { partitions });
    }
    let made = kafka.create_topic(&spec.name, spec.partitions, spec.replication, &spec.configs, TIMEOUT).await?;
    let started = Instant::now();
    let mut pause = Duration::from_millis(10);
    loop {
        // The answer to a creation comes before all brokers know of it.
        if let Some(partitions) = kafka.partition_count(&spec.name, TIMEOUT).await? {
            return Ok(match made {
                TopicCreation::Created => TopicOutcome::Created,
                TopicCreation::Exists => TopicOutcome::Exists { partitions },
            });
        }
        if started.elapsed() > READY_TIMEOUT {
            return Err(SetupError::NotReady { topic: spec.name.clone(), seconds: READY_TIMEOUT.as_secs() });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
}
