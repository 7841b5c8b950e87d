//! Changes of the catalogue and of whole tables that both the API and SQL make. All run inside the caller's transaction.

use rusqlite::Connection;

use super::outcome::DdlOperation;
use super::request::{CreateDisposition, Destination, WriteDisposition};
use super::resource::{Settings, Table, TableKind, TableReference};
use super::store::{
    Outcome, Stored, account_appended, append_from, check_fields, check_table_name, create_rows, drop_rows, model,
    next_number, now_ms, put_table, remove_expired_models, remove_model, remove_table, require_dataset, restamp,
    sqlite_error, stamp, stored, table_not_found, tables_expired,
};
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::value::{Field, Mode, Type};

/// What to do when the name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conflict {
    Fail,
    Replace,
    Skip,
}

/// A table to be.
pub(super) struct NewTable<'a> {
    pub(super) reference: &'a TableReference,
    pub(super) kind: TableKind,
    pub(super) fields: Vec<Field>,
    pub(super) settings: Settings,
}

/// What is to be done at a name: `Skip` when there is something that stays, an error when that is in the way. Nothing is changed.
/// `is_model`: what is to come; tables and models share their names, one never replaces the other.
pub(super) fn look(
    connection: &Connection,
    reference: &TableReference,
    conflict: Conflict,
    is_model: bool,
) -> Outcome<DdlOperation> {
    let has_model = model(connection, reference)?.is_some();
    if !has_model && stored(connection, reference)?.is_none() {
        return Ok(DdlOperation::Create);
    }
    match conflict {
        Conflict::Skip if has_model == is_model => Ok(DdlOperation::Skip),
        Conflict::Replace if has_model == is_model => Ok(DdlOperation::Replace),
        _ => Err(already_exists(reference, has_model)),
    }
}

/// As [`look`], and removes what is to be replaced.
pub(super) fn make_room(
    connection: &Connection,
    reference: &TableReference,
    conflict: Conflict,
    is_model: bool,
) -> Outcome<DdlOperation> {
    let operation = look(connection, reference, conflict, is_model)?;
    if operation == DdlOperation::Replace {
        if let Some(table) = stored(connection, reference)? {
            remove_table(connection, &table)?;
        }
        remove_model(connection, reference)?;
    }
    Ok(operation)
}

fn already_exists(reference: &TableReference, is_model: bool) -> QueryError {
    let what = if is_model { "Model" } else { "Table" };
    QueryError::new(Reason::Duplicate, format!("Already Exists: {what} {reference}"))
}

/// A new table without rows; the name must be free.
pub(super) fn create_table(connection: &Connection, new: NewTable<'_>) -> Outcome<Stored> {
    check_table_name(&new.reference.table)?;
    check_fields(&new.fields)?;
    let dataset = require_dataset(connection, &new.reference.dataset())?;
    // One that is over its time may still be there.
    purge(connection)?;
    let number = next_number(connection)?;
    if new.kind == TableKind::Table {
        create_rows(connection, number, new.fields.len())?;
    }
    let mut settings = new.settings;
    if settings.expiration_ms.is_none() && new.kind == TableKind::Table {
        settings.expiration_ms = default_expiration(&dataset.settings);
    }
    let stored = Stored {
        number,
        column_bytes: vec![0; new.fields.len()],
        table: Table {
            reference: new.reference.clone(),
            kind: new.kind,
            fields: new.fields,
            location: dataset.location,
            settings,
            stamp: stamp(None),
            rows: 0,
            bytes: 0,
        },
    };
    put_table(connection, &stored)?;
    Ok(stored)
}

/// The dataset's `defaultTableExpirationMs` from now on.
fn default_expiration(dataset: &Settings) -> Option<i64> {
    let life = dataset.metadata.get("defaultTableExpirationMs")?;
    let life = life.as_i64().or_else(|| life.as_str()?.parse().ok())?;
    now_ms().checked_add(life)
}

/// Removes the tables and models whose time is over.
pub(super) fn purge(connection: &Connection) -> Outcome<()> {
    remove_expired_models(connection)?;
    for number in tables_expired(connection)? {
        connection
            .execute("DELETE FROM catalog_tables WHERE number = ?1", [number])
            .map_err(|error| sqlite_error(&error))?;
        drop_rows(connection, number)?;
    }
    Ok(())
}

/// Rows of `from` (its nth column is the nth of `fields`) into a destination table, as its dispositions say.
pub(super) fn write_rows(
    connection: &Connection,
    destination: &Destination,
    fields: &[Field],
    from: &str,
    add_fields: bool,
) -> Outcome<Stored> {
    let reference = &destination.table;
    let found = stored(connection, reference)?;
    let mut target = match found {
        None if destination.create == CreateDisposition::Never => {
            let dataset = require_dataset(connection, &reference.dataset())?;
            return Err(table_not_found(reference, &dataset.location));
        }
        None => {
            make_room(connection, reference, Conflict::Fail, false)?;
            let fields = fields.to_vec();
            let settings = destination.settings.clone();
            create_table(connection, NewTable { reference, kind: TableKind::Table, fields, settings })?
        }
        Some(stored) if stored.table.kind != TableKind::Table => {
            return Err(QueryError::new(
                Reason::Invalid,
                format!("{reference} is a {} and can't be written to", stored.table.kind.word()),
            ));
        }
        Some(stored) => prepare(connection, stored, destination.write, fields, add_fields)?,
    };
    append(connection, &mut target, fields, from)?;
    restamp(connection, &mut target)?;
    Ok(target)
}

