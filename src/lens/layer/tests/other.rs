//! The bucket of all other values.

use super::*;

fn other_terms() -> Value {
    terms(json!({"size": 2, "otherBucket": true}))
}

fn column_of(rows: &[Vec<Cell>], at: usize) -> Vec<Cell> {
    rows.iter().map(|row| row[at].clone()).collect()
}

#[test]
fn what_the_terms_left_out_is_asked_and_comes_last() {
    let columns = [("s", other_terms()), ("v", metric("sum", "volume"))];
    let bucket = |key: &str, sum: f64| json!({"key": key, "doc_count": 1, "1": {"value": sum}});
    let first = json!({"0": {"sum_other_doc_count": 5, "buckets": [bucket("A", 1.0), bucket("B", 2.0)]}});
    let second = json!({"other-filter": {"buckets": {"": {"doc_count": 5, "1": {"value": 9.0}}}}});
    let (searches, table) = played(&columns, &[answer(first.clone()), answer(second)]);
    assert_eq!(
        searches[1]["aggs"],
        json!({"other-filter": {"filters": {"filters": {"": {"bool": {"filter": [{"exists": {"field": "sym"}}],
            "must_not": [{"match_phrase": {"sym": "A"}}, {"match_phrase": {"sym": "B"}}]}}}},
            "aggs": {"1": {"sum": {"field": "volume"}}}}})
    );
    assert_eq!(searches[0]["query"], searches[1]["query"]);
    assert_eq!(column_of(&table.rows, 0), [text("A"), text("B"), Cell::Other]);
    assert_eq!(column_of(&table.rows, 1), numbers(&[1.0, 2.0, 9.0]));

    let nothing = json!({"other-filter": {"buckets": {"": {"doc_count": 0, "1": {"value": 0.0}}}}});
    let (_, table) = played(&columns, &[answer(first), answer(nothing)]);
    assert_eq!(column_of(&table.rows, 0), [text("A"), text("B")]);
}

#[test]
fn terms_that_left_nothing_out_ask_nothing_more() {
    let bucket = json!({"key": "A", "doc_count": 1});
    let first = json!({"0": {"sum_other_doc_count": 0, "buckets": [bucket]}});
    assert_eq!(played(&[("s", other_terms()), ("c", count())], &[answer(first)]).0.len(), 1);
}

#[test]
fn documents_without_the_field_are_other_only_while_they_have_no_bucket() {
    let columns = [("s", terms(json!({"otherBucket": true, "missingBucket": true}))), ("c", count())];
    let filter = |keys: &[&str]| {
        let buckets: Vec<Value> = keys.iter().map(|key| json!({"key": key, "doc_count": 1})).collect();
        let first = json!({"0": {"sum_other_doc_count": 5, "buckets": buckets}});
        let (searches, _) = played(&columns, &[answer(first), answer(json!({}))]);
        searches[1]["aggs"]["other-filter"]["filters"]["filters"][""]["bool"].clone()
    };
    let not_a = json!([{"match_phrase": {"sym": "A"}}]);
    assert_eq!(filter(&["A"]), json!({"filter": [], "must_not": not_a}));
    assert_eq!(filter(&["A", "__missing__"]), json!({"filter": [{"exists": {"field": "sym"}}], "must_not": not_a}));
}

