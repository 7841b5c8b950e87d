//! Commits and fetches: the group decides, the store keeps.

use std::collections::BTreeSet;

use super::{
    GroupCoordinator, GroupError,
    coordinator::{ID_BYTES_MAX, now_ms},
    group::State,
};
use crate::server::kafka::storage::offsets::{COMMIT_PARTITIONS_MAX, CommittedOffset, GroupOffsets, Record, Ticket};

/// OffsetCommit, with partitions already found to exist.
#[derive(Debug, Clone, Default)]
pub(crate) struct Commit {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    /// -1 outside of group management.
    pub(crate) generation: i32,
    /// v9+: an absent group is named as such.
    pub(crate) knows_group_not_found: bool,
    pub(crate) offsets: Vec<OffsetToCommit>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct OffsetToCommit {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) offset: i64,
    pub(crate) leader_epoch: i32,
    pub(crate) metadata: String,
}

impl GroupCoordinator {
    /// Returns when the offsets are durable. The order of commits is the order in which the group accepted them.
    pub(crate) async fn commit(&self, group_id: &str, commit: Commit) -> Result<(), GroupError> {
        self.run_timers();
        let tickets = self.submit_commit(group_id, commit)?;
        for ticket in tickets {
            ticket.durable().await?;
        }
        Ok(())
    }

    /// Checked and queued under one lock, so that no commit of an older generation comes after one of a newer.
    fn submit_commit(&self, group_id: &str, commit: Commit) -> Result<Vec<Ticket>, GroupError> {
        // An empty id is legal here, for old clients.
        if group_id.len() > ID_BYTES_MAX {
            return Err(GroupError::InvalidGroupId);
        }
        let mut groups = self.inner.lock();
        let known = groups.by_id.contains_key(group_id);
        if !known && commit.generation >= 0 {
            return Err(if commit.knows_group_not_found {
                GroupError::GroupNotFound
            } else {
                GroupError::IllegalGeneration
            });
        }
        if !known && !self.inner.make_room(&mut groups) {
            return Err(GroupError::Full);
        }
        let Commit { member_id, instance_id, generation, offsets, .. } = commit;
        self.inner
            .change(&mut groups, group_id, true, |group, now| {
                group.check_commit(&member_id, instance_id.as_deref(), generation, now)
            })
            .unwrap_or(Err(GroupError::UnknownMember))?;
        let committed_at_ms = now_ms();
        let mut tickets = Vec::with_capacity(offsets.len().div_ceil(COMMIT_PARTITIONS_MAX));
        for chunk in offsets.chunks(COMMIT_PARTITIONS_MAX) {
            let offsets = chunk.iter().map(|offset| offset.stored(committed_at_ms)).collect();
            tickets.push(self.inner.store.submit(Record::Commit { group: group_id.to_owned(), offsets })?);
        }
        Ok(tickets)
    }

    /// What a group committed for one partition.
    pub(crate) fn committed(&self, group_id: &str, topic: &str, partition: i32) -> Option<CommittedOffset> {
        self.inner.store.read().committed(group_id, topic, partition).cloned()
    }

    /// All that a group committed.
    pub(crate) fn all_committed(&self, group_id: &str) -> GroupOffsets {
        self.inner.store.read().group(group_id).map(|stored| stored.offsets.clone()).unwrap_or_default()
    }

    /// Longest note that may come with an offset, in UTF-16 units.
    pub(crate) fn offset_metadata_max(&self) -> usize {
        self.inner.config.offset_metadata_max
    }

    /// Whether this group's offsets of `topic` may be deleted: not while a member reads it.
    pub(crate) fn check_offset_delete(&self, group_id: &str) -> Result<Option<BTreeSet<String>>, GroupError> {
        let groups = self.inner.lock();
        let group = groups.by_id.get(group_id).ok_or(GroupError::GroupNotFound)?;
        match group.state() {
            State::Empty => Ok(None),
            // Only a consumer group tells which topics it reads; another kind may read any.
            _ if group.protocol_type() == "consumer" => {
                group.subscribed_topics().map(Some).ok_or(GroupError::GroupNotEmpty)
            }
            _ => Err(GroupError::GroupNotEmpty),
        }
    }

    /// Deletes offsets of one group; returns when that is durable.
    pub(crate) async fn delete_offsets(
        &self,
        group_id: &str,
        partitions: Vec<(String, i32)>,
    ) -> Result<(), GroupError> {
        let mut tickets = Vec::new();
        for chunk in partitions.chunks(COMMIT_PARTITIONS_MAX) {
            let record = Record::DeleteOffsets { group: group_id.to_owned(), partitions: chunk.to_vec() };
            tickets.push(self.inner.store.submit(record)?);
        }
        for ticket in tickets {
            ticket.durable().await?;
        }
        Ok(())
    }

    /// Drops offsets that the topics they belong to took with them; returns when that is durable.
    pub(crate) async fn forget_topic(&self, topic: &str) -> Result<(), GroupError> {
        let of_topic: Vec<(String, Vec<(String, i32)>)> = self
            .inner
            .store
            .read()
            .groups()
            .filter_map(|(group, stored)| {
                let partitions = stored.offsets.get(topic)?.keys().map(|p| (topic.to_owned(), *p)).collect();
                Some((group.clone(), partitions))
            })
            .collect();
        for (group, partitions) in of_topic {
            self.delete_offsets(&group, partitions).await?;
        }
        Ok(())
    }
}

impl OffsetToCommit {
    fn stored(&self, committed_at_ms: i64) -> (String, i32, CommittedOffset) {
        let committed = CommittedOffset {
            offset: self.offset,
            leader_epoch: self.leader_epoch,
            metadata: self.metadata.clone(),
            committed_at_ms,
        };
        (self.topic.clone(), self.partition, committed)
    }
}
