//! CAST and SAFE_CAST between all types, and the coercions.

use super::adapter::{Nulls, register_scalar};
use super::call::{CastCall, list_name};
use super::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::calendar::MICROS_PER_DAY;
use crate::server::bigquery::value::text::{parse_json, print_float};
use crate::server::bigquery::value::{Type, Value, numeric};

/// The SQLite function for CAST / SAFE_CAST from one type to another; `None` if BigQuery has none. A cast that fails is an error with BigQuery's
/// message (`Bad int64 value: x`). It also serves coercions. An untyped NULL needs no cast.
pub(crate) fn cast(from: &Type, to: &Type, safe: bool) -> Option<CastCall> {
    if !castable(from, to) {
        return None;
    }
    let types = list_name(&[from.clone(), to.clone()]);
    let sql_name = match (same_form(from, to), safe) {
        (true, _) => None,
        (false, true) => Some("safe_bq__cast"),
        (false, false) => Some("bq__cast"),
    };
    Some(CastCall { sql_name, types })
}

fn castable(from: &Type, to: &Type) -> bool {
    use Type::{Array, Bool, Date, Datetime, Float64, Int64, Json, Numeric, String, Struct, Time, Timestamp};
    match (from, to) {
        (Array(from), Array(to)) => castable(from, to),
        (Struct(from), Struct(to)) => {
            from.len() == to.len() && from.iter().zip(to).all(|((_, from), (_, to))| castable(from, to))
        }
        (Array(_) | Struct(_) | Json, String) | (String, Json) => false,
        (from, to) if from == to => true,
        (String, to) => !matches!(to, Array(_) | Struct(_)),
        (_, String) => true,
        (Int64, Float64 | Numeric | Bool) | (Bool, Int64) => true,
        (Float64, Int64 | Numeric) | (Numeric, Int64 | Float64) => true,
        (Date, Datetime | Timestamp) | (Datetime, Date | Time | Timestamp) => true,
        (Timestamp, Date | Datetime | Time) => true,
        _ => false,
    }
}

/// Whether SQLite keeps values of both types alike.
fn same_form(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (Type::Array(from), Type::Array(to)) => same_form(from, to),
        (Type::Struct(from), Type::Struct(to)) => from.iter().zip(to).all(|((_, from), (_, to))| same_form(from, to)),
        (from, to) => from == to,
    }
}

pub(super) fn register(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    register_scalar(connection, "bq__cast", Nulls::Seen, |arguments| convert(arguments.value(0), arguments.kind(1)))
}

/// A value as another type; the analyzer only asks for what [`cast`] has.
pub(super) fn convert(value: &Value, to: &Type) -> Outcome<Value> {
    match (value, to) {
        (Value::Null, _) => Ok(Value::Null),
        (Value::Array(items), Type::Array(element)) => {
            items.iter().map(|item| convert(item, element)).collect::<Outcome<_>>().map(Value::Array)
        }
        (Value::Struct(items), Type::Struct(fields)) => items
            .iter()
            .zip(fields)
            .map(|(item, (_, kind))| convert(item, kind))
            .collect::<Outcome<_>>()
            .map(Value::Struct),
        (Value::String(text), Type::Json) => {
            parse_json(text).map(Value::Json).map_err(|error| FunctionError::new(error.0))
        }
        (Value::String(text), to) => Value::parse(text, to).map_err(|error| FunctionError::new(error.0)),
        (Value::Bytes(bytes), Type::String) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Value::String(text.to_owned())),
            Err(_) => fail("Invalid UTF-8 string: bytes that are not UTF-8"),
        },
        (value, Type::String) => Ok(value.print().map_or(Value::Null, Value::String)),
        (value, Type::Int64 | Type::Float64 | Type::Numeric | Type::Bool) => to_number(value, to),
        (value, to) => to_moment(value, to),
    }
}

