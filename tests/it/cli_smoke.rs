//! `smoke`, as CI runs it: green on a good stack, red with a useful word on a bad one, and nothing left in either case.

use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::cli_support::{Ran, Sandbox, wait_for};
use crate::support::http;
use crate::support::servers::{TestElasticsearch, TestKafka};
use crate::support::xml::{self, Element};

/// Every check, in order.
const CHECKS: [&str; 16] = [
    "up/ready",
    "ticks/read",
    "kafka/count",
    "kafka/content",
    "kafka/timestamps",
    "elasticsearch/count",
    "elasticsearch/ids",
    "elasticsearch/search",
    "elasticsearch/aggregations",
    "elasticsearch/histogram",
    "template/template",
    "template/mapping",
    "dashboard/dashboard",
    "dead-letters/none",
    "crash/recovery",
    "down/nothing-left",
];

#[track_caller]
fn assert_nothing_left(sandbox: &Sandbox) {
    for folder in ["state", "run"] {
        assert_eq!(Sandbox::everything_below(&sandbox.path(folder)), [] as [std::path::PathBuf; 0]);
    }
}

/// The report, which has to be well formed and to count right.
#[track_caller]
fn report(sandbox: &Sandbox, name: &str) -> Element {
    let text = std::fs::read_to_string(sandbox.work().join(name)).unwrap();
    let report = xml::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert_eq!(report.name, "testsuites");
    let cases: Vec<String> = cases(&report).iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(cases, CHECKS);
    for of in ["tests", "failures", "errors", "skipped"] {
        let number = |element: &Element| element.attribute(of).unwrap().parse::<usize>().unwrap();
        assert_eq!(number(&report), report.children.iter().map(number).sum::<usize>(), "{of}");
    }
    report
}

/// Each case as `area/name`, with the element that says what was wrong, if any.
fn cases(report: &Element) -> Vec<(String, Option<Element>)> {
    let suites = report.children.iter();
    suites
        .flat_map(|suite| suite.children.iter().filter(|child| child.name == "testcase").map(move |case| (suite, case)))
        .map(|(suite, case)| {
            let name = format!("{}/{}", suite.attribute("name").unwrap(), case.attribute("name").unwrap());
            (name, ["failure", "error", "skipped"].iter().find_map(|verdict| case.child(verdict)).cloned())
        })
        .collect()
}

/// What the case of `name` says; its element's name and message.
#[track_caller]
fn verdict(report: &Element, name: &str) -> (String, String) {
    let (_, verdict) = cases(report).into_iter().find(|(known, _)| known == name).unwrap();
    verdict.map_or_else(
        || ("passed".to_owned(), String::new()),
        |verdict| (verdict.name.clone(), verdict.attribute("message").unwrap().to_owned()),
    )
}

fn states(document: &Value) -> Vec<(String, String)> {
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    let checks = document["checks"].as_array().unwrap().iter();
    checks.map(|check| (format!("{}/{}", text(check, "area"), text(check, "name")), text(check, "state"))).collect()
}

