//! OffsetForLeaderEpoch (23): there was only ever one epoch, and it ends at the high watermark.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

use super::check_leader_epoch;
use crate::server::kafka::state::broker::BrokerState;
use crate::server::kafka::state::partition::LEADER_EPOCH;

pub(crate) fn handle(broker: &BrokerState, request: OffsetForLeaderEpochRequest) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let answer = EpochEndOffset::default().with_partition(asked.partition);
            match end_offset(broker, &topic.topic, asked) {
                Ok(Some(end)) => answer.with_leader_epoch(LEADER_EPOCH).with_end_offset(end),
                Ok(None) => answer.with_leader_epoch(-1).with_end_offset(-1),
                Err(error) => answer.with_error_code(error.code()).with_leader_epoch(-1).with_end_offset(-1),
            }
        });
        OffsetForLeaderTopicResult::default().with_partitions(partitions.collect()).with_topic(topic.topic)
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}

fn end_offset(
    broker: &BrokerState,
    topic: &str,
    asked: &OffsetForLeaderPartition,
) -> Result<Option<i64>, ResponseError> {
    let topic = broker.topics.by_name(topic).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let partition = topic.partition(asked.partition).ok_or(ResponseError::UnknownTopicOrPartition)?;
    check_leader_epoch(asked.current_leader_epoch)?;
    Ok((asked.leader_epoch == LEADER_EPOCH).then(|| partition.log.range().end))
}
