//! A check, what came of it, and the list of them that a run fills.

use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};

use crate::cli::context::Context;
use crate::cli::failure::Failure;
use crate::report::seconds;

/// A check, by the part of the pipeline it is about and its name there. Both are stable: reports are compared by them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) area: &'static str,
    pub(super) name: &'static str,
}

const fn id(area: &'static str, name: &'static str) -> Id {
    Id { area, name }
}

pub(super) const UP: Id = id("up", "ready");
pub(super) const TICKS: Id = id("ticks", "read");
pub(super) const KAFKA_COUNT: Id = id("kafka", "count");
pub(super) const KAFKA_CONTENT: Id = id("kafka", "content");
pub(super) const KAFKA_TIMESTAMPS: Id = id("kafka", "timestamps");
pub(super) const DOCUMENTS_COUNT: Id = id("elasticsearch", "count");
pub(super) const DOCUMENTS_IDS: Id = id("elasticsearch", "ids");
pub(super) const DOCUMENTS_SEARCH: Id = id("elasticsearch", "search");
pub(super) const DOCUMENTS_AGGREGATIONS: Id = id("elasticsearch", "aggregations");
pub(super) const DOCUMENTS_HISTOGRAM: Id = id("elasticsearch", "histogram");
pub(super) const TEMPLATE: Id = id("template", "template");
pub(super) const MAPPING: Id = id("template", "mapping");
pub(super) const DASHBOARD: Id = id("dashboard", "dashboard");
pub(super) const DEAD_LETTERS: Id = id("dead-letters", "none");
pub(super) const OBJECT: Id = id("gcs", "object");
pub(super) const TABLE: Id = id("bigquery", "table");
pub(super) const MODELS: Id = id("bigquery", "models");
pub(super) const CRASH: Id = id("crash", "recovery");
pub(super) const DOWN: Id = id("down", "nothing-left");

/// The checks of the live half, in the order in which they run; those of the cloud half come before the crash.
const LIVE: [Id; 16] = [
    UP,
    TICKS,
    KAFKA_COUNT,
    KAFKA_CONTENT,
    KAFKA_TIMESTAMPS,
    DOCUMENTS_COUNT,
    DOCUMENTS_IDS,
    DOCUMENTS_SEARCH,
    DOCUMENTS_AGGREGATIONS,
    DOCUMENTS_HISTOGRAM,
    TEMPLATE,
    MAPPING,
    DASHBOARD,
    DEAD_LETTERS,
    CRASH,
    DOWN,
];

/// Every check of a run, in order.
pub(super) fn all(of_object: bool, of_scripts: bool) -> Vec<Id> {
    let mut all = LIVE.to_vec();
    let at = all.iter().position(|id| *id == CRASH).unwrap_or(all.len());
    all.splice(at..at, cloud(of_object, of_scripts));
    all
}

/// Those of the cloud half.
pub(super) fn cloud(of_object: bool, of_scripts: bool) -> Vec<Id> {
    let cloud = [(OBJECT, of_object), (TABLE, of_scripts), (MODELS, of_scripts)];
    cloud.into_iter().filter(|(_, asked)| *asked).map(|(id, _)| id).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum State {
    Passed,
    /// The result was wrong.
    Failed,
    /// There was no result.
    Error,
    Skipped,
}

/// What is known of a check that did not pass.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Finding {
    /// One line.
    pub(super) message: String,
    pub(super) tried: Option<String>,
    pub(super) got: Option<String>,
    pub(super) next: Vec<String>,
}

/// Why a check did not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    Wrong(Finding),
    CouldNot(Finding),
    Skip(String),
}

/// What a check says when it passes, or why it does not.
pub(super) type Outcome = Result<String, Trouble>;

impl Trouble {
    pub(super) fn wrong(message: impl Into<String>) -> Self {
        Self::Wrong(Finding { message: message.into(), ..Finding::default() })
    }

    pub(super) fn could_not(message: impl Into<String>) -> Self {
        Self::CouldNot(Finding { message: message.into(), ..Finding::default() })
    }

    pub(super) fn tried(mut self, text: impl Into<String>) -> Self {
        if let Self::Wrong(finding) | Self::CouldNot(finding) = &mut self {
            finding.tried = Some(text.into());
        }
        self
    }

    pub(super) fn got(mut self, text: impl Into<String>) -> Self {
        if let Self::Wrong(finding) | Self::CouldNot(finding) = &mut self {
            finding.got = Some(text.into());
        }
        self
    }

    pub(super) fn next(mut self, command: impl Into<String>) -> Self {
        if let Self::Wrong(finding) | Self::CouldNot(finding) = &mut self {
            finding.next.push(command.into());
        }
        self
    }
}

impl From<&Failure> for Trouble {
    fn from(failure: &Failure) -> Self {
        Self::CouldNot(Finding {
            message: format!("{}: {}", failure.id.name(), failure.message),
            tried: failure.tried.clone(),
            got: failure.got.clone(),
            next: failure.next.iter().map(|next| next.command.clone()).collect(),
        })
    }
}

