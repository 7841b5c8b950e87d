//! Google's own BigQuery clients against the embedded server: Python (with and without the storage API's package), Go.
//!
//! `scripts/install-test-clients` installs them; one that is absent is skipped, unless `STOCKDEV_REQUIRE_CLIENTS=1`. The programs in
//! `tests/clients` print what they saw as one JSON document.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::clients::{clients, installed, walk};
use crate::support::servers::TestBigQuery;

#[test]
fn python_walks_through_the_api() {
    python("bigquery-python");
}

/// With that package installed, the client would read large results from Google's own host.
#[test]
fn python_reads_data_frames_though_the_storage_api_is_there() {
    python("bigquery-python-storage");
}

fn python(client: &str) {
    let Some(python) = installed(&clients().join(client).join("bin/python")) else { return };
    let server = TestBigQuery::start();
    let mut command = Command::new(python);
    command.arg("tests/clients/bigquery_python.py");
    let seen = walk(command, &server.url, "walk");
    let expected = json!({
        "dataset": ["EU", {"env": "test"}, "demo-project:walk"],
        "updated": ["described", {"team": "a"}],
        "listed": true,
        "twice": [409, "duplicate"],
        "schema": [
            ["instrument_token", "INTEGER", "REQUIRED"], ["timestamp", "TIMESTAMP", "NULLABLE"],
            ["last_price", "FLOAT", "NULLABLE"], ["depth", "RECORD", "REPEATED"],
        ],
        "table": "prices",
        "streamed": [],
        "refused": [0, "invalid", "colour"],
        "read": [true, 1.5, true, [], null],
        "selected": [[1]],
        "rows": 2,
        "load_json": [2, "DONE"],
        "load_csv": 3,
        "load_resumable": 800_000,
        "load_missing": true,
        "frame": [1000, "Int64", 750_750.0, "n1000"],
        "job": ["DONE", "SELECT", null, false, "EU"],
        "pages": [400, 400, 200],
        "and_wait": 1000,
        "start": [999, 1000],
        "bqstorage_off": 1000,
        "values": [6, true, null, [1, 2, 3], 2.5, "2024-01-31", true, "1.1", "ab", {"p": 1, "r": "q"}, "2024-01-31T09:15:00"],
        "dml": [2, "INSERT"],
        "ddl": ["CREATE", "CREATE_TABLE_AS_SELECT", "ticks_copy"],
        "script": [[4], "SCRIPT", true],
        "children": [true],
        "dry_run": [true, 4],
        "destination": [3.5, 4.5],
        "copy": 2,
        "error": [400, "invalidQuery", true, true],
        "missing": [404, "notFound"],
        "legacy": 400,
        "duplicate": 409,
        "cancel": true,
        "jobs": 5,
        "predicted": 21.0,
        "model": ["LINEAR_REGRESSION", "m", ["m"]],
        "gone": 404,
    });
    assert_eq!(differences(&seen, &expected), [] as [String; 0], "{seen:#}");
}

#[test]
fn go_walks_through_the_api() {
    let Some(program) = installed(&clients().join("bigquery-go")) else { return };
    let server = TestBigQuery::start();
    let seen = walk(Command::new(program), &server.url, "walk");
    let expected = json!({
        "dataset": ["EU", "test"],
        "stale": [412, "conditionNotMet"],
        "described": "described",
        "twice": [409, "duplicate"],
        "first": [1, true, 1.5, "1.1", "2024-01-31"],
        "loaded": 2,
        "rows": [250, 250, 125, 250],
        "paged": 250,
        "statement": ["SELECT", "EU"],
        "parameters": [42, ["a", "b"], true],
        "inserted": 1,
        "script": [true, true],
        "dry": true,
        "error": [400, "invalidQuery"],
        "missing": [404, "notFound"],
        "in_use": [400, "resourceInUse"],
    });
    assert_eq!(differences(&seen, &expected), [] as [String; 0], "{seen:#}");
}

/// Member by member, so that a failure names them.
fn differences(seen: &Value, expected: &Value) -> Vec<String> {
    let (seen, expected) = (seen.as_object().unwrap(), expected.as_object().unwrap());
    let names: std::collections::BTreeSet<&String> = seen.keys().chain(expected.keys()).collect();
    let differ = names.into_iter().filter(|name| seen.get(*name) != expected.get(*name));
    differ.map(|name| format!("{name}: {:?}, expected {:?}", seen.get(name), expected.get(name))).collect()
}
