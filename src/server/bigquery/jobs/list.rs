//! jobs.list: which jobs, newest first, pending and running ones and those of the archive together.

use serde_json::Value as Json;

use super::archive::Archive;
use super::job::{Job, Phase};
use super::resource;

/// Which jobs are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Filter {
    pub(crate) project: String,
    /// Statements of this script; `None`: jobs that are no statements.
    pub(crate) parent: Option<String>,
    /// Jobs whose sequence is lower.
    pub(crate) before: i64,
    pub(crate) created_min_ms: i64,
    pub(crate) created_max_ms: i64,
    /// Empty: all.
    pub(crate) states: Vec<String>,
}

impl Filter {
    /// All jobs of a project that are no statements of scripts.
    pub(crate) fn all(project: &str) -> Self {
        Self {
            project: project.to_owned(),
            parent: None,
            before: i64::MAX,
            created_min_ms: i64::MIN,
            created_max_ms: i64::MAX,
            states: Vec::new(),
        }
    }

    fn wants(&self, state: &str) -> bool {
        self.states.is_empty() || self.states.iter().any(|known| known.eq_ignore_ascii_case(state))
    }

    pub(super) fn fits(&self, job: &Job) -> bool {
        let state = match job.phase() {
            Phase::Pending => "PENDING",
            Phase::Running { .. } => "RUNNING",
            // Of the archive then.
            Phase::Done(_) => return false,
        };
        job.reference.key.project == self.project
            && job.parent == self.parent
            && job.sequence < self.before
            && (self.created_min_ms..=self.created_max_ms).contains(&job.created_ms)
            && self.wants(state)
    }
}

/// Some jobs; `next` is the sequence before which to go on.
pub(crate) struct Listed {
    pub(crate) jobs: Vec<Json>,
    pub(crate) next: Option<i64>,
}

/// `active` fit the filter.
pub(super) fn merge(
    active: Vec<std::sync::Arc<Job>>,
    archive: &Archive,
    filter: &Filter,
    count: usize,
) -> rusqlite::Result<Listed> {
    let mut all: Vec<(i64, Json)> = active.iter().map(|job| (job.sequence, resource::of_active(job))).collect();
    if filter.wants("DONE") {
        let done = archive.list(filter, count.saturating_add(1))?;
        all.extend(done.into_iter().map(|entry| (entry.sequence, entry.record.resource)));
    }
    all.sort_by_key(|(sequence, _)| std::cmp::Reverse(*sequence));
    // A job that ended between the two looks is in both.
    all.dedup_by_key(|(sequence, _)| *sequence);
    let is_more = all.len() > count;
    all.truncate(count);
    let next = all.last().map(|(sequence, _)| *sequence).filter(|_| is_more);
    Ok(Listed { jobs: all.into_iter().map(|(_, job)| job).collect(), next })
}
