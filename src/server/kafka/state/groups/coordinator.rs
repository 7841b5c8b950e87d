//! The coordinator: all groups behind one short lock, their timers, and the waiting that happens outside of it.

use std::{
    collections::{BTreeSet, HashMap},
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    sync::{Notify, oneshot},
    time::Instant,
};

use super::{
    GroupConfig, GroupDescription, GroupError, GroupListing, JoinAnswer, JoinRequest, Leaver, OffsetStoreError,
    SyncAnswer, SyncRequest,
    group::{Group, Limits, State},
    timers,
};
use crate::server::kafka::storage::offsets::{GroupFacts, OffsetStore, Record};

/// Group and instance ids may be as long as a classic protocol string.
pub(super) const ID_BYTES_MAX: usize = 32_767;

/// Manages all groups of the broker. Clones share one state; the last one dropped closes the offset store.
#[derive(Clone)]
pub(crate) struct GroupCoordinator {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) config: GroupConfig,
    pub(super) store: OffsetStore,
    groups: Mutex<Groups>,
    pub(super) wake_timers: Arc<Notify>,
    timers_run: AtomicBool,
}

#[derive(Default)]
pub(super) struct Groups {
    /// What all groups keep of metadata and assignments.
    bytes: usize,
    pub(super) by_id: HashMap<String, Group>,
    /// When to look at which group; an entry may be too early, never too late.
    pub(super) armed: BTreeSet<(Instant, String)>,
}

impl Groups {
    /// Takes the group out, with its timer.
    pub(super) fn remove(&mut self, id: &str) {
        let Some(group) = self.by_id.remove(id) else { return };
        self.bytes -= group.bytes();
        if let Some(at) = group.armed {
            self.armed.remove(&(at, id.to_owned()));
        }
    }
}

impl GroupCoordinator {
    /// Opens the offset store in `dir` and knows again what groups left there. With `fsync`, commits are acknowledged
    /// after `fdatasync`.
    pub(crate) fn open(dir: &Path, config: GroupConfig, fsync: bool) -> Result<GroupCoordinator, OffsetStoreError> {
        let store = OffsetStore::open(dir, fsync)?;
        let inner = Inner {
            config,
            store,
            groups: Mutex::default(),
            wake_timers: Arc::new(Notify::new()),
            timers_run: AtomicBool::new(false),
        };
        inner.restore();
        inner.expire_offsets(now_ms());
        Ok(GroupCoordinator { inner: Arc::new(inner) })
    }

    /// Joins a group; waits until its rebalance completes. Dropping the future tells the group that the client is gone.
    pub(crate) async fn join(&self, group_id: &str, request: JoinRequest) -> JoinAnswer {
        if let Err(error) = self.check_join(group_id, &request) {
            return JoinAnswer::refused(error, request.member_id);
        }
        self.run_timers();
        let (reply, answer) = oneshot::channel();
        let member_id = request.member_id.clone();
        {
            let mut groups = self.inner.lock();
            let known = groups.by_id.contains_key(group_id);
            if !known && !member_id.is_empty() {
                return JoinAnswer::refused(GroupError::UnknownMember, member_id);
            }
            let room = groups.bytes < self.inner.config.all_groups_bytes_max;
            if !room || (!known && !self.inner.make_room(&mut groups)) {
                return JoinAnswer::refused(GroupError::Full, member_id);
            }
            self.inner.change(&mut groups, group_id, true, |group, now| group.join(request, reply, now));
        }
        let mut parked = ParkedJoin { coordinator: self, group_id, answer };
        // A dropped reply is a request that a newer one of the same member replaced.
        (&mut parked.answer).await.unwrap_or_else(|_| JoinAnswer::refused(GroupError::RebalanceInProgress, member_id))
    }

    fn check_join(&self, group_id: &str, request: &JoinRequest) -> Result<(), GroupError> {
        check_group_id(group_id)?;
        let config = &self.inner.config;
        if !(config.session_timeout_min..=config.session_timeout_max).contains(&request.session_timeout) {
            return Err(GroupError::InvalidSessionTimeout);
        }
        let instance_bytes = request.instance_id.as_ref().map_or(0, String::len);
        let ids = [instance_bytes, request.client_id.len(), request.member_id.len(), request.protocol_type.len()];
        if ids.iter().any(|bytes| *bytes > 2 * ID_BYTES_MAX) { Err(GroupError::TooLarge) } else { Ok(()) }
    }

