//! The embedded broker as clients see it: librdkafka through rdkafka, and bytes on a socket.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use stockdev::server::kafka::{Broker, BrokerConfig, ServeError};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(20);

struct Running {
    address: String,
    shutdown: CancellationToken,
    served: JoinHandle<Result<(), ServeError>>,
}

impl Running {
    async fn start(dir: &Path) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let broker = Broker::open(BrokerConfig::new(dir, "127.0.0.1", port)).expect("the folder opens");
        let shutdown = CancellationToken::new();
        let stop = shutdown.clone();
        let served = tokio::spawn(async move { broker.serve(vec![listener], stop).await });
        Self { address: format!("127.0.0.1:{port}"), shutdown, served }
    }

    async fn stop(self) {
        self.shutdown.cancel();
        let served = tokio::time::timeout(PATIENCE, self.served).await.expect("stops in time");
        served.expect("no panic").expect("a clean stop");
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", &self.address);
        config
    }

    fn producer(&self, compression: &str) -> FutureProducer {
        let mut config = self.config();
        config.set("enable.idempotence", "true").set("compression.type", compression).set("linger.ms", "1");
        config.create().expect("a producer")
    }

    fn consumer(&self, group: &str) -> StreamConsumer {
        let mut config = self.config();
        config.set("group.id", group).set("auto.offset.reset", "earliest").set("enable.auto.commit", "false");
        config.create().expect("a consumer")
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        self.config().create().expect("an admin client")
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.address).expect("the broker listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream
    }
}

async fn produce(producer: &FutureProducer, topic: &str, values: std::ops::Range<u32>) {
    let mut sent = Vec::new();
    for value in values {
        let (key, payload) = (format!("k{value}"), value.to_string());
        let record = FutureRecord::to(topic).key(&key).payload(&payload);
        sent.push(producer.send_result(record).map_err(|(error, _)| error).expect("queued"));
    }
    for delivery in sent {
        delivery.await.expect("not canceled").map_err(|(error, _)| error).expect("delivered");
    }
}

async fn consume(consumer: &StreamConsumer, count: usize) -> Vec<(String, i64)> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let message = tokio::time::timeout(PATIENCE, consumer.recv()).await.expect("in time").expect("a message");
        let payload = message.payload().map(|payload| String::from_utf8_lossy(payload).into_owned());
        seen.push((payload.unwrap_or_default(), message.offset()));
    }
    seen
}