fn spawn(sandbox: &Sandbox, arguments: &[&str]) -> Child {
    sandbox.command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn the_whole_pipeline_is_proven_and_nothing_is_left_and_a_running_stack_is_not_touched() {
    let sandbox = Sandbox::new();
    let up = sandbox.run(&["up", "--ports", "auto", "--output", "json"]).expect(0).document();

    let ran = sandbox.run(&["smoke", "--junit", "reports/r.xml", "--timeout", "5m", "--output", "json"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let document = ran.document();
    assert_eq!((&document["state"], &document["stack"]), (&json!("passed"), &json!("embedded")));
    assert_eq!(document["project"], "stockdev-smoke");
    let expected: Vec<(String, String)> = CHECKS.iter().map(|name| ((*name).to_owned(), "passed".to_owned())).collect();
    assert_eq!(states(&document), expected, "{ran:#?}");
    let report = report(&sandbox, "reports/r.xml");
    assert_eq!((report.attribute("tests"), report.attribute("skipped")), (Some("16"), Some("0")));

    // Named by hand, the running project is refused, and runs on.
    let refused = sandbox.run(&["smoke", "--project", "stockdev", "--junit", "no.xml", "--output", "json"]).expect(2);
    assert_eq!(refused.document()["error"]["id"], "USAGE");
    assert!(refused.stderr.contains("project `stockdev` is up"), "{refused:?}");
    let refused = self::report(&sandbox, "no.xml");
    assert_eq!(verdict(&refused, "up/ready").0, "error");
    assert_eq!(verdict(&refused, "down/nothing-left"), ("skipped".into(), "nothing was started".into()));
    let status = sandbox.run(&["status", "--output", "json"]).expect(0).document();
    assert_eq!((&status["state"], &status["topic"]["messages"]), (&json!("running"), &json!(2000)));
    assert_eq!(status["services"][0]["endpoint"], up["endpoints"]["kafka"]);
    let listed = sandbox.run(&["ls"]).expect(0).stdout;
    assert!(!listed.contains("stockdev-smoke"), "{listed}");

    // Neither is data that someone kept under a name.
    sandbox.run(&["down", "--keep-data"]).expect(0);
    let refused = sandbox.run(&["smoke", "--project", "stockdev"]).expect(2);
    assert!(refused.stderr.contains("is not empty"), "{refused:?}");
    assert!(sandbox.state().join("data").exists());
}

#[test]
fn the_cloud_half_is_proven_on_the_stacks_own_servers_when_it_is_asked_for() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["smoke", "--cloud", "--timeout", "5m", "--output", "json"]);
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let states = states(&ran.document());
    let cloud: Vec<&str> = states.iter().map(|(name, _)| name.as_str()).filter(|name| !CHECKS.contains(name)).collect();
    assert_eq!(cloud, ["gcs/object", "bigquery/table", "bigquery/models"]);
    assert_eq!(states.len(), CHECKS.len() + cloud.len());
    assert!(states.iter().all(|(_, state)| state == "passed"), "{states:?}");
    assert_nothing_left(&sandbox);
}

#[test]
fn at_its_limit_the_run_ends_with_14_a_report_and_nothing_left() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["smoke", "--junit", "r.xml", "--timeout", "1s", "--output", "ndjson"]).expect(14);
    let last: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!((&last["state"], &last["error"]["id"]), (&json!("failed"), &json!("DEADLINE")));
    assert_eq!(last["exit_code"], 14);
    let report = report(&sandbox, "r.xml");
    assert_eq!(report.attribute("failures"), Some("0"));
    let unfinished: Vec<_> =
        cases(&report).into_iter().filter(|(_, verdict)| verdict.as_ref().is_some_and(|v| v.name == "error")).collect();
    let [(_, Some(unfinished))] = &unfinished[..] else { panic!("{unfinished:?}") };
    assert!(unfinished.attribute("message").unwrap().contains("not finished: 1.00 s had passed"), "{unfinished:?}");
    assert_ne!(verdict(&report, "crash/recovery").0, "passed");
    assert_eq!(verdict(&report, "down/nothing-left").0, "passed");
    assert_nothing_left(&sandbox);
    // Each check is an event, too.
    let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events.iter().any(|event| event["area"] == "up" && event["state"] == "started"));
    assert!(events.iter().any(|event| event["phase"] == "preflight"));
}

#[test]
fn interrupted_it_leaves_nothing_but_the_report() {
    let sandbox = Sandbox::new();
    let child = spawn(&sandbox, &["smoke", "--junit", "r.xml", "--rate", "100", "--progress", "none"]);
    // Already there before anything is known, should the run be killed outright.
    wait_for("the stream", || {
        let file = std::fs::read(sandbox.path("state/stockdev/stockdev-smoke/server.json")).ok()?;
        let file: Value = serde_json::from_slice(&file).ok()?;
        (file["state"] == "ready").then_some(())
    });
    let report = report(&sandbox, "r.xml");
    assert_eq!(report.attribute("errors"), Some("16"));
    kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{output:?}");
    let report = self::report(&sandbox, "r.xml");
    assert_eq!(verdict(&report, "up/ready"), ("error".into(), "not finished: the run was interrupted".into()));
    assert_eq!(verdict(&report, "kafka/count").0, "skipped");
    assert_eq!(verdict(&report, "down/nothing-left").0, "passed");
    assert_nothing_left(&sandbox);
}

/// Runs against servers that are not stockdev's, and meanwhile does `harm` once the document of message 7 is there.
fn run_with_harm(arguments: &[&str], variables: &[(&str, &str)], harm: fn(std::net::SocketAddr)) -> (Sandbox, Ran) {
    let (kafka, elasticsearch) = (TestKafka::start(), TestElasticsearch::start_own());
    let address = elasticsearch.url.strip_prefix("http://").unwrap().parse().unwrap();
    let sandbox = Sandbox::new();
    // So slow that what is done to an early document is done before the checks begin.
    let common = ["smoke", "--stack", "external", "--kafka", &kafka.address, "--elasticsearch", &elasticsearch.url];
    let slow = ["--rate", "800", "--junit", "r.xml"];
    let mut command = sandbox.command(&[&common[..], &slow[..], arguments].concat());
    let child = command.envs(variables.iter().copied()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    wait_for("the document", || {
        (http::send(address, "GET", "/stock-stream/_doc/stock-stream+0+7", "").status == 200).then_some(())
    });
    harm(address);
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let ran = Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) };
    (sandbox, ran)
}

