//! Health, settings and statistics of the whole.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::body::required_body;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::http::{Params, Request, Response};
use crate::server::elasticsearch::state::{Index, IndexSettings, IndicesOptions, Node, now_millis, parse_time_value};

pub(crate) const HEALTH_PARAMS: &[&str] = &[
    "expand_wildcards",
    "level",
    "local",
    "master_timeout",
    "timeout",
    "wait_for_active_shards",
    "wait_for_events",
    "wait_for_no_initializing_shards",
    "wait_for_no_relocating_shards",
    "wait_for_nodes",
    "wait_for_status",
];
pub(crate) const GET_SETTINGS_PARAMS: &[&str] = &["flat_settings", "include_defaults", "master_timeout", "timeout"];
pub(crate) const PUT_SETTINGS_PARAMS: &[&str] = &["flat_settings", "master_timeout", "timeout"];
pub(crate) const STATS_PARAMS: &[&str] = &["include_remotes", "timeout"];

/// Cluster settings this node acts on or has no use for; others are not recognized.
const CLUSTER_SETTINGS: &[&str] = &["action.auto_create_index", "action.destructive_requires_name"];

/// How often a waiting health request looks again.
const HEALTH_POLL: Duration = Duration::from_millis(50);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Health {
    Green,
    Yellow,
    Red,
}

impl Health {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }

    fn parse(text: &str) -> Result<Health, ApiError> {
        match text.to_ascii_lowercase().as_str() {
            "green" => Ok(Self::Green),
            "yellow" => Ok(Self::Yellow),
            "red" => Ok(Self::Red),
            _ => Err(ApiError::illegal_argument(format!(
                "No enum constant org.elasticsearch.cluster.health.ClusterHealthStatus.{}",
                text.to_ascii_uppercase()
            ))),
        }
    }
}

/// An index has its primaries here, and nowhere to put a replica.
pub(super) fn index_health(index: &Index) -> Health {
    if index.settings().number_of_replicas() == 0 { Health::Green } else { Health::Yellow }
}

/// Shards of some indices.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shards {
    pub(super) active: u64,
    pub(super) unassigned: u64,
}

impl Shards {
    pub(super) fn of<'a>(indices: impl IntoIterator<Item = &'a Arc<Index>>) -> Shards {
        indices.into_iter().fold(Shards::default(), |sum, index| {
            let settings = index.settings();
            let primaries = settings.number_of_shards();
            Shards {
                active: sum.active + primaries,
                unassigned: sum.unassigned + primaries * settings.number_of_replicas(),
            }
        })
    }

    #[expect(clippy::cast_precision_loss, reason = "at most some thousand shards")]
    pub(super) fn active_percent(self) -> f64 {
        let total = self.active + self.unassigned;
        if total == 0 { 100.0 } else { self.active as f64 * 100.0 / total as f64 }
    }
}

/// What a health request waits for.
struct Wait {
    status: Option<Health>,
    nodes: Option<String>,
    active_shards: Option<String>,
    timeout: Duration,
}

impl Wait {
    fn parse(params: &Params) -> Result<Wait, ApiError> {
        params.bool("wait_for_no_initializing_shards", false)?;
        params.bool("wait_for_no_relocating_shards", false)?;
        params.bool("local", false)?;
        const PRIORITIES: [&str; 6] = ["immediate", "urgent", "high", "normal", "low", "languid"];
        if let Some(events) = params.get("wait_for_events")
            && !PRIORITIES.contains(&events.to_ascii_lowercase().as_str())
        {
            let constant = events.to_ascii_uppercase();
            let reason = format!("No enum constant org.elasticsearch.common.Priority.{constant}");
            return Err(ApiError::illegal_argument(reason));
        }
        if let Some(master_timeout) = params.get("master_timeout") {
            parse_time_value(master_timeout, "master_timeout")?;
        }
        let timeout = match params.get("timeout") {
            Some(text) => parse_time_value(text, "timeout")?,
            None => 30_000,
        };
        Ok(Wait {
            status: params.get("wait_for_status").map(Health::parse).transpose()?,
            nodes: params.get("wait_for_nodes").map(str::to_owned),
            active_shards: params.get("wait_for_active_shards").map(str::to_owned),
            timeout: Duration::from_millis(u64::try_from(timeout).unwrap_or(0).min(24 * 3_600_000)),
        })
    }

    fn is_met(&self, health: Health, shards: Shards) -> Result<bool, ApiError> {
        let status = self.status.is_none_or(|wanted| health <= wanted);
        let nodes = self.nodes.as_deref().map_or(Ok(true), nodes_are_enough)?;
        let active = match self.active_shards.as_deref() {
            None => true,
            Some("all") => shards.unassigned == 0,
            Some(count) => {
                let wanted: u64 = count
                    .parse()
                    .map_err(|_| ApiError::illegal_argument(format!("cannot parse ActiveShardCount[{count}]")))?;
                shards.active >= wanted
            }
        };
        Ok(status && nodes && active)
    }
}

/// Whether one node is enough for a number.
type Test = fn(i64) -> bool;

