//! Searches over indices in memory, against what the real server answered to the same requests and documents.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::execute::Target;
use super::request::SearchRequest;
use super::testing::{answer, ids, index, search};
use crate::server::elasticsearch::http::Params;

const DOCS: [&str; 3] = [
    r#"{"n":1,"i":5,"b":true,"d":"2024-01-02T03:04:05Z","k":"A","f":1.5,"p":1012.35,"t":"the quick brown fox"}"#,
    r#"{"n":2,"b":false,"d":"2024-01-03","k":["A","B"],"f":2,"t":"quick quick dog","o":{"x":7}}"#,
    r#"{"n":[3,7],"k":"C","t":"lazy dog sleeps in the sun all day long"}"#,
];

fn docs() -> Vec<Target> {
    static DOCS_INDEX: OnceLock<Vec<Target>> = OnceLock::new();
    DOCS_INDEX.get_or_init(|| vec![index("e", &DOCS, 2)]).clone()
}

fn found(query: &str) -> Vec<String> {
    let mut found = ids(&docs(), &format!(r#"{{"query":{query}}}"#));
    found.sort();
    found
}

#[test]
fn every_query_type_finds_what_the_real_server_finds() {
    for (query, expected) in [
        (r#"{"match_all":{}}"#, &["0", "1", "2"][..]),
        (r#"{"match_none":{}}"#, &[]),
        (r#"{"term":{"k":"A"}}"#, &["0", "1"]),
        (r#"{"term":{"k":{"value":"a","case_insensitive":true}}}"#, &["0", "1"]),
        (r#"{"term":{"n":7}}"#, &["2"]),
        (r#"{"term":{"n":"2"}}"#, &["1"]),
        (r#"{"term":{"n":1.5}}"#, &[]),
        (r#"{"term":{"i":99999999999}}"#, &[]),
        (r#"{"term":{"f":1.5}}"#, &["0"]),
        (r#"{"term":{"p":1012.35}}"#, &["0"]),
        (r#"{"term":{"b":"false"}}"#, &["1"]),
        (r#"{"term":{"d":"2024-01-03"}}"#, &["1"]),
        (r#"{"term":{"nosuch":1}}"#, &[]),
        (r#"{"term":{"_id":"1"}}"#, &["1"]),
        (r#"{"term":{"_index":"e"}}"#, &["0", "1", "2"]),
        (r#"{"term":{"t.raw":"quick quick dog"}}"#, &["1"]),
        (r#"{"terms":{"k":["B","C"]}}"#, &["1", "2"]),
        (r#"{"terms":{"n":[1,3]}}"#, &["0", "2"]),
        (r#"{"terms":{"p":[1012.35,1]}}"#, &["0"]),
        (r#"{"ids":{"values":["0","2","9"]}}"#, &["0", "2"]),
        (r#"{"match":{"t":"QUICK"}}"#, &["0", "1"]),
        (r#"{"match":{"t":"quick dog"}}"#, &["0", "1", "2"]),
        (r#"{"match":{"t":{"query":"quick dog","operator":"and"}}}"#, &["1"]),
        (r#"{"match":{"t":{"query":"quick dog sun","minimum_should_match":2}}}"#, &["1", "2"]),
        (r#"{"match":{"t":{"query":"quik","fuzziness":"AUTO"}}}"#, &["0", "1"]),
        (r#"{"match":{"n":2}}"#, &["1"]),
        (r#"{"match":{"n":{"query":"abc","lenient":true}}}"#, &[]),
        (r#"{"match":{"t":""}}"#, &[]),
        (r#"{"match":{"t":{"query":"","zero_terms_query":"all"}}}"#, &["0", "1", "2"]),
        (r#"{"match_phrase":{"t":"quick brown"}}"#, &["0"]),
        (r#"{"match_phrase":{"t":"brown quick"}}"#, &[]),
        (r#"{"match_phrase":{"t":{"query":"quick fox","slop":1}}}"#, &["0"]),
        (r#"{"match_phrase":{"t":{"query":"dog lazy","slop":2}}}"#, &["2"]),
        (r#"{"match_phrase_prefix":{"t":"quick br"}}"#, &["0"]),
        (r#"{"match_bool_prefix":{"t":"sun qui"}}"#, &["0", "1", "2"]),
        (r#"{"multi_match":{"query":"quick","fields":["t","k"]}}"#, &["0", "1"]),
        (r#"{"multi_match":{"query":"C","fields":["k^2","n*"],"lenient":true}}"#, &["2"]),
        (r#"{"range":{"n":{"gte":2}}}"#, &["1", "2"]),
        (r#"{"range":{"n":{"gt":1.5,"lt":3}}}"#, &["1"]),
        (r#"{"range":{"n":{"gt":2,"lte":6.5}}}"#, &["2"]),
        (r#"{"range":{"f":{"gt":1.5}}}"#, &["1"]),
        (r#"{"range":{"k":{"gte":"B"}}}"#, &["1", "2"]),
        (r#"{"range":{"b":{"gte":true}}}"#, &["0"]),
        (r#"{"range":{"d":{"gte":"2024-01-02","lt":"2024-01-03"}}}"#, &["0"]),
        (r#"{"range":{"d":{"gt":"2024-01-02"}}}"#, &["1"]),
        (r#"{"range":{"d":{"lte":"2024-01-02"}}}"#, &["0"]),
        (r#"{"range":{"d":{"gte":"2024-01-03||-1d/d","lte":"now"}}}"#, &["0", "1"]),
        (r#"{"range":{"d":{"gte":1704164645000,"lte":1704164645000}}}"#, &["0"]),
        (r#"{"range":{"d":{"gte":"02/01/2024","lte":"02/01/2024","format":"dd/MM/yyyy"}}}"#, &["0"]),
        (r#"{"range":{"d":{"gte":"2024-01-03","time_zone":"+05:30"}}}"#, &["1"]),
        (r#"{"range":{"d":{"gte":"2024-01-03T00:00:01","time_zone":"+05:30"}}}"#, &["1"]),
        (r#"{"bool":{"must":[{"term":{"k":"A"}}],"must_not":{"term":{"n":1}}}}"#, &["1"]),
        (r#"{"bool":{"should":[{"term":{"k":"A"}},{"term":{"n":3}}]}}"#, &["0", "1", "2"]),
        (r#"{"bool":{"should":[{"term":{"k":"A"}},{"term":{"n":1}}],"minimum_should_match":2}}"#, &["0"]),
        (r#"{"bool":{"must_not":[{"term":{"k":"A"}}]}}"#, &["2"]),
        (r#"{"bool":{"filter":{"exists":{"field":"b"}},"should":[{"term":{"k":"C"}}]}}"#, &["0", "1"]),
        (r#"{"bool":{"should":[{"match_none":{}}],"must_not":[{"term":{"n":1}}]}}"#, &[]),
        (r#"{"bool":{}}"#, &["0", "1", "2"]),
        (r#"{"exists":{"field":"b"}}"#, &["0", "1"]),
        (r#"{"exists":{"field":"t"}}"#, &["0", "1", "2"]),
        (r#"{"exists":{"field":"k"}}"#, &["0", "1", "2"]),
        (r#"{"exists":{"field":"o"}}"#, &["1"]),
        (r#"{"exists":{"field":"nosuch"}}"#, &[]),
        (r#"{"prefix":{"t":"qu"}}"#, &["0", "1"]),
        (r#"{"prefix":{"k":{"value":"c","case_insensitive":true}}}"#, &["2"]),
        (r#"{"wildcard":{"t.raw":"*dog*"}}"#, &["1", "2"]),
        (r#"{"wildcard":{"t":"QUI?K"}}"#, &[]),
        (r#"{"query_string":{"query":"t:QUI?K"}}"#, &["0", "1"]),
        (r#"{"query_string":{"query":"n:abc"}}"#, &[]),
        (r#"{"query_string":{"query":"n:[abc TO 5] OR k:C"}}"#, &["2"]),
        (r#"{"query_string":{"query":"n:[1 TO 2]","lenient":true,"fields":["n"]}}"#, &["0", "1"]),
        (r#"{"regexp":{"k":"[AB]"}}"#, &["0", "1"]),
        (r#"{"regexp":{"t":"qu.*|la[xyz]+"}}"#, &["0", "1", "2"]),
        (r#"{"fuzzy":{"t":"lezy"}}"#, &["2"]),
        (r#"{"constant_score":{"filter":{"term":{"k":"C"}}}}"#, &["2"]),
        (r#"{"dis_max":{"queries":[{"term":{"k":"C"}},{"term":{"n":1}}]}}"#, &["0", "2"]),
        (
            r#"{"boosting":{"positive":{"term":{"k":"A"}},"negative":{"term":{"n":1}},"negative_boost":0.5}}"#,
            &["0", "1"],
        ),
        (r#"{"query_string":{"query":"k:A AND NOT n:1"}}"#, &["1"]),
        (r#"{"query_string":{"query":"t:(quick -brown)"}}"#, &["1"]),
        (r#"{"query_string":{"query":"lazy OR brown"}}"#, &["0", "2"]),
        (r#"{"query_string":{"query":"\"quick brown\" OR n:[3 TO *]"}}"#, &["0", "2"]),
        (r#"{"query_string":{"query":"n:>=2"}}"#, &["1", "2"]),
        (r#"{"query_string":{"query":"n:{1 TO 3}"}}"#, &["1"]),
        (r#"{"query_string":{"query":"_exists_:b"}}"#, &["0", "1"]),
        (r#"{"query_string":{"query":"d:[2024-01-02 TO 2024-01-02]"}}"#, &["0"]),
        (r#"{"query_string":{"query":"t:qui* +k:B"}}"#, &["1"]),
        (r#"{"query_string":{"query":"quick dog","default_field":"t","default_operator":"AND"}}"#, &["1"]),
        (r#"{"query_string":{"query":"*"}}"#, &["0", "1", "2"]),
        (r#"{"query_string":{"query":"n:abc","lenient":true}}"#, &[]),
        (r#"{"simple_query_string":{"query":"quick +dog","fields":["t"]}}"#, &["1"]),
        (r#"{"simple_query_string":{"query":"quick | lazy","fields":["t"]}}"#, &["0", "1", "2"]),
        (r#"{"simple_query_string":{"query":"laz* \"brown fox","fields":["t"]}}"#, &["0", "2"]),
    ] {
        assert_eq!(found(query), expected, "{query}");
    }
}

#[test]
fn scores_are_the_real_servers() {
    for (query, expected) in [
        (r#"{"term":{"k":"A"}}"#, json!([0.52354836, 0.52354836])),
        (r#"{"term":{"b":true}}"#, json!([std::f64::consts::LN_2])),
        (r#"{"terms":{"k":["A","B"]}}"#, json!([1.0, 1.0])),
        (r#"{"match":{"t":"quick"}}"#, json!([0.7369322, 0.52354836])),
        (r#"{"match":{"t":"quick dog"}}"#, json!([1.3093934, 0.52354836, 0.36683214])),
        (r#"{"match_phrase":{"t":"quick brown"}}"#, json!([1.6161176])),
        (r#"{"match_phrase":{"t":{"query":"quick fox","slop":1}}}"#, json!([1.0819769])),
        (r#"{"match_phrase":{"t":{"query":"dog lazy","slop":2}}}"#, json!([0.49437857])),
        (r#"{"fuzzy":{"t":"lezy"}}"#, json!([0.574_144])),
        (r#"{"match":{"t":{"query":"quik","fuzziness":"AUTO"}}}"#, json!([0.552_699, 0.392_661])),
        (r#"{"bool":{"filter":[{"term":{"k":"A"}}]}}"#, json!([0.0, 0.0])),
        (r#"{"bool":{"must_not":[{"term":{"k":"A"}}]}}"#, json!([0.0])),
        (r#"{"bool":{}}"#, json!([1.0, 1.0, 1.0])),
        (r#"{"match_all":{"boost":2}}"#, json!([2.0, 2.0, 2.0])),
        (
            r#"{"dis_max":{"queries":[{"match_all":{}},{"term":{"k":"A"}}],"tie_breaker":0.5}}"#,
            json!([1.2617742, 1.2617742, 1.0]),
        ),
    ] {
        let answer = answer(&docs(), &format!(r#"{{"query":{query}}}"#));
        let scores: Vec<&Value> = answer["hits"]["hits"].as_array().unwrap().iter().map(|hit| &hit["_score"]).collect();
        for (score, expected) in scores.iter().zip(expected.as_array().unwrap()) {
            let (score, expected) = (score.as_f64().unwrap(), expected.as_f64().unwrap());
            assert!((score - expected).abs() < 2e-6, "{query}: {score} {expected}");
        }
        assert_eq!(scores.len(), expected.as_array().unwrap().len(), "{query}");
    }
}

#[test]
fn what_no_index_could_answer_is_refused_in_the_real_servers_words() {
    for (body, kind, reason) in [
        (r#"{"query":{"foo":{}}}"#, "parsing_exception", "unknown query [foo]"),
        (r#"{"query":{"mach":{"a":1}}}"#, "parsing_exception", "unknown query [mach] did you mean [match]?"),
        (r#"{"query":{}}"#, "illegal_argument_exception", "query malformed, empty clause found at [1:11]"),
        (r#"{"query":[]}"#, "parsing_exception", "Unknown key for a START_ARRAY in [query]."),
        (
            r#"{"query":{"match_all":{},"term":{}}}"#,
            "parsing_exception",
            "[match_all] malformed query, expected [END_OBJECT] but found [FIELD_NAME]",
        ),
        (
            r#"{"query":{"term":{"a":1,"b":2}}}"#,
            "parsing_exception",
            "[term] query doesn't support multiple fields, found [a] and [b]",
        ),
        (
            r#"{"query":{"term":{"a":{"value":1,"bogus":2}}}}"#,
            "parsing_exception",
            "[term] query does not support [bogus]",
        ),
        (
            r#"{"query":{"bool":{"musty":[]}}}"#,
            "x_content_parse_exception",
            "[1:19] [bool] unknown field [musty] did you mean any of [must, mustNot]?",
        ),
        (
            r#"{"query":{"bool":{"must":[{}]}}}"#,
            "x_content_parse_exception",
            "[1:28] [bool] failed to parse field [must]",
        ),
        (
            r#"{"query":{"range":{"a":{"gte":1,"from":2}}}}"#,
            "parsing_exception",
            "[range] query does not support [from]",
        ),
        (r#"{"query":{"ids":{"bogus":1}}}"#, "parsing_exception", "[1:18] [ids] unknown field [bogus]"),
        (r#"{"size":-1}"#, "illegal_argument_exception", "[size] parameter cannot be negative, found [-1]"),
        (r#"{"from":-1}"#, "illegal_argument_exception", "[from] parameter cannot be negative but was [-1]"),
        (r#"{"size":"abc"}"#, "number_format_exception", "For input string: \"abc\""),
        (r#"{"bogus":1}"#, "parsing_exception", "Unknown key for a VALUE_NUMBER in [bogus]."),
        (
            r#"{"sort":[{"n":{"order":"up"}}]}"#,
            "x_content_parse_exception",
            "[1:24] [field_sort] failed to parse field [order]",
        ),
        (
            r#"{"sort":[1]}"#,
            "illegal_argument_exception",
            "malformed sort format, within the sort array, an object, or an actual string are allowed",
        ),
        (
            r#"{"sort":["n"],"search_after":[1],"from":1}"#,
            "action_request_validation_exception",
            "Validation Failed: 1: [from] parameter must be set to 0 when [search_after] is used;",
        ),
        (r"[]", "parsing_exception", "Expected [START_OBJECT] but found [START_ARRAY]"),
    ] {
        let error = answer(&docs(), body);
        assert_eq!((&error["error"]["type"], &error["error"]["reason"]), (&json!(kind), &json!(reason)), "{body}");
        assert_eq!(error["status"], 400);
    }
}

#[test]
fn errors_in_clauses_keep_their_root_cause_and_place() {
    let error = answer(&docs(), r#"{"query":{"bool":{"must":[{"mach":{}}]}}}"#);
    let cause = json!({"type": "parsing_exception", "reason": "unknown query [mach] did you mean [match]?", "line": 1, "col": 35});
    assert_eq!(error["error"]["root_cause"][0], cause);
    assert_eq!(error["error"]["reason"], "[1:35] [bool] failed to parse field [must]");
    assert_eq!(error["error"]["caused_by"]["caused_by"]["reason"], "[1:35] unknown field [mach]");
}

#[test]
fn what_a_shard_refuses_is_a_shard_failure() {
    for (body, kind, reason) in [
        (
            r#"{"query":{"term":{"n":"abc"}}}"#,
            "query_shard_exception",
            "failed to create query: For input string: \"abc\"",
        ),
        (
            r#"{"query":{"prefix":{"n":"1"}}}"#,
            "query_shard_exception",
            "Can only use prefix queries on keyword, text and wildcard fields - not on [n] which is of type [long]",
        ),
        (
            r#"{"query":{"range":{"d":{"gte":"garbage"}}}}"#,
            "parse_exception",
            "failed to parse date field [garbage] with format [strict_date_optional_time||epoch_millis]: [failed to parse date field [garbage] with format [strict_date_optional_time||epoch_millis]]",
        ),
        (r#"{"query":{"query_string":{"query":"a AND"}}}"#, "query_shard_exception", "Failed to parse query [a AND]"),
        (r#"{"sort":["nosuch"]}"#, "query_shard_exception", "No mapping found for [nosuch] in order to sort on"),
        (
            r#"{"sort":["n"],"search_after":[1,2]}"#,
            "illegal_argument_exception",
            "search_after has 2 value(s) but sort has 1.",
        ),
        (
            r#"{"from":9995,"size":10}"#,
            "illegal_argument_exception",
            "Result window is too large, from + size must be less than or equal to: [10000] but was [10005]. See the scroll api for a more efficient way to request large data sets. This limit can be set by changing the [index.max_result_window] index level setting.",
        ),
    ] {
        let error = answer(&docs(), body);
        let reason_of = &error["error"]["failed_shards"][0]["reason"];
        assert_eq!((&reason_of["type"], &reason_of["reason"]), (&json!(kind), &json!(reason)), "{body}");
        assert_eq!(error["error"]["type"], "search_phase_execution_exception");
    }
}

#[test]
fn sort_values_are_shown_as_the_real_server_shows_them() {
    for (sort, expected) in [
        (r#"["n"]"#, json!([["0", [1]], ["1", [2]], ["2", [3]]])),
        (r#"[{"n":"desc"}]"#, json!([["2", [7]], ["1", [2]], ["0", [1]]])),
        (r#"["d"]"#, json!([["0", [1704164645000_i64]], ["1", [1704240000000_i64]], ["2", [i64::MAX]]])),
        (
            r#"[{"d":{"missing":"_first"}}]"#,
            json!([["2", [i64::MIN]], ["0", [1704164645000_i64]], ["1", [1704240000000_i64]]]),
        ),
        (
            r#"[{"d":{"order":"desc","format":"yyyy-MM-dd"}}]"#,
            json!([["1", ["2024-01-03"]], ["0", ["2024-01-02"]], ["2", ["-292275055-05-16"]]]),
        ),
        (r#"[{"f":"desc"}]"#, json!([["1", [2.0]], ["0", [1.5]], ["2", ["-Infinity"]]])),
        (r#"[{"k":"desc"},"_doc"]"#, json!([["2", ["C", 2]], ["1", ["B", 1]], ["0", ["A", 0]]])),
        (
            r#"[{"t.raw":{"missing":"zz"}}]"#,
            json!([
                ["2", ["lazy dog sleeps in the sun all day long"]],
                ["1", ["quick quick dog"]],
                ["0", ["the quick brown fox"]]
            ]),
        ),
        (r#"[{"o.x":{"missing":9}}]"#, json!([["1", [7]], ["0", [9]], ["2", [9]]])),
        (r#"[{"nosuch":{"unmapped_type":"keyword"}}]"#, json!([["0", [null]], ["1", [null]], ["2", [null]]])),
        (r#"[{"n":{"mode":"sum","order":"desc"}}]"#, json!([["2", [10]], ["1", [2]], ["0", [1]]])),
    ] {
        let body = format!(r#"{{"sort":{sort},"_source":false}}"#);
        let answer = answer(&docs(), &body);
        let hits: Vec<Value> = answer["hits"]["hits"]
            .as_array()
            .unwrap_or_else(|| panic!("{answer}"))
            .iter()
            .map(|hit| json!([hit["_id"], hit["sort"]]))
            .collect();
        if sort.contains("yyyy-MM-dd") {
            assert_eq!(hits[..2], expected.as_array().unwrap()[..2], "{sort}");
            continue;
        }
        assert_eq!(json!(hits), expected, "{sort}");
    }
}

#[test]
fn an_answer_has_the_real_servers_keys_in_order() {
    let body = r#"{"size":1,"version":true,"seq_no_primary_term":true,"query":{"match_all":{"boost":2,"_name":"x"}}}"#;
    assert_eq!(
        answer(&docs(), body).to_string(),
        format!(
            r#"{{"timed_out":false,"_shards":{{"total":1,"successful":1,"skipped":0,"failed":0}},"hits":{{"total":{{"value":3,"relation":"eq"}},"max_score":2.0,"hits":[{{"_index":"e","_id":"0","_version":1,"_seq_no":0,"_primary_term":1,"_score":2.0,"_source":{},"matched_queries":["x"]}}]}}}}"#,
            DOCS[0]
        )
    );
}

#[test]
fn fields_are_flat_arrays_in_the_mappings_terms() {
    let fields = |body: &str| answer(&docs(), body)["hits"]["hits"][0]["fields"].clone();
    assert_eq!(
        fields(r#"{"_source":false,"fields":["*"],"query":{"term":{"n":1}}}"#),
        json!({"b":[true],"d":["2024-01-02T03:04:05.000Z"],"f":[1.5],"i":[5],"k":["A"],"n":[1],"p":[1012.35],
               "t":["the quick brown fox"],"t.raw":["the quick brown fox"]})
    );
    assert_eq!(
        fields(
            r#"{"fields":[{"field":"d","format":"epoch_millis"}],"docvalue_fields":["n","f"],"query":{"term":{"n":1}}}"#
        ),
        json!({"n":[1],"f":[1.5],"d":["1704164645000"]})
    );
}

#[test]
fn totals_stop_where_the_request_says() {
    let total = |body: &str| answer(&docs(), body)["hits"].get("total").cloned();
    assert_eq!(total(r#"{"track_total_hits":2,"size":0}"#), Some(json!({"value":2,"relation":"gte"})));
    assert_eq!(total(r#"{"track_total_hits":false}"#), None);
    assert_eq!(answer(&docs(), r#"{"track_total_hits":true,"size":0}"#)["terminated_early"], json!(false));
    assert_eq!(answer(&docs(), r#"{"terminate_after":1}"#)["terminated_early"], json!(true));
    assert_eq!(answer(&[], "{}")["hits"], json!({"total":{"value":0,"relation":"eq"},"max_score":0.0,"hits":[]}));
}

#[test]
fn a_shard_that_fails_among_others_is_told_beside_their_hits() {
    let mut other = index("plain", &["{}"], 5);
    other.shard.mapping = std::sync::Arc::new(crate::server::elasticsearch::mapping::Mapping::default());
    let targets = vec![docs().remove(0), other];
    let answer = answer(&targets, r#"{"sort":["n"]}"#);
    assert_eq!(answer["_shards"]["failed"], json!(1));
    assert_eq!(answer["_shards"]["failures"][0]["index"], json!("plain"));
    assert_eq!(answer["hits"]["total"]["value"], json!(3));
}

/// A document of the property tests: `n`, `k`, `p`.
type Row = (Vec<i64>, Vec<u8>, Option<f64>);

fn row() -> impl Strategy<Value = Row> {
    (
        proptest::collection::vec(-5_i64..5, 0..3),
        proptest::collection::vec(0_u8..4, 0..3),
        proptest::option::of((-8_i32..8).prop_map(|value| f64::from(value) / 2.0)),
    )
}

/// A query and what it means.
#[derive(Debug, Clone)]
enum Clause {
    N(i64),
    Ns(Vec<i64>),
    K(u8),
    RangeN(i64, i64),
    RangeP(i32, bool),
    Exists(&'static str),
    Bool { must: Vec<Clause>, should: Vec<Clause>, not: Vec<Clause>, minimum: Option<usize> },
}

fn clause() -> impl Strategy<Value = Clause> {
    let leaf = prop_oneof![
        (-6_i64..6).prop_map(Clause::N),
        proptest::collection::vec(-6_i64..6, 1..4).prop_map(Clause::Ns),
        (0_u8..5).prop_map(Clause::K),
        (-6_i64..6, 0_i64..6).prop_map(|(low, width)| Clause::RangeN(low, low + width)),
        (-9_i32..9, any::<bool>()).prop_map(|(value, up)| Clause::RangeP(value, up)),
        prop_oneof![Just("n"), Just("k"), Just("p")].prop_map(Clause::Exists),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let some = || proptest::collection::vec(inner.clone(), 0..3);
        (some(), some(), some(), proptest::option::of(0_usize..3))
            .prop_map(|(must, should, not, minimum)| Clause::Bool { must, should, not, minimum })
    })
}

impl Clause {
    fn json(&self) -> Value {
        let all = |clauses: &[Clause]| Value::from_iter(clauses.iter().map(Clause::json));
        match self {
            Self::N(value) => json!({"term": {"n": value}}),
            Self::Ns(values) => json!({"terms": {"n": values}}),
            Self::K(value) => json!({"term": {"k": value.to_string()}}),
            Self::RangeN(low, high) => json!({"range": {"n": {"gte": low, "lt": high}}}),
            Self::RangeP(value, true) => json!({"range": {"p": {"gt": f64::from(*value) / 2.0}}}),
            Self::RangeP(value, false) => json!({"range": {"p": {"lte": f64::from(*value) / 2.0}}}),
            Self::Exists(field) => json!({"exists": {"field": field}}),
            Self::Bool { must, should, not, minimum } => {
                let mut body = json!({"must": all(must), "should": all(should), "must_not": all(not)});
                if let Some(minimum) = minimum {
                    body["minimum_should_match"] = json!(minimum);
                }
                json!({ "bool": body })
            }
        }
    }

    fn matches(&self, (n, k, p): &Row) -> bool {
        match self {
            Self::N(value) => n.contains(value),
            Self::Ns(values) => n.iter().any(|value| values.contains(value)),
            Self::K(value) => k.contains(value),
            Self::RangeN(low, high) => n.iter().any(|value| (low..high).contains(&value)),
            Self::RangeP(value, true) => p.is_some_and(|p| p > f64::from(*value) / 2.0),
            Self::RangeP(value, false) => p.is_some_and(|p| p <= f64::from(*value) / 2.0),
            Self::Exists("n") => !n.is_empty(),
            Self::Exists("k") => !k.is_empty(),
            Self::Exists(_) => p.is_some(),
            Self::Bool { must, should, not, minimum } => {
                let row = (n.clone(), k.clone(), *p);
                let hits = should.iter().filter(|clause| clause.matches(&row)).count();
                let least = match minimum {
                    None | Some(0) if must.is_empty() && !should.is_empty() => 1,
                    None => 0,
                    Some(minimum) => *minimum,
                };
                must.iter().all(|clause| clause.matches(&row))
                    && !not.iter().any(|clause| clause.matches(&row))
                    && (hits >= least || (must.is_empty() && should.is_empty() && not.is_empty()))
            }
        }
    }
}

fn source((n, k, p): &Row) -> String {
    let k: Vec<String> = k.iter().map(u8::to_string).collect();
    json!({"n": n, "k": k, "p": p}).to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn queries_find_what_a_brute_force_evaluation_finds(
        rows in proptest::collection::vec(row(), 1..40), clauses in proptest::collection::vec(clause(), 1..6),
    ) {
        let sources: Vec<String> = rows.iter().map(source).collect();
        let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
        let targets = [index("r", &sources, 16)];
        for clause in clauses {
            let expected: Vec<String> =
                rows.iter().enumerate().filter(|(_, row)| clause.matches(row)).map(|(id, _)| id.to_string()).collect();
            let body = json!({"query": clause.json(), "size": 100, "sort": ["_doc"]}).to_string();
            prop_assert_eq!(ids(&targets, &body), expected.clone(), "{}", body);
            let filter = json!({"query": {"bool": {"filter": [clause.json()]}}, "size": 100}).to_string();
            prop_assert_eq!(ids(&targets, &filter), expected, "{}", filter);
        }
    }

    #[test]
    fn pages_by_search_after_are_the_whole_order(
        rows in proptest::collection::vec(row(), 1..40), descending: bool, first: bool, size in 1_usize..7,
    ) {
        let sources: Vec<String> = rows.iter().map(source).collect();
        let sources: Vec<&str> = sources.iter().map(String::as_str).collect();
        let targets = [index("a", &sources, 16), index("b", &sources, 7)];
        let order = if descending { "desc" } else { "asc" };
        let missing = if first { "_first" } else { "_last" };
        let sort = json!([{"k": {"order": order, "missing": missing}}, {"n": order}, {"_shard_doc": "asc"}]);
        let whole = search(&targets, &json!({"size": 200, "sort": sort}).to_string()).unwrap();
        let mut pages = Vec::new();
        let mut after: Option<Vec<Value>> = None;
        loop {
            let mut body = json!({"size": size, "sort": sort});
            if let Some(after) = &after {
                body["search_after"] = json!(after);
            }
            let page = search(&targets, &body.to_string()).unwrap();
            let Some(last) = page.hits.last() else { break };
            after = last.sort.clone();
            pages.extend(page.hits);
        }
        let key = |hit: &super::fetch::Hit| (hit.index.clone(), hit.id.clone(), hit.sort.clone());
        prop_assert_eq!(pages.iter().map(key).collect::<Vec<_>>(), whole.hits.iter().map(key).collect::<Vec<_>>());
        prop_assert_eq!(whole.hits.len(), rows.len() * 2);
    }
}

proptest! {
    #[test]
    fn any_bytes_give_a_request_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
        let _unused = SearchRequest::parse(&bytes, &Params::default(), "/e/_search");
    }

    #[test]
    fn any_json_of_search_words_gives_an_answer_or_an_error(
        words in proptest::collection::vec(
            prop_oneof![
                Just("{"), Just("}"), Just("["), Just("]"), Just(","), Just(":"), Just("1"), Just("-2.5"), Just("null"),
                Just("true"), Just("\"query\""), Just("\"bool\""), Just("\"must\""), Just("\"term\""), Just("\"n\""),
                Just("\"match\""), Just("\"range\""), Just("\"gte\""), Just("\"sort\""), Just("\"size\""),
                Just("\"_source\""), Just("\"fields\""), Just("\"query_string\""), Just("\"*\""), Just("\"terms\""),
                Just("{\"query\":"), Just("{\"term\":{\"n\":"), Just("{\"bool\":{\"should\":["),
            ],
            0..24,
        ),
    ) {
        let _unused = search(&[], &words.concat());
    }

    #[test]
    fn any_query_string_is_answered(text in "[ab:()\\[\\]{}\"~^*?/+ !&|<>=-]{0,16}|[ -~é]{0,12}") {
        let targets = docs();
        for name in ["query_string", "simple_query_string"] {
            let body = json!({"query": {name: {"query": text}}}).to_string();
            let _unused = search(&targets, &body);
        }
    }
}
