//! The search node against recorded answers of the real server: each file under `es_cases/` is a list of requests with what
//! Elasticsearch 9.2.4 answered. What no two servers share (ids, times) is masked.
//!
//! `STOCKDEV_TEST_ELASTICSEARCH=http://host:port` asks that server instead of a node of our own, which shows that the record is
//! true; `scripts/record-elasticsearch` writes the record anew.

#![expect(clippy::unwrap_used, reason = "a test: what fails must stop it")]

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value, json};

use crate::es_node::Running;
use crate::support::http::{Answer, send, send_with};

fn cases_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/es_cases")
}

/// Members whose values differ from server to server or from run to run.
const MASKED: [&str; 14] = [
    "took",
    "index.uuid",
    "index.creation_date",
    "uuid",
    "index_uuid",
    "creation_date",
    "created_date_millis",
    "modified_date_millis",
    "node",
    "_scroll_id",
    "pit_id",
    "total_size_in_bytes",
    "size_in_bytes",
    "total_data_set_size_in_bytes",
];

static UUID_IN_TEXT: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"/[A-Za-z0-9_-]{22}\]").unwrap());

/// Replaces what cannot be compared.
fn masked(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let each = members.iter().map(|(key, value)| {
                let hidden = MASKED.contains(&key.as_str()) && *value != json!("_na_") && !value.is_object();
                (key.clone(), if hidden { json!("<masked>") } else { masked(value) })
            });
            Value::Object(each.collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(masked).collect()),
        Value::String(text) => UUID_IN_TEXT.replace_all(text, "/<uuid>]").into_owned().into(),
        // 1.0 and 1 are the same number to every client.
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => json!(float),
            _ => value.clone(),
        },
        other => other.clone(),
    }
}

/// One request as its file has it, sent.
fn perform(address: SocketAddr, step: &Value) -> Answer {
    let (method, target) = step["do"].as_str().unwrap().split_once(' ').unwrap();
    let body = match (&step["body"], &step["raw"], &step["lines"]) {
        (Value::Null, Value::Null, Value::Null) => String::new(),
        (Value::Null, Value::String(raw), _) => raw.clone(),
        (Value::Null, Value::Null, Value::Array(lines)) => lines.iter().map(|line| format!("{line}\n")).collect(),
        (body, _, _) => body.to_string(),
    };
    send(address, method, target, &body)
}

/// What is compared and recorded of an answer.
fn recorded(answer: &Answer) -> Value {
    let mut record = Map::new();
    record.insert("status".into(), answer.status.into());
    for header in ["allow", "location", "warning"] {
        if let Some(value) = answer.header(header) {
            record.insert(header.into(), value.into());
        }
    }
    let body = match serde_json::from_slice::<Value>(&answer.body) {
        Ok(body) => masked(&body),
        Err(_) => Value::String(answer.text()),
    };
    record.insert("body".into(), body);
    Value::Object(record)
}

/// Every case file, each on a node of its own (or all on the server that the variable names).
#[test]
fn answers_equal_those_of_the_real_server() {
    let real = std::env::var("STOCKDEV_TEST_ELASTICSEARCH").ok();
    let recording = std::env::var("STOCKDEV_TEST_RECORD").is_ok();
    let mut differences = Vec::new();
    let mut files: Vec<PathBuf> = std::fs::read_dir(cases_dir()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty());
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut case: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        match &real {
            Some(url) => run(address_of(url), &path, &mut case, recording, &mut differences),
            None => {
                let dir = tempfile::tempdir().unwrap();
                let node = Running::start(dir.path());
                run(node.address, &path, &mut case, false, &mut differences);
            }
        }
        if recording && real.is_some() {
            std::fs::write(&path, format!("{}\n", serde_json::to_string_pretty(&case).unwrap())).unwrap();
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

fn address_of(url: &str) -> SocketAddr {
    let authority = url.trim_start_matches("http://").trim_end_matches('/');
    authority.to_socket_addrs().unwrap().next().unwrap()
}

fn run(address: SocketAddr, path: &Path, case: &mut Value, recording: bool, differences: &mut Vec<String>) {
    let name = path.file_stem().unwrap().to_string_lossy().into_owned();
    let cleanup: Vec<String> = case["cleanup"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|target| target.as_str().map(str::to_owned))
        .collect();
    for target in &cleanup {
        send_with(address, "DELETE", target, &[], b"");
    }
    for step in case["steps"].as_array_mut().unwrap() {
        let answer = recorded(&perform(address, step));
        if recording {
            step["answer"] = answer;
            continue;
        }
        let expected = masked(&step["answer"]);
        let only = step["only"].as_array().cloned();
        let (ours, theirs) = (narrowed(&answer, only.as_deref()), narrowed(&expected, only.as_deref()));
        if ours != theirs {
            differences
                .push(format!("{name}: {} {}\n  expected {theirs}\n  got      {ours}", step["do"], step["body"]));
        }
    }
    for target in &cleanup {
        send_with(address, "DELETE", target, &[], b"");
    }
}

/// `only` names the parts of an answer (as JSON pointers) that are compared; without it all is.
fn narrowed(answer: &Value, only: Option<&[Value]>) -> Value {
    match only {
        None => answer.clone(),
        Some(pointers) => {
            let parts = pointers.iter().filter_map(Value::as_str);
            Value::Array(parts.map(|pointer| answer.pointer(pointer).cloned().unwrap_or(Value::Null)).collect())
        }
    }
}
