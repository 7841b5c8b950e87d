//! `up`, `down` and what lies between, end to end: the real binary, the real servers inside it, real crashes.

#![expect(clippy::unwrap_used, reason = "a test that can't go on says where")]

use std::io::Write;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseRecord, Producer, ThreadedProducer};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::cli_support::{DEADLINE, Ran, Sandbox, wait_for};

/// `up` on free ports, with the document.
const UP: [&str; 5] = ["up", "--ports", "auto", "--output", "json"];

fn up(sandbox: &Sandbox, more: &[&str]) -> Ran {
    sandbox.run(&[&UP[..], more].concat())
}

/// A file of the project, once it is there and whole.
fn state_file(sandbox: &Sandbox, name: &str) -> Option<Value> {
    serde_json::from_slice(&std::fs::read(sandbox.state().join(name)).ok()?).ok()
}

fn server_pid(sandbox: &Sandbox) -> Option<i32> {
    let file = state_file(sandbox, "server.json")?;
    (file["state"] == "ready").then(|| i32::try_from(file["process"]["pid"].as_i64()?).ok())?
}

/// Whether the process runs. One that ended but was not yet reaped (some containers have no init that does) does not.
fn is_alive(pid: i64) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn signal(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}

fn signal_child(child: &Child, kind: Signal) {
    signal(i32::try_from(child.id()).unwrap(), kind);
}

fn status(sandbox: &Sandbox) -> Value {
    sandbox.run(&["status", "--output", "json"]).document()
}

/// Messages in the topic, documents in the index, as a client of each sees them.
fn counts(sandbox: &Sandbox) -> (Value, Value) {
    let status = status(sandbox);
    (status["topic"]["messages"].clone(), status["index"]["documents"].clone())
}

fn assert_nothing_left(sandbox: &Sandbox) {
    for folder in ["state", "run"] {
        assert_eq!(Sandbox::everything_below(&sandbox.path(folder)), [] as [std::path::PathBuf; 0]);
    }
}

/// Starts a slow `up` and waits until ticks flow.
fn slow_up(sandbox: &Sandbox) -> Child {
    let child = sandbox
        .command(&["up", "--ports", "auto", "--rate", "400", "--progress", "none"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for("the stream", || {
        let there = counts_while_streaming(sandbox)?;
        (there > 100).then_some(())
    });
    child
}

fn counts_while_streaming(sandbox: &Sandbox) -> Option<u64> {
    server_pid(sandbox)?;
    let ran = sandbox.run(&["status", "--output", "json"]);
    serde_json::from_str::<Value>(&ran.stdout).ok()?["topic"]["messages"].as_u64()
}

#[test]
fn up_brings_all_in_place_a_second_one_changes_nothing_and_down_leaves_nothing() {
    let sandbox = Sandbox::new();
    let first = up(&sandbox, &[]).expect(0).document();
    assert_eq!((&first["state"], &first["stack"]), (&Value::from("ready"), &Value::from("embedded")));
    assert_eq!((&first["sent"], &first["indexed"]), (&Value::from(2000), &Value::from(2000)));
    assert_eq!((&first["dead_letters"], &first["already_up"]), (&Value::from(0), &Value::from(false)));
    assert_eq!(counts(&sandbox), (Value::from(2000), Value::from(2000)));

    let second = up(&sandbox, &[]).expect(0).document();
    assert_eq!(second["already_up"], true);
    assert_eq!(second["endpoints"], first["endpoints"]);
    assert_eq!((&second["sent"], &second["indexed"]), (&Value::from(2000), &Value::from(2000)));
    assert_eq!(counts(&sandbox), (Value::from(2000), Value::from(2000)));

    let messages = sandbox.run(&["consume", "--max", "5", "--format", "%p %o"]).expect(0).stdout;
    assert_eq!(messages, "0 0\n0 1\n0 2\n0 3\n0 4\n");
    let one = sandbox.run(&["consume", "--max", "2", "--output", "json"]).expect(0).document();
    assert_eq!(one["messages"].as_array().unwrap().len(), 2);

    let env = sandbox.run(&["env", "--format", "json"]).expect(0).document();
    assert_eq!(env["KAFKA_BOOTSTRAP_SERVERS"], first["endpoints"]["kafka"]);
    assert_eq!(env["ES_LOCAL_URL"], first["endpoints"]["elasticsearch"]);

    let pid = server_pid(&sandbox).unwrap();
    sandbox.run(&["down"]).expect(0);
    assert!(!is_alive(pid.into()));
    assert_nothing_left(&sandbox);
    assert_eq!(sandbox.run(&["down"]).expect(0).stdout, "project `stockdev`: nothing to do\n");
    sandbox.run(&["status"]).expect(3);
}

#[test]
fn piped_output_is_plain_lines_at_most_three_a_phase() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["up", "--ports", "auto", "--no-stream", "-q"]).expect(0);
    assert_eq!(ran.stderr, "");
    let ran = sandbox.run(&["up", "--ports", "auto"]).expect(0);
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(['\u{1b}', '\r']), "{text:?}");
    }
    for phase in ["preflight", "start", "wait", "topic", "template", "dashboard", "stream", "index", "verify", "ready"]
    {
        let lines = ran.stderr.lines().filter(|line| line.starts_with(phase)).count();
        assert!((1..=3).contains(&lines), "{phase}: {}", ran.stderr);
    }
    let summary: Vec<String> = sandbox.clean(&ran.stdout).lines().map(str::to_owned).collect();
    insta::assert_snapshot!(summary.join("\n"), @r"
    stockdev is up: 2,000 ticks sent, 2,000 documents indexed, 0 dead letters, in [time]
      kafka          127.0.0.1:[port]    topic stock-stream
      elasticsearch  http://127.0.0.1:[port]    index stock-stream
      dashboard      http://127.0.0.1:[port]/app/dashboards#/view/stock-stream-dashboard
      gcs            http://127.0.0.1:[port]
      bigquery       http://127.0.0.1:[port]
      data           [dir]/state/stockdev/stockdev/data, [size], kept until `down`
    next
      stockdev consume --max 5
      curl 'http://127.0.0.1:[port]/stock-stream/_search?size=1&pretty'
      stockdev down
    ");
}

