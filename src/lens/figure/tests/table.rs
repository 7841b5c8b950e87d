//! Tables.

use serde_json::json;

use super::*;

#[test]
fn rows_and_columns_are_in_the_layers_order() {
    let state = json!({"layerId": "l", "columns": [
        {"columnId": "v", "hidden": true}, {"columnId": "p", "width": 120, "alignment": "center"}, {"columnId": "s"},
    ]});
    let figure = drawn("lnsDatatable", &state, &[("l", latest())]);
    let expected = json!({
        "kind": "table", "summary": null, "page_size": null, "sort": null,
        "columns": [
            {"id": "s", "title": "Instrument", "align": "left", "is_numeric": false, "width": null, "group": null},
            {"id": "p", "title": "Price", "align": "center", "is_numeric": true, "width": 120},
        ],
        "rows": [
            [{"text": "A", "raw": "A", "color": null, "background": null, "filter": {"query": {"match_phrase": {"symbol": "A"}}}},
             {"text": "10", "raw": 10, "filter": null}],
            [{"text": "B"}, {"text": "30"}],
        ],
    });
    check(&figure, &expected, "");
}

#[test]
fn sorting_paging_and_summaries_are_applied() {
    let rows = vec![vec![text("A"), number(10.0)], vec![text("B"), Cell::Null], vec![text("C"), number(30.0)]];
    let state = json!({
        "layerId": "l", "sorting": {"columnId": "p", "direction": "desc"}, "paging": {"enabled": true, "size": 20},
        "columns": [{"columnId": "s", "summaryRow": "count"}, {"columnId": "p", "summaryRow": "avg", "summaryLabel": "Mean"}],
    });
    let figure = drawn("lnsDatatable", &state, &[("l", table(vec![symbol(), metric("p", "Price")], rows))]);
    let expected = json!({
        "rows": [[{"text": "C"}, {}], [{"text": "A"}, {}], [{"text": "B"}, {"raw": null}]],
        "sort": {"column": "p", "direction": "desc"}, "page_size": 20,
        "summary": [{"column": "s", "label": "Value count", "text": "3"}, {"column": "p", "label": "Mean", "text": "20"}],
    });
    check(&figure, &expected, "");
}

#[test]
fn cells_of_all_kinds_sort_in_one_order() {
    let range = |from: f64| Cell::Range { from: Some(from), to: None, label: None };
    let some = [
        text("b"),
        range(2.0),
        Cell::Joined(vec![text("x")]),
        number(f64::NAN),
        Cell::Null,
        text("A"),
        number(3.0),
        Cell::Boolean(true),
        Cell::Several(vec![Cell::Null, range(1.0)]),
        Cell::Other,
        range(f64::NAN),
        number(-1.0),
    ];
    let rows: Vec<Vec<Cell>> =
        (0..600).map(|index| vec![some[(index * 7 + index / 12) % some.len()].clone()]).collect();
    for direction in ["asc", "desc"] {
        let state = json!({"layerId": "l", "columns": [], "sorting": {"columnId": "p", "direction": direction}});
        let figure = drawn("lnsDatatable", &state, &[("l", table(vec![metric("p", "Odd")], rows.clone()))]);
        let found = figure["rows"].as_array().unwrap();
        assert_eq!(found.len(), 600);
        assert!(["Other", "-"].contains(&found[599][0]["text"].as_str().unwrap()), "{direction}");
    }
}

#[test]
fn a_transposed_bucket_becomes_groups_of_columns() {
    let state = json!({
        "layerId": "l", "sorting": {"columnId": "B---p", "direction": "desc"},
        "columns": [{"columnId": "s", "isTransposed": true}, {"columnId": "t"}, {"columnId": "p"}, {"columnId": "v", "hidden": true}],
    });
    let figure = drawn("lnsDatatable", &state, &[("l", prices())]);
    let expected = json!({
        "columns": [
            {"id": "t", "title": "timestamp per 5 minutes", "group": null},
            {"id": "A---p", "title": "Price", "group": "A"}, {"id": "B---p", "title": "Price", "group": "B"},
        ],
        "rows": [
            [{"raw": START + 2 * MINUTES_5}, {"raw": 12}, {"raw": 22}],
            [{"raw": START}, {"raw": 10}, {"raw": 20}],
            [{"raw": START + MINUTES_5}, {"raw": 11}, {"raw": null}],
        ],
    });
    check(&figure, &expected, "");
}

#[test]
fn cells_are_coloured_by_value_or_by_category() {
    let palette = json!({"name": "custom", "params": {"rangeType": "percent", "continuity": "all",
        "stops": [{"color": "#000000", "stop": 50}, {"color": "#ffffff", "stop": 100}]}});
    let mapping = json!({"paletteId": "neutral", "assignments": [
        {"rule": {"type": "matchExactly", "values": ["B"]}, "color": {"type": "colorCode", "colorCode": "#123456"}},
    ], "specialAssignments": [{"rule": {"type": "other"}, "color": {"type": "categorical", "paletteId": "neutral", "colorIndex": 1}}]});
    let state = json!({"layerId": "l", "columns": [
        {"columnId": "s", "colorMode": "text", "colorMapping": mapping}, {"columnId": "p", "colorMode": "cell", "palette": palette}, {"columnId": "v"},
    ]});
    let figure = drawn("lnsDatatable", &state, &[("l", latest())]);
    let expected = json!({"rows": [
        [{"color": "#d4d9e5", "background": null}, {"color": "#ffffff", "background": "#000000"}, {"color": null, "background": null}],
        [{"color": "#123456", "background": null}, {"color": "#000000", "background": "#ffffff"}, {}],
    ]});
    check(&figure, &expected, "");
}

#[test]
fn a_collapsed_column_is_gone() {
    let state = json!({"layerId": "l", "columns": [{"columnId": "t", "collapseFn": "max"}, {"columnId": "s"}, {"columnId": "p"}]});
    let figure = drawn("lnsDatatable", &state, &[("l", prices())]);
    check(&figure, &json!({"rows": [[{"text": "A"}, {"text": "12"}], [{"text": "B"}, {"text": "22"}]]}), "");
}

#[test]
fn a_region_map_is_a_table_and_says_so() {
    let state = json!({"layerId": "l", "regionAccessor": "s", "valueAccessor": "v"});
    let figure = drawn("lnsChoropleth", &state, &[("l", latest())]);
    let expected = json!({"kind": "table", "columns": [{"id": "s"}, {"id": "v"}], "notes": ["the region map is shown as a table"]});
    check(&figure, &expected, "");
}
