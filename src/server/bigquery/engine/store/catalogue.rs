//! The catalogue's datasets and tables.

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Outcome, drop_rows, now_ms, sqlite_error, stamp};
use crate::server::bigquery::engine::resource::{Dataset, DatasetReference, Stamp, Table, TableKind, TableReference};
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::value::{Field, schema_from_json, schema_to_json};

/// A table with what only the engine needs to know.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) table: Table,
    /// The rows are in `t<number>`.
    pub(crate) number: i64,
    /// Logical bytes of each column.
    pub(crate) column_bytes: Vec<u64>,
}

impl Stored {
    /// The rows' table, as SQLite text.
    pub(crate) fn from(&self) -> String {
        format!("\"main\".\"t{}\"", self.number)
    }
}

pub(crate) fn to_text(value: &impl Serialize) -> Outcome<String> {
    serde_json::to_string(value).map_err(|error| damaged(&error))
}

pub(crate) fn from_text<T: DeserializeOwned>(text: &str) -> Outcome<T> {
    serde_json::from_str(text).map_err(|error| damaged(&error))
}

pub(crate) fn fields_text(fields: &[Field]) -> Outcome<String> {
    to_text(&schema_to_json(fields))
}

pub(crate) fn fields_of(text: &str) -> Outcome<Vec<Field>> {
    let json: serde_json::Value = from_text(text)?;
    schema_from_json(&json).map_err(|error| damaged(&error))
}

fn damaged(error: &dyn std::error::Error) -> QueryError {
    QueryError::new(Reason::BackendError, format!("the server's catalogue is damaged: {error}"))
}

fn failed(error: rusqlite::Error) -> QueryError {
    sqlite_error(&error)
}

pub(crate) fn projects(connection: &Connection) -> Outcome<Vec<String>> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT project FROM catalog_datasets ORDER BY 1").map_err(failed)?;
    let rows = statement.query_map([], |row| row.get(0)).map_err(failed)?;
    rows.collect::<Result<_, _>>().map_err(failed)
}

const DATASETS: &str =
    "SELECT project, dataset, location, settings, etag, creation_ms, modified_ms FROM catalog_datasets";

pub(crate) fn datasets(connection: &Connection, project: &str) -> Outcome<Vec<Dataset>> {
    let sql = format!("{DATASETS} WHERE project = ?1 ORDER BY dataset");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let rows = statement.query_map([project], |row| Ok(read_dataset(row))).map_err(failed)?;
    rows.map(|row| row.map_err(failed)?).collect()
}

pub(crate) fn dataset(connection: &Connection, reference: &DatasetReference) -> Outcome<Option<Dataset>> {
    let sql = format!("{DATASETS} WHERE project = ?1 AND dataset = ?2");
    let mut statement = connection.prepare_cached(&sql).map_err(failed)?;
    let found = statement.query_row([&reference.project, &reference.dataset], |row| Ok(read_dataset(row)));
    found.optional().map_err(failed)?.transpose()
}

pub(crate) fn require_dataset(connection: &Connection, reference: &DatasetReference) -> Outcome<Dataset> {
    dataset(connection, reference)?
        .ok_or_else(|| QueryError::new(Reason::NotFound, format!("Not found: Dataset {reference}")))
}

fn read_dataset(row: &Row<'_>) -> Outcome<Dataset> {
    let settings: String = row.get(3).map_err(failed)?;
    Ok(Dataset {
        reference: DatasetReference { project: row.get(0).map_err(failed)?, dataset: row.get(1).map_err(failed)? },
        location: row.get(2).map_err(failed)?,
        settings: from_text(&settings)?,
        stamp: read_stamp(row, 4).map_err(failed)?,
    })
}

/// Three columns from `index` on.
pub(super) fn read_stamp(row: &Row<'_>, index: usize) -> rusqlite::Result<Stamp> {
    Ok(Stamp { etag: row.get(index)?, creation_ms: row.get(index + 1)?, modified_ms: row.get(index + 2)? })
}

/// Adds it, or writes it over the one of its name.
pub(crate) fn put_dataset(connection: &Connection, dataset: &Dataset) -> Outcome<()> {
    let sql = "INSERT OR REPLACE INTO catalog_datasets VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    let Dataset { reference, location, settings, stamp } = dataset;
    let values = params![
        reference.project,
        reference.dataset,
        location,
        to_text(settings)?,
        stamp.etag,
        stamp.creation_ms,
        stamp.modified_ms
    ];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed).map(drop)
}

