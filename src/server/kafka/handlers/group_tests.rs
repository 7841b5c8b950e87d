//! The group APIs at every served version: each answer encodes, and has the shape and the codes of that version.

use std::{fmt::Debug, sync::LazyLock};

use bytes::{Bytes, BytesMut};
use kafka_protocol::{
    messages::{
        DeleteGroupsRequest, DescribeGroupsRequest, FindCoordinatorRequest, GroupId, HeartbeatRequest,
        JoinGroupRequest, LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest, OffsetDeleteRequest,
        OffsetFetchRequest, SyncGroupRequest, TopicName,
        join_group_request::JoinGroupRequestProtocol,
        leave_group_request::MemberIdentity,
        offset_commit_request::{OffsetCommitRequestPartition, OffsetCommitRequestTopic},
        offset_delete_request::{OffsetDeleteRequestPartition, OffsetDeleteRequestTopic},
        offset_fetch_request::{OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics},
        sync_group_request::SyncGroupRequestAssignment,
    },
    protocol::{Decodable, Encodable, StrBytes},
};

use super::*;
use crate::server::kafka::state::{
    ClientInfo, TopicLookup,
    groups::{GroupConfig, GroupCoordinator},
};

/// Topic `t` with partitions 0 and 1.
struct OneTopic;

impl TopicLookup for OneTopic {
    fn has_partition(&self, topic: &str, partition: i32) -> bool {
        topic == "t" && (0..2).contains(&partition)
    }
}

fn coordinator() -> (tempfile::TempDir, GroupCoordinator) {
    let dir = tempfile::tempdir().unwrap();
    let groups = GroupCoordinator::open(dir.path(), GroupConfig::default(), false).unwrap();
    (dir, groups)
}

fn client() -> &'static ClientInfo {
    static CLIENT: LazyLock<ClientInfo> =
        LazyLock::new(|| ClientInfo { client_id: "test".to_owned(), client_host: "/127.0.0.1".to_owned() });
    &CLIENT
}

fn string(text: &str) -> StrBytes {
    StrBytes::from_string(text.to_owned())
}

fn group(id: &str) -> GroupId {
    GroupId(string(id))
}

/// The answer as a client of that version sees it.
async fn seen<R: Encodable + Decodable + Debug>(version: i16, answer: impl Future<Output = R>) -> R {
    let answer = answer.await;
    let mut bytes = BytesMut::new();
    if let Err(error) = answer.encode(&mut bytes, version) {
        panic!("version {version}: {error}: {answer:?}");
    }
    let mut bytes = bytes.freeze();
    let decoded = R::decode(&mut bytes, version).unwrap();
    assert!(bytes.is_empty());
    decoded
}

fn join_request(group_id: &str, member_id: &str) -> JoinGroupRequest {
    JoinGroupRequest::default()
        .with_group_id(group(group_id))
        .with_session_timeout_ms(10_000)
        .with_rebalance_timeout_ms(30_000)
        .with_member_id(string(member_id))
        .with_protocol_type(string("consumer"))
        .with_protocols(vec![
            JoinGroupRequestProtocol::default().with_name(string("range")).with_metadata(subscription("t")),
        ])
}

fn subscription(topic: &str) -> Bytes {
    let mut bytes = vec![0, 1, 0, 0, 0, 1, 0, u8::try_from(topic.len()).unwrap()];
    bytes.extend(topic.as_bytes());
    bytes.extend([0xff; 4]);
    Bytes::from(bytes)
}

/// A stable group of one at that version of JoinGroup; its member's id.
async fn stable(groups: &GroupCoordinator, group_id: &str, version: i16) -> String {
    let mut joined = seen(version, join_group::handle(groups, client(), version, join_request(group_id, ""))).await;
    if version >= 4 {
        assert_eq!(joined.error_code, 79);
        let again = join_request(group_id, &joined.member_id);
        joined = seen(version, join_group::handle(groups, client(), version, again)).await;
    }
    assert_eq!((joined.error_code, joined.generation_id, joined.members.len()), (0, 1, 1));
    let member_id = joined.member_id.to_string();
    let version = version.min(5);
    let synced = seen(version, sync_group::handle(groups, client(), version, sync_request(group_id, &member_id))).await;
    assert_eq!((synced.error_code, &synced.assignment[..]), (0, &b"all"[..]));
    member_id
}

