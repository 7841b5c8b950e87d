//! Outages of the real Kafka and Elasticsearch while a stream runs: it goes on by itself, nothing is lost, nothing is there
//! twice, and meanwhile the programs say whom they wait for.
//!
//! `STOCKDEV_TEST_OUTAGE_SECONDS` makes each outage so long (5). Beyond the group's session timeout (6 s) the indexer loses its
//! partitions meanwhile, which is another path: 15 is the length to try before a change of the poller lands.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use stockdev::{
    client::{ElasticsearchAddress, KafkaAddress},
    pipeline::{document_count, group_lag, refresh_index, topic_counts},
    setup::{TopicSpec, apply_template, ensure_topic},
};

use crate::cli_support::Sandbox;
use crate::support::containers::{RealPair, docker, has_engine};

const TOPIC: &str = "outage-stream";
const INDEX: &str = "stock-stream-outage";
const GROUP: &str = "outage-indexer";
const TICKS_PER_SECOND: u64 = 150;
/// More than the outages can take.
const TICKS_MAX: u64 = 150_000;
/// Beside the outage itself, a restart and what waits behind it may take so long on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

#[test]
fn a_stream_survives_each_server_going_away_and_says_what_it_waits_for() {
    if !has_engine() {
        return;
    }
    let outage = std::env::var("STOCKDEV_TEST_OUTAGE_SECONDS").map_or(5, |text| text.parse().unwrap());
    let pair = RealPair::start();
    let outage = Duration::from_secs(outage);
    let mut stream = Stream::start(&pair);
    stream.flows("at first");

    // Elasticsearch is stopped and started again.
    pair.elasticsearch.docker("stop");
    let waits = format!("waiting for Elasticsearch at {}: ", pair.elasticsearch_url);
    stream.indexer_says(&waits);
    lasts(outage);
    pair.elasticsearch.docker("start");
    stream.flows("after Elasticsearch was stopped");

    // Kafka is stopped and started again.
    pair.kafka.docker("stop");
    let waits = format!("waiting for Kafka at {}: ", pair.kafka_address);
    stream.indexer_says(&waits);
    stream.producer_says(&waits);
    lasts(outage);
    pair.kafka.docker("start");
    stream.flows("after Kafka was stopped");

    // The network of both is cut.
    let networks = [(&pair.kafka_network, &pair.kafka), (&pair.elasticsearch_network, &pair.elasticsearch)];
    for (network, container) in networks {
        docker(&["network", "disconnect", &network.name, &container.name]).unwrap();
    }
    lasts(outage);
    for (network, container) in networks {
        docker(&["network", "connect", &network.name, &container.name]).unwrap();
    }
    stream.flows("after the network was cut");

    // Both are frozen: connections stay, nobody answers.
    for container in [&pair.elasticsearch, &pair.kafka] {
        // A busy machine may not manage to freeze it the first time.
        container.wait_until("it can't be paused", || docker(&["pause", &container.name]));
    }
    lasts(outage);
    for container in [&pair.elasticsearch, &pair.kafka] {
        container.docker("unpause");
    }
    stream.flows("after both stood still");

    stream.all_is_there_once();
}

/// An outage is a length of time.
fn lasts(time: Duration) {
    thread::sleep(time);
}

/// `produce` and `index` as processes of their own, with an eye on what arrives.
struct Stream {
    sandbox: Sandbox,
    producer: Child,
    indexer: Child,
    feeder: Option<JoinHandle<Vec<String>>>,
    ends: Arc<AtomicBool>,
    kafka: KafkaAddress,
    elasticsearch: ElasticsearchAddress,
    runtime: tokio::runtime::Runtime,
}

impl Stream {
    fn start(pair: &RealPair) -> Self {
        let sandbox = Sandbox::new();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let kafka = KafkaAddress::new(&pair.kafka_address);
        let elasticsearch = ElasticsearchAddress::new(&pair.elasticsearch_url);
        runtime.block_on(async {
            ensure_topic(&kafka, &TopicSpec::new(TOPIC, 2)).await.unwrap();
            apply_template(&elasticsearch).await.unwrap();
        });
        // With their zone: such ticks pass through as they are.
        let made = sandbox.run(&["generate", "--ticks", &TICKS_MAX.to_string(), "--seed", "7"]).expect(0);
        let rate = (TICKS_PER_SECOND * 2).to_string();
        let producer = ["produce", "-", "--rate", &rate, "--topic", TOPIC, "--kafka", &pair.kafka_address];
        let indexer = ["index", "--topic", TOPIC, "--index", INDEX, "--group", GROUP, "--kafka", &pair.kafka_address];
        let elasticsearch_flag = ["--elasticsearch", pair.elasticsearch_url.as_str()];
        let spawn = |name: &str, arguments: &[&str]| {
            let mut command = sandbox.command(&[arguments, &["--output", "json", "--progress", "lines"]].concat());
            let file = |stream: &str| Stdio::from(File::create(sandbox.path(&format!("{name}.{stream}"))).unwrap());
            command.stdin(Stdio::piped()).stdout(file("out")).stderr(file("err")).spawn().unwrap()
        };
        let indexer = spawn("indexer", &[&indexer[..], &elasticsearch_flag].concat());
        let mut producer = spawn("producer", &producer);
        let ends = Arc::new(AtomicBool::new(false));
        let feeder = feed(producer.stdin.take().unwrap(), zoned(&made.stdout), ends.clone());
        Self { producer, indexer, feeder: Some(feeder), ends, kafka, elasticsearch, runtime, sandbox }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.sandbox.path(name)
    }

    fn said(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap()
    }

