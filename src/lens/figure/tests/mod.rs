//! Figures of small tables made by hand, kind by kind, and of any state at all.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::{ColourBook, Figure, FigureError, draw, draw_with, layers, layers_needed};
use crate::lens::{
    scope::{Scope, TimeRange},
    table::{Cell, CellKind, Table, TableColumn},
};

mod any_state;
mod colours;
mod grids;
mod metric;
mod table;
mod xy;

/// 2024-03-01T03:45:00Z, the first bucket.
const START: i64 = 1_709_264_700_000;
const MINUTES_5: i64 = 300_000;

fn scope() -> Scope {
    Scope {
        range: TimeRange { from_ms: START, to_ms: START + 4 * MINUTES_5 },
        now_ms: START + 4 * MINUTES_5,
        time_zone: TimeZone::get("Asia/Kolkata").unwrap(),
        query: None,
        filters: Vec::new(),
    }
}

fn bucket(id: &str, label: &str, kind: CellKind, field: &str) -> TableColumn {
    TableColumn {
        id: id.to_owned(),
        label: label.to_owned(),
        kind,
        is_bucket: true,
        format: None,
        field: Some(field.to_owned()),
        interval: (kind == CellKind::Date).then(|| ("5m".to_owned(), MINUTES_5)),
        queries: BTreeMap::new(),
    }
}

fn metric(id: &str, label: &str) -> TableColumn {
    TableColumn { is_bucket: false, field: None, ..bucket(id, label, CellKind::Number, "") }
}

fn percent(id: &str, label: &str) -> TableColumn {
    TableColumn { format: Some(json!({"id": "percent"})), ..metric(id, label) }
}

fn time() -> TableColumn {
    bucket("t", "timestamp", CellKind::Date, "timestamp")
}

fn symbol() -> TableColumn {
    bucket("s", "Instrument", CellKind::Text, "symbol")
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn number(number: f64) -> Cell {
    Cell::Number(number)
}

/// The n-th bucket of five minutes.
fn at(n: i64) -> Cell {
    Cell::Date(START + n * MINUTES_5)
}

fn table(columns: Vec<TableColumn>, rows: Vec<Vec<Cell>>) -> Table {
    Table { columns, rows, has_documents: false }
}

/// Two instruments over three buckets; the second one lacks the middle one.
fn prices() -> Table {
    let row = |symbol: &str, n: i64, price: f64, volume: f64| vec![text(symbol), at(n), number(price), number(volume)];
    table(
        vec![symbol(), time(), metric("p", "Price"), metric("v", "Volume")],
        vec![
            row("A", 0, 10.0, 1.0),
            row("A", 1, 11.0, 2.0),
            row("A", 2, 12.0, 3.0),
            row("B", 0, 20.0, 4.0),
            row("B", 2, 22.0, 6.0),
        ],
    )
}

/// Two instruments, one row each.
fn latest() -> Table {
    table(
        vec![symbol(), metric("p", "Price"), metric("v", "Volume")],
        vec![vec![text("A"), number(10.0), number(100.0)], vec![text("B"), number(30.0), number(50.0)]],
    )
}

fn try_drawn(kind: &str, state: &Value, tables: &[(&str, Table)]) -> Result<Figure, FigureError> {
    let view_ids = tables.iter().map(|(id, _)| ((*id).to_owned(), "dv1".to_owned())).collect();
    let tables = tables.iter().map(|(id, table)| ((*id).to_owned(), table.clone())).collect();
    draw(kind, state, &tables, &scope(), &view_ids)
}

/// The figure as the page gets it.
fn drawn(kind: &str, state: &Value, tables: &[(&str, Table)]) -> Value {
    serde_json::to_value(try_drawn(kind, state, tables).unwrap()).unwrap()
}

/// Whether `actual` holds all that `expected` does: objects may have more members, lists not more items.
fn check(actual: &Value, expected: &Value, place: &str) {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            for (name, expected) in expected {
                let place = format!("{place}/{name}");
                check(actual.get(name).unwrap_or_else(|| panic!("{place} is missing")), expected, &place);
            }
        }
        (Value::Array(actual_items), Value::Array(expected)) => {
            assert_eq!(actual_items.len(), expected.len(), "{place}: {actual}");
            for (index, (actual, expected)) in actual_items.iter().zip(expected).enumerate() {
                check(actual, expected, &format!("{place}/{index}"));
            }
        }
        (Value::Number(one), Value::Number(other)) => assert_eq!(one.as_f64(), other.as_f64(), "{place}"),
        _ => assert_eq!(actual, expected, "{place}"),
    }
}

#[test]
fn a_kind_that_is_not_drawn_says_its_name() {
    check(&drawn("lnsSankey", &json!({}), &[]), &json!({"kind": "unsupported", "what": "lnsSankey"}), "");
}

