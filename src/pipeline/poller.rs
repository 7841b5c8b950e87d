//! The thread that polls Kafka for the indexer: it fetches, checks and batches messages, commits what is done, and takes
//! part in rebalances.
//!
//! A thread and not a task, because rebalance callbacks run inside the poll and wait there: before a partition is given
//! up, what is under way is finished and committed. When the deliverers are busy, partitions are paused and polling goes
//! on, so that the group does not take a slow index for a dead member.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rdkafka::{
    ClientContext, Message, Offset, Statistics, TopicPartitionList,
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance},
    error::{KafkaError, RDKafkaErrorCode},
    message::BorrowedMessage,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    board::Board,
    bulk::{Batch, BatchBuilder, Origin},
    consume::is_lasting,
    progress::{Progress, Service},
};
use crate::client::{KafkaAddress, KafkaClientError, KafkaContext};

/// How long an idle poll waits.
const POLL: Duration = Duration::from_millis(100);
const COMMIT_EVERY: Duration = Duration::from_millis(250);
/// How long what is under way may take before a partition is given up regardless.
const DRAIN: Duration = Duration::from_secs(30);
/// The same at the end of a run.
const DRAIN_AT_END: Duration = Duration::from_secs(5);
/// How often, and for how long, Kafka is asked whether it is back.
const ASK_EVERY: Duration = Duration::from_secs(1);
const ASK: Duration = Duration::from_millis(200);
/// How long a batch waits for a deliverer before partitions are paused.
const PATIENCE: Duration = Duration::from_secs(1);

/// What the poller needs to know.
#[derive(Debug, Clone)]
pub(crate) struct PollerOptions {
    pub(crate) topic: String,
    pub(crate) group: String,
    pub(crate) bulk_docs_max: usize,
    pub(crate) bulk_bytes_max: usize,
    pub(crate) linger: Duration,
    /// Report the ends of partitions (with a batch that may be empty).
    pub(crate) report_ends: bool,
}

/// Shared with the callbacks, which run inside the poll.
struct Shared {
    board: Arc<Board>,
    progress: Arc<Progress>,
    building: Mutex<BatchBuilder>,
    /// A batch that waits for a deliverer. A rebalance may come meanwhile: it has to find what is under way.
    waiting: Mutex<Option<Batch>>,
    batches: mpsc::Sender<Batch>,
    runtime: tokio::runtime::Handle,
}

impl Shared {
    fn building(&self) -> std::sync::MutexGuard<'_, BatchBuilder> {
        self.building.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<Batch>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands over what waits and what is being built; says whether deliverers have it in time.
    fn hand_over(&self, timeout: Duration) -> bool {
        let (waiting, building) = (self.waiting().take(), self.building().take());
        let send = async {
            if let Some(batch) = waiting {
                self.batches.send(batch).await?;
            }
            self.batches.send(building).await
        };
        matches!(self.runtime.block_on(async { tokio::time::timeout(timeout, send).await }), Ok(Ok(())))
    }

    fn commit(&self, consumer: &BaseConsumer<PollerContext>, mode: CommitMode) -> Result<(), KafkaError> {
        // A commit in the background may have failed: the last one before a change is of everything.
        let offsets = self.board.committable(matches!(mode, CommitMode::Sync));
        if offsets.is_empty() {
            return Ok(());
        }
        let topic = &consumer.context().topic;
        let mut list = TopicPartitionList::new();
        for (partition, offset) in &offsets {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset))?;
        }
        consumer.commit(&list, mode)?;
        self.board.set_committed(&offsets);
        Ok(())
    }
}

pub(crate) struct PollerContext {
    client: KafkaContext,
    bootstrap: String,
    topic: String,
    shared: Arc<Shared>,
}

impl ClientContext for PollerContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.client.log(level, facility, message);
    }

    fn stats(&self, _: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        // That all are down comes after what says why.
        if error.rdkafka_error_code() != Some(RDKafkaErrorCode::AllBrokersDown) {
            self.shared.progress.wait_for(Service::Kafka, &self.bootstrap, reason);
        }
        self.client.error(error, reason);
    }
}

impl ConsumerContext for PollerContext {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Assign(list) => self.shared.board.assign(partitions(list)),
            Rebalance::Revoke(list) => self.give_up(consumer, &partitions(list)),
            Rebalance::Error(error) => tracing::warn!("rebalance: {error}"),
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        // A partition that was paused when it was taken away comes back paused: whoever still waits for a deliverer
        // pauses it again, and nobody else would ever let it go on.
        if let Rebalance::Assign(list) = rebalance
            && let Err(error) = consumer.resume(list)
        {
            tracing::warn!("partitions could not be resumed: {error}");
        }
    }

    fn commit_callback(&self, result: Result<(), KafkaError>, _: &TopicPartitionList) {
        if let Err(error) = result {
            // The offsets are committed again with the next ones, or read again by their next owner.
            tracing::warn!("offsets were not committed: {error}");
        }
    }
}

