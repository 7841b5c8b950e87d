//! Saved filters as Kibana itself writes them when a value is clicked or picked in a control.

use serde_json::{Map, Value, json};

/// The ends of a range; an end that is `None` is open. At most one of `gte` and `gt`, and of `lte` and `lt`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Bounds {
    pub gte: Option<Value>,
    pub gt: Option<Value>,
    pub lte: Option<Value>,
    pub lt: Option<Value>,
    /// Of dates that are given as text: `strict_date_optional_time`.
    pub format: Option<String>,
}

/// The field is exactly `value`.
pub fn phrase(field: &str, value: Value, data_view_id: &str) -> Value {
    let query = json!({"match_phrase": {field: value.clone()}});
    saved(field, "phrase", json!({"query": value}), false, data_view_id, query)
}

/// The field is one of `values`, or none of them. A single value is written as a phrase, as Kibana's controls do.
pub fn phrases(field: &str, values: &[Value], negate: bool, data_view_id: &str) -> Value {
    if let [value] = values {
        let query = json!({"match_phrase": {field: value}});
        return saved(field, "phrase", json!({"query": value}), negate, data_view_id, query);
    }
    let any: Vec<Value> = values.iter().map(|value| json!({"match_phrase": {field: value}})).collect();
    let query = json!({"bool": {"should": any, "minimum_should_match": 1}});
    saved(field, "phrases", json!(values), negate, data_view_id, query)
}

/// The field has a value, or none.
pub fn exists(field: &str, negate: bool, data_view_id: &str) -> Value {
    saved(field, "exists", Value::Null, negate, data_view_id, json!({"exists": {"field": field}}))
}

/// The field is between the bounds.
pub fn range(field: &str, bounds: Bounds, data_view_id: &str) -> Value {
    let Bounds { gte, gt, lte, lt, format } = bounds;
    let ends = [("gte", gte), ("gt", gt), ("lte", lte), ("lt", lt), ("format", format.map(Value::String))];
    let params: Map<String, Value> = ends.into_iter().filter_map(|(name, end)| Some((name.to_owned(), end?))).collect();
    let query = json!({"range": {field: params.clone()}});
    saved(field, "range", Value::Object(params), false, data_view_id, query)
}

/// Any query of Elasticsearch, shown as `label`.
pub fn custom(label: &str, query: Value, data_view_id: &str) -> Value {
    let mut filter = saved("query", "custom", Value::Null, false, data_view_id, query);
    if let Some(alias) = filter.get_mut("meta").and_then(|meta| meta.get_mut("alias")) {
        *alias = json!(label);
    }
    filter
}

fn saved(key: &str, kind: &str, params: Value, negate: bool, data_view_id: &str, query: Value) -> Value {
    let meta = json!({
        "index": data_view_id, "type": kind, "key": key, "params": params,
        "negate": negate, "disabled": false, "alias": null,
    });
    json!({"meta": meta, "query": query, "$state": {"store": "appState"}})
}
