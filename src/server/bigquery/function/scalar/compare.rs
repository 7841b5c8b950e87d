//! Equality and order where SQLite's differ: floats with NaN, structs. And keys, for sets and sorting.

use std::cmp::Ordering;

use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

use super::Row;
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Seen, Nulls::Strict};
use crate::server::bigquery::function::error::Outcome;
use crate::server::bigquery::value::Value;

pub(super) const ROWS: &[Row] = &[
    ("$EQUAL", &[], Strict, |a| Ok(from(equal(a.value(0), a.value(1))))),
    ("$NOT_EQUAL", &[], Strict, |a| Ok(from(equal(a.value(0), a.value(1)).map(|equal| !equal)))),
    ("$LESS", &[], Strict, |a| Ok(ordered(a, 0, 1, Ordering::is_lt))),
    ("$LESS_EQUAL", &[], Strict, |a| Ok(ordered(a, 0, 1, Ordering::is_le))),
    ("$GREATER", &[], Strict, |a| Ok(ordered(a, 0, 1, Ordering::is_gt))),
    ("$GREATER_EQUAL", &[], Strict, |a| Ok(ordered(a, 0, 1, Ordering::is_ge))),
    ("$BETWEEN", &[], Seen, between),
    ("$IN", &[], Seen, is_in),
    ("$DISTINCT", &[], Seen, |a| Ok(Value::Bool(key(a.value(0)) != key(a.value(1))))),
    ("$NOT_DISTINCT", &[], Seen, |a| Ok(Value::Bool(key(a.value(0)) == key(a.value(1))))),
    ("GREATEST", &["O, O... -> O"], Strict, |a| Ok(extreme(a.values, Ordering::Greater))),
    ("LEAST", &["O, O... -> O"], Strict, |a| Ok(extreme(a.values, Ordering::Less))),
];

fn from(truth: Option<bool>) -> Value {
    truth.map_or(Value::Null, Value::Bool)
}

/// Three-valued equality: `None` where a NULL leaves it open.
fn equal(left: &Value, right: &Value) -> Option<bool> {
    match (left, right) {
        (Value::Null, _) | (_, Value::Null) => None,
        (Value::Struct(left), Value::Struct(right)) => {
            let mut all = Some(true);
            for (left, right) in left.iter().zip(right) {
                match equal(left, right) {
                    Some(false) => return Some(false),
                    None => all = None,
                    Some(true) => {}
                }
            }
            all
        }
        (Value::Float64(left), Value::Float64(right)) => Some(left == right),
        (left, right) => Some(left == right),
    }
}

/// False for NaN on either side.
fn ordered(arguments: &Arguments<'_>, left: usize, right: usize, wanted: fn(Ordering) -> bool) -> Value {
    match (arguments.value(left), arguments.value(right)) {
        (Value::Null, _) | (_, Value::Null) => Value::Null,
        (Value::Float64(left), Value::Float64(right)) => Value::Bool(left.partial_cmp(right).is_some_and(wanted)),
        (left, right) => Value::Bool(wanted(compare(left, right))),
    }
}

fn between(arguments: &Arguments<'_>) -> Outcome<Value> {
    let low = ordered(arguments, 0, 1, Ordering::is_ge);
    let high = ordered(arguments, 0, 2, Ordering::is_le);
    Ok(match (low, high) {
        (Value::Bool(false), _) | (_, Value::Bool(false)) => Value::Bool(false),
        (Value::Bool(_), Value::Bool(_)) => Value::Bool(true),
        _ => Value::Null,
    })
}

fn is_in(arguments: &Arguments<'_>) -> Outcome<Value> {
    let mut found = Some(false);
    for candidate in arguments.values.iter().skip(1) {
        match equal(arguments.value(0), candidate) {
            Some(true) => return Ok(Value::Bool(true)),
            None => found = None,
            Some(false) => {}
        }
    }
    Ok(from(found))
}

