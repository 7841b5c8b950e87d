//! Structs, and single elements out of JSON text.

use std::sync::Arc;

use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value as Sql;
use serde_json::value::RawValue;

use super::Row;
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Seen, Nulls::Strict, read_types};
use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::{Type, Value};

pub(super) const ROWS: &[Row] =
    &[("$STRUCT", &[], Seen, |a| Ok(Value::Struct(a.values.to_vec()))), ("$SUBSCRIPT", &[], Strict, subscript)];

fn subscript(arguments: &Arguments<'_>) -> Outcome<Value> {
    if *arguments.kind(0) == Type::Json {
        super::json::subscript(arguments)
    } else {
        super::array::subscript(arguments)
    }
}

/// `bq__field(type, struct, index)`, `bq__element(type, value of json_each)` and `bq__struct_join(struct, ..)`: they read no more of a text than needed.
pub(super) fn register(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("bq__field", 3, flags, |context| Ok(field(context)?))?;
    connection.create_scalar_function("bq__element", 2, flags, |context| Ok(element(context)?))?;
    connection.create_scalar_function("bq__struct_join", -1, flags, |context| Ok(join(context)?))
}

fn kind(context: &Context<'_>) -> Outcome<Arc<Vec<Type>>> {
    context
        .get_or_create_aux(0, |text| read_types(text.as_str().unwrap_or_default()))
        .map_err(|error| FunctionError::new(error.to_string()))
}

fn items<'a>(context: &'a Context<'_>, index: usize) -> Outcome<Option<Vec<&'a RawValue>>> {
    let Ok(text) = context.get_raw(index).as_str_or_null() else {
        return fail("Internal error: a struct that is no text");
    };
    let Some(text) = text else { return Ok(None) };
    serde_json::from_str(text)
        .map(Some)
        .map_err(|error| FunctionError::new(format!("Internal error: a broken struct: {error}")))
}

fn field(context: &Context<'_>) -> Outcome<Sql> {
    let types = kind(context)?;
    let Some(items) = items(context, 1)? else { return Ok(Sql::Null) };
    let index = context.get::<i64>(2).ok().and_then(|index| usize::try_from(index).ok());
    let (Some(kind), Some(raw)) = (types.first(), index.and_then(|index| items.get(index))) else {
        return fail("Internal error: a struct without the field");
    };
    decode(raw.get(), kind)
}

fn element(context: &Context<'_>) -> Outcome<Sql> {
    let types = kind(context)?;
    let Ok(text) = context.get_raw(1).as_str_or_null() else {
        return fail("Internal error: an element that is no text");
    };
    match (text, types.first()) {
        (Some(text), Some(kind)) => {
            let value = Value::from_json(&serde_json::Value::String(text.to_owned()), kind);
            value.map(Value::into_sql).map_err(|error| FunctionError::new(format!("Internal error: {error}")))
        }
        _ => Ok(Sql::Null),
    }
}

/// Arrays and structs stay as they are written.
fn decode(raw: &str, kind: &Type) -> Outcome<Sql> {
    if matches!(kind, Type::Array(_) | Type::Struct(_)) {
        return Ok(if raw == "null" { Sql::Null } else { Sql::Text(raw.to_owned()) });
    }
    let json = serde_json::from_str(raw).map_err(|error| FunctionError::new(format!("Internal error: {error}")))?;
    let value =
        Value::from_json(&json, kind).map_err(|error| FunctionError::new(format!("Internal error: {error}")))?;
    Ok(value.into_sql())
}

fn join(context: &Context<'_>) -> Outcome<Sql> {
    let mut all = Vec::new();
    for index in 0..context.len() {
        all.extend(items(context, index)?.unwrap_or_default());
    }
    serde_json::to_string(&all).map(Sql::Text).map_err(|error| FunctionError::new(error.to_string()))
}
