//! Lines, areas and bars.

use serde_json::{Value, json};

use super::*;

fn with_layer(layer: Value) -> Value {
    json!({"layers": [layer]})
}

fn line_by_symbol() -> Value {
    json!({"layerId": "l", "layerType": "data", "seriesType": "line", "xAccessor": "t", "splitAccessor": "s", "accessors": ["p"]})
}

/// The state with more members.
fn with(mut state: Value, more: Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        state[name] = value.clone();
    }
    state
}

#[test]
fn a_split_line_has_a_series_for_each_value() {
    let figure = drawn("lnsXY", &with_layer(line_by_symbol()), &[("l", prices())]);
    let moments = [START, START + MINUTES_5, START + 2 * MINUTES_5];
    let expected = json!({
        "kind": "xy", "is_horizontal": false, "curve": "linear", "shows_values": false, "right": null,
        "x": {
            "kind": "time", "title": "timestamp per 5 minutes", "from": START, "to": START + 4 * MINUTES_5,
            "interval_ms": MINUTES_5, "shows_labels": true, "shows_grid": true,
        },
        "left": {"title": "Price", "scale": "linear", "extent": null, "from_zero": true, "shows_labels": true, "shows_grid": true},
        "legend": {"is_visible": true, "position": "right"},
        "series": [
            {"name": "A", "type": "line", "stack": null, "axis": "left", "color": "#54b399", "x": moments, "y": [10, 11, 12]},
            {"name": "B", "color": "#6092c0", "x": moments, "y": [20, null, 22], "text": ["20", "", "22"]},
        ],
        "reference_lines": [], "annotations": [],
    });
    check(&figure, &expected, "");
    assert!(figure.get("notes").is_none(), "{figure}");
}

#[test]
fn a_click_filters_by_the_bucket_and_by_the_split_value() {
    let figure = drawn("lnsXY", &with_layer(line_by_symbol()), &[("l", prices())]);
    let series = &figure["series"][1];
    let bounds = json!({"gte": "2024-03-01T03:50:00.000Z", "lt": "2024-03-01T03:55:00.000Z", "format": "strict_date_optional_time"});
    let split = json!({
        "meta": {"key": "symbol", "type": "phrase", "negate": false, "disabled": false, "index": "dv1"},
        "query": {"match_phrase": {"symbol": "B"}}, "$state": {"store": "appState"},
    });
    check(&series["split_filter"], &split, "");
    check(&series["point_filters"][1], &json!({"query": {"range": {"timestamp": bounds}}}), "");
}

#[test]
fn series_are_named_as_kibana_names_them() {
    let cases = [
        (json!({"splitAccessor": "s", "accessors": ["p"]}), vec!["A", "B"]),
        (
            json!({"splitAccessor": "s", "accessors": ["p", "v"]}),
            vec!["A - Price", "A - Volume", "B - Price", "B - Volume"],
        ),
        (json!({"splitAccessor": null, "accessors": ["p", "v"]}), vec!["Price", "Volume"]),
    ];
    for (layer, names) in cases {
        let figure = drawn("lnsXY", &with_layer(with(line_by_symbol(), layer)), &[("l", prices())]);
        let found: Vec<&str> =
            figure["series"].as_array().unwrap().iter().map(|series| series["name"].as_str().unwrap()).collect();
        assert_eq!(found, names);
    }
}

#[test]
fn series_types_have_their_marks_and_stacks() {
    let cases = [
        ("bar", "bar", Value::Null, false),
        ("line", "line", Value::Null, false),
        ("area", "area", Value::Null, false),
        ("bar_stacked", "bar", json!("normal"), false),
        ("area_stacked", "area", json!("normal"), false),
        ("bar_horizontal", "bar", Value::Null, true),
        ("bar_horizontal_stacked", "bar", json!("normal"), true),
        ("bar_percentage_stacked", "bar", json!("percent"), false),
        ("bar_horizontal_percentage_stacked", "bar", json!("percent"), true),
        ("area_percentage_stacked", "area", json!("percent"), false),
    ];
    for (series_type, mark, stack, is_horizontal) in cases {
        let layer = with(line_by_symbol(), json!({"seriesType": series_type}));
        let figure = drawn("lnsXY", &with_layer(layer), &[("l", prices())]);
        let expected = json!({"type": mark, "stack": stack});
        assert_eq!(figure["is_horizontal"], json!(is_horizontal), "{series_type}");
        check(&figure["series"][0], &expected, series_type);
        let suffix = if stack == json!("percent") { "%" } else { "" };
        assert_eq!(figure["left"]["format"]["suffix"], suffix, "{series_type}");
    }
}

#[test]
fn gaps_are_fitted_in_lines_and_not_in_bars() {
    let cases = [
        ("line", "None", json!([20, null, 22])),
        ("line", "Linear", json!([20, 21, 22])),
        ("area_stacked", "Zero", json!([20, 0, 22])),
        ("bar", "Linear", json!([20, null, 22])),
    ];
    for (series_type, function, y) in cases {
        let layer = with(line_by_symbol(), json!({"seriesType": series_type}));
        let state = with(with_layer(layer), json!({"fittingFunction": function}));
        check(&drawn("lnsXY", &state, &[("l", prices())])["series"][1], &json!({"y": y}), series_type);
    }
}

