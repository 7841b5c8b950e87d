//! routines: there are none, and none can be made.

use serde_json::json;

use super::name;
use crate::server::bigquery::BigQuery;
use crate::server::bigquery::http::{ApiError, Request, Response};

pub(super) fn list(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    bigquery.engine.dataset(&name::dataset_of(request)?)?;
    Ok(Response::json(json!({"routines": []})))
}

pub(super) fn get(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let dataset = name::dataset_of(request)?;
    bigquery.engine.dataset(&dataset)?;
    let routine: String = request.path("routine").chars().take(256).collect();
    Err(ApiError::not_found(format!("Not found: Routine {dataset}.{routine}")))
}

pub(super) fn unsupported(_: &BigQuery, _: &Request) -> Result<Response, ApiError> {
    Err(ApiError::not_implemented("Routines are not supported by this server"))
}
