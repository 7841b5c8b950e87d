//! One document: index, create, get, its source alone, delete, update.

use std::sync::Arc;

use bytes::Bytes;

use super::writing::{
    Action, Item, RefreshPolicy, Shape, UpdateBody, Versioning, check_id, check_waits, put_string, refresh, run,
    source_filter, target, validation, write_done,
};
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::http::{Body, Params, Request, Response};
use crate::server::elasticsearch::search::fetch::SourceFilter;
use crate::server::elasticsearch::state::{Index, Node};
use crate::server::elasticsearch::storage::engine::{Condition, Outcome, PRIMARY_TERM, StoredDocument};

pub(crate) const INDEX_PARAMS: &[&str] = &[
    "if_primary_term",
    "if_seq_no",
    "include_source_on_error",
    "op_type",
    "pipeline",
    "refresh",
    "require_alias",
    "require_data_stream",
    "routing",
    "timeout",
    "version",
    "version_type",
    "wait_for_active_shards",
];
pub(crate) const DELETE_PARAMS: &[&str] = &[
    "if_primary_term",
    "if_seq_no",
    "refresh",
    "routing",
    "timeout",
    "version",
    "version_type",
    "wait_for_active_shards",
];
pub(crate) const UPDATE_PARAMS: &[&str] = &[
    "_source",
    "_source_excludes",
    "_source_includes",
    "if_primary_term",
    "if_seq_no",
    "include_source_on_error",
    "lang",
    "refresh",
    "require_alias",
    "retry_on_conflict",
    "routing",
    "timeout",
    "wait_for_active_shards",
];
pub(crate) const GET_PARAMS: &[&str] = &[
    "_source",
    "_source_excludes",
    "_source_includes",
    "preference",
    "realtime",
    "refresh",
    "routing",
    "stored_fields",
    "version",
    "version_type",
];

/// `PUT|POST /{index}/_doc/{id}`, and without an id.
pub(crate) async fn index(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let has_id = request.path.contains_key("id");
    let action = match request.params.get("op_type") {
        Some("create") => Action::Create,
        Some("index") | None => Action::Index,
        Some(other) => {
            let reason = format!("opType must be 'create' or 'index', found: [{other}]");
            return Err(ApiError::illegal_argument(reason));
        }
    };
    // Without an id a document is new anyway.
    write(node, request, if has_id { action } else { Action::Index }).await
}

/// `PUT|POST /{index}/_create/{id}`.
pub(crate) async fn create(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    write(node, request, Action::Create).await
}

pub(crate) async fn delete(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    write(node, request, Action::Delete).await
}

/// `POST /{index}/_update/{id}`.
pub(crate) async fn update(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    write(node, request, Action::Update).await
}

async fn write(node: Arc<Node>, request: Request, action: Action) -> Result<Response, ApiError> {
    let policy = RefreshPolicy::read(&request.params)?;
    check_waits(&request.params)?;
    let item = item(&request, action)?;
    let _permit =
        node.pressure.acquire(request.body.len()).map_err(|exception| ApiError::from_exception(429, exception))?;
    let index = target(&node, &item, action != Action::Delete)?;
    let routing = item.routing.clone();
    let done = match run(&index, vec![item]).pop() {
        Some(result) => result.map_err(|refused| refused.error)?,
        None => return Err(ApiError::new(500, "illegal_state_exception", "an operation has no result")),
    };
    refresh(&index, policy, std::iter::once(&done)).await?;
    let copies = 1 + index.settings().number_of_replicas();
    let shape = Shape { copies, forced_refresh: policy == RefreshPolicy::Immediate, bulk: false };
    let mut out = Vec::with_capacity(256);
    write_done(&mut out, index.name(), &done, shape);
    let mut response = raw(done.status(), out);
    if done.written.outcome == Outcome::Created {
        response.headers.push(("Location", location(index.name(), &done.id, routing.as_deref())));
    }
    Ok(response)
}

fn item(request: &Request, action: Action) -> Result<Item, ApiError> {
    let params = &request.params;
    let mut versioning = Versioning::from_params(params)?;
    let mut problems = Vec::new();
    let id = request.path.get("id").cloned();
    if let Some(id) = &id {
        check_id(id, &mut problems);
    }
    let (mut update, mut shown) = (None, None);
    if action == Action::Update {
        let body = UpdateBody::read(&request.body)?;
        versioning.if_seq_no = versioning.if_seq_no.or(body.if_seq_no);
        versioning.if_primary_term = versioning.if_primary_term.or(body.if_primary_term);
        shown = source_filter(params)?.or_else(|| body.source.clone());
        update = Some(body);
    } else if action != Action::Delete && request.body.is_empty() {
        return Err(ApiError::new(400, "parse_exception", "request body is required"));
    }
    let condition = versioning.condition(action, &mut problems)?;
    if let Some(update) = &update {
        update.problems(condition != Condition::None, &mut problems);
    }
    validation(&problems)?;
    let retries = params.int("retry_on_conflict")?.unwrap_or(0);
    Ok(Item {
        action,
        index: request.path.get("index").cloned().unwrap_or_default(),
        id,
        routing: params.get("routing").map(str::to_owned),
        condition,
        retry_on_conflict: u32::try_from(retries).unwrap_or(0),
        require_alias: params.bool("require_alias", false)?,
        require_data_stream: params.bool("require_data_stream", false)?,
        pipeline: params.get("pipeline").map(str::to_owned),
        source: if action == Action::Delete { Bytes::new() } else { request.body.clone() },
        update,
        shown,
    })
}

