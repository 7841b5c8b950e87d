//! The state that the log's records add up to: per group its facts and its offsets.

use std::collections::BTreeMap;

use super::format::Record;

/// What a group committed for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommittedOffset {
    /// The next offset to read, as the client gave it.
    pub(crate) offset: i64,
    /// The leader epoch of the last record read, -1 when unknown.
    pub(crate) leader_epoch: i32,
    /// The client's own note.
    pub(crate) metadata: String,
    /// When it was committed, in milliseconds since 1970.
    pub(crate) committed_at_ms: i64,
}

/// What survives of a group besides its offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupFacts {
    /// `consumer`, `connect`, ...
    pub(crate) protocol_type: String,
    pub(crate) generation: i32,
    /// Since when the group has no members, in milliseconds since 1970; none while it has some.
    pub(crate) empty_since_ms: Option<i64>,
}

/// Offsets by topic and partition.
pub(crate) type GroupOffsets = BTreeMap<String, BTreeMap<i32, CommittedOffset>>;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct StoredGroup {
    pub(crate) facts: Option<GroupFacts>,
    pub(crate) offsets: GroupOffsets,
}

/// All groups that left something behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OffsetTable {
    groups: BTreeMap<String, StoredGroup>,
}

impl OffsetTable {
    pub(crate) fn group(&self, group: &str) -> Option<&StoredGroup> {
        self.groups.get(group)
    }

    pub(crate) fn groups(&self) -> impl Iterator<Item = (&String, &StoredGroup)> {
        self.groups.iter()
    }

    pub(crate) fn committed(&self, group: &str, topic: &str, partition: i32) -> Option<&CommittedOffset> {
        self.groups.get(group)?.offsets.get(topic)?.get(&partition)
    }

    /// The one place where a record changes the state: live and in recovery alike.
    pub(super) fn apply(&mut self, record: Record) {
        match record {
            Record::Commit { group, offsets } => {
                let stored = self.groups.entry(group).or_default();
                for (topic, partition, committed) in offsets {
                    stored.offsets.entry(topic).or_default().insert(partition, committed);
                }
            }
            Record::DeleteOffsets { group, partitions } => self.remove(&group, |offsets| {
                for (topic, partition) in &partitions {
                    if let Some(of_topic) = offsets.get_mut(topic) {
                        of_topic.remove(partition);
                    }
                }
            }),
            Record::ExpireOffsets { group, before_ms } => self.remove(&group, |offsets| {
                for of_topic in offsets.values_mut() {
                    of_topic.retain(|_, committed| committed.committed_at_ms >= before_ms);
                }
            }),
            Record::DeleteGroup { group } => {
                self.groups.remove(&group);
            }
            Record::Facts { group, facts } => self.groups.entry(group).or_default().facts = Some(facts),
        }
    }

    fn remove(&mut self, group: &str, change: impl FnOnce(&mut GroupOffsets)) {
        if let Some(stored) = self.groups.get_mut(group) {
            change(&mut stored.offsets);
            stored.offsets.retain(|_, of_topic| !of_topic.is_empty());
        }
    }
}
