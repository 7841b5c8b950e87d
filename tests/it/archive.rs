//! `export` and `import`: a topic goes into a file and comes back as it was.

#![expect(clippy::unwrap_used, reason = "a test that can't go on says where")]

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::cli_support::Sandbox;
use crate::support::http::send;

const UP: [&str; 5] = ["up", "--stack", "embedded", "--ports", "auto"];

fn empty(partitions: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(&[&UP[..], &["--no-stream", "--partitions", partitions]].concat()).expect(0);
    sandbox
}

/// Every message with its place, time, key, headers and value, sorted.
fn messages(sandbox: &Sandbox) -> Vec<String> {
    let printed = sandbox.run(&["consume", "--format", "%p %o %T %k %h %s\n"]).expect(0).stdout;
    let mut lines: Vec<String> = printed.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect();
    lines.sort();
    lines
}

/// The ids of all documents, sorted.
fn ids(sandbox: &Sandbox) -> Vec<String> {
    let env = sandbox.run(&["env", "--format", "json"]).expect(0).document();
    let address = env["ELASTICSEARCH_URL"].as_str().unwrap().trim_start_matches("http://").parse().unwrap();
    let hits = send(address, "GET", "/stock-stream/_search?size=10000&_source=false", "").json();
    let mut ids: Vec<String> =
        hits["hits"]["hits"].as_array().unwrap().iter().map(|hit| hit["_id"].as_str().unwrap().to_owned()).collect();
    ids.sort();
    ids
}

#[test]
fn a_topic_comes_back_as_it_was_and_so_do_its_documents() {
    let first = Sandbox::new();
    first.run(&[&UP[..], &["--partitions", "3"]].concat()).expect(0);
    let exported = first.run(&["export", "week.ndjson.gz", "--output", "json"]).expect(0).document();
    assert_eq!((&exported["messages"], &exported["partitions"]), (&Value::from(2000), &Value::from(3)));
    let file = first.work().join("week.ndjson.gz");
    assert_eq!(exported["bytes"], std::fs::metadata(&file).unwrap().len());

    let second = empty("3");
    let path = file.display().to_string();
    let imported = second.run(&["import", &path, "--output", "json"]).expect(0).document();
    assert_eq!((&imported["messages"], &imported["indexed"]), (&Value::from(2000), &Value::from(2000)));
    assert_eq!(messages(&second), messages(&first));
    assert_eq!(ids(&second), ids(&first));

    // What is there was streamed: a further `up` adds nothing, and a further `import` is refused.
    let again = second.run(&[&UP[..], &["--output", "json"]].concat()).expect(0).document();
    assert_eq!((&again["already_up"], &again["indexed"]), (&Value::from(true), &Value::from(2000)));
    let refused = second.run(&["import", &path]).expect(1);
    assert!(
        refused.stderr.contains("TOPIC_NOT_EMPTY") && refused.stderr.contains("nothing was changed"),
        "{refused:#?}"
    );
    for sandbox in [first, second] {
        sandbox.run(&["down"]).expect(0);
    }
}

#[test]
fn a_pipe_carries_a_topic_from_one_project_to_another() {
    let first = Sandbox::new();
    first.run(&UP).expect(0);
    let second = empty("1");
    let mut export = first.command(&["export", "-"]).stdout(Stdio::piped()).spawn().unwrap();
    let import = second.command(&["import", "-"]).stdin(export.stdout.take().unwrap()).output().unwrap();
    assert!(export.wait().unwrap().success() && import.status.success(), "{import:?}");
    assert_eq!(messages(&second), messages(&first));
    for sandbox in [first, second] {
        sandbox.run(&["down"]).expect(0);
    }
}

#[test]
fn a_file_that_is_not_whole_or_no_archive_changes_nothing() {
    let first = Sandbox::new();
    first.run(&UP).expect(0);
    first.run(&["export", "week.ndjson.gz"]).expect(0);
    let whole = std::fs::read(first.work().join("week.ndjson.gz")).unwrap();
    let second = empty("1");
    let file = second.work().join("file");
    for (bytes, said) in [
        (&whole[..whole.len() / 2], "it was cut off"),
        (&whole[..whole.len() - 3], "it was cut off"),
        (b"instrument_token,last_price\n1,2\n".as_slice(), "it is not gzipped"),
        (b"".as_slice(), "cut off"),
    ] {
        std::fs::File::create(&file).unwrap().write_all(bytes).unwrap();
        let refused = second.run(&["import", "file"]).expect(1);
        assert!(refused.stderr.contains("ARCHIVE_INVALID") && refused.stderr.contains(said), "{refused:#?}");
    }
    second.run(&["import", "absent"]).expect(2);
    assert_eq!(messages(&second), Vec::<String>::new());
    // A topic with fewer partitions has no place for some of the messages.
    let third = Sandbox::new();
    third.run(&[&UP[..], &["--partitions", "2"]].concat()).expect(0);
    third.run(&["export", "two.gz"]).expect(0);
    let path = third.work().join("two.gz").display().to_string();
    let refused = second.run(&["import", &path]).expect(1);
    assert!(refused.stderr.contains("--no-stream --partitions 2"), "{refused:#?}");
    for sandbox in [first, second, third] {
        sandbox.run(&["down"]).expect(0);
    }
}
