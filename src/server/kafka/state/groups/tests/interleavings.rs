//! Random members doing random things in paused time: whatever they do, the group's promises hold, and once they behave
//! it becomes stable.

use std::{collections::BTreeMap, sync::Mutex};

use proptest::prelude::*;
use tokio::time::{Instant, sleep, timeout};

use super::*;

/// What one member does between two of its steps.
#[derive(Debug, Clone, Copy)]
enum Whim {
    Heartbeat,
    Commit,
    Leave,
    /// Stops in silence, without leaving.
    Vanish,
    /// Its connection breaks in the middle of a join.
    BreakJoin,
    Idle(u8),
}

fn whims() -> impl Strategy<Value = Vec<Whim>> {
    let whim = prop_oneof![
        4 => Just(Whim::Heartbeat),
        4 => Just(Whim::Commit),
        1 => Just(Whim::Leave),
        1 => Just(Whim::Vanish),
        1 => Just(Whim::BreakJoin),
        2 => (1_u8..15).prop_map(Whim::Idle),
    ];
    proptest::collection::vec(whim, 1..10)
}

/// What all members saw, to be compared.
#[derive(Default)]
struct Seen {
    /// Leader and owner of the one partition, by generation.
    generations: BTreeMap<i32, (String, Option<String>)>,
    /// Commits that were acknowledged, in the order of their acknowledgement.
    committed: Vec<i64>,
}

struct Client {
    groups: GroupCoordinator,
    name: String,
    is_static: bool,
    member_id: String,
    generation: i32,
    next_offset: i64,
}

impl Client {
    fn request(&self) -> JoinRequest {
        let request = as_member(&self.member_id, joining(&self.name));
        if self.is_static { as_static(&self.name, request) } else { request }
    }

    fn instance_id(&self) -> Option<&str> {
        self.is_static.then_some(self.name.as_str())
    }

    /// Joins and syncs until it is in a generation, as clients do; true when it is.
    async fn become_member(&mut self, seen: &Mutex<Seen>) -> bool {
        for _ in 0..50 {
            let joined = self.groups.join("g", self.request()).await;
            match joined.error {
                None => {}
                Some(GroupError::MemberIdRequired) => {
                    self.member_id = joined.member_id;
                    continue;
                }
                Some(GroupError::UnknownMember | GroupError::FencedInstance) => {
                    self.member_id.clear();
                    continue;
                }
                Some(GroupError::RebalanceInProgress) => continue,
                Some(other) => panic!("{other}"),
            }
            self.member_id = joined.member_id.clone();
            self.generation = joined.generation;
            {
                let mut seen = seen.lock().unwrap();
                let (leader, _) =
                    seen.generations.entry(joined.generation).or_insert_with(|| (joined.leader.clone(), None));
                // A static leader may have been replaced within its generation; anyone else leads alone.
                assert!(*leader == joined.leader || self.any_static(&joined), "two leaders of one generation");
            }
            // The one partition goes to the member first in order.
            let first = joined.members.iter().map(|member| member.member_id.clone()).min();
            let assignments = first.into_iter().map(|id| (id, Bytes::from_static(b"partition"))).collect();
            let sync = SyncRequest {
                instance_id: self.instance_id().map(str::to_owned),
                assignments,
                ..syncing(&self.member_id, self.generation, &[])
            };
            match self.groups.sync("g", sync).await {
                Ok(answer) => {
                    if !answer.assignment.is_empty() {
                        let mut seen = seen.lock().unwrap();
                        let entry = seen.generations.entry(self.generation).or_default();
                        let owner = entry.1.get_or_insert_with(|| self.name.clone());
                        assert_eq!(*owner, self.name, "two owners in generation {}", self.generation);
                    }
                    return true;
                }
                Err(GroupError::UnknownMember | GroupError::FencedInstance) => self.member_id.clear(),
                Err(GroupError::RebalanceInProgress | GroupError::IllegalGeneration) => {}
                Err(other) => panic!("{other}"),
            }
        }
        false
    }

    fn any_static(&self, joined: &JoinAnswer) -> bool {
        self.is_static || joined.leader.starts_with("static")
    }