/// `1`, `>=1`, `<2`, `ge(1)`: against the one node there is.
fn nodes_are_enough(expression: &str) -> Result<bool, ApiError> {
    let forms: [(&str, Test); 8] = [
        (">=", |n| 1 >= n),
        ("<=", |n| 1 <= n),
        (">", |n| 1 > n),
        ("<", |n| 1 < n),
        ("ge(", |n| 1 >= n),
        ("le(", |n| 1 <= n),
        ("gt(", |n| 1 > n),
        ("lt(", |n| 1 < n),
    ];
    let (number, test) = forms
        .iter()
        .find_map(|(prefix, test)| Some((expression.strip_prefix(prefix)?.trim_end_matches(')'), *test)))
        .unwrap_or((expression, |n| n == 1));
    let number: i64 = number.parse().map_err(|_| {
        let cause = Exception::new("number_format_exception", format!("For input string: \"{number}\""));
        ApiError::from_exception(400, cause)
    })?;
    Ok(test(number))
}

pub(crate) async fn health(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let wait = Wait::parse(&request.params)?;
    let level = request.params.get("level").unwrap_or("cluster");
    if !["cluster", "indices", "shards"].contains(&level) {
        return Err(ApiError::illegal_argument(format!(
            "level parameter must be one of [cluster] or [indices] or [shards] but was [{level}]"
        )));
    }
    let expression = request.path.get("index").map_or("", String::as_str);
    let options = IndicesOptions { expand_closed: true, expand_hidden: true, ..IndicesOptions::admin() };
    let options = options.with_params(&request.params)?;
    let deadline = tokio::time::Instant::now() + wait.timeout;
    loop {
        // A name without an index is a red cluster, waited for like any other state.
        let found = match node.cluster.resolve(expression, options) {
            Ok(indices) => Some(indices),
            Err(error) if error.status == 404 => None,
            Err(error) => return Err(error),
        };
        let shards = Shards::of(found.iter().flatten());
        let worst = found.iter().flatten().map(|index| index_health(index)).max().unwrap_or(Health::Green);
        let health = if found.is_some() { worst } else { Health::Red };
        let met = found.is_some() && wait.is_met(health, shards)?;
        if met || tokio::time::Instant::now() >= deadline {
            let body = health_json(&node, health, !met, shards, found.as_deref().unwrap_or_default(), level);
            return Ok(Response::json(if met { 200 } else { 408 }, body));
        }
        tokio::time::sleep_until((tokio::time::Instant::now() + HEALTH_POLL).min(deadline)).await;
    }
}

fn health_json(
    node: &Node,
    health: Health,
    timed_out: bool,
    shards: Shards,
    indices: &[Arc<Index>],
    level: &str,
) -> Value {
    let mut body = json!({
        "cluster_name": node.identity.cluster_name,
        "status": health.name(),
        "timed_out": timed_out,
        "number_of_nodes": 1,
        "number_of_data_nodes": 1,
        "active_primary_shards": shards.active,
        "active_shards": shards.active,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": shards.unassigned,
        "unassigned_primary_shards": 0,
        "delayed_unassigned_shards": 0,
        "number_of_pending_tasks": 0,
        "number_of_in_flight_fetch": 0,
        "task_max_waiting_in_queue_millis": 0,
        "active_shards_percent_as_number": shards.active_percent(),
    });
    if level != "cluster"
        && let Value::Object(members) = &mut body
    {
        let each = indices.iter().map(|index| (index.name().to_owned(), index_json(index, level == "shards")));
        members.insert("indices".into(), Value::Object(each.collect()));
    }
    body
}

fn index_json(index: &Arc<Index>, with_shards: bool) -> Value {
    let settings = index.settings();
    let shards = Shards::of([index]);
    let mut body = json!({
        "status": index_health(index).name(),
        "number_of_shards": settings.number_of_shards(),
        "number_of_replicas": settings.number_of_replicas(),
        "active_primary_shards": shards.active,
        "active_shards": shards.active,
        "relocating_shards": 0,
        "initializing_shards": 0,
        "unassigned_shards": shards.unassigned,
        "unassigned_primary_shards": 0,
    });
    if with_shards && let Value::Object(members) = &mut body {
        let one = json!({
            "status": index_health(index).name(),
            "primary_active": true,
            "active_shards": 1,
            "relocating_shards": 0,
            "initializing_shards": 0,
            "unassigned_shards": settings.number_of_replicas(),
            "unassigned_primary_shards": 0,
        });
        let each: Map<String, Value> = (0..settings.number_of_shards()).map(|n| (n.to_string(), one.clone())).collect();
        members.insert("shards".into(), Value::Object(each));
    }
    body
}

pub(crate) async fn get_settings(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let flat = request.params.bool("flat_settings", false)?;
    let with_defaults = request.params.bool("include_defaults", false)?;
    let state = node.cluster.state();
    let mut body = json!({"persistent": shown(&state.persistent, flat), "transient": shown(&state.transient, flat)});
    if with_defaults && let Value::Object(members) = &mut body {
        let mut defaults = Map::new();
        for name in CLUSTER_SETTINGS {
            if !state.persistent.contains_key(*name) && !state.transient.contains_key(*name) {
                defaults.insert((*name).into(), "true".into());
            }
        }
        members.insert("defaults".into(), shown(&defaults, flat));
    }
    Ok(Response::ok(body))
}

