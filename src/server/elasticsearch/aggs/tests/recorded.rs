//! The answers of a real Elasticsearch 9.2.4, recorded by `scripts/record-aggregations`.

use serde_json::{Value, json};

use super::support::{difference, index, mapping, search};
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

fn recording() -> Value {
    serde_json::from_str(include_str!("../../../../../tests/it/es_recorded/aggregations.json")).unwrap()
}

fn recorded_index(recording: &Value, per_segment: usize) -> IndexSnapshot {
    let properties = recording["mapping"]["properties"].as_object().unwrap();
    let fields: Vec<(&str, &str)> =
        properties.iter().map(|(path, field)| (path.as_str(), field["type"].as_str().unwrap())).collect();
    let name = recording["index"].as_str().unwrap();
    index(name, &mapping(&fields), recording["documents"].as_array().unwrap(), per_segment)
}

/// What differs from run to run is left out of the recording, so out of ours.
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

#[test]
fn every_recorded_request_is_answered_as_the_real_server_did() {
    let recording = recording();
    let mut wrong = Vec::new();
    let requests = recording["requests"].as_array().unwrap();
    for (per_segment, kind) in [(1000, "one segment"), (70, "several segments")] {
        let shards = [recorded_index(&recording, per_segment)];
        for request in requests {
            let body = request["body"].as_str().unwrap();
            let (ours, theirs) = match search(&shards, body, false) {
                Ok(answer) => (
                    json!({"status": 200, "answer": answer}),
                    json!({"status": request["status"], "answer": request["aggregations"]}),
                ),
                Err(error) => (
                    json!({"status": error.status, "answer": without_ids(&error.error_json())}),
                    json!({"status": request["status"], "answer": request["error"]}),
                ),
            };
            if let Some(difference) = difference("", &ours, &theirs, 1e-12) {
                wrong.push(format!("{kind}: {body}\n    {difference}\n    ours {ours}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), 2 * requests.len(), wrong.join("\n"));
}

#[test]
fn typed_names_are_those_of_the_real_server() {
    let recording = recording();
    let shards = [recorded_index(&recording, 1000)];
    for request in recording["requests"].as_array().unwrap().iter().filter(|request| request["status"] == 200) {
        let body = request["body"].as_str().unwrap();
        let mut names: Vec<String> = search(&shards, body, true).unwrap().keys().cloned().collect();
        names.sort();
        assert_eq!(json!(names), request["typed"], "{body}");
    }
}
