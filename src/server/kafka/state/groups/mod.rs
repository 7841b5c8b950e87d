//! Consumer groups (the classic protocol) and their committed offsets.
//!
//! [`GroupCoordinator`] is the door: it finds the group, runs its state machine ([`group`]) under a short lock, and waits
//! outside of it for rebalances and for the disk. Committed offsets live in [`storage::offsets`](crate::server::kafka::storage).
//!
//! Members do not survive the broker's restart, on purpose: a development stack mostly dies together with its consumers,
//! and new ones must not wait for the sessions of ghosts. Those that did live on get `UNKNOWN_MEMBER_ID` and join again.
//! The generation and the committed offsets go on where they were.

mod answers;
mod coordinator;
mod error;
mod group;
mod member;
mod offsets;
mod subscription;
mod timers;

#[cfg(test)]
mod tests;

use std::time::Duration;

pub(crate) use answers::{GroupDescription, GroupListing, JoinAnswer, JoinRequest, Leaver, SyncAnswer, SyncRequest};
pub(crate) use coordinator::GroupCoordinator;
pub(crate) use error::GroupError;
pub(crate) use offsets::{Commit, OffsetToCommit};

pub(crate) use crate::server::kafka::storage::offsets::CommittedOffset;
pub use crate::server::kafka::storage::offsets::OffsetStoreError;

/// Bounds and times of group management. The defaults are the real broker's, but for the bounds on memory, which it
/// does not have, and the initial rebalance delay.
#[derive(Debug, Clone)]
pub(crate) struct GroupConfig {
    /// `group.min.session.timeout.ms`
    pub(crate) session_timeout_min: Duration,
    /// `group.max.session.timeout.ms`
    pub(crate) session_timeout_max: Duration,
    /// `group.initial.rebalance.delay.ms`: 0.2 s here, 3 s in the real broker. It saves a rebalance when several
    /// members start at once. It is not 0 because a client may join before it has the topic's metadata, a tenth of a
    /// second later: it joins again then, and kafka-python 3 forgets that second assignment when its `poll` ends
    /// within it.
    pub(crate) initial_rebalance_delay: Duration,
    /// `group.max.size`
    pub(crate) members_max: usize,
    /// Groups known at a time, those that only left offsets behind included.
    pub(crate) groups_max: usize,
    /// Bytes of metadata and assignments that one group may keep.
    pub(crate) group_bytes_max: usize,
    /// The same for all groups together. At this bound joins are refused as if the group were full.
    pub(crate) all_groups_bytes_max: usize,
    /// `offset.metadata.max.bytes`, in UTF-16 units as the real broker counts.
    pub(crate) offset_metadata_max: usize,
    /// `offsets.retention.minutes`, counted from when the group became empty or last committed.
    pub(crate) offsets_retention: Duration,
    /// `offsets.retention.check.interval.ms`; also how long an empty group without offsets is remembered.
    pub(crate) retention_check_interval: Duration,
}

impl Default for GroupConfig {
    fn default() -> GroupConfig {
        GroupConfig {
            session_timeout_min: Duration::from_secs(6),
            session_timeout_max: Duration::from_secs(1800),
            initial_rebalance_delay: Duration::from_millis(200),
            members_max: 1000,
            groups_max: 20_000,
            group_bytes_max: 16 << 20,
            all_groups_bytes_max: 128 << 20,
            offset_metadata_max: 4096,
            offsets_retention: Duration::from_secs(7 * 24 * 3600),
            retention_check_interval: Duration::from_secs(600),
        }
    }
}
