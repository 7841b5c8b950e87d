//! `_bulk` and the single-document API against what the real server answered.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{document, mget};
use super::*;
use crate::server::elasticsearch::NodeConfig;
use crate::server::elasticsearch::http::{Body, HandlerFuture, Params};

struct Fixture {
    node: Arc<Node>,
    _dir: tempfile::TempDir,
}

type Handler = fn(Arc<Node>, Request) -> HandlerFuture;

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let config = NodeConfig::new(dir.path(), SocketAddr::from(([127, 0, 0, 1], 9)));
    Fixture { node: Arc::new(Node::open(&config).unwrap()), _dir: dir }
}

fn ask(node: &Arc<Node>, handler: Handler, path: &[(&'static str, &str)], query: &str, body: &str) -> (u16, Value) {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let request = Request {
        method: "POST",
        uri: String::new(),
        path: path.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(),
        params: Params(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>()),
        body: Bytes::copy_from_slice(body.as_bytes()),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    match runtime.block_on(handler(Arc::clone(node), request)) {
        Ok(response) => match response.body {
            Body::RawJson(bytes) => (response.status, serde_json::from_slice(&bytes).unwrap()),
            other => panic!("{other:?}"),
        },
        Err(error) => (error.status, error.to_json()),
    }
}

fn bulk_on(fixture: &Fixture, index: &str, body: &str) -> (u16, Value) {
    ask(&fixture.node, |node, request| Box::pin(bulk(node, request)), &[("index", index)], "", body)
}

fn put(fixture: &Fixture, id: &str, query: &str, body: &str) -> (u16, Value) {
    ask(
        &fixture.node,
        |node, request| Box::pin(document::index(node, request)),
        &[("index", "i"), ("id", id)],
        query,
        body,
    )
}

fn update(fixture: &Fixture, id: &str, body: &str) -> (u16, Value) {
    ask(
        &fixture.node,
        |node, request| Box::pin(document::update(node, request)),
        &[("index", "i"), ("id", id)],
        "",
        body,
    )
}

fn delete(fixture: &Fixture, id: &str) -> (u16, Value) {
    ask(&fixture.node, |node, request| Box::pin(document::delete(node, request)), &[("index", "i"), ("id", id)], "", "")
}

fn get(fixture: &Fixture, id: &str, query: &str) -> (u16, Value) {
    ask(&fixture.node, |node, request| Box::pin(document::get(node, request)), &[("index", "i"), ("id", id)], query, "")
}

#[test]
fn every_kind_of_item_is_answered_as_the_real_server_does() {
    let fixture = fixture();
    put(&fixture, "seed", "", r#"{"n":1}"#);
    let body = concat!(
        r#"{"index":{"_id":"b1"}}"#,
        "\n",
        r#"{"n":1}"#,
        "\n",
        r#"{"create":{"_id":"b1"}}"#,
        "\n",
        r#"{"n":1}"#,
        "\n",
        r#"{"update":{"_id":"b1"}}"#,
        "\n",
        r#"{"doc":{"n":1}}"#,
        "\n",
        r#"{"update":{"_id":"b77"}}"#,
        "\n",
        r#"{"doc":{"n":1}}"#,
        "\n",
        r#"{"delete":{"_id":"none"}}"#,
        "\n",
        r#"{"delete":{"_index":"nope","_id":"none"}}"#,
        "\n",
        r#"{"index":{"_id":"bad"}}"#,
        "\n",
        r#"{"n":"x"}"#,
        "\n",
        r#"{"index":{"_index":"E1X"}}"#,
        "\n",
        r#"{"n":1}"#,
        "\n",
        r#"{"index":{"_id":""}}"#,
        "\n",
        r#"{"n":1}"#,
        "\n",
        r#"{"index":{"_id":"q"}}"#,
        "\n\n",
        r#"{"update":{"_id":"b1","_source":true}}"#,
        "\n",
        r#"{"doc":{"m":{"a":1.50}}}"#,
        "\n",
    );
    let (status, answer) = bulk_on(&fixture, "i", body);
    assert_eq!((status, &answer["errors"]), (200, &json!(true)));
    let shards = json!({"total": 2, "successful": 1, "failed": 0});
    let items = answer["items"].as_array().unwrap();
    assert_eq!(
        items[0],
        json!({"index": {"_index": "i", "_id": "b1", "_version": 1, "result": "created", "_shards": shards, "_seq_no": 1, "_primary_term": 1, "status": 201}})
    );
    let uuid = fixture.node.cluster.index_for_read("i").unwrap().uuid().to_owned();
    assert_eq!(
        items[1],
        json!({"create": {"_index": "i", "_id": "b1", "status": 409, "error": {"type": "version_conflict_engine_exception",
            "reason": "[b1]: version conflict, document already exists (current version [1])", "index_uuid": uuid, "shard": "0", "index": "i"}}})
    );
    assert_eq!(
        items[2],
        json!({"update": {"_index": "i", "_id": "b1", "_version": 1, "result": "noop", "_shards": shards, "_seq_no": 1, "_primary_term": 1, "status": 200}})
    );
    assert_eq!(
        items[3],
        json!({"update": {"_index": "i", "_id": "b77", "status": 404, "error": {"type": "document_missing_exception",
            "reason": "[b77]: document missing", "index_uuid": uuid, "shard": "0", "index": "i"}}})
    );
    assert_eq!((&items[4]["delete"]["result"], &items[4]["delete"]["status"]), (&json!("not_found"), &json!(404)));
    assert_eq!(items[5]["delete"]["error"]["type"], "index_not_found_exception");
    assert_eq!(
        items[6]["index"]["error"],
        json!({"type": "document_parsing_exception",
            "reason": "[1:6] failed to parse field [n] of type [long] in document with id 'bad'. Preview of field's value: 'x'",
            "caused_by": {"type": "illegal_argument_exception", "reason": "For input string: \"x\""}})
    );
    assert_eq!((&items[7]["index"]["_index"], &items[7]["index"]["_id"]), (&json!("E1X"), &Value::Null));
    assert_eq!(items[8]["index"]["error"]["reason"], "if _id is specified it must not be empty");
    assert_eq!(items[9]["index"]["error"]["reason"], "[0:0] failed to parse, document is empty");
    assert_eq!(items[10]["update"]["get"]["_source"], json!({"n": 1, "m": {"a": 1.5}}));
    let keys: Vec<&String> = items[10]["update"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["_index", "_id", "_version", "result", "_shards", "_seq_no", "_primary_term", "get", "status"]);
}

#[test]
fn a_body_that_is_not_made_of_pairs_is_refused_as_a_whole() {
    let fixture = fixture();
    let illegal = "illegal_argument_exception";
    let invalid = "action_request_validation_exception";
    for (body, kind, reason) in [
        ("{\"index\":{}}\n{\"n\":1}", illegal, "The bulk request must be terminated by a newline [\\n]"),
        (
            "{\"foo\":{}}\n{\"n\":1}\n",
            illegal,
            "Malformed action/metadata line [1], expected field [create], [delete], [index] or [update] but found [foo]",
        ),
        (
            "[]\n{\"n\":1}\n",
            illegal,
            "Malformed action/metadata line [1], expected START_OBJECT but found [START_ARRAY]",
        ),
        (
            "{\"index\":[]}\n{\"n\":1}\n",
            illegal,
            "Malformed action/metadata line [1], expected START_OBJECT or END_OBJECT but found [START_ARRAY]",
        ),
        (
            "{\"index\":{\"_bogus\":1}}\n{\"n\":1}\n",
            illegal,
            "Action/metadata line [1] contains an unknown parameter [_bogus]",
        ),
        (
            "{\"index\":{\"_id\":[\"a\"]}}\n{}\n",
            illegal,
            "Malformed action/metadata line [1], expected a simple value for field [_id] but found [START_ARRAY]",
        ),
        (
            "{\"index\":{},\"create\":{}}\n{}\n",
            illegal,
            "Malformed action/metadata line [1], expected END_OBJECT but found [FIELD_NAME]",
        ),
        ("{}\n{}\n", illegal, "Malformed action/metadata line [1], expected FIELD_NAME but found [END_OBJECT]"),
        ("\n\n", invalid, "Validation Failed: 1: no requests added;"),
        ("{\"index\":{\"_id\":\"1\"}}\n", invalid, "Validation Failed: 1: no requests added;"),
        (
            "{\"delete\":{}}\n{\"update\":{}}\n{\"doc\":{}}\n",
            invalid,
            "Validation Failed: 1: id is missing;2: id is missing;",
        ),
        ("{\"update\":{\"_id\":\"1\"}}\n{}\n", invalid, "Validation Failed: 1: script or doc is missing;"),
        (
            "{\"index\":{\"_id\":\"1\",\"version\":5}}\n{}\n",
            invalid,
            "Validation Failed: 1: internal versioning can not be used for optimistic concurrency control. Please use `if_seq_no` and `if_primary_term` instead;",
        ),
        (
            "{\"create\":{\"_id\":\"1\",\"if_seq_no\":1,\"if_primary_term\":1}}\n{}\n",
            invalid,
            "Validation Failed: 1: create operations do not support compare and set. use index instead;",
        ),
        (
            "{\"update\":{\"_id\":\"1\"}}\n{\"a\":1}\n",
            "x_content_parse_exception",
            "[1:2] [UpdateRequest] unknown field [a]",
        ),
        ("", "parse_exception", "request body is required"),
    ] {
        let (status, answer) = bulk_on(&fixture, "i", body);
        assert_eq!(
            (status, &answer["error"]["type"], &answer["error"]["reason"]),
            (400, &json!(kind), &json!(reason)),
            "{body}"
        );
    }
    let no_index = ask(&fixture.node, |node, request| Box::pin(bulk(node, request)), &[], "", "{\"index\":{}}\n{}\n");
    assert_eq!(no_index.1["error"]["reason"], "Validation Failed: 1: index is missing;");
    let long = format!("{{\"index\":{{\"_id\":\"{}\"}}}}\n{{}}\n", "x".repeat(513));
    let reason = bulk_on(&fixture, "i", &long).1["error"]["reason"].as_str().unwrap().to_owned();
    assert!(reason.ends_with("is too long, must be no longer than 512 bytes but was: 513;"), "{reason}");
}

#[test]
fn items_of_one_document_take_effect_in_order() {
    let fixture = fixture();
    let body = concat!(
        r#"{"index":{"_id":"1"}}"#,
        "\n",
        r#"{"n":1}"#,
        "\n",
        r#"{"update":{"_id":"1"}}"#,
        "\n",
        r#"{"doc":{"n":2}}"#,
        "\n",
        r#"{"update":{"_id":"1"}}"#,
        "\n",
        r#"{"doc":{"m":3}}"#,
        "\n",
        r#"{"delete":{"_id":"1"}}"#,
        "\n",
        r#"{"update":{"_id":"1"}}"#,
        "\n",
        r#"{"doc":{"n":7},"doc_as_upsert":true}"#,
        "\n",
    );
    let (_, answer) = bulk_on(&fixture, "i", body);
    let results: Vec<&str> = answer["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item.as_object().unwrap().values().next().unwrap()["result"].as_str().unwrap_or("error"))
        .collect();
    assert_eq!(results, ["created", "updated", "updated", "deleted", "created"]);
    assert_eq!(get(&fixture, "1", "").1["_source"], json!({"n": 7}));
}

#[test]
fn later_items_see_the_mapping_that_earlier_ones_made() {
    let fixture = fixture();
    let body = "{\"index\":{}}\n{\"p\":1}\n{\"index\":{}}\n{\"p\":1.5}\n{\"index\":{}}\n{\"p\":\"x\"}\n";
    let (_, answer) = bulk_on(&fixture, "i", body);
    let statuses: Vec<i64> =
        answer["items"].as_array().unwrap().iter().map(|item| item["index"]["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [201, 201, 400]);
    assert_eq!(answer["items"][0]["index"]["_id"].as_str().unwrap().len(), 20);
    let mapping = fixture.node.cluster.index_for_read("i").unwrap().mapping().to_json();
    assert_eq!(mapping, json!({"properties": {"p": {"type": "long"}}}));
}

#[test]
fn single_documents_are_answered_as_the_real_server_does() {
    let fixture = fixture();
    let shards = json!({"total": 2, "successful": 1, "failed": 0});
    let (status, answer) = put(&fixture, "1", "", r#"{ "n": 1.0 }"#);
    let created = json!({"_index": "i", "_id": "1", "_version": 1, "result": "created", "_shards": shards, "_seq_no": 0, "_primary_term": 1});
    assert_eq!((status, answer), (201, created));
    let (status, answer) = put(&fixture, "1", "refresh=true", r#"{"n":2}"#);
    assert_eq!((status, &answer["result"], &answer["forced_refresh"]), (200, &json!("updated"), &json!(true)));
    assert_eq!(
        get(&fixture, "1", ""),
        (
            200,
            json!({"_index": "i", "_id": "1", "_version": 2, "_seq_no": 1, "_primary_term": 1, "found": true, "_source": {"n": 2}})
        )
    );
    assert_eq!(get(&fixture, "2", ""), (404, json!({"_index": "i", "_id": "2", "found": false})));
    assert_eq!(get(&fixture, "1", "_source=false").1.get("_source"), None);
    assert_eq!(get(&fixture, "1", "_source_includes=x").1["_source"], json!({}));
    assert_eq!(
        get(&fixture, "1", "version=3").1["error"]["reason"],
        "[1]: version conflict, current version [2] is different than the one provided [3]"
    );
    let (status, answer) = put(&fixture, "1", "op_type=create", "{}");
    assert_eq!((status, &answer["error"]["shard"]), (409, &json!("0")));
    let reason = |query: &str| put(&fixture, "1", query, "{}").1["error"]["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason("if_seq_no=0"), "Validation Failed: 1: ifSeqNo is set, but primary term is [0];");
    assert_eq!(reason("version=1&version_type=bogus"), "No version type match [bogus]");
    assert_eq!(
        reason("version_type=external"),
        "Validation Failed: 1: illegal version value [-3] for version type [EXTERNAL];"
    );
    assert_eq!(reason("refresh=maybe"), "Unknown value for refresh: [maybe].");
    assert_eq!(reason("pipeline=foo"), "pipeline with id [foo] does not exist");
    assert_eq!(reason("op_type=bogus"), "opType must be 'create' or 'index', found: [bogus]");
    assert_eq!(
        reason("require_alias=true"),
        "no such index [i] and [require_alias] request flag is [true] and [i] is not an alias"
    );
    let (status, answer) = delete(&fixture, "none");
    assert_eq!((status, &answer["result"], &answer["_version"]), (404, &json!("not_found"), &json!(1)));
    assert_eq!(delete(&fixture, "none").1["_version"], 2);
    assert_eq!(delete(&fixture, "1").0, 200);
    assert_eq!(put(&fixture, "1", "", "{}").1["_version"], 4);
}

#[test]
fn updates_merge_upsert_and_decline() {
    let fixture = fixture();
    put(&fixture, "1", "routing=r", r#"{"n":1}"#);
    assert_eq!(update(&fixture, "1", r#"{"doc":{"n":2}}"#).1["_version"], 2);
    let (status, noop) = update(&fixture, "1", r#"{"doc":{"n":2}}"#);
    assert_eq!((status, &noop["result"], &noop["_shards"]["total"]), (200, &json!("noop"), &json!(0)));
    assert_eq!(update(&fixture, "1", r#"{"doc":{"n":2},"detect_noop":false}"#).1["_version"], 3);
    assert_eq!(
        update(&fixture, "1", r#"{"doc":{"m":{"b":1}},"_source":["m"]}"#).1["get"],
        json!({"_seq_no": 3, "_primary_term": 1, "found": true, "_source": {"m": {"b": 1}}})
    );
    assert_eq!(get(&fixture, "1", "").1["_routing"], "r");
    assert_eq!(update(&fixture, "u1", r#"{"doc":{"n":2},"upsert":{"n":9}}"#).0, 201);
    assert_eq!(get(&fixture, "u1", "").1["_source"], json!({"n": 9}));
    let reason = |id: &str, body: &str| update(&fixture, id, body).1["error"]["reason"].as_str().unwrap().to_owned();
    assert_eq!(reason("none", r#"{"doc":{"n":2}}"#), "[none]: document missing");
    assert_eq!(reason("1", r#"{"script":{"source":"x"}}"#), "failed to execute script");
    assert_eq!(reason("1", r#"{"doc":{},"script":"x"}"#), "Validation Failed: 1: can't provide both script and doc;");
    assert_eq!(reason("1", "{}"), "Validation Failed: 1: script or doc is missing;");
    assert_eq!(reason("1", r#"{"doc":5}"#), "[1:8] [UpdateRequest] doc doesn't support values of type: VALUE_NUMBER");
}

#[test]
fn several_documents_are_read_at_once() {
    let fixture = fixture();
    put(&fixture, "1", "", r#"{"n":1,"m":2}"#);
    let mget = |body: &str| ask(&fixture.node, |node, request| Box::pin(mget::mget(node, request)), &[], "", body);
    let (status, answer) = mget(
        r#"{"docs":[{"_index":"i","_id":"1","_source":["n"]},{"_index":"nope","_id":"1"},{"_index":"i","_id":2}]}"#,
    );
    assert_eq!(status, 200);
    assert_eq!(answer["docs"][0]["_source"], json!({"n": 1}));
    assert_eq!(answer["docs"][1]["error"]["type"], "index_not_found_exception");
    assert_eq!(answer["docs"][2], json!({"_index": "i", "_id": "2", "found": false}));
    for (body, reason) in [
        (r#"{"docs":[]}"#, "Validation Failed: 1: no documents to get;"),
        (r#"{"ids":["1"]}"#, "Validation Failed: 1: index is missing for doc 0;"),
        (r#"{"bogus":[]}"#, "unknown key [bogus] for a START_ARRAY, expected [docs] or [ids]"),
        (
            r#"{"docs":[{"_index":"i","_id":"1","bogus":1}]}"#,
            "failed to parse multi get request. unknown field [bogus]",
        ),
        ("", "request body or source parameter is required"),
    ] {
        assert_eq!(mget(body).1["error"]["reason"], reason, "{body}");
    }
}

#[test]
fn over_the_memory_budget_every_item_is_told_to_come_back() {
    let fixture = fixture();
    let _all = fixture.node.pressure.acquire(usize::MAX / 2).unwrap();
    let (status, answer) = bulk_on(&fixture, "i", "{\"index\":{\"_id\":\"1\"}}\n{}\n");
    assert_eq!((status, &answer["items"][0]["index"]["status"]), (200, &json!(429)));
    assert_eq!(answer["items"][0]["index"]["error"]["type"], "es_rejected_execution_exception");
    assert_eq!(put(&fixture, "1", "", "{}").0, 429);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_bytes_are_items_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let defaults = defaults();
        _ = read::items(&Bytes::from(bytes), &defaults, &mut Vec::new());
    }

    #[test]
    fn likely_lines_are_items_or_refused(lines in proptest::collection::vec(
        r#"(\{"(index|create|update|delete)":\{("_id":("a"|5|null|\[\])|"version":(1|"x")|"_source":(true|\{\}))?\}\}|\{"doc":\{"n":1\}\}|\{"n":|)"#, 0..6)
    ) {
        let body: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        _ = read::items(&Bytes::from(body), &defaults(), &mut Vec::new());
    }
}

fn defaults() -> Defaults {
    Defaults {
        index: Some("i".into()),
        routing: None,
        pipeline: None,
        require_alias: false,
        require_data_stream: false,
        shown: None,
    }
}
