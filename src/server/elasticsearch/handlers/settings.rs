//! `_settings` of indices.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::body::required_body;
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Request, Response, wildcard_match};
use crate::server::elasticsearch::state::{IndexSettings, IndicesOptions, Node};

pub(crate) const GET_PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "flat_settings",
    "ignore_throttled",
    "ignore_unavailable",
    "include_defaults",
    "local",
    "master_timeout",
];
pub(crate) const PUT_PARAMS: &[&str] = &[
    "allow_no_indices",
    "expand_wildcards",
    "flat_settings",
    "ignore_throttled",
    "ignore_unavailable",
    "master_timeout",
    "preserve_existing",
    "reopen",
    "timeout",
];

/// Shown by `include_defaults` where they are not set.
const DEFAULTS: [(&str, &str); 6] = [
    ("index.refresh_interval", "1s"),
    ("index.max_result_window", "10000"),
    ("index.mapping.total_fields.limit", "1000"),
    ("index.mapping.depth.limit", "20"),
    ("index.translog.durability", "REQUEST"),
    ("index.translog.sync_interval", "5s"),
];

fn expression(request: &Request) -> &str {
    request.path.get("index").map_or("", String::as_str)
}

pub(crate) async fn get(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let flat = request.params.bool("flat_settings", false)?;
    let with_defaults = request.params.bool("include_defaults", false)?;
    let options = IndicesOptions { expand_closed: true, ..IndicesOptions::admin() }.with_params(&request.params)?;
    let names = request.path.get("name").map(String::as_str);
    let wanted =
        |name: &str| names.is_none_or(|patterns| patterns.split(',').any(|p| p == "_all" || wildcard_match(p, name)));
    let show = |settings: &IndexSettings| if flat { settings.to_flat_json() } else { settings.to_json() };
    let mut body = Map::new();
    for index in node.cluster.resolve(expression(&request), options)? {
        let settings = index.settings();
        let mut shown = Map::new();
        shown.insert("settings".into(), show(&settings.filtered(wanted)));
        if with_defaults {
            let defaults = DEFAULTS.iter().filter(|(name, _)| settings.text(name).is_none() && wanted(name));
            let defaults: Map<String, Value> =
                defaults.map(|(name, value)| ((*name).to_owned(), Value::String((*value).to_owned()))).collect();
            shown.insert("defaults".into(), show(&IndexSettings::parse(&defaults)));
        }
        body.insert(index.name().to_owned(), Value::Object(shown));
    }
    Ok(Response::ok(Value::Object(body)))
}

pub(crate) async fn put(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let preserve = request.params.bool("preserve_existing", false)?;
    request.params.bool("reopen", false)?;
    let options = IndicesOptions { allow_no_indices: false, expand_closed: true, ..IndicesOptions::admin() };
    let options = options.with_params(&request.params)?;
    let body = required_body(&request.body)?.to_value();
    let body = body.as_object().cloned().unwrap_or_default();
    // `{"settings":{..}}` is taken as well.
    let settings = match body.get("settings").and_then(Value::as_object) {
        Some(inner) if body.len() == 1 => inner.clone(),
        _ => body,
    };
    let change = IndexSettings::parse(&settings);
    if change.is_empty() {
        let reason = "Validation Failed: 1: no settings to update;";
        return Err(ApiError::new(400, "action_request_validation_exception", reason));
    }
    change.validate()?;
    let indices = node.cluster.resolve(expression(&request), options)?;
    let fixed = change.not_dynamic();
    if !fixed.is_empty() {
        let listed: Vec<String> = indices.iter().map(|index| format!("[{}/{}]", index.name(), index.uuid())).collect();
        let reason = format!(
            "Can't update non dynamic settings [[{}]] for open indices [{}] unless the `reopen` query parameter is set to true. Alternatively, close the indices, apply the settings changes, and reopen the indices",
            fixed.join(", "),
            listed.join(", ")
        );
        return Err(ApiError::illegal_argument(reason));
    }
    for index in &indices {
        let known = index.settings();
        let change = if preserve { change.filtered(|name| known.text(name).is_none()) } else { change.clone() };
        index.update_settings(&change)?;
    }
    Ok(Response::ok(json!({"acknowledged": true})))
}
