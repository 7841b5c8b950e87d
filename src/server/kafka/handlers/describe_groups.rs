//! DescribeGroups (15).

use kafka_protocol::{
    ResponseError,
    messages::{
        DescribeGroupsRequest, DescribeGroupsResponse, GroupId,
        describe_groups_response::{DescribedGroup, DescribedGroupMember},
    },
    protocol::StrBytes,
};

use super::group_limits::{AnswerBudget, NAMES_MAX, text};
use crate::server::kafka::state::{
    ClientInfo,
    groups::{GroupCoordinator, GroupDescription, GroupError},
};

/// v6: an absent group is an error; before, a group in the state `Dead`.
const NOT_FOUND_VERSION: i16 = 6;
const AUTHORIZED_OPERATIONS_VERSION: i16 = 3;
/// Read (3), delete (6), describe (8), describe configs (10), alter configs (11): without an authorizer all that a
/// group has.
const ALL_OPERATIONS: i32 = 1 << 3 | 1 << 6 | 1 << 8 | 1 << 10 | 1 << 11;
const OPERATIONS_NOT_ASKED: i32 = i32::MIN;

pub(crate) async fn handle(
    groups: &GroupCoordinator,
    _client: &ClientInfo,
    version: i16,
    request: DescribeGroupsRequest,
) -> DescribeGroupsResponse {
    let asked = version >= AUTHORIZED_OPERATIONS_VERSION && request.include_authorized_operations;
    let operations = if asked { ALL_OPERATIONS } else { OPERATIONS_NOT_ASKED };
    let mut budget = AnswerBudget::new();
    let described = request.groups.into_iter().take(NAMES_MAX).map(|group_id| match groups.describe(&group_id) {
        Some(description) if !budget.take(description.bytes()) => {
            dead(group_id).with_error_code(ResponseError::InvalidRequest.code())
        }
        Some(description) => found(group_id, description).with_authorized_operations(operations),
        None if version >= NOT_FOUND_VERSION => absent(group_id),
        None => dead(group_id).with_authorized_operations(operations),
    });
    DescribeGroupsResponse::default().with_groups(described.collect())
}

fn found(group_id: GroupId, description: GroupDescription) -> DescribedGroup {
    let members = description.members.into_iter().map(|member| {
        DescribedGroupMember::default()
            .with_member_id(text(member.member_id))
            .with_group_instance_id(member.instance_id.map(text))
            .with_client_id(text(member.client_id))
            .with_client_host(text(member.client_host))
            .with_member_metadata(member.metadata)
            .with_member_assignment(member.assignment)
    });
    DescribedGroup::default()
        .with_error_message(None)
        .with_group_id(group_id)
        .with_group_state(StrBytes::from_static_str(description.state))
        .with_protocol_type(text(description.protocol_type))
        .with_protocol_data(text(description.protocol))
        .with_members(members.collect())
}

fn dead(group_id: GroupId) -> DescribedGroup {
    DescribedGroup::default()
        .with_error_message(None)
        .with_group_id(group_id)
        .with_group_state(StrBytes::from_static_str("Dead"))
}

fn absent(group_id: GroupId) -> DescribedGroup {
    let message = format!("Group {} not found.", *group_id);
    dead(group_id)
        .with_error_code(GroupError::GroupNotFound.code())
        .with_error_message(Some(text(message)))
        .with_authorized_operations(OPERATIONS_NOT_ASKED)
}
