//! Pages of rows: how many a client gets at once, in which form, and the token of the next.

use serde_json::Value as Json;

use super::members::Members;
use super::token;
use crate::server::bigquery::BigQuery;
use crate::server::bigquery::engine::{Page, TableReference};
use crate::server::bigquery::http::{ApiError, Request};
use crate::server::bigquery::value::{RestFormat, TimestampFormat, Value};

/// About so many bytes of values are on one page, as in the service.
const PAGE_BYTES_MAX: u64 = 10 * 1000 * 1000;
/// Rows of a page for which no number is asked.
const PAGE_ROWS_MAX: u64 = 100_000;
const TOKEN_KIND: &str = "rows";

/// Which rows are asked for, and how they are written.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    start: u64,
    rows_max: u64,
    columns: Option<Vec<String>>,
    format: RestFormat,
}

/// A page as an answer has it.
pub(super) struct Rows {
    pub(super) page: Page,
    /// A JSON array; `None` when there is no row.
    pub(super) text: Option<String>,
    pub(super) next: Option<String>,
}

impl Wanted {
    /// Of a request's query string.
    ///
    /// # Errors
    /// 400 for numbers that are none and tokens of other lists.
    pub(super) fn of_params(request: &Request) -> Result<Self, ApiError> {
        let params = &request.params;
        let start = match token::place(request, TOKEN_KIND)? {
            Some(place) => place.parse().map_err(|_| ApiError::invalid("Invalid value for pageToken"))?,
            None => params.number("startIndex")?.unwrap_or(0),
        };
        let asked = params.number("maxResults")?;
        // Who asks for no rows names no format for them, and Python's client reads those that it gets as microseconds.
        let uses_int64 = params.flag("formatOptions.useInt64Timestamp")?.or((asked == Some(0)).then_some(true));
        let columns = params.text("selectedFields").map(|fields| fields.split(',').map(|name| name.trim().to_owned()));
        Ok(Self {
            start,
            rows_max: rows_max(asked),
            columns: columns.map(Iterator::collect),
            format: format(uses_int64, params.text("formatOptions.timestampOutputFormat"))?,
        })
    }

    /// Of the body of jobs.query.
    pub(super) fn of_body(members: &Members<'_>) -> Result<Self, ApiError> {
        let format = match members.object("formatOptions")? {
            Some(options) => {
                // Rust's client sends the numbers of enums.
                let word = options.value("timestampOutputFormat").map(|word| match word {
                    Json::String(word) => word.clone(),
                    other => other.to_string(),
                });
                format(options.flag("useInt64Timestamp")?, word.as_deref())?
            }
            None => RestFormat::default(),
        };
        Ok(Self { start: 0, rows_max: rows_max(members.number("maxResults")?), columns: None, format })
    }
}

/// A client that asks for no rows at all would next read them from Google's own host: it gets a page.
fn rows_max(asked: Option<u64>) -> u64 {
    asked.filter(|count| *count > 0).unwrap_or(PAGE_ROWS_MAX).min(PAGE_ROWS_MAX)
}

fn format(uses_int64: Option<bool>, word: Option<&str>) -> Result<RestFormat, ApiError> {
    let timestamp = match word.unwrap_or_default() {
        "" | "0" | "TIMESTAMP_OUTPUT_FORMAT_UNSPECIFIED" if uses_int64 == Some(true) => TimestampFormat::Int64,
        "" | "0" | "TIMESTAMP_OUTPUT_FORMAT_UNSPECIFIED" | "1" | "FLOAT64" => TimestampFormat::Float64,
        "2" | "INT64" => TimestampFormat::Int64,
        "3" | "ISO8601_STRING" => TimestampFormat::Iso8601,
        other => return Err(super::external::not_a_value("formatOptions.timestampOutputFormat", other)),
    };
    Ok(RestFormat { timestamp })
}

/// Reads and writes a page.
///
/// # Errors
/// 404 when the table is gone, 400 for columns that it does not have.
pub(super) fn read(bigquery: &BigQuery, table: &TableReference, wanted: &Wanted) -> Result<Rows, ApiError> {
    let columns = wanted.columns.as_deref();
    let page = bigquery.engine.rows(table, columns, wanted.start, wanted.rows_max, PAGE_BYTES_MAX)?;
    let count = u64::try_from(page.rows.len()).unwrap_or(u64::MAX);
    let end = wanted.start.saturating_add(count);
    let next = (count > 0 && end < page.total).then(|| token::make(TOKEN_KIND, &end.to_string()));
    let text = (count > 0).then(|| write(&page, wanted.format));
    Ok(Rows { page, text, next })
}

/// Row by row: a page as a tree of JSON values would be many times as large.
fn write(page: &Page, format: RestFormat) -> String {
    let mut text = String::from("[");
    for row in &page.rows {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&Value::row_of(row, &page.fields, format).to_string());
    }
    text.push(']');
    text
}