fn to_number(value: &Value, to: &Type) -> Outcome<Value> {
    match (value, to) {
        (Value::Bool(value), Type::Int64) => Ok(Value::Int64(i64::from(*value))),
        (Value::Int64(value), Type::Bool) => Ok(Value::Bool(*value != 0)),
        #[expect(clippy::cast_precision_loss, reason = "what the cast means: the nearest float")]
        (Value::Int64(value), Type::Float64) => Ok(Value::Float64(*value as f64)),
        (Value::Int64(value), Type::Numeric) => Ok(Value::Numeric(i128::from(*value) * numeric::NUMERIC_SCALE)),
        (Value::Float64(value), Type::Int64) => float_to_int(*value),
        (Value::Float64(value), Type::Numeric) => match numeric::of_float(*value) {
            Ok(value) => Ok(Value::Numeric(value)),
            Err(_) if value.is_finite() => fail(format!("numeric out of range: {}", print_float(*value))),
            Err(_) => fail(format!(
                "Illegal conversion of non-finite floating point number to numeric: {}",
                print_float(*value).to_lowercase()
            )),
        },
        (Value::Numeric(value), Type::Float64) => Ok(Value::Float64(numeric::to_float(*value))),
        (Value::Numeric(value), Type::Int64) => {
            let rounded = numeric::round(*value, 0, false)
                .ok()
                .and_then(|value| i64::try_from(value / numeric::NUMERIC_SCALE).ok());
            rounded
                .map(Value::Int64)
                .ok_or_else(|| FunctionError::new(format!("int64 out of range: {}", numeric::print_numeric(*value))))
        }
        (value, to) => same(value, to),
    }
}

/// Rounds half away from zero.
fn float_to_int(value: f64) -> Outcome<Value> {
    if !value.is_finite() {
        return fail(format!(
            "Illegal conversion of non-finite floating point number to an integer: {}",
            print_float(value).to_lowercase()
        ));
    }
    let rounded = value.round();
    // 2^63 is a float, the greatest INT64 is not.
    if !(-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded) {
        return fail(format!("int64 out of range: {}", print_float(value)));
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked: whole and in range")]
    Ok(Value::Int64(rounded as i64))
}

fn to_moment(value: &Value, to: &Type) -> Outcome<Value> {
    let day = |micros: i64| {
        i32::try_from(micros.div_euclid(MICROS_PER_DAY))
            .map(Value::Date)
            .map_err(|_| FunctionError::new("Invalid date"))
    };
    match (value, to) {
        (Value::Date(days), Type::Datetime) => Ok(Value::Datetime(i64::from(*days) * MICROS_PER_DAY)),
        (Value::Date(days), Type::Timestamp) => Ok(Value::Timestamp(i64::from(*days) * MICROS_PER_DAY)),
        (Value::Datetime(micros) | Value::Timestamp(micros), Type::Date) => day(*micros),
        (Value::Datetime(micros) | Value::Timestamp(micros), Type::Time) => {
            Ok(Value::Time(micros.rem_euclid(MICROS_PER_DAY)))
        }
        (Value::Datetime(micros), Type::Timestamp) => Ok(Value::Timestamp(*micros)),
        (Value::Timestamp(micros), Type::Datetime) => Ok(Value::Datetime(*micros)),
        (value, to) => same(value, to),
    }
}

fn same(value: &Value, to: &Type) -> Outcome<Value> {
    let right = matches!(
        (value, to),
        (Value::Int64(_), Type::Int64)
            | (Value::Float64(_), Type::Float64)
            | (Value::Bool(_), Type::Bool)
            | (Value::Bytes(_), Type::Bytes)
            | (Value::Date(_), Type::Date)
            | (Value::Time(_), Type::Time)
            | (Value::Datetime(_), Type::Datetime)
            | (Value::Timestamp(_), Type::Timestamp)
            | (Value::Numeric(_), Type::Numeric)
            | (Value::Json(_), Type::Json)
    );
    if right { Ok(value.clone()) } else { fail(format!("Invalid cast to {} of {value:?}", to.name())) }
}
