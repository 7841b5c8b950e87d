//! A script from its text to its results.
//!
//! The job's id is ours, so a request whose answer was lost is not a second job. Whatever ends the waiting (Ctrl-C, the deadline)
//! ends the job, too: nothing goes on to be billed unseen.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use super::api::{Api, JobError, JobRequest, JobView};
use super::cost::{Estimate, estimate};
use super::rows::ResultTable;
use super::script::{Script, place_in};
use super::{BigQuery, BigQueryError, MAXIMUM_BYTES_BILLED};
use crate::client::GoogleError;

/// The first pause between two looks at a job, and the longest.
const PAUSE: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// How long a job that is to end may take for it.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// How often a job is made, where BigQuery says that it was not the job's fault.
const JOB_ATTEMPTS: u32 = 3;
const JOB_PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug, Clone)]
pub struct RunOptions {
    /// How long a script may take.
    pub timeout: Duration,
    /// A job that would bill more does not run; `None`: no limit.
    pub maximum_bytes_billed: Option<i64>,
    /// Rows that are fetched of a result at most.
    pub rows_max: usize,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(600), maximum_bytes_billed: Some(MAXIMUM_BYTES_BILLED), rows_max: 10_000 }
    }
}

/// A statement that is done.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementRun {
    /// `SELECT`, `CREATE_MODEL`, `CREATE_EXTERNAL_TABLE`...
    pub kind: String,
    /// What a DDL statement made or dropped.
    pub target: Option<String>,
    /// `CREATE`, `REPLACE`, `SKIP`, `DROP`; empty elsewhere.
    pub operation: String,
    /// The line at which it begins, where BigQuery says so.
    pub line: Option<usize>,
    pub bytes_processed: u64,
    pub slot_ms: u64,
    pub elapsed_ms: u64,
    /// Of DML.
    pub affected_rows: Option<u64>,
    /// Of a SELECT.
    pub result: Option<ResultTable>,
}

/// A script that is done.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptRun {
    pub script: String,
    pub job: String,
    pub statements: Vec<StatementRun>,
    pub bytes_processed: u64,
    pub slot_ms: u64,
    pub elapsed_ms: u64,
}

/// What is to be told while a script runs.
#[derive(Debug)]
pub enum ScriptProgress<'a> {
    /// It is under way, with so many statements done.
    Running { done: usize },
    /// A statement is done; its result is not read yet.
    Statement(&'a StatementRun),
}

/// Ends its job when it is dropped: whoever waited has gone.
struct Unseen {
    api: Arc<Api>,
    job: String,
    location: String,
    armed: bool,
}

impl Drop for Unseen {
    fn drop(&mut self) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if self.armed {
            let (api, job, location) = (Arc::clone(&self.api), self.job.clone(), self.location.clone());
            runtime.spawn(async move {
                if let Err(error) = api.cancel(&job, &location).await {
                    tracing::debug!("job {job} was not ended: {error}");
                }
            });
        }
    }
}

/// One attempt at a script.
struct Attempt<'a> {
    script: &'a Script,
    location: &'a str,
    options: &'a RunOptions,
    job: String,
    observe: &'a (dyn Fn(ScriptProgress<'_>) + Send + Sync),
}

