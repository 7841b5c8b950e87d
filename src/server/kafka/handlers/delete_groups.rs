//! DeleteGroups (42): groups without members, with their offsets.

use kafka_protocol::{
    ResponseError,
    messages::{DeleteGroupsRequest, DeleteGroupsResponse, delete_groups_response::DeletableGroupResult},
};

use super::group_limits::NAMES_MAX;
use crate::server::kafka::state::{ClientInfo, groups::GroupCoordinator};

pub(crate) async fn handle(
    groups: &GroupCoordinator,
    _client: &ClientInfo,
    _version: i16,
    request: DeleteGroupsRequest,
) -> DeleteGroupsResponse {
    let mut results = Vec::new();
    let over = request.groups_names.len() > NAMES_MAX;
    for group_id in request.groups_names.into_iter().take(NAMES_MAX) {
        let code = if over {
            ResponseError::InvalidRequest.code()
        } else {
            groups.delete(&group_id).await.map_or_else(|error| error.code(), |()| 0)
        };
        results.push(DeletableGroupResult::default().with_group_id(group_id).with_error_code(code));
    }
    DeleteGroupsResponse::default().with_results(results)
}
