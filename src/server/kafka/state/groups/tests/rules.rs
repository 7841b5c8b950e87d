//! Every row of the classic protocol's table.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, advance, sleep};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

// --- JoinGroup ----------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn bad_joins_are_refused_with_their_codes() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let check = async |group: &str, request: JoinRequest, code: i16| {
        let answer = groups.join(group, request).await;
        assert_eq!(answer.error.map(GroupError::code), Some(code));
        assert_eq!((answer.generation, answer.leader.as_str()), (-1, ""));
    };
    check("", joining("a"), 24).await;
    check("g", JoinRequest { session_timeout: Duration::from_millis(5_999), ..joining("a") }, 26).await;
    check("g", JoinRequest { session_timeout: Duration::from_millis(1_800_001), ..joining("a") }, 26).await;
    check("g", JoinRequest { protocols: vec![], ..joining("a") }, 23).await;
    check("g", JoinRequest { protocol_type: String::new(), ..joining("a") }, 23).await;
    check("absent", as_member("made-up", joining("a")), 25).await;
    stable_one(&groups, "g").await;
    check("g", as_member("made-up", joining("a")), 25).await;
    check("g", JoinRequest { protocol_type: "connect".into(), ..joining("b") }, 23).await;
    check("g", JoinRequest { protocols: vec![("sticky".into(), Bytes::new())], ..joining("b") }, 23).await;
}

#[tokio::test(start_paused = true)]
async fn a_member_without_id_is_given_one_that_lasts_a_session() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let given = groups.join("g", joining("ticker")).await;
    assert_eq!(given.error.map(GroupError::code), Some(79));
    let uuid = given.member_id.strip_prefix("ticker-").unwrap();
    assert_eq!(uuid.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    assert_eq!(state(&groups, "g"), "Empty");
    sleep(11 * SECOND).await;
    let late = groups.join("g", as_member(&given.member_id, joining("ticker"))).await;
    assert_eq!(late.error, Some(GroupError::UnknownMember));
}

#[tokio::test(start_paused = true)]
async fn old_versions_join_without_an_id_and_the_first_generation_is_a_moment_late() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let start = Instant::now();
    let joined = groups.join("g", JoinRequest { asks_known_id: false, ..joining("a") }).await;
    assert_eq!((joined.error, joined.generation), (None, 1));
    assert_eq!(joined.leader, joined.member_id);
    assert_eq!(joined.protocol.as_deref(), Some("range"));
    assert_eq!(start.elapsed().as_millis(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_static_member_needs_no_given_id() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let joined = groups.join("g", as_static("one", joining("a"))).await;
    assert_eq!(joined.error, None);
    assert!(joined.member_id.starts_with("one-"));
}

#[tokio::test(start_paused = true)]
async fn the_first_rebalance_waits_the_configured_delay_and_longer_while_members_come() {
    let dir = tempfile::tempdir().unwrap();
    let config = GroupConfig { initial_rebalance_delay: 3 * SECOND, ..GroupConfig::default() };
    let groups = open_with(dir.path(), config);
    let start = Instant::now();
    let first = spawn_join(&groups, "g", as_static("one", joining("a")));
    sleep(2 * SECOND).await;
    let second = spawn_join(&groups, "g", as_static("two", joining("b")));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    assert_eq!((first.generation, second.generation), (1, 1));
    assert_eq!(start.elapsed().as_secs(), 6, "one more delay for the second member");
}

#[tokio::test(start_paused = true)]
async fn a_rebalance_completes_when_all_rejoined_and_only_the_leader_sees_the_members() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let leader = stable_one(&groups, "g").await;
    let given = groups.join("g", joining("b")).await.member_id;
    let follower = spawn_join(&groups, "g", as_member(&given, joining("b")));
    until(|| state(&groups, "g") == "PreparingRebalance").await;
    let start = Instant::now();
    let lead = groups.join("g", as_member(&leader, joining("a"))).await;
    let follow = follower.await.unwrap();
    assert_eq!((lead.generation, follow.generation), (2, 2));
    assert_eq!((lead.leader.as_str(), follow.leader.as_str()), (leader.as_str(), leader.as_str()));
    assert_eq!((lead.members.len(), follow.members.len()), (2, 0));
    assert_eq!(lead.members[0].metadata, Bytes::from_static(b"topics"));
    assert!(start.elapsed() < SECOND);
    assert_eq!(state(&groups, "g"), "CompletingRebalance");
}