#[test]
fn ndjson_is_the_phases_and_then_the_document() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["up", "--ports", "auto", "--ticks", "300", "--output", "ndjson"]).expect(0);
    assert_eq!(ran.stderr, "");
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (document, events) = lines.split_last().unwrap();
    assert_eq!((&document["state"], &document["sent"]), (&Value::from("ready"), &Value::from(300)));
    let ended: Vec<&str> = events
        .iter()
        .filter(|event| event["state"] == "finished" || event["state"] == "skipped")
        .map(|event| event["phase"].as_str().unwrap())
        .collect();
    // Topic and stream need Kafka, template and index Elasticsearch, the dashboard Kibana: each goes on as soon as it can.
    let (first, rest) = ended.split_at(3);
    let (middle, last) = rest.split_at(5);
    let mut middle = middle.to_vec();
    middle.sort_unstable();
    assert_eq!((first, last), (&["preflight", "start", "wait"][..], &["verify", "ready"][..]));
    assert_eq!(middle, ["dashboard", "index", "stream", "template", "topic"]);
    let place = |phase: &str| ended.iter().position(|ended| *ended == phase);
    assert!(place("topic") < place("stream") && place("template") < place("index"), "{ended:?}");
    assert!(events.iter().all(|event| event["elapsed_ms"].is_u64()));
}

#[test]
fn a_killed_server_in_mid_stream_costs_no_tick_and_doubles_none() {
    let sandbox = Sandbox::new();
    let mut running = slow_up(&sandbox);
    signal(server_pid(&sandbox).unwrap(), Signal::KILL);
    running.kill().unwrap();
    running.wait().unwrap();
    let again = up(&sandbox, &[]).expect(0).document();
    assert_eq!((&again["sent"], &again["indexed"]), (&Value::from(2000), &Value::from(2000)));
    let values = sandbox.run(&["consume", "--format", "%s"]).expect(0).stdout;
    let unique: std::collections::BTreeSet<&str> = values.lines().collect();
    assert_eq!((values.lines().count(), unique.len()), (2000, 2000));
}

#[test]
fn twenty_kills_at_random_moments_of_one_stream_cost_no_tick_and_double_none() {
    const TICKS: u64 = 5_000;
    let sandbox = Sandbox::new();
    let arguments =
        ["up", "--ports", "auto", "--ticks", "5000", "--rate", "1500", "--progress", "none", "--output", "json"];
    for round in 0..20 {
        let mut running = sandbox.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // From before the ports are bound to well into the stream.
        let moment = Duration::from_millis(rand::random_range(5..400));
        println!("round {round}: killed after {moment:?}");
        std::thread::sleep(moment);
        let server = state_file(&sandbox, "server.json").and_then(|file| file["process"]["pid"].as_i64());
        let server = server.filter(|pid| is_alive(*pid)).and_then(|pid| i32::try_from(pid).ok());
        // The server, the command, or both.
        if let (Some(pid), true) = (server, round % 3 != 1) {
            signal(pid, Signal::KILL);
        }
        if round % 3 != 0 {
            running.kill().unwrap();
        }
        running.wait().unwrap();
    }
    let last = up(&sandbox, &["--ticks", "5000"]).expect(0).document();
    assert_eq!((&last["sent"], &last["indexed"]), (&Value::from(TICKS), &Value::from(TICKS)));
    let values = sandbox.run(&["consume", "--format", "%s"]).expect(0).stdout;
    let unique: std::collections::BTreeSet<&str> = values.lines().collect();
    assert_eq!((values.lines().count(), unique.len()), (5_000, 5_000));
}

