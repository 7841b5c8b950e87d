//! One group's state machine: joins, generations, assignments, sessions.
//!
//! The rules are those of the classic protocol's coordinator (`GroupMetadataManager` and `ClassicGroup` in Kafka 4.1):
//!
//! ```text
//!            first join                  all joined             leader's assignment
//!   Empty ---------------> Preparing ---------------> Completing ------------------> Stable
//!     ^                    Rebalance <--------------- Rebalance                        |
//!     |                        ^  join, leave, expiry                                  |
//!     +--- nobody joined ------+-------------------------------------------------------+
//! ```
//!
//! A fifth state, Dead, is the group's absence. The machine is driven by calls that carry the time: nothing in it waits,
//! so every interleaving can be tested. Parked requests are answered through their reply channels.

mod rebalance;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    GroupError,
    answers::{GroupDescription, JoinAnswer, JoinRequest, Leaver, MemberDescription, SyncAnswer, SyncRequest},
    member::{JoinReply, Member, NEW_MEMBER_WAIT_MAX, SyncReply, protocols_bytes},
};

const POSTPONED_WAIT_MIN: Duration = Duration::from_millis(100);

/// What a group may grow to, and how long its first rebalance waits for more members.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) members_max: usize,
    pub(super) bytes_max: usize,
    pub(super) initial_rebalance_delay: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
}

impl State {
    pub(super) fn name(self) -> &'static str {
        match self {
            State::Empty => "Empty",
            State::PreparingRebalance => "PreparingRebalance",
            State::CompletingRebalance => "CompletingRebalance",
            State::Stable => "Stable",
        }
    }
}

/// Set while the first members of an empty group gather.
#[derive(Debug, Clone, Copy)]
struct InitialWait {
    left: Duration,
    joined_meanwhile: bool,
}

pub(super) struct Group {
    limits: Limits,
    state: State,
    generation: i32,
    protocol_type: Option<String>,
    protocol: Option<String>,
    leader: Option<String>,
    members: BTreeMap<String, Member>,
    /// Member ids by instance id.
    instances: BTreeMap<String, String>,
    /// Ids given out with "come back", and until when.
    pending: BTreeMap<String, Instant>,
    /// Members of this generation that have not fetched their assignment.
    unsynced: BTreeSet<String>,
    initial_wait: Option<InitialWait>,
    join_deadline: Option<Instant>,
    sync_deadline: Option<Instant>,
    /// Generation, protocol type or emptiness changed since [`Group::take_changed`].
    changed: bool,
    /// Members went since the last [`Group::after_removal`].
    members_left: bool,
    /// The entry of this group in the coordinator's timers.
    pub(super) armed: Option<Instant>,
    /// Since when there is nobody, for the removal of groups that left nothing behind.
    pub(super) idle_since: Instant,
}

impl Group {
    pub(super) fn new(limits: Limits, now: Instant) -> Group {
        Group {
            limits,
            state: State::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending: BTreeMap::new(),
            unsynced: BTreeSet::new(),
            initial_wait: None,
            join_deadline: None,
            sync_deadline: None,
            changed: false,
            members_left: false,
            armed: None,
            idle_since: now,
        }
    }

    /// A group as it was left by an earlier process: its members are gone, its generation goes on.
    pub(super) fn restored(limits: Limits, protocol_type: Option<String>, generation: i32, now: Instant) -> Group {
        Group { protocol_type, generation, ..Group::new(limits, now) }
    }

    pub(super) fn state(&self) -> State {
        self.state
    }

    pub(super) fn generation(&self) -> i32 {
        self.generation
    }

    pub(super) fn protocol_type(&self) -> &str {
        self.protocol_type.as_deref().unwrap_or_default()
    }

    /// Nobody is in it or on the way into it.
    pub(super) fn is_idle(&self) -> bool {
        self.state == State::Empty && self.pending.is_empty()
    }

