//! `_resolve/index`: what an expression stands for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Request, Response, wildcard_match};
use crate::server::elasticsearch::state::{IndicesOptions, Node};

pub(crate) const PARAMS: &[&str] = &["allow_no_indices", "expand_wildcards", "ignore_unavailable", "mode"];

pub(crate) async fn index(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let expression = request.path.get("name").map_or("*", String::as_str);
    let options = IndicesOptions::admin().with_params(&request.params)?;
    // Names must exist; aliases that are named are listed themselves, not as their indices.
    node.cluster.resolve(expression, options)?;
    let state = node.cluster.state();
    let named = |name: &str| {
        expression.split(',').fold(false, |matched, part| match part.strip_prefix('-') {
            Some(excluded) if wildcard_match(excluded, name) => false,
            None if part == "_all" || wildcard_match(part, name) => true,
            _ => matched,
        })
    };
    let mut of_index: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (alias, members) in &state.aliases {
        for index in members.keys() {
            of_index.entry(index).or_default().push(alias);
        }
    }
    let mut indices = Vec::new();
    for index in state.indices.values().filter(|index| named(index.name())) {
        let hidden = index.settings().is_hidden();
        if hidden && !options.expand_hidden && expression.contains('*') {
            continue;
        }
        let mut shown = Map::new();
        shown.insert("name".into(), index.name().into());
        if let Some(aliases) = of_index.get(index.name()) {
            shown.insert("aliases".into(), json!(aliases));
        }
        let mut attributes = vec![if index.is_closed() { "closed" } else { "open" }];
        if hidden {
            attributes.insert(0, "hidden");
        }
        shown.insert("attributes".into(), json!(attributes));
        shown.insert("mode".into(), "standard".into());
        indices.push(Value::Object(shown));
    }
    let aliases: Vec<Value> = state
        .aliases
        .iter()
        .filter(|(alias, _)| named(alias))
        .map(|(alias, members)| json!({"name": alias, "indices": members.keys().collect::<Vec<_>>()}))
        .collect();
    Ok(Response::ok(json!({"indices": indices, "aliases": aliases, "data_streams": []})))
}
