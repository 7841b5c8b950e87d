//! `/upload`: load jobs whose rows come with the request, in one (`multipart`) or in many (`resumable`).

mod multipart;
mod range;
mod session;

use std::fs::File;
use std::io::{self, Read};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::members::Members;
use super::{configuration, job, name};
use crate::server::bigquery::BigQuery;
use crate::server::bigquery::http::{ApiError, JSON_BYTES_MAX, Request, Response, Spooled, object};
use range::Range;
use session::Kept;

pub(crate) use session::Sessions;

/// POST: the whole of an upload, the beginning of one, or (the Go client) a piece of one.
pub(super) fn start(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    if request.params.text("upload_id").is_some() {
        return send(bigquery, request);
    }
    let is_multipart = request.header("content-type").is_some_and(|media| media.starts_with("multipart/"));
    match request.params.text("uploadType") {
        Some("multipart") => whole(bigquery, request),
        None if is_multipart => whole(bigquery, request),
        Some("resumable") => begin(bigquery, request),
        other => {
            let shown: String = other.unwrap_or_default().chars().take(50).collect();
            let message = format!("Invalid value for uploadType: {shown:?}; a load job is multipart or resumable");
            Err(ApiError::invalid(message))
        }
    }
}

fn whole(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let project = name::project_of(request)?;
    let media = complete(request)?;
    let (media, length) = multipart::plain(bigquery.spool(), media)?;
    let parts = multipart::read(&media, length, request.header("content-type").unwrap_or_default())?;
    let body = object(&parts.metadata)?;
    let rows = multipart::rows(&media, &parts)?;
    job::submit(bigquery, project, &body, Some(Box::new(rows))).map(Response::json)
}

/// The request's media, if it came whole.
fn complete(request: &Request) -> Result<Arc<Spooled>, ApiError> {
    let media = request.media.clone().ok_or_else(ApiError::internal)?;
    if media.is_complete { Ok(media) } else { Err(ApiError::invalid("The request body broke off")) }
}

/// The beginning of an upload in pieces: the job's JSON now, its rows later.
fn begin(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let project = name::project_of(request)?;
    let media = complete(request)?;
    let body = object(&metadata(bigquery, media)?)?;
    check(&body, project)?;
    let id = bigquery.sessions.begin(project, body, bigquery.spool().new_file());
    let base = &request.base_url;
    let location = format!("{base}/upload/bigquery/v2/projects/{project}/jobs?uploadType=resumable&upload_id={id}");
    Ok(Response::empty(200).with_header("location", &location).with_header("x-guploader-uploadid", &id))
}

/// What is wrong is said before the rows are sent.
fn check(body: &Map<String, Json>, project: &str) -> Result<(), ApiError> {
    configuration::read(&Members::new("", body).required_object("configuration")?, project, true).map(|_| ())
}

fn metadata(bigquery: &BigQuery, media: Arc<Spooled>) -> Result<Vec<u8>, ApiError> {
    let (media, _) = multipart::plain(bigquery.spool(), media)?;
    let mut bytes = Vec::new();
    let file = File::open(media.path()).map_err(|error| disk(&error))?;
    file.take(JSON_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(|error| disk(&error))?;
    if bytes.len() > JSON_BYTES_MAX { Err(ApiError::invalid("The job is too large")) } else { Ok(bytes) }
}

/// PUT: a piece, a question how much is kept, or the end.
pub(super) fn send(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let project = name::project_of(request)?;
    let media = request.media.clone().ok_or_else(ApiError::internal)?;
    let range = match request.header("content-range") {
        Some(text) => Range::parse(text).ok_or_else(|| ApiError::invalid("Failed to parse Content-Range header."))?,
        None => Range::whole(media.length),
    };
    let session = bigquery.sessions.find(project, request.params.text("upload_id").unwrap_or_default())?;
    let mut session = session.lock();
    if let Some(job) = session.finished() {
        return Ok(Response::json(job.clone()));
    }
    match session.keep(range, &media)? {
        Kept::Part(kept) => Ok(part(request, kept)),
        Kept::All => {
            let rows = session.rows()?;
            let job = job::submit(bigquery, project, session.body(), Some(Box::new(rows)))?;
            session.finish(job.clone());
            Ok(Response::json(job))
        }
    }
}

/// So many bytes are kept, more are expected.
fn part(request: &Request, kept: u64) -> Response {
    // Clients whose HTTP library takes 308 for a redirect say so.
    let is_hidden = request.header("x-guploader-no-308").is_some_and(|value| value.eq_ignore_ascii_case("yes"));
    let mut response = Response::empty(if is_hidden { 200 } else { 308 });
    if is_hidden {
        response = response.with_header("x-http-status-code-override", "308");
    }
    match kept.checked_sub(1) {
        Some(last) => response.with_header("range", &format!("bytes=0-{last}")),
        None => response,
    }
}

/// DELETE: the upload is given up.
pub(super) fn cancel(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let project = name::project_of(request)?;
    bigquery.sessions.cancel(project, request.params.text("upload_id").unwrap_or_default())?;
    Ok(Response::empty(499))
}

fn disk(error: &io::Error) -> ApiError {
    tracing::error!(%error, "an upload's file failed");
    ApiError::internal()
}
