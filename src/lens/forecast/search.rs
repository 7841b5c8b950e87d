//! The panel's searches, one after the other. Each is one that Elasticsearch 8.12 and 9.2 take as it stands.

use serde_json::{Value, json};

use super::{CHARTS_MAX, INSTRUMENT, Latest, PRICE, Places, TIME};
use crate::lens::{
    filter,
    kql::KqlError,
    scope::{Scope, TimeRange},
    time::auto_interval,
};

/// Instruments with forecasts that are looked at; of more the first by name.
const INSTRUMENTS_MAX: usize = 1_000;
/// Forecasts that are drawn; Elasticsearch gives no more at once.
const FORECASTS_MAX: usize = 10_000;

/// Which instruments have forecasts, and from when to when.
pub fn known() -> Value {
    json!({
        "size": 0, "track_total_hits": false,
        "aggs": {
            "instruments": {"terms": {"field": INSTRUMENT, "size": INSTRUMENTS_MAX, "order": {"_key": "asc"}}},
            "first": {"min": {"field": TIME}},
            "last": {"max": {"field": TIME}},
        },
    })
}

/// Of these instruments the ones with the most ticks in the scope, and the last of each.
pub fn latest(places: &Places, scope: &Scope, instruments: &[String]) -> Result<Value, KqlError> {
    let of_one = json!({"at": {"max": {"field": places.time}}, "price": last_price(places)});
    let aggs = json!({
        "instruments": {"terms": by_instrument("_count", "desc"), "aggs": of_one},
        "count": {"cardinality": {"field": INSTRUMENT}},
        "last": {"max": {"field": places.time}},
    });
    ticks(places, scope, scope.range, instruments, aggs)
}

/// The last price in each interval of the window that has one.
pub fn prices(places: &Places, scope: &Scope, window: TimeRange, latest: &Latest) -> Result<Value, KqlError> {
    let interval = auto_interval(window);
    let kind = if interval.is_calendar { "calendar_interval" } else { "fixed_interval" };
    let histogram = json!({
        "field": places.time, kind: interval.text, "time_zone": scope.zone_name(), "min_doc_count": 1,
    });
    let over_time = json!({"over_time": {"date_histogram": histogram, "aggs": {"price": last_price(places)}}});
    let aggs = json!({"instruments": {"terms": by_instrument("_key", "asc"), "aggs": over_time}});
    // The window reaches beyond the range, where the horizon does.
    let range =
        TimeRange { from_ms: window.from_ms.max(scope.range.from_ms), to_ms: window.to_ms.min(scope.range.to_ms) };
    ticks(places, scope, range, &latest.names(), aggs)
}

/// What is predicted for these instruments within the window.
pub fn forecasts(window: TimeRange, latest: &Latest) -> Value {
    json!({
        "size": FORECASTS_MAX,
        "query": {"bool": {"filter": [{"terms": {INSTRUMENT: latest.names()}}, between(TIME, window)]}},
        "sort": [{INSTRUMENT: "asc"}, {TIME: "asc"}],
    })
}

fn ticks(
    places: &Places,
    scope: &Scope,
    range: TimeRange,
    instruments: &[String],
    aggs: Value,
) -> Result<Value, KqlError> {
    let queries: Vec<_> = scope.query.iter().collect();
    let mut clauses = filter::clauses(&queries, &scope.filters, &places.view, scope.zone_name())?;
    clauses.filter.push(between(&places.time, range));
    clauses.filter.push(json!({"terms": {INSTRUMENT: instruments}}));
    let mut search = json!({"size": 0, "track_total_hits": false, "query": clauses.bool_query(), "aggs": aggs});
    if let (false, Some(search)) = (places.view.runtime.is_empty(), search.as_object_mut()) {
        search.insert("runtime_mappings".to_owned(), Value::Object(places.view.runtime.clone()));
    }
    Ok(search)
}

/// Both ends belong to it.
fn between(field: &str, range: TimeRange) -> Value {
    json!({"range": {field: {"format": "epoch_millis", "gte": range.from_ms, "lte": range.to_ms}}})
}

fn by_instrument(order: &str, direction: &str) -> Value {
    json!({"field": INSTRUMENT, "size": CHARTS_MAX, "order": {order: direction}})
}

fn last_price(places: &Places) -> Value {
    json!({"top_metrics": {"metrics": {"field": PRICE}, "size": 1, "sort": {places.time.as_str(): "desc"}}})
}