/// The greatest or least; NaN wins both.
fn extreme(values: &[Value], wanted: Ordering) -> Value {
    let mut best = &Value::Null;
    for value in values {
        if is_nan(value) {
            return value.clone();
        }
        if matches!(best, Value::Null) || compare(value, best) == wanted {
            best = value;
        }
    }
    best.clone()
}

pub(crate) fn is_nan(value: &Value) -> bool {
    matches!(value, Value::Float64(value) if value.is_nan())
}

/// The order of ORDER BY: NULL, NaN, then by value. -0 equals 0.
pub(crate) fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Float64(left), Value::Float64(right)) => {
            left.partial_cmp(right).unwrap_or_else(|| right.is_nan().cmp(&left.is_nan()))
        }
        (Value::Int64(left), Value::Int64(right))
        | (Value::Time(left), Value::Time(right))
        | (Value::Datetime(left), Value::Datetime(right))
        | (Value::Timestamp(left), Value::Timestamp(right)) => left.cmp(right),
        (Value::Date(left), Value::Date(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Numeric(left), Value::Numeric(right)) => left.cmp(right),
        (Value::String(left), Value::String(right)) | (Value::Json(left), Value::Json(right)) => left.cmp(right),
        (Value::Bytes(left), Value::Bytes(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) | (Value::Struct(left), Value::Struct(right)) => {
            let unequal = left.iter().zip(right).map(|(left, right)| compare(left, right)).find(|order| order.is_ne());
            unequal.unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        (left, right) => matches!(right, Value::Null).cmp(&matches!(left, Value::Null)),
    }
}

/// A value as a key of a set: NULLs are one, NaNs are one, 0 and -0 are one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Key {
    Null,
    Int(i64),
    Float(i64),
    Numeric(i128),
    Bytes(Vec<u8>),
    Text(String),
    Many(Vec<Key>),
}

pub(crate) fn key(value: &Value) -> Key {
    match value {
        Value::Null => Key::Null,
        Value::Int64(value) | Value::Time(value) | Value::Datetime(value) | Value::Timestamp(value) => Key::Int(*value),
        Value::Float64(value) => Key::Float(float_order(*value)),
        Value::Bool(value) => Key::Int(i64::from(*value)),
        Value::Date(days) => Key::Int(i64::from(*days)),
        Value::Numeric(value) => Key::Numeric(*value),
        Value::Bytes(bytes) => Key::Bytes(bytes.clone()),
        Value::String(text) | Value::Json(text) => Key::Text(text.clone()),
        Value::Array(items) | Value::Struct(items) => Key::Many(items.iter().map(key).collect()),
    }
}

/// An integer that sorts as the float does, NaN first.
fn float_order(value: f64) -> i64 {
    if value.is_nan() {
        return i64::MIN;
    }
    let bits = (value + 0.0).to_bits().cast_signed();
    if value == 0.0 {
        return 0;
    }
    // Negative floats grow downwards in their bits.
    if bits < 0 { i64::MIN.wrapping_sub(bits) } else { bits }
}

/// `bq__float_order`: the key to sort a FLOAT64 by.
pub(super) fn register(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("bq__float_order", 1, flags, |context| {
        Ok(match context.get_raw(0) {
            ValueRef::Real(value) => Some(float_order(value)),
            #[expect(clippy::cast_precision_loss, reason = "SQLite only shortens reals that are whole and exact")]
            ValueRef::Integer(value) => Some(float_order(value as f64)),
            ValueRef::Blob(_) => Some(i64::MIN),
            _ => None,
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sort_key_of_floats_is_nan_then_by_value() {
        let sorted = [f64::NAN, f64::NEG_INFINITY, -1e300, -1.5, -1e-300, 0.0, 1e-300, 2.0, f64::INFINITY];
        assert!(sorted.windows(2).all(|pair| float_order(pair[0]) < float_order(pair[1])));
        assert_eq!(float_order(-0.0), float_order(0.0));
        let by_compare =
            sorted.windows(2).all(|pair| compare(&Value::Float64(pair[0]), &Value::Float64(pair[1])).is_lt());
        assert!(by_compare);
    }
}
