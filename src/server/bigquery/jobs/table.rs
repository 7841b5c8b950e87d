//! All jobs: handed in, found, listed, stopped. Those that are not done are held here.

use std::collections::{HashMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::archive::{Archive, ArchiveError};
use super::job::{Job, JobKey, JobReference, Phase, StopReason, Submission};
use super::list::{self, Filter, Listed};
use super::resource::{self, Record};
use super::run;
use crate::server::bigquery::engine::Engine;
use crate::server::bigquery::http::ApiError;

/// Jobs that wait for their turn; more are refused.
const PENDING_MAX: usize = 300;
/// Request ids that are remembered.
const REQUESTS_MAX: usize = 1000;

/// All jobs; clones share them.
#[derive(Clone)]
pub(crate) struct Jobs(Arc<Shared>);

pub(super) struct Shared {
    pub(super) engine: Arc<Engine>,
    pub(super) archive: Archive,
    pub(super) slots: Arc<Semaphore>,
    active: Mutex<Active>,
    tasks: TaskTracker,
    closing: CancellationToken,
}

#[derive(Default)]
struct Active {
    jobs: HashMap<JobKey, Arc<Job>>,
    last_sequence: i64,
    /// Project and request id, the oldest first.
    requests: VecDeque<(String, String, JobKey)>,
}

/// Where a job is.
pub(crate) enum Found {
    Active(Arc<Job>),
    Done(Arc<Record>),
}

impl Found {
    /// The job in the API's shape.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Active(job) => resource::of_active(job),
            Self::Done(record) => record.resource.clone(),
        }
    }

    /// Where it runs or ran.
    pub(crate) fn location(&self) -> &str {
        match self {
            Self::Active(job) => &job.reference.location,
            Self::Done(record) => {
                record.member("/jobReference/location").and_then(serde_json::Value::as_str).unwrap_or_default()
            }
        }
    }
}

impl Jobs {
    /// # Errors
    /// The archive can't be used.
    pub(crate) fn open(
        path: &Path,
        engine: Arc<Engine>,
        jobs_max: usize,
        closing: &CancellationToken,
    ) -> Result<Self, ArchiveError> {
        let archive = Archive::open(path)?;
        let last_sequence = archive.last_sequence().map_err(|source| ArchiveError { path: path.to_owned(), source })?;
        Ok(Self(Arc::new(Shared {
            engine,
            archive,
            slots: Arc::new(Semaphore::new(jobs_max.max(1))),
            active: Mutex::new(Active { last_sequence, ..Active::default() }),
            tasks: TaskTracker::new(),
            closing: closing.clone(),
        })))
    }

    /// Hands a job in. Blocks on the disk; to be called on a thread of the runtime.
    ///
    /// # Errors
    /// 409 when its id is taken, 429 when too many wait.
    pub(crate) fn submit(&self, submission: Submission) -> Result<Found, ApiError> {
        let Submission { reference, configuration, task, request_id, timeout } = submission;
        let shared = &self.0;
        let mut active = shared.active();
        if let Some(key) = request_id.as_ref().and_then(|id| active.requested(&reference.key.project, id)) {
            drop(active);
            return self.find(&key);
        }
        let is_taken = active.jobs.contains_key(&reference.key);
        if is_taken || shared.archive.contains(&reference.key).map_err(|error| disk(&error))? {
            return Err(ApiError::new(409, "duplicate", format!("Already Exists: Job {}", reference.full_id())));
        }
        if active.jobs.len() >= PENDING_MAX {
            return Err(ApiError::busy("Exceeded rate limits: too many jobs wait for their turn, try again later"));
        }
        let cancel = shared.closing.child_token();
        let job = Arc::new(Job::new(reference, active.next_sequence(), configuration, None, cancel));
        active.hold(&job);
        if let Some(id) = request_id {
            active.remember(&job.reference.key, id);
        }
        drop(active);
        shared.tasks.spawn(run::run(Arc::clone(shared), Arc::clone(&job), task, timeout));
        Ok(Found::Active(job))
    }

    /// # Errors
    /// 404 when there is none.
    pub(crate) fn find(&self, key: &JobKey) -> Result<Found, ApiError> {
        if let Some(job) = self.0.active().jobs.get(key) {
            return Ok(Found::Active(Arc::clone(job)));
        }
        // Jobs are archived before they are let go, so whoever is not there is here.
        let record = self.0.archive.get(key).map_err(|error| disk(&error))?;
        record.map(|record| Found::Done(Arc::new(record))).ok_or_else(|| no_job(key))
    }

