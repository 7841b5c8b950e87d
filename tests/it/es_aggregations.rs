//! Aggregations over HTTP against the recorded answers of Elasticsearch 9.2.4: the data set of
//! `es_recorded/aggregations.json` goes in through the bulk API, and each recorded search body must get the recorded
//! aggregations or refusal, whole.
//!
//! With `STOCKDEV_TEST_ELASTICSEARCH=http://host:port` that server is asked instead, which shows that the record is true;
//! `scripts/record-aggregations` writes it anew.

use std::net::{SocketAddr, ToSocketAddrs};

use serde_json::{Value, json};

use crate::support::clients::unique;
use crate::support::http::send;
use crate::support::servers::TestElasticsearch;

/// What a different order of additions may make of a sum.
const ROUNDING: f64 = 1e-12;

struct Recorded {
    _node: TestElasticsearch,
    address: SocketAddr,
    index: String,
    record: Value,
}

impl Recorded {
    /// The recorded documents in an index of this test's own, refreshed (so a segment cut) every `per_bulk` documents.
    fn start(per_bulk: usize) -> Self {
        let record: Value = serde_json::from_str(include_str!("es_recorded/aggregations.json")).unwrap();
        let node = TestElasticsearch::start();
        let authority = node.url.trim_start_matches("http://").trim_end_matches('/');
        let address = authority.to_socket_addrs().unwrap().next().unwrap();
        let recorded = Self { _node: node, address, index: unique("es-aggregations"), record };
        recorded.fill(per_bulk);
        recorded
    }

    fn fill(&self, per_bulk: usize) {
        self.call("PUT", "", &json!({"mappings": self.record["mapping"]}).to_string());
        let documents = self.record["documents"].as_array().unwrap();
        let numbered: Vec<(usize, &Value)> = documents.iter().enumerate().collect();
        for part in numbered.chunks(per_bulk) {
            let line = |(number, document): &(usize, &Value)| {
                format!("{}\n{document}\n", json!({"index": {"_id": number.to_string()}}))
            };
            let (_, answer) = self.call("POST", "/_bulk?refresh=true", &part.iter().map(line).collect::<String>());
            assert_eq!(
                (&answer["errors"], answer["items"].as_array().map(Vec::len)),
                (&json!(false), Some(part.len()))
            );
        }
        let (_, answer) = self.call("GET", "/_count", "");
        assert_eq!(answer["count"], documents.len());
    }

    /// Status and answer; ours names its own index where the record names the recorded one.
    fn call(&self, method: &str, rest: &str, body: &str) -> (u16, Value) {
        let answer = send(self.address, method, &format!("/{}{rest}", self.index), body);
        let text = answer.text().replace(&self.index, self.record["index"].as_str().unwrap());
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{method} {rest}: {error}: {text}"));
        (answer.status, json)
    }

    /// How the answer to a recorded request differs from the record.
    fn difference(&self, request: &Value) -> Option<String> {
        let body = request["body"].as_str().unwrap();
        let (status, answer) = self.call("POST", "/_search", body);
        let ours = match status {
            200 => json!({"status": status, "answer": answer["aggregations"]}),
            _ => json!({"status": status, "answer": without_ids(&answer["error"])}),
        };
        let recorded = if request["status"] == 200 { "aggregations" } else { "error" };
        let theirs = json!({"status": request["status"], "answer": request[recorded]});
        difference("", &ours, &theirs).map(|difference| format!("{body}\n    {difference}\n    got {ours}"))
    }

    fn check(&self) {
        let requests = self.record["requests"].as_array().unwrap();
        let refused = requests.iter().filter(|request| request["status"] != 200).count();
        assert!(refused > 0 && requests.len() > refused, "the record holds answers and refusals");
        let wrong: Vec<String> = requests.iter().filter_map(|request| self.difference(request)).collect();
        assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), requests.len(), wrong.join("\n"));
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        // The server may be a shared one. Its answer does not matter to a test that has failed already.
        send(self.address, "DELETE", &format!("/{}", self.index), "");
    }
}

#[test]
fn every_recorded_search_gets_the_recorded_aggregations_or_refusal() {
    Recorded::start(1000).check();
}

#[test]
fn several_segments_give_the_same_aggregations() {
    Recorded::start(70).check();
}

#[test]
fn typed_keys_name_the_kinds_as_the_real_server_does() {
    let recorded = Recorded::start(1000);
    for request in recorded.record["requests"].as_array().unwrap().iter().filter(|request| request["status"] == 200) {
        let body = request["body"].as_str().unwrap();
        let (status, answer) = recorded.call("POST", "/_search?typed_keys=true", body);
        assert_eq!(status, 200, "{body}: {answer}");
        let mut names: Vec<&String> = answer["aggregations"].as_object().unwrap().keys().collect();
        names.sort();
        assert_eq!(json!(names), request["typed"], "{body}");
    }
}

/// What differs from run to run is not in the record.
fn without_ids(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "node" | "index_uuid"))
            .map(|(key, value)| (key.clone(), without_ids(value)))
            .collect(),
        Value::Array(items) => items.iter().map(without_ids).collect(),
        other => other.clone(),
    }
}

/// The first difference: order of keys and form of numbers (`1` or `1.0`) count, rounding does not.
fn difference(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Object(left), Value::Object(right)) => {
            if !left.keys().eq(right.keys()) {
                let keys =
                    |object: &serde_json::Map<String, Value>| object.keys().cloned().collect::<Vec<_>>().join(", ");
                return Some(format!("{path}: keys {} instead of {}", keys(left), keys(right)));
            }
            left.iter().find_map(|(key, value)| difference(&format!("{path}.{key}"), value, &right[key]))
        }
        (Value::Array(left), Value::Array(right)) => {
            if left.len() != right.len() {
                return Some(format!("{path}: {} items instead of {}", left.len(), right.len()));
            }
            let mut pairs = left.iter().zip(right).enumerate();
            pairs.find_map(|(at, (left, right))| difference(&format!("{path}[{at}]"), left, right))
        }
        (Value::Number(left), Value::Number(right)) => {
            let (a, b) = (left.as_f64().unwrap(), right.as_f64().unwrap());
            let near = (a - b).abs() <= ROUNDING * a.abs().max(b.abs()).max(1.0);
            (left.is_f64() != right.is_f64() || !near).then(|| format!("{path}: {left} instead of {right}"))
        }
        _ => (ours != theirs).then(|| format!("{path}: {ours} instead of {theirs}")),
    }
}
