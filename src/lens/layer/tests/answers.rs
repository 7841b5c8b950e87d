//! Answers to tables.

use super::*;
use crate::lens::table::CellKind;

#[test]
fn a_row_for_each_innermost_bucket_with_its_parents_repeated() {
    let columns = [
        ("s", terms(json!({}))),
        ("t", date(json!({"interval": "1h"}))),
        ("c", count()),
        ("a", metric("average", "price")),
    ];
    let hour = |minute: i64, count: u32, average: Value| json!({"key_as_string": "", "key": at_minute(minute), "doc_count": count, "3": {"value": average}});
    let found = json!({"0": {"sum_other_doc_count": 0, "buckets": [
        {"key": "A", "doc_count": 5, "1": {"buckets": [hour(0, 2, json!(1.5)), hour(60, 3, json!(null))]}},
        {"key": "B", "doc_count": 0, "1": {"buckets": []}},
        {"key": "C", "doc_count": 1, "1": {"buckets": [hour(0, 1, json!(4))]}}]}});
    let (_, table) = played(&columns, &[answer(found)]);
    assert_eq!(
        table.rows,
        [
            vec![text("A"), Cell::Date(at_minute(0)), Cell::Number(2.0), Cell::Number(1.5)],
            vec![text("A"), Cell::Date(at_minute(60)), Cell::Number(3.0), Cell::Null],
            vec![text("C"), Cell::Date(at_minute(0)), Cell::Number(1.0), Cell::Number(4.0)],
        ]
    );
    let kinds: Vec<(CellKind, bool)> = table.columns.iter().map(|column| (column.kind, column.is_bucket)).collect();
    let expected =
        [(CellKind::Text, true), (CellKind::Date, true), (CellKind::Number, false), (CellKind::Number, false)];
    assert_eq!(kinds, expected);
    assert_eq!(table.columns[1].interval, Some(("1h".to_owned(), 3_600_000)));
    assert_eq!(table.columns[3].format, Some(json!({"id": "number", "params": {"pattern": "0,0.00"}})));
    assert_eq!(table.columns[2].format, None);
    assert_eq!(table.columns[3].field.as_deref(), Some("price"));
}

#[test]
fn without_buckets_there_is_one_row_and_hits_are_the_count() {
    assert_eq!(
        rows(&[("c", count()), ("m", metric("max", "price"))], json!({"1": {"value": 9.0}})),
        [numbers(&[7.0, 9.0])]
    );
    let (_, table) = played(&[("c", count())], &[json!({"hits": {"total": 12}})]);
    assert_eq!(table.rows, [numbers(&[12.0])]);
}

