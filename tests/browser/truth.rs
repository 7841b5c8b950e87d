//! The values that should be on the page, by searches of the tests' own and not by those that the compiler made.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::driver::ZONE;
use crate::stage::Stage;

/// Instruments that the panels show at most.
const INSTRUMENTS: u32 = 10;

/// From and to, in milliseconds, both within.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Range {
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}

impl Range {
    /// From the first to the last tick of the index, on full seconds.
    pub(crate) fn of_all(stage: &Stage) -> Self {
        let aggregations = json!({"first": {"min": {"field": "timestamp"}}, "last": {"max": {"field": "timestamp"}}});
        let answer = search(stage, json!({"match_all": {}}), aggregations);
        let end = |name: &str| format!("{:.0}", answer[name]["value"].as_f64().unwrap()).parse::<i64>().unwrap() / 1000;
        Self { from_ms: end("first") * 1000, to_ms: (end("last") + 1) * 1000 }
    }

    /// The part of it between these per cents, on full seconds.
    pub(crate) fn part(self, from: i64, to: i64) -> Self {
        let at = |percent| (self.from_ms + (self.to_ms - self.from_ms) / 100 * percent) / 1000 * 1000;
        Self { from_ms: at(from), to_ms: at(to) }
    }

    pub(crate) fn query(self) -> Value {
        json!({"range": {"timestamp": {"gte": self.from_ms, "lte": self.to_ms, "format": "epoch_millis"}}})
    }
}

/// Instrument, last price and volume of the latest tick, as the table writes them.
pub(crate) fn latest(stage: &Stage, range: Range, more: &[Value]) -> Vec<[String; 3]> {
    let hit = json!({"top_hits": {"size": 1, "sort": [{"timestamp": "desc"}], "_source": ["last_price", "volume"]}});
    let aggregations = json!({"by": {"terms": by_instrument(), "aggs": {"latest": hit}}});
    let answer = search(stage, all_of(range, more), aggregations);
    let row = |bucket: &Value| {
        let tick = &bucket["latest"]["hits"]["hits"][0]["_source"];
        let price = grouped(&format!("{:.2}", tick["last_price"].as_f64().unwrap()));
        [bucket["key"].as_str().unwrap().to_owned(), price, grouped(&tick["volume"].to_string())]
    };
    buckets(&answer["by"]).iter().map(row).collect()
}

/// The last price in each interval that has one, by instrument.
pub(crate) fn prices(
    stage: &Stage,
    range: Range,
    interval_ms: i64,
    more: &[Value],
) -> BTreeMap<String, Vec<(i64, f64)>> {
    let hit = json!({"top_hits": {"size": 1, "sort": [{"timestamp": "desc"}], "_source": ["last_price"]}});
    let interval = json!({
        "field": "timestamp", "fixed_interval": format!("{interval_ms}ms"), "time_zone": ZONE, "min_doc_count": 1,
    });
    let over_time = json!({"over_time": {"date_histogram": interval, "aggs": {"latest": hit}}});
    let aggregations = json!({"by": {"terms": by_instrument(), "aggs": over_time}});
    let answer = search(stage, all_of(range, more), aggregations);
    let point = |bucket: &Value| {
        let price = bucket["latest"]["hits"]["hits"][0]["_source"]["last_price"].as_f64().unwrap();
        (bucket["key"].as_i64().unwrap(), price)
    };
    let series = |bucket: &Value| {
        let points = buckets(&bucket["over_time"]).iter().map(point).collect();
        (bucket["key"].as_str().unwrap().to_owned(), points)
    };
    buckets(&answer["by"]).iter().map(series).collect()
}

fn by_instrument() -> Value {
    json!({"field": "instrument_token", "size": INSTRUMENTS, "order": {"_key": "asc"}})
}

fn all_of(range: Range, more: &[Value]) -> Value {
    let clauses: Vec<Value> = [range.query()].into_iter().chain(more.iter().cloned()).collect();
    json!({"bool": {"filter": clauses}})
}

fn search(stage: &Stage, query: Value, aggregations: Value) -> Value {
    let body = json!({"size": 0, "query": query, "aggs": aggregations});
    stage.elasticsearch("POST", "/stock-stream/_search", &body)["aggregations"].take()
}

fn buckets(aggregation: &Value) -> &Vec<Value> {
    aggregation["buckets"].as_array().unwrap()
}

/// `1234567.89` as `1,234,567.89`.
pub(crate) fn grouped(number: &str) -> String {
    let (whole, rest) = number.split_at(number.find('.').unwrap_or(number.len()));
    let (sign, digits) = whole.split_at(usize::from(whole.starts_with('-')));
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{sign}{grouped}{rest}")
}
