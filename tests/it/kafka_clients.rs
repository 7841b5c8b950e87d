//! Foreign Kafka clients against the embedded broker: kcat, librdkafka, kafka-python, Kafka's Java client and console
//! tools, franz-go.
//!
//! `scripts/install-test-clients` installs them into `STOCKDEV_TEST_CLIENTS` (default `target/test-clients`). A client
//! that is not there is skipped, unless `STOCKDEV_REQUIRE_CLIENTS=1`. With `STOCKDEV_TEST_KAFKA=host:port` the same tests
//! run against that broker: what holds for ours must hold for the real one.
//!
//! The programs in `tests/clients/kafka` all act out one scenario and print what they saw as `name=value`:
//!
//! 1. a topic of two partitions is made, 200 records with key, headers and timestamp are produced idempotently, compressed;
//! 2. a group member reads them all as they were sent, commits, leaves;
//! 3. 50 more are produced, and a new member of the group gets exactly those;
//! 4. a second member joins and each has one partition; the first leaves and the second has both;
//! 5. offsets are looked up by time and as committed; group and topic are deleted.

use std::{collections::BTreeMap, fs, path::Path, process::Command};

use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
};

use crate::support::{
    clients::{clients, installed, root, run, unique},
    servers::TestKafka,
};

// --- What a client leaves behind ----------------------------------------------------------------------------------

/// For clients that cannot delete what they made: the broker may be a shared one.
fn delete(kafka: &TestKafka, topic: &str, group: &str) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", &kafka.address).create().unwrap();
    let options = AdminOptions::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let groups = runtime.block_on(admin.delete_groups(&[group], &options)).unwrap();
    assert_eq!(groups, [Ok(group.to_owned())]);
    let topics = runtime.block_on(admin.delete_topics(&[topic], &options)).unwrap();
    assert_eq!(topics, [Ok(topic.to_owned())]);
}

// --- The scenario -------------------------------------------------------------------------------------------------

/// What every client must see, in the order of the scenario.
const SEEN_BY_ALL: [(&str, &str); 12] = [
    ("delivered", "200"),
    ("consumed", "200"),
    ("distinct", "200"),
    ("wrong", "0"),
    ("delivered_later", "50"),
    ("resumed", "200..249"),
    ("shared", "1,1"),
    ("after_leave", "2"),
    ("offsets_for_time", "50,50"),
    ("committed", "125,125"),
    ("latest", "125"),
    ("topic_left", "false"),
];

/// What clients with the API for it see besides.
const SEEN_BY_SOME: [(&str, &str); 4] =
    [("group_listed", "true"), ("listed_offsets", "125,125"), ("group_state", "stable"), ("group_members", "2")];

/// `command` gets the broker's address and a prefix for its names.
fn check_scenario(name: &str, command: &mut Command) {
    let kafka = TestKafka::start();
    let ran = run(command.args([&kafka.address, &unique(name)]), "");
    assert!(ran.success, "{}", ran.all);
    let mut facts: BTreeMap<&str, &str> = ran.stdout.lines().filter_map(|line| line.split_once('=')).collect();
    for (fact, expected) in SEEN_BY_ALL {
        assert_eq!(facts.remove(fact), Some(expected), "{fact}: {}", ran.all);
    }
    for (fact, expected) in SEEN_BY_SOME {
        assert!(facts.remove(fact).is_none_or(|seen| seen == expected), "{fact}: {}", ran.all);
    }
    assert!(facts.is_empty(), "unexpected facts {facts:?}: {}", ran.all);
}

fn check_python(venv: &str, program: &str) {
    if let Some(python) = installed(&clients().join(venv).join("bin/python")) {
        check_scenario(venv, Command::new(python).arg(root().join("tests/clients/kafka/python").join(program)));
    }
}

/// A JVM with that release's jars and our programs on its class path.
fn java(version: &str) -> Option<Command> {
    let dir = installed(&clients().join(format!("kafka-java-{version}")))?;
    let mut command = Command::new(installed(Path::new("java"))?);
    // A short life: compile little, collect with one thread, log problems only.
    command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"]);
    command.arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn");
    command.arg("-cp").arg(format!("{0}/classes:{0}/jars/*", dir.display()));
    Some(command)
}

fn check_java(version: &str) {
    if let Some(mut command) = java(version) {
        check_scenario(&format!("java-{version}"), command.arg("Scenario"));
    }
}

#[test]
fn librdkafka_produces_consumes_and_shares_a_group() {
    check_python("confluent-kafka", "librdkafka.py");
}

#[test]
fn kafka_python_2_produces_consumes_and_shares_a_group() {
    check_python("kafka-python-2", "kafka_python.py");
}

#[test]
fn kafka_python_3_produces_consumes_and_shares_a_group() {
    check_python("kafka-python-3", "kafka_python.py");
}

#[test]
fn the_java_client_4_1_produces_consumes_and_shares_a_group() {
    check_java("4.1.2");
}

