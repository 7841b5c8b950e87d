//! One value of a file as SQLite keeps it, given the column's type.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rusqlite::types::Value as Cell;

use super::moment;
use crate::server::bigquery::value::numeric::parse_numeric;
use crate::server::bigquery::value::text::print_float;
use crate::server::bigquery::value::{Type, Value};

/// What a column without a value holds: an array is never NULL.
pub(super) fn absent(kind: &Type) -> Cell {
    match kind {
        Type::Array(_) => Cell::Text("[]".to_owned()),
        _ => Cell::Null,
    }
}

/// A text as a value of a type that has no parts. `None`: it is none.
pub(super) fn of_text(text: &str, kind: &Type) -> Option<Cell> {
    Some(match kind {
        Type::String => Cell::Text(text.to_owned()),
        Type::Int64 => Cell::Integer(integer(text.trim())?),
        Type::Float64 => real(float(text.trim())?),
        Type::Bool => Cell::Integer(i64::from(boolean(text.trim())?)),
        Type::Date => Cell::Integer(moment::date(text.trim())?),
        Type::Time => Cell::Integer(moment::time(text.trim())?),
        Type::Datetime => Cell::Integer(moment::datetime(text.trim())?),
        Type::Timestamp => Cell::Integer(timestamp(text)?),
        Type::Numeric => Value::Numeric(parse_numeric(text.trim())?).into_sql(),
        Type::Bytes => Cell::Blob(BASE64_STANDARD.decode(text).ok()?),
        Type::Json => Cell::Text(serde_json::from_str::<serde_json::Value>(text).ok()?.to_string()),
        Type::Array(_) | Type::Struct(_) => return None,
    })
}

fn timestamp(text: &str) -> Option<i64> {
    moment::timestamp(text).or_else(|| seconds(text.trim().parse().ok()?))
}

/// Seconds since 1970 as microseconds, within years 1 to 9999.
pub(super) fn seconds(seconds: f64) -> Option<i64> {
    let micros = (seconds * 1e6).round();
    whole(micros).filter(|micros| (-62_135_596_800_000_000..=253_402_300_799_999_999).contains(micros))
}

/// A number without a fraction as an integer.
pub(super) fn whole(number: f64) -> Option<i64> {
    // 2^63 itself is out of range; everything below it, down to -2^63, converts exactly.
    let fits = number.fract() == 0.0 && (-9.223_372_036_854_776e18..9.223_372_036_854_776e18).contains(&number);
    #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
    fits.then_some(number as i64)
}

pub(super) fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('+').unwrap_or(text);
    digits.parse().ok()
}

/// Numbers as JSON and CSV files write them, and the words for those that have no digits.
pub(super) fn float(text: &str) -> Option<f64> {
    match text.to_ascii_lowercase().as_str() {
        "nan" => Some(f64::NAN),
        "inf" | "+inf" | "infinity" | "+infinity" => Some(f64::INFINITY),
        "-inf" | "-infinity" => Some(f64::NEG_INFINITY),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit() || b"+-.e".contains(&byte)) => digits.parse().ok(),
        _ => None,
    }
}

pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "y" | "1" => Some(true),
        "false" | "f" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

/// SQLite keeps no NaN.
pub(super) fn real(number: f64) -> Cell {
    if number.is_nan() { Cell::Blob(b"NaN".to_vec()) } else { Cell::Real(number) }
}

/// The value inside the JSON text of an array or a struct; see `value` for the forms.
pub(super) fn write_nested(cell: &Cell, kind: &Type, out: &mut String) {
    match (cell, kind) {
        (Cell::Null, _) => out.push_str("null"),
        (Cell::Integer(number), _) => out.push_str(&number.to_string()),
        (Cell::Real(number), _) => push_quoted(&print_float(*number), out),
        (Cell::Text(text), Type::Array(_) | Type::Struct(_)) => out.push_str(text),
        (Cell::Text(text), _) => out.push_str(&serde_json::Value::from(text.as_str()).to_string()),
        (Cell::Blob(_), Type::Float64) => out.push_str("\"NaN\""),
        (Cell::Blob(bytes), _) => push_quoted(&BASE64_STANDARD.encode(bytes), out),
    }
}

fn push_quoted(plain: &str, out: &mut String) {
    out.push('"');
    out.push_str(plain);
    out.push('"');
}
