//! The rules of the classic group protocol, one claim a test, and random interleavings.

mod interleavings;
mod rules;

use std::{path::Path, time::Duration};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::{
    Commit, GroupConfig, GroupCoordinator, GroupError, JoinAnswer, JoinRequest, Leaver, OffsetToCommit, SyncRequest,
};

fn open(dir: &Path) -> GroupCoordinator {
    open_with(dir, GroupConfig::default())
}

fn open_with(dir: &Path, config: GroupConfig) -> GroupCoordinator {
    GroupCoordinator::open(dir, config, false).unwrap()
}

/// A v9 join of a member `client` that supports `range`, before it has an id.
fn joining(client: &str) -> JoinRequest {
    JoinRequest {
        member_id: String::new(),
        instance_id: None,
        client_id: client.to_owned(),
        client_host: "/127.0.0.1".to_owned(),
        session_timeout: Duration::from_secs(10),
        rebalance_timeout: Duration::from_secs(30),
        protocol_type: "consumer".to_owned(),
        protocols: vec![("range".to_owned(), Bytes::from_static(b"topics"))],
        asks_known_id: true,
        can_skip_assignment: true,
    }
}

fn as_member(member_id: &str, request: JoinRequest) -> JoinRequest {
    JoinRequest { member_id: member_id.to_owned(), ..request }
}

fn as_static(instance_id: &str, request: JoinRequest) -> JoinRequest {
    JoinRequest { instance_id: Some(instance_id.to_owned()), ..request }
}

fn syncing(member_id: &str, generation: i32, assignments: &[(&str, &'static str)]) -> SyncRequest {
    SyncRequest {
        member_id: member_id.to_owned(),
        instance_id: None,
        generation,
        protocol_type: Some("consumer".to_owned()),
        protocol: Some("range".to_owned()),
        assignments: assignments
            .iter()
            .map(|(id, bytes)| ((*id).to_owned(), Bytes::from_static(bytes.as_bytes())))
            .collect(),
    }
}

fn leaving(member_id: &str) -> Leaver {
    Leaver { member_id: member_id.to_owned(), instance_id: None }
}

fn committing(member_id: &str, generation: i32, offset: i64) -> Commit {
    Commit {
        member_id: member_id.to_owned(),
        instance_id: None,
        generation,
        knows_group_not_found: true,
        offsets: vec![OffsetToCommit { topic: "t".to_owned(), partition: 0, offset, ..OffsetToCommit::default() }],
    }
}

/// Asks for an id, then joins with it, as a v4+ client does.
async fn join(groups: &GroupCoordinator, group: &str, client: &str) -> JoinAnswer {
    let given = groups.join(group, joining(client)).await;
    assert_eq!(given.error, Some(GroupError::MemberIdRequired));
    groups.join(group, as_member(&given.member_id, joining(client))).await
}

fn spawn_join(groups: &GroupCoordinator, group: &str, request: JoinRequest) -> JoinHandle<JoinAnswer> {
    let (groups, group) = (groups.clone(), group.to_owned());
    tokio::spawn(async move { groups.join(&group, request).await })
}

/// A stable group of one: its member's id, in generation 1.
async fn stable_one(groups: &GroupCoordinator, group: &str) -> String {
    let joined = join(groups, group, "a").await;
    assert_eq!((joined.error, joined.generation), (None, 1));
    groups.sync(group, syncing(&joined.member_id, 1, &[(&joined.member_id, "all")])).await.unwrap();
    joined.member_id
}

/// A stable group of a leader and a follower, in generation 2.
async fn stable_two(groups: &GroupCoordinator, group: &str) -> (String, String) {
    let leader = stable_one(groups, group).await;
    let given = groups.join(group, joining("b")).await.member_id;
    let follower = spawn_join(groups, group, as_member(&given, joining("b")));
    until(|| groups.heartbeat(group, &leader, None, 1) == Err(GroupError::RebalanceInProgress)).await;
    let lead = groups.join(group, as_member(&leader, joining("a"))).await;
    let follow = follower.await.unwrap();
    assert_eq!((lead.generation, follow.generation), (2, 2));
    let assignment = [(leader.as_str(), "first"), (given.as_str(), "second")];
    groups.sync(group, syncing(&leader, 2, &assignment)).await.unwrap();
    groups.sync(group, syncing(&given, 2, &[])).await.unwrap();
    (leader, given)
}

/// Lets other tasks run until `condition` holds; the deadline is in the runtime's (mostly paused) time.
async fn until(mut condition: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while !condition() {
        assert!(tokio::time::Instant::now() < deadline, "the condition never came true");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn state(groups: &GroupCoordinator, group: &str) -> &'static str {
    groups.describe(group).map_or("Dead", |description| description.state)
}

/// Awaits something that the store's own thread does, with the paused clock held: the runtime, idle meanwhile, would
/// jump to the next deadline.
async fn timeless<T>(work: impl Future<Output = T>) -> T {
    let (release, held) = std::sync::mpsc::sync_channel::<()>(0);
    let holder = tokio::task::spawn_blocking(move || held.recv());
    let result = work.await;
    drop(release);
    assert!(holder.await.unwrap().is_err());
    result
}