#[test]
fn the_java_client_3_9_produces_consumes_and_shares_a_group() {
    check_java("3.9.1");
}

#[test]
fn franz_go_produces_consumes_and_shares_a_group() {
    if let Some(franz) = installed(&clients().join("franz-go")) {
        check_scenario("franz-go", &mut Command::new(franz));
    }
}

// --- kcat ---------------------------------------------------------------------------------------------------------

#[test]
fn kcat_produces_reads_lists_and_resumes_in_a_group() {
    let Some(program) = installed(Path::new("kcat")) else { return };
    let kafka = TestKafka::start();
    let (topic, group) = (unique("kcat"), unique("kcat-group"));
    let kcat = |args: &[&str], stdin: &str| {
        let ran = run(Command::new(&program).args(["-b", &kafka.address]).args(args), stdin);
        assert!(ran.success, "{}", ran.all);
        ran.stdout
    };
    let records = |range: std::ops::Range<u32>| range.map(|n| format!("k{n}:v{n}\n")).collect::<String>();
    let read = |range: std::ops::Range<u32>| range.map(|n| format!("{n} k{n}=v{n}\n")).collect::<String>();
    let produce = ["-P", "-t", &topic, "-p", "0", "-K:", "-X", "enable.idempotence=true", "-z"];

    // The first record makes the topic.
    kcat(&[&produce[..], &["zstd"]].concat(), &records(0..50));
    kcat(&[&produce[..], &["lz4"]].concat(), &records(50..100));
    let format = "%o %k=%s\n";
    let consume = ["-C", "-q", "-e", "-t", &topic, "-f", format, "-o"];
    assert_eq!(kcat(&[&consume[..], &["beginning"]].concat(), ""), read(0..100));
    assert_eq!(kcat(&[&consume[..], &["75"]].concat(), ""), read(75..100), "an offset inside a batch");
    assert_eq!(kcat(&[&consume[..], &["-5"]].concat(), ""), read(95..100));

    let listed: serde_json::Value = serde_json::from_str(&kcat(&["-L", "-J", "-t", &topic], "")).unwrap();
    assert_eq!(listed["topics"][0]["topic"], topic.as_str());
    assert_eq!(listed["topics"][0]["partitions"].as_array().map(Vec::len), Some(1));
    assert!(kcat(&["-Q", "-t", &format!("{topic}:0:-1")], "").contains("offset 100"));

    let join = |count: &str| {
        let reset = ["-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=6000"];
        kcat(&[&["-G", &group, "-q", "-f", format, "-c", count], &reset[..], &[&topic]].concat(), "")
    };
    assert_eq!(join("100"), read(0..100));
    kcat(&[&produce[..], &["snappy"]].concat(), &records(100..110));
    assert_eq!(join("10"), read(100..110), "only what the group had not read");
    delete(&kafka, &topic, &group);
}

// --- Console tools ------------------------------------------------------------------------------------------------

/// One call of a tool: what it wrote, and its exit code.
#[derive(Debug)]
struct ToolRan {
    line: String,
    output: String,
    exit: i32,
}

impl ToolRan {
    #[track_caller]
    fn shows(&self, exit: i32, texts: &[&str]) -> &ToolRan {
        assert_eq!(self.exit, exit, "{}: {}", self.line, self.output);
        for text in texts {
            assert!(self.output.contains(text), "`{text}` is not in the output of {}: {}", self.line, self.output);
        }
        self
    }

    /// The sum of the numbers in that column of the table whose head has `name`, over the rows with `with`.
    #[track_caller]
    fn column_sum(&self, name: &str, with: &str) -> i64 {
        let mut lines = self.output.lines();
        let column = lines.find_map(|line| line.split_whitespace().position(|word| word == name));
        let column = column.unwrap_or_else(|| panic!("no column {name}: {}", self.output));
        let rows = lines.filter(|line| line.contains(with));
        rows.map(|line| line.split_whitespace().nth(column).and_then(|word| word.parse::<i64>().ok()).unwrap_or(0))
            .sum()
    }
}

/// Runs the calls in one JVM; each is a class and its arguments.
fn run_tools(mut java: Command, calls: &[Vec<String>]) -> Vec<ToolRan> {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("script");
    fs::write(&script, calls.iter().map(|call| call.join("\t") + "\n").collect::<String>()).unwrap();
    let ran = run(java.arg("Tools").arg(&script), "");
    assert!(ran.success, "{}", ran.all);
    let mut tools: Vec<ToolRan> = Vec::new();
    for line in ran.stdout.lines() {
        if let Some((before, code)) = line.split_once("### exit ") {
            let tool = tools.last_mut().unwrap();
            tool.output.push_str(before);
            tool.exit = code.parse().unwrap();
        } else if let Some(call) = line.strip_prefix("### ") {
            tools.push(ToolRan { line: call.to_owned(), output: String::new(), exit: -1 });
        } else if let Some(tool) = tools.last_mut() {
            tool.output.push_str(line);
            tool.output.push('\n');
        }
    }
    assert_eq!(tools.len(), calls.len(), "{}", ran.all);
    tools
}

