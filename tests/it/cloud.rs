//! The cloud half from the command line, without a cloud: what is refused before anything is dialled, and how it is said.

use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::cli_support::Sandbox;

#[test]
fn without_an_account_and_without_a_stack_there_is_nobody_to_ask() {
    let sandbox = Sandbox::new();
    for (arguments, flag) in [
        (vec!["gcs", "push"], "--gcs-endpoint URL"),
        (vec!["gcs", "ls"], "--gcs-endpoint URL"),
        (vec!["bigquery", "run"], "--bigquery-endpoint URL"),
    ] {
        let ran = sandbox.run(&arguments).expect(3);
        assert!(ran.stderr.contains("error[NOT_RUNNING]") && ran.stderr.contains(flag), "{ran:#?}");
    }
    let script = sandbox.work().join("one.sql");
    std::fs::write(&script, "SELECT 1").unwrap();
    let ran = sandbox.run(&["bigquery", "run", "one.sql"]).expect(3);
    assert!(ran.stderr.contains("--bigquery-endpoint URL"), "{ran:#?}");
}

#[test]
fn google_is_asked_only_when_project_bucket_and_credentials_are_named() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["gcs", "push", "--cloud", "gcp"]).expect(20);
    insta::assert_snapshot!(ran.stderr, @r"
    error[CLOUD_NOT_SET_UP]: Google Cloud is asked for, but --gcp-project is missing
      state   nothing was sent
      next    stockdev gcs push --cloud gcp --gcp-project NAME   name it
              export GOOGLE_CLOUD_PROJECT=PROJECT                or once for all commands
              stockdev gcs push                                  without an account: the stack's own servers
      more    stockdev explain CLOUD_NOT_SET_UP
    ");
    let with_project = [("GOOGLE_CLOUD_PROJECT", "my-project")];
    let ran = sandbox.run_with(&["gcs", "push", "--cloud", "gcp"], &with_project).expect(20);
    assert!(ran.stderr.contains("--bucket is missing"), "{ran:#?}");
    let arguments = ["gcs", "push", "--cloud", "gcp", "--bucket", "my-bucket", "--service-account", "no-such.json"];
    let ran = sandbox.run_with(&arguments, &with_project).expect(20);
    assert!(ran.stderr.contains("no usable Google credentials") && ran.stderr.contains("no-such.json"), "{ran:#?}");
}

#[test]
fn up_says_what_google_needs_before_it_starts_anything() {
    let sandbox = Sandbox::new();
    let arguments = ["up", "--stack", "embedded", "--ports", "auto", "--push-gcs", "--cloud", "gcp"];
    let ran = sandbox.run(&arguments).expect(20);
    assert!(ran.stderr.contains("--gcp-project is missing") && !ran.stderr.contains("the stack runs"), "{ran:#?}");
    sandbox.run(&["status"]).expect(3);
}

#[test]
fn up_pushes_once_and_shows_the_storage_server() {
    let sandbox = Sandbox::new();
    let up = ["up", "--stack", "embedded", "--ports", "auto", "--push-gcs", "--output", "json"];
    let first = sandbox.run(&up).expect(0).document();
    assert_eq!((&first["cloud"]["gcs"]["outcome"], &first["already_up"]), (&json!("written"), &json!(false)));
    let again = sandbox.run(&up).expect(0).document();
    assert_eq!((&again["cloud"]["gcs"]["outcome"], &again["already_up"]), (&json!("unchanged"), &json!(true)));
    let status = sandbox.run(&["status", "--output", "json"]).expect(0).document();
    let names: Vec<&str> =
        status["services"].as_array().unwrap().iter().filter_map(|service| service["name"].as_str()).collect();
    assert_eq!(names, ["kafka", "elasticsearch", "kibana", "gcs", "bigquery"]);
    let storage = &status["services"][3];
    assert_eq!((&storage["endpoint"], &storage["state"]), (&first["endpoints"]["gcs"], &json!("running")));
    // What was pushed is there after the process was killed.
    let pid = i32::try_from(storage["pid"].as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).unwrap();
    let after = sandbox.run(&up).expect(0).document();
    assert_eq!(after["cloud"]["gcs"]["outcome"], "unchanged");
    assert_eq!(after["cloud"]["gcs"]["generation"], first["cloud"]["gcs"]["generation"]);
    sandbox.run(&["down"]).expect(0);
}

#[test]
fn up_runs_the_scripts_with_no_account_and_says_what_came_of_them() {
    let sandbox = Sandbox::new();
    let up = ["up", "--ports", "auto", "--push-gcs", "--bigquery", "--output", "json"];
    let document = sandbox.run(&up).expect(0).document();
    let scripts = document["cloud"]["bigquery"]["scripts"].as_array().unwrap();
    assert_eq!(scripts.len(), 5, "{document}");
    let ran = sandbox.run(&["bigquery", "run", "predict_price", "--format", "json"]).expect(0);
    let rows: Vec<serde_json::Value> = serde_json::from_str(&ran.stdout).unwrap();
    assert!(!rows.is_empty(), "{ran:#?}");
    let text = "SELECT nope FROM `${dataset}.external_table`";
    std::fs::write(sandbox.work().join("bad.sql"), text).unwrap();
    let ran = sandbox.run(&["bigquery", "run", "bad.sql"]);
    assert!(ran.code != Some(0) && ran.stderr.contains("bad.sql:1:8"), "{ran:#?}");
    // The models outlive the process.
    sandbox.run(&["down", "--keep-data"]).expect(0);
    sandbox.run(&["up", "--output", "json"]).expect(0);
    std::fs::write(
        sandbox.work().join("r2.sql"),
        "SELECT r2_score FROM ML.EVALUATE(MODEL `${dataset}.price_regressor`)",
    )
    .unwrap();
    let ran = sandbox.run(&["bigquery", "run", "r2.sql", "--format", "csv"]).expect(0);
    let r2: f64 = ran.stdout.lines().last().unwrap().parse().unwrap();
    assert!((0.9..=1.0).contains(&r2), "{ran:#?}");
}

