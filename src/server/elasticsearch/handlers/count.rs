//! `_count`: how many documents match.

use std::sync::Arc;
use std::time::Instant;

use serde_json::{Map, Value};

use super::search::{clock, limits, targets};
use crate::server::elasticsearch::codec::json::Source;
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Request, Response};
use crate::server::elasticsearch::search::execute::count as count_documents;
use crate::server::elasticsearch::search::fault::{Fault, parse_body};
use crate::server::elasticsearch::search::query::{self, Query};
use crate::server::elasticsearch::search::request::{SearchRequest, query_of_params};
use crate::server::elasticsearch::state::{IndicesOptions, Node};

pub(crate) const COUNT_PARAMS: &[&str] = &[
    "allow_no_indices",
    "analyze_wildcard",
    "analyzer",
    "default_operator",
    "df",
    "expand_wildcards",
    "ignore_throttled",
    "ignore_unavailable",
    "lenient",
    "min_score",
    "preference",
    "q",
    "routing",
    "terminate_after",
];

pub(crate) async fn count(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let started = Instant::now();
    let asked = parse(&request)?;
    let options = IndicesOptions::open().with_params(&request.params)?;
    let targets = targets(&node, request.path.get("index").map_or("", String::as_str), options)?;
    let (found, early, shards) = count_documents(&asked, &targets, clock(), &limits(&asked, started))?;
    let mut answer = Map::new();
    if let Some(early) = early {
        answer.insert("terminated_early".into(), early.into());
    }
    answer.insert("count".into(), found.into());
    answer.insert("_shards".into(), shards.to_json());
    Ok(Response::ok(Value::Object(answer)))
}

fn parse(request: &Request) -> Result<SearchRequest, ApiError> {
    let mut asked = SearchRequest { query: read_query(&request.body)?, ..SearchRequest::default() };
    let params = &request.params;
    if let Some(query) = query_of_params(params, &request.uri)? {
        asked.query = Some(query);
    }
    if let Some(text) = params.get("min_score") {
        let score = text.parse().map_err(|_| {
            ApiError::illegal_argument(format!("Failed to parse float parameter [min_score] with value [{text}]"))
        })?;
        asked.min_score = Some(score);
    }
    if let Some(limit) = params.int("terminate_after")? {
        match u64::try_from(limit) {
            Ok(limit) => asked.terminate_after = Some(limit).filter(|limit| *limit > 0),
            Err(_) => return Err(ApiError::illegal_argument("terminateAfter must be > 0")),
        }
    }
    Ok(asked)
}

/// A body that may hold nothing but `query`; none where it is empty.
pub(super) fn read_query(body: &[u8]) -> Result<Option<Query>, ApiError> {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    let json = parse_body(body)?;
    let src = Source(body);
    let Some(members) = json.as_object() else {
        let reason = format!("Expected [START_OBJECT] but found [{}]", json.token_name());
        return Err(Fault::parsing(&src, json.span.start, reason).into_api());
    };
    let mut found = None;
    for member in members {
        if member.key != "query" {
            let reason = format!("request does not support [{}]", member.key);
            return Err(Fault::parsing(&src, member.key_span.start, reason).into_api());
        }
        found = Some(query::parse(&member.value, &src)?);
    }
    Ok(found)
}
