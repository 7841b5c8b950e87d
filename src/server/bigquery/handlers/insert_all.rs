//! tabledata.insertAll: rows, one by one as JSON objects.

use serde_json::{Value as Json, json};

use super::members::Members;
use super::name;
use crate::server::bigquery::BigQuery;
use crate::server::bigquery::engine::{InsertOptions, RowError};
use crate::server::bigquery::http::{ApiError, Request, Response};

/// Rows of one request.
const ROWS_MAX: usize = 50_000;

pub(super) fn insert_all(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let table = name::table_of(request, "table")?;
    let body = request.json()?;
    let members = Members::new("", &body);
    members.only(&["kind", "rows", "skipInvalidRows", "ignoreUnknownValues", "traceId"], &["templateSuffix"])?;
    let rows = members.list("rows")?;
    if rows.is_empty() {
        return Err(ApiError::invalid("No rows present in the request."));
    }
    if rows.len() > ROWS_MAX {
        return Err(ApiError::invalid(format!(
            "Too many rows present in the request, limit: {ROWS_MAX} row count: {}.",
            rows.len()
        )));
    }
    let rows = rows.iter().enumerate().map(|(index, row)| read_row(index, row)).collect::<Result<Vec<_>, _>>()?;
    let options = InsertOptions {
        skip_invalid_rows: members.flag("skipInvalidRows")?.unwrap_or(false),
        ignore_unknown_values: members.flag("ignoreUnknownValues")?.unwrap_or(false),
    };
    let errors = bigquery.engine.insert_rows(&table, &rows, options)?;
    let mut answer = json!({"kind": "bigquery#tableDataInsertAllResponse"});
    if let (false, Some(members)) = (errors.is_empty(), answer.as_object_mut()) {
        members.insert("insertErrors".into(), by_row(&errors));
    }
    Ok(Response::json(answer))
}

/// The row's own JSON, an object. No row is taken for a repeat of another one: of an `insertId` only the type is checked.
fn read_row(index: usize, row: &Json) -> Result<&Json, ApiError> {
    let members = Members::of(format!("rows[{index}]"), row)?;
    members.only(&["insertId", "json"], &[])?;
    members.text("insertId")?;
    members.required_object("json")?;
    members.value("json").ok_or_else(ApiError::internal)
}

/// One entry for each row, with all that is wrong in it.
fn by_row(errors: &[RowError]) -> Json {
    let mut rows: std::collections::BTreeMap<usize, Vec<Json>> = std::collections::BTreeMap::new();
    for error in errors {
        let entry = json!({
            "reason": error.reason, "location": error.location, "debugInfo": "", "message": error.message,
        });
        rows.entry(error.index).or_default().push(entry);
    }
    rows.into_iter().map(|(index, errors)| json!({"index": index, "errors": errors})).collect()
}
