//! `+ - * /`, their SAFE_ forms, and bits.

use super::Row;
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Strict, unexpected};
use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::Value;
use crate::server::bigquery::value::calendar::{DAYS_MAX, DAYS_MIN};
use crate::server::bigquery::value::numeric::print_numeric;
use crate::server::bigquery::value::numeric::{self, NumericError};
use crate::server::bigquery::value::text::{print_date, print_float};

pub(super) const ROWS: &[Row] = &[
    ("$ADD", &[], Strict, add),
    ("$SUBTRACT", &[], Strict, subtract),
    ("$MULTIPLY", &[], Strict, multiply),
    ("$DIVIDE", &[], Strict, divide),
    ("$NEGATE", &[], Strict, negate),
    ("$PLUS", &[], Strict, |a| Ok(a.value(0).clone())),
    ("SAFE_ADD", &["N, N -> N"], Strict, |a| safe(add, a)),
    ("SAFE_SUBTRACT", &["N, N -> N"], Strict, |a| safe(subtract, a)),
    ("SAFE_MULTIPLY", &["N, N -> N"], Strict, |a| safe(multiply, a)),
    ("SAFE_DIVIDE", &["FLOAT64, FLOAT64 -> FLOAT64", "NUMERIC, NUMERIC -> NUMERIC"], Strict, |a| safe(divide, a)),
    ("SAFE_NEGATE", &["N -> N"], Strict, |a| safe(negate, a)),
    ("IEEE_DIVIDE", &["FLOAT64, FLOAT64 -> FLOAT64"], Strict, |a| Ok(Value::Float64(a.float(0)? / a.float(1)?))),
    ("DIV", &["INT64, INT64 -> INT64", "NUMERIC, NUMERIC -> NUMERIC"], Strict, div),
    ("MOD", &["INT64, INT64 -> INT64", "NUMERIC, NUMERIC -> NUMERIC"], Strict, modulo),
    ("ABS", &["N -> N"], Strict, abs),
    ("SIGN", &["N -> N"], Strict, sign),
    ("$BIT_AND", &[], Strict, |a| bits(a, |l, r| l & r, |l, r| l & r)),
    ("$BIT_OR", &[], Strict, |a| bits(a, |l, r| l | r, |l, r| l | r)),
    ("$BIT_XOR", &[], Strict, |a| bits(a, |l, r| l ^ r, |l, r| l ^ r)),
    ("$BIT_NOT", &[], Strict, |a| Ok(Value::Int64(!a.int(0)?))),
    ("$SHIFT_LEFT", &[], Strict, |a| shift(a, "<<", |value, by| value.checked_shl(by).unwrap_or(0))),
    ("$SHIFT_RIGHT", &[], Strict, |a| shift(a, ">>", shift_right)),
    ("BIT_COUNT", &["INT64 -> INT64", "BYTES -> INT64"], Strict, bit_count),
];

