//! The loop that moves the rows of files into a table of SQLite, in bounded memory.

use std::io::Read;

use rusqlite::types::Value as Cell;
use rusqlite::{Connection, Statement};
use tokio_util::sync::CancellationToken;

use super::csv::{CsvRows, next_record, split};
use super::detect::{self, Guesses};
use super::input::{Line, Lines};
use super::json::JsonRows;
use super::{cell, io_error, reading_error};
use crate::server::bigquery::engine::objects::{ObjectInfo, Objects, storage_error};
use crate::server::bigquery::engine::request::Progress;
use crate::server::bigquery::engine::resource::{ExternalDefinition, Format};
use crate::server::bigquery::engine::store::{Outcome, cancelled, column_list, sqlite_error};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::value::Field;

/// Rows between two looks at the cancellation and two words of progress.
const ROWS_PER_REPORT: u64 = 4096;

/// What goes where.
pub(crate) struct Fill<'a> {
    pub(crate) connection: &'a Connection,
    /// SQLite text: the table, which has the wanted columns (`c<n>`) in this order.
    pub(crate) target: &'a str,
    pub(crate) fields: &'a [Field],
    /// Indices of fields.
    pub(crate) wanted: &'a [usize],
    pub(crate) definition: &'a ExternalDefinition,
    /// `p.d.t` of an external table, for errors.
    pub(crate) table: Option<&'a str>,
    pub(crate) progress: &'a dyn Progress,
    pub(crate) cancel: &'a CancellationToken,
}

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filled {
    pub(crate) files: u64,
    /// Uncompressed.
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    pub(crate) bad: u64,
}

enum Rows<'a> {
    Json(JsonRows),
    Csv(CsvRows<'a>),
}

impl Fill<'_> {
    /// All objects, one after the other.
    pub(crate) fn objects(&self, objects: &dyn Objects, list: &[ObjectInfo]) -> Outcome<Filled> {
        let mut filled = Filled::default();
        for object in list {
            let content = objects.open(object).map_err(|error| storage_error(&error))?;
            self.content(content, Some(&object.uri()), &mut filled)?;
        }
        Ok(filled)
    }

    /// One file; `uri` is for errors.
    pub(crate) fn content(&self, content: Box<dyn Read + Send>, uri: Option<&str>, filled: &mut Filled) -> Outcome<()> {
        let mut lines = Lines::new(content).map_err(|error| io_error(self.table, &error, uri))?;
        let sql = self.insert_sql();
        let mut insert = self.connection.prepare_cached(&sql).map_err(|error| sqlite_error(&error))?;
        let rows = self.rows();
        let absent: Vec<Cell> = self.wanted.iter().map(|index| self.absent(*index)).collect();
        let mut cells = absent.clone();
        let mut skip = match self.definition.format {
            Format::Csv => self.definition.read.csv.skip_leading_rows.unwrap_or(0),
            Format::Json => 0,
        };
        let bytes_before = filled.bytes;
        filled.files += 1;
        while let Some(line) = self.next(&mut lines).map_err(|error| io_error(self.table, &error, uri))? {
            if skip > 0 {
                skip -= 1;
                continue;
            }
            if line.bytes.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            cells.clone_from(&absent);
            let read = match &rows {
                Rows::Json(rows) => rows.read(line.bytes, &mut cells),
                Rows::Csv(rows) => rows.read(line.bytes, &mut cells),
            };
            match read {
                Ok(()) => insert_row(&mut insert, &cells).map_err(|error| sqlite_error(&error))?,
                Err(message) => {
                    filled.bad += 1;
                    if filled.bad > self.definition.read.max_bad_records {
                        return Err(self.bad_row(line, &message, uri));
                    }
                    continue;
                }
            }
            filled.rows += 1;
            if filled.rows.is_multiple_of(ROWS_PER_REPORT) {
                self.report(filled.rows, bytes_before.saturating_add(lines.bytes()))?;
            }
        }
        filled.bytes = bytes_before.saturating_add(lines.bytes());
        self.report(filled.rows, filled.bytes)
    }

    fn next<'l>(&self, lines: &'l mut Lines) -> std::io::Result<Option<Line<'l>>> {
        match self.definition.format {
            Format::Json => lines.next(),
            Format::Csv => next_record(lines, &self.definition.read.csv),
        }
    }

    fn rows(&self) -> Rows<'_> {
        let ignore_unknown = self.definition.read.ignore_unknown_values;
        match self.definition.format {
            Format::Json => Rows::Json(JsonRows::new(self.fields, self.wanted, ignore_unknown)),
            Format::Csv => Rows::Csv(CsvRows::new(self.fields, self.wanted, &self.definition.read.csv, ignore_unknown)),
        }
    }

    fn absent(&self, index: usize) -> Cell {
        self.fields.get(index).map_or(Cell::Null, |field| cell::absent(&field.kind))
    }

    /// A table without wanted columns has one of NULLs, so that its rows can be counted.
    fn insert_sql(&self) -> String {
        let places = (1..=self.wanted.len()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        let places = if places.is_empty() { "NULL".to_owned() } else { places };
        let columns = column_list(self.wanted.iter().copied());
        format!("INSERT INTO {} ({columns}) VALUES ({places})", self.target)
    }

    fn report(&self, rows: u64, bytes: u64) -> Outcome<()> {
        if self.cancel.is_cancelled() {
            return Err(cancelled());
        }
        self.progress.read(rows, bytes);
        Ok(())
    }

    fn bad_row(&self, line: Line<'_>, message: &str, uri: Option<&str>) -> QueryError {
        bad_row(self.definition.format, self.table, line, message, uri)
    }
}