#[test]
fn an_answer_without_aggregations_is_an_empty_one() {
    let nothing = json!({"hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}});
    let (_, table) = played(&[("s", terms(json!({}))), ("c", count())], std::slice::from_ref(&nothing));
    assert!(table.rows.is_empty());
    let (_, table) = played(&[("c", count()), ("m", metric("max", "price"))], &[nothing]);
    assert_eq!(table.rows, [vec![Cell::Number(0.0), Cell::Null]]);
}

#[test]
fn empty_metrics_are_null_or_zero() {
    let as_null = |column: Value| with(column, json!({"params": {"emptyAsNull": true}}));
    let zero = json!({"value": 0.0});
    let null = json!({"value": null});
    for (column, found, expected) in [
        (metric("sum", "price"), zero.clone(), Cell::Number(0.0)),
        (as_null(metric("sum", "price")), zero.clone(), Cell::Null),
        (as_null(metric("count", "price")), zero.clone(), Cell::Null),
        (as_null(metric("unique_count", "sym")), zero.clone(), Cell::Null),
        (as_null(metric("max", "price")), zero, Cell::Number(0.0)),
        (metric("max", "price"), null.clone(), Cell::Null),
        (metric("average", "price"), null, Cell::Null),
        (metric("median", "price"), json!({"values": {"50.0": "NaN"}}), Cell::Null),
        (metric("standard_deviation", "price"), json!({"std_deviation": null}), Cell::Null),
        (metric("last_value", "price"), json!({"top": []}), Cell::Null),
    ] {
        let name = column.to_string();
        assert_eq!(rows(&[("m", column)], json!({"0": found})), [vec![expected]], "{name}");
    }
}

#[test]
fn each_metric_is_read_where_it_is() {
    let last = |field: &str| metric("last_value", field);
    let lists = |field: &str| with(last(field), json!({"params": {"showArrayValues": true}}));
    let top = |field: &str, value: Value| json!({"top": [{"sort": [1], "metrics": {field: value}}]});
    let hit = |field: &str, value: Value| json!({"hits": {"hits": [{"fields": {field: value}}]}});
    let moment = Cell::Date(FROM_MS);
    for (column, found, expected) in [
        (metric("median", "price"), json!({"values": {"50.0": 5.0}}), Cell::Number(5.0)),
        (metric("percentile", "price"), json!({"values": [{"key": 95.0, "value": 6.0}]}), Cell::Number(6.0)),
        (
            with(metric("percentile_rank", "price"), json!({"params": {"value": 10}})),
            json!({"values": {"10.0": 25.0}}),
            Cell::Number(0.25),
        ),
        (metric("standard_deviation", "price"), json!({"std_deviation": 2.0, "count": 3}), Cell::Number(2.0)),
        (metric("max", "timestamp"), json!({"value": 1.7092512E12, "value_as_string": "x"}), moment.clone()),
        (last("price"), top("price", json!(7.5)), Cell::Number(7.5)),
        (last("sym"), top("sym", json!("A")), text("A")),
        (last("timestamp"), top("timestamp", json!("2024-03-01T00:00:00.000Z")), moment),
        (last("is_open"), top("is_open", json!(1)), Cell::Boolean(true)),
        (lists("price"), hit("price", json!([1.0])), Cell::Number(1.0)),
        (lists("price"), hit("price", json!([1.0, 2])), Cell::Several(numbers(&[1.0, 2.0]))),
        (lists("sym"), hit("price", json!([1.0])), Cell::Null),
    ] {
        let name = column.to_string();
        assert_eq!(rows(&[("m", column)], json!({"0": found})), [vec![expected]], "{name}");
    }
    let filtered = with(metric("sum", "price"), json!({"filter": kuery("sym: A")}));
    let found = json!({"0-bucket": {"doc_count": 2, "0-metric": {"value": 3.0}}});
    assert_eq!(rows(&[("m", filtered)], found), [numbers(&[3.0])]);
    let filtered = with(count(), json!({"filter": kuery("sym: A")}));
    assert_eq!(rows(&[("m", filtered)], json!({"0-bucket": {"doc_count": 2}})), [numbers(&[2.0])]);
}

#[test]
fn each_bucket_has_its_kind_of_key() {
    let on = |field: &str, params: Value| with(terms(params), json!({"sourceField": field}));
    let filters = json!({"operationType": "filters", "label": "F", "isBucketed": true, "params": {"filters": [
        {"input": kuery("price >= 5"), "label": "z"}, {"input": kuery(""), "label": ""}]}});
    let ranges = with(
        metric("range", "price"),
        json!({"params": {"type": "range", "ranges": [{"from": 5, "to": null, "label": "dear"}, {"from": 0, "to": 5}]}}),
    );
    let bucket = |key: Value| json!({"buckets": [{"key": key, "doc_count": 1}]});
    for (column, found, expected) in [
        (on("sym", json!({})), bucket(json!("A")), vec![text("A")]),
        (on("volume", json!({})), bucket(json!(5)), vec![Cell::Number(5.0)]),
        (on("is_open", json!({})), bucket(json!(1)), vec![Cell::Boolean(true)]),
        (on("created", json!({})), bucket(json!(FROM_MS)), vec![Cell::Date(FROM_MS)]),
        (
            on("sym", json!({"otherBucket": true, "missingBucket": true})),
            bucket(json!("__missing__")),
            vec![Cell::Missing],
        ),
        (
            on("sym", json!({"secondaryFields": ["volume"]})),
            bucket(json!(["A", 5])),
            vec![Cell::Joined(vec![text("A"), Cell::Number(5.0)])],
        ),
        (filters, json!({"buckets": {"*": {"doc_count": 9}, "z": {"doc_count": 1}}}), vec![text("z"), text("*")]),
        (
            ranges,
            json!({"buckets": {"0.0-5.0": {"from": 0.0, "to": 5.0, "doc_count": 1}, "5.0-*": {"from": 5.0, "doc_count": 0}}}),
            vec![
                Cell::Range { from: Some(5.0), to: None, label: Some("dear".into()) },
                Cell::Range { from: Some(0.0), to: Some(5.0), label: None },
            ],
        ),
    ] {
        let name = column.to_string();
        let keys: Vec<Cell> = rows(&[("b", column)], json!({"0": found})).into_iter().flatten().collect();
        assert_eq!(keys, expected, "{name}");
    }
}

#[test]
fn filters_tell_the_query_behind_each_label() {
    let filters = json!({"operationType": "filters", "label": "F", "isBucketed": true, "params": {"filters": [
        {"input": kuery("price: *"), "label": "z"}]}});
    let (searches, table) = played(&[("f", filters)], &[answer(json!({}))]);
    assert_eq!(table.columns[0].queries["z"], searches[0]["aggs"]["0"]["filters"]["filters"]["z"]);
}

#[test]
fn partial_buckets_are_dropped_unless_one_is_all_there_is() {
    let axis = || with(date(json!({"interval": "1h", "dropPartials": true})), json!({}));
    let bucket = |minute: i64| json!({"key": at_minute(minute), "doc_count": 1});
    let keys = |minutes: &[i64]| {
        let buckets: Vec<Value> = minutes.iter().map(|minute| bucket(*minute)).collect();
        let found = rows(&[("t", axis()), ("c", count())], json!({"0": {"buckets": buckets}}));
        found.into_iter().map(|row| row[0].clone()).collect::<Vec<Cell>>()
    };
    assert_eq!(keys(&[-30, 30, 315, 330]), [Cell::Date(at_minute(30)), Cell::Date(at_minute(315))]);
    assert_eq!(keys(&[-30]), [Cell::Date(at_minute(-30))]);
}

#[test]
fn elasticsearchs_error_gives_its_root_reason() {
    let layer = read(&state(&[("c", count())])).unwrap();
    for (found, expected) in [
        (
            json!({"error": {"root_cause": [{"type": "illegal_argument_exception", "reason": "no [x]"}],
                "type": "search_phase_execution_exception", "reason": "all shards failed"}, "status": 400}),
            "elasticsearch answered 400: no [x]",
        ),
        (
            json!({"error": {"root_cause": [], "type": "search_phase_execution_exception", "reason": "all shards failed",
                "failed_shards": [{"reason": {"type": "a", "reason": "outer", "caused_by": {"type": "b", "reason": "inner"}}}]},
                "status": 503}),
            "elasticsearch answered 503: inner",
        ),
        (json!({"error": "wrong method", "status": 405}), "elasticsearch answered 405: wrong method"),
        (
            json!({"_shards": {"failed": 1, "failures": [{"shard": 0, "reason": {"type": "a", "reason": "half"}}]},
                "hits": {"total": 1}}),
            "elasticsearch answered 200: half",
        ),
        (json!("text"), "elasticsearch's answer has no `hits`"),
    ] {
        let mut run = Run::new(&layer, &view(), &scope(), &Clauses::default()).unwrap();
        run.step(None).unwrap();
        assert_eq!(run.step(Some(&found)).unwrap_err().to_string(), expected);
        let after = run.step(Some(&answer(json!({})))).unwrap_err();
        assert!(after.to_string().starts_with("all searches"), "{after}");
    }
}
