//! Kibana's part in the stack: made when Elasticsearch answers, waited for, given a token, given the dashboard. Its image is
//! large and not everywhere; where it is absent a small stand-in takes its place (`tests/clients/kibana`).

use std::process::Command;

use serde_json::Value;

use crate::engine::{KAFKA, Stack};
use crate::lifecycle::reqwest_blocking;

const IMAGE: &str = "stockdev-test/kibana:1";

/// Builds the stand-in on an image that has a JDK; nothing where it has none.
fn stand_in() -> Option<&'static str> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients/kibana");
    let recipe =
        format!("FROM {KAFKA}\nCOPY Kibana.java /Kibana.java\nENTRYPOINT [\"java\", \"-Xmx64m\", \"/Kibana.java\"]\n");
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("Dockerfile"), recipe).unwrap();
    std::fs::copy(format!("{source}/Kibana.java"), folder.path().join("Kibana.java")).unwrap();
    let built = Command::new("docker").args(["build", "-q", "-t", IMAGE]).arg(folder.path()).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let compiles =
        Command::new("docker").args(["run", "--rm", "--entrypoint", "javac", IMAGE, "-version"]).output().unwrap();
    compiles.status.success().then_some(IMAGE)
}

fn up(stack: &Stack, more: &[&str]) -> Value {
    let mut arguments = vec!["up", "--stack", "docker", "--ports", "auto", "--output", "json", "--timeout", "300s"];
    arguments.extend(["--kibana-image", IMAGE]);
    arguments.extend(more);
    stack.run(&arguments).expect(0).document()
}

#[test]
fn kibana_comes_after_elasticsearch_and_gets_its_token_and_the_dashboard() {
    let Some(stack) = Stack::new() else { return };
    if stand_in().is_none() {
        println!("SKIPPED: {KAFKA} has no Java compiler for the stand-in");
        return;
    }
    let ready = up(&stack, &["--secure"]);
    assert_eq!((ready["sent"].as_u64(), ready["indexed"].as_u64()), (Some(2000), Some(2000)));
    let kibana = ready["endpoints"]["kibana"].as_str().unwrap();
    assert!(ready["dashboard"].as_str().unwrap().ends_with("/app/dashboards#/view/stock-stream-dashboard"), "{ready}");
    // Available only because the token lets it in at Elasticsearch.
    assert!(reqwest_blocking(&format!("{kibana}/api/status")).contains("available"));
    let object = reqwest_blocking(&format!("{kibana}/api/saved_objects/dashboard/stock-stream-dashboard"));
    assert!(object.contains("\"typeMigrationVersion\":\"8.9.0\""), "{object}");
    let status = stack.run(&["status", "--output", "json"]).expect(0).document();
    assert_eq!(status["services"].as_array().unwrap().len(), 3);
    let again = up(&stack, &[]);
    assert_eq!(again["already_up"], true);
    stack.run(&["dashboard", "import"]).expect(0);
    stack.run(&["down"]).expect(0);
    stack.expect_nothing_left();
}

#[test]
fn smoke_proves_the_docker_stack() {
    let Some(stack) = Stack::new() else { return };
    let report = stack.sandbox.work().join("smoke.xml");
    let mut arguments =
        vec!["smoke", "--stack", "docker", "--without", "kibana", "--timeout", "400s", "--output", "json"];
    let path = report.display().to_string();
    arguments.extend(["--junit", &path]);
    let document = stack.run(&arguments).expect(0).document();
    assert_eq!(document["state"], "passed", "{document}");
    let crash = document["checks"].as_array().unwrap().iter().find(|check| check["area"] == "crash").unwrap();
    assert!(crash["message"].as_str().unwrap().contains(&stack.container("elasticsearch")), "{crash}");
    assert!(std::fs::read_to_string(report).unwrap().contains("<testsuites"));
    stack.expect_nothing_left();
}