/// A check that is over.
#[derive(Clone, Debug)]
pub(super) struct Check {
    pub(super) id: Id,
    pub(super) state: State,
    pub(super) elapsed: Duration,
    pub(super) finding: Finding,
}

impl Check {
    /// As reports of all kinds call it.
    pub(super) fn label(&self) -> String {
        format!("{}/{}", self.id.area, self.id.name)
    }

    pub(super) fn is_bad(&self) -> bool {
        matches!(self.state, State::Failed | State::Error)
    }

    pub(super) fn document(&self) -> Value {
        let mut document = json!({
            "area": self.id.area,
            "name": self.id.name,
            "state": self.state,
            "elapsed_ms": u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
            "message": self.finding.message,
        });
        if let (true, Some(fields)) = (self.is_bad(), document.as_object_mut()) {
            fields.insert("tried".to_owned(), json!(self.finding.tried));
            fields.insert("got".to_owned(), json!(self.finding.got));
            fields.insert("next".to_owned(), json!(self.finding.next));
        }
        document
    }

    fn line(&self, color: bool) -> String {
        let (word, code) = match self.state {
            State::Passed => ("ok", "32"),
            State::Failed => ("FAILED", "1;31"),
            State::Error => ("ERROR", "1;31"),
            State::Skipped => ("skipped", "2"),
        };
        let word = format!("{word:<8}");
        let word = if color { format!("\u{1b}[{code}m{word}\u{1b}[0m") } else { word };
        let time = if self.state == State::Skipped { String::new() } else { seconds(self.elapsed) };
        format!("{word}{:<27} {time:>8}  {}", self.label(), self.finding.message).trim_end().to_owned()
    }
}

/// The checks of a run: those that are over, and the one under way.
pub(super) struct Checks<'a> {
    cx: &'a Context,
    all: Vec<Id>,
    done: Vec<Check>,
    running: Option<(Id, Instant)>,
    area: Option<&'static str>,
}

impl<'a> Checks<'a> {
    /// `all`: of this run, see [`all`].
    pub(super) fn new(cx: &'a Context, all: Vec<Id>) -> Self {
        Self { cx, done: Vec::with_capacity(all.len()), all, running: None, area: None }
    }

    pub(super) fn done(&self) -> &[Check] {
        &self.done
    }

    pub(super) fn start(&mut self, id: Id) {
        if self.area != Some(id.area) {
            self.area = Some(id.area);
            self.cx.report.section(id.area);
        }
        self.running = Some((id, Instant::now()));
        self.cx.report.event(&json!({"area": id.area, "name": id.name, "state": "started", "elapsed_ms": 0}));
    }

    /// Ends the check under way.
    pub(super) fn end(&mut self, outcome: Outcome) {
        let Some((id, since)) = self.running.take() else { return };
        let (state, finding) = match outcome {
            Ok(message) => (State::Passed, Finding { message, ..Finding::default() }),
            Err(Trouble::Wrong(finding)) => (State::Failed, finding),
            Err(Trouble::CouldNot(finding)) => (State::Error, finding),
            Err(Trouble::Skip(reason)) => (State::Skipped, Finding { message: reason, ..Finding::default() }),
        };
        let finding = Finding { message: one_line(&finding.message), ..finding };
        let check = Check { id, state, elapsed: since.elapsed(), finding };
        self.cx.report.say(&check.line(self.cx.looks.color_out));
        self.cx.report.event(&check.document());
        self.done.push(check);
    }

    /// A check that is over as soon as it starts.
    pub(super) fn settle(&mut self, id: Id, outcome: Outcome) {
        self.start(id);
        self.end(outcome);
    }

    pub(super) async fn run(&mut self, id: Id, check: impl Future<Output = Outcome>) -> bool {
        self.start(id);
        let outcome = check.await;
        let passed = outcome.is_ok();
        self.end(outcome);
        passed
    }

    /// The run is over before its time: the check under way could not end, and those up to [`DOWN`] never start.
    pub(super) fn stop(&mut self, reason: &str) {
        if self.running.is_some() {
            self.cx.report.clear();
            self.end(Err(Trouble::could_not(format!("not finished: {reason}"))));
        }
        self.skip_until_down(reason);
    }

    /// Skips what was not run yet, but not [`DOWN`].
    pub(super) fn skip_until_down(&mut self, reason: &str) {
        for id in self.all.clone().into_iter().filter(|id| *id != DOWN) {
            if self.done.iter().all(|check| check.id != id) {
                self.settle(id, Err(Trouble::Skip(format!("not run: {reason}"))));
            }
        }
    }

    pub(super) fn bad(&self) -> impl Iterator<Item = &Check> {
        self.done.iter().filter(|check| check.is_bad())
    }

    pub(super) fn count(&self, state: State) -> usize {
        self.done.iter().filter(|check| check.state == state).count()
    }
}

/// Without line ends and runs of blanks.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
