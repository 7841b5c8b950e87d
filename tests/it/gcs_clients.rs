//! Google's storage clients against the embedded server: Python and Go.
//!
//! `scripts/install-test-clients` installs them; one that is absent is skipped, unless `STOCKDEV_REQUIRE_CLIENTS=1`. The
//! programs in `tests/clients` print what they saw as one JSON document.

use std::process::Command;

use serde_json::json;

use crate::cli_support::Sandbox;
use crate::support::clients::{clients, installed, root, run, unique, walk};
use crate::support::servers::TestGcs;

#[test]
fn gcs_python_3_walks_through_the_api() {
    let Some(python) = installed(&clients().join("gcs-python-3/bin/python")) else { return };
    let mut command = Command::new(python);
    command.arg("tests/clients/gcs_python.py");
    let server = TestGcs::start();
    let seen = walk(command, &server.url, &unique("gcs-python"));
    let expected = json!({
        "location": "EU", "exists": [true, false], "conflict": [409, "Conflict"], "listed": true,
        "small": ["M3Q35g==", 8, "application/json", {"k": "v"}], "read": "{\"a\":1}\n", "range": "a\":",
        "again": [412, "PreconditionFailed"], "large": [10_240_000, true], "parts": [10_240_000, true, true],
        "stream": true, "empty": [0, ""], "names": ["data/a b.json", "data/empty", "data/large"],
        "top": [[], ["data/"]], "paged": 5, "glob": ["data/a b.json", "data/large", "data/parts", "data/stream"],
        "patched": ["no-store", 2], "copied": ["copy.json", "application/json", {"k": "v"}, "M3Q35g=="],
        "rewritten": [null, 8, 8], "joined": [16, 2, "{\"a\":1}\n{\"a\":1}\n"], "renamed": ["renamed", false],
        "missing": [404, "NotFound"], "left": 0, "gone": false,
    });
    assert_eq!(seen, expected);
}

#[test]
fn gcs_go_writes_reads_and_lists() {
    let Some(program) = installed(&clients().join("gcs-go")) else { return };
    let server = TestGcs::start();
    let seen = walk(Command::new(program), &server.url, &unique("gcs-go"));
    let expected = json!({
        "bucket": ["EU", "1", "STANDARD"], "conflict": 409,
        "small": [863_254_502, 8, "text/csv", "{\"a\":1}\n"], "again": 412, "range": "a\":", "large": 1_500_000,
        "same": true, "json": true, "missing": true, "updated": ["v", 2], "copied": ["copy", "v"], "joined": [16, 2],
        "names": ["copy", "joined", "data/"], "gone": true,
    });
    assert_eq!(seen, expected);
}

#[test]
fn a_script_that_knows_of_google_only_runs_unchanged_with_the_variables_of_the_stack() {
    let Some(python) = installed(&clients().join("gcs-python-3/bin/python")) else { return };
    let sandbox = Sandbox::new();
    sandbox.run(&["up", "--stack", "embedded", "--ports", "auto", "--push-gcs"]).expect(0);
    let script = root().join("tests/clients/gcs_upload.py").display().to_string();
    let source = root().join("fixtures/stock_data_sample.json").display().to_string();
    let python = python.display().to_string();
    let upload = [python.as_str(), script.as_str(), "stockdev-ticks", source.as_str(), "data/uploaded.json"];
    // All that it needs is the address: with it, Google's client asks for no credentials.
    let variables = sandbox.run(&["env", "--output", "json"]).expect(0).document();
    let address = variables["STORAGE_EMULATOR_HOST"].as_str().unwrap().to_owned();
    let mut command = Command::new(&python);
    command.args(&upload[1..]).env_clear().env("HOME", sandbox.work()).env("STORAGE_EMULATOR_HOST", &address);
    let ran = run(&mut command, "");
    assert!(ran.success && ran.stdout.contains("uploaded to data/uploaded.json"), "{}", ran.all);
    // `exec` sets it, and a project.
    let ran = sandbox.run(&[&["exec", "--"][..], &upload].concat()).expect(0);
    assert!(ran.stdout.contains("project stockdev"), "{ran:#?}");
    let listed = sandbox.run(&["gcs", "ls", "data/uploaded", "--output", "json"]).expect(0).document();
    assert_eq!(listed["objects"][0]["bytes"], std::fs::metadata(&source).unwrap().len(), "{listed}");
    sandbox.run(&["down"]).expect(0);
}
