//! The filter that a click on a bucket adds: the documents of that bucket.

use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use crate::lens::{
    filter::{self, Bounds},
    table::{Cell, TableColumn},
};

/// `None` where no filter means the bucket: metrics, "Other", buckets of several fields. `step` is the width of the
/// column's ranges of numbers, when it has such.
pub(super) fn filter(
    column: &TableColumn,
    cell: &Cell,
    step: Option<f64>,
    view: &str,
    zone: &TimeZone,
) -> Option<Value> {
    if !column.is_bucket {
        return None;
    }
    if !column.queries.is_empty() {
        let Cell::Text(label) = cell else { return None };
        return column.queries.get(label).map(|query| filter::custom(label, query.clone(), view));
    }
    let field = column.field.as_deref()?;
    match cell {
        Cell::Text(text) => Some(filter::phrase(field, json!(text), view)),
        Cell::Boolean(flag) => Some(filter::phrase(field, json!(flag), view)),
        Cell::Number(number) => match step {
            Some(step) => bounds(Some(*number), Some(number + step)).map(|bounds| filter::range(field, bounds, view)),
            None => plain(*number).map(|number| filter::phrase(field, number, view)),
        },
        Cell::Range { from, to, .. } => bounds(*from, *to).map(|bounds| filter::range(field, bounds, view)),
        Cell::Date(ms) => date(column, *ms, field, view, zone),
        Cell::Missing => Some(filter::exists(field, true, view)),
        Cell::Null | Cell::Several(_) | Cell::Joined(_) | Cell::Other => None,
    }
}

/// All of the filters at once; a click adds one pill.
pub(super) fn all(mut filters: Vec<Value>) -> Option<Value> {
    if filters.len() < 2 {
        return filters.pop();
    }
    let index = filters.first().and_then(|first| first.pointer("/meta/index")).cloned().unwrap_or(Value::Null);
    Some(json!({
        "meta": {
            "key": Value::Null, "type": "combined", "relation": "AND", "params": filters,
            "negate": false, "disabled": false, "index": index,
        },
        "query": {},
        "$state": {"store": "appState"},
    }))
}

/// Whole numbers without a fraction, so that they suit integer fields.
fn plain(number: f64) -> Option<Value> {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        #[allow(clippy::cast_possible_truncation, reason = "whole and bounded")]
        return Some(json!(number as i64));
    }
    serde_json::Number::from_f64(number).map(Value::Number)
}

fn bounds(from: Option<f64>, to: Option<f64>) -> Option<Bounds> {
    let bounds = Bounds { gte: from.and_then(plain), lt: to.and_then(plain), ..Bounds::default() };
    (bounds.gte.is_some() || bounds.lt.is_some()).then_some(bounds)
}

fn date(column: &TableColumn, ms: i64, field: &str, view: &str, zone: &TimeZone) -> Option<Value> {
    let from = Timestamp::from_millisecond(ms).ok()?;
    let Some((interval, length_ms)) = &column.interval else {
        return Some(filter::phrase(field, json!(iso(from)), view));
    };
    let to = bucket_end(from, interval, *length_ms, zone)?;
    let bounds = Bounds {
        gte: Some(json!(iso(from))),
        lt: Some(json!(iso(to))),
        format: Some("strict_date_optional_time".to_owned()),
        ..Bounds::default()
    };
    Some(filter::range(field, bounds, view))
}

/// Calendar buckets end where the calendar says, not after their usual length.
fn bucket_end(from: Timestamp, interval: &str, length_ms: i64, zone: &TimeZone) -> Option<Timestamp> {
    let span = match interval {
        "1d" => Some(Span::new().days(1)),
        "1w" => Some(Span::new().weeks(1)),
        "1M" => Some(Span::new().months(1)),
        "1q" => Some(Span::new().months(3)),
        "1y" => Some(Span::new().years(1)),
        _ => None,
    };
    match span {
        Some(span) => Some(from.to_zoned(zone.clone()).checked_add(span).ok()?.timestamp()),
        None => from.checked_add(SignedDuration::from_millis(length_ms)).ok(),
    }
}

fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}
