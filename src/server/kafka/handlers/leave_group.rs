//! LeaveGroup (13): members go; v3 and later name several, each with its own result.

use kafka_protocol::{
    ResponseError,
    messages::{LeaveGroupRequest, LeaveGroupResponse, leave_group_response::MemberResponse},
    protocol::StrBytes,
};

use super::group_limits::{NAMES_MAX, text};
use crate::server::kafka::state::{
    ClientInfo,
    groups::{GroupCoordinator, GroupError, Leaver},
};

const LIST_VERSION: i16 = 3;

pub(crate) async fn handle(
    groups: &GroupCoordinator,
    _client: &ClientInfo,
    version: i16,
    request: LeaveGroupRequest,
) -> LeaveGroupResponse {
    if request.members.len() > NAMES_MAX {
        return LeaveGroupResponse::default().with_error_code(ResponseError::InvalidRequest.code());
    }
    let leavers: Vec<Leaver> = if version >= LIST_VERSION {
        let named = request.members.iter();
        named.map(|m| leaver(&m.member_id, m.group_instance_id.as_ref())).collect()
    } else {
        vec![leaver(&request.member_id, None)]
    };
    let code = |result: &Result<(), GroupError>| result.map_or_else(GroupError::code, |()| 0);
    let results = match groups.leave(&request.group_id, &leavers) {
        Err(error) => return LeaveGroupResponse::default().with_error_code(error.code()),
        Ok(results) => results,
    };
    if version < LIST_VERSION {
        return LeaveGroupResponse::default().with_error_code(results.first().map_or(0, code));
    }
    let members = leavers.into_iter().zip(&results).map(|(leaver, result)| {
        MemberResponse::default()
            .with_member_id(text(leaver.member_id))
            .with_group_instance_id(leaver.instance_id.map(text))
            .with_error_code(code(result))
    });
    LeaveGroupResponse::default().with_members(members.collect())
}

fn leaver(member_id: &StrBytes, instance_id: Option<&StrBytes>) -> Leaver {
    Leaver { member_id: member_id.to_string(), instance_id: instance_id.map(|id| id.to_string()) }
}
