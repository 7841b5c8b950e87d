//! DeleteRecords (21): moves the start of a log.

use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::delete_records_request::DeleteRecordsRequest;
use kafka_protocol::messages::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsResponse, DeleteRecordsTopicResult,
};

use super::blocking;
use crate::server::kafka::state::broker::BrokerState;

/// Asks for everything up to the high watermark.
const TO_HIGH_WATERMARK: i64 = -1;

pub(crate) async fn handle(broker: &Arc<BrokerState>, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let broker = Arc::clone(broker);
    blocking(move || {
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let result = DeleteRecordsPartitionResult::default().with_partition_index(asked.partition_index);
                match delete(&broker, &topic.name, asked.partition_index, asked.offset) {
                    Ok(start) => result.with_low_watermark(start),
                    Err(error) => result.with_low_watermark(-1).with_error_code(error.code()),
                }
            });
            DeleteRecordsTopicResult::default().with_partitions(partitions.collect()).with_name(topic.name)
        });
        DeleteRecordsResponse::default().with_topics(topics.collect())
    })
    .await
}

fn delete(broker: &BrokerState, topic: &str, partition: i32, offset: i64) -> Result<i64, ResponseError> {
    let topic = broker.topics.by_name(topic).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let partition = topic.partition(partition).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let range = partition.log.range();
    let offset = match offset {
        TO_HIGH_WATERMARK => range.end,
        offset if offset < 0 || offset > range.end => return Err(ResponseError::OffsetOutOfRange),
        offset => offset,
    };
    partition.log.delete_before(offset).map_err(|error| {
        tracing::error!(topic = %partition.topic.name, partition = partition.index, %error, "cannot delete records");
        ResponseError::KafkaStorageError
    })
}
