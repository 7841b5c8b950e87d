//! The search node over its socket: transport, media types, routing, and the administration of indices.

#![expect(clippy::unwrap_used, reason = "a test: what fails must stop it")]

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use stockdev::server::elasticsearch::{Limits, Node, NodeConfig};
use tokio_util::sync::CancellationToken;

use crate::support::http::{Answer, exchange, send, send_with};

/// A node that serves on a port of its own until it is dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    shutdown: CancellationToken,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(data_dir: &Path) -> Running {
        Self::start_with(data_dir, Limits::default())
    }

    pub(crate) fn start_with(data_dir: &Path, limits: Limits) -> Running {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let token = shutdown.clone();
        let config = NodeConfig { limits, ..NodeConfig::new(data_dir, address) };
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async {
                let node = Node::open(config).unwrap();
                node.serve(vec![tokio::net::TcpListener::from_std(listener).unwrap()], token).await.unwrap();
            });
        });
        Running { address, shutdown, thread: Some(thread) }
    }

    pub(crate) fn send(&self, method: &str, target: &str, body: &str) -> Answer {
        send(self.address, method, target, body)
    }

    /// Sends, checks the status, reads JSON.
    pub(crate) fn expect(&self, status: u16, method: &str, target: &str, body: &str) -> Value {
        let answer = self.send(method, target, body);
        assert_eq!(answer.status, status, "{method} {target} {body}: {}", answer.text());
        answer.json()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !std::thread::panicking()
        {
            panic!("the node's thread panicked");
        }
    }
}

fn fresh() -> (tempfile::TempDir, Running) {
    let dir = tempfile::tempdir().unwrap();
    let node = Running::start(dir.path());
    (dir, node)
}

/// The main exception of an error body: its type and reason, which stand in the root cause too.
fn error(answer: &Value) -> (&str, &str) {
    let error = &answer["error"];
    (error["type"].as_str().unwrap_or_default(), error["reason"].as_str().unwrap_or_default())
}

#[test]
fn every_answer_names_the_product_and_echoes_the_opaque_id() {
    let (_dir, node) = fresh();
    for (method, target) in [
        ("GET", "/"),
        ("GET", "/nope"),
        ("GET", "/a/b/c/d"),
        ("PATCH", "/i"),
        ("GET", "/_cat/indices"),
        ("OPTIONS", "/x"),
    ] {
        let answer = send_with(node.address, method, target, &[("X-Opaque-Id", "me")], b"");
        assert_eq!(answer.header("x-elastic-product"), Some("Elasticsearch"), "{method} {target}");
        assert_eq!(answer.header("x-opaque-id"), Some("me"), "{method} {target}");
    }
}

