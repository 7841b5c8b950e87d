//! What `ML.FEATURE_INFO` tells of each input column's training rows.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::metrics::median;
use crate::server::bigquery::ml::frame::Column;
use crate::server::bigquery::ml::table::{Table, field, fields, integer, number};
use crate::server::bigquery::value::{Type, Value};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct FeatureInfo {
    input: String,
    numbers: Option<Numbers>,
    category_count: Option<usize>,
    null_count: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Numbers {
    min: f64,
    max: f64,
    mean: f64,
    median: f64,
    stddev: f64,
}

impl FeatureInfo {
    pub(super) fn new(column: &Column, rows: &[usize]) -> Self {
        let null_count = rows.iter().filter(|row| column.is_null(**row)).count();
        let category_count = column
            .is_categorical()
            .then(|| rows.iter().filter_map(|row| column.key(*row)).collect::<HashSet<i64>>().len());
        let numbers = if column.is_numeric() { numbers(column, rows) } else { None };
        Self { input: column.name.clone(), numbers, category_count, null_count }
    }

    fn row(&self) -> Vec<Value> {
        let of = |read: fn(&Numbers) -> f64| number(self.numbers.as_ref().map(read));
        vec![
            Value::String(self.input.clone()),
            of(|n| n.min),
            of(|n| n.max),
            of(|n| n.mean),
            of(|n| n.median),
            of(|n| n.stddev),
            self.category_count.map_or(Value::Null, integer),
            integer(self.null_count),
            // Only arrays of structs have a dimension.
            Value::Null,
        ]
    }
}

/// None if all rows are NULL.
fn numbers(column: &Column, rows: &[usize]) -> Option<Numbers> {
    let values: Vec<f64> = rows.iter().filter_map(|row| column.number(*row)).collect();
    let n = values.len() as f64;
    let first = values.first()?;
    let mean = first + values.iter().map(|x| x - first).sum::<f64>() / n;
    let squares: f64 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
    let (min, max) = values.iter().fold((*first, *first), |(low, high), x| (low.min(*x), high.max(*x)));
    Some(Numbers { min, max, mean, stddev: (squares / (n - 1.0).max(1.0)).sqrt(), median: median(values)? })
}

pub(super) fn table(infos: &[FeatureInfo]) -> Table {
    let mut all = vec![field("input", Type::String)];
    all.extend(fields(&["min", "max", "mean", "median", "stddev"], &Type::Float64));
    all.extend(fields(&["category_count", "null_count", "dimension"], &Type::Int64));
    Table { fields: all, rows: infos.iter().map(FeatureInfo::row).collect() }
}
