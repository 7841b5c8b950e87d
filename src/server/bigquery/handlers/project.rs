//! projects.list and projects.getServiceAccount.

use serde_json::{Value as Json, json};

use super::{name, token};
use crate::server::bigquery::BigQuery;
use crate::server::bigquery::http::{ApiError, Request, Response};

pub(super) fn list(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let mut projects = bigquery.engine.projects()?;
    if !projects.contains(&bigquery.config.project) {
        projects.push(bigquery.config.project.clone());
    }
    let total = projects.len();
    let (page, next) = token::page(request, "projects", projects, String::as_str)?;
    let mut answer = json!({
        "kind": "bigquery#projectList",
        "etag": "",
        "projects": page.iter().map(|project| entry(project)).collect::<Vec<_>>(),
        "totalItems": total,
    });
    if let (Some(next), Some(members)) = (next, answer.as_object_mut()) {
        members.insert("nextPageToken".into(), next.into());
    }
    Ok(Response::json(answer))
}

fn entry(project: &str) -> Json {
    json!({
        "kind": "bigquery#project",
        "id": project,
        "numericId": numeric_id(project),
        "projectReference": {"projectId": project},
        "friendlyName": project,
    })
}

pub(super) fn service_account(_: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let number = numeric_id(name::project_of(request)?);
    Ok(Response::json(json!({
        "kind": "bigquery#getServiceAccountResponse",
        "email": format!("bq-{number}@bigquery-encryption.iam.gserviceaccount.com"),
    })))
}

/// Each project has a number; here one that follows from its name.
fn numeric_id(project: &str) -> String {
    format!("1{:010}", crc32c::crc32c(project.as_bytes()))
}