#[tokio::test(start_paused = true)]
async fn members_that_do_not_rejoin_are_out_after_the_largest_rebalance_timeout() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let leader = stable_one(&groups, "g").await;
    let given = groups.join("g", joining("b")).await.member_id;
    let start = Instant::now();
    let newer = spawn_join(&groups, "g", as_member(&given, joining("b")));
    // The old member stays alive, but never joins again.
    while start.elapsed() < 29 * SECOND {
        sleep(2 * SECOND).await;
        assert!(groups.heartbeat("g", &leader, None, 1).is_err());
    }
    let newer = newer.await.unwrap();
    assert_eq!(start.elapsed().as_secs(), 30);
    assert_eq!((newer.generation, newer.leader.as_str(), newer.members.len()), (2, given.as_str(), 1));
    assert_eq!(groups.heartbeat("g", &leader, None, 1), Err(GroupError::UnknownMember));
}

#[tokio::test(start_paused = true)]
async fn an_unchanged_follower_keeps_its_generation_a_leader_or_new_metadata_rebalance() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let (leader, follower) = stable_two(&groups, "g").await;
    let again = groups.join("g", as_member(&follower, joining("b"))).await;
    assert_eq!((again.error, again.generation, again.members.len()), (None, 2, 0));
    assert_eq!(state(&groups, "g"), "Stable");

    let changed = vec![("range".to_owned(), Bytes::from_static(b"more topics"))];
    let changed = spawn_join(&groups, "g", JoinRequest { protocols: changed, ..as_member(&follower, joining("b")) });
    until(|| state(&groups, "g") == "PreparingRebalance").await;
    assert_eq!(groups.join("g", as_member(&leader, joining("a"))).await.generation, 3);
    assert_eq!(changed.await.unwrap().generation, 3);
    // Before the assignment came, an unchanged member is answered again, the leader with the members.
    let again = groups.join("g", as_member(&leader, joining("a"))).await;
    assert_eq!((again.generation, again.members.len()), (3, 2));
    groups.sync("g", syncing(&leader, 3, &[])).await.unwrap();

    let rejoin = spawn_join(&groups, "g", as_member(&leader, joining("a")));
    until(|| state(&groups, "g") == "PreparingRebalance").await;
    rejoin.abort();
}