impl BigQuery {
    /// Runs a script to its end. Of one that failed, the statements before the failing one were done.
    pub async fn run(
        &self,
        script: &Script,
        location: &str,
        options: &RunOptions,
        observe: &(dyn Fn(ScriptProgress<'_>) + Send + Sync),
        stop: &CancellationToken,
    ) -> Result<ScriptRun, BigQueryError> {
        let deadline = tokio::time::Instant::now() + options.timeout;
        let mut number = 1;
        loop {
            let job = format!("stockdev_{}", uuid::Uuid::new_v4().simple());
            let mut unseen =
                Unseen { api: Arc::clone(&self.api), job: job.clone(), location: location.to_owned(), armed: true };
            let attempt = Attempt { script, location, options, job, observe };
            let outcome = tokio::select! {
                biased;
                outcome = self.attempt(&attempt) => outcome,
                () = stop.cancelled() => {
                    unseen.armed = false;
                    self.end(&attempt).await;
                    return Err(BigQueryError::Cancelled { script: script.name().to_owned(), job: attempt.job });
                }
                () = tokio::time::sleep_until(deadline) => {
                    unseen.armed = false;
                    self.end(&attempt).await;
                    let script = script.name().to_owned();
                    return Err(BigQueryError::TooLate { script, job: attempt.job, timeout: options.timeout });
                }
            };
            // An answer that was lost leaves a job that may still run; every other outcome is its end.
            unseen.armed = matches!(outcome, Err(BigQueryError::Google(_)));
            match outcome {
                // Only where nothing of it was done: a statement that is run twice may do its work twice.
                Err(BigQueryError::Failed { reason, statements_done: 0, .. })
                    if is_passing(&reason) && number < JOB_ATTEMPTS =>
                {
                    tokio::time::sleep(JOB_PAUSE * number).await;
                    number += 1;
                }
                outcome => return outcome,
            }
        }
    }

    /// What a script would process, without running it.
    pub async fn estimate(
        &self,
        script: &Script,
        location: &str,
        options: &RunOptions,
    ) -> Result<Estimate, BigQueryError> {
        let job = format!("stockdev_{}", uuid::Uuid::new_v4().simple());
        let attempt = Attempt { script, location, options, job, observe: &|_| {} };
        let request = attempt.request(true);
        let view = self.api.insert(&request).await.map_err(|error| attempt.refused(error))?;
        match view.error {
            Some(error) => Err(attempt.failed(error, 0)),
            None => Ok(estimate(&view, script.text())),
        }
    }

    async fn attempt(&self, attempt: &Attempt<'_>) -> Result<ScriptRun, BigQueryError> {
        let began = Instant::now();
        let (view, statements) = self.see_through(attempt).await?;
        if let Some(error) = view.error {
            let done = statements.iter().filter(|statement| statement.done && statement.error.is_none()).count();
            return Err(attempt.failed(error, done));
        }
        let mut runs = Vec::with_capacity(statements.len());
        for statement in &statements {
            let mut run = run_of(statement);
            if statement.statement == "SELECT" {
                let rows = self.api.results(&statement.id, attempt.location, attempt.options.rows_max);
                run.result = Some(rows.await?);
            }
            runs.push(run);
        }
        Ok(ScriptRun {
            script: attempt.script.name().to_owned(),
            job: attempt.job.clone(),
            statements: runs,
            bytes_processed: view.bytes_processed,
            slot_ms: view.slot_ms,
            elapsed_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        })
    }

    /// Starts the job and waits for its end. Gives it and its statements.
    async fn see_through(&self, attempt: &Attempt<'_>) -> Result<(JobView, Vec<JobView>), BigQueryError> {
        let request = attempt.request(false);
        let mut view = match self.api.insert(&request).await {
            Ok(view) => view,
            // The id is ours: so is the job, whose first answer was lost.
            Err(error) if error.is_conflict() => self.api.job(&attempt.job, attempt.location).await?,
            Err(error) => return Err(attempt.refused(error)),
        };
        let (mut pause, mut told) = (PAUSE, 0);
        loop {
            let is_script = view.statement == "SCRIPT" || view.children > 0;
            let statements = match is_script {
                true => self.api.children(&attempt.job).await?,
                false => vec![JobView { id: attempt.job.clone(), ..view.clone() }],
            };
            for statement in statements.iter().skip(told).take_while(|statement| statement.done) {
                told += 1;
                if statement.error.is_none() {
                    (attempt.observe)(ScriptProgress::Statement(&run_of(statement)));
                }
            }
            if view.done {
                return Ok((view, statements));
            }
            (attempt.observe)(ScriptProgress::Running { done: told });
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(PAUSE_MAX);
            view = self.api.job(&attempt.job, attempt.location).await?;
        }
    }

    /// Ends a job that nobody waits for any more, and waits a moment for that.
    async fn end(&self, attempt: &Attempt<'_>) {
        let ended = async {
            self.api.cancel(&attempt.job, attempt.location).await?;
            while !self.api.job(&attempt.job, attempt.location).await?.done {
                tokio::time::sleep(PAUSE).await;
            }
            Ok::<(), GoogleError>(())
        };
        match tokio::time::timeout(END_PATIENCE, ended).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!("job {} was not ended: {error}", attempt.job),
            Err(_) => tracing::debug!("job {} has not ended yet", attempt.job),
        }
    }
}

impl Attempt<'_> {
    fn request(&self, dry_run: bool) -> JobRequest<'_> {
        JobRequest {
            id: &self.job,
            location: self.location,
            text: self.script.text(),
            dry_run,
            maximum_bytes_billed: self.options.maximum_bytes_billed,
        }
    }

    fn failed(&self, error: JobError, statements_done: usize) -> BigQueryError {
        let sent = place_in(&error.message);
        BigQueryError::Failed {
            script: self.script.name().to_owned(),
            reason: error.reason,
            message: error.message,
            place: sent.map(|sent| self.script.source_place(sent)),
            excerpt: sent.map(|sent| self.script.excerpt(sent)),
            job: self.job.clone(),
            statements_done,
        }
    }

    /// A request that was refused for what the script says (a dry run, and some mistakes of syntax) is the script's failure.
    fn refused(&self, error: GoogleError) -> BigQueryError {
        match error {
            GoogleError::Refused { status: 400, reason, .. } => {
                self.failed(JobError { reason: "invalidQuery".to_owned(), message: reason }, 0)
            }
            // What the statement names is not there.
            GoogleError::Refused { status: 404, reason, .. } => {
                self.failed(JobError { reason: "notFound".to_owned(), message: reason }, 0)
            }
            other => other.into(),
        }
    }
}

fn run_of(view: &JobView) -> StatementRun {
    StatementRun {
        kind: view.statement.clone(),
        target: view.target.clone(),
        operation: view.operation.clone(),
        line: view.line,
        bytes_processed: view.bytes_processed,
        slot_ms: view.slot_ms,
        elapsed_ms: u64::try_from(view.ended_ms.saturating_sub(view.started_ms)).unwrap_or_default(),
        affected_rows: view.affected_rows,
        result: None,
    }
}

/// Reasons of a failure that lies with the service and may be gone in a moment.
fn is_passing(reason: &str) -> bool {
    matches!(
        reason,
        "backendError"
            | "internalError"
            | "rateLimitExceeded"
            | "jobBackendError"
            | "jobInternalError"
            | "jobRateLimitExceeded"
    )
}