    /// One heartbeat; on news it joins again.
    async fn heartbeat(&mut self, seen: &Mutex<Seen>) {
        let beat = self.groups.heartbeat("g", &self.member_id, self.instance_id(), self.generation);
        match beat {
            Ok(()) => {}
            Err(GroupError::UnknownMember | GroupError::FencedInstance) => {
                self.member_id.clear();
                self.become_member(seen).await;
            }
            Err(_) => {
                self.become_member(seen).await;
            }
        }
    }

    async fn commit(&mut self, seen: &Mutex<Seen>) {
        // Commits of all members count up together, so an older value after a newer one is seen.
        let offset = {
            let seen = seen.lock().unwrap();
            seen.committed.last().map_or(1, |last| last + 1).max(self.next_offset)
        };
        self.next_offset = offset + 1;
        let commit = Commit {
            instance_id: self.instance_id().map(str::to_owned),
            ..committing(&self.member_id, self.generation, offset)
        };
        if timeless(self.groups.commit("g", commit)).await.is_ok() {
            seen.lock().unwrap().committed.push(offset);
        }
    }

    async fn act(&mut self, whim: Whim, seen: &Mutex<Seen>) -> bool {
        match whim {
            Whim::Heartbeat => self.heartbeat(seen).await,
            Whim::Commit => self.commit(seen).await,
            Whim::Leave => {
                drop(self.groups.leave("g", &[leaving(&self.member_id)]));
                self.member_id.clear();
                self.become_member(seen).await;
            }
            Whim::Vanish => return false,
            Whim::BreakJoin => {
                let changed = vec![("range".to_owned(), Bytes::from(format!("{:?}", Instant::now())))];
                let request = JoinRequest { protocols: changed, ..self.request() };
                drop(timeout(Duration::from_millis(20), self.groups.join("g", request)).await);
                self.heartbeat(seen).await;
            }
            Whim::Idle(seconds) => {
                sleep(Duration::from_secs(u64::from(seconds))).await;
                self.heartbeat(seen).await;
            }
        }
        true
    }
}

/// Lives through its whims, then behaves until the end; true if it stayed.
async fn live(mut client: Client, whims: Vec<Whim>, seen: &Mutex<Seen>, end: Instant) -> Option<(String, i32)> {
    client.become_member(seen).await;
    for whim in whims {
        sleep(Duration::from_millis(300)).await;
        if !client.act(whim, seen).await {
            return None;
        }
    }
    while Instant::now() < end {
        client.heartbeat(seen).await;
        sleep(Duration::from_secs(3)).await;
    }
    Some((client.member_id, client.generation))
}

async fn run(members: Vec<(bool, Vec<Whim>)>) {
    let dir = tempfile::tempdir().unwrap();
    let groups = open(dir.path());
    let seen: &'static Mutex<Seen> = Box::leak(Box::default());
    let end = Instant::now() + Duration::from_secs(600);
    let lives: Vec<_> = members
        .into_iter()
        .enumerate()
        .map(|(index, (is_static, whims))| {
            let name = format!("{}{index}", if is_static { "static" } else { "dynamic" });
            let groups = groups.clone();
            let client = Client { groups, name, is_static, member_id: String::new(), generation: -1, next_offset: 1 };
            tokio::spawn(live(client, whims, seen, end))
        })
        .collect();
    let mut stayed = Vec::new();
    for life in lives {
        stayed.extend(life.await.unwrap());
    }
    if stayed.is_empty() {
        sleep(Duration::from_secs(60)).await;
    }
    let description = groups.describe("g").unwrap();
    if stayed.is_empty() {
        assert_eq!(description.state, "Empty");
    } else {
        assert_eq!(description.state, "Stable", "wedged with {} members", description.members.len());
        assert!(stayed.windows(2).all(|two| two[0].1 == two[1].1), "one generation at the end");
        assert_eq!(description.members.len(), stayed.len());
    }
    let committed = seen.lock().unwrap().committed.clone();
    let now = groups.committed("g", "t", 0).map(|committed| committed.offset);
    assert!(now >= committed.last().copied(), "the last acknowledged commit is seen");
    drop(groups);
    let reopened = open(dir.path());
    assert_eq!(reopened.committed("g", "t", 0).map(|committed| committed.offset), now);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_members_do_the_group_becomes_stable_again(
        members in proptest::collection::vec((proptest::bool::weighted(0.3), whims()), 1..6)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(run(members));
    }
}
