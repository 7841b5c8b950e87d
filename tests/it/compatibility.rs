//! docs/compatibility.md is made from the servers' own tables, and what it says is true of running servers.
//!
//! `STOCKDEV_UPDATE_DOCS=1 cargo test --test it compatibility` writes it again.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::{env, fs};

use serde_json::{Value, json};
use stockdev::server::elasticsearch::{
    served_aggregations, served_endpoints, served_field_types, served_queries, universal_parameters,
};
use stockdev::server::kafka::served_apis;

use crate::support::http::send;
use crate::support::servers::{TestElasticsearch, TestKafka};

const HEAD: &str = "\
# Compatibility

What the embedded servers serve, and how they decline the rest. Within this surface an unmodified client cannot tell them from
Apache Kafka 4.1 and Elasticsearch 9.2; outside it, it gets the real system's own error. This page is made from the servers' own
tables by a test, which fails when it is out of date.
";

const KAFKA_DECLINED: &str = "
### Declined

| what | how |
|---|---|
| an API or a version that is not listed | the connection is closed, as Kafka does; ApiVersions above 4 gets 35 with the versions of ApiVersions |
| transactions | InitProducerId with a transactional id: 53, which clients take as final; transactional batches: 48, from version 11 on 120 |
| SASL, TLS, ACLs, quotas | not listed in ApiVersions |
| KIP-848 groups (`group.protocol=consumer`), share groups, streams groups | not listed; clients say that the broker does not support them. The default, `classic`, is served |
| topic configs without effect here (`compression.type` other than `producer`, `flush.ms`, remote storage, ...) | 40 with the reason |
| retention and compaction | the configs are kept and shown, but nothing is deleted or compacted yet |
| fetch sessions | refused as KIP-227 has it: every fetch is a full one |

One node is leader of everything, with leader epoch 0. Group members are not kept over a restart; offsets and generations are.
";

const ELASTICSEARCH_DECLINED: &str = "
### Declined

| what | how |
|---|---|
| an unknown path, method, parameter, key, query, aggregation or option | the real server's error: 400, 405 or 406, with its type, reason and position |
| scroll, point in time, async search, SQL, ES\\|QL, ingest pipelines, data streams, by-query calls, reindex | 400, no handler for the path, or unrecognized parameter |
| `highlight`, `suggest`, `rescore`, `collapse`, `explain`, `profile` | 400 |
| scripts (`script`, `script_fields`, scripted updates and metrics) | as by a server without painless |
| `runtime` fields, `dynamic: runtime` | 400 when declared |
| field types that are not listed | `mapper_parsing_exception`: no such type |
| analyzers other than `standard`, normalizers, `fielddata` | `mapper_parsing_exception` |
| legacy `_template` | unknown path; composable templates are served |
| answers in YAML, CBOR, SMILE | 406 |
| security | off, as with `xpack.security.enabled=false`: `_security` is an unknown path |

### Differs

- `nested` objects are checked and kept in the source but not indexed as hidden documents: queries and metrics on them find nothing.
- An index has one shard whatever `number_of_shards` says; the setting is kept and shown.
- From 2,000 values on percentiles are estimates of the same kind and error as Elasticsearch's, not the same digits; so is `cardinality`
  above its threshold.
- A phrase can match across two values of an array.
- The build hash in `GET /` is 40 zeros.
";

#[test]
fn the_page_is_what_the_tables_say() {
    let page = page();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility.md");
    if env::var_os("STOCKDEV_UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/compatibility.md is out of date: STOCKDEV_UPDATE_DOCS=1 cargo test --test it compatibility"
    );
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n## Kafka\n\n| key | API | versions | note |\n|---|---|---|---|\n");
    for api in served_apis() {
        writeln!(page, "| {} | {} | {}-{} | {} |", api.key, api.name, api.min, api.max, api.note).unwrap();
    }
    page.push_str(KAFKA_DECLINED);
    page.push_str("\n## Elasticsearch\n\n| path | methods | parameters |\n|---|---|---|\n");
    for endpoint in served_endpoints() {
        let parameters = names(&endpoint.parameters);
        writeln!(page, "| `{}` | {} | {parameters} |", endpoint.path, endpoint.methods.join(" ")).unwrap();
    }
    writeln!(page, "\nEvery endpoint takes {}.", names(universal_parameters())).unwrap();
    writeln!(page, "\n**Queries**: {}.", names(served_queries())).unwrap();
    writeln!(page, "\n**Aggregations**: {}.", names(served_aggregations())).unwrap();
    writeln!(page, "\n**Field types**: {}.", names(&served_field_types())).unwrap();
    page.push_str(ELASTICSEARCH_DECLINED);
    page
}

