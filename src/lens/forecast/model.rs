//! What the page draws of forecasts, as JSON. Moments are milliseconds since the epoch; lists of one line have the same length.

use serde::Serialize;
use serde_json::Value;

/// Small charts side by side, all over the same time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForecastFigure {
    pub from: i64,
    pub to: i64,
    /// Of the prices' buckets.
    pub interval_ms: i64,
    /// `95% interval`
    pub interval_name: String,
    pub charts: Vec<ForecastChart>,
    /// What is left out.
    pub notes: Vec<String>,
}

/// One instrument.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForecastChart {
    pub name: String,
    /// Narrows the dashboard to it.
    pub filter: Value,
    /// The last price and where it goes, to read at a glance.
    pub caption: String,
    /// The same as a sentence, for those who do not see the chart.
    pub description: String,
    pub prices: PriceLine,
    pub forecast: ForecastLine,
    /// The last tick; the forecast's line and band begin there where it lies before them.
    pub last: ForecastPoint,
    pub is_joined: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ForecastPoint {
    pub x: i64,
    pub y: f64,
    pub text: String,
}

/// The last price of each bucket, at the bucket's start.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct PriceLine {
    pub x: Vec<i64>,
    pub y: Vec<f64>,
    pub text: Vec<String>,
}

/// Predictions with their interval; where a model gives none it is the prediction alone, and its text is empty.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ForecastLine {
    pub x: Vec<i64>,
    pub y: Vec<f64>,
    pub text: Vec<String>,
    pub low: Vec<f64>,
    pub high: Vec<f64>,
    pub interval_text: Vec<String>,
}
