//! OffsetFetch (9): what groups committed. v8 and later ask for several groups at once.

use kafka_protocol::{
    ResponseError,
    messages::{
        OffsetFetchRequest, OffsetFetchResponse,
        offset_fetch_response::{
            OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
            OffsetFetchResponseTopic, OffsetFetchResponseTopics,
        },
    },
    protocol::StrBytes,
};

use super::group_limits::{AnswerBudget, text};
use crate::server::kafka::state::{
    ClientInfo,
    groups::{CommittedOffset, GroupCoordinator},
};

const GROUPS_VERSION: i16 = 8;

/// Asked and answered topics, whatever the version calls them.
type Asked = Option<Vec<(StrBytes, Vec<i32>)>>;
type Found = Vec<(StrBytes, Vec<FoundOffset>)>;

struct FoundOffset {
    partition: i32,
    offset: i64,
    leader_epoch: i32,
    metadata: String,
}

/// `require_stable` waits for transactions that commit offsets: there are none yet.
pub(crate) async fn handle(
    groups: &GroupCoordinator,
    _client: &ClientInfo,
    version: i16,
    request: OffsetFetchRequest,
) -> OffsetFetchResponse {
    let mut budget = AnswerBudget::new();
    let too_large = ResponseError::InvalidRequest.code();
    if version >= GROUPS_VERSION {
        let answered = request.groups.into_iter().map(|group| {
            let asked =
                group.topics.map(|topics| topics.into_iter().map(|t| (t.name.0, t.partition_indexes)).collect());
            let found = find(groups, &group.group_id, asked, &mut budget);
            let answer = OffsetFetchResponseGroup::default().with_group_id(group.group_id);
            match found {
                Some(found) => answer.with_topics(found.into_iter().map(new_topic).collect()),
                None => answer.with_error_code(too_large),
            }
        });
        return OffsetFetchResponse::default().with_groups(answered.collect());
    }
    let asked = request.topics.map(|topics| topics.into_iter().map(|t| (t.name.0, t.partition_indexes)).collect());
    match find(groups, &request.group_id, asked, &mut budget) {
        Some(found) => OffsetFetchResponse::default().with_topics(found.into_iter().map(old_topic).collect()),
        None => OffsetFetchResponse::default().with_error_code(too_large),
    }
}

/// An unknown group or partition is no error: its offset is -1. None if it all does not fit one answer.
fn find(groups: &GroupCoordinator, group_id: &str, asked: Asked, budget: &mut AnswerBudget) -> Option<Found> {
    let Some(asked) = asked else { return find_all(groups, group_id, budget) };
    let mut found = Vec::new();
    for (topic, partitions) in asked {
        let mut of_topic = Vec::new();
        for partition in partitions {
            let offset = match groups.committed(group_id, &topic, partition) {
                Some(committed) => FoundOffset::new(partition, committed),
                None => FoundOffset { partition, offset: -1, leader_epoch: -1, metadata: String::new() },
            };
            if !budget.take(offset.metadata.len()) {
                return None;
            }
            of_topic.push(offset);
        }
        found.push((topic, of_topic));
    }
    Some(found)
}

fn find_all(groups: &GroupCoordinator, group_id: &str, budget: &mut AnswerBudget) -> Option<Found> {
    let mut found = Vec::new();
    for (topic, partitions) in groups.all_committed(group_id) {
        if !partitions.values().all(|committed| budget.take(committed.metadata.len())) {
            return None;
        }
        let of_topic = partitions.into_iter().map(|(partition, committed)| FoundOffset::new(partition, committed));
        found.push((text(topic), of_topic.collect()));
    }
    Some(found)
}

impl FoundOffset {
    fn new(partition: i32, committed: CommittedOffset) -> FoundOffset {
        let CommittedOffset { offset, leader_epoch, metadata, .. } = committed;
        FoundOffset { partition, offset, leader_epoch, metadata }
    }
}

fn old_topic((name, found): (StrBytes, Vec<FoundOffset>)) -> OffsetFetchResponseTopic {
    let partitions = found.into_iter().map(|found| {
        OffsetFetchResponsePartition::default()
            .with_partition_index(found.partition)
            .with_committed_offset(found.offset)
            .with_committed_leader_epoch(found.leader_epoch)
            .with_metadata(Some(text(found.metadata)))
    });
    OffsetFetchResponseTopic::default().with_name(name.into()).with_partitions(partitions.collect())
}

fn new_topic((name, found): (StrBytes, Vec<FoundOffset>)) -> OffsetFetchResponseTopics {
    let partitions = found.into_iter().map(|found| {
        OffsetFetchResponsePartitions::default()
            .with_partition_index(found.partition)
            .with_committed_offset(found.offset)
            .with_committed_leader_epoch(found.leader_epoch)
            .with_metadata(Some(text(found.metadata)))
    });
    OffsetFetchResponseTopics::default().with_name(name.into()).with_partitions(partitions.collect())
}
