//! Making, showing, closing and deleting indices.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::body::optional_body;
use crate::server::elasticsearch::codec::json::{Json, JsonValue};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Request, Response};
use crate::server::elasticsearch::state::{
    AliasMeta, CreateIndex, Index, IndexSettings, IndicesOptions, Node, index_not_found,
};

pub(crate) const CREATE_PARAMS: &[&str] = &["master_timeout", "timeout", "wait_for_active_shards"];
pub(crate) const GET_PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "features",
    "flat_settings",
    "ignore_throttled",
    "ignore_unavailable",
    "include_defaults",
    "local",
    "master_timeout",
];
pub(crate) const DELETE_PARAMS: &[&str] =
    &["allow_no_indices", "expand_wildcards", "ignore_throttled", "ignore_unavailable", "master_timeout", "timeout"];
pub(crate) const CLOSE_PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "ignore_throttled",
    "ignore_unavailable",
    "master_timeout",
    "timeout",
    "wait_for_active_shards",
];

fn expression(request: &Request) -> &str {
    request.path.get("index").map_or("", String::as_str)
}

pub(crate) async fn create(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let name = expression(&request);
    let create = match optional_body(&request.body)? {
        Some(body) => parse_create(&body)?,
        None => CreateIndex::default(),
    };
    node.cluster.create_index(name, create)?;
    Ok(Response::ok(json!({"acknowledged": true, "shards_acknowledged": true, "index": name})))
}

fn parse_create(body: &Json) -> Result<CreateIndex, ApiError> {
    let mut create = CreateIndex::default();
    // A body that is no object says nothing: the real server makes the index too.
    for member in body.as_object().unwrap_or_default() {
        let key = member.key.as_str();
        if !["settings", "mappings", "aliases"].contains(&key) {
            return Err(ApiError::new(400, "parse_exception", format!("unknown key [{key}] for create index")));
        }
        if member.value.is_null() && key == "mappings" {
            continue;
        }
        let JsonValue::Object(_) = member.value.value else {
            return Err(ApiError::new(400, "parse_exception", format!("key [{key}] must be an object")));
        };
        let value = member.value.to_value();
        match (key, value) {
            ("settings", Value::Object(settings)) => create.settings = IndexSettings::parse(&settings),
            ("aliases", Value::Object(aliases)) => {
                let read = aliases.iter().map(|(name, body)| Ok((name.clone(), AliasMeta::parse(name, body)?)));
                create.aliases = read.collect::<Result<BTreeMap<_, _>, ApiError>>()?;
            }
            (_, value) => create.mappings = Some(value),
        }
    }
    Ok(create)
}

pub(crate) async fn get(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let flat = request.params.bool("flat_settings", false)?;
    request.params.bool("include_defaults", false)?;
    request.params.bool("local", false)?;
    let options = IndicesOptions::admin().with_params(&request.params)?;
    let features = request.params.get("features").unwrap_or("aliases,mappings,settings");
    let shows = |feature: &str| features.split(',').any(|name| name == feature);
    if let Some(unknown) = features.split(',').find(|name| !["aliases", "mappings", "settings"].contains(name)) {
        return Err(ApiError::illegal_argument(format!("No feature for name [{unknown}]")));
    }
    let indices = node.cluster.resolve(expression(&request), options)?;
    let mut body = Map::new();
    for index in &indices {
        let mut shown = Map::new();
        if shows("aliases") {
            let aliases = node.cluster.aliases_of(index.name());
            shown.insert("aliases".into(), aliases.iter().map(|(name, meta)| (name.clone(), meta.to_json())).collect());
        }
        if shows("mappings") {
            shown.insert("mappings".into(), index.mapping().to_json());
        }
        if shows("settings") {
            let settings = index.settings();
            shown.insert("settings".into(), if flat { settings.to_flat_json() } else { settings.to_json() });
        }
        body.insert(index.name().to_owned(), Value::Object(shown));
    }
    Ok(Response::ok(Value::Object(body)))
}

pub(crate) async fn delete(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let expression = expression(&request);
    if expression.split(',').any(|part| part.is_empty() || part.contains('*') || part == "_all") {
        return Err(ApiError::illegal_argument("Wildcard expressions or all indices are not allowed"));
    }
    let options = IndicesOptions { forbid_aliases: true, ..IndicesOptions::admin() }.with_params(&request.params)?;
    let indices = node.cluster.resolve(expression, options)?;
    node.cluster.delete_indices(&indices).await?;
    Ok(Response::ok(json!({"acknowledged": true})))
}

pub(crate) async fn close(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let indices = found(&node, &request)?;
    let mut closed = Map::new();
    for index in &indices {
        // What a closed index held must be visible when it opens again.
        index.engine().refresh().await.map_err(|error| ApiError::new(500, "engine_exception", error.to_string()))?;
        index.set_closed(true)?;
        closed.insert(index.name().to_owned(), json!({"closed": true}));
    }
    Ok(Response::ok(json!({"acknowledged": true, "shards_acknowledged": !indices.is_empty(), "indices": closed})))
}

pub(crate) async fn open(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    for index in found(&node, &request)? {
        index.set_closed(false)?;
    }
    Ok(Response::ok(json!({"acknowledged": true, "shards_acknowledged": true})))
}

fn found(node: &Node, request: &Request) -> Result<Vec<Arc<Index>>, ApiError> {
    let expression = expression(request);
    if expression.split(',').any(|part| part.contains('*') || part == "_all") {
        return Err(ApiError::illegal_argument("Wildcard expressions or all indices are not allowed"));
    }
    let options = IndicesOptions { expand_closed: true, ..IndicesOptions::admin() }.with_params(&request.params)?;
    let indices = node.cluster.resolve(expression, options)?;
    if indices.is_empty() && !options.allow_no_indices {
        return Err(index_not_found(expression));
    }
    Ok(indices)
}
