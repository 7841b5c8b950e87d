//! Searches that go on from what earlier ones gathered answer as those that gather everything themselves.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::kept::KeptWork;
use super::super::run::{SearchContext, start};
use super::super::sampling::Sampling;
use super::brute_force::{FIELDS, document, level};
use super::support::{CLOCK, GrowingIndex, difference, mapping, parse_body};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::Params;
use crate::server::elasticsearch::search::execute::{Limits, Target, execute};
use crate::server::elasticsearch::search::request::SearchRequest;
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

fn ask(shard: &IndexSnapshot, body: &Value, kept: Option<&Arc<KeptWork>>) -> Result<Value, ApiError> {
    let request = SearchRequest::parse(body.to_string().as_bytes(), &Params::default(), "/e/_search")?;
    let targets = [Target { shard: shard.clone(), filter: None }];
    let answer = execute(&request, &targets, CLOCK, &Limits::default(), kept.map(Arc::as_ref))?;
    let mut out = Vec::new();
    answer.write(std::time::Duration::ZERO, None, &mut out);
    Ok(serde_json::from_slice(&out).unwrap())
}

/// How many segments a search of this body would not have to look at.
fn segments_kept(shard: &IndexSnapshot, body: &Value, kept: &KeptWork) -> usize {
    let request = parse_body(&body.to_string()).unwrap();
    let shards = [shard.clone()];
    let ctx = SearchContext { shards: &shards, clock: CLOCK, typed_keys: false, sampling: Sampling::NONE };
    let mut run = start(&request, &ctx).unwrap();
    let states: Vec<_> = shard.searcher.segment_readers().iter().filter_map(|segment| kept.state(segment)).collect();
    kept.resume(shard, &states, &mut run).unwrap().len()
}

fn ticks(range: std::ops::Range<i64>) -> Vec<Value> {
    range.map(|n| json!({"k": if n.rem_euclid(2) == 0 { "a" } else { "b" }, "n": n, "t": n * 1000})).collect()
}

fn by_minute(aggs: &Value) -> Value {
    json!({"b": {"date_histogram": {"field": "t", "fixed_interval": "1m"}, "aggs": aggs}})
}

#[test]
fn whole_segments_are_gathered_from_once_while_the_end_moves() {
    let mut index = GrowingIndex::new("ticks", &mapping(&FIELDS));
    let kept = Arc::new(KeptWork::of_segments_from(100));
    index.add(&ticks(0..100));
    index.add(&ticks(100..250));
    let aggs = by_minute(&json!({"last": {"top_metrics": {"metrics": {"field": "n"}, "sort": {"t": "desc"}}}}));
    let body =
        |until: i64| json!({"size": 0, "query": {"bool": {"filter": [{"range": {"t": {"lt": until}}}]}}, "aggs": aggs});
    ask(&index.snapshot(), &body(250_000), Some(&kept)).unwrap();
    assert_eq!(segments_kept(&index.snapshot(), &body(250_000), &kept), 2);

    index.add(&ticks(250..260));
    index.add(&ticks(260..400));
    // The small one is not kept, and the end is in the middle of the last.
    let answer = ask(&index.snapshot(), &body(300_000), Some(&kept)).unwrap();
    assert_eq!(answer, ask(&index.snapshot(), &body(300_000), None).unwrap());
    assert_eq!(answer["hits"]["total"]["value"], 300);
    assert_eq!(segments_kept(&index.snapshot(), &body(300_000), &kept), 2);
    ask(&index.snapshot(), &body(400_000), Some(&kept)).unwrap();
    assert_eq!(segments_kept(&index.snapshot(), &body(400_000), &kept), 3);

    index.delete(7);
    let answer = ask(&index.snapshot(), &body(400_000), Some(&kept)).unwrap();
    assert_eq!(answer["hits"]["total"]["value"], 399);
    assert_eq!(answer, ask(&index.snapshot(), &body(400_000), None).unwrap());
}

