//! Kills and interruptions at any moment: nothing is left, or what `down` removes.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::engine::{Stack, docker};
use crate::lifecycle::documents;

fn start(stack: &Stack, arguments: &[&str]) -> Child {
    stack.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
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
        let mut arguments = stack.up_arguments(&["--rate", "1000"]);
        // Events as they happen, instead of one document at the end.
        arguments.extend(["--output", "ndjson"]);
        let at = arguments.iter().position(|argument| *argument == "--output").unwrap();
        arguments.drain(at..at + 2);
        let mut child = start(&stack, &arguments);
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
fn a_container_that_dies_in_mid_stream_comes_back_and_nothing_is_lost() {
    let Some(stack) = Stack::new() else { return };
    stack.up(&["--no-stream"]).expect(0);
    let mut child = start(&stack, &stack.up_arguments(&["--ticks", "6000", "--rate", "400"]));
    let mut killed = 0;
    for service in ["elasticsearch", "kafka"] {
        std::thread::sleep(Duration::from_secs(3));
        assert!(child.try_wait().unwrap().is_none(), "it ended before {service} was killed");
        docker(&["kill", &stack.container(service)]);
        killed += 1;
    }
    let output = child.wait_with_output().unwrap();
    let up: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), killed), (Some(0), 2), "{up}");
    assert_eq!((up["sent"].as_u64(), up["indexed"].as_u64()), (Some(6000), Some(6000)), "{up}");
    assert_eq!(documents(up["endpoints"]["elasticsearch"].as_str().unwrap()), 6000);
    // Of a child that was waited for nothing is left to kill.
    child = start(&stack, &["status"]);
    child.wait().unwrap();
}