fn sync_request(group_id: &str, member_id: &str) -> SyncGroupRequest {
    SyncGroupRequest::default()
        .with_group_id(group(group_id))
        .with_generation_id(1)
        .with_member_id(string(member_id))
        .with_protocol_type(Some(string("consumer")))
        .with_protocol_name(Some(string("range")))
        .with_assignments(vec![
            SyncGroupRequestAssignment::default()
                .with_member_id(string(member_id))
                .with_assignment(Bytes::from_static(b"all")),
        ])
}

fn commit_request(
    group_id: &str,
    member_id: &str,
    generation: i32,
    notes: &[(&str, i32, String)],
) -> OffsetCommitRequest {
    let topics = notes.iter().map(|(topic, partition, note)| {
        OffsetCommitRequestTopic::default().with_name(TopicName(string(topic))).with_partitions(vec![
            OffsetCommitRequestPartition::default()
                .with_partition_index(*partition)
                .with_committed_offset(42)
                .with_committed_leader_epoch(3)
                .with_committed_metadata(Some(string(note))),
        ])
    });
    OffsetCommitRequest::default()
        .with_group_id(group(group_id))
        .with_generation_id_or_member_epoch(generation)
        .with_member_id(string(member_id))
        .with_topics(topics.collect())
}

#[tokio::test]
async fn find_coordinator_names_this_node_at_every_version() {
    let (_dir, groups) = coordinator();
    let node = find_coordinator::AdvertisedNode { id: 1, host: "127.0.0.1".into(), port: 9092 };
    for version in 0..=6 {
        for key_type in [0, 1, 2, 9_i8] {
            let request = FindCoordinatorRequest::default().with_key_type(key_type);
            let request = if version < 4 {
                request.with_key(string("g"))
            } else {
                request.with_coordinator_keys(vec![string("g"), string("h")])
            };
            let answer = find_coordinator::handle(&groups, client(), &node, version, request);
            let answer = seen(version, answer).await;
            let code = if key_type < 2 { 0 } else { 42 };
            if version < 4 {
                assert_eq!(answer.error_code, code);
                assert_eq!((answer.node_id.0, answer.port), if code == 0 { (1, 9092) } else { (-1, -1) });
            } else {
                assert_eq!(answer.coordinators.len(), 2);
                let last = &answer.coordinators[1];
                assert_eq!((last.key.as_str(), last.error_code), ("h", code));
                assert_eq!((last.node_id.0, last.port), if code == 0 { (1, 9092) } else { (-1, -1) });
            }
        }
    }
}

#[tokio::test]
async fn a_member_joins_syncs_beats_and_leaves_at_every_version() {
    for version in 0..=9 {
        let (_dir, groups) = coordinator();
        let member = stable(&groups, "g", version).await;
        let beat = HeartbeatRequest::default().with_group_id(group("g")).with_generation_id(1);
        let beat = beat.with_member_id(string(&member));
        let at = version.min(4);
        assert_eq!(seen(at, heartbeat::handle(&groups, client(), at, beat.clone())).await.error_code, 0);
        let other = beat.with_generation_id(2);
        assert_eq!(seen(at, heartbeat::handle(&groups, client(), at, other)).await.error_code, 22);

        let at = version.min(5);
        let leave = LeaveGroupRequest::default().with_group_id(group("g"));
        let identity = |id: &str| MemberIdentity::default().with_member_id(string(id)).with_group_instance_id(None);
        let request = if at < 3 {
            leave.clone().with_member_id(string("made-up"))
        } else {
            leave.clone().with_members(vec![identity("made-up"), identity(&member)])
        };
        let answer = seen(at, leave_group::handle(&groups, client(), at, request)).await;
        if at < 3 {
            assert_eq!(answer.error_code, 25);
        } else {
            assert_eq!(answer.error_code, 0);
            let codes: Vec<_> = answer.members.iter().map(|member| member.error_code).collect();
            assert_eq!(codes, [25, 0]);
        }
    }
}

#[tokio::test]
async fn refused_joins_and_syncs_encode_at_every_version() {
    let (_dir, groups) = coordinator();
    for version in 0..=9 {
        let answer = join_group::handle(&groups, client(), version, join_request("", ""));
        let answer = seen(version, answer).await;
        assert_eq!((answer.error_code, answer.generation_id), (24, -1));
        assert_eq!(answer.protocol_name, (version < 7).then(StrBytes::default));
    }
    for version in 0..=5 {
        let answer = sync_group::handle(&groups, client(), version, sync_request("absent", "m"));
        assert_eq!(seen(version, answer).await.error_code, 25);
        let unnamed = sync_request("absent", "m").with_protocol_name(None);
        let answer = seen(version, sync_group::handle(&groups, client(), version, unnamed)).await;
        assert_eq!(answer.error_code, if version == 5 { 23 } else { 25 });
    }
    for version in 0..=5 {
        let request = LeaveGroupRequest::default();
        assert_eq!(seen(version, leave_group::handle(&groups, client(), version, request)).await.error_code, 24);
    }
}

