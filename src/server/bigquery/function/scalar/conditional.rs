//! Conditional functions that SQLite's own can't do. COALESCE and IFNULL are SQLite's; IF and CASE are the analyzer's.

use super::Row;
use super::compare::key;
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Seen};
use crate::server::bigquery::function::error::Outcome;
use crate::server::bigquery::value::Value;

pub(super) const ROWS: &[Row] = &[
    ("NULLIF", &["E, E -> E"], Seen, null_if),
    ("NULLIFZERO", &["N -> N"], Seen, |a| Ok(if is_zero(a.value(0)) { Value::Null } else { a.value(0).clone() })),
    ("ZEROIFNULL", &["N -> N"], Seen, zero_if_null),
];

fn null_if(arguments: &Arguments<'_>) -> Outcome<Value> {
    let (left, right) = (arguments.value(0), arguments.value(1));
    // NaN equals nothing, not even NaN.
    let same = !super::compare::is_nan(left) && key(left) == key(right);
    Ok(if same { Value::Null } else { left.clone() })
}

fn is_zero(value: &Value) -> bool {
    matches!(value, Value::Int64(0) | Value::Numeric(0) | Value::Float64(0.0))
}

fn zero_if_null(arguments: &Arguments<'_>) -> Outcome<Value> {
    use crate::server::bigquery::value::Type;
    Ok(match (arguments.value(0), arguments.kind(0)) {
        (Value::Null, Type::Float64) => Value::Float64(0.0),
        (Value::Null, Type::Numeric) => Value::Numeric(0),
        (Value::Null, _) => Value::Int64(0),
        (value, _) => value.clone(),
    })
}
