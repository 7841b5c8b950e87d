//! A job that is not done, and what it is to do.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::now_ms;
use super::resource::Record;
use crate::server::bigquery::engine::{CopyRequest, ExtractRequest, LoadRequest, QueryRequest};

/// A job's name: ids are a project's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct JobKey {
    pub(crate) project: String,
    pub(crate) id: String,
}

/// `jobReference`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct JobReference {
    pub(crate) key: JobKey,
    pub(crate) location: String,
}

impl JobReference {
    /// `project:location.id`.
    pub(crate) fn full_id(&self) -> String {
        format!("{}:{}.{}", self.key.project, self.location, self.key.id)
    }
}

/// What a job does.
pub(crate) enum Task {
    Query(Box<QueryRequest>),
    Load(Box<LoadRequest>),
    Copy(CopyRequest),
    Extract(ExtractRequest),
}

/// A job as it is handed in.
pub(crate) struct Submission {
    pub(crate) reference: JobReference,
    /// `configuration`, as the client wrote it.
    pub(crate) configuration: Json,
    pub(crate) task: Task,
    /// The same one again is the same job (`requestId` of jobs.query).
    pub(crate) request_id: Option<String>,
    /// It is stopped after so long.
    pub(crate) timeout: Option<Duration>,
}

/// How far a job is.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    Pending,
    Running { started_ms: i64 },
    Done(Arc<Record>),
}

/// Why a job was told to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StopReason {
    User,
    Timeout,
    Closing,
}

/// A pending or running job; also a statement of a script that runs.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) reference: JobReference,
    /// Later jobs have higher ones.
    pub(crate) sequence: i64,
    pub(crate) configuration: Json,
    /// The script whose statement this is.
    pub(crate) parent: Option<String>,
    pub(crate) created_ms: i64,
    pub(super) cancel: CancellationToken,
    pub(super) bytes_read: AtomicU64,
    /// Statements of this script that have begun.
    pub(super) children: AtomicU64,
    stopped: OnceLock<StopReason>,
    phase: watch::Sender<Phase>,
}

impl Job {
    pub(super) fn new(
        reference: JobReference,
        sequence: i64,
        configuration: Json,
        parent: Option<String>,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            reference,
            sequence,
            configuration,
            parent,
            created_ms: now_ms(),
            cancel,
            bytes_read: AtomicU64::new(0),
            children: AtomicU64::new(0),
            stopped: OnceLock::new(),
            phase: watch::Sender::new(Phase::Pending),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.borrow().clone()
    }

    pub(super) fn set_phase(&self, phase: Phase) {
        self.phase.send_replace(phase);
    }

    /// When it began, or now if it has not.
    pub(super) fn started_ms(&self) -> i64 {
        match &*self.phase.borrow() {
            Phase::Running { started_ms } => *started_ms,
            _ => now_ms(),
        }
    }

    /// Asks the job to stop; the first reason counts.
    pub(super) fn stop(&self, reason: StopReason) {
        let _first = self.stopped.get_or_init(|| reason);
        self.cancel.cancel();
    }

    pub(super) fn stop_reason(&self) -> Option<StopReason> {
        let closing = || self.cancel.is_cancelled().then_some(StopReason::Closing);
        self.stopped.get().copied().or_else(closing)
    }

    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }

    /// Waits until it is done, at most so long. `None`: it is not.
    pub(crate) async fn done_within(&self, timeout: Duration) -> Option<Arc<Record>> {
        let mut phases = self.phase.subscribe();
        let done = phases.wait_for(|phase| matches!(phase, Phase::Done(_)));
        match tokio::time::timeout(timeout, done).await {
            Ok(Ok(phase)) => match &*phase {
                Phase::Done(record) => Some(Arc::clone(record)),
                _ => None,
            },
            _ => None,
        }
    }
}