#[tokio::test(start_paused = true)]
async fn members_vote_for_the_protocol_among_those_all_support() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let protocols = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), Bytes::new())).collect::<Vec<_>>();
    let first = JoinRequest { protocols: protocols(&["sticky", "range", "own"]), ..as_static("1", joining("a")) };
    let id = groups.join("g", first.clone()).await.member_id;
    let others = ["2", "3"].map(|name| {
        let request = JoinRequest { protocols: protocols(&["range", "sticky"]), ..as_static(name, joining("b")) };
        spawn_join(&groups, "g", request)
    });
    until(|| groups.describe("g").unwrap().members.len() == 3).await;
    let joined = groups.join("g", as_member(&id, first)).await;
    assert_eq!(joined.protocol.as_deref(), Some("range"));
    for other in others {
        assert_eq!(other.await.unwrap().protocol.as_deref(), Some("range"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_group_and_too_many_groups_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = GroupConfig { members_max: 2, groups_max: 2, group_bytes_max: 1000, ..GroupConfig::default() };
    let groups = open_with(dir.path(), config);
    let (leader, _) = stable_two(&groups, "g").await;
    assert_eq!(groups.join("g", joining("c")).await.error.map(GroupError::code), Some(81));
    assert_eq!(groups.heartbeat("g", &leader, None, 2), Ok(()));
    let large = vec![("range".to_owned(), Bytes::from(vec![0; 1001]))];
    let too_large = groups.join("h", JoinRequest { protocols: large, ..joining("c") }).await;
    assert_eq!(too_large.error.map(GroupError::code), Some(-1));
    // Ids given out count, or nothing would bound them.
    for _ in 0..2 {
        assert_eq!(groups.join("h", joining("c")).await.error, Some(GroupError::MemberIdRequired));
    }
    assert_eq!(groups.join("h", joining("c")).await.error, Some(GroupError::Full));
    assert_eq!(groups.join("third", joining("c")).await.error, Some(GroupError::Full));
    // An idle group that left nothing makes room.
    sleep(20 * SECOND).await;
    assert_eq!(groups.join("third", joining("c")).await.error, Some(GroupError::MemberIdRequired));
}

#[tokio::test(start_paused = true)]
async fn a_returned_static_member_goes_on_without_rebalance_and_its_old_id_is_fenced() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let old = groups.join("g", as_static("one", joining("a"))).await;
    groups.sync("g", syncing(&old.member_id, 1, &[(&old.member_id, "all")])).await.unwrap();

    let new = groups.join("g", as_static("one", joining("a"))).await;
    assert_eq!((new.error, new.generation, new.skip_assignment), (None, 1, true));
    assert_ne!(new.member_id, old.member_id);
    assert_eq!((new.leader.as_str(), new.members.len()), (new.member_id.as_str(), 1));
    let kept =
        groups.sync("g", SyncRequest { instance_id: Some("one".into()), ..syncing(&new.member_id, 1, &[]) }).await;
    assert_eq!(kept.unwrap().assignment, Bytes::from_static(b"all"));

    // Before v9 nothing can be skipped: it takes itself for a follower.
    let older = JoinRequest { can_skip_assignment: false, ..as_static("one", joining("a")) };
    let newest = groups.join("g", older).await;
    assert_eq!((newest.generation, newest.skip_assignment, newest.members.len()), (1, false, 0));
    assert_eq!(newest.leader, new.member_id);

    let fenced = Some(GroupError::FencedInstance);
    assert_eq!(groups.heartbeat("g", &old.member_id, Some("one"), 1).err(), fenced);
    let sync = SyncRequest { instance_id: Some("one".into()), ..syncing(&old.member_id, 1, &[]) };
    assert_eq!(groups.sync("g", sync).await.err(), fenced);
    let commit = Commit { instance_id: Some("one".into()), ..committing(&old.member_id, 1, 5) };
    assert_eq!(timeless(groups.commit("g", commit)).await.err(), fenced);
    assert_eq!(groups.join("g", as_member(&old.member_id, as_static("one", joining("a")))).await.error, fenced);
    let leaver = Leaver { member_id: old.member_id, instance_id: Some("one".into()) };
    assert_eq!(groups.leave("g", &[leaver]).unwrap()[0].err(), fenced);
    assert_eq!(groups.heartbeat("g", &newest.member_id, Some("one"), 1), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_static_member_that_went_silent_is_waited_for_until_its_session_ends() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let silent = groups.join("g", as_static("silent", joining("a"))).await;
    groups.sync("g", syncing(&silent.member_id, 1, &[])).await.unwrap();
    let start = Instant::now();
    let joined = join(&groups, "g", "b").await;
    assert_eq!((joined.generation, joined.members.len()), (2, 1));
    assert_eq!(start.elapsed().as_secs(), 10);
}

// --- SyncGroup ----------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn sync_checks_member_generation_protocol_and_state() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let check = async |group: &str, request: SyncRequest, code: i16| {
        assert_eq!(groups.sync(group, request).await.map_err(GroupError::code), Err(code));
    };
    check("", syncing("m", 1, &[]), 24).await;
    check("absent", syncing("m", 1, &[]), 25).await;
    let member = stable_one(&groups, "g").await;
    check("g", syncing("made-up", 1, &[]), 25).await;
    check("g", syncing(&member, 2, &[]), 22).await;
    check("g", SyncRequest { protocol_type: Some("connect".into()), ..syncing(&member, 1, &[]) }, 23).await;
    check("g", SyncRequest { protocol: Some("sticky".into()), ..syncing(&member, 1, &[]) }, 23).await;
    let other = spawn_join(&groups, "g", as_static("other", joining("b")));
    until(|| state(&groups, "g") == "PreparingRebalance").await;
    check("g", syncing(&member, 1, &[]), 27).await;
    other.abort();
}

