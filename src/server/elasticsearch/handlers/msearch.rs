//! `_msearch`: several searches in one request, a header line and a body line each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use serde_json::json;

use super::search::{raw, run};
use crate::server::elasticsearch::codec::json::{Json, JsonValue, Source};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Params, Request, Response};
use crate::server::elasticsearch::search::fault::{Fault, parse_body};
use crate::server::elasticsearch::search::fetch::ObjectWriter;
use crate::server::elasticsearch::search::query::options::texts;
use crate::server::elasticsearch::search::request::SearchRequest;
use crate::server::elasticsearch::state::{IndicesOptions, Node};

pub(crate) const MSEARCH_PARAMS: &[&str] = &[
    "allow_no_indices",
    "ccs_minimize_roundtrips",
    "expand_wildcards",
    "ignore_throttled",
    "ignore_unavailable",
    "include_named_queries_score",
    "index",
    "max_concurrent_searches",
    "max_concurrent_shard_requests",
    "pre_filter_shard_size",
    "rest_total_hits_as_int",
    "routing",
    "search_type",
    "typed_keys",
];

/// Searches in one request; each answer is held in memory until all are done.
const SEARCHES_MAX: usize = 10_000;

/// One search of the request.
struct Item {
    expression: String,
    options: IndicesOptions,
    request: SearchRequest,
}

pub(crate) async fn msearch(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let started = Instant::now();
    let items = parse(&request)?;
    let mut answers = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            answers.push(b',');
        }
        let item_started = Instant::now();
        match run(&node, &item.request, &item.expression, item.options, item_started) {
            Ok(answer) => answer.write(item_started.elapsed(), Some(200), &mut answers),
            Err(error) => {
                let failed = json!({"error": error.error_json(), "status": error.status});
                answers.extend_from_slice(failed.to_string().as_bytes());
            }
        }
    }
    let mut out = Vec::with_capacity(answers.len() + 64);
    let mut whole = ObjectWriter::new(&mut out);
    whole.json("took", &u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX).into());
    let responses = whole.key("responses");
    responses.push(b'[');
    responses.extend_from_slice(&answers);
    responses.push(b']');
    whole.end();
    Ok(raw(out))
}

fn parse(request: &Request) -> Result<Vec<Item>, ApiError> {
    let params = &request.params;
    if params.int("max_concurrent_searches")?.is_some_and(|count| count < 1) {
        return Err(ApiError::illegal_argument("maxConcurrentSearchRequests must be positive"));
    }
    let options = IndicesOptions::open().with_params(params)?;
    let shared = shared_params(params);
    // Checks the parameters even where no search follows.
    SearchRequest::parse(b"", &shared, &request.uri)?;
    if request.body.is_empty() {
        return Err(ApiError::new(400, "parse_exception", "request body or source parameter is required"));
    }
    let named = request.path.get("index").map(String::as_str).or_else(|| params.get("index")).unwrap_or("");
    let mut items = Vec::new();
    let mut rest: &[u8] = &request.body;
    while !rest.is_empty() {
        let header = line(&mut rest)?;
        if rest.is_empty() {
            break;
        }
        let body = line(&mut rest)?;
        let Header { expression, options, request_cache } = read_header(header, named, options)?;
        let asked = SearchRequest { request_cache, ..SearchRequest::parse(body, &shared, &request.uri)? };
        items.push(Item { expression, options, request: asked });
        if items.len() > SEARCHES_MAX {
            return Err(ApiError::illegal_argument(format!("more than [{SEARCHES_MAX}] searches in one request")));
        }
    }
    if items.is_empty() {
        let reason = "Validation Failed: 1: no requests added;";
        return Err(ApiError::new(400, "action_request_validation_exception", reason));
    }
    Ok(items)
}

/// The parameters that every search of the request obeys.
fn shared_params(params: &Params) -> Params {
    let names = [
        "ccs_minimize_roundtrips",
        "include_named_queries_score",
        "max_concurrent_shard_requests",
        "pre_filter_shard_size",
        "rest_total_hits_as_int",
        "search_type",
        "typed_keys",
    ];
    let given = names.iter().filter_map(|name| Some(((*name).to_owned(), params.get(name)?.to_owned())));
    Params(given.collect::<BTreeMap<_, _>>())
}