fn values(range: std::ops::Range<u32>) -> Vec<(String, i64)> {
    range.map(|value| (value.to_string(), i64::from(value))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn librdkafka_produces_and_consumes_with_every_codec_and_over_a_restart() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let broker = Running::start(dir.path()).await;
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"] {
        let topic = format!("codec-{codec}");
        produce(&broker.producer(codec), &topic, 0..200).await;
        let consumer = broker.consumer("first");
        consumer.subscribe(&[&topic]).expect("subscribed");
        assert_eq!(consume(&consumer, 200).await, values(0..200), "{codec}");
    }
    broker.stop().await;
    let broker = Running::start(dir.path()).await;
    produce(&broker.producer("none"), "codec-zstd", 200..300).await;
    let consumer = broker.consumer("second");
    consumer.subscribe(&["codec-zstd"]).expect("subscribed");
    assert_eq!(consume(&consumer, 300).await, values(0..300));
    drop(consumer);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_headers_and_timestamps_come_back_as_they_went() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let broker = Running::start(dir.path()).await;
    let headers = OwnedHeaders::new()
        .insert(Header { key: "twice", value: Some("1") })
        .insert(Header { key: "twice", value: Some("2") });
    let record = FutureRecord::<str, str>::to("shape").key("key").headers(headers).timestamp(1_000);
    broker.producer("lz4").send(record, PATIENCE).await.map_err(|(error, _)| error).expect("delivered");
    let consumer = broker.consumer("shape");
    consumer.subscribe(&["shape"]).expect("subscribed");
    let message = tokio::time::timeout(PATIENCE, consumer.recv()).await.expect("in time").expect("a message");
    assert_eq!(message.key(), Some(&b"key"[..]));
    assert_eq!(message.payload(), None);
    assert_eq!(message.timestamp().to_millis(), Some(1_000));
    let headers: Vec<_> = message.headers().expect("headers").iter().map(|header| (header.key, header.value)).collect();
    assert_eq!(headers, [("twice", Some(&b"1"[..])), ("twice", Some(&b"2"[..]))]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_committed_offset_is_where_the_group_goes_on() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let broker = Running::start(dir.path()).await;
    produce(&broker.producer("none"), "commits", 0..10).await;
    let consumer = broker.consumer("group");
    consumer.subscribe(&["commits"]).expect("subscribed");
    consume(&consumer, 10).await;
    let mut offsets = TopicPartitionList::new();
    offsets.add_partition_offset("commits", 0, Offset::Offset(6)).expect("valid");
    consumer.commit(&offsets, rdkafka::consumer::CommitMode::Sync).expect("committed");
    drop(consumer);
    broker.stop().await;
    let broker = Running::start(dir.path()).await;
    let consumer = broker.consumer("group");
    consumer.subscribe(&["commits"]).expect("subscribed");
    assert_eq!(consume(&consumer, 4).await, values(6..10));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_are_made_grown_described_and_deleted() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let broker = Running::start(dir.path()).await;
    let admin = broker.admin();
    let options = AdminOptions::new();
    let topic = NewTopic::new("made", 2, TopicReplication::Fixed(1)).set("retention.ms", "1000");
    let bad = NewTopic::new("bad name", 1, TopicReplication::Fixed(1));
    let results = admin.create_topics([&topic, &bad], &options).await.expect("answered");
    assert_eq!(results, [Ok("made".to_owned()), Err(("bad name".to_owned(), RDKafkaErrorCode::InvalidTopic))]);
    let results = admin.create_topics([&topic], &options).await.expect("answered");
    assert_eq!(results, [Err(("made".to_owned(), RDKafkaErrorCode::TopicAlreadyExists))]);
    admin.create_partitions(&[NewPartitions::new("made", 5)], &options).await.expect("answered");
    let described = admin.describe_configs(&[ResourceSpecifier::Topic("made")], &options).await.expect("answered");
    let described = described.into_iter().next().expect("one").expect("described");
    assert_eq!(described.get("retention.ms").and_then(|entry| entry.value.clone()), Some("1000".to_owned()));
    let metadata = broker.producer("none").client().fetch_metadata(Some("made"), PATIENCE).expect("answered");
    assert_eq!(metadata.topics().first().map(|topic| topic.partitions().len()), Some(5));
    let results = admin.delete_topics(&["made", "absent"], &options).await.expect("answered");
    let absent = Err(("absent".to_owned(), RDKafkaErrorCode::UnknownTopicOrPartition));
    assert_eq!(results, [Ok("made".to_owned()), absent]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn offsets_are_found_by_time() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let broker = Running::start(dir.path()).await;
    let producer = broker.producer("zstd");
    for time in [100, 200, 300] {
        let record = FutureRecord::<str, str>::to("times").payload("x").timestamp(time);
        producer.send(record, PATIENCE).await.map_err(|(error, _)| error).expect("delivered");
    }
    let consumer = broker.consumer("times");
    for (time, expected) in
        [(0, Offset::Offset(0)), (150, Offset::Offset(1)), (300, Offset::Offset(2)), (301, Offset::End)]
    {
        let mut asked = TopicPartitionList::new();
        asked.add_partition_offset("times", 0, Offset::Offset(time)).expect("valid");
        let found = consumer.offsets_for_times(asked, PATIENCE).expect("answered");
        assert_eq!(found.elements().first().map(|element| element.offset()), Some(expected), "{time}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transactional_producer_is_told_so_at_once() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let broker = Running::start(dir.path()).await;
    let mut config = broker.config();
    let producer: FutureProducer = config.set("transactional.id", "tx").create().expect("a producer");
    let started = Instant::now();
    let refused = tokio::task::spawn_blocking(move || producer.init_transactions(PATIENCE)).await.expect("no panic");
    assert!(refused.is_err());
    assert!(started.elapsed() < PATIENCE / 2, "it did not wait for a timeout");
}

/// Sends frames (lengths are added) and returns the one answer to the last of them.
fn exchange(stream: &mut TcpStream, request: &[u8]) -> Vec<u8> {
    let length = u32::try_from(request.len()).expect("short").to_be_bytes();
    stream.write_all(&[&length, request].concat()).expect("sent");
    read_answer(stream)
}

fn read_answer(stream: &mut TcpStream) -> Vec<u8> {
    let mut length = [0; 4];
    stream.read_exact(&mut length).expect("an answer");
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).expect("short")];
    stream.read_exact(&mut answer).expect("the whole answer");
    answer
}

fn is_closed(stream: &mut TcpStream) -> bool {
    // A close with bytes unread is a reset.
    matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_served_is_declined_as_the_protocol_says() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let broker = Running::start(dir.path()).await;
    let mut stream = broker.connect();
    for version in [5, 99] {
        // franz-go begins every connection this way; the connection goes on.
        let answer = exchange(&mut stream, &[0, 18, 0, version, 0, 0, 0, 7]);
        assert_eq!(answer, [0, 0, 0, 7, 0, 35, 0, 0, 0, 1, 0, 18, 0, 0, 0, 4]);
    }
    let unknown = [0x7f, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
    let produce_v2 = [0, 0, 0, 2, 0, 0, 0, 1, 0xff, 0xff];
    let bomb = [0, 3, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff];
    for request in [&unknown[..], &produce_v2, &bomb, &[0, 3]] {
        let mut stream = broker.connect();
        let length = u32::try_from(request.len()).expect("short").to_be_bytes();
        stream.write_all(&[&length, request].concat()).expect("sent");
        assert!(is_closed(&mut stream), "{request:?}");
    }
    for length in [u32::MAX, 200 << 20] {
        let mut stream = broker.connect();
        stream.write_all(&length.to_be_bytes()).expect("sent");
        assert!(is_closed(&mut stream), "a frame of {length} bytes");
    }
    assert_eq!(
        exchange(&mut stream, &[0, 18, 0, 9, 0, 0, 0, 8])[..4],
        [0, 0, 0, 8],
        "the first connection still works"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_their_order() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let broker = Running::start(dir.path()).await;
    let mut stream = broker.connect();
    // Metadata v1 with an empty list of topics, and ApiVersions v0, in turn.
    let frames: Vec<u8> = (0..200_u8)
        .flat_map(|id| {
            if id % 2 == 0 {
                vec![0, 0, 0, 14, 0, 3, 0, 1, 0, 0, 0, id, 0xff, 0xff, 0, 0, 0, 0]
            } else {
                vec![0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, id, 0xff, 0xff]
            }
        })
        .collect();
    stream.write_all(&frames).expect("sent");
    for id in 0..200 {
        assert_eq!(read_answer(&mut stream)[..4], [0, 0, 0, id]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fetch_at_the_end_waits_for_the_next_record() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let broker = Running::start(dir.path()).await;
    let producer = broker.producer("none");
    produce(&producer, "tail", 0..1).await;
    let mut stream = broker.connect();
    // Fetch v4: replica -1, wait 15 s, at least 1 byte, at most 1 MiB, uncommitted, `tail` partition 0 from offset 1.
    let mut fetch = vec![0, 1, 0, 4, 0, 0, 0, 9, 0xff, 0xff];
    fetch.extend([0xff; 4]);
    for number in [15_000_u32, 1, 1 << 20] {
        fetch.extend(number.to_be_bytes());
    }
    fetch.extend([0, 0, 0, 0, 1, 0, 4]);
    fetch.extend(b"tail");
    fetch.extend([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 16, 0, 0]);
    let length = u32::try_from(fetch.len()).expect("short").to_be_bytes();
    stream.write_all(&[&length[..], &fetch].concat()).expect("sent");
    stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a socket");
    assert!(stream.peek(&mut [0; 1]).is_err(), "nothing yet");
    let started = Instant::now();
    produce(&producer, "tail", 1..2).await;
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let answer = read_answer(&mut stream);
    assert!(started.elapsed() < Duration::from_secs(10), "woken by the append, not by the time");
    assert!(answer.len() > 100, "with the record");
}
