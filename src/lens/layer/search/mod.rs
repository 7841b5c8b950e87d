//! From a plan to the searches: the body that all of a layer's searches share, and what is put into it.

mod grid;
mod nest;
mod other;
mod terms;

use serde_json::{Map, Value, json};

use crate::lens::{
    filter::{self, Clauses},
    scope::{Query, Scope},
    view::DataView,
};

use super::{
    Layer, LayerError,
    plan::{Plan, range_query, zone_name},
};
pub(super) use grid::{Grid, grid, question};
pub(super) use nest::{SPLIT, aggregations};
pub(super) use other::{KEY as OTHER_KEY, Other};

/// One sample for all refreshes, so that numbers don't flicker.
const SAMPLER_SEED: i64 = 42;

/// The name round all aggregations of a sample.
pub(super) const SAMPLING: &str = "sampling";

/// A search without its aggregations.
#[derive(Debug, Clone)]
pub(super) struct Base {
    body: Map<String, Value>,
    sampling: f64,
}

impl Base {
    pub(super) fn new(
        layer: &Layer,
        plan: &Plan,
        view: &DataView,
        scope: &Scope,
        own: &Clauses,
    ) -> Result<Self, LayerError> {
        let date_fields: Vec<Value> =
            view.date_fields().map(|field| json!({"field": field, "format": "date_time"})).collect();
        let query = query(layer, plan, view, scope, own)?;
        let mut body = Map::new();
        body.insert("size".into(), json!(0));
        if plan.counts_hits() {
            // Else Elasticsearch stops counting at 10,000.
            body.insert("track_total_hits".into(), json!(true));
        }
        body.insert("fields".into(), json!(date_fields));
        body.insert("script_fields".into(), json!({}));
        body.insert("stored_fields".into(), json!(["*"]));
        body.insert("runtime_mappings".into(), Value::Object(view.runtime.clone()));
        body.insert("_source".into(), json!({"excludes": []}));
        body.insert("query".into(), query);
        Ok(Self { body, sampling: plan.sampling })
    }

    pub(super) fn search(&self, aggregations: Map<String, Value>) -> Value {
        let aggregations = if self.sampling < 1.0 && !aggregations.is_empty() {
            let sampler = json!({"probability": self.sampling, "seed": SAMPLER_SEED});
            json!({SAMPLING: {"random_sampler": sampler, "aggs": aggregations}})
        } else {
            Value::Object(aggregations)
        };
        let mut body = Map::new();
        body.insert("aggs".into(), aggregations);
        body.extend(self.body.clone());
        Value::Object(body)
    }
}

/// Panel, dashboard and time range, joined.
fn query(layer: &Layer, plan: &Plan, view: &DataView, scope: &Scope, own: &Clauses) -> Result<Value, LayerError> {
    let mut clauses = own.clone();
    if !layer.ignores_global_filters {
        let queries: Vec<&Query> = scope.query.iter().collect();
        let global = filter::clauses(&queries, &scope.filters, view, &zone_name(&scope.time_zone))?;
        clauses.must.extend(global.must);
        clauses.filter.extend(global.filter);
        clauses.must_not.extend(global.must_not);
    }
    clauses.filter.extend(time_clauses(plan));
    Ok(clauses.bool_query())
}

/// The range on each time field; with shifts, any of the shifted ranges.
fn time_clauses(plan: &Plan) -> Vec<Value> {
    let on_fields = |shift_ms: i64| -> Vec<Value> {
        let range = plan.time.shifted(shift_ms);
        plan.time.fields.iter().map(|field| range_query(field, range.from_ms, range.to_ms)).collect()
    };
    if !plan.time.has_shift {
        return on_fields(0);
    }
    let branches: Vec<Value> =
        plan.time.shifts.iter().map(|shift| json!({"bool": {"filter": on_fields(shift.ms)}})).collect();
    vec![json!({"bool": {"should": branches, "minimum_should_match": 1}})]
}