pub(super) fn raw(status: u16, out: Vec<u8>) -> Response {
    Response { status, headers: Vec::new(), body: Body::RawJson(out.into()) }
}

/// `/i/_doc/id?routing=r`, form-encoded.
fn location(index: &str, id: &str, routing: Option<&str>) -> String {
    let mut text = format!("/{}/_doc/{}", form_encoded(index), form_encoded(id));
    if let Some(routing) = routing {
        text.push_str("?routing=");
        text.push_str(&form_encoded(routing));
    }
    text
}

fn form_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

/// What a read of one document asks for beside its id.
#[derive(Debug, Clone)]
pub(super) struct ReadOptions {
    pub(super) realtime: bool,
    pub(super) source: SourceFilter,
    pub(super) version: Option<i64>,
}

impl ReadOptions {
    pub(super) fn from_params(params: &Params) -> Result<Self, ApiError> {
        let stored = params.get("stored_fields");
        let hidden = stored.is_some_and(|names| names.split(',').all(|name| name != "_source"));
        let asked = source_filter(params)?;
        let source = asked.unwrap_or(if hidden { SourceFilter::NONE } else { SourceFilter::ALL });
        let versioning = Versioning::from_params(params)?;
        Ok(Self { realtime: params.bool("realtime", true)?, source, version: versioning.version })
    }
}

/// One document of an index; none where it is not there.
pub(super) fn read(
    index: &Index,
    id: &str,
    routing: Option<&str>,
    options: &ReadOptions,
) -> Result<Option<StoredDocument>, ApiError> {
    if routing.is_none() && index.mapping().routing_required() {
        let reason = format!("routing is required for [{}]/[{id}]", index.name());
        let exception = Exception::new("routing_missing_exception", reason)
            .with("index_uuid", index.uuid())
            .with("index", index.name());
        return Err(ApiError::from_exception(400, exception));
    }
    let engine = index.engine();
    let found = if options.realtime { engine.get(id) } else { engine.get_refreshed(id) };
    let found = found.map_err(|error| error.to_api())?;
    if let (Some(document), Some(wanted)) = (&found, options.version)
        && u64::try_from(wanted) != Ok(document.version)
    {
        let reason = format!(
            "[{id}]: version conflict, current version [{}] is different than the one provided [{wanted}]",
            document.version
        );
        let exception = Exception::new("version_conflict_engine_exception", reason)
            .with("index_uuid", index.uuid())
            .with("shard", "0")
            .with("index", index.name());
        return Err(ApiError::from_exception(409, exception));
    }
    Ok(found)
}

/// `{"_index":..,"_id":..,"found":..}` with what is shown of the document.
pub(super) fn write_found(
    out: &mut Vec<u8>,
    index: &str,
    id: &str,
    found: Option<&StoredDocument>,
    source: &SourceFilter,
) {
    out.extend_from_slice(b"{\"_index\":");
    put_string(out, index);
    out.extend_from_slice(b",\"_id\":");
    put_string(out, id);
    let Some(document) = found else {
        out.extend_from_slice(b",\"found\":false}");
        return;
    };
    let numbers =
        format!(",\"_version\":{},\"_seq_no\":{},\"_primary_term\":{PRIMARY_TERM}", document.version, document.seq_no);
    out.extend_from_slice(numbers.as_bytes());
    if let Some(routing) = &document.routing {
        out.extend_from_slice(b",\"_routing\":");
        put_string(out, routing);
    }
    out.extend_from_slice(b",\"found\":true");
    if !source.hides_all() {
        out.extend_from_slice(b",\"_source\":");
        out.extend_from_slice(&source.apply(&document.source));
    }
    out.push(b'}');
}

fn read_one(node: &Node, request: &Request) -> Result<(Arc<Index>, ReadOptions, Option<StoredDocument>), ApiError> {
    let name = request.path.get("index").map_or("", String::as_str);
    let id = request.path.get("id").map_or("", String::as_str);
    let options = ReadOptions::from_params(&request.params)?;
    let index = node.cluster.index_for_read(name)?;
    if request.params.bool("refresh", false)? {
        index.engine().refresh_blocking().map_err(|error| error.to_api())?;
    }
    let found = read(&index, id, request.params.get("routing"), &options)?;
    Ok((index, options, found))
}

/// `GET|HEAD /{index}/_doc/{id}`.
pub(crate) async fn get(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let (index, options, found) = read_one(&node, &request)?;
    let id = request.path.get("id").map_or("", String::as_str);
    let mut out = Vec::with_capacity(256);
    write_found(&mut out, index.name(), id, found.as_ref(), &options.source);
    Ok(raw(if found.is_some() { 200 } else { 404 }, out))
}

/// `GET|HEAD /{index}/_source/{id}`.
pub(crate) async fn get_source(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let (index, options, found) = read_one(&node, &request)?;
    match found {
        Some(document) => Ok(raw(200, options.source.apply(&document.source))),
        None => {
            let id = request.path.get("id").map_or("", String::as_str);
            let reason = format!("Document not found [{}]/[{id}]", index.name());
            Err(ApiError::new(404, "resource_not_found_exception", reason))
        }
    }
}
