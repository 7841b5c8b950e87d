//! The indexer: messages of a topic into an Elasticsearch index, each once, none lost.
//!
//! ```text
//! [Kafka] -> poller (thread) -> Batch -> deliverers (tasks) -> [Elasticsearch] / dead letters
//!               ^                              |
//!               \------- board: done? ---------/   commits only what is done, in order
//! ```

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    sync::{mpsc, oneshot},
    task::{JoinError, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    board::Board,
    bulk::{Batch, Origin},
    counts::{CountError, GroupLag, PartitionOffsets, group_lag, topic_counts},
    dead_letter::{DeadLetterError, DeadLetters},
    deliver::{DeliverError, Delivered, Deliverer},
    poller::{PollError, Poller, PollerOptions},
    progress::{Progress, Service},
};
use crate::client::{ElasticsearchAddress, ElasticsearchClientError, KafkaAddress, KafkaClientError};

/// How often the offsets of partitions that other members have are looked at.
const OTHERS_EVERY: Duration = Duration::from_millis(500);
/// How long the poller may take to leave the group.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(15);

/// When an indexer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Until {
    /// When all that was in the topic at its start is done, by whichever member of the group.
    CaughtUp,
    #[default]
    Forever,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexOptions {
    pub topic: String,
    pub index: String,
    pub group: String,
    pub dead_letter_topic: String,
    pub until: Until,
    /// Documents in a bulk request.
    pub bulk_docs_max: usize,
    /// Bytes in a bulk request; one document may be more.
    pub bulk_bytes_max: usize,
    /// Bulk requests under way.
    pub in_flight_max: usize,
    /// How long a message waits for others.
    pub linger: Duration,
}