#[tokio::test(start_paused = true)]
async fn followers_wait_for_the_leader_and_missing_assignments_are_empty() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let (leader, follower) = stable_two(&groups, "g").await;
    let leader_joins = spawn_join(&groups, "g", as_member(&leader, joining("a")));
    until(|| state(&groups, "g") == "PreparingRebalance").await;
    groups.join("g", as_member(&follower, joining("b"))).await;
    leader_joins.await.unwrap();
    let waiting = {
        let (groups, request) = (groups.clone(), syncing(&follower, 3, &[]));
        tokio::spawn(async move { groups.sync("g", request).await })
    };
    // Waiting for the assignment is being alive, however long it takes within the rebalance timeout.
    for _ in 0..8 {
        sleep(3 * SECOND).await;
        assert_eq!(groups.heartbeat("g", &leader, None, 3), Ok(()));
    }
    assert!(!waiting.is_finished());
    let own = groups.sync("g", syncing(&leader, 3, &[(&leader, "all"), ("stranger", "none")])).await.unwrap();
    assert_eq!(own.assignment, Bytes::from_static(b"all"));
    assert_eq!(waiting.await.unwrap().unwrap().assignment, Bytes::new());
    assert_eq!(state(&groups, "g"), "Stable");
    // Stable: a lost answer is given again.
    assert_eq!(groups.sync("g", syncing(&leader, 3, &[])).await.unwrap().assignment, Bytes::from_static(b"all"));
}

#[tokio::test(start_paused = true)]
async fn members_that_never_sync_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let joined = join(&groups, "g", "a").await;
    let start = Instant::now();
    while groups.heartbeat("g", &joined.member_id, None, 1).is_ok() {
        sleep(2 * SECOND).await;
    }
    assert!((30..=32).contains(&start.elapsed().as_secs()), "the rebalance timeout");
    assert_eq!(state(&groups, "g"), "Empty");
}

// --- Heartbeat and sessions ---------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn heartbeats_answer_by_state_and_renew_the_session() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    assert_eq!(groups.heartbeat("", "m", None, 1).map_err(GroupError::code), Err(24));
    assert_eq!(groups.heartbeat("absent", "m", None, 1).map_err(GroupError::code), Err(25));
    let joined = join(&groups, "g", "a").await;
    let member = joined.member_id.as_str();
    assert_eq!(groups.heartbeat("g", member, None, 1), Ok(()), "CompletingRebalance");
    groups.sync("g", syncing(member, 1, &[])).await.unwrap();
    assert_eq!(groups.heartbeat("g", member, None, 0).map_err(GroupError::code), Err(22));
    assert_eq!(groups.heartbeat("g", "made-up", None, 1).map_err(GroupError::code), Err(25));
    assert_eq!(groups.heartbeat("g", member, Some("one"), 1).map_err(GroupError::code), Err(25));
    let other = spawn_join(&groups, "g", as_static("other", joining("b")));
    until(|| state(&groups, "g") == "PreparingRebalance").await;
    for _ in 0..3 {
        sleep(8 * SECOND).await;
        assert_eq!(groups.heartbeat("g", member, None, 1).map_err(GroupError::code), Err(27));
    }
    assert!(!other.is_finished());
    other.abort();
}

#[tokio::test(start_paused = true)]
async fn a_silent_member_is_out_after_its_own_session_timeout() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let (leader, follower) = stable_two(&groups, "g").await;
    let start = Instant::now();
    while groups.heartbeat("g", &leader, None, 2).is_ok() {
        sleep(SECOND).await;
    }
    assert!((10..=11).contains(&start.elapsed().as_secs()), "the follower's session");
    let lead = groups.join("g", as_member(&leader, joining("a"))).await;
    assert_eq!((lead.generation, lead.members.len()), (3, 1));
    assert_eq!(groups.heartbeat("g", &follower, None, 2), Err(GroupError::UnknownMember));
    sleep(11 * SECOND).await;
    assert_eq!(state(&groups, "g"), "Empty");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_disconnects_while_joining_does_not_wedge_the_group() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let leader = stable_one(&groups, "g").await;
    // Its id was never told: nobody can come back with it, so it goes at once.
    let untold = spawn_join(&groups, "g", JoinRequest { asks_known_id: false, ..joining("b") });
    until(|| state(&groups, "g") == "PreparingRebalance").await;
    untold.abort();
    until(|| groups.describe("g").unwrap().members.len() == 1).await;
    let start = Instant::now();
    assert_eq!(groups.join("g", as_member(&leader, joining("a"))).await.generation, 2);
    assert!(start.elapsed() < SECOND);
    groups.sync("g", syncing(&leader, 2, &[])).await.unwrap();
    // An id that was told may come back within the session.
    let given = groups.join("g", joining("b")).await.member_id;
    let lost = spawn_join(&groups, "g", as_member(&given, joining("b")));
    until(|| state(&groups, "g") == "PreparingRebalance").await;
    lost.abort();
    assert!(lost.await.is_err());
    let start = Instant::now();
    let lead = groups.join("g", as_member(&leader, joining("a"))).await;
    assert_eq!((lead.generation, lead.members.len()), (3, 1));
    assert_eq!(start.elapsed().as_secs(), 10);
}

