//! What the commands say and do about what they can't use: damaged files, endpoints that do not answer.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::cli_support::Sandbox;

/// Nothing listens there.
const NOWHERE: &str = "127.0.0.1:1";

#[cfg(target_os = "linux")]
#[test]
fn down_stops_a_server_whose_file_was_cut_short() {
    let sandbox = Sandbox::new();
    sandbox.run(&["up", "--no-stream", "--ports", "auto", "-q"]).expect(0);
    let file = sandbox.state().join("server.json");
    let whole: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let pid = whole["process"]["pid"].clone();
    std::fs::write(&file, "{\"process\":{\"pi").unwrap();
    let down = sandbox.run(&["down", "--output", "json"]);
    let down = down.expect(0);
    assert_eq!(down.document()["stopped"], Value::from(vec![pid.clone()]));
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    assert!(stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X'])), "{stat}");
}

#[test]
fn status_asks_the_endpoint_that_is_named_and_no_other() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["status", "--kafka", NOWHERE, "--output", "json"]);
    let ran = ran.expect(4);
    let document = ran.document();
    assert_eq!(document["state"], "degraded");
    let services = document["services"].as_array().unwrap();
    assert_eq!(services.len(), 1, "{document}");
    assert_eq!((&services[0]["endpoint"], &services[0]["pid"]), (&Value::from(NOWHERE), &Value::Null));
}

#[test]
fn index_says_at_once_that_elasticsearch_does_not_answer() {
    let sandbox = Sandbox::new();
    let started = Instant::now();
    let url = format!("http://{NOWHERE}");
    let ran =
        sandbox.run(&["index", "--until-caught-up", "--kafka", NOWHERE, "--elasticsearch", &url, "--output", "json"]);
    let ran = ran.expect(1);
    assert_eq!(ran.document()["error"]["id"], "ENDPOINT_UNREACHABLE");
    assert!(ran.document()["error"]["message"].as_str().unwrap().contains(&url));
    assert!(started.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_missing_command_is_named_without_the_commands_that_are_not_for_people() {
    let sandbox = Sandbox::new();
    for line in [&["--output", "json"][..], &["template", "--output", "json"]] {
        let ran = sandbox.run(line);
        let ran = ran.expect(2);
        let document = ran.document();
        assert_eq!(document["error"]["id"], "USAGE");
        assert!(!ran.stdout.contains("__"), "{document}");
    }
}
