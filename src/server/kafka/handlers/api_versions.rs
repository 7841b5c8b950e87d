//! ApiVersions (18): what this broker serves, from the one table.

use kafka_protocol::error::ResponseError;
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};

use crate::server::kafka::codec::apis;

/// First version that names the client's software.
const SOFTWARE_SINCE: i16 = 3;

pub(crate) fn handle(version: i16, request: ApiVersionsRequest) -> ApiVersionsResponse {
    let named = [&request.client_software_name, &request.client_software_version];
    if version >= SOFTWARE_SINCE && !named.into_iter().all(|name| is_software_name(name)) {
        return ApiVersionsResponse::default().with_error_code(ResponseError::InvalidRequest.code());
    }
    let keys = apis::APIS.iter().map(|api| {
        let served = &api.served;
        ApiVersion::default().with_api_key(served.key).with_min_version(served.min).with_max_version(served.max)
    });
    ApiVersionsResponse::default().with_api_keys(keys.collect())
}

/// Letters, digits, `-` and `.`, with a letter or digit at both ends.
fn is_software_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    ends.iter().all(|end| end.is_some_and(u8::is_ascii_alphanumeric))
        && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'))
}
