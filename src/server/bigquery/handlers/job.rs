//! `jobs`: insert, get, list, cancel, delete.

use serde_json::{Map, Value as Json, json};

use super::configuration::{self, Configuration};
use super::members::Members;
use super::{dataset, name, token};
use crate::server::bigquery::BigQuery;
use crate::server::bigquery::engine::{DatasetReference, QueryRequest};
use crate::server::bigquery::http::{ApiError, Request, Response};
use crate::server::bigquery::jobs::{self, Filter, Found, JobKey, JobReference, Submission, Task};

pub(super) fn insert(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let project = name::project_of(request)?;
    submit(bigquery, project, &request.json()?, None).map(Response::json)
}

/// Reads a job and hands it in; the job as it is then. `upload`: the rows of a load job.
///
/// # Errors
/// What is wrong in the request.
pub(super) fn submit(
    bigquery: &BigQuery,
    project: &str,
    body: &Map<String, Json>,
    upload: Option<Box<dyn std::io::Read + Send>>,
) -> Result<Json, ApiError> {
    let members = Members::new("", body);
    members.only(
        &[
            "kind",
            "etag",
            "id",
            "selfLink",
            "jobReference",
            "configuration",
            "status",
            "statistics",
            "user_email",
            "jobCreationReason",
            "principal_subject",
        ],
        &[],
    )?;
    let read = configuration::read(&members.required_object("configuration")?, project, upload.is_some())?;
    let Configuration { mut task, echo, is_dry_run, timeout } = read;
    if let (Task::Load(load), Some(upload)) = (&mut task, upload) {
        load.upload = Some(upload);
    }
    let asked = members.object("jobReference")?;
    let default_dataset = match &task {
        Task::Query(query) => query.default_dataset.as_ref(),
        _ => None,
    };
    let reference = reference(bigquery, project, asked.as_ref(), default_dataset)?;
    if let Task::Query(query) = &mut task {
        query.location = asked_location(asked.as_ref())?;
    }
    match (task, is_dry_run) {
        (Task::Query(query), true) => dry_run(bigquery, &reference, &echo, &query),
        (_, true) => Err(ApiError::not_implemented("dryRun is supported for query jobs only")),
        (task, false) => {
            let submission = Submission { reference, configuration: echo, task, request_id: None, timeout };
            Ok(bigquery.jobs.submit(submission)?.to_json())
        }
    }
}

fn dry_run(
    bigquery: &BigQuery,
    reference: &JobReference,
    configuration: &Json,
    query: &QueryRequest,
) -> Result<Json, ApiError> {
    let (resource, _) = jobs::dry_run(&bigquery.engine, reference, configuration, query)?;
    Ok(resource)
}

fn asked_location(reference: Option<&Members<'_>>) -> Result<Option<String>, ApiError> {
    let location = reference.map(|reference| reference.text("location")).transpose()?.flatten();
    location.filter(|location| !location.is_empty()).map(checked).transpose()
}

fn checked(location: &str) -> Result<String, ApiError> {
    dataset::check_location(location)?;
    Ok(location.to_owned())
}

/// The name of a new job: what the client chose, the rest of our own.
pub(super) fn reference(
    bigquery: &BigQuery,
    project: &str,
    asked: Option<&Members<'_>>,
    default_dataset: Option<&DatasetReference>,
) -> Result<JobReference, ApiError> {
    let mut id = None;
    if let Some(asked) = asked {
        if asked.text("projectId")?.is_some_and(|asked| !asked.is_empty() && asked != project) {
            return Err(ApiError::invalid("The project of the job's reference is not that of the request's path"));
        }
        id = asked.text("jobId")?.filter(|id| !id.is_empty()).map(name::job).transpose()?;
    }
    let id = id.map_or_else(new_id, str::to_owned);
    let location = match asked_location(asked)? {
        Some(location) => location,
        None => location(bigquery, project, default_dataset)?,
    };
    Ok(JobReference { key: JobKey { project: project.to_owned(), id }, location })
}

pub(super) fn new_id() -> String {
    format!("job_{}", uuid::Uuid::new_v4().simple())
}

/// Of a job that names none: where its default dataset is, or all datasets of the project.
pub(super) fn location(
    bigquery: &BigQuery,
    project: &str,
    default_dataset: Option<&DatasetReference>,
) -> Result<String, ApiError> {
    if let Some(dataset) = default_dataset.and_then(|dataset| bigquery.engine.dataset(dataset).ok()) {
        return Ok(dataset.location);
    }
    let mut locations: Vec<String> =
        bigquery.engine.datasets(project)?.into_iter().map(|dataset| dataset.location).collect();
    locations.dedup();
    match <[String; 1]>::try_from(locations) {
        Ok([only]) => Ok(only),
        Err(_) => Ok(bigquery.config.location.clone()),
    }
}

