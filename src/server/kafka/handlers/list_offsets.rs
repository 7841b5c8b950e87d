//! ListOffsets (2): both ends of a log, and the first record from a point in time on.

use std::sync::Arc;

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsRequest};
use kafka_protocol::messages::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsResponse, ListOffsetsTopicResponse,
};

use super::{blocking, check_leader_epoch};
use crate::server::kafka::state::broker::BrokerState;
use crate::server::kafka::state::partition::{LEADER_EPOCH, Partition};
use crate::server::kafka::storage::StorageError;

/// First version that answers with the leader epoch.
const LEADER_EPOCH_SINCE: i16 = 4;

/// What a timestamp asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Latest,
    Earliest,
    MaxTimestamp,
    LatestTiered,
    FromTime(i64),
}

/// An offset and its timestamp; -1 each where there is none.
type Found = (i64, i64);
const NOTHING: Found = (-1, -1);

pub(crate) async fn handle(
    broker: &Arc<BrokerState>,
    version: i16,
    request: ListOffsetsRequest,
) -> ListOffsetsResponse {
    let broker = Arc::clone(broker);
    blocking(move || {
        let topics = request.topics.into_iter().map(|topic| {
            let partitions = topic.partitions.iter().map(|asked| {
                let found = find(&broker, version, &topic.name, asked);
                response(version, asked.partition_index, found)
            });
            ListOffsetsTopicResponse::default().with_partitions(partitions.collect()).with_name(topic.name)
        });
        ListOffsetsResponse::default().with_topics(topics.collect())
    })
    .await
}

fn response(version: i16, index: i32, found: Result<Found, ResponseError>) -> ListOffsetsPartitionResponse {
    let response = ListOffsetsPartitionResponse::default().with_partition_index(index);
    match found {
        Ok((offset, timestamp)) => {
            let epoch = if version >= LEADER_EPOCH_SINCE && offset >= 0 { LEADER_EPOCH } else { -1 };
            response.with_offset(offset).with_timestamp(timestamp).with_leader_epoch(epoch)
        }
        Err(error) => response.with_error_code(error.code()).with_offset(-1).with_timestamp(-1),
    }
}

fn find(broker: &BrokerState, version: i16, topic: &str, asked: &ListOffsetsPartition) -> Result<Found, ResponseError> {
    let wanted = wanted(version, asked.timestamp).ok_or(ResponseError::UnsupportedVersion)?;
    let topic = broker.topics.by_name(topic).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let partition = topic.partition(asked.partition_index).ok_or(ResponseError::UnknownTopicOrPartition)?;
    check_leader_epoch(asked.current_leader_epoch)?;
    look(&partition, wanted).map_err(|error| {
        tracing::error!(topic = %partition.topic.name, partition = partition.index, %error, "cannot search a log");
        ResponseError::KafkaStorageError
    })
}

fn wanted(version: i16, timestamp: i64) -> Option<Wanted> {
    match timestamp {
        -1 => Some(Wanted::Latest),
        -2 => Some(Wanted::Earliest),
        -3 if version >= 7 => Some(Wanted::MaxTimestamp),
        -4 if version >= 8 => Some(Wanted::Earliest),
        -5 if version >= 9 => Some(Wanted::LatestTiered),
        time if time >= 0 => Some(Wanted::FromTime(time)),
        _ => None,
    }
}

fn look(partition: &Partition, wanted: Wanted) -> Result<Found, StorageError> {
    let range = partition.log.range();
    let record = match wanted {
        Wanted::Latest => return Ok((range.end, -1)),
        Wanted::Earliest => return Ok((range.start, -1)),
        Wanted::LatestTiered => return Ok(NOTHING),
        Wanted::MaxTimestamp => partition.log.find_max_timestamp()?,
        Wanted::FromTime(time) => partition.log.find_timestamp(time)?,
    };
    Ok(record.map_or(NOTHING, |record| (record.offset, record.timestamp)))
}
