//! Ticks to Kafka: idempotent, acknowledged by all in-sync replicas, in the order of the source per instrument.
//!
//! The key is the instrument's token; the partition is Java's for that key. The reader, this sender and librdkafka share
//! one budget of bytes, given back by each acknowledgement: it bounds memory, and when it is whole again all is sent.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Statistics,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    message::DeliveryResult,
    producer::{BaseRecord, Producer as _, ProducerContext, ThreadedProducer},
};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    COMPRESSION, COMPRESSION_LEVEL,
    feed::{Feed, FeedEvent, FeedTick, Outline, outline},
    pace::{Pace, PaceError, Pacer},
    partition::partition_of,
    progress::{Progress, Service},
    resume::{ResumeError, ResumePlan},
};
use crate::client::{Detached, KafkaAddress, KafkaClientError, KafkaContext};
use crate::tick::{ReadError, ReadOptions, TickSource, TimePolicy, TimeShift};

/// Bytes read and not yet acknowledged.
const BUDGET_BYTES: usize = 32 << 20;
/// Events taken from the reader at once.
const TAKE_EVENTS: usize = 256;
const METADATA_TIMEOUT: Duration = Duration::from_secs(15);
/// What was sent before a cancellation is waited for so long.
const CANCEL_FLUSH: Duration = Duration::from_secs(3);
/// How long Kafka may be away, if not told otherwise: a broker that restarts or a network that is mended is waited for.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(300);
/// What was sent and has no acknowledgement after this long is waited for.
const SLOW: Duration = Duration::from_secs(4);
const LOOK: Duration = Duration::from_secs(1);
/// How many bad records a report names.
const PROBLEMS_MAX: usize = 5;

/// How ticks are sent.
#[derive(Debug, Clone)]
pub struct ProduceOptions {
    pub topic: String,
    /// Ticks a second.
    pub rate: Option<f64>,
    /// By timestamps, so many times faster. Not with `rate`.
    pub speed: Option<f64>,
    /// From the beginning again, until cancelled (`--loop`).
    pub repeat: bool,
    pub time: TimePolicy,
    /// Count bad records and go on.
    pub skip_invalid: bool,
    /// Go on with a stream that was interrupted.
    pub resume: Option<ResumePlan>,
    /// How long a tick may wait for its acknowledgement.
    pub delivery_timeout: Duration,
}

impl Default for ProduceOptions {
    fn default() -> Self {
        Self {
            topic: super::TOPIC.into(),
            rate: None,
            speed: None,
            repeat: false,
            time: TimePolicy::Now,
            skip_invalid: false,
            resume: None,
            delivery_timeout: DELIVERY_TIMEOUT,
        }
    }
}

/// What a run sent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProduceReport {
    /// Acknowledged ticks.
    pub sent: u64,
    /// Payload bytes of those, before compression.
    pub bytes: u64,
    /// Bad records passed over.
    pub invalid: u64,
    /// What was wrong with the first of those.
    pub first_problems: Vec<String>,
    /// Ticks passed over because an earlier run sent them.
    pub already_there: u64,
    pub elapsed: Duration,
    pub cancelled: bool,
    /// By how much the timestamps were moved, at first.
    pub shift: TimeShift,
}

