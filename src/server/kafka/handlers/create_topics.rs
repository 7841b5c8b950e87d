//! CreateTopics (19). A topic is on the disk before the answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreateTopicsRequest};
use kafka_protocol::messages::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult, CreateTopicsResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::{blocking, duplicates, text, topic_error};
use crate::server::kafka::state::broker::BrokerState;
use crate::server::kafka::state::configs::{KEYS, TopicConfig};
use crate::server::kafka::state::topics::new_topic_id;

/// First version that answers with partitions, replicas and configs.
const CONFIGS_SINCE: i16 = 5;
const SOURCE_TOPIC: i8 = 1;
const SOURCE_DEFAULT: i8 = 5;

/// Code and message of a refused topic.
type Refusal = (i16, Option<StrBytes>);

pub(crate) async fn handle(
    broker: &Arc<BrokerState>,
    version: i16,
    request: CreateTopicsRequest,
) -> CreateTopicsResponse {
    let broker = Arc::clone(broker);
    blocking(move || {
        let twice = duplicates(request.topics.iter().map(|topic| &*topic.name.0));
        let mut results: Vec<CreatableTopicResult> = Vec::with_capacity(request.topics.len());
        for topic in &request.topics {
            if !twice.contains(&&*topic.name.0) {
                results.push(one_topic(&broker, version, request.validate_only, topic));
            } else if !results.iter().any(|result| result.name == topic.name) {
                let message = Some(StrBytes::from_static_str("Duplicate topic name."));
                results.push(refused(topic, (ResponseError::InvalidRequest.code(), message)));
            }
        }
        CreateTopicsResponse::default().with_topics(results)
    })
    .await
}

fn one_topic(broker: &BrokerState, version: i16, validate_only: bool, topic: &CreatableTopic) -> CreatableTopicResult {
    let made = shape(broker, topic).and_then(|(partitions, config)| {
        let id = if validate_only {
            broker.topics.check_new(&topic.name, partitions).map(|()| new_topic_id())
        } else {
            broker.topics.create(&topic.name, partitions, config.clone()).map(|topic| topic.shared.id)
        };
        id.map(|id| (id, partitions, config)).map_err(|error| topic_error(&error))
    });
    match made {
        Ok((id, partitions, config)) => {
            let result = CreatableTopicResult::default()
                .with_name(topic.name.clone())
                .with_topic_id(id)
                .with_error_message(None);
            if version < CONFIGS_SINCE {
                return result;
            }
            result.with_num_partitions(partitions).with_replication_factor(1).with_configs(Some(configs(&config)))
        }
        Err(refusal) => refused(topic, refusal),
    }
}

fn refused(topic: &CreatableTopic, (code, message): Refusal) -> CreatableTopicResult {
    CreatableTopicResult::default()
        .with_name(topic.name.clone())
        .with_error_code(code)
        .with_error_message(message)
        .with_num_partitions(-1)
        .with_replication_factor(-1)
        .with_configs(Some(Vec::new()))
}

/// Partition count and configuration, checked.
fn shape(broker: &BrokerState, topic: &CreatableTopic) -> Result<(i32, TopicConfig), Refusal> {
    let refuse = |error: ResponseError, message: String| Err((error.code(), Some(text(message))));
    let partitions = match (topic.assignments.is_empty(), topic.num_partitions, topic.replication_factor) {
        (true, -1, _) => broker.config.default_partitions.max(1),
        (true, count, _) if count >= 1 => count,
        (true, ..) => {
            return refuse(
                ResponseError::InvalidPartitions,
                "Number of partitions was set to an invalid non-positive value.".to_owned(),
            );
        }
        (false, -1, -1) => assigned_partitions(broker, topic)?,
        (false, ..) => {
            return refuse(
                ResponseError::InvalidRequest,
                "A manual partition assignment was specified, but partitions or replicas were given too.".to_owned(),
            );
        }
    };
    match topic.replication_factor {
        -1 | 1 => {}
        factor if factor > 1 => {
            let message = format!(
                "Unable to replicate the partition {factor} time(s): The target replication factor of {factor} cannot be \
                 reached because only 1 broker(s) are registered."
            );
            return refuse(ResponseError::InvalidReplicationFactor, message);
        }
        _ => {
            return refuse(
                ResponseError::InvalidReplicationFactor,
                "Replication factor must be larger than 0, or -1 to use the default value.".to_owned(),
            );
        }
    }
    let mut set = BTreeMap::new();
    for config in &topic.configs {
        let Some(value) = &config.value else {
            return refuse(
                ResponseError::InvalidConfig,
                format!("Null value not supported for topic configs: {}", &*config.name),
            );
        };
        set.insert(config.name.to_string(), value.to_string());
    }
    let config = TopicConfig::new(set).map_err(|message| (ResponseError::InvalidConfig.code(), Some(text(message))))?;
    Ok((partitions, config))
}

/// The partitions of a manual assignment: 0 to n-1, each to this node.
fn assigned_partitions(broker: &BrokerState, topic: &CreatableTopic) -> Result<i32, Refusal> {
    let refusal = || {
        (ResponseError::InvalidReplicaAssignment.code(), Some(text("partitions must be 0 to n-1, each on this broker")))
    };
    let mut indexes: Vec<i32> = topic.assignments.iter().map(|assignment| assignment.partition_index).collect();
    indexes.sort_unstable();
    let in_order = (0..).zip(&indexes).all(|(expected, index)| expected == *index);
    let here = topic.assignments.iter().all(|assignment| match assignment.broker_ids.as_slice() {
        [only] => only.0 == broker.config.node_id,
        _ => false,
    });
    if in_order && here { i32::try_from(indexes.len()).map_err(|_| refusal()) } else { Err(refusal()) }
}

/// All configs: a null list would stop `kafka-topics --create`.
fn configs(config: &TopicConfig) -> Vec<CreatableTopicConfigs> {
    let entries = KEYS.iter().map(|key| {
        let source = if config.set().contains_key(key.name) { SOURCE_TOPIC } else { SOURCE_DEFAULT };
        CreatableTopicConfigs::default()
            .with_name(StrBytes::from_static_str(key.name))
            .with_value(Some(text(config.value(key))))
            .with_config_source(source)
    });
    entries.collect()
}
