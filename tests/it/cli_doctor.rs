//! `doctor`: what it says of a machine, that it finds who is in the way, and that it leaves no trace.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

use serde_json::Value;

use crate::cli_support::Sandbox;

/// The first of five free ports, outside the range from which the system gives them away, and another one each time.
fn free_base() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 2000).unwrap();
    loop {
        let step = start + NEXT.fetch_add(1, Ordering::Relaxed);
        let base = 20_000 + (step % 2000) * 5;
        if (0..5).all(|distance| TcpListener::bind(("127.0.0.1", base + distance)).is_ok()) {
            return base;
        }
    }
}

#[track_caller]
fn check<'a>(document: &'a Value, id: &str) -> &'a Value {
    let checks = document["checks"].as_array().unwrap();
    checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no check `{id}` in {document:#}"))
}

#[test]
fn each_check_says_what_was_found_what_is_needed_and_what_helps() {
    let sandbox = Sandbox::new();
    let started = Instant::now();
    let document = sandbox.run(&["doctor", "--output", "json"]).document();
    println!("doctor took {:?}, {} ms of them inside", started.elapsed(), document["elapsed_ms"]);
    let checks = document["checks"].as_array().unwrap();
    for check in checks {
        let state = check["state"].as_str().unwrap();
        assert!(["ok", "warning", "problem"].contains(&state), "{check}");
        assert!(
            !check["found"].as_str().unwrap().is_empty() && !check["needed"].as_str().unwrap().is_empty(),
            "{check}"
        );
        assert!(check["fix"].is_null() || !check["fix"].as_str().unwrap().is_empty(), "{check}");
        assert!(state != "problem" || check["fix"].is_string(), "{check}");
    }
    let ids: Vec<&str> = checks.iter().map(|check| check["id"].as_str().unwrap()).collect();
    for id in ["engine", "disk", "open-files", "time", "folders", "port-kafka", "port-elasticsearch", "port-kibana"] {
        assert!(ids.contains(&id), "{ids:?}");
    }
    for id in ["port-gcs", "port-bigquery", "credentials", "variables", "projects", "versions"] {
        assert!(ids.contains(&id), "{ids:?}");
    }
    if cfg!(target_os = "linux") {
        assert!(ids.contains(&"memory") && ids.contains(&"map-count"), "{ids:?}");
    }
    assert_eq!(check(&document, "variables")["set"], serde_json::json!(["DOCKER_HOST"]));
}

#[test]
fn without_an_engine_only_the_docker_stack_is_out_and_the_address_asked_is_explained() {
    let sandbox = Sandbox::new();
    let base = free_base().to_string();
    let document = sandbox.run(&["doctor", "--port-base", &base, "--output", "json"]).expect(0).document();
    assert_eq!(document["stacks"]["embedded"], serde_json::json!({"can_run": true, "because": []}));
    assert_eq!(document["stacks"]["docker"], serde_json::json!({"can_run": false, "because": ["engine"]}));
    let engine = check(&document, "engine");
    assert_eq!(engine["state"], "warning");
    assert_eq!(
        engine["tried"],
        serde_json::json!([{
            "address": "unix:///nope", "source": "`DOCKER_HOST`",
            "why": "no such file: not installed, or its socket is elsewhere",
        }])
    );
    // Demanded by name, it is a problem, and the code is that of `up`.
    let arguments = ["doctor", "--port-base", &base, "--stack", "docker", "--output", "json"];
    let document = sandbox.run(&arguments).expect(10).document();
    assert_eq!((&document["exit_code"], &check(&document, "engine")["state"]), (&10.into(), &"problem".into()));
    sandbox.run(&["doctor", "--port-base", &base, "--stack", "embedded"]).expect(0);
}

#[test]
fn a_taken_port_is_named_with_its_holder() {
    let sandbox = Sandbox::new();
    let base = free_base();
    let _listener = TcpListener::bind(("127.0.0.1", base)).unwrap();
    let ran = sandbox.run(&["doctor", "--port-base", &base.to_string(), "--output", "json"]).expect(1);
    let document = ran.document();
    let kafka = check(&document, "port-kafka");
    assert_eq!((&kafka["state"], &kafka["port"]), (&"problem".into(), &base.into()));
    assert_eq!(check(&document, "port-elasticsearch")["state"], "ok");
    if cfg!(target_os = "linux") {
        assert_eq!(kafka["holder"]["pid"], std::process::id());
        let fix = format!("kill {}, or stockdev up --ports auto", std::process::id());
        assert_eq!(kafka["fix"], fix);
    }
    let embedded = ["doctor", "--stack", "embedded", "--port-base", &base.to_string()];
    let text = sandbox.run(&embedded).expect(11).stdout;
    assert!(text.contains("  FAIL  port-kafka "), "{text}");
    assert!(text.contains(&format!("{base} is taken by ")), "{text}");
    assert!(text.ends_with("docker stack    cannot run: engine, port-kafka\n"), "{text}");
}

#[test]
fn it_changes_nothing() {
    let sandbox = Sandbox::new();
    let root = sandbox.work().parent().unwrap().to_owned();
    let before = Sandbox::everything_below(&root);
    sandbox.run(&["doctor"]);
    sandbox.run(&["doctor", "--stack", "docker", "--output", "json"]);
    assert_eq!(Sandbox::everything_below(&root), before);
}

#[test]
fn marks_are_words_and_colour_is_optional() {
    let sandbox = Sandbox::new();
    let plain = sandbox.run(&["doctor"]).stdout;
    assert!(!plain.contains('\u{1b}'), "{plain}");
    for title in ["Container engine\n  warn  engine ", "\nMachine\n", "\nPorts\n", "\nSurroundings\n"] {
        assert!(plain.contains(title), "{plain}");
    }
    let colored = sandbox.run(&["doctor", "--color", "always"]).stdout;
    assert!(colored.contains("\u{1b}[33mwarn\u{1b}[0m  engine "), "{colored}");
}

#[test]
fn a_project_that_a_crash_left_behind_is_named() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.state()).unwrap();
    std::fs::write(sandbox.state().join("state.json"), "torn").unwrap();
    let document = sandbox.run(&["doctor", "--output", "json"]).document();
    let projects = check(&document, "projects");
    assert_eq!((&projects["state"], &projects["crashed"]), (&"warning".into(), &serde_json::json!(["stockdev"])));
    assert!(projects["fix"].as_str().unwrap().starts_with("stockdev down --project stockdev"), "{projects}");
}

#[test]
fn secrets_in_variables_are_not_shown() {
    let sandbox = Sandbox::new();
    let secret = "geheim-4711";
    let proxy = format!("http://user:{secret}@127.0.0.1:1");
    let variables = [("STOCKDEV_ELASTICSEARCH_PASSWORD", secret), ("HTTPS_PROXY", proxy.as_str())];
    let ran = sandbox.run_with(&["doctor", "--output", "json"], &variables);
    assert!(!format!("{ran:?}").contains(secret), "{ran:?}");
    let check = check(&ran.document(), "variables").clone();
    assert_eq!(check["state"], "warning");
    assert_eq!(check["set"], serde_json::json!(["DOCKER_HOST", "HTTPS_PROXY", "STOCKDEV_ELASTICSEARCH_PASSWORD"]));
}
