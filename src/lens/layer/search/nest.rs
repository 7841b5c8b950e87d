//! The tree of aggregations: buckets nest in order, metrics sit in the innermost one.

use serde_json::{Map, Value, json};

use crate::lens::{
    layer::plan::{Bucket, BucketKind, Plan, number, range_query, zone_name},
    scope::TimeRange,
    time,
};

use super::{Grid, terms};

/// The name of the branches of several time shifts.
pub(crate) const SPLIT: &str = "time_offset_split";

/// `grids` are the widths that histograms of numbers got, by level; one that is not known yet has the width 1.
pub(crate) fn aggregations(plan: &Plan, grids: &[Option<Grid>]) -> Map<String, Value> {
    level(plan, grids, 0)
}

/// All aggregations inside of the buckets above this level. Levels are few: the reader limits them.
pub(super) fn level(plan: &Plan, grids: &[Option<Grid>], at: usize) -> Map<String, Value> {
    let inner = match plan.buckets.get(at) {
        None => metrics(plan),
        Some(bucket) => {
            let (body, mut children) = body(plan, bucket, grids.get(at).copied().flatten());
            children.extend(level(plan, grids, at + 1));
            Map::from_iter([(bucket.name.clone(), with_children(body, children))])
        }
    };
    if plan.time.split == Some(at) { split(plan, inner) } else { inner }
}

/// The metric that sorts the values of the terms at this level.
pub(super) fn sort_metric(plan: &Plan, at: usize) -> Map<String, Value> {
    plan.buckets.get(at).map(|bucket| body(plan, bucket, None).1).unwrap_or_default()
}

fn with_children(mut body: Map<String, Value>, children: Map<String, Value>) -> Value {
    if !children.is_empty() {
        body.insert("aggs".into(), Value::Object(children));
    }
    Value::Object(body)
}

fn metrics(plan: &Plan) -> Map<String, Value> {
    plan.metrics.iter().filter_map(|metric| metric.request()).collect()
}

/// A branch for each shift, named by its milliseconds.
fn split(plan: &Plan, inner: Map<String, Value>) -> Map<String, Value> {
    let field = plan.time.fields.first().map(String::as_str).unwrap_or_default();
    let branch = |shift_ms: i64| {
        let range = plan.time.shifted(shift_ms);
        (shift_ms.to_string(), range_query(field, range.from_ms, range.to_ms))
    };
    let branches: Map<String, Value> = plan.time.shifts.iter().map(|shift| branch(shift.ms)).collect();
    let body = Map::from_iter([("filters".to_owned(), json!({"filters": branches}))]);
    Map::from_iter([(SPLIT.to_owned(), with_children(body, inner))])
}

/// The bucket's own aggregation, and what it needs beside its children to be sorted.
fn body(plan: &Plan, bucket: &Bucket, grid: Option<Grid>) -> (Map<String, Value>, Map<String, Value>) {
    let single = |name: &str, value: Value| (Map::from_iter([(name.to_owned(), value)]), Map::new());
    match &bucket.kind {
        BucketKind::Date { field, interval, bounds, includes_empty, .. } => {
            single("date_histogram", date_histogram(plan, field, interval, *bounds, *includes_empty))
        }
        BucketKind::Terms(terms) => terms::body(plan, bucket, terms),
        BucketKind::Filters(filters) => {
            let filters: Map<String, Value> = filters.iter().cloned().collect();
            single("filters", json!({"filters": filters}))
        }
        BucketKind::Ranges { field, ranges } => {
            let ranges: Vec<Value> = ranges
                .iter()
                .map(|range| {
                    let ends = [("from", range.from), ("to", range.to)];
                    ends.into_iter().filter_map(|(name, end)| Some((name.to_owned(), number(end?)))).collect()
                })
                .map(Value::Object)
                .collect();
            single("range", json!({"field": field, "ranges": ranges, "keyed": true}))
        }
        BucketKind::Histogram { field, includes_empty, .. } => {
            single("histogram", histogram(field, *includes_empty, grid))
        }
    }
}

fn date_histogram(
    plan: &Plan,
    field: &str,
    interval: &time::Interval,
    bounds: Option<TimeRange>,
    includes_empty: bool,
) -> Value {
    let unit = if interval.is_calendar { "calendar_interval" } else { "fixed_interval" };
    let mut body = Map::new();
    body.insert("field".into(), json!(field));
    body.insert(unit.into(), json!(interval.text));
    body.insert("time_zone".into(), json!(zone_name(&plan.zone)));
    if let Some(bounds) = bounds {
        body.insert("extended_bounds".into(), json!({"min": bounds.from_ms, "max": bounds.to_ms}));
    }
    if !includes_empty {
        body.insert("min_doc_count".into(), json!(1));
    }
    Value::Object(body)
}

fn histogram(field: &str, includes_empty: bool, grid: Option<Grid>) -> Value {
    let mut body = Map::new();
    body.insert("field".into(), json!(field));
    body.insert("interval".into(), number(grid.map_or(1.0, |grid| grid.interval)));
    body.insert("min_doc_count".into(), json!(i32::from(!includes_empty)));
    if let Some((min, max)) = grid.and_then(|grid| grid.ends).filter(|_| includes_empty) {
        body.insert("extended_bounds".into(), json!({"min": number(min), "max": number(max)}));
    }
    Value::Object(body)
}