#[test]
fn twenty_kills_of_an_indexer_lose_no_document_and_double_none() {
    const TICKS: u64 = 50_000;
    let sandbox = Sandbox::new();
    up(&sandbox, &["--no-stream"]).expect(0);
    let source = sandbox.path("work/ticks.json");
    let source = source.to_str().unwrap();
    sandbox.run(&["generate", "--ticks", "50000", "--out", source]).expect(0);
    sandbox.run(&["produce", source]).expect(0);
    let committed = || TICKS - status(&sandbox)["consumer"]["lag"].as_u64().unwrap_or(TICKS);
    for round in 0..20 {
        let before = committed();
        let mut running = sandbox.command(&["index"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // It takes over when the session of the one killed before has expired; then it is in the middle of its work.
        wait_for("the indexer's work", || (committed() > before || before == TICKS).then_some(()));
        let moment = Duration::from_millis(rand::random_range(0..150));
        println!("round {round}: killed {moment:?} after its first commit behind {before}");
        std::thread::sleep(moment);
        running.kill().unwrap();
        running.wait().unwrap();
    }
    let last = sandbox.run(&["index", "--until-caught-up", "--output", "json"]).expect(0).document();
    assert_eq!(last["dead_letters"], Value::from(0));
    assert_eq!(counts(&sandbox), (Value::from(TICKS), Value::from(TICKS)));
    sandbox.run(&["down"]).expect(0);
}

#[test]
fn a_stack_that_syncs_goes_on_syncing_after_a_crash() {
    let sandbox = Sandbox::new();
    let syncs = || {
        let command = std::fs::read(format!("/proc/{}/cmdline", server_pid(&sandbox).unwrap())).unwrap();
        command.split(|byte| *byte == 0).any(|argument| argument == b"--sync")
    };
    let first = up(&sandbox, &["--fsync"]).expect(0).document();
    assert_eq!((&first["sent"], syncs()), (&Value::from(2000), true));
    signal(server_pid(&sandbox).unwrap(), Signal::KILL);
    up(&sandbox, &[]).expect(0);
    assert_eq!((counts(&sandbox), syncs()), ((Value::from(2000), Value::from(2000)), true));
    sandbox.run(&["down"]).expect(0);
    up(&sandbox, &["--no-stream"]).expect(0);
    assert!(!syncs());
    sandbox.run(&["down"]).expect(0);
}

#[test]
fn a_server_that_dies_ends_up_at_once() {
    let sandbox = Sandbox::new();
    let running = slow_up(&sandbox);
    signal(server_pid(&sandbox).unwrap(), Signal::KILL);
    let killed = Instant::now();
    let output = running.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(15), "{output:?}");
    assert!(killed.elapsed() < Duration::from_secs(10), "{:?}", killed.elapsed());
    assert!(String::from_utf8_lossy(&output.stderr).contains("error[SERVICE_DIED]"), "{output:?}");
}

#[test]
fn a_killed_up_leaves_a_server_that_the_next_one_adopts() {
    let sandbox = Sandbox::new();
    let mut running = slow_up(&sandbox);
    let pid = server_pid(&sandbox).unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    let again = up(&sandbox, &[]).expect(0).document();
    assert_eq!((&again["sent"], &again["indexed"]), (&Value::from(2000), &Value::from(2000)));
    assert_eq!(server_pid(&sandbox), Some(pid));
}

#[test]
fn interrupted_before_it_is_ready_up_takes_down_what_it_started() {
    for (kind, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let sandbox = Sandbox::new();
        let running = slow_up(&sandbox);
        let pid = server_pid(&sandbox).unwrap();
        signal_child(&running, kind);
        let output = running.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(stderr.starts_with("stopping what this run started; press again to force\n"), "{stderr}");
        assert!(!is_alive(pid.into()));
        assert_nothing_left(&sandbox);
    }
}

#[test]
fn kept_data_is_found_by_the_next_up() {
    let sandbox = Sandbox::new();
    let first = up(&sandbox, &[]).expect(0).document();
    sandbox.run(&["down", "--keep-data"]).expect(0);
    sandbox.run(&["status"]).expect(3);
    let again = sandbox.run(&["up", "--output", "json"]).expect(0).document();
    // Free ports are remembered.
    assert_eq!(again["endpoints"], first["endpoints"]);
    assert_eq!(counts(&sandbox), (Value::from(2000), Value::from(2000)));
    let replayed = up(&sandbox, &["--replay"]).expect(0).document();
    assert_eq!((&replayed["sent"], &replayed["indexed"]), (&Value::from(4000), &Value::from(4000)));
}

#[test]
fn a_damaged_record_is_repaired_and_nothing_is_streamed_twice() {
    let sandbox = Sandbox::new();
    up(&sandbox, &[]).expect(0);
    std::fs::write(sandbox.state().join("state.json"), "{\"format\":1,\"proj").unwrap();
    up(&sandbox, &[]).expect(0);
    assert_eq!(counts(&sandbox), (Value::from(2000), Value::from(2000)));
    up(&sandbox, &[]).expect(0);
    assert_eq!(counts(&sandbox), (Value::from(2000), Value::from(2000)));
}

#[test]
fn a_taken_port_is_named_with_its_holder_and_nothing_is_started() {
    let sandbox = Sandbox::new();
    // Two neighbouring ports of which the second is taken.
    let (base, _taken) = wait_for("a free port below a taken one", || {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let base = taken.local_addr().unwrap().port() - 1;
        let is_free = std::net::TcpListener::bind(("127.0.0.1", base)).is_ok();
        (is_free && base < 65_000).then_some((base, taken))
    });
    let ran = sandbox.run(&["up", "--port-base", &base.to_string(), "--output", "json"]).expect(11);
    let document = ran.document();
    assert_eq!((&document["error"]["id"], &document["phase"]), (&Value::from("PORT_TAKEN"), &Value::from("start")));
    let tried = document["error"]["tried"].as_str().unwrap();
    assert_eq!(tried, format!("bind 127.0.0.1:{} (from --port-base {base})", base + 1));
    let got = document["error"]["got"].as_str().unwrap();
    assert!(got.contains(&format!("pid {}", std::process::id())), "{got}");
    sandbox.run(&["status"]).expect(3);
    // The evidence stays until `down`.
    assert!(sandbox.run(&["logs"]).expect(0).stdout.contains("address in use"));
}

#[test]
fn a_port_of_another_project_is_named_as_such() {
    let sandbox = Sandbox::new();
    up(&sandbox, &["--no-stream"]).expect(0);
    let port = state_file(&sandbox, "server.json").unwrap()["kafka_port"].to_string();
    let ran = sandbox.run(&["up", "--project", "other", "--port-base", &port]).expect(11);
    assert!(ran.stderr.contains("by stockdev project `stockdev`"), "{ran:?}");
    assert!(ran.stderr.contains("stockdev down --project stockdev"), "{ran:?}");
    up(&sandbox, &["--no-stream", "--project", "other"]).expect(0);
    let projects = sandbox.run(&["ls", "--output", "json"]).expect(0).document();
    let states: Vec<&str> =
        projects["projects"].as_array().unwrap().iter().map(|p| p["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["running", "running"]);
    sandbox.run(&["down", "--all"]).expect(0);
    assert_nothing_left(&sandbox);
}

#[test]
fn exec_ends_with_the_commands_code_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&[
        "exec",
        "--ports",
        "auto",
        "--no-stream",
        "-q",
        "--",
        "sh",
        "-c",
        "echo $KAFKA_BOOTSTRAP_SERVERS; exit 7",
    ]);
    let ran = ran.expect(7);
    assert!(ran.stdout.starts_with("127.0.0.1:") && ran.stdout.lines().count() == 1, "{ran:?}");
    assert_nothing_left(&sandbox);
    let ran = sandbox.run(&["exec", "--ports", "auto", "--no-stream", "-q", "--", "no-such-command"]).expect(1);
    assert!(ran.stderr.contains("error[COMMAND_NOT_STARTED]"), "{ran:?}");
    assert_nothing_left(&sandbox);
}

#[test]
fn a_broken_file_stops_with_its_place_or_is_skipped_over() {
    let sandbox = Sandbox::new();
    let mut ticks = sandbox.run(&["generate", "--ticks", "3"]).expect(0).stdout;
    ticks.push_str("{\"timestamp\": oops}\n");
    std::fs::write(sandbox.work().join("broken.json"), ticks).unwrap();
    let ran = up(&sandbox, &["--data", "broken.json"]).expect(1);
    let document = ran.document();
    assert_eq!(document["error"]["id"], "DATA_INVALID");
    assert!(document["error"]["message"].as_str().unwrap().starts_with("broken.json:4:"), "{document}");
    let skipped = up(&sandbox, &["--data", "broken.json", "--skip-invalid"]).expect(0).document();
    assert_eq!((&skipped["sent"], &skipped["invalid"]), (&Value::from(3), &Value::from(1)));
    assert_eq!(counts(&sandbox), (Value::from(3), Value::from(3)));
}

#[test]
fn a_rejected_document_is_a_dead_letter_and_exit_code_five() {
    let sandbox = Sandbox::new();
    let first = up(&sandbox, &["--ticks", "10"]).expect(0).document();
    let producer: ThreadedProducer<_> = ClientConfig::new()
        .set("bootstrap.servers", first["endpoints"]["kafka"].as_str().unwrap())
        .create::<ThreadedProducer<rdkafka::producer::DefaultProducerContext>>()
        .unwrap();
    producer.send(BaseRecord::to("stock-stream").key("1").payload("{\"timestamp\":\"not a date\"}")).unwrap();
    producer.flush(DEADLINE).unwrap();
    let ran = up(&sandbox, &[]).expect(5);
    let document = ran.document();
    assert_eq!((&document["state"], &document["dead_letters"]), (&Value::from("ready"), &Value::from(1)));
    assert!(ran.stderr.contains("error[DEAD_LETTERS]: 1 document was rejected"), "{ran:?}");
    let letters = sandbox.run(&["consume", "--topic", "stock-stream-dlq", "--format", "%s"]).expect(0);
    assert_eq!(letters.stdout, "{\"timestamp\":\"not a date\"}\n");
}

#[test]
fn a_live_stream_keeps_coming_until_down() {
    let sandbox = Sandbox::new();
    up(&sandbox, &["--ticks", "10", "--live", "--rate", "200"]).expect(0);
    wait_for("live ticks in the index", || (counts(&sandbox).1.as_u64()? > 60).then_some(()));
    let live = status(&sandbox)["live"]["pid"].as_i64().unwrap();
    assert!(is_alive(live));
    sandbox.run(&["down"]).expect(0);
    assert!(!is_alive(live));
    assert_nothing_left(&sandbox);
}

#[test]
fn ticks_from_standard_input_are_streamed_and_indexed() {
    let sandbox = Sandbox::new();
    let ticks = sandbox.run(&["generate", "--ticks", "25"]).expect(0).stdout;
    let mut child = sandbox
        .command(&["up", "--ports", "auto", "--ephemeral", "--data", "-", "--output", "json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(ticks.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let document: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_eq!((&document["sent"], &document["indexed"]), (&Value::from(25), &Value::from(25)));
    // Ephemeral data is where a reboot removes it.
    assert!(!sandbox.state().join("data").join("kafka").exists());
    sandbox.run(&["down"]).expect(0);
    assert_nothing_left(&sandbox);
}

#[test]
fn produce_and_index_work_as_commands_too() {
    let sandbox = Sandbox::new();
    up(&sandbox, &["--no-stream"]).expect(0);
    let sent = sandbox.run(&["produce", "--output", "json"]).expect(0).document();
    assert_eq!((&sent["state"], &sent["sent"]), (&Value::from("done"), &Value::from(2000)));
    let indexed = sandbox.run(&["index", "--until-caught-up", "--output", "json"]).expect(0).document();
    assert_eq!((&indexed["state"], &indexed["indexed"]), (&Value::from("done"), &Value::from(2000)));
    let template = sandbox.run(&["template", "apply"]).expect(0).stdout;
    assert!(template.contains("unchanged"), "{template}");
}

#[test]
fn attached_it_stays_until_ctrl_c_or_a_down_elsewhere() {
    for by_signal in [true, false] {
        let sandbox = Sandbox::new();
        let attached = sandbox
            .command(&["up", "--ports", "auto", "--no-stream", "--attach"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        wait_for("the stack to be ready", || (sandbox.run(&["status"]).code == Some(0)).then_some(()));
        // Ready is told a moment before the command begins to stay; a project that is still held is not there yet.
        wait_for("the project to be free", || {
            let lock = sandbox.run(&["paths", "--output", "json"]).document()["lock"].as_str().unwrap().to_owned();
            std::fs::File::open(lock).unwrap().try_lock().is_ok().then_some(())
        });
        if by_signal {
            signal_child(&attached, Signal::INT);
        } else {
            sandbox.run(&["down"]).expect(0);
        }
        let output = attached.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_nothing_left(&sandbox);
    }
}
