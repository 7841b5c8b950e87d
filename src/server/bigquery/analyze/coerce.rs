//! Implicit coercions.

use super::scope::{Clause, Typed};
use super::text::type_name;
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::function::{self, Argument};
use crate::server::bigquery::value::{Type, Value};

/// The text of an expression as another type, which it coerces to.
pub(super) fn coerced(typed: &Typed, to: &Type) -> Result<String, QueryError> {
    match &typed.kind {
        None => Ok("NULL".to_owned()),
        Some(kind) if kind == to => Ok(typed.sql.clone()),
        Some(_) if typed.is_empty_array() && matches!(to, Type::Array(_)) => Ok(typed.sql.clone()),
        Some(Type::String) if typed.literal => temporal(typed, to),
        Some(kind) => cast(kind, to, &typed.sql).map_err(|error| error.at(typed.at)),
    }
}

/// A text's literal where a date or a time is wanted: whether it is one is known before the query runs.
fn temporal(typed: &Typed, to: &Type) -> Result<String, QueryError> {
    let text =
        typed.sql.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')).map(|text| text.replace("''", "'"));
    match text {
        Some(text) if Value::parse(&text, to).is_err() => {
            let message = format!("Could not cast literal {text:?} to type {}", to.name());
            Err(QueryError::invalid_query(message).at(typed.at))
        }
        _ => cast(&Type::String, to, &typed.sql).map_err(|error| error.at(typed.at)),
    }
}

/// The text of a value of one type as another.
pub(super) fn cast(from: &Type, to: &Type, sql: &str) -> Result<String, QueryError> {
    if from == to {
        return Ok(sql.to_owned());
    }
    let call = function::cast(from, to, false)
        .ok_or_else(|| QueryError::invalid_query(format!("Invalid cast from {} to {}", from.name(), to.name())))?;
    Ok(call.sql(sql))
}

/// Whether the value goes into a place of this type without a CAST.
pub(super) fn assignable(typed: &Typed, to: &Type) -> bool {
    function::coerces(&typed.argument(), to)
}

/// The type to which all coerce; `message` begins the error.
pub(super) fn common(
    parts: &[&Typed],
    what: &str,
    at: crate::server::bigquery::error::Position,
) -> Result<Type, QueryError> {
    let arguments: Vec<Argument> = parts.iter().map(|part| part.argument()).collect();
    function::common_type_of(&arguments).ok_or_else(|| {
        let names: Vec<String> = parts.iter().map(|part| type_name(part.kind.as_ref())).collect();
        QueryError::invalid_query(format!("No matching signature for {what} for argument types: {}", names.join(", ")))
            .at(at)
    })
}

/// A condition's text; an error when it is no BOOL.
pub(super) fn condition(typed: &Typed, clause: Clause) -> Result<String, QueryError> {
    match &typed.kind {
        None | Some(Type::Bool) => Ok(typed.sql.clone()),
        Some(other) => {
            let message = format!("{} should return type BOOL, but returns type {}", clause.word(), other.name());
            Err(QueryError::invalid_query(message).at(typed.at))
        }
    }
}
