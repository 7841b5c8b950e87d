//! Tables of rows: made, filled, counted, paged through.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Statement, params};

use super::catalogue::Stored;
use super::{Outcome, sqlite_error};
use crate::server::bigquery::engine::outcome::Page;
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::value::{Field, Type, Value};

fn failed(error: rusqlite::Error) -> QueryError {
    sqlite_error(&error)
}

/// A number for a new table, never given before.
pub(crate) fn next_number(connection: &Connection) -> Outcome<i64> {
    let sql = "UPDATE catalog_numbers SET last = last + 1 RETURNING last";
    connection.query_row(sql, [], |row| row.get(0)).map_err(failed)
}

/// `"c0", "c1", ..`; none becomes `"c0"`, since SQLite has no tables without columns.
pub(crate) fn column_list(columns: impl IntoIterator<Item = usize>) -> String {
    let names: Vec<_> = columns.into_iter().map(|column| format!("\"c{column}\"")).collect();
    if names.is_empty() { "\"c0\"".to_owned() } else { names.join(", ") }
}

pub(crate) fn create_rows(connection: &Connection, number: i64, columns: usize) -> Outcome<()> {
    let sql = format!("CREATE TABLE \"main\".\"t{number}\" ({})", column_list(0..columns));
    connection.execute_batch(&sql).map_err(failed)
}

pub(crate) fn drop_rows(connection: &Connection, number: i64) -> Outcome<()> {
    connection.execute_batch(&format!("DROP TABLE IF EXISTS \"main\".\"t{number}\"")).map_err(failed)
}

/// Rows of `from`, whose columns are taken in the order given, to the end of the table. Gives how many.
pub(crate) fn append_from(connection: &Connection, stored: &Stored, from: &str, columns: &[String]) -> Outcome<u64> {
    let targets = column_list(0..stored.table.fields.len());
    let sources = if columns.is_empty() { "NULL".to_owned() } else { columns.join(", ") };
    let sql = format!("INSERT INTO {} ({targets}) SELECT {sources} FROM {from}", stored.from());
    let count = connection.execute(&sql, []).map_err(failed)?;
    Ok(u64::try_from(count).unwrap_or(u64::MAX))
}

/// SQLite text: the logical bytes of a column's value as BigQuery counts them.
fn bytes_of(kind: &Type, column: &str) -> String {
    match kind {
        Type::Bool => format!("iif({column} IS NULL, 0, 1)"),
        Type::Int64 | Type::Float64 | Type::Date | Type::Time | Type::Datetime | Type::Timestamp => {
            format!("iif({column} IS NULL, 0, 8)")
        }
        Type::Numeric => format!("iif({column} IS NULL, 0, 16)"),
        // `octet_length` of a nested value's text is near enough to the sum of its parts.
        _ => format!("iif({column} IS NULL, 0, 2 + octet_length({column}))"),
    }
}

/// Rows, and the logical bytes of each column, of a table whose rows have a rowid above `after`.
fn logical_bytes(connection: &Connection, from: &str, fields: &[Field], after: i64) -> Outcome<(u64, Vec<u64>)> {
    let sums = fields
        .iter()
        .enumerate()
        .map(|(n, field)| format!(", coalesce(sum({}), 0)", bytes_of(&field.kind, &format!("\"c{n}\""))));
    let sql = format!("SELECT count(*){} FROM {from} WHERE rowid > ?1", sums.collect::<String>());
    let number =
        |row: &rusqlite::Row<'_>, index: usize| row.get::<_, i64>(index).map(|n| u64::try_from(n).unwrap_or(0));
    let counted = connection.query_row(&sql, [after], |row| {
        let bytes = (1..=fields.len()).map(|index| number(row, index)).collect::<Result<_, _>>()?;
        Ok((number(row, 0)?, bytes))
    });
    counted.map_err(failed)
}

/// Counts all rows again, after some were changed or deleted.
pub(crate) fn account_whole(connection: &Connection, stored: &mut Stored) -> Outcome<()> {
    let (rows, bytes) = logical_bytes(connection, &stored.from(), &stored.table.fields, i64::MIN)?;
    stored.table.rows = rows;
    stored.column_bytes = bytes;
    Ok(())
}

/// Counts the rows that were appended behind the rowid `after` to those known.
pub(crate) fn account_appended(connection: &Connection, stored: &mut Stored, after: i64) -> Outcome<()> {
    let (rows, bytes) = logical_bytes(connection, &stored.from(), &stored.table.fields, after)?;
    stored.table.rows = stored.table.rows.saturating_add(rows);
    stored.column_bytes.resize(bytes.len(), 0);
    for (known, more) in stored.column_bytes.iter_mut().zip(bytes) {
        *known = known.saturating_add(more);
    }
    Ok(())
}

/// Some rows of a table, in the order in which they were added. `dense`: rowids are 1, 2, 3 ..., so that any page is found at once.
/// `limits`: rows, and about how many bytes.
pub(crate) fn page(
    connection: &Connection,
    table: &str,
    dense: bool,
    (fields, chosen): (&[Field], &[usize]),
    (start, total): (u64, u64),
    (rows_max, bytes_max): (u64, u64),
) -> Outcome<Page> {
    let columns = column_list(chosen.iter().copied());
    let place = if dense { "WHERE rowid > ?1 ORDER BY rowid LIMIT ?2" } else { "ORDER BY rowid LIMIT ?2 OFFSET ?1" };
    let sql = format!("SELECT {columns} FROM {table} {place}");
    let chosen: Vec<Field> = chosen.iter().filter_map(|index| fields.get(*index).cloned()).collect();
    let mut statement = connection.prepare(&sql).map_err(failed)?;
    let window = (i64::try_from(start).unwrap_or(i64::MAX), i64::try_from(rows_max).unwrap_or(i64::MAX));
    let rows = read_page(&mut statement, window, &chosen, bytes_max)?;
    Ok(Page { fields: chosen, rows, total })
}

fn read_page(
    statement: &mut Statement<'_>,
    (start, rows_max): (i64, i64),
    fields: &[Field],
    bytes_max: u64,
) -> Outcome<Vec<Vec<Value>>> {
    let mut cursor = statement.query(params![start, rows_max]).map_err(failed)?;
    let mut rows = Vec::new();
    let mut bytes = 0_u64;
    while bytes < bytes_max
        && let Some(row) = cursor.next().map_err(failed)?
    {
        let mut values = Vec::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            let kept = row.get_ref(index).map_err(failed)?;
            bytes = bytes.saturating_add(size(kept));
            values.push(decode(kept, &field.kind)?);
        }
        rows.push(values);
    }
    Ok(rows)
}

fn size(kept: ValueRef<'_>) -> u64 {
    match kept {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        _ => 16,
    }
}

/// A value of a row. A NULL array is an empty one in all answers.
pub(crate) fn decode(kept: ValueRef<'_>, kind: &Type) -> Outcome<Value> {
    let value = Value::read(kept, kind)
        .map_err(|error| QueryError::new(Reason::BackendError, format!("the server's rows are damaged: {error}")))?;
    Ok(match (value, kind) {
        (Value::Null, Type::Array(_)) => Value::Array(Vec::new()),
        (value, _) => value,
    })
}