    /// Hands in or fetches the assignment; waits for the leader's.
    pub(crate) async fn sync(&self, group_id: &str, request: SyncRequest) -> Result<SyncAnswer, GroupError> {
        check_group_id(group_id)?;
        let (reply, answer) = oneshot::channel();
        self.inner
            .with_group(group_id, |group, now| group.sync(request, reply, now))
            .ok_or(GroupError::UnknownMember)?;
        answer.await.unwrap_or(Err(GroupError::RebalanceInProgress))
    }

    pub(crate) fn heartbeat(
        &self,
        group_id: &str,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
    ) -> Result<(), GroupError> {
        check_group_id(group_id)?;
        self.inner
            .with_group(group_id, |group, now| group.heartbeat(member_id, instance_id, generation, now))
            .unwrap_or(Err(GroupError::UnknownMember))
    }

    /// One result a leaver, in their order.
    pub(crate) fn leave(&self, group_id: &str, leavers: &[Leaver]) -> Result<Vec<Result<(), GroupError>>, GroupError> {
        check_group_id(group_id)?;
        let results = self.inner.with_group(group_id, |group, now| group.leave(leavers, now));
        Ok(results.unwrap_or_else(|| vec![Err(GroupError::UnknownMember); leavers.len()]))
    }

    /// None if there is no such group.
    pub(crate) fn describe(&self, group_id: &str) -> Option<GroupDescription> {
        self.inner.lock().by_id.get(group_id).map(Group::describe)
    }

    /// All groups, by id.
    pub(crate) fn list(&self) -> Vec<GroupListing> {
        let groups = self.inner.lock();
        let mut listings: Vec<_> = groups
            .by_id
            .iter()
            .map(|(id, group)| GroupListing {
                group_id: id.clone(),
                protocol_type: group.protocol_type().to_owned(),
                state: group.state().name(),
            })
            .collect();
        listings.sort_unstable_by(|a, b| a.group_id.cmp(&b.group_id));
        listings
    }

    /// Deletes an empty group and its offsets; returns when that is durable.
    pub(crate) async fn delete(&self, group_id: &str) -> Result<(), GroupError> {
        let ticket = {
            let mut groups = self.inner.lock();
            let group = groups.by_id.get(group_id).ok_or(GroupError::GroupNotFound)?;
            if group.state() != State::Empty {
                return Err(GroupError::GroupNotEmpty);
            }
            let ticket = self.inner.store.submit(Record::DeleteGroup { group: group_id.to_owned() })?;
            groups.remove(group_id);
            ticket
        };
        let deleted = ticket.durable().await;
        if deleted.is_err() {
            // Its offsets are still there, so is the group.
            self.inner.restore();
        }
        Ok(deleted?)
    }

    /// Sessions and rebalances need a clock: started with the first request that needs one, in its runtime.
    pub(super) fn run_timers(&self) {
        if !self.inner.timers_run.swap(true, Ordering::AcqRel) {
            let wake = Arc::clone(&self.inner.wake_timers);
            tokio::spawn(timers::run(Arc::downgrade(&self.inner), wake));
        }
    }
}

/// A JoinGroup that waits. Dropped with its future when the connection closes.
struct ParkedJoin<'a> {
    coordinator: &'a GroupCoordinator,
    group_id: &'a str,
    answer: oneshot::Receiver<JoinAnswer>,
}

impl Drop for ParkedJoin<'_> {
    fn drop(&mut self) {
        if self.answer.is_terminated() {
            return;
        }
        self.answer.close();
        self.coordinator.inner.with_group(self.group_id, Group::connection_lost);
    }
}

impl Inner {
    pub(super) fn lock(&self) -> MutexGuard<'_, Groups> {
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn limits(&self) -> Limits {
        Limits {
            members_max: self.config.members_max,
            bytes_max: self.config.group_bytes_max,
            initial_rebalance_delay: self.config.initial_rebalance_delay,
        }
    }

    /// Runs `change` on a group that exists.
    pub(super) fn with_group<R>(&self, id: &str, change: impl FnOnce(&mut Group, Instant) -> R) -> Option<R> {
        self.change(&mut self.lock(), id, false, change)
    }