/// The job of a request's path.
pub(super) fn key_of(request: &Request) -> Result<JobKey, ApiError> {
    Ok(JobKey { project: name::project_of(request)?.to_owned(), id: name::job(request.path("job"))?.to_owned() })
}

/// # Errors
/// 404 when the request says that the job is elsewhere.
pub(super) fn check_location(request: &Request, found: &Found) -> Result<(), ApiError> {
    match request.params.text("location") {
        Some(asked) if !asked.eq_ignore_ascii_case(found.location()) => {
            let key = key_of(request)?;
            let asked: String = asked.chars().take(64).collect();
            Err(ApiError::not_found(format!("Not found: Job {}:{asked}.{}", key.project, key.id)))
        }
        _ => Ok(()),
    }
}

fn find(bigquery: &BigQuery, request: &Request) -> Result<Found, ApiError> {
    let found = bigquery.jobs.find(&key_of(request)?)?;
    check_location(request, &found)?;
    Ok(found)
}

pub(super) fn get(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(find(bigquery, request)?.to_json()))
}

pub(super) fn cancel(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    find(bigquery, request)?;
    let found = bigquery.jobs.cancel(&key_of(request)?)?;
    Ok(Response::json(json!({"kind": "bigquery#jobCancelResponse", "job": found.to_json()})))
}

pub(super) fn delete(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    find(bigquery, request)?;
    bigquery.jobs.delete(&key_of(request)?)?;
    Ok(Response::empty(204))
}

const TOKEN_KIND: &str = "jobs";
/// Jobs of one page.
const PAGE_MAX: u64 = 1000;

pub(super) fn list(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let params = &request.params;
    let before = match token::place(request, TOKEN_KIND)? {
        Some(place) => place.parse().map_err(|_| ApiError::invalid("Invalid value for pageToken"))?,
        None => i64::MAX,
    };
    let time = |name| Ok::<_, ApiError>(params.number(name)?.map(|time| i64::try_from(time).unwrap_or(i64::MAX)));
    let mut filter = Filter::all(name::project_of(request)?);
    filter.parent = params.text("parentJobId").map(str::to_owned);
    filter.before = before;
    filter.created_min_ms = time("minCreationTime")?.unwrap_or(i64::MIN);
    filter.created_max_ms = time("maxCreationTime")?.filter(|time| *time > 0).unwrap_or(i64::MAX);
    filter.states = states(request)?;
    let count = params.number("maxResults")?.filter(|count| *count > 0).unwrap_or(50).min(PAGE_MAX);
    let listed = bigquery.jobs.list(&filter, usize::try_from(count).unwrap_or(usize::MAX))?;
    let is_full = params
        .text("projection")
        .is_some_and(|projection| projection == "1" || projection.eq_ignore_ascii_case("full"));
    let mut answer = json!({"kind": "bigquery#jobList", "etag": ""});
    if let Some(members) = answer.as_object_mut() {
        members.insert("jobs".into(), listed.jobs.into_iter().map(|job| entry(job, is_full)).collect());
        if let Some(next) = listed.next {
            members.insert("nextPageToken".into(), token::make(TOKEN_KIND, &next.to_string()).into());
        }
    }
    Ok(Response::json(answer))
}

fn states(request: &Request) -> Result<Vec<String>, ApiError> {
    let states = request.params.all("stateFilter").flat_map(|states| states.split(',')).map(|state| {
        // Rust's client sends the numbers of enums.
        match state.trim().to_ascii_uppercase().as_str() {
            "DONE" | "0" => Ok("DONE".to_owned()),
            "PENDING" | "1" => Ok("PENDING".to_owned()),
            "RUNNING" | "2" => Ok("RUNNING".to_owned()),
            other => Err(super::external::not_a_value("stateFilter", other)),
        }
    });
    states.collect()
}

/// What a list says of a job.
fn entry(mut job: Json, is_full: bool) -> Json {
    let state = job.pointer("/status/state").cloned().unwrap_or_default();
    let error = job.pointer("/status/errorResult").cloned();
    if let Some(members) = job.as_object_mut() {
        members.insert("state".into(), state);
        if let Some(error) = error {
            members.insert("errorResult".into(), error);
        }
        if !is_full {
            members.shift_remove("configuration");
        }
        for name in ["etag", "selfLink"] {
            members.shift_remove(name);
        }
    }
    job
}
