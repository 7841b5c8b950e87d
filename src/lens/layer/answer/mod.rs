//! From Elasticsearch's answers to rows: the buckets as a tree, shifted branches joined, and a row for each innermost
//! bucket.

mod columns;
mod failure;
mod key;
mod tree;
mod value;

use jiff::{Span, Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Map, Value, json};

use crate::lens::{
    layer::{
        plan::{Plan, Source},
        search::SAMPLING,
    },
    table::Cell,
    time::Interval,
};
pub(super) use columns::columns;
pub(in crate::lens) use failure::check;
pub(super) use key::whole;

/// The aggregations of an answer, without the sample round them; an answer without any (no index matches) is empty.
pub(super) fn aggregations(plan: &Plan, answer: &Value) -> Value {
    let aggregations = answer.get("aggregations");
    let inner = if plan.sampling < 1.0 { aggregations.and_then(|all| all.get(SAMPLING)) } else { None };
    inner.or(aggregations).cloned().unwrap_or_else(|| Value::Object(Map::new()))
}

/// How many documents match, for a count without any aggregation.
pub(super) fn hits(answer: &Value) -> u64 {
    let total = answer.pointer("/hits/total");
    total.and_then(|total| total.as_u64().or_else(|| total.get("value")?.as_u64())).unwrap_or(0)
}

/// A cell for each column of the layer; what is computed afterwards is still null.
pub(super) fn rows(plan: &Plan, aggregations: Value, hits: u64) -> Vec<Vec<Cell>> {
    let mut root = aggregations;
    if let Value::Object(root) = &mut root {
        root.insert("doc_count".into(), json!(hits));
    }
    let tree = tree::read(plan, &root);
    let mut rows = Vec::new();
    let mut keys = Vec::new();
    spread(plan, &tree, &mut keys, &mut rows);
    rows
}

/// Parents are repeated in each row; a parent without children has none.
fn spread(plan: &Plan, node: &tree::Node<'_>, keys: &mut Vec<Cell>, rows: &mut Vec<Vec<Cell>>) {
    if keys.len() == plan.buckets.len() {
        let cell = |source: &Source| match source {
            Source::Bucket(level) => keys.get(*level).cloned().unwrap_or(Cell::Null),
            Source::Metric(reading) => match node.values.get(reading.metric) {
                Some(Some(value)) => value::cell(reading, value),
                _ => value::empty(reading),
            },
            Source::Computed => Cell::Null,
        };
        rows.push(plan.sources.iter().map(cell).collect());
        return;
    }
    for child in &node.children {
        keys.push(child.key.clone());
        spread(plan, &child.node, keys, rows);
        keys.pop();
    }
}

/// The first moment after a bucket of a date histogram.
pub(super) fn bucket_end(start_ms: i64, interval: &Interval, zone: &TimeZone) -> i64 {
    let calendar = || {
        let span = calendar_span(interval)?;
        let start = Timestamp::from_millisecond(start_ms).ok()?.to_zoned(zone.clone());
        Some(start.checked_add(span).ok()?.timestamp().as_millisecond())
    };
    calendar().unwrap_or_else(|| start_ms.saturating_add(interval.ms))
}

/// Of the units whose length differs.
fn calendar_span(interval: &Interval) -> Option<Span> {
    match interval.text.as_str() {
        _ if !interval.is_calendar => None,
        "1d" => Some(1.days()),
        "1w" => Some(1.weeks()),
        "1M" => Some(1.months()),
        "1q" => Some(3.months()),
        "1y" => Some(1.years()),
        _ => None,
    }
}
