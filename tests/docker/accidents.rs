//! Kills and interruptions at any moment: nothing is left, or what `down` removes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::engine::{Stack, docker};
use crate::lifecycle::documents;

fn start(stack: &Stack, arguments: &[&str]) -> Child {
    stack.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

fn json(lines: impl Iterator<Item = std::io::Result<String>>) -> impl Iterator<Item = Value> {
    lines.map_while(Result::ok).map(|line| serde_json::from_str(&line).unwrap())
}

fn interrupt(child: &Child) {
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

/// A generator whose numbers are printed with the seed: a failure can be run again.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn twenty_kills_of_up_leave_nothing_after_down() {
    let Some(stack) = Stack::new() else { return };
    let seed = std::env::var("STOCKDEV_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
        u64::from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().subsec_nanos()) | 1
    });
    println!("STOCKDEV_TEST_SEED={seed}");
    let mut random = Random(seed);
    for round in 0..20 {
        // Most of what can go wrong is in the first two seconds, when things are being made.
        let limit = if round % 4 == 3 { 20_000 } else { 2_000 };
        let moment = Duration::from_millis(random.below(limit));
        let mut child = start(&stack, &stack.up_arguments(&["--no-stream"]));
        let started = Instant::now();
        while started.elapsed() < moment && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        stack.run(&["down"]).expect(0);
        assert_eq!(stack.everything(), Vec::<String>::new(), "round {round}, killed after {moment:?}");
    }
}

#[test]
fn ctrl_c_in_every_phase_leaves_nothing() {
    let Some(stack) = Stack::new() else { return };
    for phase in ["preflight", "start", "wait", "topic", "template", "stream", "index", "verify"] {
        let mut child = start(&stack, &stack.up_events(&["--rate", "1000"]));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = format!("\"phase\":\"{phase}\",\"state\":\"started\"");
        let seen = lines.by_ref().map_while(Result::ok).any(|line| line.contains(&wanted));
        assert!(seen, "{phase} never started");
        let pressed = Instant::now();
        interrupt(&child);
        let rest: Vec<String> = lines.map_while(Result::ok).collect();
        let status = child.wait().unwrap();
        println!("{phase}: ended {:?} after Ctrl-C", pressed.elapsed());
        assert_eq!(status.code(), Some(130), "{phase}: {rest:?}");
        stack.expect_nothing_left();
    }
}

#[test]
fn what_was_there_before_an_interrupted_up_stays() {
    let Some(stack) = Stack::new() else { return };
    let up = stack.up(&[]).expect(0).document();
    let before = stack.everything();
    for phase in ["preflight", "wait", "stream"] {
        // Without the state folder this run looks like the first one of the project.
        std::fs::remove_dir_all(stack.sandbox.path("state/stockdev").join(&stack.project)).unwrap();
        let mut child = start(&stack, &stack.up_events(&["--ticks", "2000", "--rate", "50"]));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(json(&mut lines).any(|event| event["phase"] == phase && event["state"] == "started"), "{phase}");
        interrupt(&child);
        assert_eq!(json(&mut lines).last().unwrap()["exit_code"], 130);
        child.wait().unwrap();
        assert_eq!(stack.everything(), before, "interrupted in {phase}");
        // What the next round removes.
        stack.up(&[]).expect(0);
    }
    // `exec` leaves what it found, too.
    std::fs::remove_dir_all(stack.sandbox.path("state/stockdev").join(&stack.project)).unwrap();
    stack.run(&["exec", "--stack", "docker", "--without", "kibana", "--ports", "auto", "--", "true"]).expect(0);
    assert_eq!(stack.everything(), before);
    assert!(documents(up["endpoints"]["elasticsearch"].as_str().unwrap()) >= 2000);
}

#[test]
fn a_container_that_dies_in_mid_stream_comes_back_and_nothing_is_lost() {
    let Some(stack) = Stack::new() else { return };
    stack.up(&["--no-stream"]).expect(0);
    let mut child = start(&stack, &stack.up_events(&["--ticks", "6000", "--rate", "400"]));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for (service, ticks) in [("elasticsearch", 1_000), ("kafka", 2_500)] {
        let is_so_far = |event: &Value| event["phase"] == "stream" && event["done"].as_u64() >= Some(ticks);
        assert!(json(&mut lines).any(|event| is_so_far(&event)), "it ended before {service} was killed");
        docker(&["kill", &stack.container(service)]);
    }
    let up = json(&mut lines).last().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{up}");
    assert_eq!((up["sent"].as_u64(), up["indexed"].as_u64()), (Some(6000), Some(6000)), "{up}");
    assert_eq!(documents(up["endpoints"]["elasticsearch"].as_str().unwrap()), 6000);
}
