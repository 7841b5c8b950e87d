//! jobs.query and jobs.getQueryResults: both wait for a query and answer with its first rows, or with that it still runs.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::configuration;
use super::job;
use super::members::Members;
use super::name;
use super::rows::{self, Wanted};
use crate::server::bigquery::BigQuery;
use crate::server::bigquery::engine::QueryRequest;
use crate::server::bigquery::http::{ApiError, HandlerFuture, Request, Response};
use crate::server::bigquery::jobs::{self, Found, JobKey, JobReference, Record, Submission, Task};
use crate::server::bigquery::value::schema_to_json;

const WAIT_USUAL: Duration = Duration::from_secs(10);
/// No request is held longer, whatever it asks for.
const WAIT_MAX: Duration = Duration::from_secs(200);

/// Members of both answers, and where they are in the job.
const FIGURES: [(&str, &str); 3] = [
    ("totalBytesProcessed", "/statistics/totalBytesProcessed"),
    ("cacheHit", "/statistics/query/cacheHit"),
    ("numDmlAffectedRows", "/statistics/query/numDmlAffectedRows"),
];
/// Members that jobs.query has beside them.
const FIGURES_OF_QUERY: [(&str, &str); 7] = [
    ("totalBytesBilled", "/statistics/query/totalBytesBilled"),
    ("totalSlotMs", "/statistics/totalSlotMs"),
    ("dmlStats", "/statistics/query/dmlStats"),
    ("statementType", "/statistics/query/statementType"),
    ("creationTime", "/statistics/creationTime"),
    ("startTime", "/statistics/startTime"),
    ("endTime", "/statistics/endTime"),
];

/// Which of the two answers is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Query,
    Results,
}

/// A query as jobs.query has it.
struct Asked {
    reference: JobReference,
    request: QueryRequest,
    configuration: Json,
    request_id: Option<String>,
    job_timeout: Option<Duration>,
    wait: Duration,
    is_dry_run: bool,
    wanted: Wanted,
}

pub(super) fn query(bigquery: Arc<BigQuery>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        enum Started {
            Answered(Response),
            Submitted(Found, Wanted, Duration),
        }
        let started = bigquery.blocking(move |bigquery| {
            let asked = read(bigquery, &request)?;
            if asked.is_dry_run {
                return dry_run(bigquery, &asked).map(Started::Answered);
            }
            let Asked { reference, request, configuration, request_id, job_timeout, wait, wanted, .. } = asked;
            let task = Task::Query(Box::new(request));
            let submission = Submission { reference, configuration, task, request_id, timeout: job_timeout };
            Ok(Started::Submitted(bigquery.jobs.submit(submission)?, wanted, wait))
        });
        match started.await? {
            Started::Answered(response) => Ok(response),
            Started::Submitted(found, wanted, wait) => respond(&bigquery, found, wanted, wait, Kind::Query).await,
        }
    })
}

pub(super) fn results(bigquery: Arc<BigQuery>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let (found, wanted, wait) = bigquery
            .blocking(move |bigquery| {
                let wanted = Wanted::of_params(&request)?;
                let wait = request.params.number("timeoutMs")?.map_or(WAIT_USUAL, Duration::from_millis);
                let found = bigquery.jobs.find(&job::key_of(&request)?)?;
                job::check_location(&request, &found)?;
                Ok((found, wanted, wait))
            })
            .await?;
        respond(&bigquery, found, wanted, wait, Kind::Results).await
    })
}

fn read(bigquery: &BigQuery, http: &Request) -> Result<Asked, ApiError> {
    let project = name::project_of(http)?;
    let body = http.json()?;
    let members = Members::new("", &body);
    let mut request = configuration::read_request(&members, project)?;
    members.map_of_texts("labels")?;
    request.location = members.text("location")?.filter(|location| !location.is_empty()).map(str::to_owned);
    let location = match &request.location {
        Some(location) => {
            super::dataset::check_location(location)?;
            location.clone()
        }
        None => job::location(bigquery, project, request.default_dataset.as_ref())?,
    };
    Ok(Asked {
        reference: JobReference { key: JobKey { project: project.to_owned(), id: job::new_id() }, location },
        configuration: configuration_of(&body),
        request_id: members.text("requestId")?.filter(|id| !id.is_empty()).map(str::to_owned),
        job_timeout: configuration::timeout(&members, "jobTimeoutMs")?,
        wait: members.number("timeoutMs")?.map_or(WAIT_USUAL, Duration::from_millis),
        is_dry_run: members.flag("dryRun")?.unwrap_or(false),
        wanted: Wanted::of_body(&members)?,
        request,
    })
}