#[test]
fn each_parent_has_a_filter_of_its_own() {
    let columns = [("t", date(json!({"interval": "1h"}))), ("s", other_terms()), ("c", count())];
    let hour = |minute: i64, keys: &[&str]| {
        let buckets: Vec<Value> = keys.iter().map(|key| json!({"key": key, "doc_count": 1})).collect();
        json!({"key": at_minute(minute), "doc_count": 1, "1": {"sum_other_doc_count": 1, "buckets": buckets}})
    };
    let first = json!({"0": {"buckets": [hour(0, &["A"]), hour(60, &[]), hour(120, &["B"])]}});
    let key = |minute: i64| format!("╰┄►{}", at_minute(minute));
    let second = json!({"other-filter": {"buckets": {key(120): {"doc_count": 4}, key(0): {"doc_count": 3}}}});
    let (searches, table) = played(&columns, &[answer(first), answer(second)]);
    let filters = searches[1]["aggs"]["other-filter"]["filters"]["filters"].as_object().unwrap();
    assert_eq!(filters.keys().collect::<Vec<_>>(), [&key(0), &key(120)]);
    let from_midnight = json!({"range": {"timestamp": {"format": "strict_date_optional_time",
        "gte": "2024-03-01T00:00:00.000Z", "lt": "2024-03-01T01:00:00.000Z"}}});
    assert_eq!(
        filters[&key(0)],
        json!({"bool": {"filter": [from_midnight, {"exists": {"field": "sym"}}],
            "must_not": [{"match_phrase": {"sym": "A"}}]}})
    );
    assert_eq!(column_of(&table.rows, 1), [text("A"), Cell::Other, text("B"), Cell::Other]);
    assert_eq!(column_of(&table.rows, 2), numbers(&[1.0, 3.0, 1.0, 4.0]));
}

#[test]
fn terms_in_terms_ask_one_after_the_other() {
    let inner = with(other_terms(), json!({"sourceField": "is_open"}));
    let columns = [("s", other_terms()), ("o", inner), ("c", count())];
    let open = json!({"sum_other_doc_count": 1, "buckets": [{"key": 1, "key_as_string": "true", "doc_count": 2}]});
    let first = json!({"0": {"sum_other_doc_count": 1, "buckets": [{"key": "A", "doc_count": 3, "1": open}]}});
    let second = json!({"other-filter": {"buckets": {"": {"doc_count": 4, "1": open}}}});
    let third = json!({"other-filter": {"buckets": {"╰┄►A": {"doc_count": 1}, "╰┄►__other__": {"doc_count": 2}}}});
    let (searches, table) = played(&columns, &[answer(first), answer(second), answer(third)]);
    assert!(searches[1]["aggs"]["other-filter"]["aggs"]["1"].get("terms").is_some());
    let filters = &searches[2]["aggs"]["other-filter"]["filters"]["filters"];
    assert_eq!(
        filters["╰┄►__other__"]["bool"]["filter"][0],
        searches[1]["aggs"]["other-filter"]["filters"]["filters"][""]
    );
    assert_eq!(filters["╰┄►A"]["bool"]["must_not"], json!([{"match_phrase": {"is_open": true}}]));
    assert_eq!(column_of(&table.rows, 0), [text("A"), text("A"), Cell::Other, Cell::Other]);
    assert_eq!(column_of(&table.rows, 1), [Cell::Boolean(true), Cell::Other, Cell::Boolean(true), Cell::Other]);
    assert_eq!(column_of(&table.rows, 2), numbers(&[2.0, 1.0, 2.0, 2.0]));
}

#[test]
fn several_fields_are_left_out_together() {
    let columns = [("s", terms(json!({"otherBucket": true, "secondaryFields": ["exchange"]}))), ("c", count())];
    let first = json!({"0": {"sum_other_doc_count": 5, "buckets": [{"key": ["A", "NSE"], "doc_count": 1}]}});
    let second = json!({"other-filter": {"buckets": {"": {"doc_count": 5}}}});
    let (searches, table) = played(&columns, &[answer(first), answer(second)]);
    assert_eq!(
        searches[1]["aggs"]["other-filter"]["filters"]["filters"][""],
        json!({"bool": {"filter": [], "must_not": [{"bool": {"must": [{"match_phrase": {"sym": "A"}},
            {"match_phrase": {"exchange": "NSE"}}]}}]}})
    );
    assert_eq!(column_of(&table.rows, 0), [Cell::Joined(vec![text("A"), text("NSE")]), Cell::Other]);
}