    /// # Errors
    /// 500 when the disk fails.
    pub(crate) fn list(&self, filter: &Filter, count: usize) -> Result<Listed, ApiError> {
        let fitting = self.0.active().jobs.values().filter(|job| filter.fits(job)).cloned().collect();
        list::merge(fitting, &self.0.archive, filter, count).map_err(|error| disk(&error))
    }

    /// Asks a job to stop; one that is done is left as it is.
    ///
    /// # Errors
    /// 404 when there is none.
    pub(crate) fn cancel(&self, key: &JobKey) -> Result<Found, ApiError> {
        let found = self.find(key)?;
        if let Found::Active(job) = &found {
            // A statement of a script ends with its script.
            let parent = job.parent.as_ref().map(|id| JobKey { project: key.project.clone(), id: id.clone() });
            if let Some(Found::Active(parent)) = parent.and_then(|key| self.find(&key).ok()) {
                parent.stop(StopReason::User);
            }
            job.stop(StopReason::User);
        }
        Ok(found)
    }

    /// Forgets a job that is done, with its statements.
    ///
    /// # Errors
    /// 404 when there is none, 400 when it runs or is a statement of a script.
    pub(crate) fn delete(&self, key: &JobKey) -> Result<(), ApiError> {
        match self.find(key)? {
            Found::Active(_) => Err(ApiError::invalid(format!("Job {}:{} is not done", key.project, key.id))),
            Found::Done(record) if record.member("/statistics/parentJobId").is_some() => {
                Err(ApiError::invalid("A child job is deleted with its parent job"))
            }
            Found::Done(_) => self.0.archive.delete(key).map(|_| ()).map_err(|error| disk(&error)),
        }
    }

    /// Waits until no job runs, at most so long.
    pub(crate) async fn drain(&self, timeout: Duration) {
        self.0.tasks.close();
        if tokio::time::timeout(timeout, self.0.tasks.wait()).await.is_err() {
            tracing::warn!(running = self.0.tasks.len(), "jobs still run after they were told to stop");
        }
    }
}

impl Shared {
    fn active(&self) -> MutexGuard<'_, Active> {
        // Each change under the lock is one call on a map: a panic leaves nothing half done.
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A statement of a script begins: a job of its own that nobody handed in.
    pub(super) fn begin_child(&self, parent: &Job, key: JobKey, configuration: serde_json::Value) -> Arc<Job> {
        let reference = JobReference { key, location: parent.reference.location.clone() };
        let mut active = self.active();
        let parent_id = Some(parent.reference.key.id.clone());
        let job = Job::new(reference, active.next_sequence(), configuration, parent_id, parent.cancel.clone());
        let job = Arc::new(job);
        active.hold(&job);
        job
    }

    /// Archives a job, then shows it as done. What the disk does not take is at least told to those who wait.
    pub(super) fn finish(&self, job: &Job, record: Record) {
        let key = &job.reference.key;
        let kept = self.archive.insert(job.sequence, key, job.parent.as_deref(), job.created_ms, &record);
        if let Err(error) = kept {
            tracing::error!(%error, job = key.id, "a finished job was not archived");
        }
        job.set_phase(Phase::Done(Arc::new(record)));
        self.active().jobs.remove(key);
    }
}

impl Active {
    fn next_sequence(&mut self) -> i64 {
        self.last_sequence = self.last_sequence.saturating_add(1);
        self.last_sequence
    }

    fn hold(&mut self, job: &Arc<Job>) {
        self.jobs.insert(job.reference.key.clone(), Arc::clone(job));
    }

    fn requested(&self, project: &str, id: &str) -> Option<JobKey> {
        let found = self.requests.iter().find(|(known, known_id, _)| known == project && known_id == id);
        found.map(|(_, _, key)| key.clone())
    }

    fn remember(&mut self, key: &JobKey, request_id: String) {
        if self.requests.len() >= REQUESTS_MAX {
            self.requests.pop_front();
        }
        self.requests.push_back((key.project.clone(), request_id, key.clone()));
    }
}

fn no_job(key: &JobKey) -> ApiError {
    ApiError::not_found(format!("Not found: Job {}:{}", key.project, key.id))
}

fn disk(error: &rusqlite::Error) -> ApiError {
    tracing::error!(%error, "the archive of jobs failed");
    ApiError::internal()
}