/// With all that is in it.
pub(crate) fn delete_dataset(connection: &Connection, reference: &DatasetReference) -> Outcome<()> {
    for stored in stored_all(connection, reference)? {
        remove_table(connection, &stored)?;
    }
    let of_it = [&reference.project, &reference.dataset];
    for table in ["catalog_models", "catalog_datasets"] {
        let sql = format!("DELETE FROM {table} WHERE project = ?1 AND dataset = ?2");
        connection.execute(&sql, of_it).map_err(failed)?;
    }
    Ok(())
}

const TABLES: &str =
    "SELECT t.project, t.dataset, t.name, t.number, t.kind, t.fields, t.settings, t.rows, t.column_bytes,
    t.etag, t.creation_ms, t.modified_ms, d.location
    FROM catalog_tables AS t JOIN catalog_datasets AS d ON d.project = t.project AND d.dataset = t.dataset
    WHERE t.project = :project AND t.dataset = :dataset AND (t.expiration_ms IS NULL OR t.expiration_ms > :now)";

pub(crate) fn stored_all(connection: &Connection, reference: &DatasetReference) -> Outcome<Vec<Stored>> {
    let mut statement = connection.prepare_cached(&format!("{TABLES} ORDER BY t.name")).map_err(failed)?;
    let values = named_params! {":project": reference.project, ":dataset": reference.dataset, ":now": now_ms()};
    let rows = statement.query_map(values, |row| Ok(read_table(row))).map_err(failed)?;
    rows.map(|row| row.map_err(failed)?).collect()
}

/// `None`: there is none, or its time is over.
pub(crate) fn stored(connection: &Connection, reference: &TableReference) -> Outcome<Option<Stored>> {
    let mut statement = connection.prepare_cached(&format!("{TABLES} AND t.name = :name")).map_err(failed)?;
    let values = named_params! {
        ":project": reference.project, ":dataset": reference.dataset, ":name": reference.table, ":now": now_ms()
    };
    statement.query_row(values, |row| Ok(read_table(row))).optional().map_err(failed)?.transpose()
}

pub(crate) fn table_not_found(reference: &TableReference, location: &str) -> QueryError {
    QueryError::new(Reason::NotFound, format!("Not found: Table {reference} was not found in location {location}"))
}

fn read_table(row: &Row<'_>) -> Outcome<Stored> {
    let text = |index: usize| row.get::<_, String>(index).map_err(failed);
    let column_bytes: Vec<u64> = from_text(&text(8)?)?;
    let kind: TableKind = from_text(&text(4)?)?;
    let table = Table {
        reference: TableReference::new(text(0)?, text(1)?, text(2)?),
        fields: fields_of(&text(5)?)?,
        location: text(12)?,
        settings: from_text(&text(6)?)?,
        stamp: read_stamp(row, 9).map_err(failed)?,
        rows: row.get::<_, i64>(7).map_err(failed)?.try_into().unwrap_or(0),
        bytes: column_bytes.iter().fold(0, |sum, bytes| sum.saturating_add(*bytes)),
        kind,
    };
    Ok(Stored { table, number: row.get(3).map_err(failed)?, column_bytes })
}

/// Adds it, or writes it over the one of its name; rows are another matter.
pub(crate) fn put_table(connection: &Connection, stored: &Stored) -> Outcome<()> {
    let sql = "INSERT OR REPLACE INTO catalog_tables VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let table = &stored.table;
    let values = params![
        table.reference.project,
        table.reference.dataset,
        table.reference.table,
        stored.number,
        to_text(&table.kind)?,
        fields_text(&table.fields)?,
        to_text(&table.settings)?,
        table.settings.expiration_ms,
        table.stamp.etag,
        table.stamp.creation_ms,
        table.stamp.modified_ms,
        i64::try_from(table.rows).unwrap_or(i64::MAX),
        to_text(&stored.column_bytes)?
    ];
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed).map(drop)
}

/// Writes it with a new etag and time.
pub(crate) fn restamp(connection: &Connection, stored: &mut Stored) -> Outcome<()> {
    stored.table.stamp = stamp(Some(&stored.table.stamp));
    put_table(connection, stored)
}

/// With its rows.
pub(crate) fn remove_table(connection: &Connection, stored: &Stored) -> Outcome<()> {
    let reference = &stored.table.reference;
    let sql = "DELETE FROM catalog_tables WHERE project = ?1 AND dataset = ?2 AND name = ?3";
    connection.execute(sql, [&reference.project, &reference.dataset, &reference.table]).map_err(failed)?;
    drop_rows(connection, stored.number)
}

/// The numbers of those whose time is over.
pub(crate) fn tables_expired(connection: &Connection) -> Outcome<Vec<i64>> {
    let sql = "SELECT number FROM catalog_tables WHERE expiration_ms <= ?1";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let rows = statement.query_map([now_ms()], |row| row.get(0)).map_err(failed)?;
    rows.collect::<Result<_, _>>().map_err(failed)
}
