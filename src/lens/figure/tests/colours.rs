//! Palettes and colour mappings, seen through the slices of a pie.

use serde_json::json;

use super::*;

fn slices(names: &[Cell]) -> Table {
    table(vec![symbol(), metric("v", "Volume")], names.iter().map(|name| vec![name.clone(), number(1.0)]).collect())
}

fn colours(palette: &Value, mapping: &Value, names: &[Cell]) -> Vec<String> {
    let layer = json!({"layerId": "l", "primaryGroups": ["s"], "metrics": ["v"], "colorMapping": mapping});
    let state = json!({"shape": "pie", "palette": palette, "layers": [layer]});
    let figure = drawn("lnsPie", &state, &[("l", slices(names))]);
    figure["nodes"].as_array().unwrap().iter().map(|node| node["color"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn palettes_are_known_by_name() {
    let cases = [
        (json!(null), ["#54b399", "#6092c0", "#d36086"]),
        (json!({"type": "palette", "name": "default"}), ["#54b399", "#6092c0", "#d36086"]),
        (json!({"type": "palette", "name": "kibana_palette"}), ["#00a69b", "#57c17b", "#6f87d8"]),
        (json!({"type": "palette", "name": "status"}), ["#209280", "#d6bf57", "#cc5642"]),
        (
            json!({"type": "palette", "name": "temperature", "params": {"reverse": true}}),
            ["#e7664c", "#ebeff5", "#6092c0"],
        ),
        (json!({"name": "custom", "params": {"colors": ["#010101", "#020202"]}}), ["#010101", "#020202", "#5a5a5a"]),
        (json!({"name": "no such palette"}), ["#54b399", "#6092c0", "#d36086"]),
    ];
    for (palette, expected) in cases {
        assert_eq!(colours(&palette, &Value::Null, &[text("A"), text("B"), text("C")]), expected, "{palette}");
    }
}

#[test]
fn mappings_of_all_versions_assign_colours() {
    let in_8_12 = json!({"assignmentMode": "manual", "paletteId": "eui_amsterdam_color_blind", "assignments": [
        {"rule": {"type": "matchExactly", "values": ["B", "C"]}, "color": {"type": "categorical", "paletteId": "eui_amsterdam_color_blind", "colorIndex": 5}},
    ], "specialAssignments": [{"rule": {"type": "other"}, "color": {"type": "categorical", "paletteId": "neutral", "colorIndex": 1}}]});
    let automatic = json!({"assignmentMode": "auto", "paletteId": "eui_amsterdam_color_blind", "assignments": [
        {"rule": {"type": "auto"}, "color": {"type": "categorical", "paletteId": "eui_amsterdam_color_blind", "colorIndex": 3}},
    ], "specialAssignments": [{"color": {"type": "loop"}}]});
    let default_of_8_12 = json!({"assignmentMode": "auto", "paletteId": "eui_amsterdam_color_blind", "assignments": [],
        "specialAssignments": [{"rule": {"type": "other"}, "color": {"type": "categorical", "paletteId": "neutral", "colorIndex": 1}}]});
    let in_9 = json!({"paletteId": "default", "assignments": [
        {"rules": [{"type": "raw", "value": "B"}], "color": {"type": "colorCode", "colorCode": "#00FF00"}},
        {"rules": [{"type": "match", "pattern": "c", "matchCase": false}], "color": {"type": "categorical", "paletteId": "default", "colorIndex": 0}},
    ], "specialAssignments": [{"rules": [{"type": "other"}], "color": {"type": "loop"}}]});
    let assigned =
        ["A", "B", "C"].map(|name| json!({"rules": [{"type": "raw", "value": name}], "color": {"type": "gradient"}}));
    let gradient = json!({"paletteId": "default", "colorMode": {"type": "gradient", "sort": "asc", "steps": [
        {"type": "colorCode", "colorCode": "#000000"}, {"type": "colorCode", "colorCode": "#ffffff"},
    ]}, "assignments": assigned});
    let cases = [
        (in_8_12, ["#d4d9e5", "#d6bf57", "#d6bf57"]),
        (default_of_8_12, ["#54b399", "#6092c0", "#d36086"]),
        (automatic, ["#9170b8", "#6092c0", "#d36086"]),
        (in_9, ["#61a2ff", "#00ff00", "#16c5c0"]),
        (gradient, ["#000000", "#808080", "#ffffff"]),
    ];
    for (mapping, expected) in cases {
        assert_eq!(colours(&Value::Null, &mapping, &[text("A"), text("B"), text("C")]), expected, "{mapping}");
    }
}

#[test]
fn mappings_know_numbers_ranges_and_joined_values() {
    let rule = |rule: Value| json!({"rules": [rule], "color": {"type": "colorCode", "colorCode": "#123456"}});
    let range = Cell::Range { from: Some(1.0), to: None, label: None };
    let cases = [
        (number(408_065.0), json!({"type": "raw", "value": 408_065})),
        (number(408_065.0), json!({"type": "matchExactly", "values": ["408065"]})),
        (number(5.0), json!({"type": "range", "min": 5, "max": 6})),
        (range, json!({"type": "raw", "value": {"type": "rangeKey", "from": 1, "to": null}})),
        (Cell::Joined(vec![text("A"), number(1.0)]), json!({"type": "matchExactly", "values": [["A", "1"]]})),
        (Cell::Joined(vec![text("A")]), json!({"type": "raw", "value": {"type": "multiFieldKey", "keys": ["A"]}})),
        (Cell::Other, json!({"type": "raw", "value": "__other__"})),
        (Cell::Boolean(true), json!({"type": "matchExactly", "values": [true]})),
        (text("Abc"), json!({"type": "regex", "pattern": "^A.c$"})),
        (text("Abc"), json!({"type": "matchExactlyCI", "values": ["aBC"]})),
    ];
    for (cell, written) in cases {
        let mapping = json!({"assignments": [rule(written.clone())]});
        assert_eq!(colours(&Value::Null, &mapping, &[cell]), ["#123456"], "{written}");
    }
}

#[test]
fn a_shared_book_gives_a_name_one_colour_in_all_panels() {
    let mut book = ColourBook::shared();
    let state = json!({"layers": [{"layerId": "l", "primaryGroups": ["s"], "metrics": ["v"]}]});
    let mut last = |names: &[Cell]| {
        let tables = BTreeMap::from([("l".to_owned(), slices(names))]);
        let figure = draw_with("lnsPie", &state, &tables, &scope(), &BTreeMap::new(), &mut book).unwrap();
        serde_json::to_value(figure).unwrap()["nodes"].as_array().unwrap().last().unwrap()["color"].clone()
    };
    assert_eq!([last(&[text("A"), text("B")]), last(&[text("B")])], [json!("#6092c0"), json!("#6092c0")]);
}

#[test]
fn bands_end_as_their_continuity_says() {
    let palette = |continuity: &str| {
        json!({"name": "custom", "params": {"rangeType": "number", "rangeMin": 10, "rangeMax": 30, "continuity": continuity,
            "stops": [{"color": "#111111", "stop": 20}, {"color": "#222222", "stop": 30}]}})
    };
    let cases = [
        ("none", [json!(null), json!("#111111"), json!("#222222"), json!("#222222"), json!(null)]),
        ("above", [json!(null), json!("#111111"), json!("#222222"), json!("#222222"), json!("#222222")]),
        ("below", [json!("#111111"), json!("#111111"), json!("#222222"), json!("#222222"), json!(null)]),
        ("all", [json!("#111111"), json!("#111111"), json!("#222222"), json!("#222222"), json!("#222222")]),
    ];
    for (continuity, expected) in cases {
        let rows = [5.0, 10.0, 20.0, 30.0, 35.0].map(|value| vec![number(value)]).to_vec();
        let state = json!({"layerId": "l", "columns": [{"columnId": "p", "colorMode": "cell", "palette": palette(continuity)}]});
        let figure = drawn("lnsDatatable", &state, &[("l", table(vec![metric("p", "Price")], rows))]);
        let found: Vec<Value> =
            figure["rows"].as_array().unwrap().iter().map(|row| row[0]["background"].clone()).collect();
        assert_eq!(found, expected, "{continuity}");
    }
}

#[test]
fn named_palettes_of_values_are_equal_parts_of_the_data() {
    let rows = [0.0, 39.0, 50.0, 100.0].map(|value| vec![number(value)]).to_vec();
    let palette = json!({"name": "status", "params": {"steps": 3}});
    let state = json!({"layerId": "l", "columns": [{"columnId": "p", "colorMode": "text", "palette": palette}]});
    let figure = drawn("lnsDatatable", &state, &[("l", table(vec![metric("p", "Price")], rows))]);
    let expected =
        json!([[{"color": "#209280"}], [{"color": "#d6bf57"}], [{"color": "#d6bf57"}], [{"color": "#cc5642"}]]);
    check(&figure["rows"], &expected, "");
}

#[test]
fn filters_and_dates_are_clicked_as_what_they_are() {
    let mut filters = bucket("s", "Filters", CellKind::Text, "");
    filters.field = None;
    filters.queries.insert("cheap".to_owned(), json!({"range": {"price": {"lt": 5}}}));
    let month = TableColumn { interval: Some(("1M".to_owned(), 2_592_000_000)), ..time() };
    let cases = [
        (
            filters,
            text("cheap"),
            json!({"meta": {"type": "custom", "alias": "cheap"}, "query": {"range": {"price": {"lt": 5}}}}),
        ),
        // March in Kolkata has 31 days.
        (
            TableColumn { id: "s".to_owned(), ..month },
            Cell::Date(1_709_231_400_000),
            json!({"query": {"range": {"timestamp": {"gte": "2024-02-29T18:30:00.000Z", "lt": "2024-03-31T18:30:00.000Z"}}}}),
        ),
        (
            bucket("s", "Is", CellKind::Boolean, "is"),
            Cell::Boolean(true),
            json!({"query": {"match_phrase": {"is": true}}}),
        ),
        (symbol(), Cell::Joined(vec![text("A"), text("B")]), json!(null)),
        (symbol(), Cell::Null, json!(null)),
    ];
    for (column, cell, expected) in cases {
        let state = json!({"layerId": "l", "columns": [{"columnId": "s"}]});
        let figure = drawn("lnsDatatable", &state, &[("l", table(vec![column], vec![vec![cell]]))]);
        check(&figure["rows"][0][0]["filter"], &expected, "");
    }
}
