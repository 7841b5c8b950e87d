//! The phase `index`: the indexer beside the stream, from when the template is in place until the last tick is a document.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::client::{ElasticsearchAddress, KafkaAddress};
use crate::pipeline::{self, IndexError, IndexOptions, IndexReport, Progress, Until};
use crate::report::{Phase, Running, count};

/// How often the counters are looked at while waiting for the indexer.
const LOOK: Duration = Duration::from_millis(5);
/// How often progress is reported.
const REPORT: Duration = Duration::from_millis(100);

/// How many documents there are to be; known for certain when the stream has ended.
#[derive(Debug)]
pub(super) struct Goal {
    documents: OnceLock<u64>,
    stream: Arc<Progress>,
}

impl Goal {
    pub(super) fn new(stream: Arc<Progress>) -> Self {
        Self { documents: OnceLock::new(), stream }
    }

    pub(super) fn set(&self, documents: u64) {
        // Only the end of the one stream sets it.
        self.documents.get_or_init(|| documents);
    }
}

/// Indexes from when `template` is in place until the goal is reached; gives the documents that are settled, rejected ones
/// included.
pub(super) async fn index(
    kafka: &KafkaAddress,
    template: oneshot::Receiver<ElasticsearchAddress>,
    goal: &Goal,
    timeout: Duration,
    cx: &Context,
) -> Result<u64, Failure> {
    let (known, address) = oneshot::channel();
    // It joins its group and reads ahead meanwhile.
    let mut indexer = Indexer::spawn(kafka.clone(), address);
    let elasticsearch = once(template).await;
    let running = cx.report.start(Phase::Index, None);
    // Without a receiver the indexer has ended, which is seen next.
    let _sent = known.send(elasticsearch);
    let report = indexer.until(goal, &running, timeout, cx).await.map_err(|failure| failure.phase(Phase::Index))?;
    let mut text = format!("{} documents", count(report.indexed));
    if report.dead_letters > 0 {
        text = format!("{text}, {} rejected", count(report.dead_letters));
    }
    cx.report.finish_with(running, report.indexed, "documents", text);
    Ok(report.indexed + report.dead_letters)
}

/// What is sent. Whoever goes without sending has failed, and says so elsewhere.
async fn once<T>(sent: oneshot::Receiver<T>) -> T {
    match sent.await {
        Ok(sent) => sent,
        Err(_) => std::future::pending().await,
    }
}

/// The indexer at work. Dropping it aborts it.
struct Indexer {
    task: JoinHandle<Result<IndexReport, IndexError>>,
    progress: Arc<Progress>,
    stop: CancellationToken,
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

impl Indexer {
    fn spawn(kafka: KafkaAddress, elasticsearch: oneshot::Receiver<ElasticsearchAddress>) -> Self {
        let (progress, stop) = (Progress::new(), CancellationToken::new());
        let (inner, token) = (Arc::clone(&progress), stop.clone());
        let task = tokio::spawn(async move {
            let options = IndexOptions { until: Until::Forever, ..IndexOptions::default() };
            pipeline::index_once_known(&kafka, once(elasticsearch), &options, &inner, &token).await
        });
        Self { task, progress, stop }
    }

    /// Documents that are settled: indexed, or rejected and kept as dead letters.
    fn done(&self) -> u64 {
        self.progress.snapshot().done
    }

    /// Waits until as many documents are settled as there are to be, then lets the indexer commit and end.
    async fn until(
        &mut self,
        goal: &Goal,
        running: &Running,
        timeout: Duration,
        cx: &Context,
    ) -> Result<IndexReport, Failure> {
        let mut idle = None;
        let mut reported = Instant::now();
        loop {
            let wanted = goal.documents.get().copied();
            if wanted.is_some_and(|wanted| self.done() >= wanted) {
                break;
            }
            if self.task.is_finished() {
                self.end().await?;
                return Err(Failure::new(ErrorId::PipelineFailed, "the indexer ended before it was done"));
            }
            if reported.elapsed() >= REPORT {
                reported = Instant::now();
                let seen = self.progress.snapshot();
                let total = wanted.or_else(|| goal.stream.snapshot().total);
                cx.report.progress_or_wait(running, seen.done, total, "documents", seen.note);
            }
            // As long as ticks come, it is the stream that has to get on.
            if wanted.is_some() && idle.get_or_insert_with(|| Idle::new(timeout)).is_over(self.done()) {
                return Err(too_late(Phase::Index, timeout));
            }
            tokio::time::sleep(LOOK).await;
        }
        self.stop.cancel();
        self.end().await
    }

    async fn end(&mut self) -> Result<IndexReport, Failure> {
        match (&mut self.task).await {
            Ok(Ok(report)) => Ok(report),
            Ok(Err(error)) => Err(failures::index(&error)),
            Err(error) => Err(Failure::new(ErrorId::Internal, format!("the indexer ended badly: {error}"))),
        }
    }
}

/// Whether a number has stood still for too long.
pub(super) struct Idle {
    limit: Duration,
    last: u64,
    since: Instant,
}

impl Idle {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, last: 0, since: Instant::now() }
    }

    pub(super) fn is_over(&mut self, number: u64) -> bool {
        if number != self.last {
            self.last = number;
            self.since = Instant::now();
        }
        self.since.elapsed() >= self.limit
    }
}

pub(super) fn too_late(phase: Phase, limit: Duration) -> Failure {
    Failure::new(ErrorId::Deadline, format!("no progress for {} s", limit.as_secs()))
        .left("the stack runs, what was acknowledged is kept")
        .next("stockdev status", "see what answers")
        .next("stockdev logs", "read why")
        .next("stockdev up", "go on from here")
        .phase(phase)
}
