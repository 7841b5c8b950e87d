//! `_validate/query`: whether a query would run.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::count::read_query;
use super::search::{clock, targets};
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::http::{Request, Response};
use crate::server::elasticsearch::search::query::{self, Query};
use crate::server::elasticsearch::search::request::query_of_params;
use crate::server::elasticsearch::state::{IndicesOptions, Node};

pub(crate) const VALIDATE_PARAMS: &[&str] = &[
    "all_shards",
    "allow_no_indices",
    "analyze_wildcard",
    "analyzer",
    "default_operator",
    "df",
    "expand_wildcards",
    "explain",
    "ignore_throttled",
    "ignore_unavailable",
    "lenient",
    "q",
    "rewrite",
];

pub(crate) async fn validate(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let params = &request.params;
    let all_shards = params.bool("all_shards", false)?;
    let explain = params.bool("explain", false)? | params.bool("rewrite", false)? | all_shards;
    let query = match asked(&request) {
        Ok(query) => query,
        Err(Refused::Request(error)) => return Err(error),
        Err(Refused::Query(error)) => return Ok(unreadable(&error, explain)),
    };
    let options = IndicesOptions::open().with_params(params)?;
    let targets = targets(&node, request.path.get("index").map_or("", String::as_str), options)?;
    let mut valid = true;
    let mut explanations = Vec::new();
    for target in &targets {
        let mut shown = Map::new();
        shown.insert("index".into(), target.shard.index.as_ref().into());
        if all_shards {
            shown.insert("shard".into(), 0.into());
        }
        match query::plan(&query, &target.shard, clock()) {
            Ok(plan) => {
                shown.insert("valid".into(), true.into());
                shown.insert("explanation".into(), explanation(&query, &format!("{plan:?}")).into());
            }
            Err(exception) => {
                valid = false;
                let text = format!("[{}/{}] {}", target.shard.index, target.shard.uuid, java_text(&exception));
                shown.insert("valid".into(), false.into());
                shown.insert("error".into(), text.into());
            }
        }
        explanations.push(Value::Object(shown));
    }
    let total = targets.len();
    let mut answer = json!({"_shards": {"total": total, "successful": total, "failed": 0}, "valid": valid});
    if let (true, Value::Object(members)) = (explain && !explanations.is_empty(), &mut answer) {
        members.insert("explanations".into(), explanations.into());
    }
    Ok(Response::ok(answer))
}

enum Refused {
    /// The answer says that the query is not valid.
    Query(ApiError),
    Request(ApiError),
}

fn asked(request: &Request) -> Result<Query, Refused> {
    if let Some(query) = query_of_params(&request.params, &request.uri).map_err(Refused::Request)? {
        return Ok(query);
    }
    if request.body.is_empty() {
        return Ok(Query::match_all());
    }
    read_query(&request.body).map_err(Refused::Query)?.ok_or_else(|| {
        let reason = "Validation Failed: 1: query cannot be null;";
        Refused::Request(ApiError::new(400, "action_request_validation_exception", reason))
    })
}

fn unreadable(error: &ApiError, explain: bool) -> Response {
    let mut answer = json!({"valid": false});
    if let (true, Some(exception), Value::Object(members)) = (explain, error.exception(), &mut answer) {
        members.insert("error".into(), java_text(exception).into());
    }
    Response::ok(answer)
}

/// Lucene prints its own query here; the commonest forms are alike, the rest shows this node's plan.
fn explanation(query: &Query, plan: &str) -> String {
    use query::QueryKind;
    match &query.kind {
        QueryKind::MatchAll => "*:*".to_owned(),
        QueryKind::Term(term) => format!("{}:{}", term.field, term.value.to_text()),
        _ => plan.chars().take(1000).collect(),
    }
}

/// An exception and its causes by the names of their classes.
fn java_text(exception: &Exception) -> String {
    let class = match exception.kind.as_ref() {
        "parsing_exception" => "org.elasticsearch.common.ParsingException",
        "parse_exception" => "org.elasticsearch.ElasticsearchParseException",
        "query_shard_exception" => "org.elasticsearch.index.query.QueryShardException",
        "x_content_parse_exception" => "org.elasticsearch.xcontent.XContentParseException",
        "named_object_not_found_exception" => "org.elasticsearch.xcontent.NamedObjectNotFoundException",
        "number_format_exception" => "java.lang.NumberFormatException",
        "illegal_argument_exception" => "java.lang.IllegalArgumentException",
        other => other,
    };
    let own = format!("{class}: {}", exception.reason);
    match &exception.caused_by {
        Some(cause) => format!("{own}; {}", java_text(cause)),
        None => own,
    }
}
