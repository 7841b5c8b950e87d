//! `_search`: one search over the indices of an expression.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;

use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Body, Request, Response};
use crate::server::elasticsearch::search::Clock;
use crate::server::elasticsearch::search::execute::{Limits, Target, execute};
use crate::server::elasticsearch::search::query::{self, Query};
use crate::server::elasticsearch::search::request::{SEARCH_PARAMS as SEARCH_REQUEST_PARAMS, SearchRequest};
use crate::server::elasticsearch::search::response::SearchAnswer;
use crate::server::elasticsearch::state::{IndicesOptions, Node, now_millis};

pub(crate) const SEARCH_PARAMS: &[&str] = SEARCH_REQUEST_PARAMS;

pub(crate) async fn search(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let started = Instant::now();
    let asked = SearchRequest::parse(&request.body, &request.params, &request.uri)?;
    let options = IndicesOptions::open().with_params(&request.params)?;
    let expression = request.path.get("index").map_or("", String::as_str);
    let answer = run(&node, &asked, expression, options, started)?;
    let mut out = Vec::new();
    answer.write(started.elapsed(), None, &mut out);
    Ok(raw(out))
}

/// Searches the indices of an expression. Handlers run where blocking is allowed.
pub(super) fn run(
    node: &Node,
    asked: &SearchRequest,
    expression: &str,
    options: IndicesOptions,
    started: Instant,
) -> Result<SearchAnswer, ApiError> {
    let targets = targets(node, expression, options)?;
    execute(asked, &targets, clock(), &limits(asked, started), Some(&node.kept))
}

pub(super) fn clock() -> Clock {
    Clock { now_ms: now_millis() }
}

pub(super) fn limits(asked: &SearchRequest, started: Instant) -> Limits {
    let deadline = asked.timeout.and_then(|timeout| started.checked_add(timeout));
    Limits { deadline, ..Limits::default() }
}

/// What an expression names, each index with the filter of the aliases that led there.
pub(super) fn targets(node: &Node, expression: &str, options: IndicesOptions) -> Result<Vec<Target>, ApiError> {
    node.cluster
        .resolve_targets(expression, options)?
        .into_iter()
        .map(|target| Ok(Target { shard: target.index.snapshot(), filter: alias_filter(&target.filters)? }))
        .collect()
}

fn alias_filter(filters: &[Value]) -> Result<Option<Query>, ApiError> {
    if filters.is_empty() {
        return Ok(None);
    }
    // Several aliases lead to the index: what any of them lets through.
    let text = serde_json::json!({"bool": {"should": filters}}).to_string();
    let json = Json::parse(text.as_bytes())
        .map_err(|error| ApiError::illegal_argument(format!("failed to read the filter of an alias: {error}")))?;
    query::parse(&json, &Source(text.as_bytes())).map(Some)
}

pub(super) fn raw(out: Vec<u8>) -> Response {
    Response { status: 200, headers: Vec::new(), body: Body::RawJson(Bytes::from(out)) }
}
