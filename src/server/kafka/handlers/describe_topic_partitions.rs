//! DescribeTopicPartitions (75): topics page by page, sorted by name.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::{BrokerId, DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};

use super::{TOPIC_OPERATIONS, is_internal, topic_name};
use crate::server::kafka::state::broker::BrokerState;
use crate::server::kafka::state::partition::LEADER_EPOCH;
use crate::server::kafka::state::topics::{TopicError, check_name};

/// Partitions in one answer, whatever is asked for.
const PAGE_MAX: i32 = 2000;

pub(crate) fn handle(broker: &BrokerState, request: DescribeTopicPartitionsRequest) -> DescribeTopicPartitionsResponse {
    let mut names: Vec<String> = match request.topics.is_empty() {
        true => broker.topics.all().iter().map(|topic| topic.shared.name.clone()).collect(),
        false => request.topics.iter().map(|topic| topic.name.to_string()).collect(),
    };
    names.sort_unstable();
    names.dedup();
    let mut first_partition = 0;
    if let Some(cursor) = &request.cursor {
        names.retain(|name| name.as_str() >= &*cursor.topic_name.0);
        if names.first().is_some_and(|name| name.as_str() == &*cursor.topic_name.0) {
            first_partition = cursor.partition_index.max(0);
        }
    }
    let mut left = request.response_partition_limit.clamp(1, PAGE_MAX);
    let mut topics = Vec::new();
    for name in names {
        if left == 0 {
            return page(topics, Some((name, 0)));
        }
        let Some(count) = broker.topics.by_name(&name).map(|topic| topic.partition_count()) else {
            topics.push(unknown(&name));
            continue;
        };
        let end = count.min(first_partition.saturating_add(left));
        topics.push(describe(broker, &name, first_partition..end));
        left -= end.saturating_sub(first_partition);
        first_partition = 0;
        if end < count {
            return page(topics, Some((name, end)));
        }
    }
    page(topics, None)
}

fn page(
    topics: Vec<DescribeTopicPartitionsResponseTopic>,
    next: Option<(String, i32)>,
) -> DescribeTopicPartitionsResponse {
    let cursor = next
        .map(|(name, partition)| Cursor::default().with_topic_name(topic_name(&name)).with_partition_index(partition));
    DescribeTopicPartitionsResponse::default().with_topics(topics).with_next_cursor(cursor)
}

fn unknown(name: &str) -> DescribeTopicPartitionsResponseTopic {
    let error = match check_name(name) {
        Err(TopicError::InvalidName(_)) => ResponseError::InvalidTopicException,
        _ => ResponseError::UnknownTopicOrPartition,
    };
    DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(topic_name(name)))
        .with_error_code(error.code())
        .with_topic_authorized_operations(TOPIC_OPERATIONS)
}

fn describe(broker: &BrokerState, name: &str, indexes: std::ops::Range<i32>) -> DescribeTopicPartitionsResponseTopic {
    let node = BrokerId(broker.config.node_id);
    let partitions = indexes.map(|index| {
        DescribeTopicPartitionsResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(node)
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(vec![node])
            .with_isr_nodes(vec![node])
            .with_eligible_leader_replicas(Some(Vec::new()))
            .with_last_known_elr(Some(Vec::new()))
    });
    let id = broker.topics.by_name(name).map(|topic| topic.shared.id).unwrap_or_default();
    DescribeTopicPartitionsResponseTopic::default()
        .with_name(Some(topic_name(name)))
        .with_topic_id(id)
        .with_is_internal(is_internal(name))
        .with_topic_authorized_operations(TOPIC_OPERATIONS)
        .with_partitions(partitions.collect())
}
