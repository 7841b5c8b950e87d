//! Every layer of the dashboard that is shipped.

use super::*;
use crate::lens::{
    formula::{Within, expand_within},
    layer::column::Operation,
    view::FieldKind::{Date, Float, Integer, Keyword},
};

const DASHBOARD: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/es/stock-stream-dashboard.ndjson"));

fn stock_view() -> DataView {
    let fields = [
        ("timestamp", Date),
        ("instrument_token", Keyword),
        ("last_price", Float),
        ("volume", Integer),
        ("sell_quantity", Integer),
        ("last_quantity", Integer),
        ("change", Float),
        ("average_price", Float),
        ("open", Float),
        ("high", Float),
        ("low", Float),
        ("close", Float),
        ("depth.buy.price", Float),
        ("depth.buy.orders", Integer),
        ("depth.buy.quantity", Integer),
        ("depth.sell.price", Float),
        ("depth.sell.orders", Integer),
        ("depth.sell.quantity", Integer),
    ];
    let field = |(name, kind): (&str, FieldKind)| (name.to_owned(), Field { kind, is_aggregatable: true });
    DataView { fields: fields.into_iter().map(field).collect(), ..view() }
}

/// Panel and layer of each form-based layer.
fn layers() -> Vec<(String, Value)> {
    let objects = DASHBOARD.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut layers = Vec::new();
    for object in objects.filter(|object| object["type"] == "dashboard") {
        let panels = object["attributes"]["panelsJSON"].as_str().unwrap();
        for panel in serde_json::from_str::<Vec<Value>>(panels).unwrap() {
            let state = &panel["embeddableConfig"]["attributes"]["state"]["datasourceStates"]["formBased"]["layers"];
            let id = panel["panelIndex"].as_str().unwrap().to_owned();
            layers.extend(state.as_object().into_iter().flatten().map(|(_, layer)| (id.clone(), layer.clone())));
        }
    }
    layers
}

#[test]
fn every_shipped_layer_compiles_and_takes_an_empty_answer() {
    let view = stock_view();
    assert!(!layers().is_empty());
    for (panel, state) in layers() {
        let layer = Layer::read("layer", &state, &view).unwrap_or_else(|error| panic!("{panel}: {error}"));
        let explained = explain(&layer, &view, &scope(), &Clauses::default()).unwrap();
        assert!(explained.search["aggs"].get("0").is_some(), "{panel}: {explained:?}");
        let mut run = Run::new(&layer, &view, &scope(), &Clauses::default()).unwrap();
        assert_eq!(run.step(None).unwrap(), Step::Search(explained.search), "{panel}");
        let Step::Done(table) = run.step(Some(&answer(json!({})))).unwrap() else { panic!("{panel}: one search") };
        assert!(table.rows.is_empty());
    }
}

#[test]
fn the_formula_of_traded_volume_asks_its_metric_once() {
    let layer = json!({"columnOrder": ["by", "time", "traded", "tradedX0"], "columns": {
        "by": with(terms(json!({})), json!({"sourceField": "instrument_token"})),
        "time": date(json!({"interval": "auto"})),
        "traded": formula("ifelse(differences(max(volume)) < 0, max(volume), differences(max(volume)))")}});
    let layer = Layer::read("layer", &layer, &stock_view()).unwrap();
    let explained = explain(&layer, &stock_view(), &scope(), &Clauses::default()).unwrap();
    let inner = explained.search.pointer("/aggs/0/aggs/1/aggs").unwrap();
    assert_eq!(inner, &json!({"2": {"max": {"field": "volume"}}}));
}

/// Kibana before 9.2 draws what stands in the file; later ones and we go by the text.
#[test]
fn the_hidden_columns_in_the_file_are_those_that_the_texts_of_formulas_give() {
    let view = stock_view();
    let mut formulas = 0;
    for (panel, layer) in layers() {
        let columns = layer["columns"].as_object().unwrap();
        for (id, column) in columns.iter().filter(|(_, column)| column["operationType"] == "formula") {
            formulas += 1;
            let within = Within { label: column["label"].as_str(), ..Within::default() };
            let expanded = expand_within(id, column["params"]["formula"].as_str().unwrap(), &view, &within).unwrap();
            assert_eq!(column["references"], json!([expanded.result]), "{panel}");
            let hidden = columns.keys().filter(|name| name.starts_with(&format!("{id}X"))).count();
            assert_eq!(hidden, expanded.columns.len(), "{panel}");
            for part in expanded.columns {
                let stored = &columns[&part.id];
                assert_eq!(stored["label"], part.label);
                let filter = part.filter.map(|filter| json!({"language": "kuery", "query": filter.text}));
                assert_eq!(stored.get("filter"), filter.as_ref(), "{}", part.id);
                match part.operation {
                    Operation::Metric { field, .. } => assert_eq!(stored["sourceField"].as_str(), field.as_deref()),
                    Operation::Reference { of, .. } => assert_eq!(stored["references"], json!([of])),
                    _ => assert_eq!(stored["operationType"], "math"),
                }
            }
        }
    }
    assert_eq!(formulas, 5);
}
