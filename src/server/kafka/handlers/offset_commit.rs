//! OffsetCommit (8): answered when the offsets are durable.

use std::collections::HashMap;

use kafka_protocol::{
    ResponseError,
    messages::{
        OffsetCommitRequest, OffsetCommitResponse,
        offset_commit_request::OffsetCommitRequestPartition,
        offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic},
    },
};

use super::group_limits::PARTITIONS_MAX;
use crate::server::kafka::state::{
    ClientInfo, TopicLookup,
    groups::{Commit, GroupCoordinator, OffsetToCommit},
};

/// v9: an absent group has its own code.
const GROUP_NOT_FOUND_VERSION: i16 = 9;

pub(crate) async fn handle(
    groups: &GroupCoordinator,
    _client: &ClientInfo,
    topics: &dyn TopicLookup,
    version: i16,
    request: OffsetCommitRequest,
) -> OffsetCommitResponse {
    let metadata_max = groups.offset_metadata_max();
    let over = request.topics.iter().map(|topic| topic.partitions.len()).sum::<usize>() > PARTITIONS_MAX;
    let mut offsets = Vec::new();
    let mut refusals = HashMap::new();
    for topic in &request.topics {
        for partition in &topic.partitions {
            let checked = if over {
                Err(ResponseError::InvalidRequest)
            } else {
                check(topics, &topic.name, partition, metadata_max)
            };
            match checked {
                Ok(offset) => offsets.push(offset),
                Err(error) => drop(refusals.insert((topic.name.clone(), partition.partition_index), error.code())),
            }
        }
    }
    // With no partition of ours in it, the group is not asked: so the real broker.
    let result = if offsets.is_empty() && !refusals.values().any(|code| is_asked(*code)) {
        Ok(())
    } else {
        let commit = Commit {
            member_id: request.member_id.to_string(),
            instance_id: request.group_instance_id.as_ref().map(|id| id.to_string()),
            generation: request.generation_id_or_member_epoch,
            knows_group_not_found: version >= GROUP_NOT_FOUND_VERSION,
            offsets,
        };
        groups.commit(&request.group_id, commit).await
    };
    let group_code = result.map_or_else(|error| error.code(), |()| 0);
    let answered = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|partition| {
            let refused = refusals.get(&(topic.name.clone(), partition.partition_index)).copied();
            // The group's refusal comes before that of a note, but not before that of an unknown partition.
            let code = refused.filter(|code| group_code == 0 || !is_asked(*code)).unwrap_or(group_code);
            OffsetCommitResponsePartition::default()
                .with_partition_index(partition.partition_index)
                .with_error_code(code)
        });
        let partitions = partitions.collect();
        OffsetCommitResponseTopic::default().with_name(topic.name).with_partitions(partitions)
    });
    OffsetCommitResponse::default().with_topics(answered.collect())
}

/// True for refusals that the coordinator itself makes, after it has looked at the group.
fn is_asked(code: i16) -> bool {
    code == ResponseError::OffsetMetadataTooLarge.code()
}

fn check(
    topics: &dyn TopicLookup,
    topic: &str,
    partition: &OffsetCommitRequestPartition,
    metadata_max: usize,
) -> Result<OffsetToCommit, ResponseError> {
    if !topics.has_partition(topic, partition.partition_index) {
        return Err(ResponseError::UnknownTopicOrPartition);
    }
    let metadata = partition.committed_metadata.as_deref().unwrap_or_default();
    if metadata.encode_utf16().nth(metadata_max).is_some() {
        return Err(ResponseError::OffsetMetadataTooLarge);
    }
    Ok(OffsetToCommit {
        topic: topic.to_owned(),
        partition: partition.partition_index,
        offset: partition.committed_offset,
        leader_epoch: partition.committed_leader_epoch,
        metadata: metadata.to_owned(),
    })
}
