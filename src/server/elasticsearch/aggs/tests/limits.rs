//! What is bounded, several indices in one search, and what the recording does not hold.

use serde_json::{Value, json};

use super::support::{difference, index, mapping, search};

fn check(documents: &[Value], aggs: &Value, expected: &Value) {
    let fields = [("t", "date"), ("k", "keyword"), ("n", "long"), ("p", "double"), ("b", "boolean")];
    let shards = [index("i", &mapping(&fields), documents, 3)];
    let ours = Value::Object(search(&shards, &json!({"aggs": aggs}).to_string(), false).unwrap());
    assert_eq!(difference("", &ours, expected, 1e-12), None, "{aggs}: {ours}");
}

#[test]
fn top_metrics_gives_the_values_of_the_last_document() {
    let documents = [
        json!({"t": "2020-01-01T02:01:01Z", "p": 2.5, "k": "a", "n": 2}),
        json!({"t": "2020-01-01T01:01:01Z", "p": 1.5, "k": "b", "n": 9}),
        json!({"p": 9.5}),
    ];
    check(
        &documents,
        &json!({"a": {"top_metrics": {"metrics": [{"field": "p"}, {"field": "n"}, {"field": "k"}, {"field": "b"}], "sort": {"t": "desc"}}}}),
        &json!({"a": {"top": [{"sort": ["2020-01-01T02:01:01.000Z"], "metrics": {"p": 2.5, "n": 2, "k": "a", "b": null}}]}}),
    );
    check(
        &documents,
        &json!({"a": {"terms": {"field": "k", "order": {"1[p]": "asc"}}, "aggs": {"1": {"top_metrics": {"metrics": {"field": "p"}, "sort": {"n": "asc"}, "size": 2}}}}}),
        &json!({"a": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": [
            {"key": "b", "doc_count": 1, "1": {"top": [{"sort": [9], "metrics": {"p": 1.5}}]}},
            {"key": "a", "doc_count": 1, "1": {"top": [{"sort": [2], "metrics": {"p": 2.5}}]}}]}}),
    );
    check(
        &documents,
        &json!({"a": {"filter": {"term": {"k": "zz"}}, "aggs": {"m": {"top_metrics": {"metrics": {"field": "p"}, "sort": "t"}}}}}),
        &json!({"a": {"doc_count": 0, "m": {"top": []}}}),
    );
}

#[test]
fn multi_terms_counts_combinations() {
    let documents = [json!({"k": ["a", "b"], "n": 1}), json!({"k": "a", "n": 1}), json!({"k": "a"})];
    check(
        &documents,
        &json!({"a": {"multi_terms": {"terms": [{"field": "k"}, {"field": "n"}]}}}),
        &json!({"a": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": [
            {"key": ["a", 1], "key_as_string": "a|1", "doc_count": 2},
            {"key": ["b", 1], "key_as_string": "b|1", "doc_count": 1}]}}),
    );
}

#[test]
fn derivative_is_absent_in_the_first_bucket_and_across_gaps() {
    let documents = [json!({"n": 0, "p": 1.0}), json!({"n": 1, "p": 4.0}), json!({"n": 3, "p": 2.0})];
    check(
        &documents,
        &json!({"a": {"histogram": {"field": "n", "interval": 1}, "aggs": {"s": {"sum": {"field": "p"}}, "d": {"derivative": {"buckets_path": "s"}}}}}),
        &json!({"a": {"buckets": [
            {"key": 0.0, "doc_count": 1, "s": {"value": 1.0}},
            {"key": 1.0, "doc_count": 1, "s": {"value": 4.0}, "d": {"value": 3.0}},
            {"key": 2.0, "doc_count": 0, "s": {"value": 0.0}},
            {"key": 3.0, "doc_count": 1, "s": {"value": 2.0}}]}}),
    );
}

#[test]
fn indices_are_searched_together_and_a_longs_index_beside_a_doubles_index_gives_doubles() {
    let longs =
        index("l", &mapping(&[("v", "long"), ("k", "keyword")]), &[json!({"v": 1, "k": "a"}), json!({"v": 2})], 1);
    let doubles = index(
        "d",
        &mapping(&[("v", "double"), ("k", "keyword")]),
        &[json!({"v": 1.0, "k": "a"}), json!({"v": 2.5})],
        1,
    );
    let other = index("o", &mapping(&[("v", "keyword")]), &[json!({"v": "x"})], 1);
    let unmapped = index("u", &mapping(&[]), &[json!({})], 1);
    let shards = [longs.clone(), doubles, unmapped];
    let body =
        r#"{"aggs":{"v":{"terms":{"field":"v"}},"k":{"terms":{"field":"k"},"aggs":{"s":{"sum":{"field":"v"}}}}}}"#;
    let ours = Value::Object(search(&shards, body, false).unwrap());
    let expected = json!({
        "v": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": [
            {"key": 1.0, "doc_count": 2}, {"key": 2.0, "doc_count": 1}, {"key": 2.5, "doc_count": 1}]},
        "k": {"doc_count_error_upper_bound": 0, "sum_other_doc_count": 0, "buckets": [
            {"key": "a", "doc_count": 2, "s": {"value": 2.0}}]}});
    assert_eq!(ours, expected);
    let error = search(&[longs, other], r#"{"aggs":{"v":{"terms":{"field":"v"}}}}"#, false).unwrap_err();
    assert!(error.exception().unwrap().reason.contains("two different types"), "{error:?}");
}

#[test]
fn more_than_65536_buckets_are_refused_without_being_made() {
    let shards = [index("i", &mapping(&[("t", "date")]), &[json!({"t": 0}), json!({"t": 4_000_000_000_000i64})], 9)];
    let body = r#"{"aggs":{"a":{"date_histogram":{"field":"t","fixed_interval":"1ms"}}}}"#;
    let error = search(&shards, body, false).unwrap_err();
    assert_eq!(error.exception().unwrap().kind, "too_many_buckets_exception");
    assert_eq!(error.error_json()["phase"], "fetch");
}