#[test]
fn the_first_hits_of_kept_segments_are_found_where_these_are_now() {
    let mut index = GrowingIndex::new("ticks", &mapping(&FIELDS));
    let kept = Arc::new(KeptWork::of_segments_from(1));
    let hits = json!({"top_hits": {"size": 2, "sort": [{"t": "desc"}], "_source": ["n"]}});
    let body = json!({"size": 0, "aggs": {"k": {"terms": {"field": "k"}, "aggs": {"last": hits}}}});
    index.add(&ticks(0..5));
    ask(&index.snapshot(), &body, Some(&kept)).unwrap();
    // A larger segment is the first one now.
    index.add(&ticks(-100..0));
    assert_eq!(segments_kept(&index.snapshot(), &body, &kept), 1);
    let answer = ask(&index.snapshot(), &body, Some(&kept)).unwrap();
    assert_eq!(answer, ask(&index.snapshot(), &body, None).unwrap());
    assert_eq!(answer["aggregations"]["k"]["buckets"][0]["last"]["hits"]["hits"][0]["_source"], json!({"n": 4}));
}

#[test]
fn what_depends_on_the_hour_or_on_the_segments_of_now_is_not_kept() {
    let mut index = GrowingIndex::new("ticks", &mapping(&FIELDS));
    index.add(&ticks(0..100));
    let kept = Arc::new(KeptWork::of_segments_from(1));
    for aggs in [
        json!({"f": {"filter": {"range": {"t": {"gte": "now-1h"}}}}}),
        json!({"g": {"global": {}}}),
        json!({"t": {"terms": {"field": "k", "include": ["a"]}}}),
        json!({"s": {"random_sampler": {"probability": 0.5, "seed": 1}, "aggs": {"n": {"avg": {"field": "n"}}}}}),
    ] {
        let body = json!({"size": 0, "aggs": aggs});
        let answer = ask(&index.snapshot(), &body, Some(&kept)).unwrap();
        assert_eq!(segments_kept(&index.snapshot(), &body, &kept), 0, "{body}");
        assert_eq!(answer, ask(&index.snapshot(), &body, Some(&kept)).unwrap());
    }
}

#[test]
fn kept_work_stays_within_its_memory_and_knows_another_mapping() {
    let mut index = GrowingIndex::new("ticks", &mapping(&FIELDS));
    index.add(&ticks(0..3000));
    let kept = Arc::new(KeptWork::of_segments_from(1));
    let body = |n: i64| json!({"size": 0, "aggs": {"n": {"terms": {"field": "n", "size": 3, "missing": n}, "aggs": {"s": {"stats": {"field": "n"}}}}}});
    for n in 0..150 {
        ask(&index.snapshot(), &body(n), Some(&kept)).unwrap();
    }
    assert!(kept.bytes() <= 32 << 20 && kept.bytes() > 16 << 20, "{}", kept.bytes());
    assert_eq!(segments_kept(&index.snapshot(), &body(0), &kept), 0, "the oldest is gone");
    assert_eq!(segments_kept(&index.snapshot(), &body(149), &kept), 1);
    let other = IndexSnapshot { mapping: Arc::new(mapping(&FIELDS)), ..index.snapshot() };
    assert_eq!(segments_kept(&other, &body(149), &kept), 0);
}

proptest! {
    #[test]
    fn going_on_answers_as_gathering_everything(
        segments in prop::collection::vec(prop::collection::vec(document(), 1..20), 2..4),
        aggs in level(2),
        ends in prop::collection::vec(prop::option::of(1_709_900_000_000i64..1_731_000_000_000), 4),
        deleted in prop::option::of(0u64..40),
        wide in any::<bool>(),
    ) {
        let kept = Arc::new(KeptWork::of_segments_from(1));
        let mut index = GrowingIndex::new("e", &mapping(&FIELDS));
        for (segment, end) in segments.iter().zip(ends) {
            index.add(segment);
            if let Some(id) = deleted.filter(|id| id % 3 == 0) {
                index.delete(id);
            }
            let mut body = json!({"size": 0, "aggs": aggs});
            if let Some(end) = end {
                body["query"] = json!({"range": {"t": {"lte": end}}});
            }
            if wide && body["aggs"]["b"]["date_histogram"]["min_doc_count"] == 0 {
                body["aggs"]["b"]["date_histogram"]["extended_bounds"] = json!({"min": 1_709_800_000_000i64, "max": end});
            }
            let shard = index.snapshot();
            for _ in 0..2 {
                match (ask(&shard, &body, Some(&kept)), ask(&shard, &body, None)) {
                    (Ok(ours), Ok(theirs)) => prop_assert_eq!(difference("", &ours, &theirs, 1e-12), None, "{}", body),
                    (ours, theirs) => {
                        let text = |answer: Result<Value, ApiError>| answer.map_err(|error| error.to_json().to_string());
                        prop_assert_eq!(text(ours), text(theirs));
                    }
                }
            }
        }
    }
}
