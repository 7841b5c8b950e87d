//! `GET /`: who answers here.

use std::sync::Arc;

use serde_json::json;

use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Request, Response};
use crate::server::elasticsearch::state::Node;

pub(crate) const ROOT_PARAMS: &[&str] = &[];

pub(crate) async fn root(node: Arc<Node>, _: Request) -> Result<Response, ApiError> {
    let identity = &node.identity;
    let version = &identity.version;
    Ok(Response::ok(json!({
        "name": identity.node_name,
        "cluster_name": identity.cluster_name,
        "cluster_uuid": &*identity.cluster_uuid,
        "version": {
            "number": version.number,
            "build_flavor": version.build_flavor,
            "build_type": version.build_type,
            "build_hash": version.build_hash,
            "build_date": version.build_date,
            "build_snapshot": false,
            "lucene_version": version.lucene_version,
            "minimum_wire_compatibility_version": "8.19.0",
            "minimum_index_compatibility_version": "8.0.0",
        },
        "tagline": "You Know, for Search",
    })))
}
