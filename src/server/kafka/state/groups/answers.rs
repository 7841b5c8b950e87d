//! What is asked of a group and what it answers, free of the protocol's versions.

use std::time::Duration;

use bytes::Bytes;

use super::GroupError;

/// JoinGroup, with the version's differences resolved.
#[derive(Debug, Clone)]
pub(crate) struct JoinRequest {
    /// Empty on a first join.
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    pub(crate) session_timeout: Duration,
    pub(crate) rebalance_timeout: Duration,
    pub(crate) protocol_type: String,
    pub(crate) protocols: Vec<(String, Bytes)>,
    /// v4+: a member without id is given one and told to come back with it.
    pub(crate) asks_known_id: bool,
    /// v9+: a leader can be told that there is nothing to assign.
    pub(crate) can_skip_assignment: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct JoinAnswer {
    pub(crate) error: Option<GroupError>,
    /// -1 with an error.
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) leader: String,
    pub(crate) skip_assignment: bool,
    pub(crate) member_id: String,
    /// Only the leader's answer has them.
    pub(crate) members: Vec<JoinedMember>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JoinedMember {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) metadata: Bytes,
}

impl JoinAnswer {
    pub(crate) fn refused(error: GroupError, member_id: impl Into<String>) -> JoinAnswer {
        JoinAnswer { error: Some(error), generation: -1, member_id: member_id.into(), ..JoinAnswer::default() }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct SyncRequest {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) generation: i32,
    /// v5+; checked when given.
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    /// The leader's: assignments by member id.
    pub(crate) assignments: Vec<(String, Bytes)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SyncAnswer {
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol: Option<String>,
    pub(crate) assignment: Bytes,
}

/// Who leaves: by member id, or by instance id alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaver {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupDescription {
    pub(crate) state: &'static str,
    pub(crate) protocol_type: String,
    /// The protocol in use; empty unless the group is stable.
    pub(crate) protocol: String,
    pub(crate) members: Vec<MemberDescription>,
}

impl GroupDescription {
    /// Bytes of what members told and were told.
    pub(crate) fn bytes(&self) -> usize {
        self.members.iter().map(|member| member.metadata.len() + member.assignment.len() + member.member_id.len()).sum()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberDescription {
    pub(crate) member_id: String,
    pub(crate) instance_id: Option<String>,
    pub(crate) client_id: String,
    pub(crate) client_host: String,
    /// Both empty unless the group is stable.
    pub(crate) metadata: Bytes,
    pub(crate) assignment: Bytes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GroupListing {
    pub(crate) group_id: String,
    pub(crate) protocol_type: String,
    pub(crate) state: &'static str,
}