fn line<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], ApiError> {
    let Some(end) = rest.iter().position(|byte| *byte == b'\n') else {
        let reason = "The msearch request must be terminated by a newline [\n]";
        return Err(ApiError::illegal_argument(reason));
    };
    let (line, after) = rest.split_at(end);
    *rest = after.get(1..).unwrap_or_default();
    Ok(line)
}

/// What a search's own line says.
struct Header {
    expression: String,
    options: IndicesOptions,
    request_cache: bool,
}

fn read_header(header: &[u8], named: &str, options: IndicesOptions) -> Result<Header, ApiError> {
    let (mut expression, mut request_cache) = (named.to_owned(), true);
    if header.iter().all(u8::is_ascii_whitespace) {
        return Ok(Header { expression, options, request_cache });
    }
    let json = parse_body(header)?;
    let src = Source(header);
    let Some(members) = json.as_object() else {
        let fault = Fault::content(&src, json.span.start + 1, "Unexpected token after end of object");
        return Err(fault.into_api());
    };
    let mut indices = BTreeMap::new();
    for member in members {
        let value = &member.value;
        match member.key.as_str() {
            "index" | "indices" if value.is_null() => {}
            "index" | "indices" => expression = texts(value, &src)?.join(","),
            "expand_wildcards" | "expandWildcards" => {
                indices.insert("expand_wildcards".to_owned(), texts(value, &src)?.join(","));
            }
            "ignore_unavailable" | "allow_no_indices" | "ignore_throttled" => {
                indices.insert(member.key.clone(), texts(value, &src)?.join(","));
            }
            "search_type" | "searchType" => check_search_type(value, &src)?,
            "request_cache" | "requestCache" if value.as_bool().is_some() => {
                request_cache = value.as_bool() == Some(true);
            }
            "request_cache"
            | "requestCache"
            | "preference"
            | "routing"
            | "allow_partial_search_results"
            | "ccs_minimize_roundtrips"
            | "project_routing"
                if !matches!(value.value, JsonValue::Object(_) | JsonValue::Array(_)) => {}
            other => {
                let reason = format!("key [{other}] is not supported in the metadata section");
                return Err(ApiError::illegal_argument(reason));
            }
        }
    }
    let options = if indices.is_empty() { options } else { options.with_params(&Params(indices))? };
    Ok(Header { expression, options, request_cache })
}

fn check_search_type(value: &Json, src: &Source<'_>) -> Result<(), ApiError> {
    let name = texts(value, src)?.join(",");
    if matches!(name.as_str(), "query_then_fetch" | "dfs_query_then_fetch") {
        return Ok(());
    }
    Err(ApiError::illegal_argument(format!("No search type for [{name}]")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(body: &'static str) -> Result<Vec<Item>, ApiError> {
        parse(&Request {
            method: "POST",
            uri: "/e/_msearch".into(),
            path: BTreeMap::from([("index", "e".to_owned())]),
            params: Params::default(),
            body: body.into(),
        })
    }

    #[test]
    fn header_lines_choose_indices_and_blank_ones_take_the_paths() {
        let items = parsed("\n{\"size\":0}\n{\"index\":[\"a\",\"b\"],\"preference\":\"x\"}\n{}\n").unwrap();
        let expressions: Vec<&str> = items.iter().map(|item| item.expression.as_str()).collect();
        assert_eq!(expressions, ["e", "a,b"]);
        assert_eq!(items.first().unwrap().request.size, 0);
    }

    #[test]
    fn a_request_that_cannot_be_read_fails_whole() {
        for (body, reason) in [
            ("{\"index\":\"e\"}\n{\"size\":0}", "The msearch request must be terminated by a newline [\n]"),
            ("{\"bogus\":1}\n{}\n", "key [bogus] is not supported in the metadata section"),
            ("{}\n{\"query\":{\"foo\":{}}}\n", "unknown query [foo]"),
            ("{}\n", "Validation Failed: 1: no requests added;"),
            ("", "request body or source parameter is required"),
        ] {
            let error = parsed(body).map(|items| items.len()).unwrap_err();
            assert_eq!(error.exception().unwrap().reason, reason, "{body:?}");
        }
    }
}
