//! A row for each row of Kibana's table: a layer, and the aggregations that it asks for.

use super::*;

fn aggregations(columns: &[(&str, Value)]) -> Value {
    explained(columns).search["aggs"].clone()
}

fn check(what: &str, columns: &[(&str, Value)], expected: Value) {
    let found = aggregations(columns);
    assert_eq!(found, expected, "{what}:\n{found:#}");
}

#[test]
fn the_body_is_kibanas() {
    let search = explained(&[("t", date(json!({"interval": "auto"}))), ("c", count())]).search;
    assert_eq!(
        search,
        json!({
            "aggs": {"0": {"date_histogram": {"field": "timestamp", "fixed_interval": "5m", "time_zone": "Asia/Kolkata",
                "min_doc_count": 1}}},
            "size": 0,
            "fields": [{"field": "created", "format": "date_time"}, {"field": "timestamp", "format": "date_time"}],
            "script_fields": {},
            "stored_fields": ["*"],
            "runtime_mappings": {"spread": {"type": "double"}},
            "_source": {"excludes": []},
            "query": {"bool": {"must": [], "filter": [{"range": {"timestamp": {"format": "strict_date_optional_time",
                "gte": "2024-03-01T00:00:00.000Z", "lte": "2024-03-01T06:15:00.000Z"}}}], "should": [], "must_not": []}},
        })
    );
    assert_eq!(search.as_object().unwrap().keys().next().unwrap(), "aggs");
}

#[test]
fn only_a_bare_count_has_the_hits_counted_exactly() {
    assert_eq!(explained(&[("c", count())]).search["track_total_hits"], json!(true));
    for columns in [
        vec![("c", metric("sum", "price"))],
        vec![("t", terms(json!({}))), ("c", count())],
        vec![("c", with(count(), json!({"filter": kuery("sym: A")})))],
    ] {
        assert_eq!(explained(&columns).search.get("track_total_hits"), None);
    }
}

#[test]
fn date_histograms() {
    let zone = "Asia/Kolkata";
    for (params, expected) in [
        (
            json!({"interval": "auto", "includeEmptyRows": true}),
            json!({"field": "timestamp", "fixed_interval": "5m", "time_zone": zone,
                "extended_bounds": {"min": FROM_MS, "max": TO_MS}}),
        ),
        (
            json!({"interval": "1h", "includeEmptyRows": false}),
            json!({"field": "timestamp", "calendar_interval": "1h", "time_zone": zone, "min_doc_count": 1}),
        ),
        (
            json!({"interval": "h", "timeZone": "UTC"}),
            json!({"field": "timestamp", "calendar_interval": "1h", "time_zone": zone, "min_doc_count": 1}),
        ),
        (
            json!({"interval": "2d"}),
            json!({"field": "timestamp", "fixed_interval": "2d", "time_zone": zone, "min_doc_count": 1}),
        ),
        // Too many buckets: the least interval that Kibana allows here.
        (
            json!({"interval": "1s"}),
            json!({"field": "timestamp", "calendar_interval": "1m", "time_zone": zone, "min_doc_count": 1}),
        ),
    ] {
        check(&params.to_string(), &[("t", date(params.clone()))], json!({"0": {"date_histogram": expected}}));
    }
}

#[test]
fn a_date_histogram_on_another_field_moves_the_range_there_unless_it_ignores_it() {
    let on_created = |params| with(date(params), json!({"sourceField": "created"}));
    let filter = |column| explained(&[("t", column)]).search["query"]["bool"]["filter"].clone();
    let fields = |filter: Value| -> Vec<String> {
        let clauses = filter.as_array().unwrap().clone();
        clauses.iter().map(|clause| clause["range"].as_object().unwrap().keys().next().unwrap().clone()).collect()
    };
    assert_eq!(fields(filter(on_created(json!({"interval": "1h"})))), ["created"]);
    let ignoring = on_created(json!({"interval": "1s", "ignoreTimeRange": true, "includeEmptyRows": true}));
    assert_eq!(fields(filter(ignoring.clone())), ["timestamp"]);
    check(
        "no bounds and no least interval where the range does not apply",
        &[("t", ignoring)],
        json!({"0": {"date_histogram": {"field": "created", "fixed_interval": "1s", "time_zone": "Asia/Kolkata"}}}),
    );
}

