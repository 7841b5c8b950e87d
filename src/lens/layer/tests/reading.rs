//! What is refused, and how it is named.

use super::*;
use crate::lens::layer::column::Operation;

#[test]
fn what_is_not_understood_is_named() {
    let param = |mut column: Value, name: &str, value: Value| {
        column["params"][name] = value;
        column
    };
    let sorted_by = |id: &str| terms(json!({"orderBy": {"type": "column", "columnId": id}}));
    let lists = with(metric("last_value", "price"), json!({"params": {"showArrayValues": true}}));
    for (columns, expected) in [
        (vec![("a", metric("top_secret", "price"))], "column `a`: operation `top_secret` is not supported"),
        (vec![("a", json!({}))], "column `a`: operation `` is not supported"),
        (vec![("a", metric("max", "gone"))], "column `a`: data view `Stock stream` has no field `gone`"),
        (
            vec![("a", with(metric("last_value", "price"), json!({"params": {"sortField": "gone"}})))],
            "column `a`: data view `Stock stream` has no field `gone`",
        ),
        (
            vec![("a", terms(json!({"secondaryFields": ["gone"]})))],
            "column `a`: data view `Stock stream` has no field `gone`",
        ),
        (vec![("a", metric("max", ""))], "column `a`: data view `Stock stream` has no field ``"),
        (vec![("a", param(count(), "weight", json!(2)))], "column `a`: option `weight` is not supported"),
        (vec![("a", terms(json!({"jitter": true})))], "column `a`: option `jitter` is not supported"),
        (vec![("a", terms(json!({"size": 0})))], "column `a`: `size` must be a whole number from 1 on"),
        (vec![("a", terms(json!({"otherBucket": 1})))], "column `a`: `otherBucket` must be `true` or `false`"),
        (
            vec![("a", terms(json!({"include": ["a", "b"], "includeIsRegex": true})))],
            "column `a`: `include` must be one regular expression",
        ),
        (
            vec![("a", with(metric("range", "price"), json!({"params": {"type": "range", "ranges": []}})))],
            "column `a`: `ranges` must be at least one range",
        ),
        (
            vec![("a", with(count(), json!({"timeScale": "fortnight"})))],
            "column `a`: `timeScale` must be `s`, `m`, `h` or `d`",
        ),
        (
            vec![("a", with(count(), json!({"filter": {"language": "esql", "query": "x"}})))],
            "column `a`: `filter` must be a KQL or Lucene query",
        ),
        (
            vec![("a", reference("cumulative_sum", "gone"))],
            "column `a` refers to `gone`, which the layer does not have",
        ),
        (
            vec![("a", reference("overall_sum", "b")), ("b", reference("overall_sum", "a"))],
            "column `a` refers to `a`, which depends on itself",
        ),
        (
            vec![("a", terms(json!({}))), ("b", reference("overall_sum", "a"))],
            "column `b` refers to `a`, which is a bucket, not a metric",
        ),
        (
            vec![("a", count()), ("b", reference("differences", "a"))],
            "column `b`: the operation needs a date histogram in its layer",
        ),
        (
            vec![("a", sorted_by("f")), ("f", formula("count()"))],
            "column `a` refers to `f`, which values can't be sorted by: Elasticsearch computes no single number for it",
        ),
        (
            vec![("a", sorted_by("l")), ("l", lists)],
            "column `a` refers to `l`, which values can't be sorted by: Elasticsearch computes no single number for it",
        ),
        (vec![("f", formula("nonsense(price)"))], "column `f`: there is no function `nonsense` (at character 1)"),
    ] {
        assert_eq!(refusal(&state(&columns)), expected);
    }
}

#[test]
fn a_layer_that_is_none_is_refused() {
    for (layer, expected) in [
        (
            json!({"query": {"esql": "FROM x"}, "columns": []}),
            "layer `layer` asks in ES|QL, which is not supported: only form-based layers are",
        ),
        (json!({}), "layer `layer`: `columns` is missing or malformed"),
        (json!({"columns": {}, "columnOrder": [1]}), "layer `layer`: `columnOrder` is missing or malformed"),
        (json!({"columns": {}, "columnOrder": [], "sampling": 0}), "layer `layer`: `sampling` is missing or malformed"),
        (
            json!({"columns": {}, "columnOrder": ["a"]}),
            "column `columnOrder` refers to `a`, which the layer does not have",
        ),
    ] {
        assert_eq!(refusal(&layer), expected);
    }
}

#[test]
fn hidden_columns_in_the_file_are_not_trusted() {
    let stale = state(&[
        ("f", formula("max(price) - min(price)")),
        ("fX0", metric("sum", "volume")),
        ("fX1", metric("top_secret", "gone")),
        ("fX7", json!({"operationType": "math", "references": ["nowhere"]})),
        ("c", count()),
    ]);
    let layer = read(&stale).unwrap();
    let ids: Vec<&str> = layer.columns.iter().map(|column| column.id.as_str()).collect();
    // Parts keep the file's places, on which the names of aggregations depend.
    assert_eq!(ids, ["f", "fX0", "fX1", "c", "fX2"]);
    assert!(matches!(&layer.columns[1].operation, Operation::Metric { field: Some(field), .. } if field == "price"));
    assert!(layer.columns[1].is_hidden && !layer.columns[0].is_hidden);
}

#[test]
fn names_of_older_files_are_known() {
    for (column, aggs) in [
        (metric("avg", "price"), json!({"0": {"avg": {"field": "price"}}})),
        (metric("cardinality", "sym"), json!({"0": {"cardinality": {"field": "sym"}}})),
        (metric("count", "Records"), json!({})),
    ] {
        assert_eq!(explained(&[("a", column)]).search["aggs"], aggs);
    }
}

#[test]
fn a_runtime_field_is_a_field() {
    assert_eq!(explained(&[("a", metric("max", "spread"))]).columns["a"], "0");
}
