//! Layers as Kibana stores them, the searches that they compile to, and the tables that answers become.

mod answers;
mod computed;
mod other;
mod reading;
mod searches;
mod shifts;
mod shipped;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use crate::lens::{
    filter::Clauses,
    scope::{Query, Scope, TimeRange},
    table::{Cell, Table},
    view::{DataView, Field, FieldKind},
};

use super::{Explained, Layer, LayerError, Run, Step, explain};

/// 2024-03-01, midnight in UTC.
const FROM_MS: i64 = 1_709_251_200_000;
const MINUTE_MS: i64 = 60_000;
/// A quarter past six.
const TO_MS: i64 = FROM_MS + 375 * MINUTE_MS;

fn view() -> DataView {
    let fields = [
        ("timestamp", FieldKind::Date),
        ("created", FieldKind::Date),
        ("sym", FieldKind::Keyword),
        ("exchange", FieldKind::Keyword),
        ("note", FieldKind::Text),
        ("price", FieldKind::Float),
        ("volume", FieldKind::Integer),
        ("is_open", FieldKind::Boolean),
    ];
    let field = |(name, kind): (&str, FieldKind)| (name.to_owned(), Field { kind, is_aggregatable: true });
    DataView {
        id: "view".into(),
        index: "stock-stream".into(),
        name: "Stock stream".into(),
        time_field: Some("timestamp".into()),
        fields: fields.into_iter().map(field).collect(),
        formats: BTreeMap::from([("price".into(), json!({"id": "number", "params": {"pattern": "0,0.00"}}))]),
        runtime: Map::from_iter([("spread".into(), json!({"type": "double"}))]),
    }
}

fn scope() -> Scope {
    Scope {
        range: TimeRange { from_ms: FROM_MS, to_ms: TO_MS },
        now_ms: TO_MS,
        time_zone: TimeZone::get("Asia/Kolkata").unwrap(),
        query: None,
        filters: vec![],
    }
}

/// A layer of these columns; keys of more than one word besides them are the layer's own.
fn state(columns: &[(&str, Value)]) -> Value {
    let order: Vec<&str> = columns.iter().map(|(id, _)| *id).collect();
    let columns: Map<String, Value> = columns.iter().map(|(id, column)| ((*id).to_owned(), column.clone())).collect();
    json!({"columnOrder": order, "columns": columns, "incompleteColumns": {}, "sampling": 1})
}

fn read(state: &Value) -> Result<Layer, LayerError> {
    Layer::read("layer", state, &view())
}

fn explained(columns: &[(&str, Value)]) -> Explained {
    explain(&read(&state(columns)).unwrap(), &view(), &scope(), &Clauses::default()).unwrap()
}

/// Why the layer can't be read or compiled.
fn refusal(state: &Value) -> String {
    match read(state).and_then(|layer| explain(&layer, &view(), &scope(), &Clauses::default())) {
        Ok(explained) => panic!("compiled: {}", explained.search),
        Err(error) => error.to_string(),
    }
}

/// Plays these answers to the searches of a layer; gives the searches and the table.
fn played(columns: &[(&str, Value)], answers: &[Value]) -> (Vec<Value>, Table) {
    let layer = read(&state(columns)).unwrap();
    let mut run = Run::new(&layer, &view(), &scope(), &Clauses::default()).unwrap();
    let mut searches = Vec::new();
    let mut answers = answers.iter();
    let mut step = run.step(None).unwrap();
    loop {
        match step {
            Step::Search(search) => {
                searches.push(search);
                step = run.step(Some(answers.next().expect("one more search than answers"))).unwrap();
            }
            Step::Done(table) => {
                assert!(answers.next().is_none(), "one more answer than searches");
                return (searches, table);
            }
        }
    }
}

fn answer(aggregations: Value) -> Value {
    json!({"took": 1, "timed_out": false, "_shards": {"total": 1, "successful": 1, "skipped": 0, "failed": 0},
        "hits": {"total": {"value": 7, "relation": "eq"}, "max_score": null, "hits": []}, "aggregations": aggregations})
}

fn rows(columns: &[(&str, Value)], aggregations: Value) -> Vec<Vec<Cell>> {
    played(columns, &[answer(aggregations)]).1.rows
}

// Columns, as short as the tests want them.