#[test]
fn terms_by_a_metric_repeat_it_as_a_direct_child() {
    let by_average = json!({"size": 5, "orderBy": {"type": "column", "columnId": "a"}, "orderDirection": "desc"});
    check(
        "metric beside a deeper bucket",
        &[("s", terms(by_average.clone())), ("t", date(json!({"interval": "1h"}))), ("a", metric("average", "price"))],
        json!({"0": {"terms": {"field": "sym", "order": {"2": "desc"}, "size": 5, "shard_size": 25}, "aggs": {
            "2": {"avg": {"field": "price"}},
            "1": {"date_histogram": {"field": "timestamp", "calendar_interval": "1h", "time_zone": "Asia/Kolkata",
                "min_doc_count": 1}, "aggs": {"2": {"avg": {"field": "price"}}}}}}}),
    );
    check(
        "several fields",
        &[
            (
                "s",
                with(
                    terms(by_average),
                    json!({"params": {"size": 3, "orderDirection": "desc",
                "orderBy": {"type": "column", "columnId": "a"}, "secondaryFields": ["exchange"]}}),
                ),
            ),
            ("a", metric("average", "price")),
        ],
        json!({"0": {"multi_terms": {"terms": [{"field": "sym"}, {"field": "exchange"}], "order": {"1": "desc"},
            "size": 3}, "aggs": {"1": {"avg": {"field": "price"}}}}}),
    );
}

#[test]
fn terms_sort_by_the_path_of_their_metric() {
    let last = metric("last_value", "price");
    let filtered = |column: Value, text: &str| with(column, json!({"filter": kuery(text)}));
    for (column, path) in [
        (count(), "_count"),
        (metric("count", "price"), "1"),
        (metric("unique_count", "exchange"), "1"),
        (metric("median", "price"), "1.50"),
        (with(metric("percentile", "price"), json!({"params": {"percentile": 95}})), "1.95"),
        (with(metric("percentile", "price"), json!({"params": {"percentile": 99.5}})), "_key"),
        (with(metric("percentile_rank", "price"), json!({"params": {"value": 10}})), "1.10"),
        (metric("standard_deviation", "price"), "1.std_deviation"),
        (last.clone(), "1[price]"),
        (filtered(last, "price: *"), "1-bucket>1-metric[price]"),
        (filtered(metric("sum", "volume"), "price: *"), "1-bucket>1-metric"),
        (filtered(count(), "price: *"), "1-bucket"),
    ] {
        let order = json!({"orderBy": {"type": "column", "columnId": "m"}, "orderDirection": "desc"});
        let found = aggregations(&[("s", terms(order)), ("m", column)]);
        assert_eq!(found["0"]["terms"]["order"], json!({path: "desc"}), "{found:#}");
    }
    let gone = terms(json!({"orderBy": {"type": "column", "columnId": "gone"}}));
    assert_eq!(aggregations(&[("s", gone)])["0"]["terms"]["order"], json!({"_key": "asc"}));
}

#[test]
fn terms_and_their_options() {
    let body = |field: &str, params: Value| {
        let found = aggregations(&[("s", with(terms(params), json!({"sourceField": field})))]);
        found["0"].clone()
    };
    let custom = json!({"orderBy": {"type": "custom"}, "orderDirection": "desc", "orderAgg": metric("max", "price")});
    let other = json!({"otherBucket": true, "missingBucket": true});
    for (field, params, expected) in [
        ("sym", json!({}), json!({"terms": {"field": "sym", "order": {"_key": "asc"}, "size": 3, "shard_size": 25}})),
        (
            "sym",
            custom,
            json!({"terms": {"field": "sym", "order": {"0-orderAgg": "desc"}, "size": 3, "shard_size": 25},
                "aggs": {"0-orderAgg": {"max": {"field": "price"}}}}),
        ),
        (
            "sym",
            other.clone(),
            json!({"terms": {"field": "sym", "order": {"_key": "asc"}, "size": 3, "shard_size": 25,
                "missing": "__missing__"}}),
        ),
        ("volume", other, json!({"terms": {"field": "volume", "order": {"_key": "asc"}, "size": 3, "shard_size": 25}})),
        (
            "sym",
            json!({"missingBucket": true, "size": 20}),
            json!({"terms": {"field": "sym", "order": {"_key": "asc"}, "size": 20}}),
        ),
        (
            "sym",
            json!({"accuracyMode": true, "size": 700}),
            json!({"terms": {"field": "sym", "order": {"_key": "asc"}, "size": 700, "shard_size": 1_060}}),
        ),
        (
            "sym",
            json!({"include": ["A", "B"], "exclude": ["C.*"], "excludeIsRegex": true}),
            json!({"terms": {"field": "sym", "order": {"_key": "asc"}, "size": 3, "shard_size": 25,
                "include": ["A", "B"], "exclude": "C.*"}}),
        ),
        (
            "volume",
            json!({"include": [1, "2"]}),
            json!({"terms": {"field": "volume", "order": {"_key": "asc"}, "size": 3, "shard_size": 25,
                "include": [1, 2]}}),
        ),
        (
            "sym",
            json!({"orderBy": {"type": "rare", "maxDocCount": 2}}),
            json!({"rare_terms": {"field": "sym", "max_doc_count": 2}}),
        ),
        (
            "sym",
            json!({"orderBy": {"type": "significant"}, "include": ["A"]}),
            json!({"significant_terms": {"field": "sym", "size": 3, "include": ["A"]}}),
        ),
    ] {
        let found = body(field, params.clone());
        assert_eq!(found, expected, "{params}:\n{found:#}");
    }
}

