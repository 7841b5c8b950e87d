//! One file an API: the request's fields in, the answer of that version out.

pub(crate) mod alter_configs;
pub(crate) mod api_versions;
pub(crate) mod create_partitions;
pub(crate) mod create_topics;
pub(crate) mod delete_groups;
pub(crate) mod delete_records;
pub(crate) mod delete_topics;
pub(crate) mod describe_cluster;
pub(crate) mod describe_configs;
pub(crate) mod describe_groups;
pub(crate) mod describe_log_dirs;
pub(crate) mod describe_topic_partitions;
pub(crate) mod fetch;
pub(crate) mod find_coordinator;
mod group_limits;
pub(crate) mod heartbeat;
pub(crate) mod init_producer_id;
pub(crate) mod join_group;
pub(crate) mod leave_group;
pub(crate) mod list_groups;
pub(crate) mod list_offsets;
pub(crate) mod list_partition_reassignments;
pub(crate) mod metadata;
pub(crate) mod offset_commit;
pub(crate) mod offset_delete;
pub(crate) mod offset_fetch;
pub(crate) mod offset_for_leader_epoch;
pub(crate) mod produce;
pub(crate) mod sync_group;

#[cfg(test)]
mod group_tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::TopicName;
use kafka_protocol::protocol::StrBytes;
use uuid::Uuid;

use super::state::broker::BrokerState;
use super::state::partition::LEADER_EPOCH;
use super::state::topics::{Topic, TopicError};

/// The operations an unsecured cluster allows on a topic, as bits: read, write, create, delete, alter, describe, and
/// describe and alter configs.
const TOPIC_OPERATIONS: i32 = 0b1101_1111_1000;
/// The same for the cluster: create, alter, describe, cluster action, describe and alter configs, idempotent write.
const CLUSTER_OPERATIONS: i32 = 0b1_1111_1010_0000;
/// "Not asked for."
const NO_OPERATIONS: i32 = i32::MIN;

/// An owned string, as the codec takes it.
fn text(owned: impl Into<String>) -> StrBytes {
    StrBytes::from_string(owned.into())
}

fn topic_name(name: &str) -> TopicName {
    TopicName(text(name))
}

/// Topics Kafka keeps for itself; here only a client could have made them.
fn is_internal(name: &str) -> bool {
    matches!(name, "__consumer_offsets" | "__transaction_state" | "__share_group_state")
}

/// Runs work that touches the disk off the async threads. A panic in it is passed on.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// Checks a request's leader epoch: a negative one asks for no check, and none is older than the only one there is.
fn check_leader_epoch(epoch: i32) -> Result<(), ResponseError> {
    if epoch <= LEADER_EPOCH { Ok(()) } else { Err(ResponseError::UnknownLeaderEpoch) }
}

/// What Apache Kafka says about the errors that this broker sends with a message.
fn error_message(error: ResponseError) -> StrBytes {
    StrBytes::from_static_str(match error {
        ResponseError::UnknownTopicOrPartition => "This server does not host this topic-partition.",
        ResponseError::UnknownTopicId => "This server does not host this topic ID.",
        other => return text(other.to_string()),
    })
}

/// A topic named by id where there is one, else by name.
fn find_topic(broker: &BrokerState, name: &str, id: Uuid) -> Result<Arc<Topic>, ResponseError> {
    if id.is_nil() {
        broker.topics.by_name(name).ok_or(ResponseError::UnknownTopicOrPartition)
    } else {
        broker.topics.by_id(id).ok_or(ResponseError::UnknownTopicId)
    }
}

/// The code a client gets for a topic that cannot be made or changed.
fn topic_error_code(error: &TopicError) -> ResponseError {
    match error {
        TopicError::Exists(_) => ResponseError::TopicAlreadyExists,
        TopicError::InvalidName(_) | TopicError::Collision { .. } => ResponseError::InvalidTopicException,
        TopicError::Unknown => ResponseError::UnknownTopicOrPartition,
        TopicError::InvalidPartitions(_) => ResponseError::InvalidPartitions,
        TopicError::InvalidConfig(_) => ResponseError::InvalidConfig,
        TopicError::InvalidRequest(_) => ResponseError::InvalidRequest,
        TopicError::Storage(_) => ResponseError::KafkaStorageError,
    }
}

/// A topic error as code and message; storage trouble is logged, since the client cannot see the disk.
fn topic_error(error: &TopicError) -> (i16, Option<StrBytes>) {
    if let TopicError::Storage(error) = error {
        tracing::error!(%error, "a topic cannot be changed");
    }
    (topic_error_code(error).code(), Some(text(error.to_string())))
}

/// Names that a request gives more than once.
fn duplicates<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut counts = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_insert(0_usize) += 1);
    counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect()
}