    /// Runs `change`, then sets the group's timer and keeps what changed.
    pub(super) fn change<R>(
        &self,
        groups: &mut Groups,
        id: &str,
        create: bool,
        change: impl FnOnce(&mut Group, Instant) -> R,
    ) -> Option<R> {
        let now = Instant::now();
        if create && !groups.by_id.contains_key(id) {
            groups.by_id.insert(id.to_owned(), Group::new(self.limits(), now));
        }
        let group = groups.by_id.get_mut(id)?;
        let bytes_before = group.bytes();
        let result = change(group, now);
        groups.bytes = groups.bytes - bytes_before + group.bytes();
        if group.take_changed() {
            self.keep_facts(id, group);
        }
        let due = group.next_deadline().filter(|due| group.armed.is_none_or(|armed| *due < armed));
        if let Some(due) = due {
            if let Some(armed) = group.armed.replace(due) {
                groups.armed.remove(&(armed, id.to_owned()));
            }
            groups.armed.insert((due, id.to_owned()));
            if groups.armed.first().is_some_and(|(first, of)| *first == due && of == id) {
                self.wake_timers.notify_one();
            }
        }
        Some(result)
    }

    /// Nobody waits for these: a generation that is lost in a crash had only members that are lost with it.
    fn keep_facts(&self, id: &str, group: &Group) {
        let facts = GroupFacts {
            protocol_type: group.protocol_type().to_owned(),
            generation: group.generation(),
            empty_since_ms: (group.state() == State::Empty).then(now_ms),
        };
        if let Err(error) = self.store.submit(Record::Facts { group: id.to_owned(), facts }) {
            tracing::warn!(group = id, %error, "cannot keep the group's generation");
        }
    }

    /// Brings groups that are only on disk into memory.
    fn restore(&self) {
        let mut groups = self.lock();
        let now = Instant::now();
        let stored: Vec<_> =
            self.store.read().groups().map(|(id, stored)| (id.clone(), stored.facts.clone())).collect();
        for (id, facts) in stored {
            if groups.by_id.contains_key(&id) {
                continue;
            }
            let had_members = facts.as_ref().is_some_and(|facts| facts.empty_since_ms.is_none());
            let (protocol_type, generation) =
                facts.map_or((None, 0), |facts| (Some(facts.protocol_type), facts.generation));
            let group = Group::restored(self.limits(), protocol_type, generation, now);
            if had_members {
                // Its members went with the broker: it is empty as of now.
                self.keep_facts(&id, &group);
            }
            groups.by_id.insert(id, group);
        }
    }

    /// True if one more group may be made; forgets groups that left nothing behind if that helps.
    pub(super) fn make_room(&self, groups: &mut Groups) -> bool {
        if groups.by_id.len() >= self.config.groups_max {
            self.forget_idle(groups, Duration::from_secs(1));
        }
        let room = groups.by_id.len() < self.config.groups_max;
        if !room {
            tracing::warn!(groups_max = self.config.groups_max, "no more consumer groups are taken");
        }
        room
    }

    /// Forgets groups without members and offsets that have been so for `idle_min`.
    pub(super) fn forget_idle(&self, groups: &mut Groups, idle_min: Duration) {
        let now = Instant::now();
        let idle: Vec<String> = groups
            .by_id
            .iter()
            .filter(|(_, group)| group.is_idle() && now.duration_since(group.idle_since) >= idle_min)
            .map(|(id, _)| id.clone())
            .collect();
        for id in idle {
            let on_disk = self.store.read().group(&id).map(|stored| stored.offsets.is_empty());
            let forgotten = match on_disk {
                None => true,
                Some(true) => self.store.submit(Record::DeleteGroup { group: id.clone() }).is_ok(),
                Some(false) => false,
            };
            if forgotten {
                groups.remove(&id);
            }
        }
    }
}

pub(super) fn check_group_id(group_id: &str) -> Result<(), GroupError> {
    if group_id.is_empty() || group_id.len() > ID_BYTES_MAX { Err(GroupError::InvalidGroupId) } else { Ok(()) }
}

/// Milliseconds since 1970; 0 on a clock before that.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.wake_timers.notify_one();
    }
}
