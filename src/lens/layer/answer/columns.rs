//! The columns of the table: what is shown, how, and what a click can filter by.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::lens::{
    layer::{
        Layer,
        column::{Column, MetricFunction, Operation},
        plan::{BucketKind, Plan, Source, field_kind},
    },
    table::{CellKind, TableColumn},
    view::{DataView, FieldKind},
};

/// Of each column of the layer, in its order; hidden ones too.
pub(crate) fn columns(layer: &Layer, plan: &Plan, view: &DataView) -> Vec<TableColumn> {
    layer
        .columns
        .iter()
        .zip(&plan.sources)
        .map(|(column, source)| {
            let kind = kind(layer, column, source, plan, view);
            let field = field(&column.operation).map(str::to_owned);
            let bucket = match source {
                Source::Bucket(level) => plan.buckets.get(*level).map(|bucket| &bucket.kind),
                _ => None,
            };
            TableColumn {
                id: column.id.clone(),
                label: column.label.clone(),
                kind,
                is_bucket: bucket.is_some(),
                format: format(layer, column, view),
                field,
                interval: bucket.and_then(interval),
                queries: bucket.map(queries).unwrap_or_default(),
            }
        })
        .collect()
}

fn field(operation: &Operation) -> Option<&str> {
    match operation {
        Operation::DateHistogram { field, .. }
        | Operation::Ranges { field, .. }
        | Operation::Histogram { field, .. } => Some(field),
        Operation::Terms(terms) => Some(&terms.field),
        Operation::Metric { field, .. } => field.as_deref(),
        _ => None,
    }
}

fn interval(kind: &BucketKind) -> Option<(String, i64)> {
    match kind {
        BucketKind::Date { interval, .. } => Some((interval.text.clone(), interval.ms)),
        _ => None,
    }
}

fn queries(kind: &BucketKind) -> BTreeMap<String, Value> {
    match kind {
        BucketKind::Filters(filters) => filters.iter().cloned().collect(),
        _ => BTreeMap::new(),
    }
}

fn kind(layer: &Layer, column: &Column, source: &Source, plan: &Plan, view: &DataView) -> CellKind {
    let bucket = match source {
        Source::Metric(reading) => return reading.kind,
        Source::Bucket(level) => plan.buckets.get(*level).map(|bucket| &bucket.kind),
        Source::Computed => None,
    };
    match (bucket, &column.operation) {
        (Some(BucketKind::Date { .. }), _) => CellKind::Date,
        (Some(BucketKind::Filters(_)), _) => CellKind::Text,
        (Some(BucketKind::Ranges { .. }), _) => CellKind::Range,
        (Some(BucketKind::Terms(terms)), _) if !terms.terms.secondary_fields.is_empty() => CellKind::Text,
        (Some(BucketKind::Terms(terms)), _) => match field_kind(view, &terms.terms.field) {
            FieldKind::Date => CellKind::Date,
            FieldKind::Boolean => CellKind::Boolean,
            FieldKind::Integer | FieldKind::Float => CellKind::Number,
            _ => CellKind::Text,
        },
        (_, Operation::Formula { result, .. }) => formula_kind(layer, result, plan),
        _ => CellKind::Number,
    }
}

/// A formula that is nothing but a text's last value is a text.
fn formula_kind(layer: &Layer, result: &str, plan: &Plan) -> CellKind {
    let source = layer.columns.iter().zip(&plan.sources).find(|(column, _)| column.id == result);
    match source.map(|(_, source)| source) {
        Some(Source::Metric(reading)) if reading.kind != CellKind::Date => reading.kind,
        _ => CellKind::Number,
    }
}

/// The column's own, else its field's; what is computed from one column looks like that one.
fn format(layer: &Layer, column: &Column, view: &DataView) -> Option<Value> {
    let mut column = column;
    // A column that is computed from itself was refused: each step goes further down.
    for _ in 0..=layer.columns.len() {
        if let Some(format) = &column.format {
            return Some(format.clone());
        }
        let of = match &column.operation {
            Operation::Formula { result, .. } => result,
            Operation::Reference { of, .. } => of,
            _ => break,
        };
        column = layer.column(of)?;
    }
    match &column.operation {
        Operation::Metric { function: MetricFunction::PercentileRank(_), .. } => Some(json!({"id": "percent"})),
        Operation::Metric { function: MetricFunction::Count | MetricFunction::UniqueCount, .. } => None,
        Operation::Filters(_) => None,
        operation => view.formats.get(field(operation)?).cloned(),
    }
}
