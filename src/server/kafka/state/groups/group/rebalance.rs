//! From one generation to the next: gather the members, elect a leader and a protocol, hand out the answers.

use std::{cmp::Reverse, collections::BTreeMap, time::Duration};

use bytes::Bytes;
use tokio::time::Instant;

use super::{Group, GroupError, InitialWait, POSTPONED_WAIT_MIN, State};
use crate::server::kafka::state::groups::{
    answers::{JoinAnswer, JoinedMember},
    member::Member,
};

impl Group {
    pub(super) fn rebalance_or_complete(&mut self, now: Instant) {
        if self.state == State::PreparingRebalance { self.complete_if_all_joined(now) } else { self.prepare(now) }
    }

    pub(super) fn prepare(&mut self, now: Instant) {
        if self.state == State::CompletingRebalance {
            for member in self.members.values_mut() {
                member.assignment = Bytes::new();
                member.answer_sync(Err(GroupError::RebalanceInProgress));
            }
        }
        self.unsynced.clear();
        self.sync_deadline = None;
        let initial = self.state == State::Empty;
        self.state = State::PreparingRebalance;
        if !initial {
            self.complete_if_all_joined(now);
            if self.state == State::PreparingRebalance && self.join_deadline.is_none() {
                self.join_deadline = Some(now + self.rebalance_timeout());
            }
        } else if self.limits.initial_rebalance_delay.is_zero() {
            self.complete(now);
        } else {
            let delay = self.limits.initial_rebalance_delay;
            let left = self.rebalance_timeout().saturating_sub(delay);
            self.initial_wait = Some(InitialWait { left, joined_meanwhile: false });
            self.join_deadline = Some(now + delay);
        }
    }

    pub(super) fn complete_if_all_joined(&mut self, now: Instant) {
        let all_joined = self.pending.is_empty() && self.members.values().all(Member::awaits_join);
        if all_joined && self.initial_wait.is_none() {
            self.complete(now);
        }
    }

    /// The rebalance is over: whoever has not joined is out, a new generation begins.
    pub(super) fn complete(&mut self, now: Instant) {
        self.join_deadline = None;
        self.initial_wait = None;
        let missing: Vec<String> = self
            .members
            .values()
            .filter(|member| !member.awaits_join() && member.instance_id.is_none())
            .map(|member| member.id.clone())
            .collect();
        for id in missing {
            self.remove_member(&id);
        }
        if !self.members.is_empty() && !self.elect_joined_leader() {
            // Only silent static members are left: their sessions decide. A timeout of 0 must not make this a busy loop.
            self.join_deadline = Some(now + self.rebalance_timeout().max(POSTPONED_WAIT_MIN));
            return;
        }
        self.generation = self.generation.checked_add(1).unwrap_or(1);
        self.unsynced.clear();
        // Whoever went before now is no reason for one more rebalance.
        self.members_left = false;
        if self.members.is_empty() {
            self.become_empty(now);
        } else {
            self.begin_generation(now);
        }
    }

    pub(super) fn become_empty(&mut self, now: Instant) {
        self.state = State::Empty;
        self.protocol = None;
        self.leader = None;
        self.sync_deadline = None;
        self.changed = true;
        self.idle_since = now;
    }

    pub(super) fn begin_generation(&mut self, now: Instant) {
        self.protocol = self.select_protocol();
        self.state = State::CompletingRebalance;
        self.sync_deadline = Some(now + self.rebalance_timeout());
        let ids: Vec<String> = self.members.keys().cloned().collect();
        for id in ids {
            let answer = self.join_answer(&id);
            if let Some(member) = self.members.get_mut(&id) {
                member.answer_join(answer);
                member.is_new = false;
                member.id_untold = false;
                member.renew_session(now);
            }
            self.unsynced.insert(id);
        }
    }

    /// The leader stays if it joined again, else the first member that did leads.
    pub(super) fn elect_joined_leader(&mut self) -> bool {
        let stays = self.leader.as_ref().and_then(|id| self.members.get(id)).is_some_and(Member::awaits_join);
        if !stays {
            let Some(joined) = self.members.values().find(|member| member.awaits_join()) else { return false };
            self.leader = Some(joined.id.clone());
        }
        true
    }

    /// Each member votes for its first protocol that all support; the leader's order breaks a tie.
    pub(super) fn select_protocol(&self) -> Option<String> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some((name, _)) = member.protocols.iter().find(|(name, _)| self.is_common(name)) {
                *votes.entry(name).or_default() += 1;
            }
        }
        let leader = self.leader.as_ref().and_then(|id| self.members.get(id));
        let rank = |name: &str| leader.and_then(|m| m.protocols.iter().position(|(n, _)| n == name));
        let (name, _) = votes.into_iter().max_by_key(|(name, count)| (*count, Reverse(rank(name))))?;
        Some(name.to_owned())
    }

    pub(super) fn join_answer(&self, member_id: &str) -> JoinAnswer {
        let protocol = self.protocol.clone().unwrap_or_default();
        let is_leader = self.leader.as_deref() == Some(member_id);
        let members = self.members.values().filter(|_| is_leader).map(|member| JoinedMember {
            member_id: member.id.clone(),
            instance_id: member.instance_id.clone(),
            metadata: member.metadata_for(&protocol),
        });
        JoinAnswer {
            error: None,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            skip_assignment: false,
            member_id: member_id.to_owned(),
            members: members.collect(),
            protocol: Some(protocol),
        }
    }

    pub(super) fn rebalance_timeout(&self) -> Duration {
        self.members.values().map(|member| member.rebalance_timeout).max().unwrap_or_default()
    }
}
