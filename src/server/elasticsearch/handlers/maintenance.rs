//! `_refresh`, `_flush`, `_forcemerge`, `_stats`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::cluster::index_health;
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Request, Response};
use crate::server::elasticsearch::state::{Index, IndicesOptions, Node};
use crate::server::elasticsearch::storage::engine::EngineStats;

pub(crate) const REFRESH_PARAMS: &[&str] =
    &["allow_no_indices", "expand_wildcards", "ignore_throttled", "ignore_unavailable"];
pub(crate) const FLUSH_PARAMS: &[&str] =
    &["allow_no_indices", "expand_wildcards", "force", "ignore_throttled", "ignore_unavailable", "wait_if_ongoing"];
pub(crate) const FORCE_MERGE_PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "flush",
    "ignore_throttled",
    "ignore_unavailable",
    "max_num_segments",
    "only_expunge_deletes",
    "wait_for_completion",
];
pub(crate) const STATS_PARAMS: &[&str] = &[
    "allow_no_indices",
    "completion_fields",
    "expand_wildcards",
    "fielddata_fields",
    "fields",
    "forbid_closed_indices",
    "groups",
    "ignore_unavailable",
    "include_segment_file_sizes",
    "include_unloaded_segments",
    "level",
];

fn indices(node: &Node, request: &Request) -> Result<Vec<Arc<Index>>, ApiError> {
    let options = IndicesOptions::open().with_params(&request.params)?;
    node.cluster.resolve(request.path.get("index").map_or("", String::as_str), options)
}

/// `total` counts replicas, which are nowhere.
fn broadcast(indices: &[Arc<Index>]) -> Value {
    let primaries = |index: &Arc<Index>| index.settings().number_of_shards();
    let total: u64 = indices.iter().map(|index| primaries(index) * (1 + index.settings().number_of_replicas())).sum();
    let successful: u64 = indices.iter().map(primaries).sum();
    json!({"total": total, "successful": successful, "failed": 0})
}

async fn refresh_all(indices: &[Arc<Index>]) -> Result<(), ApiError> {
    for index in indices {
        index
            .engine()
            .refresh()
            .await
            .map_err(|error| ApiError::new(500, "refresh_failed_engine_exception", error.to_string()))?;
    }
    Ok(())
}

pub(crate) async fn refresh(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let indices = indices(&node, &request)?;
    refresh_all(&indices).await?;
    Ok(Response::ok(json!({"_shards": broadcast(&indices)})))
}

/// Acknowledged writes are on disk already; a flush commits the engine and empties its log.
pub(crate) async fn flush(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let force = request.params.bool("force", false)?;
    let wait = request.params.bool("wait_if_ongoing", true)?;
    if force && !wait {
        let reason = "Validation Failed: 1: wait_if_ongoing must be true for a force flush;";
        return Err(ApiError::new(400, "action_request_validation_exception", reason));
    }
    let indices = indices(&node, &request)?;
    for index in &indices {
        index.engine().flush().await.map_err(|error| error.to_api())?;
    }
    Ok(Response::ok(json!({"_shards": broadcast(&indices)})))
}

/// Merges each index into one segment, however many are allowed.
pub(crate) async fn force_merge(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    request.params.int("max_num_segments")?;
    for flag in ["flush", "only_expunge_deletes", "wait_for_completion"] {
        request.params.bool(flag, true)?;
    }
    let indices = indices(&node, &request)?;
    for index in &indices {
        index.engine().force_merge().await.map_err(|error| error.to_api())?;
    }
    Ok(Response::ok(json!({"_shards": broadcast(&indices)})))
}

/// The sections of `_stats` that this node can fill, and those it knows by name only.
const METRICS: [&str; 3] = ["docs", "shard_stats", "store"];
const OTHER_METRICS: [&str; 17] = [
    "_all",
    "bulk",
    "completion",
    "dense_vector",
    "fielddata",
    "flush",
    "get",
    "indexing",
    "mappings",
    "merge",
    "query_cache",
    "recovery",
    "refresh",
    "request_cache",
    "search",
    "segments",
    "warmer",
];

pub(crate) async fn stats(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let metrics: Vec<&str> = request.path.get("metric").map_or("_all", String::as_str).split(',').collect();
    let is_metric = |name: &&&str| METRICS.contains(name) || OTHER_METRICS.contains(name) || **name == "translog";
    if let Some(unknown) = metrics.iter().find(|name| !is_metric(name)) {
        let reason = format!("request [{}] contains unrecognized metric: [{unknown}]", path(&request.uri));
        return Err(ApiError::illegal_argument(reason));
    }
    let level = request.params.get("level").unwrap_or("indices");
    let indices = indices(&node, &request)?;
    let mut sum = EngineStats::default();
    let mut each = Map::new();
    for index in &indices {
        let stats = index.engine().stats();
        sum.docs += stats.docs;
        sum.deleted += stats.deleted;
        sum.size_bytes += stats.size_bytes;
        let sections = sections(&stats, 1, &metrics);
        each.insert(
            index.name().to_owned(),
            json!({
                "uuid": index.uuid(),
                "health": index_health(index).name(),
                "status": "open",
                "primaries": sections,
                "total": sections,
            }),
        );
    }
    let sections = sections(&sum, indices.len(), &metrics);
    let mut body = json!({"_shards": broadcast(&indices), "_all": {"primaries": sections, "total": sections}});
    if level != "cluster"
        && let Value::Object(members) = &mut body
    {
        members.insert("indices".into(), Value::Object(each));
    }
    Ok(Response::ok(body))
}

fn sections(stats: &EngineStats, shards: usize, metrics: &[&str]) -> Value {
    let mut shown = Map::new();
    for (name, section) in [
        ("docs", json!({"count": stats.docs, "deleted": stats.deleted, "total_size_in_bytes": stats.size_bytes})),
        ("shard_stats", json!({"total_count": shards})),
        (
            "store",
            json!({"size_in_bytes": stats.size_bytes, "total_data_set_size_in_bytes": stats.size_bytes, "reserved_in_bytes": 0}),
        ),
    ] {
        if metrics.iter().any(|metric| *metric == "_all" || *metric == name) {
            shown.insert(name.into(), section);
        }
    }
    Value::Object(shown)
}

fn path(uri: &str) -> &str {
    uri.split('?').next().unwrap_or(uri)
}
