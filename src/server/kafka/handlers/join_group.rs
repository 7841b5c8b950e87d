//! JoinGroup (11): into the group, or into its next generation.

use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::{
    messages::{JoinGroupRequest, JoinGroupResponse, join_group_response::JoinGroupResponseMember},
    protocol::StrBytes,
};

use super::group_limits::text;
use crate::server::kafka::state::{
    ClientInfo,
    groups::{GroupCoordinator, GroupError, JoinAnswer, JoinRequest},
};

/// v4: a member without id is given one and comes back with it.
const KNOWN_ID_VERSION: i16 = 4;
/// v7: the protocol's name may be null.
const NULLABLE_PROTOCOL_VERSION: i16 = 7;
const SKIP_ASSIGNMENT_VERSION: i16 = 9;
/// Assignment strategies of one member; clients send one to five.
const PROTOCOLS_MAX: usize = 100;

pub(crate) async fn handle(
    groups: &GroupCoordinator,
    client: &ClientInfo,
    version: i16,
    request: JoinGroupRequest,
) -> JoinGroupResponse {
    if request.protocols.len() > PROTOCOLS_MAX {
        return answered(version, JoinAnswer::refused(GroupError::TooLarge, request.member_id.to_string()));
    }
    let group_id = request.group_id.to_string();
    let answer = groups.join(&group_id, asked(client, version, request)).await;
    answered(version, answer)
}

/// Copies what the group keeps out of the request: a slice would hold the whole frame in memory.
fn asked(client: &ClientInfo, version: i16, request: JoinGroupRequest) -> JoinRequest {
    // v0 has no rebalance timeout: it waits as long as a session lasts.
    let rebalance_timeout_ms = if version == 0 { request.session_timeout_ms } else { request.rebalance_timeout_ms };
    JoinRequest {
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|id| id.to_string()),
        client_id: client.client_id.clone(),
        client_host: client.client_host.clone(),
        session_timeout: millis(request.session_timeout_ms),
        rebalance_timeout: millis(rebalance_timeout_ms),
        protocol_type: request.protocol_type.to_string(),
        protocols: request
            .protocols
            .into_iter()
            .map(|protocol| (protocol.name.to_string(), Bytes::copy_from_slice(&protocol.metadata)))
            .collect(),
        asks_known_id: version >= KNOWN_ID_VERSION,
        can_skip_assignment: version >= SKIP_ASSIGNMENT_VERSION,
    }
}

fn millis(ms: i32) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

fn answered(version: i16, answer: JoinAnswer) -> JoinGroupResponse {
    let protocol = answer.protocol.filter(|name| !name.is_empty()).map(text);
    let protocol = if version >= NULLABLE_PROTOCOL_VERSION { protocol } else { Some(protocol.unwrap_or_default()) };
    let members = answer.members.into_iter().map(|member| {
        JoinGroupResponseMember::default()
            .with_member_id(text(member.member_id))
            .with_group_instance_id(member.instance_id.map(text))
            .with_metadata(member.metadata)
    });
    JoinGroupResponse::default()
        .with_error_code(answer.error.map_or(0, |error| error.code()))
        .with_generation_id(answer.generation)
        .with_protocol_type(answer.protocol_type.map(text))
        .with_protocol_name(protocol)
        .with_leader(StrBytes::from_string(answer.leader))
        .with_skip_assignment(answer.skip_assignment)
        .with_member_id(text(answer.member_id))
        .with_members(members.collect())
}
