//! The answers, read; and from the first two, what the charts show of time.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{INSTRUMENT, PRICE, TIME};
use crate::lens::layer::{self, LayerError};
use crate::lens::scope::{Scope, TimeRange};

/// History before the forecasts, by the length of these: a horizon of ten minutes beside seven hours could not be seen.
const HISTORY: i64 = 4;

/// Instruments that have forecasts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub instruments: Vec<String>,
    pub first_ms: i64,
    pub last_ms: i64,
}

/// The instruments that are shown, in order of their names.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Latest {
    pub instruments: Vec<Last>,
    /// Instruments with forecasts and ticks, shown or not.
    pub total: usize,
    /// Of the last tick of all.
    pub last_ms: i64,
}

/// An instrument's last tick.
#[derive(Debug, Clone, PartialEq)]
pub struct Last {
    pub name: String,
    pub at_ms: i64,
    pub price: f64,
}

/// What the charts show of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    Of(TimeRange),
    /// The forecasts ended before the range begins.
    Past,
    /// They begin so long after the range's last tick that nothing leads up to them.
    Ahead,
}

/// Moments and values of an instrument.
pub(super) type Prices = BTreeMap<String, Vec<(i64, f64)>>;

/// One prediction.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Forecast {
    pub(super) at_ms: i64,
    pub(super) value: f64,
    /// From, to.
    pub(super) interval: Option<(f64, f64)>,
    pub(super) confidence: Option<f64>,
}

impl Known {
    /// `None` where there are no forecasts, or no index for them.
    pub fn read(answer: &Value) -> Result<Option<Self>, String> {
        refused(answer)?;
        let instruments: Vec<String> =
            buckets(answer, "instruments").filter_map(|bucket| key(bucket).map(str::to_owned)).collect();
        let ends = instant(answer, "first").zip(instant(answer, "last"));
        let Some((first_ms, last_ms)) = ends.filter(|_| !instruments.is_empty()) else { return Ok(None) };
        Ok(Some(Self { instruments, first_ms, last_ms }))
    }
}

impl Latest {
    pub fn read(answer: &Value) -> Result<Self, String> {
        refused(answer)?;
        let last = |bucket: &Value| {
            let at_ms = whole(bucket.pointer("/at/value")?)?;
            Some(Last { name: key(bucket)?.to_owned(), at_ms, price: price(bucket)? })
        };
        let mut instruments: Vec<Last> = buckets(answer, "instruments").filter_map(last).collect();
        // By number of ticks they would change places while ticks come in.
        instruments.sort_by(|one, other| one.name.cmp(&other.name));
        let total = answer.pointer("/aggregations/count/value").and_then(Value::as_u64).unwrap_or(0);
        let total = usize::try_from(total).unwrap_or(usize::MAX).max(instruments.len());
        let last_ms = instant(answer, "last").unwrap_or(i64::MIN);
        Ok(Self { instruments, total, last_ms })
    }

    pub fn names(&self) -> Vec<String> {
        self.instruments.iter().map(|last| last.name.clone()).collect()
    }

    /// From some history, within the range, to the end of the horizon or the last tick, whichever is later.
    pub fn window(&self, known: &Known, scope: &Scope) -> Window {
        let length_ms = match known.last_ms.saturating_sub(known.first_ms) {
            // A single step does not tell how long it is.
            0 => scope.range.length_ms() / HISTORY,
            length_ms => length_ms,
        };
        let history_ms = length_ms.saturating_mul(HISTORY);
        let from_ms = known.first_ms.saturating_sub(history_ms).max(scope.range.from_ms);
        if from_ms > known.last_ms {
            return Window::Past;
        }
        if from_ms > self.last_ms {
            return Window::Ahead;
        }
        Window::Of(TimeRange { from_ms, to_ms: known.last_ms.max(self.last_ms) })
    }
}

pub(super) fn prices(answer: &Value) -> Result<Prices, String> {
    refused(answer)?;
    let point = |bucket: &Value| Some((whole(bucket.get("key")?)?, price(bucket)?));
    let line = |bucket: &Value| {
        let points = bucket.pointer("/over_time/buckets").and_then(Value::as_array);
        Some((key(bucket)?.to_owned(), points.into_iter().flatten().filter_map(point).collect()))
    };
    Ok(buckets(answer, "instruments").filter_map(line).collect())
}

/// By instrument, in order of time. What can't be read as a forecast is none of ours.
pub(super) fn forecasts(answer: &Value) -> Result<BTreeMap<String, Vec<Forecast>>, String> {
    refused(answer)?;
    let mut found: BTreeMap<String, Vec<Forecast>> = BTreeMap::new();
    let hits = answer.pointer("/hits/hits").and_then(Value::as_array);
    for source in hits.into_iter().flatten().filter_map(|hit| hit.get("_source")) {
        if let Some((name, forecast)) = forecast(source) {
            found.entry(name).or_default().push(forecast);
        }
    }
    Ok(found)
}

fn forecast(source: &Value) -> Option<(String, Forecast)> {
    let number = |name: &str| source.get(name).and_then(Value::as_f64);
    let at: Timestamp = source.get(TIME)?.as_str()?.parse().ok()?;
    let interval = number("prediction_interval_lower_bound").zip(number("prediction_interval_upper_bound"));
    let forecast = Forecast {
        at_ms: at.as_millisecond(),
        value: number("forecast_value")?,
        interval,
        confidence: number("confidence_level"),
    };
    Some((source.get(INSTRUMENT)?.as_str()?.to_owned(), forecast))
}

/// An answer that is an error, or to which a shard has nothing to say.
fn refused(answer: &Value) -> Result<(), String> {
    layer::check(answer).map_err(|error| match error {
        LayerError::Elasticsearch { reason, .. } => format!("Elasticsearch refused the search: {reason}"),
        other => other.to_string(),
    })
}

fn buckets<'a>(answer: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    let buckets = answer.pointer(&format!("/aggregations/{name}/buckets")).and_then(Value::as_array);
    buckets.into_iter().flatten()
}

fn key(bucket: &Value) -> Option<&str> {
    bucket.get("key")?.as_str()
}

fn price(bucket: &Value) -> Option<f64> {
    bucket.pointer("/price/top/0/metrics")?.get(PRICE)?.as_f64()
}

fn instant(answer: &Value, name: &str) -> Option<i64> {
    whole(answer.pointer(&format!("/aggregations/{name}/value"))?)
}

/// Elasticsearch writes the ends of dates as floats with nothing behind the point.
fn whole(number: &Value) -> Option<i64> {
    number.as_i64().or_else(|| format!("{:.0}", number.as_f64()?).parse().ok())
}
