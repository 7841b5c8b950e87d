//! The pipeline against a broker and a search node: what goes in at one end comes out at the other, once.
//!
//! They run on the embedded servers; `STOCKDEV_TEST_KAFKA=HOST:PORT` and `STOCKDEV_TEST_ELASTICSEARCH=URL` choose others.
//! Each test has names of its own, and removes what it made.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use elasticsearch::{
    SearchParts,
    indices::{IndicesDeleteParts, IndicesRefreshParts},
};
use rdkafka::{
    admin::AdminOptions,
    message::OwnedHeaders,
    producer::{FutureProducer, FutureRecord},
};
use serde_json::{Value, json};
use stockdev::{
    client::{ElasticsearchAddress, KafkaAddress},
    pipeline::{
        ConsumeFrom, ConsumeOptions, ConsumedMessage, IndexOptions, IndexReport, ProduceError, ProduceOptions,
        ProduceReport, Progress, ProgressSnapshot, ResumePlan, Until, consume, document_count, group_lag, index,
        partition_of, produce, refresh_index, topic_counts,
    },
    setup::{TemplateOutcome, TopicOutcome, TopicSpec, apply_template, ensure_topic},
    tick::{ReadOptions, SimulatorOptions, TickSource, TimePolicy, sample_options},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;

use crate::support::clients::unique;
use crate::support::servers::{TestElasticsearch, TestKafka};

/// A broker, a search node, and names of this test's own.
struct Services {
    kafka: KafkaAddress,
    elasticsearch: ElasticsearchAddress,
    name: String,
    _servers: (TestKafka, TestElasticsearch),
}

impl Services {
    fn start(test: &str) -> Self {
        let servers = (TestKafka::start(), TestElasticsearch::start());
        Self {
            kafka: KafkaAddress::new(servers.0.address.clone()),
            elasticsearch: ElasticsearchAddress::new(servers.1.url.clone()),
            name: unique(&format!("pipeline-{test}")),
            _servers: servers,
        }
    }

    fn dead_letter_topic(&self) -> String {
        format!("{}-dlq", self.name)
    }

    async fn topic(&self, partitions: i32) {
        let outcome = ensure_topic(&self.kafka, &TopicSpec::new(&self.name, partitions)).await.unwrap();
        assert_eq!(outcome, TopicOutcome::Created);
    }

    fn produce_options(&self) -> ProduceOptions {
        ProduceOptions { topic: self.name.clone(), ..ProduceOptions::default() }
    }

    fn index_options(&self, until: Until) -> IndexOptions {
        IndexOptions {
            topic: self.name.clone(),
            index: self.name.clone(),
            group: self.name.clone(),
            dead_letter_topic: self.dead_letter_topic(),
            until,
            ..IndexOptions::default()
        }
    }

    async fn produce(&self, source: TickSource, options: &ProduceOptions) -> Result<ProduceReport, ProduceError> {
        let cancel = CancellationToken::new();
        produce(&self.kafka, &[source], &ReadOptions::default(), options, &Progress::new(), &cancel).await
    }

    async fn catch_up(&self) -> IndexReport {
        let options = self.index_options(Until::CaughtUp);
        index(&self.kafka, &self.elasticsearch, &options, &Progress::new(), &CancellationToken::new()).await.unwrap()
    }

    async fn messages(&self, topic: &str) -> Vec<ConsumedMessage> {
        let found = Arc::new(Mutex::new(Vec::new()));
        let sink = found.clone();
        let options = ConsumeOptions { topic: topic.to_owned(), ..ConsumeOptions::default() };
        let take = move |message: &ConsumedMessage| -> io::Result<()> {
            sink.lock().unwrap().push(message.clone());
            Ok(())
        };
        let report = consume(&self.kafka, &options, take, &CancellationToken::new()).await.unwrap();
        let found = std::mem::take(&mut *found.lock().unwrap());
        assert_eq!(report.messages, u64::try_from(found.len()).unwrap());
        found
    }

    async fn documents(&self) -> u64 {
        refresh_index(&self.elasticsearch, &self.name).await.unwrap();
        document_count(&self.elasticsearch, &self.name).await.unwrap().unwrap_or_default()
    }

    async fn clean(self) {
        let client = self.elasticsearch.client().unwrap();
        client
            .indices()
            .delete(IndicesDeleteParts::Index(&[&self.name]))
            .ignore_unavailable(true)
            .send()
            .await
            .unwrap();
        let admin = self.kafka.admin().unwrap();
        let topics = [self.name.as_str(), &self.dead_letter_topic()];
        // The dead letter topic is there only where a letter was.
        admin.delete_topics(&topics, &AdminOptions::new()).await.unwrap();
    }
}

async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds().await {
        assert!(Instant::now() < deadline, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Cancels a run as soon as its progress is there.
fn cancel_when(
    progress: &Arc<Progress>,
    cancel: &CancellationToken,
    holds: impl Fn(&ProgressSnapshot) -> bool + Send + 'static,
) {
    let (progress, cancel) = (progress.clone(), cancel.clone());
    tokio::spawn(async move {
        while !holds(&progress.snapshot()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        cancel.cancel();
    });
}

fn simulated(ticks: u64, instruments: u32) -> TickSource {
    TickSource::Simulated(SimulatorOptions { ticks: Some(ticks), instruments, seed: 7, ..SimulatorOptions::default() })
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sample_goes_in_once_and_comes_out_once() {
    let services = Services::start("sample");
    services.topic(3).await;
    let again = ensure_topic(&services.kafka, &TopicSpec::new(&services.name, 3)).await.unwrap();
    assert_eq!(again, TopicOutcome::Exists { partitions: 3 });
    apply_template(&services.elasticsearch).await.unwrap();
    assert_eq!(apply_template(&services.elasticsearch).await.unwrap(), TemplateOutcome::Unchanged);

    let before = jiff::Timestamp::now();
    let sent = services.produce(TickSource::Sample, &services.produce_options()).await.unwrap();
    assert_eq!((sent.sent, sent.invalid, sent.already_there), (2_000, 0, 0));
    let counts = topic_counts(&services.kafka, &services.name).await.unwrap().unwrap();
    assert_eq!(counts.iter().map(|partition| partition.messages()).sum::<u64>(), 2_000);

    let indexed = services.catch_up().await;
    assert_eq!((indexed.indexed, indexed.dead_letters), (2_000, 0));
    assert_eq!(services.documents().await, 2_000);
    let lag = group_lag(&services.kafka, &services.name, &services.name).await.unwrap().unwrap();
    assert_eq!(lag.lag, 0);
    let again = services.catch_up().await;
    assert_eq!((again.indexed, again.cancelled), (0, false));

    let messages = services.messages(&services.name).await;
    assert_eq!(messages.len(), 2_000);
    let mut last = jiff::Timestamp::MIN;
    for message in &messages {
        let tick: Value = serde_json::from_slice(message.value.as_deref().unwrap()).unwrap();
        let key = String::from_utf8(message.key.clone().unwrap()).unwrap();
        assert_eq!(tick["instrument_token"].to_string(), key);
        assert_eq!(message.partition, partition_of(key.as_bytes(), 3));
        let stamp = tick["timestamp"].as_str().unwrap();
        assert!(stamp.ends_with("+05:30"), "{stamp}");
        last = last.max(stamp.parse().unwrap());
    }
    assert!(last >= before && last <= jiff::Timestamp::now(), "the stream ends now: {last}");
    services.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_elasticsearch_rejects_is_a_dead_letter_with_its_reason_and_source() {
    let services = Services::start("dead");
    services.topic(1).await;
    let producer: FutureProducer = rdkafka::ClientConfig::new()
        .set("bootstrap.servers", &services.kafka.bootstrap)
        .set("message.timeout.ms", "20000")
        .create()
        .unwrap();
    let values: [&[u8]; 7] = [
        b"{\"last_price\": 1.5}",
        b"not json",
        b"[1, 2]",
        b"{\"last_price\": \"abc\"}",
        b"{\n \"last_price\":\r\n 2.5\n}\n",
        b"{\"a\":1}\n{\"index\":{\"_id\":\"x\"}}\n{\"a\":2}",
        b"{\"last_price\": 3.5}",
    ];
    for value in values {
        let record = FutureRecord::to(&services.name).key("k").payload(value).headers(OwnedHeaders::new());
        producer.send(record, Duration::from_secs(10)).await.unwrap();
    }
    let report = services.catch_up().await;
    assert_eq!((report.indexed, report.dead_letters), (3, 4));
    assert_eq!(services.documents().await, 3);

    let letters = services.messages(&services.dead_letter_topic()).await;
    let mut found = BTreeMap::new();
    for letter in letters {
        let headers: BTreeMap<String, String> = letter
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), String::from_utf8(value.clone().unwrap()).unwrap()))
            .collect();
        assert_eq!((headers["source.topic"].as_str(), headers["source.partition"].as_str()), (&*services.name, "0"));
        assert!(!headers["reason"].is_empty() && !headers["timestamp"].is_empty());
        let offset: usize = headers["source.offset"].parse().unwrap();
        assert_eq!(letter.value.as_deref(), Some(values[offset]), "the message is as it was");
        assert_eq!(letter.key.as_deref(), Some(&b"k"[..]));
        found.insert(offset, headers["type"].clone());
    }
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), [1, 2, 3, 5]);
    assert_eq!((found[&1].as_str(), found[&2].as_str()), ("not_json", "not_an_object"));
    assert!(found[&3].contains("exception"), "{}", found[&3]);
    services.clean().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_indexers_share_the_partitions_and_neither_loses_nor_repeats() {
    let services = Services::start("two");
    const TICKS: u64 = 30_000;
    services.topic(4).await;
    let services = Arc::new(services);
    let run = |cancel: CancellationToken, progress: Arc<Progress>| {
        let services = services.clone();
        tokio::spawn(async move {
            // Small bulks, so that many are under way at each rebalance.
            let options = IndexOptions { bulk_docs_max: 100, ..services.index_options(Until::Forever) };
            index(&services.kafka, &services.elasticsearch, &options, &progress, &cancel).await.unwrap()
        })
    };
    let (first_cancel, second_cancel) = (CancellationToken::new(), CancellationToken::new());
    let (first_progress, second_progress) = (Progress::new(), Progress::new());
    let first = run(first_cancel.clone(), first_progress.clone());
    let options = ProduceOptions { rate: Some(5_000.0), ..services.produce_options() };
    let producing = tokio::spawn({
        let services = services.clone();
        async move { services.produce(simulated(TICKS, 50), &options).await.unwrap() }
    });
    eventually("the first indexes", async || first_progress.snapshot().done > 0).await;
    let second = run(second_cancel.clone(), second_progress.clone());
    eventually("the second indexes", async || second_progress.snapshot().done > 500).await;
    first_cancel.cancel();
    let first = first.await.unwrap();
    assert_eq!(producing.await.unwrap().sent, TICKS);
    eventually("all is indexed", async || services.documents().await == TICKS).await;
    eventually("all is committed", async || {
        group_lag(&services.kafka, &services.name, &services.name).await.unwrap().unwrap().lag == 0
    })
    .await;
    second_cancel.cancel();
    let second = second.await.unwrap();
    assert_eq!(first.indexed + second.indexed, TICKS, "each message was indexed by one of them, once");
    assert_eq!(services.documents().await, TICKS);
    Arc::into_inner(services).unwrap().clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_stream_goes_on_without_duplicates_or_loss() {
    let services = Services::start("resume");
    services.topic(3).await;
    let base = topic_counts(&services.kafka, &services.name).await.unwrap().unwrap();
    let source = simulated(3_000, 9);
    let options = ProduceOptions { time: TimePolicy::Original, rate: Some(1_000.0), ..services.produce_options() };
    let mut total = 0;
    for part in [400, 700] {
        let now = topic_counts(&services.kafka, &services.name).await.unwrap().unwrap();
        let resume = Some(ResumePlan::between(&base, &now).unwrap());
        let (progress, cancel) = (Progress::new(), CancellationToken::new());
        cancel_when(&progress, &cancel, move |progress| progress.done >= part);
        let options = ProduceOptions { resume, ..options.clone() };
        let sources = [source.clone()];
        let report =
            produce(&services.kafka, &sources, &ReadOptions::default(), &options, &progress, &cancel).await.unwrap();
        assert!(report.cancelled && report.sent >= part && report.already_there == total, "{report:?}");
        total += report.sent;
    }
    let now = topic_counts(&services.kafka, &services.name).await.unwrap().unwrap();
    let resume = Some(ResumePlan::between(&base, &now).unwrap());
    let options = ProduceOptions { resume, rate: None, ..options };
    let report = services.produce(source.clone(), &options).await.unwrap();
    assert_eq!((report.sent, report.already_there), (3_000 - total, total));

    let mut expected: BTreeMap<i32, Vec<Vec<u8>>> = BTreeMap::new();
    let reader = source.open(&ReadOptions::default()).unwrap();
    let zone = reader.zone().clone();
    for record in reader {
        let record = record.unwrap();
        let partition = partition_of(record.key.to_string().as_bytes(), 3);
        expected.entry(partition).or_default().push(record.sent(report.shift, &zone).to_vec());
    }
    let mut found: BTreeMap<i32, Vec<Vec<u8>>> = BTreeMap::new();
    for message in services.messages(&services.name).await {
        found.entry(message.partition).or_default().push(message.value.unwrap());
    }
    assert!(found == expected, "each partition holds its share of the stream, in order, once");
    services.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_held_within_one_percent() {
    let services = Services::start("rate");
    services.topic(1).await;
    let options = ProduceOptions { rate: Some(500.0), ..services.produce_options() };
    let report = services.produce(simulated(2_001, 5), &options).await.unwrap();
    assert_eq!(report.sent, 2_001);
    // The last tick is due after 4 s; its acknowledgement and the start are not part of the rate.
    let seconds = report.elapsed.as_secs_f64();
    assert!((3.96..4.5).contains(&seconds), "{seconds}");
    services.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_stops_the_stream_and_can_be_skipped_over() {
    let services = Services::start("broken");
    services.topic(1).await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/broken/wrong_type.ndjson");
    let error = services.produce(TickSource::from_arg(file), &services.produce_options()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("wrong_type.ndjson:2:") && text.contains("`last_price`"), "{text}");
    assert_eq!(services.messages(&services.name).await.len(), 0, "a file is read through before any of it is sent");
    let options = ProduceOptions { skip_invalid: true, ..services.produce_options() };
    let report = services.produce(TickSource::from_arg(file), &options).await.unwrap();
    assert_eq!((report.sent, report.invalid, report.first_problems.len()), (1, 1, 1));
    services.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_is_not_there_is_named_and_not_made() {
    let services = Services::start("absent");
    let error = services.produce(TickSource::Sample, &services.produce_options()).await.unwrap_err();
    assert!(error.to_string().contains(&services.name), "{error}");
    assert_eq!(topic_counts(&services.kafka, &services.name).await.unwrap(), None);
    assert_eq!(document_count(&services.elasticsearch, &services.name).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn consuming_starts_where_it_is_told_and_a_group_goes_on_where_it_stopped() {
    let services = Services::start("consume");
    services.topic(1).await;
    services.produce(simulated(100, 5), &services.produce_options()).await.unwrap();
    let offsets = async |options: ConsumeOptions| {
        let found = Arc::new(Mutex::new(Vec::new()));
        let sink = found.clone();
        let take = move |message: &ConsumedMessage| -> io::Result<()> {
            sink.lock().unwrap().push(message.offset);
            Ok(())
        };
        consume(&services.kafka, &options, take, &CancellationToken::new()).await.unwrap();
        let found = found.lock().unwrap().clone();
        (found.first().copied(), found.len())
    };
    let options = ConsumeOptions { topic: services.name.clone(), ..ConsumeOptions::default() };
    let from = |from| ConsumeOptions { from, ..options.clone() };
    assert_eq!(offsets(from(ConsumeFrom::Beginning)).await, (Some(0), 100));
    assert_eq!(offsets(from(ConsumeFrom::Offset(90))).await, (Some(90), 10));
    assert_eq!(offsets(from(ConsumeFrom::Offset(-3))).await, (Some(97), 3));
    assert_eq!(offsets(from(ConsumeFrom::End)).await, (None, 0));
    assert_eq!(offsets(from(ConsumeFrom::Timestamp(jiff::Timestamp::UNIX_EPOCH))).await, (Some(0), 100));
    let group = ConsumeOptions { group: Some(services.name.clone()), max: Some(30), ..from(ConsumeFrom::Stored) };
    assert_eq!(offsets(group.clone()).await, (Some(0), 30));
    assert_eq!(offsets(ConsumeOptions { max: None, ..group }).await, (Some(30), 70));
    services.clean().await;
}

/// Stands before a node: refuses the first requests, each on its own connection, in turn with 429, 503 and silence.
async fn moody_proxy(target: &ElasticsearchAddress, refusals: usize) -> ElasticsearchAddress {
    let target = target.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut seen = 0;
        while let Ok((mut client, _)) = listener.accept().await {
            seen += 1;
            if seen > refusals {
                let target = target.clone();
                tokio::spawn(async move {
                    if let Ok(mut server) = TcpStream::connect(target).await {
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
                continue;
            }
            tokio::spawn(async move {
                let mut request = vec![0; 1 << 16];
                let _ = client.read(&mut request).await;
                let answer = match seen % 3 {
                    0 => "HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
                    1 => "HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}",
                    _ => "",
                };
                let _ = client.write_all(answer.as_bytes()).await;
            });
        }
    });
    ElasticsearchAddress::new(url)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_busy_or_away_is_tried_again_until_all_is_indexed() {
    let services = Services::start("moody");
    services.topic(2).await;
    services.produce(simulated(3_000, 10), &services.produce_options()).await.unwrap();
    let proxy = moody_proxy(&services.elasticsearch, 7).await;
    let options = IndexOptions { bulk_docs_max: 500, ..services.index_options(Until::CaughtUp) };
    let progress = Progress::new();
    let report = index(&services.kafka, &proxy, &options, &progress, &CancellationToken::new()).await.unwrap();
    assert_eq!((report.indexed, report.dead_letters), (3_000, 0));
    assert!(report.retries > 0 && progress.snapshot().retries == report.retries);
    assert_eq!(progress.snapshot().done, 3_000);
    assert_eq!(services.documents().await, 3_000);
    services.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_indexer_without_a_node_stops_when_told_and_commits_nothing() {
    let services = Services::start("away");
    services.topic(1).await;
    services.produce(simulated(500, 5), &services.produce_options()).await.unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let away = ElasticsearchAddress::new(format!("http://{free}"));
    let (progress, cancel) = (Progress::new(), CancellationToken::new());
    cancel_when(&progress, &cancel, |progress| progress.note.is_some());
    let options = services.index_options(Until::CaughtUp);
    let started = Instant::now();
    let report = index(&services.kafka, &away, &options, &progress, &cancel).await.unwrap();
    assert!(report.cancelled && report.indexed == 0, "{report:?}");
    assert!(started.elapsed() < Duration::from_secs(20), "what cannot be delivered is not waited for");
    let lag = group_lag(&services.kafka, &services.name, &services.name).await.unwrap().unwrap();
    assert_eq!(lag.lag, 500);
    services.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_shows_each_instrument_its_best_bid_and_ask() {
    let services = Services::start("charts");
    // The template is for names that start so.
    let services = Services { name: format!("stock-stream-{}", services.name), ..services };
    apply_template(&services.elasticsearch).await.unwrap();
    services.topic(1).await;
    let options = ProduceOptions { time: TimePolicy::Original, ..services.produce_options() };
    services.produce(TickSource::Simulated(sample_options()), &options).await.unwrap();
    services.catch_up().await;
    let client = services.elasticsearch.client().unwrap();
    client.indices().refresh(IndicesRefreshParts::Index(&[&services.name])).send().await.unwrap();
    let body = json!({
        "size": 0,
        "aggs": {"instruments": {"terms": {"field": "instrument_token"}, "aggs": {
            "bid": {"max": {"field": "depth.buy.price"}},
            "ask": {"min": {"field": "depth.sell.price"}},
            "from": {"min": {"field": "timestamp"}},
        }}},
    });
    let answer = client.search(SearchParts::Index(&[&services.name])).body(body).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let buckets = answer["aggregations"]["instruments"]["buckets"].as_array().unwrap();
    let keys: BTreeSet<&str> = buckets.iter().map(|bucket| bucket["key"].as_str().unwrap()).collect();
    assert_eq!(keys, BTreeSet::from(["408065", "738561", "341249", "2953217", "779521"]));
    for bucket in buckets {
        assert_eq!(bucket["doc_count"], 400);
        assert!(bucket["bid"]["value"].as_f64().unwrap() > 0.0 && bucket["ask"]["value"].as_f64().unwrap() > 0.0);
        let from = bucket["from"]["value_as_string"].as_str().unwrap();
        assert!(from.starts_with("2024-01-02T03:45:") || from.starts_with("2024-01-02T03:46:"), "{from}");
    }
    services.clean().await;
}