#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    #[error(transparent)]
    Kafka(#[from] KafkaClientError),
    #[error(transparent)]
    Pace(#[from] PaceError),
    #[error(transparent)]
    Resume(#[from] ResumeError),
    #[error("{source}")]
    Read { source: ReadError, sent: u64 },
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    #[error("{unsent} ticks were not acknowledged (topic `{topic}` at {bootstrap}): {reason}")]
    NotDelivered { topic: String, bootstrap: String, unsent: u64, sent: u64, reason: String },
}

impl ProduceError {
    /// Ticks acknowledged before the error.
    pub fn sent(&self) -> u64 {
        match self {
            Self::Read { sent, .. } | Self::NotDelivered { sent, .. } => *sent,
            Self::Kafka(_) | Self::Pace(_) | Self::Resume(_) | Self::Thread(_) => 0,
        }
    }
}

/// Sends the ticks of all sources, one after the other. Ends with the sources, an error, or the cancellation.
pub async fn produce(
    kafka: &KafkaAddress,
    sources: &[TickSource],
    read: &ReadOptions,
    options: &ProduceOptions,
    progress: &Arc<Progress>,
    cancel: &CancellationToken,
) -> Result<ProduceReport, ProduceError> {
    let started = Instant::now();
    let pace = Pace::new(options.rate, options.speed)?;
    let budget = Arc::new(Semaphore::new(BUDGET_BYTES));
    // First, for librdkafka takes half a second to get an idempotent producer's id: the sources are looked at meanwhile.
    let producer = Detached::new(producer(kafka, options, &budget, progress)?);
    let partitions = partitions(kafka, options).await?;
    let unread = |source| ProduceError::Read { source, sent: 0 };
    let outline = tokio::select! {
        outline = outline(sources, read, options.skip_invalid) => outline.map_err(unread)?,
        () = cancel.cancelled() => return Ok(ProduceReport { cancelled: true, ..ProduceReport::default() }),
    };
    if let Some(ticks) = outline.ticks.filter(|_| !options.repeat) {
        let there = options.resume.as_ref().map_or(0, ResumePlan::already_there);
        progress.set_total(ticks.saturating_sub(there));
    }
    let events = feed(sources, read, options, outline, &budget).start().map_err(ProduceError::Thread)?;
    let mut sender = Sender {
        state: producer.context().state.clone(),
        producer,
        options,
        partitions,
        pacer: Pacer::new(pace),
        resume: options.resume.clone(),
        progress,
        cancel,
        started,
        report: ProduceReport::default(),
        has_round: false,
    };
    let state = sender.state.clone();
    let (ended, settled) = tokio::select! {
        done = async { (sender.run(events).await, sender.settle(&budget).await) } => done,
        never = state.watch() => match never {},
    };
    budget.close();
    sender.finish(kafka, ended, settled).await
}

async fn partitions(kafka: &KafkaAddress, options: &ProduceOptions) -> Result<i32, ProduceError> {
    let topic = &options.topic;
    let found = kafka.partition_count(topic, METADATA_TIMEOUT).await?;
    let partitions = found.ok_or_else(|| KafkaClientError::NoSuchTopic { topic: topic.clone() })?;
    match &options.resume {
        Some(plan) if plan.partitions() != partitions => {
            let count = |partitions| usize::try_from(partitions).unwrap_or_default();
            Err(ResumeError::Partitions { before: count(plan.partitions()), now: count(partitions) }.into())
        }
        _ => Ok(partitions),
    }
}

fn feed(
    sources: &[TickSource],
    read: &ReadOptions,
    options: &ProduceOptions,
    outline: Outline,
    budget: &Arc<Semaphore>,
) -> Feed {
    Feed {
        sources: sources.to_vec(),
        read: read.clone(),
        time: options.time,
        outline,
        repeat: options.repeat,
        skip_invalid: options.skip_invalid,
        budget: budget.clone(),
        budget_bytes: BUDGET_BYTES,
    }
}

fn producer(
    kafka: &KafkaAddress,
    options: &ProduceOptions,
    budget: &Arc<Semaphore>,
    progress: &Arc<Progress>,
) -> Result<ThreadedProducer<DeliveryContext>, KafkaClientError> {
    let timeout = options.delivery_timeout.as_millis().clamp(1, 2_147_483_647).to_string();
    let config = kafka.config(
        &[
            COMPRESSION,
            COMPRESSION_LEVEL,
            ("linger.ms", "5"),
            ("batch.size", "1000000"),
            ("message.max.bytes", "2097152"),
            // Others who produce to the topic by hand find the same partitions.
            ("partitioner", "murmur2_random"),
        ],
        &[
            ("enable.idempotence", "true"),
            ("acks", "all"),
            // A tick that can't be delivered ends the stream: what a partition holds is always its beginning.
            ("enable.gapless.guarantee", "true"),
            ("message.timeout.ms", &timeout),
            // The budget is the bound; librdkafka's own is above it.
            ("queue.buffering.max.kbytes", "131072"),
            ("queue.buffering.max.messages", "200000"),
        ],
    );
    let state = Arc::new(DeliveryState {
        budget: budget.clone(),
        progress: progress.clone(),
        bootstrap: kafka.bootstrap.clone(),
        accepted: AtomicU64::new(0),
        acknowledged: AtomicU64::new(0),
        bytes: AtomicU64::new(0),
        trouble: Mutex::new(None),
        is_troubled: AtomicBool::new(false),
        failure: Mutex::new(None),
        failed: CancellationToken::new(),
    });
    let context = DeliveryContext { client: KafkaContext::new(&kafka.bootstrap), state };
    config.create_with_context(context).map_err(KafkaClientError::Properties)
}

struct Sender<'a> {
    producer: Detached<ThreadedProducer<DeliveryContext>>,
    state: Arc<DeliveryState>,
    options: &'a ProduceOptions,
    partitions: i32,
    pacer: Pacer,
    resume: Option<ResumePlan>,
    progress: &'a Arc<Progress>,
    cancel: &'a CancellationToken,
    started: Instant,
    report: ProduceReport,
    has_round: bool,
}

/// Why sending ended.
enum Ended {
    Sources,
    Cancelled,
    /// Delivery failed; the state says how.
    Failed,
    Unreadable(ReadError),
}

impl Sender<'_> {
    async fn run(&mut self, mut events: mpsc::Receiver<FeedEvent>) -> Ended {
        let mut taken = Vec::with_capacity(TAKE_EVENTS);
        loop {
            let count = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Ended::Cancelled,
                () = self.state.failed.cancelled() => return Ended::Failed,
                count = events.recv_many(&mut taken, TAKE_EVENTS) => count,
            };
            if count == 0 {
                return Ended::Sources;
            }
            for event in taken.drain(..) {
                if let Err(ended) = self.handle(event).await {
                    return ended;
                }
            }
        }
    }

    async fn handle(&mut self, event: FeedEvent) -> Result<(), Ended> {
        match event {
            FeedEvent::Tick(tick) => self.tick(tick).await,
            FeedEvent::Round(shift) => {
                if !self.has_round {
                    (self.has_round, self.report.shift) = (true, shift);
                } else {
                    self.pacer.restart(self.started.elapsed());
                }
                Ok(())
            }
            FeedEvent::Invalid(error) => {
                self.report.invalid += 1;
                self.progress.add_invalid();
                if self.report.first_problems.len() < PROBLEMS_MAX {
                    self.report.first_problems.push(error.to_string());
                }
                Ok(())
            }
            FeedEvent::Failed(error) => Err(Ended::Unreadable(error)),
        }
    }

    async fn tick(&mut self, tick: FeedTick) -> Result<(), Ended> {
        let key = tick.key.to_string();
        if self.resume.as_mut().is_some_and(|plan| plan.passes_over(key.as_bytes())) {
            self.report.already_there += 1;
            return Ok(());
        }
        self.wait_for(tick.timestamp).await?;
        let partition = partition_of(key.as_bytes(), self.partitions);
        let cost = tick.permit.num_permits();
        let mut record = BaseRecord::with_opaque_to(&self.options.topic, cost)
            .partition(partition)
            .key(key.as_bytes())
            .payload(tick.json.as_ref());
        loop {
            match self.producer.send(record) {
                // The acknowledgement gives the budget back.
                Ok(()) => {
                    tick.permit.forget();
                    self.state.accepted.fetch_add(1, Ordering::Relaxed);
                    return Ok(());
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), unsent)) => {
                    record = unsent;
                    self.pause(Duration::from_millis(5)).await?;
                }
                Err((error, _)) => {
                    self.state.fail(error.to_string());
                    return Err(Ended::Failed);
                }
            }
        }
    }

    async fn wait_for(&mut self, timestamp: jiff::Timestamp) -> Result<(), Ended> {
        let now = self.started.elapsed();
        let due = self.pacer.due(timestamp, now);
        if due > now { self.pause(due - now).await } else { Ok(()) }
    }

    async fn pause(&self, duration: Duration) -> Result<(), Ended> {
        tokio::select! {
            () = tokio::time::sleep(duration) => Ok(()),
            () = self.cancel.cancelled() => Err(Ended::Cancelled),
            () = self.state.failed.cancelled() => Err(Ended::Failed),
        }
    }

    /// Waits until all that was sent is acknowledged: then the budget is whole again.
    async fn settle(&self, budget: &Semaphore) -> bool {
        let all = u32::try_from(BUDGET_BYTES).unwrap_or(u32::MAX);
        let patience = async {
            tokio::select! {
                // Each message has its own timeout; this one is behind them.
                () = tokio::time::sleep(self.options.delivery_timeout + Duration::from_secs(5)) => {}
                () = async { self.cancel.cancelled().await; tokio::time::sleep(CANCEL_FLUSH).await } => {}
                () = self.state.failed.cancelled() => {}
            }
        };
        tokio::select! {
            whole = budget.acquire_many(all) => whole.is_ok(),
            () = patience => false,
        }
    }

    async fn finish(
        mut self,
        kafka: &KafkaAddress,
        ended: Ended,
        settled: bool,
    ) -> Result<ProduceReport, ProduceError> {
        let sent = self.state.acknowledged.load(Ordering::Relaxed);
        self.report.sent = sent;
        self.report.bytes = self.state.bytes.load(Ordering::Relaxed);
        self.report.elapsed = self.started.elapsed();
        self.progress.goes_on(Service::Kafka);
        let failure = self.state.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        let unsent = u64::try_from(self.producer.in_flight_count()).unwrap_or_default();
        let not_delivered = |reason: String, unsent: u64| {
            let (topic, bootstrap) = (self.options.topic.clone(), kafka.bootstrap.clone());
            Err(ProduceError::NotDelivered { topic, bootstrap, unsent, sent, reason })
        };
        match (ended, failure) {
            (Ended::Cancelled, _) => Ok(ProduceReport { cancelled: true, ..self.report }),
            (_, Some(failure)) => not_delivered(failure.reason, unsent + failure.count),
            (Ended::Unreadable(source), None) => Err(ProduceError::Read { source, sent }),
            (Ended::Sources, None) if settled => Ok(self.report),
            (Ended::Sources, None) if self.cancel.is_cancelled() => {
                Ok(ProduceReport { cancelled: true, ..self.report })
            }
            (Ended::Sources | Ended::Failed, None) => not_delivered("no answer came".into(), unsent),
        }
    }
}

