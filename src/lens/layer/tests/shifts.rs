//! Time shifts: one for all metrics, and several.

use super::*;

fn shifted(column: Value, shift: &str) -> Value {
    with(column, json!({"timeShift": shift}))
}

fn range(from: &str, to: &str) -> Value {
    json!({"range": {"timestamp": {"format": "strict_date_optional_time", "gte": from, "lte": to}}})
}

fn axis() -> Value {
    date(json!({"interval": "5m", "includeEmptyRows": true}))
}

const DAY_MS: i64 = 86_400_000;

#[test]
fn one_shift_moves_the_range_and_the_keys() {
    let columns = [("t", axis()), ("m", shifted(metric("sum", "volume"), "1d"))];
    let bucket = json!({"key": FROM_MS - DAY_MS, "doc_count": 2, "1": {"value": 3.0}});
    let (searches, table) = played(&columns, &[answer(json!({"0": {"buckets": [bucket]}}))]);
    let shifted = range("2024-02-29T00:00:00.000Z", "2024-02-29T06:15:00.000Z");
    assert_eq!(
        searches[0]["query"]["bool"]["filter"],
        json!([{"bool": {"should": [{"bool": {"filter": [shifted]}}], "minimum_should_match": 1}}])
    );
    assert_eq!(
        searches[0]["aggs"],
        json!({"0": {"date_histogram": {"field": "timestamp", "fixed_interval": "5m", "time_zone": "Asia/Kolkata"},
            "aggs": {"1": {"sum": {"field": "volume"}}}}})
    );
    assert_eq!(table.rows, [vec![Cell::Date(FROM_MS), Cell::Number(3.0)]]);
}

#[test]
fn several_shifts_part_above_the_time_axis_and_meet_again_by_key() {
    let columns = [
        ("t", axis()),
        ("now", metric("sum", "volume")),
        ("before", shifted(metric("sum", "volume"), "1d")),
        ("count", shifted(count(), "1d")),
    ];
    let found = explained(&columns);
    let ranges = [
        range("2024-03-01T00:00:00.000Z", "2024-03-01T06:15:00.000Z"),
        range("2024-02-29T00:00:00.000Z", "2024-02-29T06:15:00.000Z"),
    ];
    let sum = json!({"sum": {"field": "volume"}});
    assert_eq!(
        found.search["aggs"],
        json!({"time_offset_split": {"filters": {"filters": {"0": ranges[0], "86400000": ranges[1]}}, "aggs": {
            "0": {"date_histogram": {"field": "timestamp", "fixed_interval": "5m", "time_zone": "Asia/Kolkata"},
                "aggs": {"1": sum, "2": sum}}}}})
    );
    assert_eq!(
        found.search["query"]["bool"]["filter"],
        json!([{"bool": {"should": [{"bool": {"filter": [ranges[0]]}}, {"bool": {"filter": [ranges[1]]}}],
            "minimum_should_match": 1}}])
    );
    assert_eq!(found.columns["now"], "time_offset_split>0>0>1");
    assert_eq!(found.columns["before"], "time_offset_split>86400000>0>2");
    assert_eq!(found.columns["count"], "time_offset_split>86400000>0._count");

    let bucket = |key: i64, count: u32, one: f64, two: f64| json!({"key": key, "doc_count": count, "1": {"value": one}, "2": {"value": two}});
    let split = json!({"time_offset_split": {"buckets": {
        "0": {"doc_count": 3, "0": {"buckets": [bucket(at_minute(5), 1, 10.0, 99.0)]}},
        "86400000": {"doc_count": 4, "0": {"buckets": [
            bucket(at_minute(0) - DAY_MS, 2, 99.0, 1.0), bucket(at_minute(5) - DAY_MS, 3, 99.0, 2.0)]}}}}});
    assert_eq!(
        rows(&columns, split),
        [
            vec![Cell::Date(at_minute(0)), Cell::Number(0.0), Cell::Number(1.0), Cell::Number(2.0)],
            vec![Cell::Date(at_minute(5)), Cell::Number(10.0), Cell::Number(2.0), Cell::Number(3.0)],
        ]
    );
}

#[test]
fn without_a_time_axis_branches_part_above_the_metrics() {
    let columns = [("now", count()), ("before", shifted(count(), "1d"))];
    let found = explained(&columns);
    assert_eq!(found.columns["now"], "time_offset_split>0._count");
    assert_eq!(found.search["aggs"]["time_offset_split"].get("aggs"), None);
    let split = json!({"time_offset_split": {"buckets": {"0": {"doc_count": 3}, "86400000": {"doc_count": 4}}}});
    assert_eq!(rows(&columns, split), [numbers(&[3.0, 4.0])]);
}

#[test]
fn the_previous_range_on_a_time_axis_is_one_bucket_less() {
    let previous = || shifted(metric("sum", "volume"), "previous");
    let first_branch = |columns: &[(&str, Value)]| {
        let clauses = explained(columns).search["query"]["bool"]["filter"].clone();
        clauses[0]["bool"]["should"][0]["bool"]["filter"][0].clone()
    };
    assert_eq!(
        first_branch(&[("t", axis()), ("m", previous())]),
        range("2024-02-29T17:50:00.000Z", "2024-03-01T00:05:00.000Z")
    );
    assert_eq!(first_branch(&[("m", previous())]), range("2024-02-29T17:45:00.000Z", "2024-03-01T00:00:00.000Z"));
}

#[test]
fn months_move_in_the_calendar() {
    let columns = [("t", date(json!({"interval": "1d"}))), ("m", shifted(metric("sum", "volume"), "1M"))];
    // Midnight of 1 February in Kolkata, which is 1 March's a month later, though February has 29 days.
    let february = FROM_MS - 29 * DAY_MS - 330 * MINUTE_MS;
    let found = rows(&columns, json!({"0": {"buckets": [{"key": february, "doc_count": 1, "1": {"value": 1.0}}]}}));
    assert_eq!(found, [vec![Cell::Date(FROM_MS - 330 * MINUTE_MS), Cell::Number(1.0)]]);
}

#[test]
fn what_kibana_refuses_is_refused() {
    let both = |bucket: Value| state(&[("b", bucket), ("x", count()), ("y", shifted(count(), "1d"))]);
    assert_eq!(
        refusal(&both(terms(json!({})))),
        "column `b`: top values with several different time shifts are not supported"
    );
    let two_axes = state(&[("a", axis()), ("b", axis()), ("x", shifted(count(), "1d"))]);
    assert_eq!(refusal(&two_axes), "column `b`: a time shift with two date histograms is not supported");
    assert!(refusal(&state(&[("x", shifted(count(), "soon"))])).starts_with("column `x`: "));
}
