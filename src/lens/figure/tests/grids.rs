//! Pies, heat maps, gauges and clouds.

use serde_json::json;

use super::*;

fn pie(more: &Value) -> Value {
    let mut layer = json!({"layerId": "l", "primaryGroups": ["s"], "metrics": ["v"]});
    for (name, value) in more.as_object().unwrap() {
        layer[name] = value.clone();
    }
    json!({"shape": "donut", "layers": [layer]})
}

#[test]
fn slices_have_their_share() {
    let figure = drawn("lnsPie", &pie(&json!({"percentDecimals": 1, "emptySizeRatio": 0.54})), &[("l", latest())]);
    let expected = json!({
        "kind": "pie", "shape": "donut", "hole": 0.54, "shows": "percent", "labels": "default",
        "legend": {"is_visible": false, "position": "right"},
        "nodes": [
            {"id": "0", "parent": null, "label": "A", "value": 100, "text": "100", "percent": "66.7%", "color": "#54b399",
             "filter": {"query": {"match_phrase": {"symbol": "A"}}}},
            {"id": "1", "parent": null, "label": "B", "value": 50, "percent": "33.3%", "color": "#6092c0"},
        ],
    });
    check(&figure, &expected, "");
}

#[test]
fn inner_groups_hang_on_outer_ones() {
    let state = pie(
        &json!({"primaryGroups": ["s"], "secondaryGroups": ["t"], "legendDisplay": "default", "numberDisplay": "value"}),
    );
    let figure = drawn("lnsPie", &state, &[("l", prices())]);
    let nodes = figure["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 7);
    check(&nodes[0], &json!({"label": "A", "value": 6, "parent": null}), "");
    check(&nodes[1], &json!({"parent": "0", "value": 1, "color": "#7fc6b3"}), "");
    check(&nodes[1]["filter"], &json!({"meta": {"type": "combined", "relation": "AND"}}), "");
    assert_eq!(nodes[1]["filter"]["meta"]["params"].as_array().unwrap().len(), 2);
    assert_eq!(figure["legend"]["is_visible"], json!(true));
}

#[test]
fn a_slice_of_others_has_no_filter() {
    let rows = vec![vec![text("A"), at(0), number(1.0)], vec![Cell::Other, at(0), number(2.0)]];
    let state = pie(&json!({"secondaryGroups": ["t"]}));
    let figure = drawn("lnsPie", &state, &[("l", table(vec![symbol(), time(), metric("v", "Volume")], rows))]);
    let expected = json!({"nodes": [{"label": "A"}, {}, {"label": "Other", "filter": null}, {"filter": null}]});
    check(&figure, &expected, "");
    assert!(figure["nodes"][1]["filter"].is_object());
}

#[test]
fn several_metrics_are_slices_of_their_group() {
    let state = pie(&json!({"metrics": ["p", "v"]}));
    let figure = drawn("lnsPie", &state, &[("l", latest())]);
    let labels: Vec<&str> =
        figure["nodes"].as_array().unwrap().iter().map(|node| node["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["A", "Price", "Volume", "B", "Price", "Volume"]);
}

#[test]
fn a_collapsed_group_leaves_the_metric() {
    let state = pie(&json!({"collapseFns": {"s": "sum"}}));
    check(&drawn("lnsPie", &state, &[("l", latest())]), &json!({"nodes": [{"label": "Volume", "value": 150}]}), "");
}

#[test]
fn values_below_zero_make_no_pie() {
    let rows = vec![vec![text("A"), number(-1.0)], vec![text("B"), number(3.0)]];
    let figure = drawn("lnsPie", &pie(&json!({})), &[("l", table(vec![symbol(), metric("v", "Change")], rows))]);
    check(&figure, &json!({"kind": "error", "message": "a donut can't show values below zero"}), "");
    let rows = vec![vec![text("A"), number(0.0)]];
    let figure = drawn("lnsPie", &pie(&json!({})), &[("l", table(vec![symbol(), metric("v", "Change")], rows))]);
    check(&figure, &json!({"kind": "empty", "reason": "all values are zero"}), "");
}

#[test]
fn a_mosaic_is_coloured_by_its_inner_group() {
    let mut state = pie(&json!({"secondaryGroups": ["t"]}));
    state["shape"] = json!("mosaic");
    let figure = drawn("lnsPie", &state, &[("l", prices())]);
    let colours: Vec<&str> =
        figure["nodes"].as_array().unwrap().iter().map(|node| node["color"].as_str().unwrap()).collect();
    assert_eq!(colours, ["#98a2b3", "#54b399", "#6092c0", "#d36086", "#98a2b3", "#54b399", "#d36086"]);
}

#[test]
fn a_heatmap_is_a_grid_with_bands() {
    let palette = json!({"name": "custom", "params": {"rangeType": "number", "rangeMin": 0, "continuity": "above",
        "stops": [{"color": "#111111", "stop": 15}, {"color": "#222222", "stop": 30}]}});
    let state = json!({
        "layerId": "l", "xAccessor": "t", "yAccessor": "s", "valueAccessor": "p", "palette": palette,
        "legend": {"isVisible": false}, "gridConfig": {"isCellLabelVisible": true, "isXAxisTitleVisible": true},
    });
    let figure = drawn("lnsHeatmap", &state, &[("l", prices())]);
    let expected = json!({
        "kind": "heatmap", "shows_values": true, "shows_legend": false,
        "x": {"kind": "time", "title": "timestamp per 5 minutes", "values": [START, START + MINUTES_5, START + 2 * MINUTES_5]},
        "y": {"title": null, "values": ["A", "B"]},
        "z": [[10, 11, 12], [20, null, 22]], "text": [["10", "11", "12"], ["20", "", "22"]],
        "bands": [
            {"from": 0, "to": 15, "color": "#111111", "label": "0 - 15"},
            {"from": 15, "to": null, "color": "#222222", "label": "≥ 15"},
        ],
    });
    check(&figure, &expected, "");
}

#[test]
fn a_cell_of_a_heatmap_filters_by_its_row_and_its_column() {
    let rows = vec![
        vec![text("A"), at(0), number(1.0)],
        vec![Cell::Missing, at(1), number(2.0)],
        vec![Cell::Other, at(1), number(3.0)],
    ];
    let state = json!({"layerId": "l", "xAccessor": "t", "yAccessor": "s", "valueAccessor": "v"});
    let figure = drawn("lnsHeatmap", &state, &[("l", table(vec![symbol(), time(), metric("v", "Volume")], rows))]);
    let bucket = json!({"gte": "2024-03-01T03:45:00.000Z", "lt": "2024-03-01T03:50:00.000Z"});
    let expected = json!({
        "x": {"filters": [{"query": {"range": {"timestamp": bucket}}}, {}]},
        "y": {"filters": [
            {"query": {"match_phrase": {"symbol": "A"}}, "meta": {"index": "dv1"}},
            {"query": {"exists": {"field": "symbol"}}, "meta": {"negate": true}},
            null,
        ]},
    });
    check(&figure, &expected, "");
}

#[test]
fn a_heatmap_may_lack_a_side() {
    let state = json!({"layerId": "l", "xAccessor": "s", "valueAccessor": "p"});
    let figure = drawn("lnsHeatmap", &state, &[("l", latest())]);
    let expected = json!({"x": {"kind": "category", "values": ["A", "B"]}, "y": {"values": [""], "filters": [null]}, "z": [[10, 30]]});
    check(&figure, &expected, "");
    assert_eq!(figure["bands"].as_array().unwrap().len(), 5);
}

#[test]
fn a_gauge_has_ends_and_bands() {
    let one = table(
        vec![metric("p", "Price"), metric("g", "Goal"), metric("m", "Max")],
        vec![vec![number(57.0), number(70.0), number(80.0)]],
    );
    let palette = json!({"name": "custom", "params": {"rangeType": "percent", "continuity": "all",
        "stops": [{"color": "#111111", "stop": 50}, {"color": "#222222", "stop": 100}]}});
    let state = json!({
        "layerId": "l", "shape": "semiCircle", "metricAccessor": "p", "goalAccessor": "g", "maxAccessor": "m",
        "colorMode": "palette", "palette": palette, "ticksPosition": "bands", "labelMajorMode": "custom", "labelMajor": "Now", "labelMinor": "rupees",
    });
    let expected = json!({
        "kind": "gauge", "shape": "semi_circle", "value": 57, "text": "57", "min": 0, "max": 80, "goal": 70,
        "title": "Now", "subtitle": "rupees", "ticks": "bands",
        "bands": [{"from": 0, "to": 40, "color": "#111111"}, {"from": 40, "to": 80, "color": "#222222"}],
    });
    check(&drawn("lnsGauge", &state, &[("l", one.clone())]), &expected, "");
    let state = json!({"layerId": "l", "shape": "arc", "metricAccessor": "p", "minAccessor": "m", "maxAccessor": "g"});
    check(&drawn("lnsGauge", &state, &[("l", one)]), &json!({"kind": "error", "hint": "minimum 80, maximum 70"}), "");
}

#[test]
fn words_are_as_large_as_their_values() {
    let state = json!({"layerId": "l", "tagAccessor": "s", "valueAccessor": "p", "minFontSize": 20, "maxFontSize": 60, "orientation": "right angled"});
    let expected = json!({"kind": "tag_cloud", "orientation": "right_angled", "words": [
        {"text": "A", "value": 10, "size": 20, "color": "#54b399", "filter": {"query": {"match_phrase": {"symbol": "A"}}}},
        {"text": "B", "value": 30, "size": 60},
    ]});
    check(&drawn("lnsTagcloud", &state, &[("l", latest())]), &expected, "");
}