fn check_console_tools(version: &str, console_producer: &str) {
    let Some(java) = java(version) else { return };
    let kafka = TestKafka::start();
    let (topic, group) = (unique("tools"), unique("tools-group"));
    let call = |class: &str, args: &str| {
        let mut call = vec![class.to_owned(), "--bootstrap-server".to_owned(), kafka.address.clone()];
        let args = args.replace("TOPIC", &topic).replace("GROUP", &group);
        call.extend(args.split_whitespace().map(str::to_owned));
        call
    };
    let topics = |args: &str| call("org.apache.kafka.tools.TopicCommand", args);
    let groups = |args: &str| call("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", args);
    let offsets = || call("org.apache.kafka.tools.GetOffsetShell", "--topic TOPIC");
    let perf = format!(
        "org.apache.kafka.tools.ProducerPerformance --topic {topic} --num-records 1000 --record-size 100 --throughput -1 \
         --producer-props bootstrap.servers={} acks=all",
        kafka.address
    );
    let calls = [
        topics("--create --topic TOPIC --partitions 2 --replication-factor 1 --config retention.ms=3600000"),
        topics("--create --topic TOPIC --partitions 2 --replication-factor 1"),
        topics("--list"),
        topics("--describe --topic TOPIC"),
        call(
            console_producer,
            "--topic TOPIC --property parse.key=true --property key.separator=: <k1:one\\nk2:two\\nk3:three\\n",
        ),
        call(
            "org.apache.kafka.tools.consumer.ConsoleConsumer",
            "--topic TOPIC --group GROUP --from-beginning --max-messages 3 --timeout-ms 30000 --property print.key=true",
        ),
        groups("--list"),
        groups("--describe --group GROUP"),
        groups("--describe --group GROUP --state"),
        groups("--reset-offsets --group GROUP --topic TOPIC --to-earliest --execute"),
        groups("--describe --group GROUP"),
        offsets(),
        topics("--alter --topic TOPIC --partitions 3"),
        topics("--describe --topic TOPIC"),
        call("kafka.admin.ConfigCommand", "--describe --entity-type topics --entity-name TOPIC"),
        perf.split_whitespace().map(str::to_owned).collect(),
        offsets(),
        groups("--delete --group GROUP"),
        groups("--describe --group GROUP"),
        topics("--delete --topic TOPIC"),
        topics("--describe --topic TOPIC"),
    ];
    let ran = run_tools(java, &calls);
    let [
        create,
        again,
        list,
        describe,
        produce,
        consume,
        list_groups,
        read_all,
        state,
        reset,
        after_reset,
        ends,
        alter,
        altered,
        config,
        perf,
        ends_later,
        delete_group,
        no_group,
        delete,
        no_topic,
    ] = &ran[..]
    else {
        panic!("{ran:#?}")
    };
    create.shows(0, &[&format!("Created topic {topic}.")]);
    again.shows(1, &["already exists"]);
    list.shows(0, &[&topic]);
    describe.shows(0, &["PartitionCount: 2", "retention.ms=3600000", "Partition: 1\tLeader: "]);
    produce.shows(0, &[]);
    consume.shows(0, &["k1\tone", "k2\ttwo", "k3\tthree", "Processed a total of 3 messages"]);
    list_groups.shows(0, &[&group]);
    read_all.shows(0, &[&topic]);
    assert_eq!((read_all.column_sum("CURRENT-OFFSET", &topic), read_all.column_sum("LAG", &topic)), (3, 0));
    state.shows(0, &["Empty"]);
    assert_eq!(reset.shows(0, &[&topic]).column_sum("NEW-OFFSET", &topic), 0);
    assert_eq!(after_reset.shows(0, &[]).column_sum("LAG", &topic), 3);
    let total = |tool: &ToolRan| -> i64 {
        let lines = tool.output.lines().filter(|line| line.starts_with(&topic));
        lines.filter_map(|line| line.rsplit(':').next()?.parse::<i64>().ok()).sum()
    };
    assert_eq!(total(ends.shows(0, &[&format!("{topic}:1:")])), 3);
    alter.shows(0, &[]);
    altered.shows(0, &["PartitionCount: 3"]);
    config.shows(0, &["retention.ms=3600000"]);
    perf.shows(0, &["1000 records sent"]);
    assert_eq!(total(ends_later.shows(0, &[])), 1003);
    delete_group.shows(0, &["was successful"]);
    assert!(no_group.output.contains("does not exist") || no_group.output.contains("not found"), "{no_group:?}");
    delete.shows(0, &[]);
    no_topic.shows(1, &["does not exist"]);
}

#[test]
fn the_console_tools_4_1_work_on_topics_groups_and_configs() {
    check_console_tools("4.1.2", "org.apache.kafka.tools.ConsoleProducer");
}

#[test]
fn the_console_tools_3_9_work_on_topics_groups_and_configs() {
    check_console_tools("3.9.1", "kafka.tools.ConsoleProducer");
}