impl PollerContext {
    /// Finishes and commits what is under way of these partitions.
    fn give_up(&self, consumer: &BaseConsumer<Self>, partitions: &[i32]) {
        let shared = &self.shared;
        let is_lost = consumer.assignment_lost();
        if shared.batches.is_closed() || is_lost {
            // Others have the partitions already, or nobody delivers: the messages are read again.
            *shared.waiting() = None;
            shared.building().take();
        } else {
            let is_drained = shared.hand_over(DRAIN) && shared.board.wait_drained(partitions, DRAIN);
            if !is_drained {
                tracing::warn!(?partitions, "given up with messages under way; their next owner indexes them again");
            }
            if let Err(error) = shared.commit(consumer, CommitMode::Sync) {
                tracing::warn!("offsets were not committed before a rebalance: {error}");
            }
        }
        shared.board.revoke(partitions);
    }
}

fn partitions(list: &TopicPartitionList) -> Vec<i32> {
    list.elements().iter().map(rdkafka::topic_partition_list::TopicPartitionListElem::partition).collect()
}

/// Why polling ended early, or the last commit failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PollError {
    #[error(transparent)]
    Client(#[from] KafkaClientError),
    #[error("{0}")]
    Read(String),
    #[error("{0}")]
    Commit(String),
}

pub(crate) struct Poller {
    consumer: BaseConsumer<PollerContext>,
    shared: Arc<Shared>,
    options: PollerOptions,
    stop: CancellationToken,
    /// When the oldest message of the batch being built came.
    oldest: Option<Instant>,
    committed: Instant,
    /// When Kafka was last asked whether it is there again.
    asked: Instant,
}

impl Poller {
    /// Joins the group. Must be called within a runtime.
    pub(crate) fn new(
        kafka: &KafkaAddress,
        options: PollerOptions,
        board: Arc<Board>,
        progress: Arc<Progress>,
        batches: mpsc::Sender<Batch>,
        stop: CancellationToken,
    ) -> Result<Self, PollError> {
        let config = kafka.config(
            &[
                ("session.timeout.ms", "6000"),
                ("heartbeat.interval.ms", "1500"),
                ("fetch.wait.max.ms", "100"),
                // A broker behind a cut network is silent: a fetch, answered within 100 ms else, says so after this long.
                ("socket.timeout.ms", "10000"),
                ("queued.max.messages.kbytes", "16384"),
                // Memory: an answer is unpacked as a whole, and each message costs some 600 bytes besides its own. Small ticks
                // pack ten to one, so that 4 MiB of them would be 400 MB.
                ("fetch.message.max.bytes", "262144"),
                ("fetch.max.bytes", "524288"),
                // The floor of the one above; it means nothing else to a consumer.
                ("message.max.bytes", "524288"),
                ("queued.min.messages", "10000"),
                // A full queue is looked at again after this long: in the usual second a fast index empties it, and waits.
                ("fetch.queue.backoff.ms", "10"),
            ],
            &[
                ("group.id", &options.group),
                ("enable.auto.commit", "false"),
                ("enable.auto.offset.store", "false"),
                ("auto.offset.reset", "earliest"),
                ("enable.partition.eof", if options.report_ends { "true" } else { "false" }),
            ],
        );
        let shared = Arc::new(Shared {
            board,
            progress,
            building: Mutex::new(BatchBuilder::new(&options.topic)),
            waiting: Mutex::new(None),
            batches,
            runtime: tokio::runtime::Handle::current(),
        });
        let client = KafkaContext::new(&kafka.bootstrap);
        let context = PollerContext {
            client,
            bootstrap: kafka.bootstrap.clone(),
            topic: options.topic.clone(),
            shared: shared.clone(),
        };
        let consumer: BaseConsumer<PollerContext> =
            config.create_with_context(context).map_err(KafkaClientError::Properties)?;
        consumer.subscribe(&[&options.topic]).map_err(|error| PollError::Read(error.to_string()))?;
        Ok(Self { consumer, shared, options, stop, oldest: None, committed: Instant::now(), asked: Instant::now() })
    }

    /// Polls until stopped. Blocks.
    pub(crate) fn run(mut self) -> Result<(), PollError> {
        let outcome = self.poll_until_stopped();
        self.send();
        let owned: Vec<i32> = self.shared.board.owned().into_iter().collect();
        self.shared.board.wait_drained(&owned, DRAIN_AT_END);
        let committed = self.shared.commit(&self.consumer, CommitMode::Sync);
        // Leaves the group: the drop closes the consumer, and gives up what it has.
        drop(self.consumer);
        outcome.and(match committed {
            Err(error) if !is_superseded(&error) => Err(PollError::Commit(error.to_string())),
            _ => Ok(()),
        })
    }