    #[track_caller]
    fn until(&mut self, what: &str, mut condition: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition(self) {
            let (producer, indexer) = (self.producer.try_wait().unwrap(), self.indexer.try_wait().unwrap());
            let goes_on = indexer.is_none() && producer.is_none_or(|status| status.success());
            assert!(
                goes_on && Instant::now() < deadline,
                "{what}: producer {producer:?}, indexer {indexer:?}, lag {:?}\n{}\n{}",
                self.lag(),
                self.said("producer.err"),
                self.said("indexer.err")
            );
            thread::sleep(Duration::from_millis(200));
        }
        println!("{what}: {:?} documents", self.documents());
    }

    fn lag(&self) -> Option<u64> {
        self.runtime.block_on(group_lag(&self.kafka, GROUP, TOPIC)).ok().flatten().map(|lag| lag.lag)
    }

    fn documents(&self) -> Option<u64> {
        self.runtime.block_on(async {
            refresh_index(&self.elasticsearch, INDEX).await.ok()?;
            document_count(&self.elasticsearch, INDEX).await.ok().flatten()
        })
    }

    fn messages(&self) -> Option<u64> {
        let counts = self.runtime.block_on(topic_counts(&self.kafka, TOPIC)).ok().flatten()?;
        Some(counts.iter().map(stockdev::pipeline::PartitionOffsets::messages).sum())
    }

    /// Waits until both halves have moved on from where they are.
    #[track_caller]
    fn flows(&mut self, when: &str) {
        let mut documents = None;
        let mut messages = None;
        self.until(&format!("flows {when}"), |stream| {
            let (now_documents, now_messages) = (stream.documents(), stream.messages());
            let moved = |first: &mut Option<u64>, now: Option<u64>| match (*first, now) {
                (Some(first), Some(now)) => now >= first + TICKS_PER_SECOND,
                (_, now) => {
                    *first = now;
                    false
                }
            };
            let (produces, indexes) = (moved(&mut messages, now_messages), moved(&mut documents, now_documents));
            produces && indexes
        });
    }

    #[track_caller]
    fn indexer_says(&mut self, text: &str) {
        self.until(&format!("the indexer says `{text}`"), |stream| stream.said("indexer.err").contains(text));
    }

    #[track_caller]
    fn producer_says(&mut self, text: &str) {
        self.until(&format!("the producer says `{text}`"), |stream| stream.said("producer.err").contains(text));
    }

    fn all_is_there_once(mut self) {
        self.ends.store(true, Ordering::Relaxed);
        let fed = self.feeder.take().unwrap().join().unwrap();
        let ticks = u64::try_from(fed.len()).unwrap();
        assert!(ticks < TICKS_MAX, "the stream ended before the outages did");
        self.until("all is produced", |stream| !stream.said("producer.out").is_empty());
        assert!(self.producer.wait().unwrap().success());
        let produced: Value = serde_json::from_str(&self.said("producer.out")).unwrap();
        assert_eq!((&produced["state"], &produced["sent"]), (&"done".into(), &ticks.into()));
        // Each tick is in the topic, and none twice.
        let topic = ["consume", "--topic", TOPIC, "--max", &(ticks + 1000).to_string(), "--kafka"];
        let consumed = self.sandbox.run(&[&topic[..], &[&self.kafka.bootstrap, "--format", "%s"]].concat()).expect(0);
        let (found, wanted) = (counted(consumed.stdout.lines()), counted(fed.iter().map(String::as_str)));
        let differs = found.iter().find(|(tick, count)| wanted.get(*tick) != Some(count));
        assert!(found == wanted, "{} different ticks of {} in the topic: {differs:?}", found.len(), wanted.len());
        // Each message is a document; ids are those of the messages, so that none can be there twice.
        self.until("all is indexed", |stream| stream.lag() == Some(0) && stream.documents() == Some(ticks));
        let pid = self.indexer.id().to_string();
        assert!(std::process::Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        assert!(self.indexer.wait().unwrap().success(), "{}", self.said("indexer.err"));
        let indexed: Value = serde_json::from_str(&self.said("indexer.out")).unwrap();
        assert_eq!(indexed["dead_letters"], 0, "{indexed}");
        assert_eq!(self.documents(), Some(ticks));
        println!("{}\n{}", self.said("producer.err"), self.said("indexer.err"));
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        for child in [&mut self.producer, &mut self.indexer] {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn counted<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, u32> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line).or_default() += 1;
    }
    counts
}

/// Ticks with the offset of the exchange's zone in their timestamps.
fn zoned(ticks: &str) -> String {
    let pattern = regex::Regex::new(r#""timestamp":"([^" ]+) ([^" ]+)""#).unwrap();
    pattern.replace_all(ticks, "\"timestamp\":\"${1}T${2}+05:30\"").into_owned()
}

/// Writes ticks at their rate until told to end; gives those written.
fn feed(mut to: ChildStdin, ticks: String, ends: Arc<AtomicBool>) -> JoinHandle<Vec<String>> {
    thread::spawn(move || {
        let mut fed = Vec::new();
        let started = Instant::now();
        for tick in ticks.lines() {
            let due = Duration::from_secs_f64(fed.len() as f64 / TICKS_PER_SECOND as f64);
            // The rate of the stream, not a wait for anything.
            thread::sleep(due.saturating_sub(started.elapsed()));
            if ends.load(Ordering::Relaxed) {
                break;
            }
            // A producer that ended is noticed by whoever waits for it.
            if to.write_all(format!("{tick}\n").as_bytes()).is_err() {
                break;
            }
            fed.push(tick.to_owned());
        }
        fed
    })
}