#[test]
fn the_root_says_version_and_stays_the_same_cluster_over_a_restart() {
    let (dir, node) = fresh();
    let answer = node.send("GET", "/", "");
    assert!(answer.text().starts_with("{\n  \"name\" : \"stockdev\",\n"), "{}", answer.text());
    let body = answer.json();
    assert_eq!(body["version"]["number"], "9.2.4");
    assert_eq!(body["version"]["build_flavor"], "default");
    assert_eq!(body["tagline"], "You Know, for Search");
    assert_eq!(body["cluster_uuid"].as_str().unwrap().len(), 22);
    assert!(!node.send("GET", "/?pretty=false", "").text().contains('\n'));
    let head = node.send("HEAD", "/", "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(answer.body.len().to_string().as_str()));
    drop(node);
    let node = Running::start(dir.path());
    assert_eq!(node.expect(200, "GET", "/", "")["cluster_uuid"], body["cluster_uuid"]);
}

#[test]
fn media_types_are_agreed_as_the_real_server_does() {
    let (_dir, node) = fresh();
    node.expect(200, "PUT", "/i", "");
    let v8 = "application/vnd.elasticsearch+json; compatible-with=8";
    let put = |headers: &[(&str, &str)]| send_with(node.address, "PUT", "/i/_mapping", headers, b"{}");
    let answer = put(&[("content-type", v8), ("accept", v8)]);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/vnd.elasticsearch+json;compatible-with=8"));
    let answer = put(&[("content-type", "application/x-www-form-urlencoded")]);
    assert_eq!(answer.status, 406);
    let text = "Content-Type header [application/x-www-form-urlencoded] is not supported";
    assert_eq!(answer.json(), json!({"error": text, "status": 406}));
    assert_eq!(put(&[]).json(), json!({"error": "Content-Type header [] is not supported", "status": 406}));
    let answer = put(&[("content-type", "garbage")]);
    assert_eq!(answer.status, 400);
    assert_eq!(
        error(&answer.json()),
        ("media_type_header_exception", "Invalid media-type value on headers [Content-Type]")
    );
    assert_eq!(put(&[("content-type", v8)]).status, 400);
}

#[test]
fn gzip_works_both_ways() {
    use std::io::{Read, Write};
    let (_dir, node) = fresh();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(br#"{"settings":{"number_of_replicas":0}}"#).unwrap();
    let body = encoder.finish().unwrap();
    let headers = [("content-type", "application/json"), ("content-encoding", "gzip"), ("accept-encoding", "gzip")];
    let answer = send_with(node.address, "PUT", "/zipped", &headers, &body);
    assert_eq!((answer.status, answer.header("content-encoding")), (200, Some("gzip")));
    let mut text = String::new();
    flate2::read::GzDecoder::new(answer.body.as_slice()).read_to_string(&mut text).unwrap();
    assert_eq!(text, r#"{"acknowledged":true,"shards_acknowledged":true,"index":"zipped"}"#);
    assert_eq!(
        node.expect(200, "GET", "/zipped/_settings", "")["zipped"]["settings"]["index"]["number_of_replicas"],
        "0"
    );
}

#[test]
fn bodies_beyond_the_bound_get_413_without_a_body() {
    let dir = tempfile::tempdir().unwrap();
    let node = Running::start_with(dir.path(), Limits { body_bytes_max: 1000, ..Limits::default() });
    let answer = node.send("PUT", "/i", &" ".repeat(1001));
    assert_eq!((answer.status, answer.body.len(), answer.header("x-elastic-product")), (413, 0, None));
    node.expect(200, "PUT", "/i", &format!("{}{{}}", " ".repeat(900)));
}

#[test]
fn bodies_beyond_the_memory_of_the_node_get_429() {
    let dir = tempfile::tempdir().unwrap();
    let node = Running::start_with(dir.path(), Limits { in_flight_bytes_max: 2048, ..Limits::default() });
    let answer = node.send("PUT", "/i", &format!("{}{{}}", " ".repeat(9000)));
    assert_eq!(answer.status, 429);
    assert_eq!(error(&answer.json()).0, "es_rejected_execution_exception");
    node.expect(200, "PUT", "/i", "{}");
}

#[test]
fn long_lines_and_headers_are_refused_in_words() {
    let (_dir, node) = fresh();
    let answer = node.send("GET", &format!("/_cat?x={}", "a".repeat(5000)), "");
    assert_eq!(answer.status, 400);
    assert_eq!(error(&answer.json()), ("too_long_http_line_exception", "An HTTP line is larger than 4096 bytes."));
    let big = "a".repeat(17_000);
    let answer = send_with(node.address, "GET", "/", &[("x-big", &big)], b"");
    assert_eq!(answer.status, 400);
    assert_eq!(error(&answer.json()), ("too_long_http_header_exception", "HTTP header is larger than 16384 bytes."));
}

#[test]
fn wrong_methods_and_paths_are_told_apart() {
    let (_dir, node) = fresh();
    let answer = node.send("PATCH", "/i", "");
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET,PUT,DELETE,HEAD")));
    let text = "Incorrect HTTP method for uri [/i] and method [PATCH], allowed: [GET, PUT, DELETE, HEAD]";
    assert_eq!(answer.json(), json!({"error": text, "status": 405}));
    let answer = node.send("FOO", "/i", "");
    assert_eq!(answer.json()["error"], "Unexpected http method: FOO, allowed: [GET, PUT, DELETE, HEAD]");
    let answer = node.send("GET", "/a/b/c/d?pretty", "");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.text(), "{\n  \"error\" : \"no handler found for uri [/a/b/c/d?pretty] and method [GET]\"\n}\n");
    let body = node.expect(400, "GET", "/_bogus", "");
    assert_eq!(error(&body), ("invalid_index_name_exception", "Invalid index name [_bogus], must not start with '_'."));
    let answer = node.send("OPTIONS", "/i", "");
    assert_eq!((answer.status, answer.header("allow"), answer.body.len()), (200, Some("GET,PUT,DELETE,HEAD"), 0));
}

#[test]
fn unknown_parameters_and_broken_values_are_refused() {
    let (_dir, node) = fresh();
    for (target, reason) in [
        ("/_cluster/settings?bogus=1", "request [/_cluster/settings] contains unrecognized parameter: [bogus]"),
        ("/_cluster/settings?a=1&b=2", "request [/_cluster/settings] contains unrecognized parameters: [a], [b]"),
        (
            "/_cat/indices?helth=1",
            "request [/_cat/indices] contains unrecognized parameter: [helth] -> did you mean any of [health, help]?",
        ),
        ("/_cluster/settings?pretty=maybe", "Failed to parse value [maybe] as only [true] or [false] are allowed."),
        ("/%zz", "invalid escape sequence `%zz' at index 1 of: /%zz"),
        (
            "/_cluster/health?level=bogus",
            "level parameter must be one of [cluster] or [indices] or [shards] but was [bogus]",
        ),
        ("/_cat/indices?s=bogus", "Unable to sort by unknown sort key `bogus`"),
        ("/_mapping?expand_wildcards=bogus", "No valid expand wildcard value [bogus]"),
    ] {
        let body = node.expect(400, "GET", target, "");
        assert_eq!(error(&body), ("illegal_argument_exception", reason), "{target}");
    }
}

#[test]
fn filter_path_cuts_answers_but_not_errors() {
    let (_dir, node) = fresh();
    node.expect(200, "PUT", "/i", "");
    assert_eq!(
        node.send("GET", "/i?filter_path=**.number_of_*", "").text(),
        r#"{"i":{"settings":{"index":{"number_of_shards":"1","number_of_replicas":"1"}}}}"#
    );
    assert_eq!(node.send("GET", "/i?filter_path=-i.settings,-i.aliases,-i.mappings", "").text(), "{}");
    assert_eq!(node.expect(404, "GET", "/nope?filter_path=status", "")["error"]["type"], "index_not_found_exception");
}

#[test]
fn an_index_is_made_shown_and_deleted() {
    let (_dir, node) = fresh();
    let made = node.expect(200, "PUT", "/i", r#"{"settings":{"index":{"refresh_interval":"5s"}},"aliases":{"al":{}}}"#);
    assert_eq!(made, json!({"acknowledged": true, "shards_acknowledged": true, "index": "i"}));
    let shown = node.expect(200, "GET", "/al", "");
    assert_eq!(shown["i"]["aliases"], json!({"al": {}}));
    let settings = &shown["i"]["settings"]["index"];
    assert_eq!((&settings["number_of_shards"], &settings["refresh_interval"]), (&json!("1"), &json!("5s")));
    assert_eq!(settings["version"]["created"], "9039003");
    let again = node.expect(400, "PUT", "/i", "");
    let uuid = settings["uuid"].as_str().unwrap();
    assert_eq!(error(&again), ("resource_already_exists_exception", &*format!("index [i/{uuid}] already exists")));
    assert_eq!(again["error"]["index_uuid"], uuid);
    assert_eq!(node.send("HEAD", "/i", "").status, 200);
    assert_eq!(node.send("HEAD", "/i,other", "").status, 404);
    for (target, reason) in [
        ("/i*", "Wildcard expressions or all indices are not allowed"),
        ("/_all", "Wildcard expressions or all indices are not allowed"),
        ("/al", "The provided expression [al] matches an alias, specify the corresponding concrete indices instead."),
    ] {
        assert_eq!(error(&node.expect(400, "DELETE", target, "")).1, reason);
    }
    assert_eq!(node.expect(200, "DELETE", "/i", ""), json!({"acknowledged": true}));
    let gone = node.expect(404, "DELETE", "/i", "");
    assert_eq!(gone["error"]["root_cause"][0]["index_uuid"], "_na_");
    assert_eq!(error(&gone), ("index_not_found_exception", "no such index [i]"));
    assert_eq!(node.expect(404, "GET", "/_alias/al", ""), json!({"error": "alias [al] missing", "status": 404}));
}

#[test]
fn wrong_creations_are_refused_and_leave_nothing() {
    let (dir, node) = fresh();
    for (target, body, kind, reason) in [
        ("/Up", "", "invalid_index_name_exception", "Invalid index name [Up], must be lowercase"),
        ("/_x", "", "invalid_index_name_exception", "Invalid index name [_x], must not start with '_', '-', or '+'"),
        ("/i", r#"{"setings":{}}"#, "parse_exception", "unknown key [setings] for create index"),
        ("/i", r#"{"mappings":[]}"#, "parse_exception", "key [mappings] must be an object"),
        (
            "/i",
            r#"{"settings":{"number_of_shards":0}}"#,
            "illegal_argument_exception",
            "Failed to parse value [0] for setting [index.number_of_shards] must be >= 1",
        ),
        ("/i", r#"{"aliases":{"x":{"bogus":1}}}"#, "illegal_argument_exception", "Unknown field [bogus] in alias [x]"),
        (
            "/i",
            "{bad",
            "x_content_parse_exception",
            "[1:2] Unexpected character ('b' (code 98)): was expecting double-quote to start field name\n at [Source: (byte[])\"{bad\"; line: 1, column: 2]",
        ),
    ] {
        let answer = node.expect(400, "PUT", target, body);
        assert_eq!(error(&answer), (kind, reason), "{body}");
    }
    assert_eq!(node.expect(200, "GET", "/_all", ""), json!({}));
    assert_eq!(std::fs::read_dir(dir.path().join("indices")).unwrap().count(), 0);
}

#[test]
fn everything_acknowledged_is_there_after_a_restart() {
    let (dir, node) = fresh();
    let template = r#"{"index_patterns":["tick*"],"priority":3,"template":{"settings":{"number_of_replicas":0},"mappings":{"properties":{"n":{"type":"long"}}},"aliases":{"all-ticks":{}}}}"#;
    node.expect(200, "PUT", "/_index_template/t", template);
    node.expect(200, "PUT", "/tick-1", r#"{"mappings":{"properties":{"sym":{"type":"keyword"}}}}"#);
    node.expect(200, "PUT", "/other", "");
    node.expect(200, "PUT", "/other/_alias/o", r#"{"filter":{"term":{"a":1}}}"#);
    node.expect(200, "PUT", "/other/_settings", r#"{"refresh_interval":"7s"}"#);
    node.expect(200, "PUT", "/other/_mapping", r#"{"properties":{"x":{"type":"double"}}}"#);
    node.expect(200, "PUT", "/gone", "");
    node.expect(200, "DELETE", "/gone", "");
    let before = node.expect(200, "GET", "/_all", "");
    let templates = node.expect(200, "GET", "/_index_template", "");
    assert_eq!(before["tick-1"]["mappings"]["properties"], json!({"n": {"type": "long"}, "sym": {"type": "keyword"}}));
    assert_eq!(before["tick-1"]["aliases"], json!({"all-ticks": {}}));
    assert_eq!(before["other"]["settings"]["index"]["refresh_interval"], "7s");
    drop(node);
    // What a crash may leave: a folder whose index was never acknowledged, and one on its way out.
    std::fs::create_dir(dir.path().join("indices/half-made")).unwrap();
    std::fs::create_dir(dir.path().join("indices/half-gone.deleted")).unwrap();
    let node = Running::start(dir.path());
    assert_eq!(node.expect(200, "GET", "/_all", ""), before);
    assert_eq!(node.expect(200, "GET", "/_index_template", ""), templates);
    assert_eq!(std::fs::read_dir(dir.path().join("indices")).unwrap().count(), 2);
}

#[test]
fn a_damaged_folder_is_refused_with_the_files_name() {
    let (dir, node) = fresh();
    node.expect(200, "PUT", "/i", "");
    drop(node);
    std::fs::write(dir.path().join("cluster.json"), "{").unwrap();
    let config = NodeConfig::new(dir.path(), "127.0.0.1:1".parse().unwrap());
    let refused = Node::open(config).unwrap_err().to_string();
    assert!(refused.contains("cluster.json` is damaged"), "{refused}");
}

#[test]
fn health_counts_replicas_and_waits() {
    let (_dir, node) = fresh();
    let green = node.expect(200, "GET", "/_cluster/health", "");
    assert_eq!((&green["status"], &green["active_shards_percent_as_number"]), (&json!("green"), &json!(100.0)));
    node.expect(200, "PUT", "/i", "");
    let yellow = node.expect(200, "GET", "/_cluster/health?level=indices", "");
    assert_eq!((&yellow["status"], &yellow["unassigned_shards"]), (&json!("yellow"), &json!(1)));
    assert_eq!(yellow["indices"]["i"]["active_shards"], 1);
    let started = Instant::now();
    let timed_out = node.expect(408, "GET", "/_cluster/health?wait_for_status=green&timeout=100ms", "");
    assert_eq!((&timed_out["timed_out"], started.elapsed() >= Duration::from_millis(100)), (&json!(true), true));
    let missing = node.expect(408, "GET", "/_cluster/health/nope?timeout=1ms", "");
    assert_eq!((&missing["status"], &missing["timed_out"]), (&json!("red"), &json!(true)));
    let waiting = {
        let address = node.address;
        std::thread::spawn(move || send(address, "GET", "/_cluster/health/i?wait_for_status=green&timeout=30s", ""))
    };
    node.expect(200, "PUT", "/i/_settings", r#"{"number_of_replicas":0}"#);
    assert_eq!(waiting.join().unwrap().status, 200);
    assert_eq!(node.expect(200, "GET", "/_cluster/health?wait_for_nodes=%3E%3D1", "")["timed_out"], false);
}

#[test]
fn aliases_are_changed_together_or_not_at_all() {
    let (_dir, node) = fresh();
    node.expect(200, "PUT", "/a", "");
    node.expect(200, "PUT", "/b", "");
    let both = r#"{"actions":[{"add":{"index":"a","alias":"m"}},{"add":{"indices":["b"],"alias":"m","is_write_index":true}}]}"#;
    assert_eq!(node.expect(200, "POST", "/_aliases", both), json!({"acknowledged": true, "errors": false}));
    assert_eq!(
        node.expect(200, "GET", "/_alias/m", ""),
        json!({"a": {"aliases": {"m": {}}}, "b": {"aliases": {"m": {"is_write_index": true}}}})
    );
    let clash = r#"{"actions":[{"remove":{"index":"a","alias":"m"}},{"add":{"index":"a","alias":"b"}}]}"#;
    let reason = "Invalid alias name [b]: an index or data stream exists with the same name as the alias";
    assert_eq!(error(&node.expect(400, "POST", "/_aliases", clash)), ("invalid_alias_name_exception", reason));
    assert_eq!(node.expect(200, "GET", "/a/_alias", "")["a"]["aliases"], json!({"m": {}}));
    let swap = r#"{"actions":[{"remove":{"index":"*","alias":"m"}},{"add":{"index":"b","alias":"n"}}]}"#;
    node.expect(200, "POST", "/_aliases", swap);
    assert_eq!(node.send("HEAD", "/_alias/m", "").status, 404);
    let missing = node.expect(404, "DELETE", "/a/_alias/none", "");
    assert_eq!(error(&missing), ("aliases_not_found_exception", "aliases [none] missing"));
    assert_eq!(error(&node.expect(400, "POST", "/_aliases", r#"{"actions":[]}"#)).1, "No action specified");
}

#[test]
fn templates_are_validated_listed_and_deleted() {
    let (_dir, node) = fresh();
    node.expect(200, "PUT", "/_index_template/tk", r#"{"index_patterns":["tick*"],"priority":10,"version":3}"#);
    let listed = node.expect(200, "GET", "/_index_template/tk", "");
    let template = &listed["index_templates"][0]["index_template"];
    assert_eq!((&template["composed_of"], &template["priority"]), (&json!([]), &json!(10)));
    let clash = node.expect(400, "PUT", "/_index_template/tk2", r#"{"index_patterns":["tick-*"],"priority":10}"#);
    assert_eq!(
        error(&clash).1,
        "index template [tk2] has index patterns [tick-*] matching patterns from existing templates [tk] with patterns (tk => [tick*]) that have the same priority [10], multiple index templates may not match during index creation, please use a different priority"
    );
    let unknown = node.expect(
        400,
        "PUT",
        "/_index_template/x",
        r#"{"index_patterns":["z*"],"template":{"settings":{"bogus":1,"number_of_shards":"x"}}}"#,
    );
    assert_eq!(
        error(&unknown),
        (
            "invalid_index_template_exception",
            "index_template [x] invalid, cause [Validation Failed: 1: Failed to parse value [x] for setting [index.number_of_shards];2: unknown setting [index.bogus] please check that any required plugins are installed, or check the breaking changes documentation for removed settings;]"
        )
    );
    let exists = node.expect(400, "PUT", "/_index_template/tk?create=true", r#"{"index_patterns":["tick*"]}"#);
    assert_eq!(error(&exists).1, "index template [tk] already exists");
    assert_eq!(
        error(&node.expect(404, "GET", "/_index_template/none", "")).1,
        "index template matching [none] not found"
    );
    assert_eq!(node.send("HEAD", "/_index_template/none", "").status, 404);
    let gone = node.expect(404, "DELETE", "/_index_template/none", "");
    assert_eq!(error(&gone), ("index_template_missing_exception", "index_template [none] missing"));
    node.expect(200, "DELETE", "/_index_template/tk", "");
    assert_eq!(node.expect(200, "GET", "/_index_template", ""), json!({"index_templates": []}));
}

#[test]
fn expressions_find_indices_as_the_real_server_does() {
    let (_dir, node) = fresh();
    for index in ["a1", "a2", "b1"] {
        node.expect(200, "PUT", &format!("/{index}"), "");
    }
    node.expect(200, "POST", "/b1/_close", "");
    let names = |target: &str| -> Vec<String> {
        node.expect(200, "GET", target, "").as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(names("/a*/_mapping"), ["a1", "a2"]);
    assert_eq!(names("/a*,-a1/_mapping"), ["a2"]);
    assert_eq!(names("/_all/_mapping"), ["a1", "a2"]);
    assert_eq!(names("/*/_mapping?expand_wildcards=closed"), ["b1"]);
    assert_eq!(names("/nope*/_mapping"), [""; 0]);
    assert_eq!(names("/nope,a1/_mapping?ignore_unavailable=true"), ["a1"]);
    node.expect(404, "GET", "/nope*/_mapping?allow_no_indices=false", "");
    node.expect(404, "GET", "/nope,a1/_mapping", "");
    let closed = node.expect(400, "POST", "/b1/_refresh", "");
    assert_eq!(error(&closed), ("index_closed_exception", "closed"));
    node.expect(200, "POST", "/b1/_open", "");
    assert_eq!(
        node.expect(200, "POST", "/b1/_refresh", "")["_shards"],
        json!({"total": 2, "successful": 1, "failed": 0})
    );
}

#[test]
fn tables_are_text_unless_json_is_asked_for() {
    let (_dir, node) = fresh();
    node.expect(200, "PUT", "/i", "");
    let table = node.send("GET", "/_cat/indices?v&h=health,status,index,pri,rep,docs.count", "");
    assert_eq!(table.header("content-type"), Some("text/plain; charset=UTF-8"));
    assert_eq!(table.text(), "health status index pri rep docs.count\nyellow open   i       1   1          0\n");
    for (target, accept) in
        [("/_cat/indices?h=index&format=json", "*/*"), ("/_cat/indices?h=index", "application/json")]
    {
        let answer = send_with(node.address, "GET", target, &[("accept", accept)], b"");
        assert_eq!(
            (answer.text().as_str(), answer.header("content-type")),
            (r#"[{"index":"i"}]"#, Some("application/json"))
        );
    }
    let list = "text/plain,application/vnd.elasticsearch+json; compatible-with=9";
    let answer = send_with(node.address, "GET", "/_cat/indices?h=index", &[("accept", list)], b"");
    assert_eq!(answer.text(), "i\n");
    assert!(node.send("GET", "/_cat/health", "").text().contains(" elasticsearch yellow "));
}

#[test]
fn field_capabilities_are_those_of_the_mapping() {
    let (_dir, node) = fresh();
    node.expect(200, "PUT", "/g", r#"{"mappings":{"properties":{"sym":{"type":"keyword"},"t":{"type":"text"},"o":{"properties":{"p":{"type":"double"}}}}}}"#);
    node.expect(200, "PUT", "/h", r#"{"mappings":{"properties":{"sym":{"type":"long"}}}}"#);
    let caps = node.expect(200, "GET", "/g/_field_caps?fields=sym,t,o*", "");
    let leaf = |kind: &str, aggregatable: bool| json!({kind: {"type": kind, "metadata_field": false, "searchable": true, "aggregatable": aggregatable}});
    assert_eq!(caps["fields"]["sym"], leaf("keyword", true));
    assert_eq!(caps["fields"]["t"], leaf("text", false));
    assert_eq!(caps["fields"]["o.p"], leaf("double", true));
    assert_eq!(caps["fields"]["o"]["object"]["searchable"], false);
    let both = node.expect(200, "GET", "/g,h/_field_caps?fields=sym", "");
    assert_eq!(both["fields"]["sym"]["long"]["indices"], json!(["h"]));
    assert_eq!(both["fields"]["sym"]["keyword"]["indices"], json!(["g"]));
    assert_eq!(node.expect(200, "GET", "/none*/_field_caps?fields=*", ""), json!({"indices": [], "fields": {}}));
    assert_eq!(error(&node.expect(400, "GET", "/_field_caps", "")).1, "Validation Failed: 1: no fields specified;");
}

#[test]
fn clients_that_sniff_find_the_published_address() {
    let (_dir, node) = fresh();
    let nodes = node.expect(200, "GET", "/_nodes/http", "");
    let (_, first) = nodes["nodes"].as_object().unwrap().iter().next().unwrap();
    assert_eq!(first["http"]["publish_address"], node.address.to_string());
    assert_eq!(first["http"]["max_content_length_in_bytes"], 104_857_600);
    assert_eq!(node.expect(200, "GET", "/_license", "")["license"]["status"], "active");
}

#[test]
fn any_bytes_on_the_socket_leave_the_node_alive() {
    let (_dir, node) = fresh();
    for bytes in [
        b"\0\0\0\0\r\n\r\n".as_slice(),
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /_aliases HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 99999999999999999999\r\n\r\n",
        b"PUT /i HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"PUT /i HTTP/1.1\r\nhost: x\r\ncontent-encoding: br\r\ncontent-type: application/json\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}",
    ] {
        // An answer or a closed connection: both are fine, a dead node is not.
        let _answer = exchange(node.address, bytes, false);
        assert_eq!(node.send("GET", "/", "").status, 200);
    }
}