#[test]
fn filters_and_ranges() {
    let filters = json!({"operationType": "filters", "label": "F", "isBucketed": true, "params": {"filters": [
        {"input": kuery("sym: A"), "label": "the A"},
        {"input": {"language": "lucene", "query": "price:>5"}, "label": ""},
        {"input": kuery(""), "label": ""}]}});
    let a = json!({"bool": {"should": [{"term": {"sym": {"value": "A"}}}], "minimum_should_match": 1}});
    check(
        "filters",
        &[("f", filters)],
        json!({"0": {"filters": {"filters": {
            "the A": {"bool": {"must": [], "filter": [a], "should": [], "must_not": []}},
            "price:>5": {"bool": {"must": [{"query_string": {"query": "price:>5", "analyze_wildcard": true, "time_zone": "Asia/Kolkata"}}], "filter": [], "should": [],
                "must_not": []}},
            "*": {"bool": {"must": [], "filter": [], "should": [], "must_not": []}}}}}}),
    );
    let ranges = with(
        metric("range", "price"),
        json!({"params": {"type": "range", "ranges": [
        {"from": 0, "to": 100, "label": ""}, {"from": 100.5, "to": null, "label": "dear"}, {"from": 9, "to": 1}],
        "maxBars": "auto"}}),
    );
    check(
        "ranges",
        &[("r", ranges)],
        json!({"0": {"range": {"field": "price", "ranges": [{"from": 0, "to": 100}, {"from": 100.5}], "keyed": true}}}),
    );
}

#[test]
fn a_histogram_of_numbers_asks_for_its_ends_first() {
    let histogram = |params: Value| with(metric("range", "price"), json!({"params": params}));
    let ends = |min: Value, max: Value| answer(json!({"minAgg": {"value": min}, "maxAgg": {"value": max}}));
    let empty = answer(json!({"0": {"buckets": []}}));
    for (params, ends, expected) in [
        (
            json!({"type": "histogram", "maxBars": "auto", "includeEmptyRows": true}),
            ends(json!(0.0), json!(1000.0)),
            json!({"field": "price", "interval": 50, "min_doc_count": 0, "extended_bounds": {"min": 0, "max": 1000}}),
        ),
        (
            json!({"type": "histogram", "maxBars": 20, "ranges": []}),
            ends(json!(0.0), json!(1.0)),
            json!({"field": "price", "interval": 0.05, "min_doc_count": 1}),
        ),
        (
            json!({"type": "histogram", "maxBars": 20, "includeEmptyRows": true}),
            ends(json!(null), json!(null)),
            json!({"field": "price", "interval": 1, "min_doc_count": 0}),
        ),
    ] {
        let (searches, _) = played(&[("h", histogram(params))], &[ends, empty.clone()]);
        let first = json!({"maxAgg": {"max": {"field": "price"}}, "minAgg": {"min": {"field": "price"}}});
        assert_eq!(searches[0]["aggs"], first);
        assert_eq!(searches[0]["query"], searches[1]["query"]);
        assert_eq!(searches[1]["aggs"], json!({"0": {"histogram": expected}}));
    }
}

#[test]
fn metrics() {
    let last = |params: Value| with(metric("last_value", "price"), json!({"params": params}));
    for (column, expected) in [
        (metric("average", "price"), json!({"avg": {"field": "price"}})),
        (metric("sum", "price"), json!({"sum": {"field": "price"}})),
        (metric("min", "price"), json!({"min": {"field": "price"}})),
        (metric("max", "spread"), json!({"max": {"field": "spread"}})),
        (metric("median", "price"), json!({"percentiles": {"field": "price", "percents": [50]}})),
        (metric("percentile", "price"), json!({"percentiles": {"field": "price", "percents": [95]}})),
        (
            with(metric("percentile_rank", "price"), json!({"params": {"value": 10}})),
            json!({"percentile_ranks": {"field": "price", "values": [10]}}),
        ),
        (metric("standard_deviation", "price"), json!({"extended_stats": {"field": "price"}})),
        (metric("unique_count", "sym"), json!({"cardinality": {"field": "sym"}})),
        (metric("count", "price"), json!({"value_count": {"field": "price"}})),
        (
            last(json!({})),
            json!({"top_metrics": {"metrics": {"field": "price"}, "size": 1, "sort": {"timestamp": "desc"}}}),
        ),
        (
            last(json!({"sortField": "created", "showArrayValues": true})),
            json!({"top_hits": {"fields": [{"field": "price"}], "_source": false, "size": 1,
                "sort": [{"created": {"order": "desc"}}]}}),
        ),
    ] {
        check(&column.to_string(), &[("m", column.clone())], json!({"0": expected}));
    }
    check("a count adds nothing", &[("s", terms(json!({}))), ("c", count())], aggregations(&[("s", terms(json!({})))]));
}

