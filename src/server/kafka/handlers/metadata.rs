//! Metadata (3): the broker and its topics. A topic that may be made on the fly is made before the answer, so that a client
//! finds it at once.

use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{BrokerId, MetadataRequest, MetadataResponse};

use super::{
    CLUSTER_OPERATIONS, NO_OPERATIONS, TOPIC_OPERATIONS, blocking, is_internal, text, topic_error_code, topic_name,
};
use crate::server::kafka::state::broker::BrokerState;
use crate::server::kafka::state::configs::TopicConfig;
use crate::server::kafka::state::partition::LEADER_EPOCH;
use crate::server::kafka::state::topics::{Topic, TopicError};

/// First version that says whether topics may be made.
const AUTO_CREATION_SINCE: i16 = 4;
/// First version that takes a topic id instead of a name; 10 and 11 only answer with ids.
const BY_ID_SINCE: i16 = 12;

pub(crate) async fn handle(broker: &Arc<BrokerState>, version: i16, request: MetadataRequest) -> MetadataResponse {
    if let Some(refused) = request.topics.as_ref().and_then(|topics| refuse_ids(version, topics)) {
        return refused;
    }
    let asked = request.include_topic_authorized_operations;
    let may_create =
        (version < AUTO_CREATION_SINCE || request.allow_auto_topic_creation) && broker.config.auto_create_topics;
    let topics = match request.topics {
        Some(topics) if !(version == 0 && topics.is_empty()) => {
            let mut answers = Vec::with_capacity(topics.len());
            for topic in topics {
                answers.push(one_topic(broker, may_create, topic).await);
            }
            answers
        }
        _ => broker.topics.all().iter().map(|topic| describe(broker, topic)).collect(),
    };
    let topics = topics
        .into_iter()
        .map(|topic| topic.with_topic_authorized_operations(if asked { TOPIC_OPERATIONS } else { NO_OPERATIONS }));
    let cluster_operations = match request.include_cluster_authorized_operations {
        true => CLUSTER_OPERATIONS,
        false => NO_OPERATIONS,
    };
    let config = &broker.config;
    let node = MetadataResponseBroker::default()
        .with_node_id(BrokerId(config.node_id))
        .with_host(text(config.advertised_host.as_str()))
        .with_port(i32::from(config.advertised_port))
        .with_rack(None);
    MetadataResponse::default()
        .with_brokers(vec![node])
        .with_cluster_id(Some(text(broker.cluster_id.as_str())))
        .with_controller_id(BrokerId(config.node_id))
        .with_topics(topics.collect())
        .with_cluster_authorized_operations(cluster_operations)
}

/// Versions 10 and 11 have room for ids but a real broker refuses them: all topics get the error, and no broker is named.
fn refuse_ids(version: i16, topics: &[MetadataRequestTopic]) -> Option<MetadataResponse> {
    if version >= BY_ID_SINCE || topics.iter().all(|topic| topic.topic_id.is_nil() && topic.name.is_some()) {
        return None;
    }
    let refused = topics.iter().map(|topic| {
        MetadataResponseTopic::default()
            .with_name(Some(topic.name.clone().unwrap_or_default()))
            .with_error_code(ResponseError::InvalidRequest.code())
    });
    Some(MetadataResponse::default().with_cluster_id(None).with_topics(refused.collect()))
}

async fn one_topic(broker: &Arc<BrokerState>, may_create: bool, asked: MetadataRequestTopic) -> MetadataResponseTopic {
    let failed = |error: ResponseError| {
        let name = asked.name.clone().filter(|_| asked.topic_id.is_nil());
        MetadataResponseTopic::default().with_name(name).with_topic_id(asked.topic_id).with_error_code(error.code())
    };
    if !asked.topic_id.is_nil() {
        let found = broker.topics.by_id(asked.topic_id);
        return found.map_or_else(|| failed(ResponseError::UnknownTopicId), |topic| describe(broker, &topic));
    }
    let Some(name) = asked.name.clone() else { return failed(ResponseError::InvalidRequest) };
    match find_or_create(broker, name.to_string(), may_create).await {
        Ok(topic) => describe(broker, &topic),
        Err(error) => failed(topic_error_code(&error)),
    }
}

async fn find_or_create(broker: &Arc<BrokerState>, name: String, may_create: bool) -> Result<Arc<Topic>, TopicError> {
    if let Some(topic) = broker.topics.by_name(&name) {
        return Ok(topic);
    }
    crate::server::kafka::state::topics::check_name(&name)?;
    if !may_create {
        return Err(TopicError::Unknown);
    }
    let broker = Arc::clone(broker);
    let created = blocking(move || {
        match broker.topics.create(&name, broker.config.default_partitions.max(1), TopicConfig::default()) {
            // Another connection was faster.
            Err(TopicError::Exists(name)) => broker.topics.by_name(&name).ok_or(TopicError::Unknown),
            other => other,
        }
    });
    created.await
}

fn describe(broker: &BrokerState, topic: &Topic) -> MetadataResponseTopic {
    let node = BrokerId(broker.config.node_id);
    let partitions = (0..topic.partition_count()).map(|index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(node)
            .with_leader_epoch(LEADER_EPOCH)
            .with_replica_nodes(vec![node])
            .with_isr_nodes(vec![node])
    });
    MetadataResponseTopic::default()
        .with_name(Some(topic_name(&topic.shared.name)))
        .with_topic_id(topic.shared.id)
        .with_is_internal(is_internal(&topic.shared.name))
        .with_partitions(partitions.collect())
}
