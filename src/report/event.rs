//! The phases of a run, and what happens in them.

use serde::Serialize;

/// The steps of `up`, in the order in which they start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Preflight,
    Pull,
    Start,
    Wait,
    Topic,
    Template,
    Dashboard,
    Stream,
    Index,
    Verify,
    Gcs,
    Bigquery,
    Ready,
}

impl Phase {
    /// All phases of `up`.
    pub const ALL: [Phase; 13] = [
        Phase::Preflight,
        Phase::Pull,
        Phase::Start,
        Phase::Wait,
        Phase::Topic,
        Phase::Template,
        Phase::Dashboard,
        Phase::Stream,
        Phase::Index,
        Phase::Verify,
        Phase::Gcs,
        Phase::Bigquery,
        Phase::Ready,
    ];

    /// Its name in every output.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Preflight => "preflight",
            Phase::Pull => "pull",
            Phase::Start => "start",
            Phase::Wait => "wait",
            Phase::Topic => "topic",
            Phase::Template => "template",
            Phase::Dashboard => "dashboard",
            Phase::Stream => "stream",
            Phase::Index => "index",
            Phase::Verify => "verify",
            Phase::Gcs => "gcs",
            Phase::Bigquery => "bigquery",
            Phase::Ready => "ready",
        }
    }
}

/// Where a phase stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseState {
    Started,
    Progress,
    Finished,
    Skipped,
    Failed,
}

/// One thing that happened: a line of `--output ndjson`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    pub phase: Phase,
    pub state: PhaseState,
    /// How much is done, in `unit`.
    pub done: Option<u64>,
    /// How much there is to do; absent while unknown.
    pub total: Option<u64>,
    pub unit: Option<&'static str>,
    /// Milliseconds since this phase started.
    pub elapsed_ms: u64,
    pub message: Option<String>,
}

/// How long a finished phase took, in the final document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PhaseTime {
    pub phase: Phase,
    pub elapsed_ms: u64,
}