#[test]
fn options_of_the_axes_are_kept() {
    let state = with(
        with_layer(with(
            line_by_symbol(),
            json!({
                "accessors": ["p", "v"], "splitAccessor": null,
                "yConfig": [{"forAccessor": "v", "axisMode": "right", "color": "#ABCDEF"}],
            }),
        )),
        json!({
            "xTitle": "Time", "yTitle": "Rupees", "yRightScale": "log",
            "yLeftExtent": {"mode": "custom", "lowerBound": 5, "upperBound": "25"}, "yRightExtent": {"mode": "dataBounds"},
            "axisTitlesVisibilitySettings": {"x": true, "yLeft": true, "yRight": false},
            "tickLabelsVisibilitySettings": {"x": false, "yLeft": true, "yRight": true},
            "gridlinesVisibilitySettings": {"x": true, "yLeft": false, "yRight": true},
            "curveType": "CURVE_MONOTONE_X", "valueLabels": "show", "legend": {"isVisible": true, "position": "bottom"},
        }),
    );
    let expected = json!({
        "x": {"title": "Time", "shows_labels": false},
        "left": {"title": "Rupees", "scale": "linear", "extent": [5, 25], "from_zero": false, "shows_grid": false},
        "right": {"title": null, "scale": "log", "extent": null, "from_zero": false},
        "curve": "monotone", "shows_values": true, "legend": {"is_visible": true, "position": "bottom"},
        "series": [{"axis": "left", "color": "#54b399"}, {"axis": "right", "color": "#abcdef"}],
    });
    check(&drawn("lnsXY", &state, &[("l", prices())]), &expected, "");
}

#[test]
fn another_format_gets_the_other_side() {
    let table = table(
        vec![time(), metric("p", "Price"), percent("c", "Change")],
        vec![vec![at(0), number(1.0), number(0.1)], vec![at(1), number(f64::NAN), number(0.2)]],
    );
    let layer = with(line_by_symbol(), json!({"splitAccessor": null, "accessors": ["p", "c"]}));
    let figure = drawn("lnsXY", &with_layer(layer), &[("l", table)]);
    let expected = json!({"series": [{"axis": "left", "y": [1, null]}, {"axis": "right", "text": ["10%", "20%"]}]});
    check(&figure, &expected, "");
}

#[test]
fn a_lone_series_needs_no_legend() {
    let layer = with(line_by_symbol(), json!({"splitAccessor": null, "accessors": ["p"], "collapseFn": "sum"}));
    let state = with_layer(layer);
    assert_eq!(drawn("lnsXY", &state, &[("l", prices())])["legend"]["is_visible"], json!(false));
    let state = with(state, json!({"legend": {"isVisible": true, "showSingleSeries": true}}));
    assert_eq!(drawn("lnsXY", &state, &[("l", prices())])["legend"]["is_visible"], json!(true));
}

#[test]
fn a_collapsed_split_is_one_series() {
    for (function, y) in [("sum", json!([30, 11, 34])), ("avg", json!([15, 11, 17])), ("max", json!([20, 11, 22]))] {
        let layer = with(line_by_symbol(), json!({"collapseFn": function}));
        let figure = drawn("lnsXY", &with_layer(layer), &[("l", prices())]);
        check(&figure, &json!({"series": [{"name": "Price", "y": y}]}), function);
    }
}

#[test]
fn x_is_of_the_columns_kind() {
    let numbers = |values: &[f64]| {
        let rows = values.iter().map(|value| vec![number(*value), number(1.0)]).collect();
        table(vec![bucket("x", "Size", CellKind::Number, "size"), metric("p", "Count")], rows)
    };
    let range = |from: f64| Cell::Range { from: Some(from), to: None, label: Some(format!("{from} up")) };
    let ranges = table(
        vec![bucket("x", "Size", CellKind::Range, "size"), metric("p", "Count")],
        vec![vec![range(5.0), number(1.0)]],
    );
    let cases = [
        (
            numbers(&[50.0, 100.0, 200.0]),
            "number",
            json!([50, 100, 200]),
            json!({"range": {"size": {"gte": 50, "lt": 100}}}),
        ),
        (
            numbers(&[408_065.0, 738_561.0]),
            "number",
            json!([408_065, 738_561]),
            json!({"match_phrase": {"size": 408_065}}),
        ),
        (numbers(&[7.0, 3.0]), "category", json!(["7", "3"]), json!({"match_phrase": {"size": 7}})),
        (ranges, "category", json!(["5 up"]), json!({"range": {"size": {"gte": 5}}})),
    ];
    for (table, kind, x, query) in cases {
        let state = with_layer(json!({"layerId": "l", "seriesType": "bar", "xAccessor": "x", "accessors": ["p"]}));
        let figure = drawn("lnsXY", &state, &[("l", table)]);
        assert_eq!(figure["x"]["kind"], kind);
        assert_eq!(figure["x"]["title"], "Size");
        check(&figure["series"][0], &json!({"x": x}), kind);
        check(&figure["series"][0]["point_filters"][0], &json!({"query": query}), kind);
    }
}