impl Default for IndexOptions {
    fn default() -> Self {
        Self {
            topic: super::TOPIC.into(),
            index: super::INDEX.into(),
            group: super::INDEXER_GROUP.into(),
            dead_letter_topic: super::DEAD_LETTER_TOPIC.into(),
            until: Until::Forever,
            bulk_docs_max: 1_000,
            bulk_bytes_max: 4 << 20,
            in_flight_max: 4,
            linger: Duration::from_millis(50),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexReport {
    /// Documents Elasticsearch acknowledged; one that was sent twice counts once.
    pub indexed: u64,
    pub dead_letters: u64,
    /// Documents sent again.
    pub retries: u64,
    pub elapsed: Duration,
    pub cancelled: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    #[error(transparent)]
    Kafka(#[from] KafkaClientError),
    #[error(transparent)]
    Elasticsearch(#[from] ElasticsearchClientError),
    #[error(transparent)]
    DeadLetter(#[from] DeadLetterError),
    #[error("the topic `{topic}` can't be read: {reason}")]
    Read { topic: String, reason: String },
    #[error("documents are indexed, but the offsets of group `{group}` were not committed: {reason}")]
    Commit { group: String, reason: String },
    #[error("cannot start a thread: {0}")]
    Thread(#[source] std::io::Error),
    #[error("a part of the indexer ended: {0}")]
    Task(#[from] JoinError),
}

impl From<CountError> for IndexError {
    fn from(error: CountError) -> Self {
        match error {
            CountError::Kafka(error) => error.into(),
            CountError::Elasticsearch(error) => error.into(),
        }
    }
}

/// Indexes until told, cancelled, or stopped by an error that waiting can't mend.
pub async fn index(
    kafka: &KafkaAddress,
    elasticsearch: &ElasticsearchAddress,
    options: &IndexOptions,
    progress: &Arc<Progress>,
    cancel: &CancellationToken,
) -> Result<IndexReport, IndexError> {
    index_once_known(kafka, std::future::ready(elasticsearch.clone()), options, progress, cancel).await
}

/// As [`index`], with an Elasticsearch that comes later: the group is joined and messages are read meanwhile, as many as fit
/// into one batch and what waits behind it.
pub async fn index_once_known(
    kafka: &KafkaAddress,
    elasticsearch: impl Future<Output = ElasticsearchAddress>,
    options: &IndexOptions,
    progress: &Arc<Progress>,
    cancel: &CancellationToken,
) -> Result<IndexReport, IndexError> {
    let started = Instant::now();
    let goal = tokio::select! {
        goal = Goal::new(kafka, options, progress) => goal?,
        () = cancel.cancelled() => return Ok(IndexReport { cancelled: true, ..IndexReport::default() }),
    };
    let mut report = IndexReport::default();
    // All of it may have been done before: then nothing is joined.
    if !goal.is_reached(&Board::default()).await? {
        report = run(kafka, elasticsearch, options, goal, progress, cancel).await?;
    }
    report.retries = progress.snapshot().retries;
    report.elapsed = started.elapsed();
    Ok(report)
}

async fn run(
    kafka: &KafkaAddress,
    elasticsearch: impl Future<Output = ElasticsearchAddress>,
    options: &IndexOptions,
    goal: Goal,
    progress: &Arc<Progress>,
    cancel: &CancellationToken,
) -> Result<IndexReport, IndexError> {
    let board = Arc::new(Board::default());
    let halt = cancel.child_token();
    let stop = halt.child_token();
    let (batches, receiver) = mpsc::channel(1);
    let gone = CancellationToken::new();
    let left = start_poller(kafka, options, &board, progress, batches, &stop, gone.clone())?;
    let known = tokio::select! {
        address = elasticsearch => Some(address.connect()),
        () = halt.cancelled() => None,
        () = gone.cancelled() => None,
    };
    let outcome = match known {
        Some(Ok(client)) => {
            let deliverer = Arc::new(Deliverer {
                client,
                path: format!("/{}/_bulk", options.index),
                dead_letters: DeadLetters::new(kafka.clone(), &options.topic, &options.dead_letter_topic),
                board: board.clone(),
                progress: progress.clone(),
                halt: halt.clone(),
            });
            let in_flight_max = options.in_flight_max.max(1);
            Indexer { deliverer, board, goal, in_flight_max, halt, stop, gone }.run(receiver).await
        }
        Some(Err(error)) => {
            // Nobody takes what was read: the poller need not wait for it.
            drop(receiver);
            halt.cancel();
            Err(error.into())
        }
        None => {
            drop(receiver);
            Ok(IndexReport::default())
        }
    };
    progress.goes_on(Service::Elasticsearch);
    let polled = match tokio::time::timeout(LEAVE_TIMEOUT, left).await {
        Ok(Ok(polled)) => polled,
        Ok(Err(_)) => Err(PollError::Read("the polling thread ended".into())),
        Err(_) => Err(PollError::Commit("the group was not left in time".into())),
    };
    let mut report = outcome?;
    report.cancelled = cancel.is_cancelled();
    match polled {
        Ok(()) => Ok(report),
        // What is not committed is indexed again, as the same documents.
        Err(error) if report.cancelled => {
            tracing::warn!("{error}");
            Ok(report)
        }
        Err(PollError::Client(error)) => Err(error.into()),
        Err(PollError::Read(reason)) => Err(IndexError::Read { topic: options.topic.clone(), reason }),
        Err(PollError::Commit(reason)) => Err(IndexError::Commit { group: options.group.clone(), reason }),
    }
}

fn start_poller(
    kafka: &KafkaAddress,
    options: &IndexOptions,
    board: &Arc<Board>,
    progress: &Arc<Progress>,
    batches: mpsc::Sender<Batch>,
    stop: &CancellationToken,
    gone: CancellationToken,
) -> Result<oneshot::Receiver<Result<(), PollError>>, IndexError> {
    let poller_options = PollerOptions {
        topic: options.topic.clone(),
        group: options.group.clone(),
        bulk_docs_max: options.bulk_docs_max.max(1),
        bulk_bytes_max: options.bulk_bytes_max.max(1),
        linger: options.linger,
        report_ends: options.until == Until::CaughtUp,
    };
    let (kafka, board, progress, stop) = (kafka.clone(), board.clone(), progress.clone(), stop.clone());
    let runtime = tokio::runtime::Handle::current();
    let (result, left) = oneshot::channel();
    std::thread::Builder::new()
        .name("poller".into())
        .spawn(move || {
            // However this thread ends, nobody waits for its batches after it.
            let _gone = gone.drop_guard();
            let entered = runtime.enter();
            let poller = Poller::new(&kafka, poller_options, board, progress, batches, stop);
            drop(entered);
            // Nobody waits when the runtime is shut down.
            drop(result.send(poller.and_then(Poller::run)));
        })
        .map_err(IndexError::Thread)?;
    Ok(left)
}

struct Indexer {
    deliverer: Arc<Deliverer>,
    board: Arc<Board>,
    goal: Goal,
    in_flight_max: usize,
    /// Ends deliveries.
    halt: CancellationToken,
    /// Ends polling.
    stop: CancellationToken,
    /// Cancelled by the poller's end.
    gone: CancellationToken,
}

impl Indexer {
    /// Runs until the poller has ended and all it handed over is delivered.
    async fn run(mut self, mut batches: mpsc::Receiver<Batch>) -> Result<IndexReport, IndexError> {
        let mut under_way: JoinSet<Result<Delivered, DeliverError>> = JoinSet::new();
        let mut report = IndexReport::default();
        let mut failure = None;
        let mut others = tokio::time::interval(OTHERS_EVERY);
        let mut is_open = true;
        while is_open || !under_way.is_empty() {
            tokio::select! {
                batch = batches.recv(), if is_open && under_way.len() < self.in_flight_max => match batch {
                    Some(batch) => self.start(batch, &mut under_way),
                    None => is_open = false,
                },
                Some(delivered) = under_way.join_next() => {
                    if let Err(error) = count(delivered, &mut report) {
                        failure.get_or_insert(error);
                        self.halt.cancel();
                    }
                }
                () = self.gone.cancelled(), if is_open => {
                    is_open = false;
                    while let Ok(batch) = batches.try_recv() {
                        self.start(batch, &mut under_way);
                    }
                }
                _ = others.tick() => {}
            }
            if !self.stop.is_cancelled() && self.goal.is_reached_now(&self.board).await? {
                self.stop.cancel();
            }
        }
        failure.map_or(Ok(report), Err)
    }

    fn start(&self, batch: Batch, under_way: &mut JoinSet<Result<Delivered, DeliverError>>) {
        if batch.items.is_empty() && batch.dead.is_empty() {
            return;
        }
        let (deliverer, board) = (self.deliverer.clone(), self.board.clone());
        let items = batch.items.iter().map(|item| item.origin);
        let origins: Vec<Origin> = items.chain(batch.dead.iter().map(|letter| letter.origin)).collect();
        under_way.spawn(async move {
            let delivered = deliverer.deliver(batch).await;
            if delivered.is_err() {
                board.give_up(&origins);
            }
            delivered
        });
    }
}

fn count(
    delivered: Result<Result<Delivered, DeliverError>, JoinError>,
    report: &mut IndexReport,
) -> Result<(), IndexError> {
    match delivered? {
        Ok(delivered) => {
            report.indexed += delivered.indexed;
            report.dead_letters += delivered.dead;
            Ok(())
        }
        Err(DeliverError::Cancelled) => Ok(()),
        Err(DeliverError::Elasticsearch(error)) => Err(error.into()),
        Err(DeliverError::DeadLetter(error)) => Err(error.into()),
    }
}

/// Up to where to index.
struct Goal {
    kafka: KafkaAddress,
    topic: String,
    group: String,
    /// By partition; `None` has no end.
    ends: Option<BTreeMap<i32, i64>>,
    looked: Option<Instant>,
}

impl Goal {
    async fn new(kafka: &KafkaAddress, options: &IndexOptions, progress: &Progress) -> Result<Self, IndexError> {
        let (topic, group) = (options.topic.clone(), options.group.clone());
        let mut ends = None;
        if options.until == Until::CaughtUp {
            let offsets = topic_counts(kafka, &topic).await?;
            let offsets = offsets.ok_or_else(|| KafkaClientError::NoSuchTopic { topic: topic.clone() })?;
            let lag = group_lag(kafka, &group, &topic).await?;
            progress.set_total(lag.map_or(0, |lag| lag.lag));
            ends = Some(
                offsets.iter().filter(|p| p.messages() > 0).map(|p: &PartitionOffsets| (p.partition, p.high)).collect(),
            );
        }
        Ok(Self { kafka: kafka.clone(), topic, group, ends, looked: None })
    }

    /// As [`Goal::is_reached`], asking Kafka at most now and then.
    async fn is_reached_now(&mut self, board: &Board) -> Result<bool, IndexError> {
        let Some(ends) = &self.ends else { return Ok(false) };
        let done = board.done(ends);
        if ends.keys().all(|partition| done.contains(partition)) {
            return Ok(true);
        }
        let owned = board.owned();
        // Our own are not done: no need to ask about the others'.
        if owned.iter().any(|partition| ends.contains_key(partition) && !done.contains(partition)) {
            return Ok(false);
        }
        if self.looked.is_some_and(|looked| looked.elapsed() < OTHERS_EVERY) {
            return Ok(false);
        }
        self.looked = Some(Instant::now());
        match self.is_reached(board).await {
            Ok(is_reached) => Ok(is_reached),
            // Asked again soon; the poller says when Kafka is gone for good.
            Err(IndexError::Kafka(error)) => {
                tracing::debug!("{error}");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether each partition is done by us, or committed by the group.
    async fn is_reached(&self, board: &Board) -> Result<bool, IndexError> {
        let Some(ends) = &self.ends else { return Ok(false) };
        let done = board.done(ends);
        if ends.keys().all(|partition| done.contains(partition)) {
            return Ok(true);
        }
        let lag = group_lag(&self.kafka, &self.group, &self.topic).await?;
        let committed = |partition: i32, lag: &GroupLag| {
            lag.committed.iter().find(|(id, _)| *id == partition).and_then(|(_, committed)| *committed)
        };
        Ok(lag.is_some_and(|lag| {
            ends.iter().all(|(partition, end)| done.contains(partition) || committed(*partition, &lag) >= Some(*end))
        }))
    }
}