/// An existing table made ready for rows with these fields.
fn prepare(
    connection: &Connection,
    mut stored: Stored,
    write: WriteDisposition,
    fields: &[Field],
    add_fields: bool,
) -> Outcome<Stored> {
    match write {
        WriteDisposition::Empty if stored.table.rows > 0 => Err(already_exists(&stored.table.reference, false)),
        WriteDisposition::Truncate => {
            check_fields(fields)?;
            empty(connection, &mut stored, fields.to_vec())?;
            Ok(stored)
        }
        WriteDisposition::Empty | WriteDisposition::Append => {
            if add_fields {
                add_missing(connection, &mut stored, fields)?;
            }
            Ok(stored)
        }
    }
}

/// No rows, and these fields.
pub(super) fn empty(connection: &Connection, stored: &mut Stored, fields: Vec<Field>) -> Outcome<()> {
    drop_rows(connection, stored.number)?;
    stored.number = next_number(connection)?;
    create_rows(connection, stored.number, fields.len())?;
    stored.column_bytes = vec![0; fields.len()];
    stored.table.fields = fields;
    stored.table.rows = 0;
    Ok(())
}

fn add_missing(connection: &Connection, stored: &mut Stored, fields: &[Field]) -> Outcome<()> {
    for field in fields {
        if !stored.table.fields.iter().any(|known| known.name.eq_ignore_ascii_case(&field.name)) {
            add_column(connection, stored, field.clone())?;
        }
    }
    Ok(())
}

/// A column more, behind the others. Rows that are there have NULL in it.
pub(super) fn add_column(connection: &Connection, stored: &mut Stored, field: Field) -> Outcome<()> {
    if field.mode == Mode::Required {
        return Err(QueryError::new(
            Reason::Invalid,
            format!(
                "Provided Schema does not match Table {}. Cannot add required fields to an existing schema. (field: {})",
                stored.table.reference, field.name
            ),
        ));
    }
    let index = stored.table.fields.len();
    stored.table.fields.push(field);
    check_fields(&stored.table.fields)?;
    // A table without columns has been made with one.
    if index > 0 {
        let sql = format!("ALTER TABLE {} ADD COLUMN \"c{index}\"", stored.from());
        connection.execute_batch(&sql).map_err(|error| sqlite_error(&error))?;
    }
    stored.column_bytes.push(0);
    Ok(())
}

/// Appends rows, matched to the columns by name.
fn append(connection: &Connection, target: &mut Stored, fields: &[Field], from: &str) -> Outcome<()> {
    let columns = matched(target, fields)?;
    let after = last_row(connection, target)?;
    append_from(connection, target, from, &columns)?;
    check_required(connection, target, after)?;
    account_appended(connection, target, after)
}

/// The greatest rowid.
pub(super) fn last_row(connection: &Connection, target: &Stored) -> Outcome<i64> {
    let sql = format!("SELECT coalesce(max(rowid), 0) FROM {}", target.from());
    connection.query_row(&sql, [], |row| row.get(0)).map_err(|error| sqlite_error(&error))
}

/// For each column of the target, the source's column (SQLite text).
fn matched(target: &Stored, fields: &[Field]) -> Outcome<Vec<String>> {
    let mismatch = |why: String| {
        let reference = &target.table.reference;
        QueryError::new(Reason::Invalid, format!("Provided Schema does not match Table {reference}. {why}"))
    };
    for field in fields {
        if !target.table.fields.iter().any(|known| known.name.eq_ignore_ascii_case(&field.name)) {
            return Err(mismatch(format!("Cannot add fields (field: {})", field.name)));
        }
    }
    let column = |known: &Field| {
        let source = fields.iter().position(|field| field.name.eq_ignore_ascii_case(&known.name));
        let Some(source) = source else {
            if known.mode == Mode::Required {
                return Err(mismatch(format!("Field {} is missing in new schema", known.name)));
            }
            return Ok("NULL".to_owned());
        };
        let found = fields.get(source).map_or(&known.kind, |field| &field.kind);
        converted(found, &known.kind, &format!("\"c{source}\"")).ok_or_else(|| {
            mismatch(format!("Field {} has changed type from {} to {}", known.name, known.kind.name(), found.name()))
        })
    };
    target.table.fields.iter().map(column).collect()
}

/// Integers go into floating-point columns; all else must be of the same type.
fn converted(from: &Type, to: &Type, column: &str) -> Option<String> {
    match (from, to) {
        (from, to) if from == to => Some(column.to_owned()),
        (Type::Int64, Type::Float64) => Some(format!("CAST({column} AS REAL)")),
        _ => None,
    }
}

/// REQUIRED columns of the rows behind `after` hold something.
pub(super) fn check_required(connection: &Connection, target: &Stored, after: i64) -> Outcome<()> {
    for (index, field) in target.table.fields.iter().enumerate() {
        if field.mode != Mode::Required {
            continue;
        }
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE rowid > ?1 AND \"c{index}\" IS NULL)", target.from());
        let missing: bool =
            connection.query_row(&sql, [after], |row| row.get(0)).map_err(|error| sqlite_error(&error))?;
        if missing {
            return Err(QueryError::invalid_query(format!("Required field {} cannot be null", field.name)));
        }
    }
    Ok(())
}
