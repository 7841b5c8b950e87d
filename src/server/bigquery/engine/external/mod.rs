//! Files in object storage (or uploaded ones) as rows: external tables and load jobs.

mod cell;
mod csv;
mod detect;
mod fill;
mod input;
mod json;
mod moment;
mod shape;

pub(super) use fill::{Fill, Filled, detect_fields};

use rusqlite::types::Value as Cell;
use serde_json::Value as Json;

use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::value::Field;

/// One row of `insertAll`, or what is wrong with it.
pub(super) struct JsonReader(json::JsonRows, Vec<Cell>);

impl JsonReader {
    pub(super) fn new(fields: &[Field], ignore_unknown: bool) -> Self {
        let wanted: Vec<_> = (0..fields.len()).collect();
        let absent = fields.iter().map(|field| cell::absent(&field.kind)).collect();
        Self(json::JsonRows::new(fields, &wanted, ignore_unknown), absent)
    }

    pub(super) fn read(&self, row: &Json) -> Result<Vec<Cell>, String> {
        let mut cells = self.1.clone();
        self.0.read(row.to_string().as_bytes(), &mut cells)?;
        Ok(cells)
    }
}

/// Reads that tell what was read: `Error while reading table: p.d.t, error message: ..`, or `.. data, ..` without a table.
pub(super) fn reading_error(table: Option<&str>, message: &str, uri: Option<&str>) -> QueryError {
    let what = table.map_or_else(|| "data".to_owned(), |table| format!("table: {table}"));
    let file = uri.map(|uri| format!(" File: {uri}")).unwrap_or_default();
    QueryError::new(Reason::Invalid, format!("Error while reading {what}, error message: {message}{file}"))
}

/// So that callers need not know where a failed read came from.
pub(super) fn io_error(table: Option<&str>, error: &std::io::Error, uri: Option<&str>) -> QueryError {
    match error.kind() {
        std::io::ErrorKind::InvalidData | std::io::ErrorKind::InvalidInput => {
            reading_error(table, &error.to_string(), uri)
        }
        // gzip's own words for a file that ends too early.
        std::io::ErrorKind::UnexpectedEof => reading_error(table, "the file ends too early", uri),
        _ => QueryError::new(Reason::BackendError, format!("reading {}: {error}", uri.unwrap_or("the upload"))),
    }
}
