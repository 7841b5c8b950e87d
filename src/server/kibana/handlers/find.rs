//! `GET /api/saved_objects/_find`.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::server::kibana::Kibana;
use crate::server::kibana::attribute::expected;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::find::{self as search, HasReference, WINDOW_MAX};
use crate::server::kibana::http::{HandlerFuture, Params, Request, Response};

const PARAMS: [&str; 15] = [
    "type",
    "page",
    "per_page",
    "search",
    "search_fields",
    "default_search_operator",
    "sort_field",
    "fields",
    "has_reference",
    "has_reference_operator",
    "has_no_reference",
    "has_no_reference_operator",
    "namespaces",
    "filter",
    "aggs",
];

pub(super) fn find(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let wanted = read(&request.params)?;
        let fields: Vec<String> = request.params.all("fields").map(str::to_owned).collect();
        let answer = kibana.blocking(move |kibana| answer(kibana, &wanted, &fields)).await?;
        Ok(Response::json(&answer))
    })
}

fn answer(kibana: &Kibana, wanted: &search::Request, fields: &[String]) -> Result<Value, ApiError> {
    let found = search::find(&kibana.store.objects(), wanted)?;
    let fields = (!fields.is_empty()).then_some(fields);
    let objects = found.page.iter().map(|hit| {
        let mut object = hit.object.to_api(fields);
        object.insert("score".to_owned(), hit.score.into());
        Value::Object(object)
    });
    let objects: Vec<Value> = objects.collect();
    Ok(json!({"page": wanted.page, "per_page": wanted.per_page, "total": found.total, "saved_objects": objects}))
}

fn read(params: &Params) -> Result<search::Request, ApiError> {
    params.check(&PARAMS)?;
    for name in ["filter", "aggs"] {
        if params.get(name).is_some() {
            return Err(ApiError::bad_request(format!("[request query.{name}]: it is not supported here")));
        }
    }
    let mut kinds: Vec<String> = params.all("type").map(str::to_owned).collect();
    if kinds.is_empty() {
        let message = "[request query.type]: expected at least one defined value but got [undefined]";
        return Err(ApiError::bad_request(message));
    }
    kinds.sort();
    kinds.dedup();
    let mut spaces = params.all("namespaces").peekable();
    if spaces.peek().is_some() && !spaces.any(|space| matches!(space, "default" | "*")) {
        kinds.clear();
    }
    let (page, per_page) = (params.number("page", 1)?, params.number("per_page", 20)?);
    if page == 0 || page.saturating_mul(per_page) > WINDOW_MAX.max(per_page.min(WINDOW_MAX)) {
        let message =
            format!("Result window is too large or empty: [page] from 1, [page] x [per_page] up to {WINDOW_MAX}");
        return Err(ApiError::bad_request(message));
    }
    Ok(search::Request {
        kinds,
        search: params.get("search").filter(|text| !text.is_empty()).map(str::to_owned),
        search_fields: params.all("search_fields").map(str::to_owned).collect(),
        needs_all_words: is_and(params, "default_search_operator")?,
        has_reference: param_references(params, "has_reference")?,
        needs_all_references: is_and(params, "has_reference_operator")?,
        has_no_reference: no_references(params)?,
        sort_field: params.get("sort_field").map(str::to_owned),
        page,
        per_page,
    })
}

fn is_and(params: &Params, name: &str) -> Result<bool, ApiError> {
    match params.get(name) {
        None | Some("OR") => Ok(false),
        Some("AND") => Ok(true),
        Some(_) => Err(ApiError::bad_request(format!("[request query.{name}]: expected value to equal [OR] or [AND]"))),
    }
}

fn no_references(params: &Params) -> Result<Vec<HasReference>, ApiError> {
    let references = param_references(params, "has_no_reference")?;
    if is_and(params, "has_no_reference_operator")? && references.len() > 1 {
        let message = "[request query.has_no_reference_operator]: [AND] is not supported here";
        return Err(ApiError::bad_request(message));
    }
    Ok(references)
}

fn param_references(params: &Params, name: &str) -> Result<Vec<HasReference>, ApiError> {
    let Some(text) = params.get(name) else { return Ok(Vec::new()) };
    let path = format!("request query.{name}");
    let value = serde_json::from_str(text)
        .map_err(|_| ApiError::bad_request(expected(&path, "object", Some(&Value::from(text)))))?;
    references(&path, &value)
}

/// One `{"type","id"}`, or several.
pub(super) fn references(path: &str, value: &Value) -> Result<Vec<HasReference>, ApiError> {
    let one = |value: &Value| {
        let text = |name| value.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(HasReference { kind: text("type")?, id: text("id")? })
    };
    let all = match value {
        Value::Array(list) => list.iter().map(one).collect(),
        other => one(other).map(|reference| vec![reference]),
    };
    all.ok_or_else(|| ApiError::bad_request(format!("[{path}]: an object with [type] and [id] is needed")))
}