#[test]
fn no_rows_are_an_empty_figure_that_names_the_time_range() {
    let none = |columns: Vec<TableColumn>| table(columns, Vec::new());
    let group = json!({"layerId": "l", "primaryGroups": ["s"], "metrics": ["p"]});
    let cases = [
        ("lnsXY", json!({"layers": [{"layerId": "l", "seriesType": "line", "xAccessor": "s", "accessors": ["p"]}]})),
        ("lnsMetric", json!({"layerId": "l", "metricAccessor": "p"})),
        ("lnsLegacyMetric", json!({"layerId": "l", "accessor": "p"})),
        ("lnsDatatable", json!({"layerId": "l", "columns": []})),
        ("lnsPie", json!({"shape": "pie", "layers": [group]})),
        ("lnsHeatmap", json!({"layerId": "l", "xAccessor": "s", "valueAccessor": "p"})),
        ("lnsGauge", json!({"layerId": "l", "metricAccessor": "p"})),
        ("lnsTagcloud", json!({"layerId": "l", "tagAccessor": "s", "valueAccessor": "p"})),
        ("lnsChoropleth", json!({"layerId": "l", "regionAccessor": "s", "valueAccessor": "p"})),
    ];
    let reason = "no documents between 2024-03-01 09:15:00 and 2024-03-01 09:35:00";
    for (kind, state) in cases {
        let figure = drawn(kind, &state, &[("l", none(vec![symbol(), metric("p", "Price")]))]);
        assert_eq!(figure, json!({"kind": "empty", "reason": reason}), "{kind}");
    }
}

#[test]
fn documents_without_a_value_are_not_said_to_be_none() {
    let drawn_of = |kind: &str, state: Value, columns: Vec<TableColumn>, rows: Vec<Vec<Cell>>| {
        let table = Table { columns, rows, has_documents: true };
        drawn(kind, &state, &[("l", table)])["reason"].as_str().unwrap().to_owned()
    };
    let line = json!({"layers": [{"layerId": "l", "seriesType": "line", "xAccessor": "t", "accessors": ["v"]}]});
    let range = "documents match between 2024-03-01 09:15:00 and 2024-03-01 09:35:00, but";
    let over_time = || vec![time(), metric("v", "Traded volume")];
    let nothing = |n: i64| vec![at(n), Cell::Null];
    let cases = [
        (
            drawn_of("lnsXY", line.clone(), over_time(), vec![nothing(0), nothing(1)]),
            "`Traded volume` has no value in any bucket (5 minutes); a formula that compares buckets needs documents in \
             several",
        ),
        (drawn_of("lnsXY", line, over_time(), vec![]), "none falls into a bucket of `timestamp`"),
        (
            drawn_of(
                "lnsMetric",
                json!({"layerId": "l", "metricAccessor": "p"}),
                vec![metric("p", "Price"), metric("v", "Volume")],
                vec![vec![Cell::Null, Cell::Null]],
            ),
            "`Price` and `Volume` have no value",
        ),
    ];
    for (reason, expected) in cases {
        assert_eq!(reason, format!("{range} {expected}"));
    }
}

#[test]
fn what_a_chart_cannot_do_without_is_an_error_that_names_it() {
    let line = |x: &str, y: &str| json!({"layers": [{"layerId": "l", "xAccessor": x, "accessors": [y]}]});
    let cases = [
        ("lnsXY", json!({}), "the panel names no `accessors`"),
        ("lnsXY", line("t", "nope"), "the layer `l` has no column `nope`"),
        ("lnsMetric", json!({"layerId": "l"}), "the panel names no `metricAccessor`"),
        ("lnsMetric", json!({"layerId": "x", "metricAccessor": "p"}), "there is no data of the layer `x`"),
        ("lnsPie", json!({"layers": [{"layerId": "l"}]}), "the panel names no `metrics`"),
        ("lnsDatatable", json!({}), "the panel names no `layerId`"),
    ];
    for (kind, state, expected) in cases {
        let error = try_drawn(kind, &state, &[("l", prices())]).unwrap_err();
        assert_eq!(error.to_string(), expected, "{state}");
    }
}

#[test]
fn layers_are_named_before_there_is_data() {
    let xy = json!({"layers": [
        {"layerId": "a", "accessors": ["x"]},
        {"layerId": "empty", "accessors": []},
        {"layerId": "r", "layerType": "referenceLine", "accessors": ["x"]},
        {"layerId": "n", "layerType": "annotations", "annotations": []},
    ]});
    assert_eq!(layers_needed("lnsXY", &xy), ["a", "r"]);
    assert_eq!(layers("lnsXY", &xy).len(), 3);
    let metric = json!({"layerId": "a", "trendlineLayerId": "b"});
    assert_eq!(layers_needed("lnsMetric", &metric), ["a", "b"]);
    assert_eq!(layers_needed("lnsSankey", &metric), Vec::<String>::new());
}