/// The configuration of the job that a body of jobs.query stands for.
fn configuration_of(body: &Map<String, Json>) -> Json {
    let mut query = Map::new();
    for name in ["query", "defaultDataset", "queryParameters", "parameterMode", "maximumBytesBilled", "useQueryCache"] {
        if let Some(value) = body.get(name) {
            query.insert(name.to_owned(), value.clone());
        }
    }
    let mut configuration = Map::new();
    configuration.insert("query".into(), query.into());
    for name in ["labels", "jobTimeoutMs"] {
        if let Some(value) = body.get(name) {
            configuration.insert(name.to_owned(), value.clone());
        }
    }
    configuration::echo(&configuration, "query")
}

fn dry_run(bigquery: &BigQuery, asked: &Asked) -> Result<Response, ApiError> {
    let (resource, outcome) = jobs::dry_run(&bigquery.engine, &asked.reference, &asked.configuration, &asked.request)?;
    let reference = resource.get("jobReference").cloned().unwrap_or_default();
    let bytes = resource.pointer("/statistics/totalBytesProcessed").cloned().unwrap_or_default();
    let fields = outcome.statements.last().and_then(|statement| statement.fields.as_deref()).unwrap_or_default();
    Ok(Response::json(json!({
        "kind": "bigquery#queryResponse",
        "schema": schema_to_json(fields),
        "jobReference": reference,
        "totalBytesProcessed": bytes,
        "jobComplete": true,
        "cacheHit": false,
        "location": asked.reference.location,
    })))
}

/// Waits for a job, and answers with what there is then.
async fn respond(
    bigquery: &Arc<BigQuery>,
    found: Found,
    wanted: Wanted,
    wait: Duration,
    kind: Kind,
) -> Result<Response, ApiError> {
    let record = match &found {
        Found::Done(record) => Some(Arc::clone(record)),
        Found::Active(job) => tokio::select! {
            record = job.done_within(wait.min(WAIT_MAX)) => record,
            () = bigquery.closing.cancelled() => None,
        },
    };
    match record {
        None => Ok(Response::json(unfinished(&found.to_json(), kind))),
        Some(record) => bigquery.blocking(move |bigquery| finished(bigquery, &record, &wanted, kind)).await,
    }
}

fn head(resource: &Json, kind: Kind) -> Json {
    let reference = resource.get("jobReference").cloned().unwrap_or_default();
    match kind {
        Kind::Results => {
            let etag = resource.get("etag").cloned().unwrap_or_default();
            json!({"kind": "bigquery#getQueryResultsResponse", "etag": etag, "jobReference": reference})
        }
        Kind::Query => json!({
            "kind": "bigquery#queryResponse",
            "queryId": reference.get("jobId").cloned().unwrap_or_default(),
            "location": reference.get("location").cloned().unwrap_or_default(),
            "jobReference": reference,
            "jobCreationReason": {"code": "REQUESTED"},
        }),
    }
}

fn unfinished(resource: &Json, kind: Kind) -> Json {
    let mut answer = head(resource, kind);
    if let Some(members) = answer.as_object_mut() {
        members.insert("jobComplete".into(), false.into());
    }
    answer
}

fn finished(bigquery: &BigQuery, record: &Record, wanted: &Wanted, kind: Kind) -> Result<Response, ApiError> {
    if record.member("/configuration/query").is_none() {
        return Err(ApiError::invalid("Cannot get the results of a job that is no query"));
    }
    if let Some(failure) = &record.error {
        return Err(failure.to_error());
    }
    let mut answer = head(&record.resource, kind);
    let Some(members) = answer.as_object_mut() else { return Err(ApiError::internal()) };
    let rows = match &record.result {
        Some(stored) => Some(rows::read(bigquery, &stored.table(), wanted)?),
        None => None,
    };
    let total = rows.as_ref().map_or(0, |rows| rows.page.total);
    members.insert("schema".into(), record.result.as_ref().map_or_else(|| json!({}), |stored| stored.schema.clone()));
    members.insert("jobComplete".into(), true.into());
    members.insert("totalRows".into(), total.to_string().into());
    let more: &[_] = if kind == Kind::Query { &FIGURES_OF_QUERY } else { &[] };
    for (name, pointer) in FIGURES.iter().chain(more) {
        if let Some(value) = record.member(pointer) {
            members.insert((*name).to_owned(), value.clone());
        }
    }
    let (text, next) = rows.map_or((None, None), |rows| (rows.text, rows.next));
    if let Some(next) = next {
        members.insert("pageToken".into(), next.into());
    }
    Ok(Response::json_with_rows(answer, text))
}
