//! A job in the API's shape, and what is kept of one that is done.

use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::job::{Job, JobReference, Phase};
use super::now_ms;
use crate::server::bigquery::engine::{ResultTable, TableReference};
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::http::ApiError;
use crate::server::bigquery::value::schema_to_json;

/// The account that all requests come from: nobody logs in.
pub(crate) const USER: &str = "stockdev@localhost";

/// What is kept of a job that is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The whole `bigquery#job`.
    pub(crate) resource: Json,
    pub(crate) result: Option<Stored>,
    pub(crate) error: Option<Failure>,
}

/// Where a query's rows are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stored {
    project: String,
    dataset: String,
    table: String,
    /// `schema` of answers.
    pub(crate) schema: Json,
}

/// Why a job failed, with the status that a request for its results is answered with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Failure {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Stored {
    pub(super) fn of(result: &ResultTable) -> Self {
        let TableReference { project, dataset, table } = result.table.clone();
        Self { project, dataset, table, schema: schema_to_json(&result.fields) }
    }

    pub(crate) fn table(&self) -> TableReference {
        TableReference::new(&self.project, &self.dataset, &self.table)
    }
}

impl Failure {
    pub(super) fn of(error: &QueryError) -> Self {
        Self { status: error.reason.status(), reason: error.reason.word().to_owned(), message: error.to_string() }
    }

    /// What a request for the results of the job is answered with: never with what clients try again on, the job stays failed.
    pub(crate) fn to_error(&self) -> ApiError {
        let status = if self.status == 503 { 400 } else { self.status };
        let location = (self.reason == "invalidQuery").then(|| "q".to_owned());
        ApiError { location, ..ApiError::new(status, self.reason.clone(), self.message.clone()) }
    }

    /// `errorResult`.
    pub(super) fn to_json(&self) -> Json {
        let mut error = json!({"reason": self.reason, "message": self.message});
        if let (Some(members), "invalidQuery") = (error.as_object_mut(), self.reason.as_str()) {
            members.insert("location".into(), "query".into());
        }
        error
    }
}

impl Record {
    /// `state` of `status`, which is `DONE`, and times and figures of `statistics`.
    pub(crate) fn member(&self, pointer: &str) -> Option<&Json> {
        self.resource.pointer(pointer)
    }
}

/// A job that is not done, as it is now.
pub(crate) fn of_active(job: &Job) -> Json {
    let (state, started) = match job.phase() {
        Phase::Pending => ("PENDING", None),
        Phase::Running { started_ms } => ("RUNNING", Some(started_ms)),
        Phase::Done(record) => return record.resource.clone(),
    };
    let mut statistics = json!({"creationTime": job.created_ms.to_string()});
    if let (Some(members), Some(started)) = (statistics.as_object_mut(), started) {
        members.insert("startTime".into(), started.to_string().into());
        members.insert("totalBytesProcessed".into(), job.bytes_read().to_string().into());
        let children = job.children.load(std::sync::atomic::Ordering::Relaxed);
        if children > 1 {
            members.insert("numChildJobs".into(), children.to_string().into());
        }
        if let Some(parent) = &job.parent {
            members.insert("parentJobId".into(), parent.clone().into());
        }
    }
    resource(&job.reference, &job.configuration, json!({"state": state}), statistics)
}

/// Puts a `bigquery#job` together.
pub(super) fn resource(reference: &JobReference, configuration: &Json, status: Json, statistics: Json) -> Json {
    let key = &reference.key;
    json!({
        "kind": "bigquery#job",
        "etag": etag(&status),
        "id": reference.full_id(),
        "selfLink": self_link(reference),
        "user_email": USER,
        "configuration": configuration,
        "jobReference": {"projectId": key.project, "jobId": key.id, "location": reference.location},
        "statistics": statistics,
        "status": status,
        "principal_subject": format!("user:{USER}"),
        "jobCreationReason": {"code": "REQUESTED"},
    })
}

fn self_link(reference: &JobReference) -> String {
    let JobReference { key, location } = reference;
    format!("https://bigquery.googleapis.com/bigquery/v2/projects/{}/jobs/{}?location={location}", key.project, key.id)
}

/// Another one whenever the job's state is another.
fn etag(status: &Json) -> String {
    use base64::Engine as _;
    let sum = crc32c::crc32c(status.to_string().as_bytes());
    base64::engine::general_purpose::STANDARD.encode(sum.to_be_bytes())
}

/// `status` of a job that is done.
pub(super) fn done_status(error: Option<&Failure>) -> Json {
    match error {
        None => json!({"state": "DONE"}),
        Some(error) => json!({"state": "DONE", "errorResult": error.to_json(), "errors": [error.to_json()]}),
    }
}

/// What a job that never ran is kept as.
pub(super) fn never_ran(job: &Job, error: &QueryError) -> Record {
    let now = now_ms().to_string();
    let failure = Failure::of(error);
    let statistics = json!({"creationTime": job.created_ms.to_string(), "startTime": now, "endTime": now});
    let resource = resource(&job.reference, &job.configuration, done_status(Some(&failure)), statistics);
    Record { resource, result: None, error: Some(failure) }
}

/// A fault of this server. Its reason is not one on which clients run the job again: it would fail the same way.
pub(super) fn fault() -> QueryError {
    QueryError::new(Reason::Invalid, "An internal error occurred and the request could not be completed.")
}
