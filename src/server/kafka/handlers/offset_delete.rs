//! OffsetDelete (47): single offsets of a group, unless a member reads the topic.

use kafka_protocol::{
    ResponseError,
    messages::{
        OffsetDeleteRequest, OffsetDeleteResponse,
        offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic},
    },
};

use super::group_limits::PARTITIONS_MAX;
use crate::server::kafka::state::{
    ClientInfo, TopicLookup,
    groups::{GroupCoordinator, GroupError},
};

pub(crate) async fn handle(
    groups: &GroupCoordinator,
    _client: &ClientInfo,
    topics: &dyn TopicLookup,
    _version: i16,
    request: OffsetDeleteRequest,
) -> OffsetDeleteResponse {
    if request.topics.iter().map(|topic| topic.partitions.len()).sum::<usize>() > PARTITIONS_MAX {
        return OffsetDeleteResponse::default().with_error_code(ResponseError::InvalidRequest.code());
    }
    let in_use = match groups.check_offset_delete(&request.group_id) {
        Ok(in_use) => in_use,
        Err(error) => return OffsetDeleteResponse::default().with_error_code(error.code()),
    };
    let mut deletable = Vec::new();
    let answered: Vec<_> = request
        .topics
        .into_iter()
        .map(|topic| {
            let subscribed = in_use.as_ref().is_some_and(|topics| topics.contains(topic.name.as_str()));
            let partitions = topic.partitions.into_iter().map(|partition| {
                let index = partition.partition_index;
                let code = if !topics.has_partition(&topic.name, index) {
                    ResponseError::UnknownTopicOrPartition.code()
                } else if subscribed {
                    GroupError::SubscribedToTopic.code()
                } else {
                    deletable.push((topic.name.to_string(), index));
                    0
                };
                OffsetDeleteResponsePartition::default().with_partition_index(index).with_error_code(code)
            });
            let partitions = partitions.collect();
            OffsetDeleteResponseTopic::default().with_name(topic.name).with_partitions(partitions)
        })
        .collect();
    match groups.delete_offsets(&request.group_id, deletable).await {
        Ok(()) => OffsetDeleteResponse::default().with_topics(answered),
        Err(error) => OffsetDeleteResponse::default().with_error_code(error.code()),
    }
}
