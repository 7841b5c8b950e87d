//! `insertAll`: rows as JSON, checked one by one.

use rusqlite::{Connection, params_from_iter};
use serde_json::Value as Json;

use super::external::JsonReader;
use super::outcome::RowError;
use super::request::InsertOptions;
use super::resource::TableKind;
use super::store::{Outcome, Stored, account_appended, column_list, put_table, sqlite_error};
use super::write::last_row;
use crate::server::bigquery::error::{QueryError, Reason};

/// Keeps the good rows, or none of them when some are bad and the options don't say otherwise.
pub(super) fn rows(
    connection: &Connection,
    stored: &mut Stored,
    rows: &[&Json],
    options: InsertOptions,
) -> Outcome<Vec<RowError>> {
    if stored.table.kind != TableKind::Table {
        let message = format!("Cannot add rows to a table of type {}.", stored.table.kind.word());
        return Err(QueryError::new(Reason::Invalid, message));
    }
    let reader = JsonReader::new(&stored.table.fields, options.ignore_unknown_values);
    let mut good = Vec::new();
    let mut errors = Vec::new();
    for (index, row) in rows.iter().enumerate() {
        match reader.read(row) {
            Ok(cells) => good.push((index, cells)),
            Err(message) => errors.push(row_error(index, &message)),
        }
    }
    if !errors.is_empty() && !options.skip_invalid_rows {
        errors.extend(good.iter().map(|(index, _)| RowError {
            index: *index,
            reason: "stopped",
            location: String::new(),
            message: String::new(),
        }));
        errors.sort_by_key(|error| error.index);
        return Ok(errors);
    }
    let after = last_row(connection, stored)?;
    let columns = stored.table.fields.len();
    let places = vec!["?"; columns.max(1)].join(", ");
    let sql = format!("INSERT INTO {} ({}) VALUES ({places})", stored.from(), column_list(0..columns));
    let mut insert = connection.prepare_cached(&sql).map_err(|error| sqlite_error(&error))?;
    for (_, cells) in good {
        insert.execute(params_from_iter(cells)).map_err(|error| sqlite_error(&error))?;
    }
    drop(insert);
    account_appended(connection, stored, after)?;
    put_table(connection, stored)?;
    Ok(errors)
}

/// `location` is the field that the message names, if it does.
fn row_error(index: usize, message: &str) -> RowError {
    let named = message.split_once("field: ").or_else(|| message.split_once("Field: "));
    let location = named.map(|(_, rest)| rest.split([';', ' ']).next().unwrap_or_default().trim_end_matches('.'));
    let message = if message.starts_with("No such field: ") {
        format!("no such field: {}", message.trim_start_matches("No such field: "))
    } else {
        message.to_owned()
    };
    RowError { index, reason: "invalid", location: location.unwrap_or_default().to_owned(), message }
}