    /// True once after each change of what is kept on disk.
    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// When [`Group::tick`] has something to do next.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let sessions = self.members.values().map(|member| member.session_deadline);
        let pending = self.pending.values().copied();
        sessions.chain(pending).chain(self.join_deadline).chain(self.sync_deadline).min()
    }

    // --- JoinGroup ------------------------------------------------------------------------------------------------

    /// Answers through `reply`: at once, or when the rebalance completes.
    pub(super) fn join(&mut self, request: JoinRequest, reply: JoinReply, now: Instant) {
        if let Err(error) = self.check_join(&request) {
            if error == GroupError::Full {
                self.remove_member(&request.member_id);
                self.after_removal(now);
            }
            drop(reply.send(JoinAnswer::refused(error, request.member_id)));
        } else if request.member_id.is_empty() {
            self.join_new(request, reply, now);
        } else if self.pending.remove(&request.member_id).is_some() {
            self.add_member(request.member_id.clone(), request, reply, false, now);
        } else {
            self.rejoin(request, reply, now);
        }
    }

    fn check_join(&self, request: &JoinRequest) -> Result<(), GroupError> {
        if !self.accepts(&request.member_id) {
            return Err(GroupError::Full);
        }
        if !self.supports(request) {
            return Err(GroupError::InconsistentProtocol);
        }
        if self.bytes_without(&request.member_id) + protocols_bytes(&request.protocols) > self.limits.bytes_max {
            return Err(GroupError::TooLarge);
        }
        if request.member_id.is_empty() || self.pending.contains_key(&request.member_id) {
            return Ok(());
        }
        self.validate_member(&request.member_id, request.instance_id.as_deref())
    }

    fn join_new(&mut self, request: JoinRequest, reply: JoinReply, now: Instant) {
        let prefix = request.instance_id.as_deref().unwrap_or(&request.client_id);
        let id = new_member_id(prefix);
        if let Some(instance_id) = &request.instance_id {
            match self.instances.get(instance_id).cloned() {
                Some(old_id) => self.replace_static(&old_id, id, request, reply, now),
                None => self.add_member(id, request, reply, true, now),
            }
        } else if request.asks_known_id {
            self.pending.insert(id.clone(), now + request.session_timeout);
            drop(reply.send(JoinAnswer::refused(GroupError::MemberIdRequired, id)));
        } else {
            self.add_member(id, request, reply, true, now);
        }
    }

    fn add_member(&mut self, id: String, request: JoinRequest, reply: JoinReply, id_untold: bool, now: Instant) {
        if self.members.is_empty() {
            self.protocol_type = Some(request.protocol_type);
        }
        if let Some(wait) = &mut self.initial_wait {
            wait.joined_meanwhile = true;
        }
        if let Some(instance_id) = &request.instance_id {
            self.instances.insert(instance_id.clone(), id.clone());
        }
        self.leader.get_or_insert_with(|| id.clone());
        let member = Member {
            id: id.clone(),
            instance_id: request.instance_id,
            client_id: request.client_id,
            client_host: request.client_host,
            session_timeout: request.session_timeout,
            rebalance_timeout: request.rebalance_timeout,
            protocols: request.protocols,
            assignment: Bytes::new(),
            join: Some(reply),
            sync: None,
            is_new: true,
            id_untold,
            session_deadline: now + NEW_MEMBER_WAIT_MAX,
        };
        self.members.insert(id, member);
        self.rebalance_or_complete(now);
    }

    fn rejoin(&mut self, request: JoinRequest, reply: JoinReply, now: Instant) {
        let unchanged = self.members.get(&request.member_id).is_some_and(|m| m.protocols == request.protocols);
        let is_leader = self.leader.as_deref() == Some(&request.member_id);
        let keeps_generation = match self.state {
            // The answer was lost on the way: it is given again.
            State::CompletingRebalance => unchanged,
            State::Stable => unchanged && !is_leader,
            State::PreparingRebalance | State::Empty => false,
        };
        if keeps_generation {
            if let Some(member) = self.members.get_mut(&request.member_id) {
                member.renew_session(now);
            }
            drop(reply.send(self.join_answer(&request.member_id)));
            return;
        }
        self.update_member(request, reply);
        self.rebalance_or_complete(now);
    }

    fn update_member(&mut self, request: JoinRequest, reply: JoinReply) {
        if let Some(member) = self.members.get_mut(&request.member_id) {
            // An older JoinGroup of the same member is a request its client gave up on.
            member.answer_join(JoinAnswer::refused(GroupError::RebalanceInProgress, member.id.clone()));
            member.protocols = request.protocols;
            member.session_timeout = request.session_timeout;
            member.rebalance_timeout = request.rebalance_timeout;
            member.client_id = request.client_id;
            member.client_host = request.client_host;
            member.join = Some(reply);
        }
    }

    /// A static member came back after a restart: it takes the place of its former self, which is fenced from now on.
    fn replace_static(&mut self, old_id: &str, id: String, request: JoinRequest, reply: JoinReply, now: Instant) {
        let former_leader = self.leader.clone().unwrap_or_default();
        let Some(mut member) = self.members.remove(old_id) else { return };
        member.answer_join(JoinAnswer::refused(GroupError::FencedInstance, old_id));
        member.answer_sync(Err(GroupError::FencedInstance));
        if let Some(instance_id) = &request.instance_id {
            self.instances.insert(instance_id.clone(), id.clone());
        }
        if self.leader.as_deref() == Some(old_id) {
            self.leader = Some(id.clone());
        }
        if self.unsynced.remove(old_id) {
            self.unsynced.insert(id.clone());
        }
        member.id.clone_from(&id);
        self.members.insert(id.clone(), member);
        let can_skip = request.can_skip_assignment;
        self.update_member(JoinRequest { member_id: id.clone(), ..request }, reply);
        if let Some(member) = self.members.get_mut(&id) {
            member.renew_session(now);
        }
        if self.state == State::Stable && self.select_protocol() == self.protocol {
            self.answer_replaced(&id, can_skip, former_leader);
        } else {
            self.rebalance_or_complete(now);
        }
    }

    /// The returned static member goes on in the present generation. If it leads, it must not assign: it is told so
    /// (v9), or is shown its former id as the leader's, so that it takes itself for a follower.
    fn answer_replaced(&mut self, id: &str, can_skip: bool, former_leader: String) {
        let mut answer = self.join_answer(id);
        if can_skip {
            answer.skip_assignment = self.leader.as_deref() == Some(id);
        } else {
            answer.leader = former_leader;
            answer.members = Vec::new();
        }
        if let Some(member) = self.members.get_mut(id) {
            member.answer_join(answer);
        }
    }

    fn accepts(&self, member_id: &str) -> bool {
        let known = self.members.get(member_id);
        match self.state {
            State::Empty => self.pending.contains_key(member_id) || self.pending.len() < self.limits.members_max,
            State::PreparingRebalance => {
                let awaiting = self.members.values().filter(|member| member.awaits_join()).count();
                known.is_some_and(Member::awaits_join) || self.has_room_besides(awaiting, member_id)
            }
            State::CompletingRebalance | State::Stable => {
                known.is_some() || self.has_room_besides(self.members.len(), member_id)
            }
        }
    }

    /// Ids given out count as members, or there would be no bound on them.
    fn has_room_besides(&self, counted: usize, member_id: &str) -> bool {
        let pending = self.pending.len() - usize::from(self.pending.contains_key(member_id));
        counted + pending < self.limits.members_max
    }

    fn supports(&self, request: &JoinRequest) -> bool {
        if self.state == State::Empty {
            return !request.protocol_type.is_empty() && !request.protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(&request.protocol_type)
            && request.protocols.iter().any(|(name, _)| self.is_common(name))
    }

    fn is_common(&self, protocol: &str) -> bool {
        self.members.values().all(|member| member.protocols.iter().any(|(name, _)| name == protocol))
    }

    /// Bytes of metadata and assignments.
    pub(super) fn bytes(&self) -> usize {
        self.members.values().map(Member::bytes).sum()
    }

    fn bytes_without(&self, member_id: &str) -> usize {
        self.members.values().filter(|member| member.id != member_id).map(Member::bytes).sum()
    }

    // --- SyncGroup ------------------------------------------------------------------------------------------------

    /// Answers through `reply`: at once, or when the leader's assignment comes.
    pub(super) fn sync(&mut self, request: SyncRequest, reply: SyncReply, now: Instant) {
        match self.check_sync(&request) {
            Err(error) => drop(reply.send(Err(error))),
            Ok(()) if self.state == State::Stable => {
                self.synced(&request.member_id);
                let answer = self.sync_answer(&request.member_id);
                drop(reply.send(Ok(answer)));
            }
            Ok(()) => {
                self.synced(&request.member_id);
                if let Some(member) = self.members.get_mut(&request.member_id) {
                    member.answer_sync(Err(GroupError::RebalanceInProgress));
                    member.sync = Some(reply);
                }
                if self.leader.as_deref() == Some(&request.member_id) {
                    self.assign(request.assignments, now);
                }
            }
        }
    }

    fn check_sync(&self, request: &SyncRequest) -> Result<(), GroupError> {
        self.validate_member(&request.member_id, request.instance_id.as_deref())?;
        if request.generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        let differs = |asked: &Option<String>, ours: &Option<String>| asked.is_some() && asked != ours;
        if differs(&request.protocol_type, &self.protocol_type) || differs(&request.protocol, &self.protocol) {
            return Err(GroupError::InconsistentProtocol);
        }
        match self.state {
            State::Empty => Err(GroupError::UnknownMember),
            State::PreparingRebalance => Err(GroupError::RebalanceInProgress),
            State::CompletingRebalance => {
                let bytes: usize = request.assignments.iter().map(|(_, assignment)| assignment.len()).sum();
                let metadata: usize = self.members.values().map(|member| protocols_bytes(&member.protocols)).sum();
                let fits = bytes.saturating_add(metadata) <= self.limits.bytes_max;
                if fits { Ok(()) } else { Err(GroupError::TooLarge) }
            }
            State::Stable => Ok(()),
        }
    }

    fn assign(&mut self, assignments: Vec<(String, Bytes)>, now: Instant) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
        }
        for (id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        self.state = State::Stable;
        self.changed = true;
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let answer = self.sync_answer(&id);
            if let Some(member) = self.members.get_mut(&id)
                && member.sync.is_some()
            {
                member.answer_sync(Ok(answer));
                member.renew_session(now);
            }
        }
    }

    fn sync_answer(&self, member_id: &str) -> SyncAnswer {
        SyncAnswer {
            protocol_type: self.protocol_type.clone(),
            protocol: self.protocol.clone(),
            assignment: self.members.get(member_id).map(|member| member.assignment.clone()).unwrap_or_default(),
        }
    }

    fn synced(&mut self, member_id: &str) {
        self.unsynced.remove(member_id);
        if self.unsynced.is_empty() {
            self.sync_deadline = None;
        }
    }

    // --- Heartbeat, LeaveGroup, OffsetCommit ----------------------------------------------------------------------

    pub(super) fn heartbeat(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        now: Instant,
    ) -> Result<(), GroupError> {
        self.validate_member(member_id, instance_id)?;
        if generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        if self.state == State::Empty {
            return Err(GroupError::UnknownMember);
        }
        if let Some(member) = self.members.get_mut(member_id) {
            member.renew_session(now);
        }
        if self.state == State::PreparingRebalance { Err(GroupError::RebalanceInProgress) } else { Ok(()) }
    }

    pub(super) fn leave(&mut self, leavers: &[Leaver], now: Instant) -> Vec<Result<(), GroupError>> {
        let results = leavers.iter().map(|leaver| self.leave_one(leaver)).collect();
        self.after_removal(now);
        results
    }

    fn leave_one(&mut self, leaver: &Leaver) -> Result<(), GroupError> {
        if self.pending.remove(&leaver.member_id).is_some() {
            return Ok(());
        }
        let by_instance = leaver.instance_id.as_ref().filter(|_| leaver.member_id.is_empty());
        let id = match by_instance {
            Some(instance_id) => self.instances.get(instance_id).cloned().ok_or(GroupError::UnknownMember)?,
            None => leaver.member_id.clone(),
        };
        self.validate_member(&id, leaver.instance_id.as_deref())?;
        self.remove_member(&id);
        Ok(())
    }

    /// Whether this member may commit offsets now; a commit also tells that it is alive.
    pub(super) fn check_commit(
        &mut self,
        member_id: &str,
        instance_id: Option<&str>,
        generation: i32,
        now: Instant,
    ) -> Result<(), GroupError> {
        if generation < 0 && self.state == State::Empty {
            self.idle_since = now;
            return Ok(());
        }
        if generation < 0 && member_id.is_empty() && instance_id.is_none() {
            return Err(GroupError::UnknownMember);
        }
        self.validate_member(member_id, instance_id)?;
        if generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        if self.state == State::CompletingRebalance {
            return Err(GroupError::RebalanceInProgress);
        }
        if let Some(member) = self.members.get_mut(member_id) {
            member.renew_session(now);
        }
        Ok(())
    }

    /// The topics that members of a `consumer` group subscribe to; none for other kinds of group, or if a member's
    /// subscription cannot be read: then any topic may be in use.
    pub(super) fn subscribed_topics(&self) -> Option<BTreeSet<String>> {
        let protocol = self.protocol.as_deref().filter(|_| self.protocol_type() == "consumer")?;
        let mut topics = BTreeSet::new();
        for member in self.members.values() {
            topics.extend(super::subscription::topics(&member.metadata_for(protocol))?);
        }
        Some(topics)
    }

    fn validate_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<(), GroupError> {
        if let Some(instance_id) = instance_id {
            let current = self.instances.get(instance_id).ok_or(GroupError::UnknownMember)?;
            if current != member_id {
                return Err(GroupError::FencedInstance);
            }
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(GroupError::UnknownMember) }
    }

    // --- Departures and time --------------------------------------------------------------------------------------

    fn remove_member(&mut self, id: &str) {
        let Some(mut member) = self.members.remove(id) else { return };
        member.answer_join(JoinAnswer::refused(GroupError::UnknownMember, id));
        member.answer_sync(Err(GroupError::UnknownMember));
        if let Some(instance_id) = &member.instance_id {
            self.instances.remove(instance_id);
        }
        self.synced(id);
        if self.leader.as_deref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
        self.members_left = true;
    }

    /// Call after members or pending ids may have gone.
    fn after_removal(&mut self, now: Instant) {
        let members_left = std::mem::take(&mut self.members_left);
        match self.state {
            State::Empty => {}
            State::PreparingRebalance => self.complete_if_all_joined(now),
            State::CompletingRebalance | State::Stable if members_left => self.prepare(now),
            State::CompletingRebalance | State::Stable => {}
        }
    }

    /// Some connection with a parked JoinGroup went away. Members that nobody can speak for are removed, the others
    /// have their session to come back.
    pub(super) fn connection_lost(&mut self, now: Instant) {
        let mut orphans = Vec::new();
        for member in self.members.values_mut().filter(|member| member.join.is_some() && !member.awaits_join()) {
            member.join = None;
            if member.id_untold && member.instance_id.is_none() {
                orphans.push(member.id.clone());
            } else {
                member.renew_session(now);
            }
        }
        for id in orphans {
            self.remove_member(&id);
        }
        self.after_removal(now);
    }

    /// Does what is due at `now`: sessions, ids never used, the ends of the join and sync phases.
    pub(super) fn tick(&mut self, now: Instant) {
        self.pending.retain(|_, deadline| *deadline > now);
        let mut expired = Vec::new();
        for member in self.members.values_mut().filter(|member| member.session_deadline <= now) {
            if member.is_kept_alive() {
                member.renew_session(now);
            } else {
                expired.push(member.id.clone());
            }
        }
        for id in expired {
            self.remove_member(&id);
        }
        if self.sync_deadline.is_some_and(|deadline| deadline <= now) {
            self.sync_deadline = None;
            for id in std::mem::take(&mut self.unsynced) {
                self.remove_member(&id);
            }
        }
        self.after_removal(now);
        if self.join_deadline.is_some_and(|deadline| deadline <= now) {
            self.join_phase_over(now);
        }
    }

    fn join_phase_over(&mut self, now: Instant) {
        let delay = self.limits.initial_rebalance_delay;
        match &mut self.initial_wait {
            Some(wait) if wait.joined_meanwhile && !wait.left.is_zero() => {
                let next = delay.min(wait.left);
                *wait = InitialWait { left: wait.left.saturating_sub(next), joined_meanwhile: false };
                self.join_deadline = Some(now + next);
            }
            _ => self.complete(now),
        }
    }

    pub(super) fn describe(&self) -> GroupDescription {
        let protocol = self.protocol.clone().filter(|_| self.state == State::Stable);
        let members = self.members.values().map(|member| MemberDescription {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            client_id: member.client_id.clone(),
            client_host: member.client_host.clone(),
            metadata: protocol.as_deref().map(|protocol| member.metadata_for(protocol)).unwrap_or_default(),
            assignment: if protocol.is_some() { member.assignment.clone() } else { Bytes::new() },
        });
        GroupDescription {
            state: self.state.name(),
            protocol_type: self.protocol_type().to_owned(),
            members: members.collect(),
            protocol: protocol.unwrap_or_default(),
        }
    }
}

/// `<prefix>-<random UUID>`, as the real coordinator names members.
fn new_member_id(prefix: &str) -> String {
    let [high, low] = rand::random::<[u64; 2]>();
    let high = (high & !0xf000) | 0x4000;
    let low = (low & !(0b11 << 62)) | (0b10 << 62);
    format!(
        "{prefix}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}