#[test]
fn flags_that_contradict_each_other_are_refused() {
    let sandbox = Sandbox::new();
    for (arguments, said) in [
        (
            vec!["--cloud", "gcp", "--gcp-project", "my-project", "--gcs-endpoint", "http://127.0.0.1:1"],
            "leave out --cloud gcp",
        ),
        (vec!["--service-account", "key.json"], "add --cloud gcp"),
        (vec!["--gcs-endpoint", "127.0.0.1:1"], "is no address of Google Cloud Storage"),
        (vec!["--gcp-project", "My Project"], "is no project id"),
        (vec!["--bucket", "a`b"], "is no bucket name"),
    ] {
        let arguments: Vec<&str> = ["gcs", "push"].into_iter().chain(arguments).collect();
        let ran = sandbox.run(&arguments).expect(2);
        assert!(ran.stderr.contains(said), "{arguments:?}: {ran:#?}");
    }
}

#[test]
fn credentials_that_are_there_are_left_alone_and_that_is_said() {
    let sandbox = Sandbox::new();
    let variables = [("GOOGLE_APPLICATION_CREDENTIALS", "/nonsense"), ("STORAGE_EMULATOR_HOST", "127.0.0.1:1")];
    let began = Instant::now();
    let ran = sandbox.run_with(&["gcs", "push"], &variables).expect(1);
    assert!(ran.stderr.contains("GOOGLE_APPLICATION_CREDENTIALS is set, but not used"), "{ran:#?}");
    assert!(
        ran.stderr.contains("error[ENDPOINT_UNREACHABLE]") && ran.stderr.contains("http://127.0.0.1:1"),
        "{ran:#?}"
    );
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn a_wrong_placeholder_is_shown_before_anything_is_dialled() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.work().join("good.sql"), "SELECT 1").unwrap();
    std::fs::write(sandbox.work().join("bad.sql"), "SELECT 1;\nSELECT * FROM `${project}.${data}.t`").unwrap();
    let endpoint = ["--bigquery-endpoint", "http://127.0.0.1:1"];
    let arguments: Vec<&str> = ["bigquery", "run", "good.sql", "bad.sql"].into_iter().chain(endpoint).collect();
    let ran = sandbox.run(&arguments).expect(2);
    insta::assert_snapshot!(ran.stderr, @r"
    error[SCRIPT_INVALID]: bad.sql:2:27: there is no placeholder `${data}`: there are `${project}`, `${dataset}`, `${bucket}`
      got     2 | SELECT * FROM `${project}.${data}.t`
                |                           ^
      state   nothing was run
      next    stockdev explain SCRIPT_INVALID   what placeholders there are
      more    stockdev explain SCRIPT_INVALID
    ");
    let ran = sandbox.run(&["bigquery", "run", "nothing"]).expect(2);
    assert!(ran.stderr.contains("there is no script `nothing`"), "{ran:#?}");
}

#[test]
fn the_scripts_inside_the_program_are_listed_and_shown_as_they_are() {
    let sandbox = Sandbox::new();
    let listed = sandbox.run(&["bigquery", "list", "--output", "json"]).expect(0).document();
    let names: Vec<&str> = listed.as_array().unwrap().iter().filter_map(|script| script["name"].as_str()).collect();
    assert_eq!(
        json!(names),
        json!([
            "create_external_table",
            "train_price_regression_model",
            "predict_price",
            "train_and_predict_timeseries",
            "train_and_predict_timeseries_multiseries",
        ])
    );
    for name in names {
        let shown = sandbox.run(&["bigquery", "show", name]).expect(0).stdout;
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("sql/{name}.sql"));
        assert_eq!(shown, std::fs::read_to_string(file).unwrap(), "{name}");
    }
}

#[test]
fn a_server_that_never_answers_does_not_keep_ctrl_c_from_ending_a_command() {
    let sandbox = Sandbox::new();
    for arguments in [["gcs", "push", "--gcs-endpoint"], ["gcs", "ls", "--gcs-endpoint"]] {
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", silent.local_addr().unwrap());
        let child = sandbox
            .command(&[&arguments[..], &[url.as_str()]].concat())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It has asked: from here on it waits for an answer.
        let asked = silent.accept().unwrap();
        kill_process(Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap(), Signal::INT).unwrap();
        let began = Instant::now();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(130), "{arguments:?}: {said}");
        assert!(
            said.contains("error[INTERRUPTED]") && began.elapsed() < Duration::from_secs(20),
            "{arguments:?}: {said}"
        );
        drop(asked);
    }
}