/// What the delivery reports add up to.
struct DeliveryState {
    budget: Arc<Semaphore>,
    progress: Arc<Progress>,
    bootstrap: String,
    /// Ticks that librdkafka has taken.
    accepted: AtomicU64,
    acknowledged: AtomicU64,
    bytes: AtomicU64,
    /// What the client complained about since the last acknowledgement.
    trouble: Mutex<Option<String>>,
    is_troubled: AtomicBool,
    failure: Mutex<Option<Failure>>,
    failed: CancellationToken,
}

/// The first failure's reason, and how many there were.
struct Failure {
    reason: String,
    count: u64,
}

impl DeliveryState {
    fn fail(&self, reason: String) {
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        failure.get_or_insert(Failure { reason, count: 0 });
        drop(failure);
        self.failed.cancel();
    }

    fn trouble(&self, reason: &str) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(reason.to_owned());
        self.is_troubled.store(true, Ordering::Relaxed);
    }

    fn is_well(&self) {
        if self.is_troubled.swap(false, Ordering::Relaxed) {
            *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = None;
            self.progress.goes_on(Service::Kafka);
        }
    }

    /// Says, for as long as it is polled, that Kafka is waited for: when ticks are with librdkafka and it complains, or
    /// none is acknowledged. A connection that is lost while nothing is to be sent is no wait.
    async fn watch(&self) -> Infallible {
        let mut looks = tokio::time::interval(LOOK);
        let (mut seen, mut since) = (0, Instant::now());
        loop {
            looks.tick().await;
            let acknowledged = self.acknowledged.load(Ordering::Relaxed);
            let is_waiting = self.accepted.load(Ordering::Relaxed) > acknowledged;
            if acknowledged != seen || !is_waiting {
                (seen, since) = (acknowledged, Instant::now());
                continue;
            }
            let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone();
            match trouble {
                Some(reason) => self.progress.wait_for(Service::Kafka, &self.bootstrap, &reason),
                None if since.elapsed() >= SLOW => {
                    self.is_troubled.store(true, Ordering::Relaxed);
                    self.progress.wait_since(since, Service::Kafka, &self.bootstrap, "no acknowledgement yet");
                }
                None => {}
            }
        }
    }
}

/// Counts acknowledgements, on librdkafka's polling thread.
struct DeliveryContext {
    client: KafkaContext,
    state: Arc<DeliveryState>,
}

impl ClientContext for DeliveryContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.client.log(level, facility, message);
    }

    fn stats(&self, _: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
            // An idempotent producer never recovers from this.
            self.state.fail(format!("the producer had to stop: {reason}"));
        }
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.state.trouble(reason);
        }
        self.client.error(error, reason);
    }
}

impl ProducerContext for DeliveryContext {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, cost: usize) {
        match result {
            Ok(message) => {
                let bytes = u64::try_from(message.payload_len()).unwrap_or_default();
                self.state.acknowledged.fetch_add(1, Ordering::Relaxed);
                self.state.bytes.fetch_add(bytes, Ordering::Relaxed);
                self.state.progress.add_done(1, bytes);
                self.state.is_well();
            }
            Err((error, _)) => {
                let cause = self.client.last_problem().map_or_else(String::new, |problem| format!(" ({problem})"));
                self.state.fail(format!("{error}{cause}"));
                if let Some(failure) = self.state.failure.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
                    failure.count += 1;
                }
            }
        }
        self.state.budget.add_permits(cost);
    }
}