#[tokio::test]
async fn commits_have_their_codes_at_every_version() {
    let (_dir, groups) = coordinator();
    let member = stable(&groups, "g", 9).await;
    let check = async |version: i16, request: OffsetCommitRequest, expected: &[i16]| {
        let answer = offset_commit::handle(&groups, client(), &OneTopic, version, request);
        let answer = seen(version, answer).await;
        let codes: Vec<_> = answer.topics.iter().map(|topic| topic.partitions[0].error_code).collect();
        assert_eq!(codes, expected, "version {version}");
    };
    let long = || "x".repeat(4097);
    let longest = || "ä".repeat(4096);
    for version in 2..=9 {
        let mixed = [("t", 0, String::new()), ("t", 2, String::new()), ("t", 1, long()), ("none", 0, String::new())];
        check(version, commit_request("g", &member, 1, &mixed), &[0, 3, 12, 3]).await;
        check(version, commit_request("g", &member, 7, &mixed), &[22, 3, 22, 3]).await;
        check(version, commit_request("g", &member, 1, &[("t", 0, longest())]), &[0]).await;
        check(version, commit_request("g", "", -1, &[("t", 0, String::new())]), &[25]).await;
        check(version, commit_request("absent", "m", 1, &[("none", 0, String::new())]), &[3]).await;
        let absent = if version == 9 { 69 } else { 22 };
        check(version, commit_request("absent", "m", 1, &[("t", 0, String::new())]), &[absent]).await;
        check(version, commit_request("", "", -1, &[("t", 0, String::new())]), &[0]).await;
        check(version, commit_request("g", &member, 1, &[]), &[]).await;
    }
}

#[tokio::test]
async fn committed_offsets_are_fetched_at_every_version() {
    let (_dir, groups) = coordinator();
    let request = commit_request("g", "", -1, &[("t", 0, "note".to_owned())]);
    offset_commit::handle(&groups, client(), &OneTopic, 9, request).await;
    for version in 1..=7 {
        let asked =
            OffsetFetchRequestTopic::default().with_name(TopicName(string("t"))).with_partition_indexes(vec![0, 1]);
        let request = OffsetFetchRequest::default().with_group_id(group("g")).with_require_stable(true);
        let request = request.with_topics(Some(vec![asked]));
        let answer = seen(version, offset_fetch::handle(&groups, client(), version, request.clone())).await;
        let epoch = if version >= 5 { 3 } else { -1 };
        let found: Vec<_> = answer.topics[0].partitions.iter().collect();
        assert_eq!((found[0].committed_offset, found[0].committed_leader_epoch), (42, epoch));
        assert_eq!(found[0].metadata.as_deref(), Some("note"));
        assert_eq!((found[1].committed_offset, found[1].metadata.as_deref()), (-1, Some("")));
        let all = seen(version, offset_fetch::handle(&groups, client(), version, request.with_topics(None))).await;
        assert_eq!((all.topics.len(), all.topics[0].partitions.len(), all.error_code), (1, 1, 0));
    }
    for version in 8..=9 {
        let asked =
            OffsetFetchRequestTopics::default().with_name(TopicName(string("t"))).with_partition_indexes(vec![0, 1]);
        let named = |id: &str| OffsetFetchRequestGroup::default().with_group_id(group(id)).with_member_id(None);
        let request = OffsetFetchRequest::default().with_require_stable(true).with_groups(vec![
            named("g").with_topics(Some(vec![asked.clone()])),
            named("g").with_topics(None),
            named("absent").with_topics(Some(vec![asked])),
        ]);
        let answer = seen(version, offset_fetch::handle(&groups, client(), version, request)).await;
        let offsets: Vec<Vec<_>> = answer
            .groups
            .iter()
            .map(|group| group.topics[0].partitions.iter().map(|found| found.committed_offset).collect())
            .collect();
        assert_eq!(offsets, [vec![42, -1], vec![42], vec![-1, -1]]);
        assert!(answer.groups.iter().all(|group| group.error_code == 0));
    }
}

