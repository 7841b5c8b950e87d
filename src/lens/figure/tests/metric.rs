//! Tiles.

use serde_json::json;

use super::*;

fn bands() -> Value {
    json!({"type": "palette", "name": "custom", "params": {
        "rangeType": "number", "rangeMin": 0, "rangeMax": null, "continuity": "above",
        "stops": [{"color": "#111111", "stop": 20}, {"color": "#222222", "stop": 40}],
        "colorStops": [{"color": "#111111", "stop": 0}, {"color": "#222222", "stop": 20}],
    }})
}

#[test]
fn one_tile_without_a_breakdown() {
    let state = json!({
        "layerId": "l", "metricAccessor": "p", "secondaryMetricAccessor": "v", "secondaryPrefix": "of", "subtitle": "NSE",
        "maxAccessor": "v", "showBar": true, "progressDirection": "horizontal", "color": "#ABC", "maxCols": 5,
    });
    let figure = drawn("lnsMetric", &state, &[("l", latest())]);
    let expected = json!({"kind": "metric", "columns_max": 5, "tiles": [{
        "title": "Price", "subtitle": "NSE", "value": "10", "raw": 10.0,
        "secondary": {"label": "of", "value": "100"}, "progress": {"fraction": 0.1, "direction": "horizontal"},
        "color": "#aabbcc", "trend": null, "filter": null,
    }]});
    assert_eq!(figure, expected);
}

#[test]
fn a_tile_for_each_bucket_with_its_colour_and_filter() {
    let state = json!({"layerId": "l", "metricAccessor": "p", "breakdownByAccessor": "s", "palette": bands()});
    let figure = drawn("lnsMetric", &state, &[("l", latest())]);
    let expected = json!({"columns_max": 3, "tiles": [
        {"title": "A", "subtitle": "Price", "value": "10", "color": "#111111", "secondary": null, "progress": null,
         "filter": {"query": {"match_phrase": {"symbol": "A"}}}},
        {"title": "B", "value": "30", "color": "#222222"},
    ]});
    check(&figure, &expected, "");
}

#[test]
fn percentages_are_of_the_tiles_own_maximum() {
    let palette = json!({"name": "custom", "params": {"rangeType": "percent", "continuity": "none", "rangeMin": 0, "rangeMax": 100,
        "stops": [{"color": "#111111", "stop": 50}, {"color": "#222222", "stop": 100}]}});
    let state = json!({"layerId": "l", "metricAccessor": "p", "maxAccessor": "v", "breakdownByAccessor": "s", "palette": palette});
    let figure = drawn("lnsMetric", &state, &[("l", latest())]);
    check(&figure, &json!({"tiles": [{"color": "#111111"}, {"color": "#222222"}]}), "");
}

#[test]
fn a_collapsed_breakdown_is_one_tile() {
    let state = json!({"layerId": "l", "metricAccessor": "p", "breakdownByAccessor": "s", "collapseFn": "sum"});
    check(&drawn("lnsMetric", &state, &[("l", latest())]), &json!({"tiles": [{"title": "Price", "value": "40"}]}), "");
}

#[test]
fn each_tile_has_the_trend_of_its_bucket() {
    let state = json!({
        "layerId": "l", "metricAccessor": "p", "breakdownByAccessor": "s", "trendlineLayerId": "t",
        "trendlineTimeAccessor": "t", "trendlineMetricAccessor": "p", "trendlineBreakdownByAccessor": "s",
    });
    let figure = drawn("lnsMetric", &state, &[("l", latest()), ("t", prices())]);
    let expected = json!({"tiles": [
        {"trend": {"x": [START, START + MINUTES_5, START + 2 * MINUTES_5], "y": [10, 11, 12]}},
        {"trend": {"x": [START, START + 2 * MINUTES_5], "y": [20, 22]}},
    ]});
    check(&figure, &expected, "");
    let figure = drawn("lnsMetric", &state, &[("l", latest())]);
    check(&figure, &json!({"notes": ["there is no data of the trend line"], "tiles": [{"trend": null}, {}]}), "");
}

#[test]
fn texts_and_absent_values_are_shown_as_such() {
    let rows = vec![vec![text("A"), text("open")], vec![text("B"), Cell::Null], vec![text("C"), number(f64::INFINITY)]];
    let state = json!({"layerId": "l", "metricAccessor": "p", "breakdownByAccessor": "s"});
    let figure = drawn("lnsMetric", &state, &[("l", table(vec![symbol(), metric("p", "State")], rows))]);
    let expected = json!({"tiles": [
        {"value": "open", "raw": null}, {"value": "N/A", "raw": null}, {"value": "-", "raw": null},
    ]});
    check(&figure, &expected, "");
}

#[test]
fn the_old_metric_is_a_tile() {
    let state = json!({"layerId": "l", "accessor": "p", "colorMode": "Background", "palette": bands()});
    for kind in ["lnsLegacyMetric", "lnsMetric"] {
        let figure = drawn(kind, &state, &[("l", latest())]);
        let expected = json!({"columns_max": 1, "tiles": [{"title": "Price", "value": "10", "color": "#111111"}]});
        check(&figure, &expected, kind);
    }
}