// --- LeaveGroup ---------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn leaving_rebalances_at_once_and_each_leaver_has_its_result() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    assert_eq!(groups.leave("", &[leaving("m")]), Err(GroupError::InvalidGroupId));
    assert_eq!(groups.leave("absent", &[leaving("m")]), Ok(vec![Err(GroupError::UnknownMember)]));
    let (leader, follower) = stable_two(&groups, "g").await;
    let given = groups.join("g", joining("c")).await.member_id;
    let results = groups.leave("g", &[leaving(&leader), leaving("made-up"), leaving(&given)]).unwrap();
    assert_eq!(results, [Ok(()), Err(GroupError::UnknownMember), Ok(())]);
    assert_eq!(groups.heartbeat("g", &follower, None, 2), Err(GroupError::RebalanceInProgress));
    let alone = groups.join("g", as_member(&follower, joining("b"))).await;
    assert_eq!((alone.generation, alone.leader.as_str()), (3, follower.as_str()));
    assert_eq!(groups.leave("g", &[leaving(&follower)]), Ok(vec![Ok(())]));
    assert_eq!(state(&groups, "g"), "Empty");
    assert_eq!(groups.list()[0].protocol_type, "consumer", "an empty group keeps its kind");
}

#[tokio::test(start_paused = true)]
async fn static_members_are_removed_by_instance_id() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    groups.join("g", as_static("one", joining("a"))).await;
    let by_instance = |id: &str| Leaver { member_id: String::new(), instance_id: Some(id.into()) };
    let results = groups.leave("g", &[by_instance("two"), by_instance("one")]).unwrap();
    assert_eq!(results, [Err(GroupError::UnknownMember), Ok(())]);
    assert_eq!(state(&groups, "g"), "Empty");
}

// --- Offsets ------------------------------------------------------------------------------------------------------

#[tokio::test(start_paused = true)]
async fn commits_are_checked_against_the_group() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let check = async |group: &str, commit: Commit, expected: Result<(), i16>| {
        assert_eq!(timeless(groups.commit(group, commit)).await.map_err(GroupError::code), expected);
    };
    check("absent", committing("m", 1, 5), Err(69)).await;
    check("absent", Commit { knows_group_not_found: false, ..committing("m", 1, 5) }, Err(22)).await;
    check("simple", committing("", -1, 5), Ok(())).await;
    check("simple", committing("", -1, 6), Ok(())).await;
    assert_eq!((state(&groups, "simple"), groups.list()[0].protocol_type.as_str()), ("Empty", ""));

    let joined = join(&groups, "g", "a").await;
    check("g", committing(&joined.member_id, 1, 5), Err(27)).await;
    groups.sync("g", syncing(&joined.member_id, 1, &[])).await.unwrap();
    check("g", committing("", -1, 5), Err(25)).await;
    check("g", committing("made-up", 1, 5), Err(25)).await;
    check("g", committing(&joined.member_id, 0, 5), Err(22)).await;
    check("g", committing(&joined.member_id, 1, 5), Ok(())).await;
    assert_eq!(groups.committed("g", "t", 0).map(|committed| committed.offset), Some(5));
    assert_eq!(groups.committed("g", "t", 1), None);
    assert_eq!(groups.committed("absent", "t", 0), None);
}

