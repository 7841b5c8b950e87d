//! Whatever stands under `aggs`, there is an answer or an error, never a panic.

use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::{index, mapping, search};
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

/// JSON that looks like a request: real names in the wrong places.
fn json_near_a_request() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "terms",
        "avg",
        "field",
        "n",
        "k",
        "t",
        "x",
        "size",
        "order",
        "_count",
        "asc",
        "date_histogram",
        "fixed_interval",
        "calendar_interval",
        "1d",
        "2h",
        "range",
        "ranges",
        "from",
        "to",
        "aggs",
        "meta",
        "filters",
        "filter",
        "match_all",
        "histogram",
        "interval",
        "offset",
        "percentiles",
        "percents",
        "top_hits",
        "rare_terms",
        "max_doc_count",
        "significant_terms",
        "background_filter",
        "chi_square",
        "random_sampler",
        "probability",
        "sort",
        "missing",
        "format",
        "0.0",
        "time_zone",
        "Europe/London",
        "extended_bounds",
        "hard_bounds",
        "min",
        "max",
        "include",
        "[ab].*",
        "composite",
        "sources",
        "after",
        "cumulative_sum",
        "buckets_path",
        "_key",
        "keyed",
        "min_doc_count",
        "top_metrics",
        "metrics",
        "multi_terms",
        "cardinality",
        "precision_threshold",
        "weighted_avg",
        "value",
        "weight",
        "stats",
        "derivative",
    ]);
    let leaf = prop_oneof![
        word.clone().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-3i64..100).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::Null),
        ".{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 40, 5, move |inner| {
        let member = (word.clone().prop_map(str::to_owned), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(Value::Array),
            prop::collection::vec(member, 0..5).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// A well-named aggregation with arbitrary options.
fn aggregation() -> impl Strategy<Value = Value> {
    let kind = prop::sample::select(super::super::request::AGGREGATION_NAMES.to_vec());
    let field = prop::sample::select(vec!["n", "k", "t", "d", "x", "nosuch"]);
    let option = prop::sample::select(vec![
        "size",
        "order",
        "interval",
        "fixed_interval",
        "calendar_interval",
        "ranges",
        "filters",
        "missing",
        "format",
        "percents",
        "values",
        "min_doc_count",
        "offset",
        "time_zone",
        "extended_bounds",
        "hard_bounds",
        "include",
        "sigma",
    ]);
    let options = prop::collection::vec((option, json_near_a_request()), 0..3);
    (kind, field, options, json_near_a_request()).prop_map(|(kind, field, options, below)| {
        let mut body = json!({"field": field});
        for (option, value) in options {
            body[option] = value;
        }
        json!({kind: body, "aggs": {"b": below}})
    })
}

/// Values at the ends of their ranges, and missing ones.
fn odd_index() -> [IndexSnapshot; 1] {
    let documents = [
        json!({"n": 1, "k": "a", "t": 1_704_067_200_000i64, "d": 0.5, "x": "hi"}),
        json!({"n": i64::MAX, "k": ["a", "b"], "d": -1e300}),
        json!({"n": i64::MIN, "t": i64::MIN, "d": 1e300}),
        json!({"t": i64::MAX}),
    ];
    let fields = [("n", "long"), ("k", "keyword"), ("t", "date"), ("d", "double"), ("x", "text")];
    [index("p", &mapping(&fields), &documents, 2)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]
    #[test]
    fn any_json_as_aggs_gives_an_answer_or_an_error(aggs in json_near_a_request(), named in aggregation()) {
        static SHARDS: LazyLock<[IndexSnapshot; 1]> = LazyLock::new(odd_index);
        let shards = &*SHARDS;
        let mut beside = named.clone();
        if let Some(members) = beside.as_object_mut() {
            members.shift_remove("aggs");
        }
        for aggs in [aggs.clone(), json!({"a": aggs}), json!({"a": named}), json!({"a": beside})] {
            let body = json!({"aggs": aggs}).to_string();
            match search(shards, &body, false) {
                Ok(_) => {}
                Err(error) => prop_assert!(error.status >= 400),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// As the levels of an order book: a block's values lie side by side, and its last tick is the last of several segments.
    #[test]
    fn values_of_neighbours_and_last_values_go_to_their_own_bucket(
        documents in prop::collection::vec((0usize..3, prop::collection::vec(-40i64..40, 1..6)), 1..80),
        per_segment in 1usize..40,
        later_first in any::<bool>(),
    ) {
        let mapping = mapping(&[("k", "keyword"), ("n", "long"), ("p", "double"), ("t", "date")]);
        let name = |bucket: usize| format!("k{bucket}");
        let time = |at: usize| i64::try_from(if later_first { 1_000 - at } else { at }).unwrap_or_default();
        let written: Vec<Value> = documents
            .iter()
            .enumerate()
            .map(|(at, (bucket, values))| json!({"k": name(*bucket), "n": at, "p": values, "t": time(at)}))
            .collect();
        let shards = [index("ticks", &mapping, &written, per_segment)];
        let body = json!({"aggs": {"k": {"terms": {"field": "k", "order": {"_key": "asc"}}, "aggs": {
            "s": {"stats": {"field": "p"}},
            "f": {"filter": {"exists": {"field": "p"}}, "aggs": {
                "last": {"top_metrics": {"metrics": {"field": "n"}, "sort": {"t": "desc"}}},
                "hit": {"top_hits": {"size": 1, "_source": false, "sort": [{"t": "desc"}]}}}}}}}});
        let found = search(&shards, &body.to_string(), false).map_err(|error| TestCaseError::fail(error.to_json().to_string()))?;
        let buckets = found["k"]["buckets"].as_array().cloned().unwrap_or_default();
        for bucket in 0..3 {
            let own: Vec<_> = documents.iter().enumerate().filter(|(_, document)| document.0 == bucket).collect();
            let shown = buckets.iter().find(|shown| shown["key"] == name(bucket).as_str());
            let Some((last, _)) = own.iter().max_by_key(|(at, _)| time(*at)) else {
                prop_assert!(shown.is_none());
                continue;
            };
            let shown = shown.ok_or_else(|| TestCaseError::fail("a bucket is missing"))?;
            let values: Vec<i64> = own.iter().flat_map(|(_, document)| document.1.iter().copied()).collect();
            prop_assert_eq!(&shown["s"]["count"], &json!(values.len()));
            prop_assert_eq!(shown["s"]["sum"].as_f64(), Some(values.iter().sum::<i64>() as f64));
            prop_assert_eq!(shown["s"]["max"].as_f64(), values.iter().max().map(|value| *value as f64));
            prop_assert_eq!(&shown["f"]["last"]["top"][0]["metrics"]["n"], &json!(last));
            prop_assert_eq!(&shown["f"]["hit"]["hits"]["total"]["value"], &json!(own.len()));
            prop_assert_eq!(&shown["f"]["hit"]["hits"]["hits"][0]["sort"][0], &json!(time(*last)));
        }
    }
}
