//! `POST .../controls/<control>/options`: the values that a control offers, and how many documents have each.

use std::sync::Arc;

use serde_json::{Value, json};

use super::ask::Ask;
use super::shown::{Shown, encode, shown, unreachable};
use crate::lens::filter;
use crate::lens::format::Formatter;
use crate::lens::object::{ControlKind, OptionsList};
use crate::lens::scope::Scope;
use crate::lens::table::{Cell, CellKind};
use crate::lens::view::{DataView, FieldKind};
use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::{HandlerFuture, Request, Response};

/// Values that are offered at once.
const OFFERED: usize = 100;

pub(super) fn options(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let ask = Ask::read(&request, kibana.now().as_millisecond())?;
        let shown = shown(&kibana, request.path("id")).await?;
        let id = request.path("control");
        let (list, view) = find(&shown, id)?;
        let scope = ask.scope_of_options(&shown, id)?;
        let search = search(list, view, &scope, &ask.search)?;
        let path = format!("/{}/_search?ignore_unavailable=true", encode(&view.index));
        let (status, answer) = kibana.search.post(&path, &search).await.map_err(|error| unreachable(&error))?;
        if status != 200 {
            let reason = answer.pointer("/error/root_cause/0/reason").or_else(|| answer.pointer("/error/reason"));
            let reason = reason.and_then(Value::as_str).unwrap_or("no reason given");
            return Err(ApiError::new(502, format!("Elasticsearch answered with {status}: {reason}")));
        }
        Ok(Response::json(&offered(&answer, list, view, &scope)))
    })
}

fn find<'s>(shown: &'s Shown, id: &str) -> Result<(&'s OptionsList, &'s DataView), ApiError> {
    let control = shown.dashboard.controls.list.iter().find(|control| control.id == id);
    let Some(ControlKind::Options(list)) = control.map(|control| &control.kind) else {
        return Err(ApiError::new(404, format!("There is no list of options [{id}]")));
    };
    let view = list.data_view.as_deref().and_then(|id| shown.views.get(id));
    let view = view.ok_or_else(|| ApiError::new(404, format!("The data view of the control [{id}] is not there")))?;
    Ok((list, view))
}

fn search(list: &OptionsList, view: &DataView, scope: &Scope, begins_with: &str) -> Result<Value, ApiError> {
    let queries: Vec<_> = scope.query.iter().collect();
    let clauses = filter::clauses(&queries, &scope.filters, view, scope.zone_name());
    let mut clauses = clauses.map_err(|error| ApiError::bad_request(error.to_string()))?;
    if let Some(field) = &view.time_field {
        let (from, to) = (scope.range.from_ms, scope.range.to_ms);
        clauses.filter.push(json!({"range": {field.as_str(): {"format": "epoch_millis", "gte": from, "lte": to}}}));
    }
    let order = if list.sort_by == "_key" { "_key" } else { "_count" };
    let direction = if list.is_descending { "desc" } else { "asc" };
    let mut terms = json!({"field": list.field, "size": OFFERED, "order": {order: direction}});
    let is_text = matches!(view.kind(&list.field), Some(FieldKind::Keyword | FieldKind::Text));
    if let (true, false, Some(terms)) = (is_text, begins_with.is_empty(), terms.as_object_mut()) {
        let pattern = match list.search_technique.as_str() {
            "wildcard" => format!(".*{}.*", escaped(begins_with)),
            "exact" => escaped(begins_with),
            _ => format!("{}.*", escaped(begins_with)),
        };
        terms.insert("include".to_owned(), json!(pattern));
    }
    let aggregations = json!({"values": {"terms": terms}, "total": {"cardinality": {"field": list.field}}});
    Ok(json!({"size": 0, "query": clauses.bool_query(), "aggs": aggregations}))
}

/// For Lucene's regular expressions.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if ".?+*|{}[]()\"\\#@&<>~^$-".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn offered(answer: &Value, list: &OptionsList, view: &DataView, scope: &Scope) -> Value {
    let kind = match view.kind(&list.field) {
        Some(kind) if kind.is_number() => CellKind::Number,
        Some(FieldKind::Date) => CellKind::Date,
        Some(FieldKind::Boolean) => CellKind::Boolean,
        _ => CellKind::Text,
    };
    let formatter = Formatter::new(view.formats.get(&list.field), kind, &scope.time_zone);
    let buckets = answer.pointer("/aggregations/values/buckets").and_then(Value::as_array);
    let options = buckets.into_iter().flatten().filter_map(|bucket| {
        let key = bucket.get("key")?;
        let cell = match (kind, key) {
            (CellKind::Boolean, _) => Cell::Boolean(key.as_i64() == Some(1)),
            (CellKind::Date, Value::Number(number)) => Cell::Date(number.as_i64()?),
            (_, Value::Number(number)) => Cell::Number(number.as_f64()?),
            (_, Value::String(text)) => Cell::Text(text.clone()),
            _ => return None,
        };
        let value = if kind == CellKind::Boolean { json!(key.as_i64() == Some(1)) } else { key.clone() };
        Some(json!({"value": value, "text": formatter.text(&cell), "count": bucket.get("doc_count")}))
    });
    let total = answer.pointer("/aggregations/total/value").cloned().unwrap_or(Value::Null);
    json!({"options": options.collect::<Vec<_>>(), "total": total})
}
