//! The SQLite function that the analyzer's own text needs.

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};
use rusqlite::types::Value;

use crate::server::bigquery::function::FunctionError;

/// Registers `bq_only(x)`: the value of the only row, NULL without rows, an error for several: a scalar subquery.
pub(crate) fn register(connection: &Connection) -> rusqlite::Result<()> {
    connection.create_aggregate_function(
        "bq_only",
        1,
        FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
        Only,
    )
}

struct Only;

impl Aggregate<Option<Value>, Value> for Only {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Option<Value>> {
        Ok(None)
    }

    fn step(&self, context: &mut Context<'_>, seen: &mut Option<Value>) -> rusqlite::Result<()> {
        if seen.is_some() {
            return Err(FunctionError::new("Scalar subquery produced more than one element").into());
        }
        *seen = Some(context.get(0)?);
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, seen: Option<Option<Value>>) -> rusqlite::Result<Value> {
        Ok(seen.flatten().unwrap_or(Value::Null))
    }
}