#[test]
fn a_lost_document_fails_the_checks_that_see_it_and_github_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let summary = folder.path().join("summary.md");
    let variables = [("GITHUB_ACTIONS", "true"), ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())];
    let (sandbox, ran) = run_with_harm(&[], &variables, |address| {
        let answer = http::send(address, "DELETE", "/stock-stream/_doc/stock-stream+0+7", "");
        assert_eq!(answer.status, 200);
    });
    let ran = ran.expect(1);
    let report = report(&sandbox, "r.xml");
    for (name, said) in [
        ("elasticsearch/count", "1,999 documents, but 2,000 ticks"),
        ("elasticsearch/ids", "1 message(s) have no document, the first is `stock-stream+0+7`"),
    ] {
        assert_eq!(verdict(&report, name), ("failure".into(), said.into()));
    }
    for name in ["elasticsearch/search", "elasticsearch/aggregations", "elasticsearch/histogram"] {
        assert_eq!(verdict(&report, name).0, "failure", "{name}");
    }
    for name in ["kafka/count", "kafka/content", "kafka/timestamps", "template/mapping", "dead-letters/none"] {
        assert_eq!(verdict(&report, name).0, "passed", "{name}");
    }
    let owned = ("skipped".to_owned(), "stockdev does not own these servers".to_owned());
    assert_eq!(verdict(&report, "crash/recovery"), owned);

    let errors: Vec<&str> = ran.stdout.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(errors.len(), 6, "{ran:#?}");
    assert!(
        errors[0].starts_with("::error title=stockdev smoke::5 of 16 checks failed: elasticsearch/count"),
        "{errors:?}"
    );
    assert!(errors[1].starts_with("::error title=smoke elasticsearch/count::1,999 documents, but 2,000 ticks"));
    let commands = |word: &str| ran.stdout.lines().filter(|line| line.starts_with(word)).count();
    assert_eq!((commands("::group::"), commands("::endgroup::")), (9, 9), "{ran:#?}");
    let summary = std::fs::read_to_string(&summary).unwrap();
    assert!(summary.contains("| ❌ | elasticsearch/count |"), "{summary}");
    assert!(ran.stderr.contains("error[SMOKE_FAILED]: 5 of 16 checks failed"), "{ran:#?}");
    assert_nothing_left(&sandbox);
}

#[test]
fn a_changed_document_fails_the_aggregation_and_not_the_count() {
    let arguments = ["--output", "json"];
    let (sandbox, ran) = run_with_harm(&arguments, &[("GITHUB_ACTIONS", "true")], |address| {
        let change = r#"{"doc":{"last_price":99999.5}}"#;
        let answer = http::send(address, "POST", "/stock-stream/_update/stock-stream+0+7", change);
        assert_eq!(answer.status, 200);
    });
    let ran = ran.expect(1);
    let states = states(&ran.document());
    let bad: Vec<&str> = states.iter().filter(|(_, state)| state == "failed").map(|(name, _)| name.as_str()).collect();
    assert_eq!(bad, ["elasticsearch/aggregations"], "{ran:#?}");
    let (_, message) = verdict(&report(&sandbox, "r.xml"), "elasticsearch/aggregations");
    assert!(message.contains(": sum is ") && message.contains("the ticks give"), "{message}");
    // The document stays alone on standard output.
    assert!(ran.stderr.lines().any(|line| line.starts_with("::error title=stockdev smoke::1 of 16")), "{ran:#?}");
}

#[test]
fn groups_of_up_follow_its_phases_where_github_reads_them() {
    let sandbox = Sandbox::new();
    let on = [("GITHUB_ACTIONS", "true"), ("CI", "true")];
    let ran = sandbox.run_with(&["up", "--ports", "auto", "--no-stream", "--output", "json"], &on).expect(0);
    assert_eq!(ran.document()["state"], "ready");
    let groups: Vec<&str> = ran.stderr.lines().filter_map(|line| line.strip_prefix("::group::")).collect();
    assert_eq!(
        groups,
        ["preflight", "start", "wait", "topic", "template", "dashboard", "verify", "ready"],
        "{}",
        ran.stderr
    );
    assert_eq!(ran.stderr.matches("::endgroup::").count(), groups.len());
    let off = sandbox.run(&["up"]).expect(0);
    assert!(!off.stderr.contains("::"), "{}", off.stderr.replace("::1", ""));
}

#[test]
fn flags_that_make_no_sense_are_refused_and_an_unwritable_report_too() {
    let sandbox = Sandbox::new();
    for flag in ["--live", "--attach", "--open", "--no-stream", "--replay"] {
        let ran = sandbox.run(&["smoke", flag]).expect(2);
        assert!(ran.stderr.contains(&format!("`{flag}` is of no use to `smoke`")), "{ran:?}");
    }
    sandbox.run(&["smoke", "--data", "-"]).expect(2);
    sandbox.run(&["smoke", "--data", "no-such-file"]).expect(2);
    std::fs::write(sandbox.work().join("file"), "").unwrap();
    let ran = sandbox.run(&["smoke", "--junit", "file/r.xml"]).expect(1);
    assert!(ran.stderr.contains("error[OUTPUT_FAILED]"), "{ran:?}");
    assert_nothing_left(&sandbox);
}
