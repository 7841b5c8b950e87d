//! `random_sampler` below a probability of one: the sample is ours, the arithmetic is Elasticsearch's.

use serde_json::{Value, json};

use super::support::{index, mapping, search};

const DOCUMENTS: u64 = 4000;

fn sampled(probability: f64, below: &Value) -> Value {
    let documents: Vec<Value> =
        (0..DOCUMENTS).map(|n| json!({"n": n % 10, "k": if n % 3 == 0 { "a" } else { "b" }, "p": 0.5})).collect();
    let shards = [index("i", &mapping(&[("n", "long"), ("k", "keyword"), ("p", "double")]), &documents, 900)];
    let sampler = json!({"probability": probability, "seed": 7, "shard_seed": 1});
    let body = json!({"aggs": {"s": {"random_sampler": sampler, "aggs": below}}}).to_string();
    search(&shards, &body, false).unwrap()["s"].clone()
}

#[test]
fn the_sampler_counts_its_sample_and_what_is_below_counts_everything() {
    let answer = sampled(
        0.25,
        &json!({
            "k": {"terms": {"field": "k", "size": 1}},
            "f": {"filter": {"term": {"k": "a"}}, "aggs": {"h": {"histogram": {"field": "n", "interval": 5}}}},
            "sum": {"sum": {"field": "p"}}, "count": {"value_count": {"field": "p"}}, "avg": {"avg": {"field": "p"}},
            "stats": {"stats": {"field": "p"}}, "unique": {"cardinality": {"field": "n"}}, "max": {"max": {"field": "n"}},
        }),
    );
    let count = |value: &Value| value.as_u64().unwrap();
    let found = count(&answer["doc_count"]);
    assert!((850..1150).contains(&found), "{found} of {DOCUMENTS}");
    assert_eq!([&answer["seed"], &answer["shard_seed"], &answer["probability"]], [&json!(7), &json!(1), &json!(0.25)]);
    let terms = answer["k"]["buckets"].as_array().unwrap();
    let counted: u64 = terms.iter().map(|bucket| count(&bucket["doc_count"])).sum();
    assert_eq!(counted + count(&answer["k"]["sum_other_doc_count"]), 4 * found);
    let halves = answer["f"]["h"]["buckets"].as_array().unwrap();
    let counted: u64 = halves.iter().map(|bucket| count(&bucket["doc_count"])).sum();
    assert_eq!((counted, counted % 4), (count(&answer["f"]["doc_count"]), 0));
    assert_eq!([&answer["count"]["value"], &answer["stats"]["count"]], [&json!(4 * found), &json!(4 * found)]);
    let sum = 2.0 * found as f64;
    assert_eq!([&answer["sum"]["value"], &answer["stats"]["sum"]], [&json!(sum), &json!(sum)]);
    assert_eq!([&answer["avg"]["value"], &answer["unique"]["value"]], [&json!(0.5), &json!(10)]);
    assert_eq!(answer["max"]["value"], json!(9.0));
}

#[test]
fn the_background_of_significant_terms_is_the_sample_too() {
    let below = json!({"f": {"filter": {"term": {"k": "a"}}, "aggs": {"t": {"significant_terms": {"field": "k", "min_doc_count": 1}}}}});
    let answer = sampled(0.5, &below);
    let significant = &answer["f"]["t"];
    assert_eq!(significant["doc_count"], answer["f"]["doc_count"]);
    assert_eq!(significant["bg_count"], json!(2 * answer["doc_count"].as_u64().unwrap()));
    let bucket = &significant["buckets"][0];
    assert_eq!([&bucket["key"], &bucket["doc_count"]], [&json!("a"), &bucket["bg_count"]]);
}

#[test]
fn rare_terms_are_those_rare_in_the_sample() {
    let answer = sampled(0.001, &json!({"r": {"rare_terms": {"field": "n", "max_doc_count": 100}}}));
    let counted: u64 =
        answer["r"]["buckets"].as_array().unwrap().iter().map(|bucket| bucket["doc_count"].as_u64().unwrap()).sum();
    assert_eq!(counted, 1000 * answer["doc_count"].as_u64().unwrap());
}
