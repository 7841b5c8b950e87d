//! The indexer against what the same Elasticsearch takes at all, on a real pair.
//!
//! ```text
//! STOCKDEV_BENCH_KAFKA=HOST:PORT STOCKDEV_BENCH_ELASTICSEARCH=http://HOST:PORT cargo bench --bench bulk
//! ```
//!
//! In one run, in turns whose order changes: bodies that were made before, with the indexer's own client, concurrency and
//! sizes; the indexer from a topic with the same ticks. The two of a turn are compared with one another, since what an
//! Elasticsearch takes varies from minute to minute; the median of the turns counts. Before each, indices of earlier turns
//! are removed and merges have ended. Then once a loop that sends one document a request, and the peak memory of a `stockdev
//! index` before a large backlog of small ticks.
//!
//! `STOCKDEV_BENCH_TICKS` is how many ticks a turn has (100,000), `STOCKDEV_BENCH_TURNS` how many turns there are (7),
//! `STOCKDEV_BENCH_BACKLOG` how many the backlog has (1,000,000; 0 leaves it out), `STOCKDEV_BENCH_PARTITIONS` how many
//! partitions (4). The topics and indices are removed at the end.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark talks")]

use std::{
    fmt::Write as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use bytes::Bytes;
use elasticsearch::{
    Elasticsearch,
    http::{
        Method,
        headers::{CONTENT_TYPE, HeaderMap, HeaderValue},
    },
};
use rdkafka::{
    Message as _,
    admin::AdminOptions,
    consumer::{BaseConsumer, Consumer as _},
    error::{KafkaError, RDKafkaErrorCode},
    producer::{BaseProducer, BaseRecord, Producer as _},
};
use stockdev::{
    client::{ElasticsearchAddress, KafkaAddress},
    pipeline::{IndexOptions, ProduceOptions, Progress, Until, document_count, index, produce, refresh_index},
    setup::{TopicSpec, apply_template, ensure_topic},
    tick::{ReadOptions, SimulatorOptions, TickSource, TimePolicy, generate},
};
use tokio::{runtime::Runtime, task::JoinSet};
use tokio_util::sync::CancellationToken;

/// Turns that warm the servers up and do not count.
const WARM_UP: usize = 2;
/// How long merges of earlier turns may take.
const QUIET: Duration = Duration::from_secs(60);
/// How often the indexer's progress and memory are looked at.
const LOOK: Duration = Duration::from_millis(5);

type Failure = Box<dyn std::error::Error + Send + Sync>;
type Outcome<T = ()> = Result<T, Failure>;

fn main() -> Outcome {
    let named = (std::env::var("STOCKDEV_BENCH_KAFKA"), std::env::var("STOCKDEV_BENCH_ELASTICSEARCH"));
    let (Ok(kafka), Ok(elasticsearch)) = named else {
        println!("skipped: STOCKDEV_BENCH_KAFKA and STOCKDEV_BENCH_ELASTICSEARCH name no servers");
        return Ok(());
    };
    let bench = Bench::new(&kafka, &elasticsearch)?;
    let outcome = bench.run();
    bench.clean();
    outcome
}

struct Bench {
    runtime: Runtime,
    kafka: KafkaAddress,
    elasticsearch: ElasticsearchAddress,
    client: Elasticsearch,
    /// Begins as the template's pattern does, so that indices have the mapping of ticks.
    name: String,
    ticks: u64,
    turns: usize,
    backlog: u64,
    partitions: i32,
}

/// Documents a second.
#[derive(Default)]
struct Rates {
    bulk: Vec<f64>,
    indexer: Vec<f64>,
    indexer_whole: Vec<f64>,
    /// Indexer to bodies, turn by turn.
    ratio: Vec<f64>,
}

impl Bench {
    fn new(kafka: &str, elasticsearch: &str) -> Outcome<Self> {
        let elasticsearch = ElasticsearchAddress::new(elasticsearch);
        Ok(Self {
            runtime: Runtime::new()?,
            kafka: KafkaAddress::new(kafka),
            client: elasticsearch.client()?,
            elasticsearch,
            name: format!("stock-stream-bulk-{}", jiff::Timestamp::now().as_millisecond()),
            ticks: number("STOCKDEV_BENCH_TICKS", 100_000)?,
            turns: usize::try_from(number("STOCKDEV_BENCH_TURNS", 7)?)?,
            backlog: number("STOCKDEV_BENCH_BACKLOG", 1_000_000)?,
            partitions: i32::try_from(number("STOCKDEV_BENCH_PARTITIONS", 4)?)?,
        })
    }

    fn run(&self) -> Outcome {
        let defaults = IndexOptions::default();
        println!(
            "{} ticks a turn, {} partitions; bulks of {} documents or {} bytes, {} at once",
            self.ticks, self.partitions, defaults.bulk_docs_max, defaults.bulk_bytes_max, defaults.in_flight_max
        );
        self.runtime.block_on(apply_template(&self.elasticsearch))?;
        let text = self.text()?;
        self.send_ticks()?;
        let bodies = self.bodies(&defaults)?;
        let mut rates = Rates::default();
        for turn in 0..WARM_UP + self.turns {
            let ((bulk, (indexer, whole)), order) = if turn % 2 == 0 {
                let bulk = self.bulk(&bodies, &format!("bodies-{turn}"), defaults.in_flight_max)?;
                ((bulk, self.indexer(&format!("indexer-{turn}"))?), "bodies first")
            } else {
                let indexer = self.indexer(&format!("indexer-{turn}"))?;
                ((self.bulk(&bodies, &format!("bodies-{turn}"), defaults.in_flight_max)?, indexer), "indexer first")
            };
            let counts = if turn < WARM_UP { "warm-up" } else { order };
            println!(
                "turn {turn}: bodies {bulk:.0}, indexer {indexer:.0} ({whole:.0} with its start and end), {:.1} % ({counts})",
                100.0 * indexer / bulk
            );
            if turn >= WARM_UP {
                rates.bulk.push(bulk);
                rates.indexer.push(indexer);
                rates.indexer_whole.push(whole);
                rates.ratio.push(indexer / bulk);
            }
        }
        let one = self.one_by_one(&text, "loop")?;
        let [bulk, indexer, whole, ratio] = [rates.bulk, rates.indexer, rates.indexer_whole, rates.ratio].map(median);
        println!("bodies made before   {bulk:>9.0} documents/s");
        println!("indexer from a topic {indexer:>9.0} documents/s, {whole:.0} with its start and end");
        println!("one a request        {one:>9.0} documents/s");
        println!("indexer / bodies     {:>9.1} %, the median of the turns (wanted: 95)", 100.0 * ratio);
        println!("indexer / loop       {:>9.1} times (wanted: 10)", indexer / one);
        if self.backlog == 0 { Ok(()) } else { self.memory() }
    }

    /// The ticks as NDJSON.
    fn text(&self) -> Outcome<String> {
        let mut text = Vec::new();
        generate(&simulation(self.ticks), &mut text, None, &|| false)?;
        Ok(String::from_utf8(text)?)
    }

    /// Bodies as the indexer makes them, from the topic: the same ids in the order in which a consumer gets them. An
    /// id that lies among those indexed before costs Elasticsearch more than one behind them all, so that bodies in the
    /// order of the file would be other work.
    fn bodies(&self, options: &IndexOptions) -> Outcome<Vec<(u64, Bytes)>> {
        let group = [("group.id", self.name.as_str()), ("auto.offset.reset", "earliest")];
        let fetches =
            [("fetch.message.max.bytes", "262144"), ("fetch.max.bytes", "524288"), ("message.max.bytes", "524288")];
        let consumer: BaseConsumer = self.kafka.config(&fetches, &group).create()?;
        consumer.subscribe(&[&self.name])?;
        let mut bodies = Vec::new();
        let (mut body, mut count, mut all) = (String::new(), 0, 0);
        let started = Instant::now();
        while all < self.ticks {
            // Joining the group ends a poll without a message.
            let message = match consumer.poll(Duration::from_millis(100)) {
                Some(message) => message?,
                None if started.elapsed() < QUIET => continue,
                None => return Err("the topic does not have all ticks".into()),
            };
            let line = std::str::from_utf8(message.payload().unwrap_or_default())?;
            let (partition, offset) = (message.partition(), message.offset());
            // A string takes what is written to it.
            writeln!(body, "{{\"index\":{{\"_id\":\"{}+{partition}+{offset}\"}}}}\n{line}", self.name).ok();
            count += 1;
            all += 1;
            if count == options.bulk_docs_max || body.len() >= options.bulk_bytes_max || all == self.ticks {
                bodies.push((u64::try_from(count).unwrap_or(u64::MAX), std::mem::take(&mut body).into()));
                count = 0;
            }
        }
        Ok(bodies)
    }

    fn send_ticks(&self) -> Outcome {
        let options =
            ProduceOptions { topic: self.name.clone(), time: TimePolicy::Original, ..ProduceOptions::default() };
        let sources = [TickSource::Simulated(simulation(self.ticks))];
        let (read, progress, cancel) = (ReadOptions::default(), Progress::new(), CancellationToken::new());
        let sent = self.runtime.block_on(async {
            ensure_topic(&self.kafka, &TopicSpec::new(&self.name, self.partitions)).await?;
            Ok::<_, Failure>(produce(&self.kafka, &sources, &read, &options, &progress, &cancel).await?)
        })?;
        check("ticks sent", sent.sent, self.ticks)
    }

    fn fresh(&self, suffix: &str) -> Outcome<String> {
        let index = format!("{}-{suffix}", self.name);
        self.runtime.block_on(async {
            for earlier in self.indices().await? {
                send(&self.client, Method::Delete, format!("/{earlier}"), None).await?;
            }
            send(&self.client, Method::Put, format!("/{index}"), None).await?;
            self.quiet().await
        })?;
        Ok(index)
    }

    /// Waits for merges to end: those of what is gone, too, take processors.
    async fn quiet(&self) -> Outcome {
        let started = Instant::now();
        while started.elapsed() < QUIET {
            let answer = send(&self.client, Method::Get, "/_nodes/stats/indices/merge".into(), None).await?;
            let answer: serde_json::Value = serde_json::from_slice(&answer)?;
            let nodes = answer.get("nodes").and_then(serde_json::Value::as_object);
            let merges = nodes.into_iter().flatten().filter_map(|(_, node)| node.pointer("/indices/merges/current"));
            if merges.filter_map(serde_json::Value::as_u64).sum::<u64>() == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    fn bulk(&self, bodies: &[(u64, Bytes)], suffix: &str, at_once: usize) -> Outcome<f64> {
        let index = self.fresh(suffix)?;
        let (started, used) = (Instant::now(), processor_time());
        self.runtime.block_on(async {
            let mut under_way = JoinSet::new();
            let mut bodies = bodies.iter();
            loop {
                while under_way.len() < at_once {
                    let Some((_, body)) = bodies.next() else { break };
                    let (client, path, body) = (self.client.clone(), format!("/{index}/_bulk"), body.clone());
                    under_way.spawn(async move { send(&client, Method::Post, path, Some(body)).await });
                }
                let Some(answer) = under_way.join_next().await else { break };
                let answer = answer??;
                if !answer.windows(14).any(|window| window == b"\"errors\":false") {
                    return Err("a document was not taken".into());
                }
            }
            Ok::<_, Failure>(())
        })?;
        let rate = per_second(self.ticks, started.elapsed());
        println!("  bodies:  {:.2} CPU s of this process", processor_time() - used);
        self.all_there(&index, self.ticks)?;
        Ok(rate)
    }

    /// From the first acknowledged documents to the last, and with joining and leaving the group.
    fn indexer(&self, suffix: &str) -> Outcome<(f64, f64)> {
        let name = self.fresh(suffix)?;
        let options = IndexOptions {
            topic: self.name.clone(),
            index: name.clone(),
            group: name.clone(),
            until: Until::CaughtUp,
            ..IndexOptions::default()
        };
        let (progress, cancel) = (Progress::new(), CancellationToken::new());
        let (started, used) = (Instant::now(), processor_time());
        let (mut joined, mut ended) = (None, None);
        let report = self.runtime.block_on(async {
            let work = index(&self.kafka, &self.elasticsearch, &options, &progress, &cancel);
            let mut work = std::pin::pin!(work);
            let mut looks = tokio::time::interval(LOOK);
            loop {
                tokio::select! {
                    report = &mut work => return report,
                    _ = looks.tick() => {
                        let done = progress.snapshot().done;
                        if done > 0 {
                            joined.get_or_insert((Instant::now(), done));
                        }
                        if done == self.ticks {
                            ended.get_or_insert_with(Instant::now);
                        }
                    }
                }
            }
        })?;
        let whole = started.elapsed();
        println!("  indexer: {:.2} CPU s of this process", processor_time() - used);
        check("documents indexed", report.indexed, self.ticks)?;
        self.all_there(&name, self.ticks)?;
        let (joined, first) = joined.ok_or("the indexer was never seen at work")?;
        let ended = ended.unwrap_or_else(|| started + whole);
        // The first answers come from requests that began before they were seen: those documents are not counted.
        Ok((per_second(self.ticks - first, ended - joined), per_second(self.ticks, whole)))
    }

    fn one_by_one(&self, text: &str, suffix: &str) -> Outcome<f64> {
        let index = self.fresh(suffix)?;
        let count = (self.ticks / 50).clamp(100, 2_000);
        let lines: Vec<Bytes> =
            text.lines().take(usize::try_from(count)?).map(|line| Bytes::copy_from_slice(line.as_bytes())).collect();
        let started = Instant::now();
        self.runtime.block_on(async {
            for (offset, line) in lines.into_iter().enumerate() {
                send(&self.client, Method::Put, format!("/{index}/_doc/{offset}"), Some(line)).await?;
            }
            Ok::<_, Failure>(())
        })?;
        Ok(per_second(count, started.elapsed()))
    }

    fn all_there(&self, index: &str, count: u64) -> Outcome {
        let there = self.runtime.block_on(async {
            refresh_index(&self.elasticsearch, index).await?;
            document_count(&self.elasticsearch, index).await
        })?;
        check("documents in the index", there.unwrap_or_default(), count)
    }

    /// A program of its own before a large backlog.
    fn memory(&self) -> Outcome {
        let topic = format!("{}-backlog", self.name);
        self.runtime.block_on(ensure_topic(&self.kafka, &TopicSpec::new(&topic, self.partitions)))?;
        let producer: BaseProducer =
            self.kafka.config(&[("linger.ms", "20"), ("compression.type", "lz4")], &[]).create()?;
        for number in 0..self.backlog {
            let text = format!(
                "{{\"instrument_token\":{},\"last_price\":{}.5,\"timestamp\":\"2024-01-02T10:00:00+05:30\"}}",
                number % 50,
                number % 997
            );
            let mut record = BaseRecord::<str, str>::to(&topic).payload(&text);
            while let Err((error, unsent)) = producer.send(record) {
                if !matches!(error, KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull)) {
                    return Err(error.into());
                }
                producer.poll(Duration::from_millis(10));
                record = unsent;
            }
        }
        producer.flush(Duration::from_secs(60))?;
        let home = tempfile::tempdir()?;
        let started = Instant::now();
        let mut command = Command::new(env!("CARGO_BIN_EXE_stockdev"));
        command.args(["index", "--until-caught-up", "--output", "json", "--progress", "none", "--topic", &topic]);
        command.args(["--index", &topic, "--group", &topic, "--kafka", &self.kafka.bootstrap]);
        command.args(["--elasticsearch", &self.elasticsearch.url]);
        for folder in ["XDG_STATE_HOME", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME"] {
            command.env(folder, home.path());
        }
        let mut child = command.current_dir(&home).stdin(Stdio::null()).stdout(Stdio::null()).spawn()?;
        let mut peak = 0;
        let status = loop {
            peak = peak.max(peak_kb(child.id()));
            if let Some(status) = child.try_wait()? {
                break status;
            }
            std::thread::sleep(LOOK);
        };
        if !status.success() {
            return Err(format!("the indexer of the backlog: {status}").into());
        }
        self.all_there(&topic, self.backlog)?;
        println!(
            "peak memory          {:>9.1} MB before a backlog of {} ({:.0} documents/s; wanted: under 200 MB)",
            f64::from(u32::try_from(peak)?) / 1000.0,
            self.backlog,
            per_second(self.backlog, started.elapsed())
        );
        Ok(())
    }

    /// What can't be removed is named, and is no failure of the measurement.
    fn clean(&self) {
        let topics = [self.name.clone(), format!("{}-backlog", self.name)];
        let removed = self.runtime.block_on(async {
            let names: Vec<String> = self.indices().await?;
            for index in names {
                send(&self.client, Method::Delete, format!("/{index}"), None).await?;
            }
            let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
            self.kafka.admin()?.delete_topics(&topics, &AdminOptions::new()).await?;
            Ok::<_, Failure>(())
        });
        if let Err(error) = removed {
            eprintln!("left behind, names that begin with {}: {error}", self.name);
        }
    }

    async fn indices(&self) -> Outcome<Vec<String>> {
        let answer = send(&self.client, Method::Get, format!("/{}*/_settings", self.name), None).await?;
        let answer: serde_json::Value = serde_json::from_slice(&answer)?;
        Ok(answer.as_object().map(|indices| indices.keys().cloned().collect()).unwrap_or_default())
    }
}

async fn send(client: &Elasticsearch, method: Method, path: String, body: Option<Bytes>) -> Outcome<Bytes> {
    let mut headers = HeaderMap::new();
    let kind = if path.ends_with("_bulk") { "application/x-ndjson" } else { "application/json" };
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    let answer = client.send::<Bytes, ()>(method, &path, headers, None, body, None).await?;
    let status = answer.status_code();
    let body = answer.bytes().await?;
    match status.is_success() {
        true => Ok(body),
        false => Err(format!("{path}: {status} {}", String::from_utf8_lossy(&body)).into()),
    }
}

fn simulation(ticks: u64) -> SimulatorOptions {
    SimulatorOptions { ticks: Some(ticks), instruments: 50, rate: 50.0, ..SimulatorOptions::default() }
}

fn number(variable: &str, default: u64) -> Outcome<u64> {
    Ok(std::env::var(variable).ok().map_or(Ok(default), |text| text.parse())?)
}

fn check(what: &str, found: u64, wanted: u64) -> Outcome {
    if found == wanted { Ok(()) } else { Err(format!("{what}: {found}, not {wanted}").into()) }
}

fn per_second(count: u64, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / time.as_secs_f64()
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

/// User and system time of this process in hundredths of a second, as seconds; zero where there is no `/proc`.
fn processor_time() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

/// `VmHWM` in the kernel's kB; zero where there is no `/proc`, or the process has ended.
fn peak_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}
