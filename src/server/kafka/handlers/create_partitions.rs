//! CreatePartitions (37): topics only grow.

use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::create_partitions_request::{CreatePartitionsRequest, CreatePartitionsTopic};
use kafka_protocol::messages::create_partitions_response::{CreatePartitionsResponse, CreatePartitionsTopicResult};

use super::{blocking, text, topic_error};
use crate::server::kafka::state::broker::BrokerState;
use crate::server::kafka::state::topics::TopicError;

pub(crate) async fn handle(broker: &Arc<BrokerState>, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let broker = Arc::clone(broker);
    blocking(move || {
        let results = request.topics.into_iter().map(|topic| {
            let refused = match grow(&broker, &topic, request.validate_only) {
                Ok(()) => (0, None),
                Err(refused) => refused,
            };
            CreatePartitionsTopicResult::default()
                .with_name(topic.name)
                .with_error_code(refused.0)
                .with_error_message(refused.1)
        });
        CreatePartitionsResponse::default().with_results(results.collect())
    })
    .await
}

fn grow(
    broker: &BrokerState,
    topic: &CreatePartitionsTopic,
    validate_only: bool,
) -> Result<(), (i16, Option<kafka_protocol::protocol::StrBytes>)> {
    let foreign = topic.assignments.iter().flatten().any(|assignment| match assignment.broker_ids.as_slice() {
        [only] => only.0 != broker.config.node_id,
        _ => true,
    });
    if foreign {
        let message = Some(text("each new partition needs exactly this broker"));
        return Err((ResponseError::InvalidReplicaAssignment.code(), message));
    }
    broker.topics.add_partitions(&topic.name, topic.count, validate_only).map_err(|error| match error {
        // The one error a real broker sends without words.
        TopicError::Unknown => (ResponseError::UnknownTopicOrPartition.code(), None),
        other => topic_error(&other),
    })
}
