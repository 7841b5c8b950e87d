//! The catalogue of GoogleSQL's functions, operators and casts: what a call takes and gives, and the SQLite functions that do it.
//!
//! The analyzer asks with names and types and gets a [`Call`]; `Call::sql` (or `aggregate_sql`, `window_sql`) writes the SQLite text of the call from
//! the texts of its arguments, which must already have the types of `Call::arguments` (see [`cast`]). SQLite's values don't tell their GoogleSQL
//! type (see `value`), so most calls carry their types as a first argument, a literal. Nothing outside of this folder needs to know that form.
//!
//! Conventions of names and arguments that SQL's own grammar has but a call has not:
//! - a date part is a `STRING` literal: `TIMESTAMP_TRUNC(t, 'HOUR')`, `DATE_DIFF(a, b, 'WEEK(MONDAY)')`;
//! - `INTERVAL n PART` is two arguments: `TIMESTAMP_ADD(t, n, 'PART')`, `GENERATE_TIMESTAMP_ARRAY(a, b, n, 'PART')`; `t + INTERVAL ..` is such a call;
//! - `EXTRACT(p FROM x AT TIME ZONE z)` is `EXTRACT('p', x, z)`; for the parts DATE, TIME and DATETIME it is `DATE(x, z)`, `TIME(x, z)`, `DATETIME(x, z)`;
//! - `a[OFFSET(i)]` is the operator `[OFFSET]`, likewise `[ORDINAL]`, `[SAFE_OFFSET]`, `[SAFE_ORDINAL]`; `a[i]` is `[]` (arrays, and JSON by `STRING` or `INT64`);
//!   `j.name` of a JSON `j` is `[]` too;
//! - `ARRAY(SELECT x ..)` is the aggregate `$ARRAY` over the query's rows: `[]` for none;
//! - `x IN (a, b)` is the operator `IN` with the types of x, a, b; `BETWEEN` has three; `IS DISTINCT FROM` has two; `NOT IN` and so on are `NOT` of these;
//! - IF, CASE, EXISTS, AND/OR as written with SQLite's words are the analyzer's: `common_type` gives the type of their branches.

mod adapter;
mod aggregate;
mod call;
mod cast;
mod catalogue;
mod coerce;
mod error;
mod operator;
mod scalar;
mod signature;

#[cfg(test)]
mod tests;

pub(crate) use call::{Call, Extreme, Having, Kind, Modifiers, Nulls};
pub(crate) use call::{array_sql, field_sql, sort_key, struct_sql, unnest_sql};
pub(crate) use cast::cast;
pub(crate) use catalogue::{resolve, resolve_arguments};
pub(crate) use coerce::{Argument, coerces, common_type, common_type_of};
pub(crate) use error::{FunctionError, query_error};
#[cfg(test)]
pub(crate) use operator::resolve_operator;
pub(crate) use operator::resolve_operator_arguments;

/// Registers every function on a connection; each scalar a second time as `safe_<name>`, which gives NULL where the first fails.
pub(crate) fn register(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    scalar::register(connection)?;
    cast::register(connection)?;
    aggregate::register(connection)
}
