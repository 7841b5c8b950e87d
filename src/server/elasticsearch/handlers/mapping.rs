//! `_mapping`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::body::required_body;
use crate::server::elasticsearch::codec::json::Source;
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Request, Response, wildcard_match};
use crate::server::elasticsearch::mapping::{FieldMapping, Mapping};
use crate::server::elasticsearch::state::{IndicesOptions, Node};

pub(crate) const GET_PARAMS: &[&str] =
    &["allow_no_indices", "expand_wildcards", "ignore_throttled", "ignore_unavailable", "local", "master_timeout"];
pub(crate) const FIELD_PARAMS: &[&str] =
    &["allow_no_indices", "expand_wildcards", "ignore_throttled", "ignore_unavailable", "local"];
pub(crate) const PUT_PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "ignore_throttled",
    "ignore_unavailable",
    "master_timeout",
    "timeout",
    "write_index_only",
];

fn expression(request: &Request) -> &str {
    request.path.get("index").map_or("", String::as_str)
}

pub(crate) async fn get(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let options = IndicesOptions::admin().with_params(&request.params)?;
    let indices = node.cluster.resolve(expression(&request), options)?;
    let shown = indices.iter().map(|index| (index.name().to_owned(), json!({"mappings": index.mapping().to_json()})));
    Ok(Response::ok(Value::Object(shown.collect())))
}

pub(crate) async fn put(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let body = required_body(&request.body)?;
    let write_index_only = request.params.bool("write_index_only", false)?;
    let options = IndicesOptions { allow_no_indices: false, ..IndicesOptions::admin() }.with_params(&request.params)?;
    let indices = if write_index_only {
        vec![node.cluster.index_for_write(expression(&request), false)?]
    } else {
        node.cluster.resolve(expression(&request), options)?
    };
    let change = Mapping::parse(&body, &Source(&request.body))?;
    // All or none: what does not merge into one index is not put into another.
    for index in &indices {
        index.mapping().merge(&change)?;
    }
    for index in &indices {
        index.update_mapping(|mapping| {
            let merged = mapping.merge(&change)?;
            Ok((merged != *mapping).then_some(merged))
        })?;
    }
    Ok(Response::ok(json!({"acknowledged": true})))
}

pub(crate) async fn get_field(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let options = IndicesOptions::admin().with_params(&request.params)?;
    let indices = node.cluster.resolve(expression(&request), options)?;
    let patterns = request.path.get("fields").map_or("*", String::as_str);
    let wanted = |path: &str| patterns.split(',').any(|pattern| wildcard_match(pattern, path));
    let mut body = Map::new();
    for index in &indices {
        let mapping = index.mapping();
        let fields = mapping.fields().filter(|field| wanted(&field.path));
        let shown = fields.map(|field| (field.path.clone(), field_json(&mapping, field)));
        body.insert(index.name().to_owned(), json!({"mappings": shown.collect::<Map<_, _>>()}));
    }
    Ok(Response::ok(Value::Object(body)))
}

/// `{"full_name":"a.b","mapping":{"b":{"type":"long"}}}`.
fn field_json(mapping: &Mapping, field: &FieldMapping) -> Value {
    let short = field.path.rsplit('.').next().unwrap_or(&field.path);
    let definition =
        find_definition(&mapping.to_json(), &field.path).unwrap_or_else(|| json!({"type": field.kind.name()}));
    json!({"full_name": field.path, "mapping": {short: definition}})
}

/// The part of the mapping's JSON that defines a path, through `properties` and `fields`.
fn find_definition(level: &Value, path: &str) -> Option<Value> {
    for key in ["properties", "fields"] {
        let Some(children) = level.get(key) else { continue };
        if let Some(found) = children.get(path) {
            return Some(found.clone());
        }
        let mut from = 0;
        while let Some(dot) = path.get(from..).and_then(|rest| rest.find('.')) {
            let at = from + dot;
            let (name, rest) = (path.get(..at)?, path.get(at + 1..)?);
            if let Some(found) = children.get(name).and_then(|child| find_definition(child, rest)) {
                return Some(found);
            }
            from = at + 1;
        }
    }
    None
}