#[tokio::test]
async fn groups_are_described_at_every_version() {
    let (_dir, groups) = coordinator();
    let member = stable(&groups, "g", 9).await;
    for version in 0..=6 {
        for asked in [false, true] {
            let request = DescribeGroupsRequest::default()
                .with_groups(vec![group("g"), group("absent")])
                .with_include_authorized_operations(asked && version >= 3);
            let answer = seen(version, describe_groups::handle(&groups, client(), version, request)).await;
            let (found, absent) = (&answer.groups[0], &answer.groups[1]);
            assert_eq!(
                (found.error_code, found.group_state.as_str(), found.protocol_data.as_str()),
                (0, "Stable", "range")
            );
            assert_eq!(found.members[0].member_id.as_str(), member);
            assert_eq!(&found.members[0].member_assignment[..], b"all");
            let operations = if asked && version >= 3 { 0xd48 } else { i32::MIN };
            assert_eq!(found.authorized_operations, operations);
            assert_eq!(absent.group_state.as_str(), "Dead");
            if version == 6 {
                assert_eq!(absent.error_code, 69);
                assert_eq!(absent.error_message.as_deref(), Some("Group absent not found."));
            } else {
                assert_eq!((absent.error_code, absent.authorized_operations), (0, operations));
            }
        }
    }
}

#[tokio::test]
async fn groups_are_listed_by_state_and_type_at_every_version() {
    let (_dir, groups) = coordinator();
    stable(&groups, "busy", 9).await;
    let request = commit_request("simple", "", -1, &[("t", 0, String::new())]);
    offset_commit::handle(&groups, client(), &OneTopic, 9, request).await;
    let list = async |version: i16, states: &[&str], types: &[&str]| {
        let request = ListGroupsRequest::default()
            .with_states_filter(states.iter().map(|state| string(state)).collect())
            .with_types_filter(types.iter().map(|kind| string(kind)).collect());
        let answer = seen(version, list_groups::handle(&groups, client(), version, request)).await;
        answer.groups.into_iter().map(|group| (group.group_id.to_string(), group)).collect::<Vec<_>>()
    };
    for version in 0..=5 {
        let all = list(version, &[], &[]).await;
        assert_eq!(all.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["busy", "simple"]);
        assert_eq!(all[0].1.protocol_type.as_str(), "consumer");
        assert_eq!(all[0].1.group_state.as_str(), if version >= 4 { "Stable" } else { "" });
        assert_eq!(all[0].1.group_type.as_str(), if version >= 5 { "classic" } else { "" });
    }
    assert_eq!(list(4, &["stable"], &[]).await.len(), 1);
    assert_eq!(list(5, &["Empty", "Dead"], &["Classic"]).await[0].0, "simple");
    assert_eq!(list(5, &[], &["consumer"]).await.len(), 0);
}

#[tokio::test]
async fn groups_and_offsets_are_deleted_unless_in_use() {
    for version in 0..=2 {
        let (_dir, groups) = coordinator();
        stable(&groups, "busy", 9).await;
        let request = commit_request("simple", "", -1, &[("t", 0, String::new()), ("t", 1, String::new())]);
        offset_commit::handle(&groups, client(), &OneTopic, 9, request).await;

        let delete = |id: &str, topic: &str| {
            let partitions = vec![OffsetDeleteRequestPartition::default().with_partition_index(0)];
            let topic =
                OffsetDeleteRequestTopic::default().with_name(TopicName(string(topic))).with_partitions(partitions);
            let request = OffsetDeleteRequest::default().with_group_id(group(id)).with_topics(vec![topic]);
            seen(0, offset_delete::handle(&groups, client(), &OneTopic, 0, request))
        };
        assert_eq!(delete("absent", "t").await.error_code, 69);
        assert_eq!(delete("busy", "t").await.topics[0].partitions[0].error_code, 86);
        assert_eq!(delete("simple", "none").await.topics[0].partitions[0].error_code, 3);
        assert_eq!(delete("simple", "t").await.topics[0].partitions[0].error_code, 0);
        assert_eq!(groups.all_committed("simple")["t"].keys().copied().collect::<Vec<_>>(), [1]);

        let names = ["absent", "busy", "simple"].map(group).to_vec();
        let request = DeleteGroupsRequest::default().with_groups_names(names);
        let answer = seen(version, delete_groups::handle(&groups, client(), version, request)).await;
        let codes: Vec<_> = answer.results.iter().map(|result| result.error_code).collect();
        assert_eq!(codes, [69, 68, 0]);
        assert!(groups.all_committed("simple").is_empty());
    }
}