#[test]
fn filtered_and_reduced_metrics_have_a_bucket_of_their_own() {
    let a = json!({"bool": {"must": [], "filter": [{"bool": {"should": [{"term": {"sym": {"value": "A"}}}],
        "minimum_should_match": 1}}], "should": [], "must_not": []}});
    let filter = json!({"filter": kuery("sym: A")});
    let sum = || metric("sum", "volume");
    check(
        "filter",
        &[("m", with(sum(), filter.clone()))],
        json!({"0-bucket": {"filter": a, "aggs": {"0-metric": {"sum": {"field": "volume"}}}}}),
    );
    check("filtered count", &[("m", with(count(), filter.clone()))], json!({"0-bucket": {"filter": a}}));
    let reduced = with(sum(), json!({"reducedTimeRange": "15m"}));
    let range = json!({"range": {"timestamp": {"format": "strict_date_optional_time",
        "gte": "2024-03-01T06:00:00.000Z", "lte": "2024-03-01T06:15:00.000Z"}}});
    check(
        "reduced",
        &[("m", reduced.clone())],
        json!({"0-bucket": {"filter": {"bool": {"filter": [range]}}, "aggs": {"0-metric": {"sum": {"field": "volume"}}}}}),
    );
    check(
        "both",
        &[("m", with(reduced.clone(), filter))],
        json!({"0-bucket": {"filter": {"bool": {"filter": [range, a]}},
            "aggs": {"0-metric": {"sum": {"field": "volume"}}}}}),
    );
    let on_axis = aggregations(&[("t", date(json!({"interval": "1h"}))), ("m", reduced)]);
    assert_eq!(on_axis["0"]["aggs"], json!({"1": {"sum": {"field": "volume"}}}));
}

#[test]
fn equal_metrics_are_asked_once_and_percentiles_of_a_field_together() {
    let percentile = |percent: u32| with(metric("percentile", "price"), json!({"params": {"percentile": percent}}));
    let columns = [
        ("a", metric("sum", "price")),
        ("b", percentile(90)),
        ("c", metric("sum", "price")),
        ("d", percentile(50)),
        ("e", metric("max", "price")),
        ("f", with(percentile(99), json!({"filter": kuery("sym: A")}))),
    ];
    let found = explained(&columns);
    let aggs = found.search["aggs"].clone();
    assert_eq!(aggs["0"], json!({"sum": {"field": "price"}}));
    assert_eq!(aggs["1"], json!({"percentiles": {"field": "price", "percents": [90, 50], "keyed": false}}));
    assert_eq!(aggs["4"], json!({"max": {"field": "price"}}));
    assert_eq!(aggs["5-bucket"]["aggs"]["5-metric"], json!({"percentiles": {"field": "price", "percents": [99]}}));
    assert_eq!(aggs.as_object().unwrap().len(), 4);
    let paths: Vec<&str> = found.columns.values().map(String::as_str).collect();
    assert_eq!(paths, ["0", "1[90]", "0", "1[50]", "4", "5-bucket>5-metric[99]"]);
    let sorted = terms(json!({"orderBy": {"type": "column", "columnId": "y"}, "orderDirection": "desc"}));
    let found = aggregations(&[("s", sorted), ("x", percentile(50)), ("y", percentile(90))]);
    assert_eq!(found["0"]["terms"]["order"], json!({"1.90": "desc"}));
}

#[test]
fn a_sample_wraps_all() {
    let mut state = state(&[("s", terms(json!({}))), ("a", metric("average", "price"))]);
    state["sampling"] = json!(0.1);
    let found = explain(&read(&state).unwrap(), &view(), &scope(), &Clauses::default()).unwrap();
    let sampling = &found.search["aggs"]["sampling"];
    assert_eq!(sampling["random_sampler"]["probability"], json!(0.1));
    assert_eq!(sampling["aggs"]["0"]["aggs"], json!({"1": {"avg": {"field": "price"}}}));
    assert_eq!(found.columns["a"], "sampling>0>1");
}