#[test]
fn buckets_without_a_filter_of_their_own_have_none() {
    let rows = vec![vec![text("A"), number(1.0)], vec![Cell::Other, number(2.0)], vec![Cell::Missing, number(3.0)]];
    let state = with_layer(json!({"layerId": "l", "seriesType": "bar", "xAccessor": "s", "accessors": ["p"]}));
    let figure = drawn("lnsXY", &state, &[("l", table(vec![symbol(), metric("p", "Count")], rows))]);
    let filters = &figure["series"][0]["point_filters"];
    assert!(filters[0].is_object() && filters[1].is_null());
    check(
        &filters[2],
        &json!({"meta": {"negate": true, "type": "exists"}, "query": {"exists": {"field": "symbol"}}}),
        "",
    );
}

#[test]
fn without_x_the_values_stand_in_one_place() {
    let state = with_layer(json!({"layerId": "l", "seriesType": "bar", "splitAccessor": "s", "accessors": ["p"]}));
    let figure = drawn("lnsXY", &state, &[("l", latest())]);
    let expected =
        json!({"x": {"kind": "category", "title": null}, "series": [{"x": [""], "y": [10]}, {"x": [""], "y": [30]}]});
    check(&figure, &expected, "");
}

#[test]
fn layers_are_drawn_together() {
    let volume = table(vec![time(), metric("v", "Volume")], vec![vec![at(1), number(5.0)]]);
    let state = json!({"layers": [
        line_by_symbol(),
        {"layerId": "m", "layerType": "data", "seriesType": "bar", "xAccessor": "t", "accessors": ["v"]},
    ]});
    let figure = drawn("lnsXY", &state, &[("l", prices()), ("m", volume)]);
    let expected = json!({
        "left": {"title": "Price, Volume"},
        "series": [{"name": "A"}, {"name": "B"}, {"name": "Volume", "type": "bar", "x": [START + MINUTES_5], "y": [5], "color": "#d36086"}],
    });
    check(&figure, &expected, "");
}

#[test]
fn reference_lines_and_annotations_are_drawn() {
    let lines = table(
        vec![metric("a", "Low"), metric("b", "High"), metric("c", "None")],
        vec![vec![number(10.0), number(20.0), Cell::Null]],
    );
    let state = json!({"layers": [
        line_by_symbol(),
        {"layerId": "r", "layerType": "referenceLine", "accessors": ["a", "b", "c"], "yConfig": [
            {"forAccessor": "a", "axisMode": "left", "color": "#FF0000", "lineWidth": 3, "lineStyle": "dashed", "fill": "above", "textVisibility": true},
            {"forAccessor": "b", "axisMode": "left", "fill": "above"},
        ]},
        {"layerId": "n", "layerType": "annotations", "annotations": [
            {"type": "manual", "label": "Open", "key": {"type": "point_in_time", "timestamp": "2024-03-01T03:45:00.000Z"}},
            {"type": "manual", "label": "Lunch", "color": "#F04E981A",
             "key": {"type": "range", "timestamp": "2024-03-01T09:20:00", "endTimestamp": "2024-03-01T09:25:00+05:30"}},
            {"type": "manual", "label": "Hidden", "isHidden": true, "key": {"timestamp": "2024-03-01T03:45:00.000Z"}},
            {"type": "query", "label": "Trades", "key": {"type": "point_in_time"}},
        ]},
    ]});
    let figure = drawn("lnsXY", &state, &[("l", prices()), ("r", lines)]);
    let expected = json!({
        "reference_lines": [
            {"axis": "left", "value": 10, "to": 20, "label": "Low", "color": "#ff0000", "width": 3, "style": "dashed", "fill": "above"},
            {"value": 20, "to": null, "label": null, "style": "solid", "fill": "above"},
        ],
        "annotations": [
            {"at": START, "until": null, "label": "Open", "color": "#f04e98"},
            {"at": START + MINUTES_5, "until": START + 2 * MINUTES_5, "label": "Lunch", "color": "#f04e98"},
        ],
        "notes": ["annotations that are queries are not drawn"],
    });
    check(&figure, &expected, "");
}

#[test]
fn unknown_options_are_named() {
    let layer = with(line_by_symbol(), json!({"seriesType": "spiral"}));
    let state = with(with_layer(layer), json!({"curveType": "WAVY", "valuesInLegend": true}));
    let expected = json!([
        "`seriesType` of a layer is not known; bars are drawn",
        "the legend shows no values",
        "`curveType` `WAVY` is not known and was left out",
    ]);
    assert_eq!(drawn("lnsXY", &state, &[("l", prices())])["notes"], expected);
}
