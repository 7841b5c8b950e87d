//! The search of a layer, not run, and where in its answer each column finds its values.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::lens::{filter::Clauses, scope::Scope, view::DataView};

use super::{
    Layer, LayerError,
    column::MetricFunction,
    plan::{Plan, Reading, Source},
    search::{self, Base, SAMPLING, SPLIT},
};

#[derive(Debug, Clone, PartialEq)]
pub struct Explained {
    /// The main search; null for a layer of nothing but computed columns. A histogram of numbers, whose width depends on
    /// the data, is shown with the width 1.
    pub search: Value,
    /// By column: the aggregations to go through, joined by `>`, and what to read of the last one: `0` (keys), `0>1`
    /// (its value), `0>2[95]` (one of its values), `0._count` (documents of the bucket). Columns that are computed
    /// afterwards are not listed.
    pub columns: BTreeMap<String, String>,
}

/// Compiles a layer as [`super::Run`] does.
pub fn explain(layer: &Layer, view: &DataView, scope: &Scope, own: &Clauses) -> Result<Explained, LayerError> {
    let plan = Plan::new(layer, view, scope)?;
    if plan.is_empty() {
        return Ok(Explained { search: Value::Null, columns: BTreeMap::new() });
    }
    let base = Base::new(layer, &plan, view, scope, own)?;
    let search = base.search(search::aggregations(&plan, &[]));
    // All branches have the same buckets: any will do for those.
    let first_ms = plan.time.shifts.first().map_or(0, |shift| shift.ms);
    let path = |source: &Source| match source {
        Source::Bucket(level) => Some(bucket_path(&plan, level + 1, first_ms).join(">")),
        Source::Metric(reading) => metric_path(&plan, reading),
        Source::Computed => None,
    };
    let paths = plan.ids.iter().zip(&plan.sources).filter_map(|(id, source)| Some((id.clone(), path(source)?)));
    Ok(Explained { search, columns: paths.collect() })
}

/// Down to `count` levels of buckets.
fn bucket_path(plan: &Plan, count: usize, shift_ms: i64) -> Vec<String> {
    let mut path = Vec::new();
    if plan.sampling < 1.0 {
        path.push(SAMPLING.to_owned());
    }
    for (level, bucket) in plan.buckets.iter().take(count).enumerate() {
        path.extend(split(plan, level, shift_ms));
        path.push(bucket.name.clone());
    }
    path
}

/// The branch of a shift, where the branches part above this level.
fn split(plan: &Plan, level: usize, shift_ms: i64) -> Vec<String> {
    if plan.time.split == Some(level) { vec![SPLIT.to_owned(), shift_ms.to_string()] } else { vec![] }
}

fn metric_path(plan: &Plan, reading: &Reading) -> Option<String> {
    let metric = plan.metrics.get(reading.metric)?;
    let mut path = bucket_path(plan, plan.buckets.len(), metric.shift_ms());
    path.extend(split(plan, plan.buckets.len(), metric.shift_ms()));
    if metric.filter.is_some() {
        path.push(metric.outer_name());
    }
    if metric.aggregation.is_none() {
        let path = path.join(">");
        return Some(if path.is_empty() { "_count".to_owned() } else { format!("{path}._count") });
    }
    let name = if metric.filter.is_some() { metric.inner_name() } else { metric.name.clone() };
    let field = reading.what.field.as_deref().unwrap_or_default();
    path.push(match &reading.what.function {
        MetricFunction::LastValue { .. } => format!("{name}[{field}]"),
        MetricFunction::Median => format!("{name}[50]"),
        MetricFunction::Percentile(value) | MetricFunction::PercentileRank(value) => format!("{name}[{value}]"),
        MetricFunction::StandardDeviation => format!("{name}[std_deviation]"),
        _ => name,
    });
    Some(path.join(">"))
}