    fn poll_until_stopped(&mut self) -> Result<(), PollError> {
        while !self.stop.is_cancelled() && !self.shared.batches.is_closed() {
            if self.committed.elapsed() >= COMMIT_EVERY {
                self.committed = Instant::now();
                if let Err(error) = self.shared.commit(&self.consumer, CommitMode::Async) {
                    tracing::debug!("commit: {error}");
                }
            }
            self.poll()?;
            let is_due = self.oldest.is_some_and(|oldest| oldest.elapsed() >= self.options.linger);
            let building = self.shared.building();
            let is_full =
                building.len() >= self.options.bulk_docs_max || building.bytes() >= self.options.bulk_bytes_max;
            drop(building);
            if is_due || is_full {
                self.send();
            }
        }
        Ok(())
    }

    fn poll(&mut self) -> Result<(), PollError> {
        let wait = self.oldest.map_or(POLL, |oldest| self.options.linger.saturating_sub(oldest.elapsed()).min(POLL));
        match self.consumer.poll(wait) {
            None => self.ask_whether_it_is_back(),
            Some(Ok(message)) => {
                push(&self.shared, &message);
                self.oldest.get_or_insert_with(Instant::now);
                self.shared.progress.goes_on(Service::Kafka);
            }
            Some(Err(KafkaError::PartitionEOF(partition))) if self.shared.board.has_ended(partition) => {}
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                self.shared.board.set_ended(partition);
                // Even an empty batch: whoever waits for the end looks again.
                self.send();
            }
            Some(Err(error)) if is_lasting(&error) => {
                let client = &self.consumer.context().client;
                let cause = client.last_problem().map_or_else(String::new, |problem| format!(" ({problem})"));
                return Err(PollError::Read(format!("{error}{cause}")));
            }
            // A broker that is away may come back.
            Some(Err(error)) => tracing::debug!("poll: {error}"),
        }
        Ok(())
    }

    /// While Kafka is waited for and sends nothing: it may be back and have nothing new.
    fn ask_whether_it_is_back(&mut self) {
        if !self.shared.progress.waits_for(Service::Kafka) || self.asked.elapsed() < ASK_EVERY {
            return;
        }
        self.asked = Instant::now();
        if self.consumer.fetch_metadata(Some(&self.options.topic), ASK).is_ok() {
            self.shared.progress.goes_on(Service::Kafka);
        }
    }

    /// Hands the batch over, polling on while all deliverers are busy.
    fn send(&mut self) {
        let batch = self.shared.building().take();
        *self.shared.waiting() = Some(batch);
        self.oldest = None;
        let mut is_paused = false;
        // A rebalance during a poll below hands it over, too.
        while self.shared.waiting().is_some() {
            let room = self.shared.batches.reserve();
            match self.shared.runtime.block_on(async { tokio::time::timeout(PATIENCE, room).await }) {
                Ok(Ok(room)) => {
                    if let Some(batch) = self.shared.waiting().take() {
                        room.send(batch);
                    }
                    break;
                }
                // Nobody delivers any more: the messages are read again another time.
                Ok(Err(_)) => return,
                Err(_) => {}
            }
            // Again each time: a rebalance may have brought partitions that are not paused.
            is_paused |= self.with_assignment(BaseConsumer::pause);
            match self.consumer.poll(Duration::ZERO) {
                Some(Ok(message)) => {
                    push(&self.shared, &message);
                    self.oldest.get_or_insert_with(Instant::now);
                }
                Some(Err(error)) => tracing::debug!("poll: {error}"),
                None => self.ask_whether_it_is_back(),
            }
        }
        if is_paused {
            self.with_assignment(BaseConsumer::resume);
        }
    }

    fn with_assignment(
        &self,
        act: impl FnOnce(&BaseConsumer<PollerContext>, &TopicPartitionList) -> Result<(), KafkaError>,
    ) -> bool {
        let outcome = self.consumer.assignment().and_then(|list| act(&self.consumer, &list));
        if let Err(error) = &outcome {
            tracing::debug!("pause: {error}");
        }
        outcome.is_ok()
    }
}

fn push(shared: &Shared, message: &BorrowedMessage<'_>) {
    let epoch = shared.board.begin(message.partition(), message.offset());
    let origin = Origin {
        partition: message.partition(),
        offset: message.offset(),
        epoch,
        timestamp_ms: message.timestamp().to_millis(),
    };
    shared.building().push(origin, message.key(), message.payload());
}

/// Whether a commit failed because the group has moved on, which loses nothing.
fn is_superseded(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::IllegalGeneration
                | RDKafkaErrorCode::UnknownMemberId
                | RDKafkaErrorCode::RebalanceInProgress
                | RDKafkaErrorCode::NoOffset
        )
    )
}
