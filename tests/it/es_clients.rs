//! The official Elasticsearch clients against the embedded search node: Python 8 and 9, Go 8 and 9, Java 9, Rust.
//!
//! `scripts/install-test-clients` installs them; one that is absent is skipped, unless `STOCKDEV_REQUIRE_CLIENTS=1`. With
//! `STOCKDEV_TEST_ELASTICSEARCH=url` the same walks run against that server: what is expected here is what Elasticsearch
//! 9.2.4 answered. The programs in `tests/clients/elasticsearch` print what they saw as one JSON document.

use std::process::Command;

use elasticsearch::http::transport::Transport;
use elasticsearch::{BulkOperation, BulkParts, Elasticsearch, SearchParts, indices::IndicesDeleteParts};
use serde_json::{Value, json};

use crate::support::clients::{clients, installed, run, unique};
use crate::support::servers::TestElasticsearch;

#[test]
fn python_8_walks_through_the_api() {
    python("elasticsearch-8");
}

#[test]
fn python_9_walks_through_the_api() {
    python("elasticsearch-9");
}

fn python(client: &str) {
    let Some(python) = installed(&clients().join(client).join("bin/python")) else { return };
    let node = TestElasticsearch::start();
    let mut command = Command::new(python);
    command.arg("tests/clients/elasticsearch/python/walk.py");
    let (index, mut seen) = walk(command, &node, client);
    // The distribution of the real server that tests can have lacks the root endpoint.
    let number = seen.as_object_mut().and_then(|seen| seen.remove("number"));
    assert!(!node.is_own || number == Some(json!("9.2.4")), "{number:?}");
    let expected = json!({
        "template": format!("{index}-template"), "exists": true, "bulk": [120, []], "count": 120,
        "total": {"value": 26, "relation": "eq"},
        "top": [{"symbol": "A", "price": 129.25}, {"symbol": "A", "price": 128.5}],
        "buckets": [["2024-01-02T03:00:00.000Z", 10, 118.375], ["2024-01-02T03:30:00.000Z", 16, 120.8125]],
        "symbols": [["A", 26]], "text": 12, "get": 100.75, "update": "updated", "version": 2, "delete": "deleted",
        "missing": 404, "conflict": "version_conflict_engine_exception", "unknown_query": [400, "parsing_exception"],
        "paged": 120, "msearch": [200, 404], "caps": ["price", "symbol"], "cat": "119", "health": "green",
    });
    assert_eq!(seen, expected);
}

#[test]
fn go_8_indexes_reads_and_aggregates() {
    go("elasticsearch-go-8");
}

#[test]
fn go_9_indexes_reads_and_aggregates() {
    go("elasticsearch-go-9");
}

fn go(client: &str) {
    let Some(program) = installed(&clients().join(client)) else { return };
    let node = TestElasticsearch::start();
    let (_, seen) = walk(Command::new(program), &node, client);
    let expected = json!({
        "count": 90, "created": 200, "deleted": true, "failed": 0, "indexed": 90, "price": 7.5,
        "tops": [["A", 87.5], ["B", 88.5], ["C", 89.5]],
    });
    assert_eq!(seen, expected);
}

#[test]
fn java_9_decodes_typed_aggregations() {
    let folder = clients().join("elasticsearch-java-9");
    if installed(&folder.join("classes")).is_none() {
        return;
    }
    let node = TestElasticsearch::start();
    let mut command = Command::new("java");
    command.arg("-cp").arg(format!("{0}/classes:{0}/jars/*", folder.display())).arg("Walk");
    let (_, seen) = walk(command, &node, "java");
    let expected = json!({
        "errors": false, "count": 90, "price": 7.5, "total": 50, "top": 49.5,
        "days": [[1_704_067_200_000_i64, 30, 15.0], [1_704_153_600_000_i64, 20, 40.0]],
        "symbols": [["A", 17], ["B", 17], ["C", 16]], "median": "25.0", "distinct": 3,
        "absent": [404, "index_not_found_exception"], "deleted": true,
    });
    assert_eq!(seen, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn rust_bulks_and_searches() {
    let node = TestElasticsearch::start();
    let index = unique("es-rust");
    let client = Elasticsearch::new(Transport::single_node(&node.url).unwrap());

    let operations: Vec<BulkOperation<Value>> = (0..30)
        .map(|n| BulkOperation::index(json!({"symbol": "ABC".get(n % 3..=n % 3), "price": n})).id(n.to_string()).into())
        .collect();
    let bulk = client.bulk(BulkParts::Index(&index)).body(operations).refresh(elasticsearch::params::Refresh::True);
    let answer: Value = bulk.send().await.unwrap().json().await.unwrap();
    assert_eq!((&answer["errors"], answer["items"].as_array().unwrap().len()), (&json!(false), 30));

    let request = json!({
        "size": 1, "query": {"term": {"symbol.keyword": "B"}}, "sort": [{"price": "desc"}],
        "aggs": {"mean": {"avg": {"field": "price"}}},
    });
    let indices = [index.as_str()];
    let search = client.search(SearchParts::Index(&indices)).body(request);
    let answer: Value = search.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer["hits"]["total"], json!({"value": 10, "relation": "eq"}));
    assert_eq!(answer["hits"]["hits"][0]["_source"], json!({"symbol": "B", "price": 28}));
    assert_eq!(answer["aggregations"]["mean"]["value"], json!(14.5));

    let deleted = client.indices().delete(IndicesDeleteParts::Index(&[&index])).send().await.unwrap();
    assert!(deleted.status_code().is_success());
}

/// Runs a client's walk on an index of its own; what it printed last is what it saw.
fn walk(mut command: Command, node: &TestElasticsearch, client: &str) -> (String, Value) {
    let index = unique(&format!("es-{client}"));
    let ran = run(command.arg(&node.url).arg(&index), "");
    assert!(ran.success, "{}", ran.all);
    let last = ran.stdout.lines().last().unwrap_or_default();
    let seen = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {}", ran.all));
    (index, seen)
}
