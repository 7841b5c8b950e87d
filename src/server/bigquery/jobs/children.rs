//! The statements of a script, each a job of its own while the script runs and after it.
//!
//! Whether a text is a script is known for sure only when it ended, or when its second statement begins: until then nothing
//! is shown of the first one.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value as Json, json};

use super::job::{Job, JobKey, Phase};
use super::resource::{self, Failure, Record, Stored};
use super::run::{finished, with_destination};
use super::table::Shared;
use super::{now_ms, statistics};
use crate::server::bigquery::engine::{Progress, QueryRequest, StatementOutcome};
use crate::server::bigquery::error::Position;

/// Told by the engine what runs.
pub(super) struct Children {
    shared: Arc<Shared>,
    parent: Arc<Job>,
    /// `script_job_<hex>`.
    prefix: String,
    /// The script's own default dataset, for the configuration of its statements.
    default_dataset: Option<Json>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_script: bool,
    /// Statements whose jobs are not archived yet, in the order in which they began.
    open: Vec<Entry>,
    count: u64,
}

struct Entry {
    /// Among the script's statements as they began.
    place: u64,
    /// The engine's own number: a statement within another may have the same.
    number: usize,
    text: String,
    /// Absent until it is known that this is a script.
    job: Option<Arc<Job>>,
    outcome: Option<Box<StatementOutcome>>,
}

impl Children {
    pub(super) fn new(shared: Arc<Shared>, parent: Arc<Job>, request: &QueryRequest) -> Self {
        let default_dataset = request
            .default_dataset
            .as_ref()
            .map(|dataset| json!({"projectId": dataset.project, "datasetId": dataset.dataset}));
        let prefix = format!("script_job_{}", uuid::Uuid::new_v4().simple());
        Self { shared, parent, prefix, default_dataset, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The script ended; how many statements ran.
    pub(super) fn complete(&self, is_script: bool) -> u64 {
        let mut state = self.state();
        if is_script {
            state.is_script = true;
            self.settle(&mut state);
        }
        state.count
    }

    /// Gives each statement its job, and archives those that ended.
    fn settle(&self, state: &mut State) {
        for entry in &mut state.open {
            let job = entry.job.get_or_insert_with(|| self.begin(entry.place, &entry.text));
            if let Some(outcome) = &entry.outcome {
                self.shared.finish(job, record(job, outcome));
            }
        }
        state.open.retain(|entry| entry.outcome.is_none());
    }

    fn begin(&self, place: u64, text: &str) -> Arc<Job> {
        let mut query = json!({"query": text, "useLegacySql": false, "priority": "INTERACTIVE"});
        if let (Some(dataset), Some(members)) = (&self.default_dataset, query.as_object_mut()) {
            members.insert("defaultDataset".into(), dataset.clone());
        }
        let id = format!("{}_{place}", self.prefix);
        let key = JobKey { project: self.parent.reference.key.project.clone(), id };
        let job = self.shared.begin_child(&self.parent, key, json!({"jobType": "QUERY", "query": query}));
        job.set_phase(Phase::Running { started_ms: now_ms() });
        job
    }
}

impl Progress for Children {
    fn statement_started(&self, number: usize, _: Position, text: &str) {
        let mut state = self.state();
        let place = state.count;
        state.count = place.saturating_add(1);
        state.is_script |= state.count > 1;
        state.open.push(Entry { place, number, text: text.to_owned(), job: None, outcome: None });
        if state.is_script {
            self.settle(&mut state);
        }
        self.parent.children.store(state.count, Ordering::Relaxed);
    }

    fn statement_ended(&self, number: usize, outcome: &StatementOutcome) {
        let mut state = self.state();
        let mut open = state.open.iter_mut().rev();
        if let Some(entry) = open.find(|entry| entry.number == number && entry.outcome.is_none()) {
            entry.outcome = Some(Box::new(outcome.clone()));
        }
        if state.is_script {
            self.settle(&mut state);
        }
    }

    fn read(&self, _: u64, bytes: u64) {
        self.parent.bytes_read.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Children {
    /// A statement that began and never ended was cut off by a fault.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        for job in state.open.iter().filter_map(|entry| entry.job.as_ref()) {
            self.shared.finish(job, resource::never_ran(job, &resource::fault()));
        }
    }
}

fn record(job: &Job, outcome: &StatementOutcome) -> Record {
    let created = job.created_ms.min(outcome.started_ms);
    let mut members = statistics::times(created, outcome.started_ms, outcome.ended_ms, outcome.bytes_processed);
    if let Some(parent) = &job.parent {
        members.insert("parentJobId".into(), parent.clone().into());
    }
    members.insert("scriptStatistics".into(), statistics::of_child(outcome));
    members.insert("query".into(), statistics::of_statement(outcome));
    let configuration = with_destination(&job.configuration, outcome.result.as_ref().map(|result| &result.table));
    let stored = outcome.result.as_ref().map(Stored::of);
    finished(job, configuration, members, stored, outcome.error.as_ref().map(Failure::of))
}
