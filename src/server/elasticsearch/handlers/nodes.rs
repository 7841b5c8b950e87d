//! The one node there is, as clients that sniff or ask for licences see it.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Request, Response, wildcard_match};
use crate::server::elasticsearch::state::Node;

pub(crate) const NODES_PARAMS: &[&str] = &["flat_settings", "timeout"];
pub(crate) const LICENSE_PARAMS: &[&str] = &["local", "accept_enterprise", "master_timeout"];
pub(crate) const XPACK_PARAMS: &[&str] = &["categories", "accept_enterprise"];

/// The sections of a node's description, in the order they are shown.
const METRICS: [&str; 4] = ["settings", "os", "process", "http"];
/// Sections the real server has and this node has nothing to say in: legal to ask for, left out of the answer.
const OTHER_METRICS: [&str; 9] = [
    "jvm",
    "thread_pool",
    "transport",
    "plugins",
    "ingest",
    "aggregations",
    "indices",
    "remote_cluster_server",
    "_all",
];

const ROLES: [&str; 11] = [
    "data",
    "data_cold",
    "data_content",
    "data_frozen",
    "data_hot",
    "data_warm",
    "ingest",
    "master",
    "ml",
    "remote_cluster_client",
    "transform",
];

pub(crate) async fn nodes(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let identity = &node.identity;
    let is_metric = |name: &str| METRICS.contains(&name) || OTHER_METRICS.contains(&name);
    let first = request.path.get("node_id").map_or("_all", String::as_str);
    // `_nodes/http` names sections where it could name nodes.
    let (node_filter, metrics) = match request.path.get("metrics") {
        Some(metrics) => (first, metrics.as_str()),
        None if first.split(',').all(is_metric) => ("_all", first),
        None => (first, "_all"),
    };
    if let Some(unknown) = metrics.split(',').find(|name| !is_metric(name)) {
        let reason = format!("request [{}] contains unrecognized metric: [{unknown}]", request.uri);
        return Err(ApiError::illegal_argument(reason));
    }
    let wanted = node_filter.split(',').any(|name| {
        matches!(name, "_all" | "_local" | "_master" | "")
            || name.ends_with(":true")
            || wildcard_match(name, &identity.node_id)
            || wildcard_match(name, &identity.node_name)
    });
    let mut shown = Map::new();
    if wanted {
        shown.insert(identity.node_id.to_string(), describe(&node, metrics));
    }
    let total = shown.len();
    Ok(Response::ok(json!({
        "_nodes": {"total": total, "successful": total, "failed": 0},
        "cluster_name": identity.cluster_name,
        "nodes": shown,
    })))
}

fn describe(node: &Node, metrics: &str) -> Value {
    let identity = &node.identity;
    let (ip, address) = (identity.publish_address.ip().to_string(), identity.publish_address.to_string());
    let mut shown = json!({
        "name": identity.node_name,
        "transport_address": address,
        "host": ip,
        "ip": ip,
        "version": identity.version.number,
        "build_flavor": identity.version.build_flavor,
        "build_type": identity.version.build_type,
        "build_hash": identity.version.build_hash,
        "roles": ROLES,
        "attributes": {},
    });
    let sections = [
        ("settings", json!({"cluster": {"name": identity.cluster_name}, "node": {"name": identity.node_name}})),
        (
            "os",
            json!({"name": std::env::consts::OS, "arch": std::env::consts::ARCH, "available_processors": processors()}),
        ),
        ("process", json!({"id": std::process::id()})),
        (
            "http",
            json!({
                "bound_address": [address],
                "publish_address": address,
                "max_content_length_in_bytes": identity.body_bytes_max,
            }),
        ),
    ];
    if let Value::Object(members) = &mut shown {
        for (name, section) in sections {
            if metrics.split(',').any(|metric| metric == "_all" || metric == name) {
                members.insert(name.into(), section);
            }
        }
    }
    shown
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

pub(crate) async fn license(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    request.params.bool("local", false)?;
    Ok(Response::ok(json!({"license": {
        "status": "active",
        "uid": license_uid(&node.identity.cluster_uuid),
        "type": "basic",
        "issue_date": "2026-01-01T00:00:00.000Z",
        "issue_date_in_millis": 1_767_225_600_000_i64,
        "max_nodes": 1000,
        "max_resource_units": null,
        "issued_to": node.identity.cluster_name,
        "issuer": "elasticsearch",
        "start_date_in_millis": -1,
    }})))
}

/// Like a UUID, from the cluster's: the same at each start.
fn license_uid(cluster_uuid: &str) -> String {
    let hex: String = cluster_uuid.bytes().take(16).map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

pub(crate) async fn xpack(node: Arc<Node>, _: Request) -> Result<Response, ApiError> {
    let off = json!({"available": false, "enabled": false});
    Ok(Response::ok(json!({
        "build": {"hash": node.identity.version.build_hash, "date": node.identity.version.build_date},
        "license": {"uid": license_uid(&node.identity.cluster_uuid), "type": "basic", "mode": "basic", "status": "active"},
        "features": {"ml": off, "security": off, "sql": off, "transform": off, "watcher": off},
        "tagline": "You know, for X",
    })))
}