fn names(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_broker_announces_just_the_listed_versions() {
    use std::io::{Read, Write};

    let kafka = TestKafka::start();
    let mut stream = std::net::TcpStream::connect(&kafka.address).unwrap();
    // ApiVersions 0, correlation id 7, no client id.
    stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut answer).unwrap();
    let announced: Vec<(i16, i16, i16)> = answer[10..]
        .chunks_exact(6)
        .map(|api| {
            let number = |at: usize| i16::from_be_bytes([api[at], api[at + 1]]);
            (number(0), number(2), number(4))
        })
        .collect();
    let listed: Vec<_> = served_apis().iter().map(|api| (api.key, api.min, api.max)).collect();
    if env::var_os("STOCKDEV_TEST_KAFKA").is_none() {
        assert_eq!(announced, listed);
    }
}

#[test]
fn every_listed_endpoint_has_a_handler_and_the_declined_ones_have_none() {
    let node = TestElasticsearch::start_own();
    let address = address(&node);
    for endpoint in served_endpoints() {
        let target: Vec<_> =
            endpoint.path.split('/').map(|part| if part.starts_with('{') { "absent" } else { part }).collect();
        for method in &endpoint.methods {
            let answer = send(address, method, &target.join("/"), "");
            let text = answer.text();
            assert!(answer.status != 405 && !text.contains("no handler found"), "{method} {}: {text}", endpoint.path);
        }
    }
    for (method, path) in
        [("POST", "/_search/scroll"), ("POST", "/a/_pit"), ("GET", "/_security/user"), ("PUT", "/_template/t")]
    {
        let answer = send(address, method, path, "{}");
        assert!(matches!(answer.status, 400 | 405), "{method} {path}: {}", answer.text());
    }
}

#[test]
fn listed_queries_aggregations_and_types_are_known_and_others_are_not() {
    let node = TestElasticsearch::start_own();
    let address = address(&node);
    send(address, "PUT", "/compatibility", "");
    let search = |body: Value| send(address, "POST", "/compatibility/_search", &body.to_string()).text();
    for query in served_queries() {
        let answer = search(json!({"query": {*query: {}}}));
        assert!(!answer.contains("unknown query"), "{query}: {answer}");
    }
    for query in ["function_score", "script_score", "geo_distance", "percolate", "knn"] {
        assert!(search(json!({"query": {query: {}}})).contains("unknown query"), "{query}");
    }
    for aggregation in served_aggregations() {
        let answer = search(json!({"aggs": {"a": {*aggregation: {}}}}));
        assert!(!answer.contains("Unknown aggregation type"), "{aggregation}: {answer}");
    }
    for aggregation in ["scripted_metric", "geohash_grid", "significant_terms", "moving_fn", "bucket_script"] {
        let answer = search(json!({"aggs": {"a": {aggregation: {}}}}));
        assert!(answer.contains("Unknown aggregation type"), "{aggregation}: {answer}");
    }
    for (number, kind) in served_field_types().into_iter().enumerate() {
        let mut field = json!({"type": kind});
        match kind {
            "alias" => field["path"] = json!("f0"),
            "scaled_float" => field["scaling_factor"] = json!(100),
            _ => {}
        }
        let mapping = json!({"mappings": {"properties": {"f0": {"type": "long"}, "f1": field}}});
        let answer = send(address, "PUT", &format!("/compatibility-{number}"), &mapping.to_string());
        assert_eq!(answer.status, 200, "{kind}: {}", answer.text());
    }
    for kind in ["geo_point", "dense_vector", "flattened"] {
        let mapping = json!({"mappings": {"properties": {"f": {"type": kind}}}});
        let answer = send(address, "PUT", "/compatibility-none", &mapping.to_string());
        assert_eq!(answer.json()["error"]["type"], json!("mapper_parsing_exception"), "{kind}");
    }
}

/// These hold for our own node, whatever server other tests are sent to.
fn address(node: &TestElasticsearch) -> SocketAddr {
    node.url.trim_start_matches("http://").parse().unwrap()
}
