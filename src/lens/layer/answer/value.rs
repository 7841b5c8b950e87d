//! The values of metrics as cells.

use jiff::Timestamp;
use serde_json::Value;

use crate::lens::{
    layer::{
        column::MetricFunction,
        plan::{Metric, Reading},
    },
    table::{Cell, CellKind},
};

use super::key::{self, whole};

/// Looks a metric up in its bucket: the aggregation's result, or the count of documents. `None` when it is absent.
pub(super) fn find<'v>(metric: &Metric, bucket: &'v Value) -> Option<&'v Value> {
    let scope = match &metric.filter {
        Some(_) => bucket.get(metric.outer_name())?,
        None => bucket,
    };
    match (&metric.aggregation, &metric.filter) {
        (None, _) => scope.get("doc_count"),
        (Some(_), Some(_)) => scope.get(metric.inner_name()),
        (Some(_), None) => scope.get(&metric.name),
    }
}

/// Of what [`find`] found.
pub(super) fn cell(reading: &Reading, found: &Value) -> Cell {
    let field = reading.what.field.as_deref().unwrap_or_default();
    let number = match &reading.what.function {
        MetricFunction::Count if reading.what.field.is_none() => found.as_f64(),
        MetricFunction::StandardDeviation => finite(found.get("std_deviation")),
        MetricFunction::Median => keyed(found, 50.0),
        MetricFunction::Percentile(percent) => keyed(found, *percent),
        // A fraction, as Kibana has it: its format is percent.
        MetricFunction::PercentileRank(value) => keyed(found, *value).map(|percent| percent / 100.0),
        MetricFunction::LastValue { shows_arrays: false, .. } => {
            let top = found.pointer("/top/0/metrics").and_then(|metrics| metrics.get(field));
            return top.map_or(Cell::Null, |value| last(value, reading));
        }
        MetricFunction::LastValue { shows_arrays: true, .. } => {
            let hit = found.pointer("/hits/hits/0/fields").and_then(|fields| fields.get(field));
            return hit.map_or(Cell::Null, |value| last(value, reading));
        }
        _ => finite(found.get("value")),
    };
    match number {
        None => empty(reading),
        Some(0.0) if reading.empty_as_null && is_zero_when_empty(reading) => Cell::Null,
        Some(number) if reading.kind == CellKind::Date => whole(&Value::from(number)).map_or(Cell::Null, Cell::Date),
        Some(number) => Cell::Number(number),
    }
}

/// Of a bucket that has no such metric.
pub(super) fn empty(reading: &Reading) -> Cell {
    if is_zero_when_empty(reading) && !reading.empty_as_null { Cell::Number(0.0) } else { Cell::Null }
}

fn is_zero_when_empty(reading: &Reading) -> bool {
    matches!(reading.what.function, MetricFunction::Count | MetricFunction::UniqueCount | MetricFunction::Sum)
}

/// Elasticsearch writes `NaN` and infinities as texts.
fn finite(value: Option<&Value>) -> Option<f64> {
    value.and_then(Value::as_f64).filter(|number| number.is_finite())
}

/// A value of `percentiles` or `percentile_ranks`, whether its values are an object or a list.
fn keyed(found: &Value, key: f64) -> Option<f64> {
    let is_key = |other: f64| (other - key).abs() <= f64::EPSILON * key.abs();
    match found.get("values")? {
        Value::Object(values) => {
            let value = values.iter().find(|(name, _)| name.parse().is_ok_and(is_key));
            finite(value.map(|(_, value)| value))
        }
        Value::Array(values) => {
            let value = values.iter().find(|value| value.get("key").and_then(Value::as_f64).is_some_and(is_key));
            finite(value.and_then(|value| value.get("value")))
        }
        _ => None,
    }
}

fn last(value: &Value, reading: &Reading) -> Cell {
    let one = |value: &Value| key::value(value, reading.field_kind);
    match value {
        Value::Array(values) => match values.as_slice() {
            [] => Cell::Null,
            [single] => one(single),
            several => Cell::Several(several.iter().map(one).collect()),
        },
        single => one(single),
    }
}

/// A date as the field's format writes it: milliseconds, or a text.
pub(super) fn date(value: &Value) -> Cell {
    if let Some(ms) = whole(value) {
        return Cell::Date(ms);
    }
    let Some(text) = value.as_str() else { return Cell::Null };
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Cell::Date(moment.as_millisecond());
    }
    // Without an offset it is UTC.
    if let Ok(moment) = text.parse::<jiff::civil::DateTime>()
        && let Ok(moment) = moment.to_zoned(jiff::tz::TimeZone::UTC)
    {
        return Cell::Date(moment.timestamp().as_millisecond());
    }
    text.parse().map_or_else(|_| Cell::Text(text.to_owned()), Cell::Date)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::lens::view::FieldKind;

    #[test]
    fn a_date_is_read_however_its_format_writes_it() {
        for (value, expected) in [
            (json!(1_709_251_200_000_i64), Cell::Date(1_709_251_200_000)),
            (json!(1.7092512E12), Cell::Date(1_709_251_200_000)),
            (json!("1709251200000"), Cell::Date(1_709_251_200_000)),
            (json!("2024-03-01T00:00:00.000Z"), Cell::Date(1_709_251_200_000)),
            (json!("2024-03-01 00:00:00"), Cell::Date(1_709_251_200_000)),
            (json!("2024-03-01T05:30:00+05:30"), Cell::Date(1_709_251_200_000)),
            (json!("yesterday"), Cell::Text("yesterday".into())),
            (json!(null), Cell::Null),
        ] {
            assert_eq!(date(&value), expected, "{value}");
        }
        assert_eq!(key::value(&json!("1.5"), FieldKind::Float), Cell::Number(1.5));
    }
}
