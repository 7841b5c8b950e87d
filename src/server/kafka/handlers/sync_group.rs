//! SyncGroup (14): the leader hands the assignment in, everyone takes theirs.

use bytes::Bytes;
use kafka_protocol::messages::{SyncGroupRequest, SyncGroupResponse};

use super::group_limits::{NAMES_MAX, text};
use crate::server::kafka::state::{
    ClientInfo,
    groups::{GroupCoordinator, GroupError, SyncRequest},
};

/// v5: protocol type and name are mandatory.
const PROTOCOL_VERSION: i16 = 5;

pub(crate) async fn handle(
    groups: &GroupCoordinator,
    _client: &ClientInfo,
    version: i16,
    request: SyncGroupRequest,
) -> SyncGroupResponse {
    let group_id = request.group_id.to_string();
    let named = request.protocol_type.is_some() && request.protocol_name.is_some();
    let result = if version >= PROTOCOL_VERSION && !named {
        Err(GroupError::InconsistentProtocol)
    } else if request.assignments.len() > NAMES_MAX {
        Err(GroupError::TooLarge)
    } else {
        groups.sync(&group_id, asked(request)).await
    };
    match result {
        Ok(answer) => SyncGroupResponse::default()
            .with_protocol_type(answer.protocol_type.map(text))
            .with_protocol_name(answer.protocol.map(text))
            .with_assignment(answer.assignment),
        Err(error) => {
            SyncGroupResponse::default().with_error_code(error.code()).with_protocol_type(None).with_protocol_name(None)
        }
    }
}

fn asked(request: SyncGroupRequest) -> SyncRequest {
    SyncRequest {
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|id| id.to_string()),
        generation: request.generation_id,
        protocol_type: request.protocol_type.map(|name| name.to_string()),
        protocol: request.protocol_name.map(|name| name.to_string()),
        assignments: request
            .assignments
            .into_iter()
            .map(|of| (of.member_id.to_string(), Bytes::copy_from_slice(&of.assignment)))
            .collect(),
    }
}
