//! ListGroups (16), by state (v4) and type (v5). All groups here are of the type `classic`.

use kafka_protocol::{
    messages::{ListGroupsRequest, ListGroupsResponse, list_groups_response::ListedGroup},
    protocol::StrBytes,
};

use super::group_limits::text;
use crate::server::kafka::state::{ClientInfo, groups::GroupCoordinator};

const STATE_VERSION: i16 = 4;
const TYPE_VERSION: i16 = 5;
const CLASSIC: &str = "classic";

pub(crate) async fn handle(
    groups: &GroupCoordinator,
    _client: &ClientInfo,
    version: i16,
    request: ListGroupsRequest,
) -> ListGroupsResponse {
    let passes = |filter: &[StrBytes], value: &str| {
        filter.is_empty() || filter.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))
    };
    let listed = groups
        .list()
        .into_iter()
        .filter(|group| passes(&request.states_filter, group.state) && passes(&request.types_filter, CLASSIC))
        .map(|group| {
            let listed = ListedGroup::default()
                .with_group_id(text(group.group_id).into())
                .with_protocol_type(text(group.protocol_type));
            let listed = if version >= STATE_VERSION {
                listed.with_group_state(StrBytes::from_static_str(group.state))
            } else {
                listed
            };
            if version >= TYPE_VERSION { listed.with_group_type(StrBytes::from_static_str(CLASSIC)) } else { listed }
        });
    ListGroupsResponse::default().with_groups(listed.collect())
}