#[tokio::test(start_paused = true)]
async fn a_commit_tells_that_the_member_is_alive() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let member = stable_one(&groups, "g").await;
    for offset in 0..5 {
        advance(8 * SECOND).await;
        timeless(groups.commit("g", committing(&member, 1, offset))).await.unwrap();
    }
    assert_eq!(state(&groups, "g"), "Stable");
}

#[tokio::test(start_paused = true)]
async fn offsets_and_generations_go_on_after_reopening_members_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let (leader, _) = stable_two(&groups, "g").await;
    timeless(groups.commit("g", committing(&leader, 2, 77))).await.unwrap();
    drop(groups);
    let groups = open(dir.path());
    assert_eq!(groups.committed("g", "t", 0).map(|committed| committed.offset), Some(77));
    assert_eq!(groups.heartbeat("g", &leader, None, 2), Err(GroupError::UnknownMember));
    assert_eq!(timeless(groups.commit("g", committing(&leader, 2, 78))).await, Err(GroupError::UnknownMember));
    assert_eq!(state(&groups, "g"), "Empty");
    assert_eq!(join(&groups, "g", "a").await.generation, 3);
}

#[tokio::test(start_paused = true)]
async fn groups_are_deleted_only_without_members() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    assert_eq!(timeless(groups.delete("absent")).await.map_err(GroupError::code), Err(69));
    let member = stable_one(&groups, "g").await;
    timeless(groups.commit("g", committing(&member, 1, 5))).await.unwrap();
    assert_eq!(timeless(groups.delete("g")).await.map_err(GroupError::code), Err(68));
    groups.leave("g", &[leaving(&member)]).unwrap();
    assert_eq!(timeless(groups.delete("g")).await, Ok(()));
    assert_eq!((groups.committed("g", "t", 0), groups.list().len()), (None, 0));
    drop(groups);
    assert_eq!(open(dir.path()).list().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn offsets_expire_only_for_groups_long_without_members() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let member = stable_one(&groups, "used").await;
    timeless(groups.commit("used", committing(&member, 1, 5))).await.unwrap();
    timeless(groups.commit("simple", committing("", -1, 6))).await.unwrap();
    let week_ms = 7 * 24 * 3_600_000;
    let now_ms = super::super::coordinator::now_ms();
    let settled = async || timeless(groups.commit("simple2", committing("", -1, 1))).await.unwrap();
    groups.inner.expire_offsets(now_ms + week_ms - 60_000);
    settled().await;
    assert!(groups.committed("simple", "t", 0).is_some());
    groups.inner.expire_offsets(now_ms + week_ms + 60_000);
    settled().await;
    assert_eq!(groups.committed("simple", "t", 0), None);
    assert!(groups.committed("used", "t", 0).is_some());
    groups.leave("used", &[leaving(&member)]).unwrap();
    settled().await;
    groups.inner.expire_offsets(now_ms + week_ms + 60_000);
    settled().await;
    assert_eq!(groups.committed("used", "t", 0), None);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_topic_takes_its_offsets_along() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    timeless(groups.commit("g", committing("", -1, 6))).await.unwrap();
    timeless(groups.forget_topic("other")).await.unwrap();
    assert!(groups.committed("g", "t", 0).is_some());
    timeless(groups.forget_topic("t")).await.unwrap();
    assert_eq!(groups.committed("g", "t", 0), None);
}

#[tokio::test(start_paused = true)]
async fn descriptions_show_metadata_and_assignments_only_when_stable() {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    assert_eq!(groups.describe("g"), None);
    let joined = join(&groups, "g", "a").await;
    let described = groups.describe("g").unwrap();
    assert_eq!((described.state, described.protocol.as_str()), ("CompletingRebalance", ""));
    assert_eq!(described.members[0].metadata, Bytes::new());
    groups.sync("g", syncing(&joined.member_id, 1, &[(&joined.member_id, "all")])).await.unwrap();
    let described = groups.describe("g").unwrap();
    assert_eq!((described.state, described.protocol.as_str()), ("Stable", "range"));
    let member = &described.members[0];
    assert_eq!((member.client_id.as_str(), member.client_host.as_str()), ("a", "/127.0.0.1"));
    assert_eq!((&member.metadata[..], &member.assignment[..]), (&b"topics"[..], &b"all"[..]));
}
