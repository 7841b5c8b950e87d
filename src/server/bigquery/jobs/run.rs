//! Runs a job: waits for its turn, works on a thread that may block, and keeps what came of it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use tokio::task::JoinHandle;

use super::children::Children;
use super::job::{Job, JobReference, Phase, StopReason, Task};
use super::resource::{self, Failure, Record, Stored};
use super::table::Shared;
use super::{now_ms, statistics};
use crate::server::bigquery::engine::{Engine, Progress, QueryRequest, ScriptOutcome, Silent, TableReference};
use crate::server::bigquery::error::{QueryError, Reason};

/// From pending to done.
pub(super) async fn run(shared: Arc<Shared>, job: Arc<Job>, task: Task, timeout: Option<Duration>) {
    let place = tokio::select! {
        biased;
        () = job.cancel.cancelled() => None,
        place = Arc::clone(&shared.slots).acquire_owned() => place.ok(),
    };
    let ended = match place {
        None => Err(stopped(&job)),
        Some(place) => {
            job.set_phase(Phase::Running { started_ms: now_ms() });
            let (shared, working) = (Arc::clone(&shared), Arc::clone(&job));
            let work = tokio::task::spawn_blocking(move || {
                let record = perform(&shared, &working, task);
                shared.finish(&working, record);
                drop(place);
            });
            within(&job, work, timeout).await
        }
    };
    if let Err(error) = ended {
        let kept = tokio::task::spawn_blocking(move || shared.finish(&job, resource::never_ran(&job, &error))).await;
        if let Err(error) = kept {
            tracing::error!(%error, "a job that failed was not kept");
        }
    }
}

/// Waits for the work; tells it to stop when its time is over.
async fn within(job: &Job, mut work: JoinHandle<()>, timeout: Option<Duration>) -> Result<(), QueryError> {
    let over = async {
        match timeout {
            Some(timeout) => tokio::time::sleep(timeout).await,
            None => std::future::pending().await,
        }
    };
    let ended = tokio::select! {
        ended = &mut work => ended,
        () = over => {
            job.stop(StopReason::Timeout);
            work.await
        }
    };
    ended.map_err(|error| {
        tracing::error!(%error, job = job.reference.key.id, "a job panicked; only this job fails");
        resource::fault()
    })
}

fn stopped(job: &Job) -> QueryError {
    let why = match job.stop_reason() {
        Some(StopReason::Timeout) => "Job timed out",
        Some(StopReason::Closing) => "The server is shutting down",
        Some(StopReason::User) | None => "User requested cancellation",
    };
    QueryError::new(Reason::Stopped, format!("Job execution was cancelled: {why}"))
}

/// The error of a job that was told to stop is that it was.
fn reworded(job: &Job, error: QueryError) -> QueryError {
    if job.stop_reason().is_some() { stopped(job) } else { error }
}

fn perform(shared: &Arc<Shared>, job: &Arc<Job>, task: Task) -> Record {
    let progress = Bytes(job);
    match task {
        Task::Query(request) => query(shared, job, &request),
        Task::Load(request) => {
            let loaded = shared.engine.load(*request, &progress, &job.cancel);
            record(job, loaded.map(|outcome| (outcome.input_bytes, "load", statistics::load(&outcome))))
        }
        Task::Copy(request) => {
            let copied = shared.engine.copy(&request, &job.cancel);
            record(job, copied.map(|rows| (0, "copy", json!({"copiedRows": rows.to_string()}))))
        }
        Task::Extract(request) => {
            let written = shared.engine.extract(&request, &job.cancel);
            record(job, written.map(|files| (0, "extract", statistics::extract(&files))))
        }
    }
}

/// Tells a job how much was read.
struct Bytes<'j>(&'j Job);

impl Progress for Bytes<'_> {
    fn read(&self, _: u64, bytes: u64) {
        self.0.bytes_read.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Of a job that is no query: bytes processed, and the name and content of its own statistics.
fn record(job: &Job, outcome: Result<(u64, &str, Json), QueryError>) -> Record {
    let (bytes, part, failure) = match outcome {
        Ok((bytes, name, part)) => (bytes, Some((name, part)), None),
        Err(error) => (0, None, Some(Failure::of(&reworded(job, error)))),
    };
    let mut statistics = statistics::common(job, bytes);
    if let Some((name, part)) = part {
        statistics.insert(name.to_owned(), part);
    }
    finished(job, job.configuration.clone(), statistics, None, failure)
}

fn query(shared: &Arc<Shared>, job: &Arc<Job>, request: &QueryRequest) -> Record {
    let children = Children::new(Arc::clone(shared), Arc::clone(job), request);
    let outcome = shared.engine.run(request, &children, &job.cancel);
    let count = children.complete(outcome.script);
    let mut statistics = statistics::common(job, statistics::bytes_processed(&outcome));
    if outcome.script {
        statistics.insert("numChildJobs".into(), count.to_string().into());
    }
    statistics.insert("query".into(), statistics::of_script(&outcome));
    let configuration = with_destination(&job.configuration, outcome.result().map(|result| &result.table));
    let stored = outcome.result().map(Stored::of);
    let failure = outcome.error.map(|error| Failure::of(&reworded(job, error)));
    finished(job, configuration, statistics, stored, failure)
}

pub(super) fn finished(
    job: &Job,
    configuration: Json,
    statistics: Map<String, Json>,
    result: Option<Stored>,
    error: Option<Failure>,
) -> Record {
    let status = resource::done_status(error.as_ref());
    let resource = resource::resource(&job.reference, &configuration, status, statistics.into());
    Record { resource, result: result.filter(|_| error.is_none()), error }
}

/// The configuration, with where the rows are: clients read them there.
pub(super) fn with_destination(configuration: &Json, table: Option<&TableReference>) -> Json {
    let mut configuration = configuration.clone();
    if let (Some(table), Some(query)) = (table, configuration.pointer_mut("/query").and_then(Json::as_object_mut)) {
        query.insert("destinationTable".into(), statistics::table_reference(table));
    }
    configuration
}

/// Checks a query without running it: the job's resource, and the outcome.
///
/// # Errors
/// What is wrong in the script.
pub(crate) fn dry_run(
    engine: &Engine,
    reference: &JobReference,
    configuration: &Json,
    request: &QueryRequest,
) -> Result<(Json, ScriptOutcome), QueryError> {
    let cancel = tokio_util::sync::CancellationToken::new();
    let outcome = engine.run(&QueryRequest { dry_run: true, ..request.clone() }, &Silent, &cancel);
    if let Some(error) = &outcome.error {
        return Err(error.clone());
    }
    let bytes = statistics::bytes_processed(&outcome).to_string();
    let statistics = json!({
        "creationTime": now_ms().to_string(),
        "totalBytesProcessed": bytes,
        "query": statistics::of_script(&outcome),
    });
    let mut resource = resource::resource(reference, configuration, json!({"state": "DONE"}), statistics);
    // It is no job: nobody can ask for it again.
    if let Some(members) = resource.pointer_mut("/jobReference").and_then(Json::as_object_mut) {
        members.shift_remove("jobId");
    }
    Ok((resource, outcome))
}
