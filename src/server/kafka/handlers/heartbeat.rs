//! Heartbeat (12): a member is alive, and learns of a rebalance.

use kafka_protocol::messages::{HeartbeatRequest, HeartbeatResponse};

use crate::server::kafka::state::{ClientInfo, groups::GroupCoordinator};

pub(crate) async fn handle(
    groups: &GroupCoordinator,
    _client: &ClientInfo,
    _version: i16,
    request: HeartbeatRequest,
) -> HeartbeatResponse {
    let instance_id = request.group_instance_id.as_deref();
    let result = groups.heartbeat(&request.group_id, &request.member_id, instance_id, request.generation_id);
    HeartbeatResponse::default().with_error_code(result.map_or_else(|error| error.code(), |()| 0))
}