/// Flat settings nested by their dots.
fn shown(settings: &Map<String, Value>, flat: bool) -> Value {
    if flat {
        return Value::Object(settings.clone());
    }
    let mut root = Map::new();
    for (name, value) in settings {
        let mut level = &mut root;
        let mut parts = name.split('.').peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                level.insert(part.to_owned(), value.clone());
                break;
            }
            let below = level.entry(part.to_owned()).or_insert_with(|| Value::Object(Map::new()));
            let Value::Object(members) = below else { break };
            level = members;
        }
    }
    Value::Object(root)
}

pub(crate) async fn put_settings(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let flat = request.params.bool("flat_settings", false)?;
    let body = required_body(&request.body)?.to_value();
    let mut changes: Vec<(&str, Map<String, Value>)> = Vec::new();
    for scope in ["persistent", "transient"] {
        let settings = body.get(scope).and_then(Value::as_object).cloned().unwrap_or_default();
        changes.push((scope, flat_cluster_settings(&settings)));
    }
    if changes.iter().all(|(_, settings)| settings.is_empty()) {
        let reason = "Validation Failed: 1: no settings to update;";
        return Err(ApiError::new(400, "action_request_validation_exception", reason));
    }
    for (scope, settings) in &changes {
        if let Some(unknown) = settings.keys().find(|name| !CLUSTER_SETTINGS.contains(&name.as_str())) {
            return Err(ApiError::illegal_argument(format!("{scope} setting [{unknown}], not recognized")));
        }
        // Deleting by wildcard is not served, so it cannot be allowed.
        if settings.get("action.destructive_requires_name").and_then(Value::as_str) == Some("false") {
            let reason = "setting [action.destructive_requires_name] can only be [true] on this node";
            return Err(ApiError::illegal_argument(reason));
        }
    }
    node.cluster.update_state(|state| {
        for (scope, settings) in &changes {
            let target = if *scope == "persistent" { &mut state.persistent } else { &mut state.transient };
            for (name, value) in settings {
                if value.is_null() {
                    target.remove(name);
                } else {
                    target.insert(name.clone(), value.clone());
                }
            }
        }
        Ok(())
    })?;
    let mut answer = Map::new();
    answer.insert("acknowledged".into(), true.into());
    for (scope, settings) in changes {
        let set: Map<String, Value> = settings.into_iter().filter(|(_, value)| !value.is_null()).collect();
        answer.insert(scope.into(), shown(&set, flat));
    }
    Ok(Response::ok(Value::Object(answer)))
}

fn flat_cluster_settings(body: &Map<String, Value>) -> Map<String, Value> {
    // The same flattening as for index settings, without their prefix.
    let prefixed: Map<String, Value> = [("index".to_owned(), Value::Object(body.clone()))].into_iter().collect();
    IndexSettings::parse(&prefixed)
        .iter()
        .map(|(name, value)| (name.trim_start_matches("index.").to_owned(), value.clone()))
        .collect()
}

pub(crate) async fn stats(node: Arc<Node>, _: Request) -> Result<Response, ApiError> {
    let indices: Vec<Arc<Index>> = node.cluster.state().indices.values().cloned().collect();
    let shards = Shards::of(&indices);
    let health = indices.iter().map(|index| index_health(index)).max().unwrap_or(Health::Green);
    let (mut docs, mut deleted, mut bytes) = (0, 0, 0);
    for index in &indices {
        let stats = index.engine().stats();
        docs += stats.docs;
        deleted += stats.deleted;
        bytes += stats.size_bytes;
    }
    let identity = &node.identity;
    Ok(Response::ok(json!({
        "_nodes": {"total": 1, "successful": 1, "failed": 0},
        "cluster_name": identity.cluster_name,
        "cluster_uuid": &*identity.cluster_uuid,
        "timestamp": now_millis(),
        "status": health.name(),
        "indices": {
            "count": indices.len(),
            "shards": {"total": shards.active, "primaries": shards.active, "replication": 0.0},
            "docs": {"count": docs, "deleted": deleted, "total_size_in_bytes": bytes},
            "store": {"size_in_bytes": bytes, "total_data_set_size_in_bytes": bytes, "reserved_in_bytes": 0},
        },
        "nodes": {
            "count": {"total": 1, "data": 1, "master": 1},
            "versions": [identity.version.number],
        },
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_on_the_number_of_nodes_are_read() {
        for (expression, met) in
            [("1", true), (">=1", true), (">=2", false), ("<2", true), ("ge(1)", true), ("gt(1)", false)]
        {
            assert_eq!(nodes_are_enough(expression).unwrap(), met, "{expression}");
        }
        assert!(nodes_are_enough(">=x").is_err());
    }
}
