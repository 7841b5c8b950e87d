//! What can't be: each error says what, leaves nothing, and has its exit code.

use std::net::TcpListener;
use std::time::Instant;

use crate::engine::{KAFKA, Stack, docker};

#[test]
fn a_taken_port_is_named_before_anything_is_made() {
    let Some(stack) = Stack::new() else { return };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = stack.up(&["--port-base", &port]).expect(11).document();
    assert_eq!(refused["error"]["id"], "PORT_TAKEN");
    let got = refused["error"]["got"].as_str().unwrap();
    assert!(got.contains(&format!("pid {}", std::process::id())), "{got}");
    assert_eq!(stack.everything(), Vec::<String>::new());
}

#[test]
fn images_that_are_missing_are_all_named_at_once() {
    let Some(stack) = Stack::new() else { return };
    let started = Instant::now();
    let missing =
        ["--offline", "--kafka-image", "nowhere.invalid/kafka:1", "--elasticsearch-image", "nowhere.invalid/es:1"];
    let refused = stack.up(&missing).expect(12).document();
    println!("said after {:?}", started.elapsed());
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("nowhere.invalid/kafka:1") && message.contains("nowhere.invalid/es:1"), "{message}");
    stack.expect_nothing_left();
}

#[test]
fn an_image_that_cannot_be_pulled_ends_up_and_leaves_nothing() {
    let Some(stack) = Stack::new() else { return };
    let refused = stack.up(&["--kafka-image", "nowhere.invalid/kafka:1"]).expect(12).document();
    assert_eq!(refused["error"]["id"], "IMAGE_UNAVAILABLE");
    assert_eq!(refused["phase"], "pull");
    stack.expect_nothing_left();
}

#[test]
fn a_container_of_others_that_has_the_name_is_named_and_left() {
    let Some(stack) = Stack::new() else { return };
    let name = stack.container("kafka");
    docker(&["create", "--name", &name, KAFKA]);
    let refused = stack.up(&[]);
    docker(&["rm", &name]);
    let refused = refused.expect(1).document();
    let next = refused["error"]["next"].to_string();
    assert!(next.contains(&format!("docker rm -f {name}")), "{refused}");
    stack.expect_nothing_left();
}

#[test]
fn a_service_that_ends_early_leaves_its_log_and_nothing_else() {
    let Some(stack) = Stack::new() else { return };
    let started = Instant::now();
    let output = stack.command(&stack.up_arguments(&[])).env("STOCKDEV_FAULT", "elasticsearch:137").output().unwrap();
    println!("said after {:?}", started.elapsed());
    let failed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(15), "{failed}");
    let error = &failed["error"];
    assert!(error["message"].as_str().unwrap().contains("exit code 137"), "{error}");
    assert!(error["got"].as_str().unwrap().contains("killed from outside"), "{error}");
    assert!(error["log_lines"][0].as_str().unwrap().contains("this end was asked for"), "{error}");
    stack.expect_nothing_left();
    stack.run(&["down"]).expect(0);
    let log = std::fs::read_to_string(error["log"].as_str().unwrap()).unwrap();
    assert!(log.contains("this end was asked for"), "{log}");
}

#[test]
fn containers_that_failed_can_be_kept_to_be_looked_at() {
    let Some(stack) = Stack::new() else { return };
    let arguments = stack.up_arguments(&["--keep-on-failure"]);
    let output = stack.command(&arguments).env("STOCKDEV_FAULT", "kafka:1").output().unwrap();
    assert_eq!(output.status.code(), Some(15));
    assert_eq!(stack.containers().len(), 2);
    assert!(stack.run(&["logs", "kafka"]).expect(0).stdout.contains("this end was asked for"));
    stack.run(&["down"]).expect(0);
    stack.expect_nothing_left();
}
