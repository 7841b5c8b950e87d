//! One member of a group: what it told, what it waits for, until when it is believed alive.

use std::time::Duration;

use bytes::Bytes;
use tokio::{sync::oneshot, time::Instant};

use super::{
    GroupError,
    answers::{JoinAnswer, SyncAnswer},
};

pub(super) type JoinReply = oneshot::Sender<JoinAnswer>;
pub(super) type SyncReply = oneshot::Sender<Result<SyncAnswer, GroupError>>;

/// How long a member that joined, and was not yet told its id, may wait for the others. It cannot send heartbeats, and
/// its connection may be gone unseen; the real coordinator's bound.
pub(super) const NEW_MEMBER_WAIT_MAX: Duration = Duration::from_secs(300);

pub(super) struct Member {
    pub(super) id: String,
    pub(super) instance_id: Option<String>,
    pub(super) client_id: String,
    pub(super) client_host: String,
    pub(super) session_timeout: Duration,
    pub(super) rebalance_timeout: Duration,
    /// Names in the member's order of preference, with its metadata for each.
    pub(super) protocols: Vec<(String, Bytes)>,
    pub(super) assignment: Bytes,
    /// A parked JoinGroup.
    pub(super) join: Option<JoinReply>,
    /// A parked SyncGroup.
    pub(super) sync: Option<SyncReply>,
    /// In its first join: never part of a generation yet.
    pub(super) is_new: bool,
    /// The client has not been told its id: if its connection goes, nobody can speak for this member again.
    pub(super) id_untold: bool,
    pub(super) session_deadline: Instant,
}

impl Member {
    /// Waits for a rebalance to complete, and its connection still stands.
    pub(super) fn awaits_join(&self) -> bool {
        self.join.as_ref().is_some_and(|reply| !reply.is_closed())
    }

    fn awaits_sync(&self) -> bool {
        self.sync.as_ref().is_some_and(|reply| !reply.is_closed())
    }

    /// Waiting for us counts as alive, except for a first join without end.
    pub(super) fn is_kept_alive(&self) -> bool {
        !self.is_new && (self.awaits_join() || self.awaits_sync())
    }

    pub(super) fn renew_session(&mut self, now: Instant) {
        self.session_deadline = now + self.session_timeout;
    }

    pub(super) fn metadata_for(&self, protocol: &str) -> Bytes {
        self.protocols.iter().find(|(name, _)| name == protocol).map(|(_, bytes)| bytes.clone()).unwrap_or_default()
    }

    /// Bytes this member keeps, besides its fixed part.
    pub(super) fn bytes(&self) -> usize {
        protocols_bytes(&self.protocols) + self.assignment.len()
    }

    /// Answers a parked JoinGroup; a client that is gone does not matter.
    pub(super) fn answer_join(&mut self, answer: JoinAnswer) {
        if let Some(reply) = self.join.take() {
            drop(reply.send(answer));
        }
    }

    pub(super) fn answer_sync(&mut self, answer: Result<SyncAnswer, GroupError>) {
        if let Some(reply) = self.sync.take() {
            drop(reply.send(answer));
        }
    }
}

pub(super) fn protocols_bytes(protocols: &[(String, Bytes)]) -> usize {
    protocols.iter().map(|(name, metadata)| name.len() + metadata.len()).sum()
}
