//! DeleteGroups (42): groups without members, with their offsets.

use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, delete_groups_response::DeletableGroupResult,
};

use crate::server::kafka::state::{ClientInfo, groups::GroupCoordinator};

pub(crate) async fn handle(
    groups: &GroupCoordinator,
    _client: &ClientInfo,
    _version: i16,
    request: DeleteGroupsRequest,
) -> DeleteGroupsResponse {
    let mut results = Vec::new();
    for group_id in request.groups_names {
        let code = groups.delete(&group_id).await.map_or_else(|error| error.code(), |()| 0);
        results.push(DeletableGroupResult::default().with_group_id(group_id).with_error_code(code));
    }
    DeleteGroupsResponse::default().with_results(results)
}