fn bad_row(format: Format, table: Option<&str>, line: Line<'_>, message: &str, uri: Option<&str>) -> QueryError {
    let message = message.trim_end_matches('.');
    let message = match format {
        Format::Json => format!(
            "JSON parsing error in row starting at position {} (line {}): {message}.",
            line.position, line.number
        ),
        Format::Csv => format!(
            "Error detected while parsing row starting at position: {} (line {}). Error: {message}.",
            line.position, line.number
        ),
    };
    reading_error(table, &message, uri)
}

fn insert_row(insert: &mut Statement<'_>, cells: &[Cell]) -> rusqlite::Result<()> {
    for (index, cell) in cells.iter().enumerate() {
        insert.raw_bind_parameter(index + 1, cell)?;
    }
    insert.raw_execute().map(drop)
}

/// The schema of a file's first rows. For CSV, `definition` learns how many rows are its header.
pub(crate) fn detect_fields(
    content: Box<dyn Read + Send>,
    definition: &mut ExternalDefinition,
    table: Option<&str>,
    uri: Option<&str>,
) -> Outcome<Vec<Field>> {
    let mut lines = Lines::new(content).map_err(|error| io_error(table, &error, uri))?;
    match definition.format {
        Format::Json => detect_json(&mut lines, table, uri),
        Format::Csv => detect_csv(&mut lines, definition, table, uri),
    }
}

fn detect_json(lines: &mut Lines, table: Option<&str>, uri: Option<&str>) -> Outcome<Vec<Field>> {
    let mut guesses = Guesses::default();
    let mut rows = 0;
    while rows < detect::ROWS_MAX
        && let Some(line) = lines.next().map_err(|error| io_error(table, &error, uri))?
    {
        if line.bytes.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        rows += 1;
        guesses.add_json(line.bytes).map_err(|message| bad_row(Format::Json, table, line, &message, uri))?;
    }
    some(guesses.fields(), table, uri)
}

fn detect_csv(
    lines: &mut Lines,
    definition: &mut ExternalDefinition,
    table: Option<&str>,
    uri: Option<&str>,
) -> Outcome<Vec<Field>> {
    let options = &mut definition.read.csv;
    // Of the rows that are skipped only the last one is looked at: it may name the columns.
    let header = options.skip_leading_rows.map(|skip| skip.min(1));
    let mut unread = options.skip_leading_rows.unwrap_or(0).saturating_sub(1);
    let rows_max = if header == Some(1) { detect::ROWS_MAX + 1 } else { detect::ROWS_MAX };
    let mut records = Vec::new();
    while records.len() < rows_max
        && let Some(line) = next_record(lines, options).map_err(|error| io_error(table, &error, uri))?
    {
        if unread > 0 {
            unread -= 1;
            continue;
        }
        let fields = split(&String::from_utf8_lossy(line.bytes), options)
            .map_err(|message| bad_row(Format::Csv, table, line, &message, uri))?;
        records.push(fields.into_iter().map(|field| field.text).collect());
    }
    let (fields, found) = detect::of_csv(&records, header);
    options.skip_leading_rows = options.skip_leading_rows.or(Some(found));
    some(fields, table, uri)
}

/// A file without any row has no schema.
fn some(fields: Vec<Field>, table: Option<&str>, uri: Option<&str>) -> Outcome<Vec<Field>> {
    if fields.is_empty() { Err(reading_error(table, "Schema has no fields.", uri)) } else { Ok(fields) }
}
