//! `_mget`: several documents by id.

use std::sync::Arc;

use super::document::{ReadOptions, raw, read, write_found};
use super::writing::{put_string, validation};
use crate::server::elasticsearch::codec::json::{Json, JsonValue, Source};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Request, Response};
use crate::server::elasticsearch::search::fault::Fault;
use crate::server::elasticsearch::search::fault::not_json;
use crate::server::elasticsearch::search::fetch::SourceFilter;
use crate::server::elasticsearch::state::Node;

pub(crate) const MGET_PARAMS: &[&str] = &[
    "_source",
    "_source_excludes",
    "_source_includes",
    "preference",
    "realtime",
    "refresh",
    "routing",
    "stored_fields",
];

/// One document asked for.
#[derive(Debug, Clone)]
struct Wanted {
    index: Option<String>,
    id: Option<String>,
    routing: Option<String>,
    options: ReadOptions,
}

/// `GET|POST /_mget`, `/{index}/_mget`.
pub(crate) async fn mget(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let wanted = parse(&request)?;
    let refresh = request.params.bool("refresh", false)?;
    let mut out = Vec::with_capacity(256 * wanted.len());
    out.extend_from_slice(b"{\"docs\":[");
    for (at, wanted) in wanted.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_one(&node, wanted, refresh, &mut out);
    }
    out.extend_from_slice(b"]}");
    Ok(raw(200, out))
}

fn write_one(node: &Node, wanted: &Wanted, refresh: bool, out: &mut Vec<u8>) {
    let name = wanted.index.as_deref().unwrap_or_default();
    let id = wanted.id.as_deref().unwrap_or_default();
    let found = node.cluster.index_for_read(name).and_then(|index| {
        if refresh {
            index.engine().refresh_blocking().map_err(|error| error.to_api())?;
        }
        let found = read(&index, id, wanted.routing.as_deref(), &wanted.options)?;
        Ok((index, found))
    });
    match found {
        Ok((index, found)) => write_found(out, index.name(), id, found.as_ref(), &wanted.options.source),
        Err(error) => {
            out.extend_from_slice(b"{\"_index\":");
            put_string(out, name);
            out.extend_from_slice(b",\"_id\":");
            put_string(out, id);
            out.extend_from_slice(b",\"error\":");
            out.extend_from_slice(error.error_json().to_string().as_bytes());
            out.push(b'}');
        }
    }
}

fn parse(request: &Request) -> Result<Vec<Wanted>, ApiError> {
    if request.body.is_empty() {
        return Err(ApiError::new(400, "parse_exception", "request body or source parameter is required"));
    }
    let json = Json::parse(&request.body).map_err(|error| not_json(&error, &request.body))?;
    let source = Source(&request.body);
    let Some(members) = json.as_object() else {
        let reason = format!("unexpected token [{}], expected [START_OBJECT]", json.token_name());
        return Err(Fault::parsing(&source, json.span.start, reason).into_api());
    };
    let default = Wanted {
        index: request.path.get("index").cloned(),
        id: None,
        routing: request.params.get("routing").map(str::to_owned),
        options: ReadOptions::from_params(&request.params)?,
    };
    let mut wanted = Vec::new();
    for member in members {
        match (member.key.as_str(), member.value.as_array()) {
            ("docs", Some(items)) => {
                for item in items {
                    wanted.push(document(item, &source, &default)?);
                }
            }
            ("ids", Some(items)) => {
                for item in items {
                    let Some(id) = simple(item, &source) else {
                        return Err(ApiError::illegal_argument("ids array element should only contain ids"));
                    };
                    wanted.push(Wanted { id: Some(id), ..default.clone() });
                }
            }
            (other, _) => {
                let found = member.value.token_name();
                let reason = format!("unknown key [{other}] for a {found}, expected [docs] or [ids]");
                return Err(Fault::parsing(&source, member.value.span.start, reason).into_api());
            }
        }
    }
    let mut problems = Vec::new();
    if wanted.is_empty() {
        problems.push("no documents to get".to_owned());
    }
    for (at, wanted) in wanted.iter().enumerate() {
        if wanted.index.is_none() {
            problems.push(format!("index is missing for doc {at}"));
        }
        if wanted.id.is_none() {
            problems.push(format!("id is missing for doc {at}"));
        }
    }
    validation(&problems)?;
    Ok(wanted)
}

fn document(item: &Json, source: &Source<'_>, default: &Wanted) -> Result<Wanted, ApiError> {
    let Some(members) = item.as_object() else {
        return Err(ApiError::illegal_argument("docs array element should include an object"));
    };
    let mut wanted = default.clone();
    for member in members {
        let value = &member.value;
        let text = || simple(value, source);
        match member.key.as_str() {
            "_index" => wanted.index = text(),
            "_id" => wanted.id = text(),
            "routing" => wanted.routing = text(),
            "version" => wanted.options.version = value.as_i64(),
            "version_type" => {}
            "_source" => wanted.options.source = SourceFilter::read(value, source).map_err(Fault::into_api)?,
            "stored_fields" | "_stored_fields" => {
                let names = value
                    .as_array()
                    .map_or_else(|| vec![text()], |items| items.iter().map(|item| simple(item, source)).collect());
                if !names.iter().flatten().any(|name| name == "_source") {
                    wanted.options.source = SourceFilter::NONE;
                }
            }
            other => {
                let reason = format!("failed to parse multi get request. unknown field [{other}]");
                return Err(ApiError::new(400, "parse_exception", reason));
            }
        }
    }
    Ok(wanted)
}

/// A string, number or boolean as text.
pub(super) fn simple(json: &Json, source: &Source<'_>) -> Option<String> {
    match &json.value {
        JsonValue::String(text) => Some(text.clone()),
        JsonValue::Int(_) | JsonValue::Float { .. } | JsonValue::Bool(_) => {
            Some(String::from_utf8_lossy(source.slice(json.span)).into_owned())
        }
        JsonValue::Null | JsonValue::Array(_) | JsonValue::Object(_) => None,
    }
}
