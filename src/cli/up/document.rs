//! What `up` says in the end: the summary and the document.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::cloud::{CloudOutcome, CloudPlaces};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::pipeline::{DEAD_LETTER_TOPIC, INDEX, TOPIC};
use crate::report::{bytes, count, seconds};
use crate::stack::StackKind;
use crate::stack::docker::{KAFKA_INSIDE, prefix};

/// Everything is in place.
#[derive(Debug)]
pub(in crate::cli) struct Outcome {
    pub(super) stack: StackKind,
    /// Nothing had to be done.
    pub(super) already_up: bool,
    /// The stack was there before this run, and so is not this run's to remove.
    pub(in crate::cli) existed: bool,
    pub(super) sent: u64,
    pub(super) indexed: u64,
    pub(in crate::cli) dead_letters: u64,
    pub(super) invalid: u64,
    pub(super) data: PathBuf,
    pub(super) ephemeral: bool,
    pub(super) first_problems: Vec<String>,
    /// The user of a stack that we secured; the password is in a file.
    pub(super) secured: Option<String>,
    /// Its address in Kibana.
    pub(super) dashboard: Option<String>,
    /// The cloud half, where it was asked for.
    pub(super) cloud: Option<CloudOutcome>,
    pub(in crate::cli) connection: Connection,
}

impl Outcome {
    /// Where the cloud half is, if it was asked for.
    pub(in crate::cli) fn cloud_places(&self) -> Option<&CloudPlaces> {
        self.cloud.as_ref().map(|cloud| &cloud.places)
    }

    pub(super) fn document(&self, cx: &Context) -> Value {
        json!({
            "state": "ready",
            "project": cx.global.project.as_ref(),
            "stack": self.stack,
            "endpoints": self.connection.endpoints,
            "topic": TOPIC,
            "index": INDEX,
            "dashboard": self.dashboard,
            "sent": self.sent,
            "indexed": self.indexed,
            "dead_letters": self.dead_letters,
            "invalid": self.invalid,
            "already_up": self.already_up,
            "cloud": self.cloud.as_ref().map(CloudOutcome::document),
            "elapsed_ms": cx.report.elapsed_ms(),
            "phases": cx.report.times(),
        })
    }

    pub(super) fn text(&self, cx: &Context) -> String {
        let endpoints = &self.connection.endpoints;
        let paint = |code: &str, text: &str| {
            if cx.looks.color_out { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
        };
        let head = if self.already_up { "stockdev is already up" } else { "stockdev is up" };
        let time = seconds(std::time::Duration::from_millis(cx.report.elapsed_ms()));
        let mut lines = vec![format!(
            "{}: {} ticks sent, {} documents indexed, {} dead letters, in {time}",
            paint("1;32", head),
            count(self.sent),
            count(self.indexed),
            count(self.dead_letters),
        )];
        lines.extend(self.first_problems.iter().take(3).map(|problem| format!("  skipped        {problem}")));
        lines.push(format!("  kafka          {}    topic {TOPIC}", endpoints.kafka));
        lines.push(format!("  elasticsearch  {}    index {INDEX}", endpoints.elasticsearch));
        lines.extend(self.dashboard.as_ref().map(|url| format!("  dashboard      {url}")));
        if self.cloud.is_none() {
            lines.extend(endpoints.gcs.as_ref().map(|url| format!("  gcs            {url}")));
            lines.extend(endpoints.bigquery.as_ref().map(|url| format!("  bigquery       {url}")));
        }
        lines.extend(self.cloud.iter().flat_map(|cloud| cloud.lines().iter().cloned()));
        if self.stack == StackKind::Embedded {
            let until = if self.ephemeral { "until `down` or a reboot" } else { "until `down`" };
            lines.push(format!("  data           {}, {}, kept {until}", self.data.display(), bytes(size(&self.data))));
        }
        let flag = cx.project_flag();
        if self.stack == StackKind::Docker {
            let until =
                if self.ephemeral { "in the containers: it goes with them" } else { "in volumes, kept until `down`" };
            lines.push(format!("  data           {until}"));
            lines.push(format!(
                "  in containers  kafka at {KAFKA_INSIDE}, on network {}",
                prefix(cx.global.project.as_ref())
            ));
        }
        if let Some(user) = &self.secured {
            lines.push(format!("  credentials    user {user}, password in {}", cx.project().password().display()));
        }
        lines.push(paint("1", "next"));
        lines.push(format!("  stockdev consume{flag} --max 5"));
        let user = self
            .secured
            .as_ref()
            .map_or_else(String::new, |user| format!(" -u {user}:\"$(cat {})\"", cx.project().password().display()));
        lines.push(format!("  curl{user} '{}/{INDEX}/_search?size=1&pretty'", endpoints.elasticsearch));
        lines.push(format!("  stockdev down{flag}"));
        lines.join("\n")
    }

    /// Finished, but some documents were rejected.
    pub(in crate::cli) fn dead_letter_failure(&self) -> Failure {
        let what = if self.dead_letters == 1 {
            "1 document was".to_owned()
        } else {
            format!("{} documents were", count(self.dead_letters))
        };
        Failure::new(ErrorId::DeadLetters, format!("{what} rejected by Elasticsearch"))
            .got(format!("kept in topic `{DEAD_LETTER_TOPIC}`, each with the reason"))
            .left("the stack runs, all other documents are indexed")
            .next(format!("stockdev consume --topic {DEAD_LETTER_TOPIC} --format '%h %s'"), "read the reasons")
            .next("stockdev template show", "see what the index takes")
    }
}

/// Bytes below a folder.
fn size(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .filter_map(Result::ok)
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}