fn safe(body: fn(&Arguments<'_>) -> Outcome<Value>, arguments: &Arguments<'_>) -> Outcome<Value> {
    Ok(body(arguments).unwrap_or(Value::Null))
}

fn add(arguments: &Arguments<'_>) -> Outcome<Value> {
    match (arguments.value(0), arguments.value(1)) {
        (Value::Int64(l), Value::Int64(r)) => int(l.checked_add(*r), *l, "+", *r),
        (Value::Float64(l), Value::Float64(r)) => float(l + r, *l, "+", *r),
        (Value::Numeric(l), Value::Numeric(r)) => number(numeric::add(*l, *r), *l, "+", *r),
        (Value::Date(days), Value::Int64(n)) | (Value::Int64(n), Value::Date(days)) => {
            shift_date(*days, Some(*n), "Adding", "to", *n)
        }
        (l, _) => unexpected(l, "number"),
    }
}

fn subtract(arguments: &Arguments<'_>) -> Outcome<Value> {
    match (arguments.value(0), arguments.value(1)) {
        (Value::Int64(l), Value::Int64(r)) => int(l.checked_sub(*r), *l, "-", *r),
        (Value::Float64(l), Value::Float64(r)) => float(l - r, *l, "-", *r),
        (Value::Numeric(l), Value::Numeric(r)) => number(numeric::subtract(*l, *r), *l, "-", *r),
        (Value::Date(days), Value::Int64(n)) => shift_date(*days, n.checked_neg(), "Subtracting", "from", *n),
        (l, _) => unexpected(l, "number"),
    }
}

fn shift_date(days: i32, by: Option<i64>, doing: &str, side: &str, shown: i64) -> Outcome<Value> {
    let shifted = by.and_then(|by| i64::from(days).checked_add(by)).filter(|days| (DAYS_MIN..=DAYS_MAX).contains(days));
    match shifted.and_then(|days| i32::try_from(days).ok()) {
        Some(days) => Ok(Value::Date(days)),
        None => fail(format!("{doing} {shown} DAY {side} date {} causes overflow", print_date(i64::from(days)))),
    }
}

fn multiply(arguments: &Arguments<'_>) -> Outcome<Value> {
    match (arguments.value(0), arguments.value(1)) {
        (Value::Int64(l), Value::Int64(r)) => int(l.checked_mul(*r), *l, "*", *r),
        (Value::Float64(l), Value::Float64(r)) => float(l * r, *l, "*", *r),
        (Value::Numeric(l), Value::Numeric(r)) => number(numeric::multiply(*l, *r), *l, "*", *r),
        (l, _) => unexpected(l, "number"),
    }
}

fn divide(arguments: &Arguments<'_>) -> Outcome<Value> {
    match (arguments.value(0), arguments.value(1)) {
        (Value::Float64(l), Value::Float64(0.0)) => fail(format!("division by zero: {} / 0", print_float(*l))),
        (Value::Float64(l), Value::Float64(r)) => float(l / r, *l, "/", *r),
        (Value::Numeric(l), Value::Numeric(r)) => number(numeric::divide(*l, *r), *l, "/", *r),
        (l, _) => unexpected(l, "number"),
    }
}

fn negate(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.value(0) {
        Value::Int64(value) => match value.checked_neg() {
            Some(value) => Ok(Value::Int64(value)),
            None => fail(format!("int64 overflow: -({value})")),
        },
        Value::Float64(value) => Ok(Value::Float64(-value)),
        Value::Numeric(value) => Ok(Value::Numeric(-value)),
        other => unexpected(other, "number"),
    }
}

fn abs(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.value(0) {
        Value::Int64(value) => match value.checked_abs() {
            Some(value) => Ok(Value::Int64(value)),
            None => fail(format!("int64 overflow: ABS({value})")),
        },
        Value::Float64(value) => Ok(Value::Float64(value.abs())),
        Value::Numeric(value) => Ok(Value::Numeric(value.abs())),
        other => unexpected(other, "number"),
    }
}

fn sign(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.value(0) {
        Value::Int64(value) => Ok(Value::Int64(value.signum())),
        // NaN stays NaN, and zero has no sign here.
        Value::Float64(value) if *value == 0.0 || value.is_nan() => Ok(Value::Float64(value + 0.0)),
        Value::Float64(value) => Ok(Value::Float64(value.signum())),
        Value::Numeric(value) => Ok(Value::Numeric(value.signum() * numeric::NUMERIC_SCALE)),
        other => unexpected(other, "number"),
    }
}

/// Whole division, cut toward zero.
fn div(arguments: &Arguments<'_>) -> Outcome<Value> {
    match (arguments.value(0), arguments.value(1)) {
        (Value::Int64(l), Value::Int64(0)) => fail(format!("division by zero: {l} / 0")),
        (Value::Int64(l), Value::Int64(r)) => int(l.checked_div(*r), *l, "/", *r),
        (Value::Numeric(l), Value::Numeric(0)) => fail(format!("division by zero: {} / 0", print_numeric(*l))),
        (Value::Numeric(l), Value::Numeric(r)) => number(
            (l / r).checked_mul(numeric::NUMERIC_SCALE).ok_or(NumericError::Overflow).and_then(numeric::checked),
            *l,
            "/",
            *r,
        ),
        (l, _) => unexpected(l, "INT64"),
    }
}

/// The rest has the sign of the first.
fn modulo(arguments: &Arguments<'_>) -> Outcome<Value> {
    match (arguments.value(0), arguments.value(1)) {
        (Value::Int64(l), Value::Int64(0)) => fail(format!("division by zero: MOD({l}, 0)")),
        (Value::Int64(l), Value::Int64(r)) => Ok(Value::Int64(l.wrapping_rem(*r))),
        (Value::Numeric(l), Value::Numeric(0)) => fail(format!("division by zero: MOD({}, 0)", print_numeric(*l))),
        (Value::Numeric(l), Value::Numeric(r)) => Ok(Value::Numeric(l % r)),
        (l, _) => unexpected(l, "INT64"),
    }
}

fn int(result: Option<i64>, left: i64, operator: &str, right: i64) -> Outcome<Value> {
    result.map(Value::Int64).ok_or_else(|| FunctionError::new(format!("int64 overflow: {left} {operator} {right}")))
}

/// An infinity that no operand was is an overflow.
fn float(result: f64, left: f64, operator: &str, right: f64) -> Outcome<Value> {
    if !result.is_finite() && left.is_finite() && right.is_finite() {
        return fail(format!("double overflow: {} {operator} {}", print_float(left), print_float(right)));
    }
    Ok(Value::Float64(result))
}

fn number(result: Result<i128, NumericError>, left: i128, operator: &str, right: i128) -> Outcome<Value> {
    let what = match result {
        Ok(value) => return Ok(Value::Numeric(value)),
        Err(NumericError::Overflow) => "numeric overflow",
        Err(NumericError::DivisionByZero) => "division by zero",
    };
    fail(format!("{what}: {} {operator} {}", print_numeric(left), print_numeric(right)))
}

fn bits(arguments: &Arguments<'_>, ints: fn(i64, i64) -> i64, bytes: fn(u8, u8) -> u8) -> Outcome<Value> {
    match (arguments.value(0), arguments.value(1)) {
        (Value::Int64(l), Value::Int64(r)) => Ok(Value::Int64(ints(*l, *r))),
        (Value::Bytes(l), Value::Bytes(r)) if l.len() == r.len() => {
            Ok(Value::Bytes(l.iter().zip(r).map(|(l, r)| bytes(*l, *r)).collect()))
        }
        (Value::Bytes(l), Value::Bytes(r)) => fail(format!(
            "Bitwise binary operator for BYTES requires equal length of the inputs. Got {} bytes on the left hand side and {} bytes on the right hand side.",
            l.len(),
            r.len()
        )),
        (l, _) => unexpected(l, "INT64"),
    }
}

fn shift(arguments: &Arguments<'_>, operator: &str, body: fn(i64, u32) -> i64) -> Outcome<Value> {
    let (value, by) = (arguments.int(0)?, arguments.int(1)?);
    if by < 0 {
        return fail(format!("Bitwise {operator}: Shift by negative offset: {value} {operator} {by}"));
    }
    Ok(Value::Int64(body(value, u32::try_from(by).unwrap_or(u32::MAX))))
}

/// Zeros come in from the left, also for a negative value.
fn shift_right(value: i64, by: u32) -> i64 {
    value.cast_unsigned().checked_shr(by).unwrap_or(0).cast_signed()
}

fn bit_count(arguments: &Arguments<'_>) -> Outcome<Value> {
    let count: u32 = match arguments.value(0) {
        Value::Int64(value) => value.count_ones(),
        Value::Bytes(bytes) => bytes.iter().map(|byte| byte.count_ones()).sum(),
        other => return unexpected(other, "INT64"),
    };
    Ok(Value::Int64(i64::from(count)))
}
