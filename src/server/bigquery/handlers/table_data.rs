//! tabledata.list.

use serde_json::json;

use super::{name, rows};
use crate::server::bigquery::BigQuery;
use crate::server::bigquery::http::{ApiError, Request, Response};

pub(super) fn list(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let table = name::table_of(request, "table")?;
    let rows = rows::read(bigquery, &table, &rows::Wanted::of_params(request)?)?;
    let mut head = json!({"kind": "bigquery#tableDataList", "etag": "", "totalRows": rows.page.total.to_string()});
    if let (Some(next), Some(members)) = (rows.next, head.as_object_mut()) {
        members.insert("pageToken".into(), next.into());
    }
    Ok(Response::json_with_rows(head, rows.text))
}
