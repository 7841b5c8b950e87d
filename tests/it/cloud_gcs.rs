//! Pushes against a storage server: the embedded one, or the one that `STOCKDEV_TEST_GCS` names. Each test has a bucket of its
//! own.

use std::fmt::Write as _;

use serde_json::Value;

use crate::cli_support::Sandbox;
use crate::support::servers::TestGcs;

/// A sandbox, the server and a bucket.
struct Target {
    sandbox: Sandbox,
    server: TestGcs,
    bucket: String,
}

impl Target {
    fn new(test: &str) -> Self {
        let bucket = format!("stockdev-{test}-{}", std::process::id()).replace('_', "-");
        Self { sandbox: Sandbox::new(), server: TestGcs::start(), bucket }
    }

    #[track_caller]
    fn run(&self, arguments: &[&str]) -> Value {
        let whole =
            [&["gcs"], arguments, &["--gcs-endpoint", &self.server.url, "--bucket", &self.bucket, "--output", "json"]];
        self.sandbox.run(&whole.concat()).expect(0).document()
    }

    #[track_caller]
    fn push(&self, arguments: &[&str]) -> Value {
        self.run(&[&["push"], arguments].concat())
    }
}

#[test]
fn equal_content_is_written_once_whatever_form_it_comes_in() {
    let target = Target::new("once");
    let first = target.push(&[]);
    assert_eq!(
        (&first["outcome"], &first["bucket_created"], &first["ticks"]),
        (&"written".into(), &true.into(), &2000.into())
    );
    assert_eq!(first["location"], "EU");
    let again = target.push(&[]);
    assert_eq!((&again["outcome"], &again["bucket_created"]), (&"unchanged".into(), &false.into()));
    assert_eq!((&again["generation"], &again["crc32c"]), (&first["generation"], &first["crc32c"]));
    // The same ticks as an array.
    let sample =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stock_data_sample.json")).unwrap();
    let array = format!("[{}]", sample.lines().collect::<Vec<_>>().join(",\n"));
    std::fs::write(target.sandbox.work().join("array.json"), array).unwrap();
    assert_eq!(target.push(&["array.json"])["outcome"], "unchanged");
    // Others.
    let csv = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/log_inf_sample.csv");
    let other = target.push(&[csv]);
    assert_eq!((&other["outcome"], &other["ticks"]), (&"written".into(), &200.into()));
    assert!(other["generation"].as_i64() > first["generation"].as_i64());
    let listed = target.run(&["ls", "data/"]);
    assert_eq!(listed["objects"].as_array().unwrap().len(), 1);
    assert_eq!(listed["objects"][0]["crc32c"], other["crc32c"]);
    assert_eq!(listed["objects"][0]["bytes"], other["bytes"]);
}

#[test]
fn a_large_source_is_sent_in_a_resumable_upload_and_a_compressed_one_is_a_gzip_file() {
    let target = Target::new("large");
    let ticks = target.sandbox.run(&["generate", "--ticks", "20000", "--seed", "1"]).expect(0).stdout;
    std::fs::write(target.sandbox.work().join("ticks.json"), &ticks).unwrap();
    let plain = target.push(&["ticks.json", "--object", "data/large.json"]);
    assert!(plain["bytes"].as_u64() > Some(9 << 20), "{plain}");
    let packed = target.push(&["ticks.json", "--object", "data/large.json", "--gzip"]);
    assert_eq!(packed["object"], "data/large.json.gz");
    assert!(packed["bytes"].as_u64() < plain["bytes"].as_u64(), "{packed}");
    for object in ["data/large.json", "data/large.json.gz"] {
        let gzip = if object.ends_with(".gz") { vec!["--gzip"] } else { vec![] };
        let again = target.push(&[&["ticks.json", "--object", "data/large.json"][..], &gzip].concat());
        assert_eq!(again["outcome"], "unchanged", "{object}");
    }
}

#[test]
fn a_bad_tick_is_named_and_nothing_is_sent() {
    let target = Target::new("bad");
    let mut text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stock_data_sample.json")).unwrap();
    writeln!(text, "{{\"timestamp\": 1}}").unwrap();
    std::fs::write(target.sandbox.work().join("bad.json"), text).unwrap();
    let arguments = ["gcs", "push", "bad.json", "--gcs-endpoint", &target.server.url, "--bucket", &target.bucket];
    let ran = target.sandbox.run(&arguments).expect(1);
    assert!(ran.stderr.contains("error[DATA_INVALID]: bad.json:2001"), "{ran:#?}");
    assert_eq!(target.run(&["ls"])["objects"].as_array().unwrap().len(), 0);
    let pushed = target.push(&["bad.json", "--skip-invalid"]);
    assert_eq!((&pushed["ticks"], &pushed["invalid"]), (&2000.into(), &1.into()));
}

#[test]
fn a_topic_goes_into_objects_by_day_and_no_offset_goes_twice() {
    let target = Target::new("topic");
    target.sandbox.run(&["up", "--stack", "embedded", "--ports", "auto", "--time", "original"]).expect(0);
    let first = target.push(&["--from-topic", "--batch", "900"]);
    assert_eq!((&first["ticks"], &first["already_there"]), (&2000.into(), &0.into()), "{first}");
    let objects: Vec<&str> = first["objects"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let place = |first: u32, last: u32| format!("data/dt=2024-01-02/stock-stream-0-{first:020}-{last:020}.json");
    assert_eq!(objects, [place(0, 899), place(900, 1799), place(1800, 1999)]);
    let again = target.push(&["--from-topic"]);
    assert_eq!((&again["outcome"], &again["already_there"]), (&"unchanged".into(), &2000.into()), "{again}");
    let more = target.sandbox.run(&["generate", "--ticks", "10", "--seed", "2"]).expect(0).stdout;
    std::fs::write(target.sandbox.work().join("more.json"), more).unwrap();
    target.sandbox.run(&["produce", "more.json"]).expect(0);
    let rest = target.push(&["--from-topic"]);
    assert_eq!((&rest["ticks"], &rest["already_there"]), (&10.into(), &2000.into()), "{rest}");
    target.sandbox.run(&["down"]).expect(0);
}
