//! The six numbers of `ML.EVALUATE` for a regression, defined as scikit-learn defines them. The median is exact.

use serde::{Deserialize, Serialize};

use crate::server::bigquery::ml::table::{Table, fields, number};
use crate::server::bigquery::value::Type;

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Metrics {
    pub(super) mean_absolute_error: Option<f64>,
    pub(super) mean_squared_error: Option<f64>,
    /// None if a label or a prediction is at or below -1.
    pub(super) mean_squared_log_error: Option<f64>,
    pub(super) median_absolute_error: Option<f64>,
    /// None if all labels are the same.
    pub(super) r2_score: Option<f64>,
    pub(super) explained_variance: Option<f64>,
}

impl Metrics {
    /// Of labels and predictions, pair by pair. All NULL without a pair.
    pub(super) fn new(labels: &[f64], predictions: &[f64]) -> Self {
        if labels.is_empty() {
            return Self::default();
        }
        let n = labels.len() as f64;
        let errors: Vec<f64> = labels.iter().zip(predictions).map(|(label, p)| label - p).collect();
        let squared = mean(errors.iter().map(|e| e * e), n);
        let spread = variance(labels);
        let explained = |left: f64| (spread > 0.0).then(|| 1.0 - left / spread);
        Self {
            mean_absolute_error: Some(mean(errors.iter().map(|e| e.abs()), n)),
            mean_squared_error: Some(squared),
            mean_squared_log_error: log_error(labels, predictions),
            median_absolute_error: median(errors.iter().map(|e| e.abs()).collect()),
            r2_score: explained(squared),
            explained_variance: explained(variance(&errors)),
        }
    }

    pub(super) fn table(&self) -> Table {
        let names = [
            "mean_absolute_error",
            "mean_squared_error",
            "mean_squared_log_error",
            "median_absolute_error",
            "r2_score",
            "explained_variance",
        ];
        let values = [
            self.mean_absolute_error,
            self.mean_squared_error,
            self.mean_squared_log_error,
            self.median_absolute_error,
            self.r2_score,
            self.explained_variance,
        ];
        Table { fields: fields(&names, &Type::Float64), rows: vec![values.map(number).to_vec()] }
    }
}

fn mean(values: impl Iterator<Item = f64>, n: f64) -> f64 {
    values.sum::<f64>() / n
}

/// With the mean taken off twice: large labels of small spread keep their digits.
fn variance(values: &[f64]) -> f64 {
    let n = values.len() as f64;
    let first = mean(values.iter().copied(), n);
    let exact = first + mean(values.iter().map(|x| x - first), n);
    mean(values.iter().map(|x| (x - exact) * (x - exact)), n)
}

fn log_error(labels: &[f64], predictions: &[f64]) -> Option<f64> {
    if labels.iter().chain(predictions).any(|x| *x <= -1.0) {
        return None;
    }
    let squares = labels.iter().zip(predictions).map(|(label, p)| (label.ln_1p() - p.ln_1p()).powi(2));
    Some(mean(squares, labels.len() as f64))
}

/// The middle value, or the mean of the two in the middle.
pub(super) fn median(mut values: Vec<f64>) -> Option<f64> {
    let (half, is_even) = (values.len() / 2, values.len().is_multiple_of(2));
    if values.is_empty() {
        return None;
    }
    let (below, upper, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    let upper = *upper;
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(lower) if is_even => Some(0.5 * (lower + upper)),
        _ => Some(upper),
    }
}
