//! OffsetFetch (9): what groups committed. v8 and later ask for several groups at once.

use kafka_protocol::{
    messages::{
        OffsetFetchRequest, OffsetFetchResponse,
        offset_fetch_response::{
            OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
            OffsetFetchResponseTopic, OffsetFetchResponseTopics,
        },
    },
    protocol::StrBytes,
};

use super::text;
use crate::server::kafka::state::{ClientInfo, groups::GroupCoordinator};

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
    if version >= GROUPS_VERSION {
        let answered = request.groups.into_iter().map(|group| {
            let asked =
                group.topics.map(|topics| topics.into_iter().map(|t| (t.name.0, t.partition_indexes)).collect());
            let topics = find(groups, &group.group_id, asked).into_iter().map(new_topic).collect();
            OffsetFetchResponseGroup::default().with_group_id(group.group_id).with_topics(topics)
        });
        return OffsetFetchResponse::default().with_groups(answered.collect());
    }
    let asked = request.topics.map(|topics| topics.into_iter().map(|t| (t.name.0, t.partition_indexes)).collect());
    let topics = find(groups, &request.group_id, asked).into_iter().map(old_topic).collect();
    OffsetFetchResponse::default().with_topics(topics)
}

/// An unknown group or partition is no error: its offset is -1.
fn find(groups: &GroupCoordinator, group_id: &str, asked: Asked) -> Found {
    let Some(asked) = asked else { return find_all(groups, group_id) };
    asked
        .into_iter()
        .map(|(topic, partitions)| {
            let found = partitions
                .into_iter()
                .map(|partition| match groups.committed(group_id, &topic, partition) {
                    Some(committed) => FoundOffset {
                        partition,
                        offset: committed.offset,
                        leader_epoch: committed.leader_epoch,
                        metadata: committed.metadata,
                    },
                    None => FoundOffset { partition, offset: -1, leader_epoch: -1, metadata: String::new() },
                })
                .collect();
            (topic, found)
        })
        .collect()
}

fn find_all(groups: &GroupCoordinator, group_id: &str) -> Found {
    groups
        .all_committed(group_id)
        .into_iter()
        .map(|(topic, partitions)| {
            let found = partitions
                .into_iter()
                .map(|(partition, committed)| FoundOffset {
                    partition,
                    offset: committed.offset,
                    leader_epoch: committed.leader_epoch,
                    metadata: committed.metadata,
                })
                .collect();
            (text(topic), found)
        })
        .collect()
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