fn metric(operation: &str, field: &str) -> Value {
    json!({"operationType": operation, "sourceField": field, "label": operation, "isBucketed": false})
}

fn with(mut column: Value, more: Value) -> Value {
    column.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    column
}

fn count() -> Value {
    metric("count", "___records___")
}

fn date(params: Value) -> Value {
    with(metric("date_histogram", "timestamp"), json!({"isBucketed": true, "params": params}))
}

fn terms(params: Value) -> Value {
    let mut all = json!({"size": 3, "orderBy": {"type": "alphabetical"}, "orderDirection": "asc"});
    all.as_object_mut().unwrap().extend(params.as_object().unwrap().clone());
    with(metric("terms", "sym"), json!({"isBucketed": true, "params": all}))
}

fn formula(text: &str) -> Value {
    json!({"operationType": "formula", "label": "Formula", "params": {"formula": text, "isFormulaBroken": false},
        "references": ["fX9"]})
}

fn reference(operation: &str, of: &str) -> Value {
    json!({"operationType": operation, "label": operation, "references": [of]})
}

fn kuery(text: &str) -> Value {
    json!({"language": "kuery", "query": text})
}

fn numbers(values: &[f64]) -> Vec<Cell> {
    values.iter().copied().map(Cell::Number).collect()
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

fn at_minute(minute: i64) -> i64 {
    FROM_MS + minute * MINUTE_MS
}

#[test]
fn any_json_as_a_layer_is_read_or_refused_but_never_panics() {
    use proptest::prelude::*;

    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        prop_oneof![
            Just("a"),
            Just("b"),
            Just("terms"),
            Just("date_histogram"),
            Just("range"),
            Just("formula"),
            Just("count"),
            Just("timestamp"),
            Just("sym"),
            Just("price"),
            Just("column"),
            Just("last_value"),
            Just("math"),
            Just("moving_average"),
            Just("filters"),
            Just("___records___"),
        ]
        .prop_map(Value::from),
    ];
    let key = prop_oneof![
        Just("operationType"),
        Just("sourceField"),
        Just("params"),
        Just("orderBy"),
        Just("type"),
        Just("columnId"),
        Just("references"),
        Just("filter"),
        Just("interval"),
        Just("formula"),
        Just("size"),
        Just("filters"),
        Just("ranges"),
        Just("a"),
        Just("b"),
    ];
    let value = leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|pairs| pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        ]
    });
    proptest!(|(a in value.clone(), b in value.clone(), wrong in value)| {
        let layer = read(&state(&[("a", a), ("b", b)]));
        if let Ok(layer) = layer
            && let Ok(mut run) = Run::new(&layer, &view(), &scope(), &Clauses::default())
        {
            prop_assert!(run.step(None).is_ok());
            if let Ok(Step::Done(table)) = run.step(Some(&answer(json!({"0": wrong.clone(), "1": wrong})))) {
                prop_assert!(table.rows.iter().all(|row| row.len() == table.columns.len()));
            }
        }
    });
}

#[test]
fn the_scope_and_the_panel_are_joined_with_the_range() {
    let mut scope = scope();
    scope.query = Some(Query::kuery("sym: A"));
    scope.filters = vec![json!({"meta": {"negate": true}, "query": {"match_phrase": {"exchange": "BSE"}}})];
    let own = Clauses { filter: vec![json!({"exists": {"field": "price"}})], ..Clauses::default() };
    let mut state = state(&[("c", count())]);
    let range = json!({"range": {"timestamp": {"format": "strict_date_optional_time",
        "gte": "2024-03-01T00:00:00.000Z", "lte": "2024-03-01T06:15:00.000Z"}}});
    let query = |state: &Value| explain(&read(state).unwrap(), &view(), &scope, &own).unwrap().search["query"].clone();
    assert_eq!(
        query(&state),
        json!({"bool": {"must": [], "filter": [{"exists": {"field": "price"}},
            {"bool": {"should": [{"term": {"sym": {"value": "A"}}}], "minimum_should_match": 1}}, range],
            "should": [], "must_not": [{"match_phrase": {"exchange": "BSE"}}]}})
    );
    state["ignoreGlobalFilters"] = json!(true);
    assert_eq!(
        query(&state),
        json!({"bool": {"must": [], "filter": [{"exists": {"field": "price"}}, range], "should": [], "must_not": []}})
    );
}
