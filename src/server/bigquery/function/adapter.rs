//! Between SQLite's arguments and typed values.

use std::sync::Arc;

use rusqlite::Connection;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value as Sql;

use super::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::{Type, Value};

/// The arguments of a scalar call.
pub(super) struct Arguments<'a> {
    pub(super) values: &'a [Value],
    pub(super) types: &'a [Type],
}

/// A scalar function's body.
pub(super) type Body = fn(&Arguments<'_>) -> Outcome<Value>;

/// How a body is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// A NULL argument makes the result NULL; the body never sees one.
    Strict,
    /// The body sees NULLs.
    Seen,
    /// As `Seen`, and each call gives another result.
    Volatile,
}

impl Arguments<'_> {
    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn value(&self, index: usize) -> &Value {
        self.values.get(index).unwrap_or(&Value::Null)
    }

    pub(super) fn kind(&self, index: usize) -> &Type {
        self.types.get(index).unwrap_or(&Type::Int64)
    }

    pub(super) fn int(&self, index: usize) -> Outcome<i64> {
        match self.value(index) {
            Value::Int64(value) => Ok(*value),
            other => unexpected(other, "INT64"),
        }
    }

    /// An argument that may be left out.
    pub(super) fn int_or(&self, index: usize, default: i64) -> Outcome<i64> {
        if index < self.len() { self.int(index) } else { Ok(default) }
    }

    pub(super) fn float(&self, index: usize) -> Outcome<f64> {
        match self.value(index) {
            Value::Float64(value) => Ok(*value),
            other => unexpected(other, "FLOAT64"),
        }
    }

    pub(super) fn text(&self, index: usize) -> Outcome<&str> {
        match self.value(index) {
            Value::String(text) | Value::Json(text) => Ok(text),
            other => unexpected(other, "STRING"),
        }
    }

    /// An argument that may be left out.
    pub(super) fn text_or<'s>(&'s self, index: usize, default: &'s str) -> Outcome<&'s str> {
        if index < self.len() { self.text(index) } else { Ok(default) }
    }

    pub(super) fn bytes(&self, index: usize) -> Outcome<&[u8]> {
        match self.value(index) {
            Value::Bytes(bytes) => Ok(bytes),
            Value::String(text) => Ok(text.as_bytes()),
            other => unexpected(other, "BYTES"),
        }
    }

    pub(super) fn array(&self, index: usize) -> Outcome<&[Value]> {
        match self.value(index) {
            Value::Array(items) => Ok(items),
            other => unexpected(other, "ARRAY"),
        }
    }
}

/// The analyzer gave a value of another type than it said.
pub(super) fn unexpected<T>(found: &Value, wanted: &str) -> Outcome<T> {
    fail(format!("Internal error: expected a value of type {wanted}, found {found:?}"))
}

/// The types that a call carries as its first argument: the name of a STRUCT of them.
pub(super) fn read_types(text: &str) -> Outcome<Vec<Type>> {
    match Type::of_name(text) {
        Some(Type::Struct(fields)) => Ok(fields.into_iter().map(|(_, kind)| kind).collect()),
        _ => fail(format!("Internal error: no list of types: {text}")),
    }
}

/// The values after the first argument.
pub(super) fn read_values(context: &Context<'_>, types: &[Type]) -> Outcome<Vec<Value>> {
    let indices = 1..context.len();
    if indices.len() != types.len() {
        return fail(format!("Internal error: {} types for {} arguments", types.len(), indices.len()));
    }
    indices
        .zip(types)
        .map(|(index, kind)| {
            Value::read(context.get_raw(index), kind)
                .map_err(|error| FunctionError::new(format!("Internal error: {error}")))
        })
        .collect()
}

/// Registers a scalar function under its name and as `safe_<name>`.
pub(super) fn register_scalar(connection: &Connection, name: &str, nulls: Nulls, body: Body) -> rusqlite::Result<()> {
    let mut flags = FunctionFlags::SQLITE_UTF8;
    if nulls != Nulls::Volatile {
        flags |= FunctionFlags::SQLITE_DETERMINISTIC;
    }
    connection
        .create_scalar_function(name, -1, flags, move |context| call(context, nulls, body)?.map_err(Into::into))?;
    connection.create_scalar_function(format!("safe_{name}").as_str(), -1, flags, move |context| {
        Ok(call(context, nulls, body)?.unwrap_or(Sql::Null))
    })
}

fn call(context: &Context<'_>, nulls: Nulls, body: Body) -> rusqlite::Result<Outcome<Sql>> {
    if context.is_empty() {
        return Ok(fail("Internal error: a call without types"));
    }
    let types: Arc<Vec<Type>> = context.get_or_create_aux(0, |text| read_types(text.as_str().unwrap_or_default()))?;
    Ok(read_values(context, &types).and_then(|values| {
        if nulls == Nulls::Strict && values.contains(&Value::Null) {
            return Ok(Sql::Null);
        }
        body(&Arguments { values: &values, types: &types }).map(Value::into_sql)
    }))
}
