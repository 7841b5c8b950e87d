//! Mathematical functions.

use std::cmp::Ordering;

use super::Row;
use super::compare::{compare, is_nan};
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Strict, Nulls::Volatile, unexpected};
use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::text::print_float;
use crate::server::bigquery::value::{Value, numeric};

const FLOAT: &[&str] = &["FLOAT64 -> FLOAT64"];
const FLOAT_OR_NUMERIC: &[&str] = &["FLOAT64 -> FLOAT64", "NUMERIC -> NUMERIC"];
const ROUNDED: &[&str] = &["FLOAT64, [INT64] -> FLOAT64", "NUMERIC, [INT64] -> NUMERIC"];

pub(super) const ROWS: &[Row] = &[
    ("ROUND", ROUNDED, Strict, |a| round(a, "ROUND", f64::round, false)),
    ("TRUNC", ROUNDED, Strict, |a| round(a, "TRUNC", f64::trunc, true)),
    ("CEIL", FLOAT_OR_NUMERIC, Strict, |a| whole(a, f64::ceil, 1)),
    ("CEILING", FLOAT_OR_NUMERIC, Strict, |a| whole(a, f64::ceil, 1)),
    ("FLOOR", FLOAT_OR_NUMERIC, Strict, |a| whole(a, f64::floor, -1)),
    ("SQRT", FLOAT, Strict, sqrt),
    ("CBRT", FLOAT, Strict, |a| one(a, "CBRT", f64::cbrt)),
    ("POW", &["FLOAT64, FLOAT64 -> FLOAT64"], Strict, pow),
    ("POWER", &["FLOAT64, FLOAT64 -> FLOAT64"], Strict, pow),
    ("EXP", FLOAT, Strict, |a| one(a, "EXP", f64::exp)),
    ("LN", FLOAT, Strict, |a| one(a, "LN", f64::ln)),
    ("LOG10", FLOAT, Strict, |a| one(a, "LOG10", f64::log10)),
    ("LOG", &["FLOAT64, [FLOAT64] -> FLOAT64"], Strict, log),
    ("SIN", FLOAT, Strict, |a| one(a, "SIN", f64::sin)),
    ("COS", FLOAT, Strict, |a| one(a, "COS", f64::cos)),
    ("TAN", FLOAT, Strict, |a| one(a, "TAN", f64::tan)),
    ("COT", FLOAT, Strict, |a| one(a, "COT", |x| 1.0 / x.tan())),
    ("ASIN", FLOAT, Strict, |a| one(a, "ASIN", f64::asin)),
    ("ACOS", FLOAT, Strict, |a| one(a, "ACOS", f64::acos)),
    ("ATAN", FLOAT, Strict, |a| one(a, "ATAN", f64::atan)),
    ("ATAN2", &["FLOAT64, FLOAT64 -> FLOAT64"], Strict, |a| Ok(Value::Float64(a.float(0)?.atan2(a.float(1)?)))),
    ("SINH", FLOAT, Strict, |a| one(a, "SINH", f64::sinh)),
    ("COSH", FLOAT, Strict, |a| one(a, "COSH", f64::cosh)),
    ("TANH", FLOAT, Strict, |a| one(a, "TANH", f64::tanh)),
    ("ASINH", FLOAT, Strict, |a| one(a, "ASINH", f64::asinh)),
    ("ACOSH", FLOAT, Strict, |a| one(a, "ACOSH", f64::acosh)),
    ("ATANH", FLOAT, Strict, |a| one(a, "ATANH", f64::atanh)),
    ("IS_NAN", &["FLOAT64 -> BOOL"], Strict, |a| Ok(Value::Bool(a.float(0)?.is_nan()))),
    ("IS_INF", &["FLOAT64 -> BOOL"], Strict, |a| Ok(Value::Bool(a.float(0)?.is_infinite()))),
    ("RAND", &["-> FLOAT64"], Volatile, |_| Ok(Value::Float64(rand::random::<f64>()))),
    ("RANGE_BUCKET", &["O, ARRAY<O> -> INT64"], Strict, range_bucket),
    ("EUCLIDEAN_DISTANCE", &["ARRAY<FLOAT64>, ARRAY<FLOAT64> -> FLOAT64"], Strict, euclidean),
    ("COSINE_DISTANCE", &["ARRAY<FLOAT64>, ARRAY<FLOAT64> -> FLOAT64"], Strict, cosine),
];

/// A function of a float; a result that is not finite for an argument that is, is an error.
fn one(arguments: &Arguments<'_>, name: &str, body: fn(f64) -> f64) -> Outcome<Value> {
    let x = arguments.float(0)?;
    let result = body(x);
    if (result.is_finite() || !x.is_finite()) && (!result.is_nan() || x.is_nan()) {
        return Ok(Value::Float64(result));
    }
    fail(format!("Floating point error in function: {name}({})", print_float(x)))
}

fn sqrt(arguments: &Arguments<'_>) -> Outcome<Value> {
    let x = arguments.float(0)?;
    if x < 0.0 {
        return fail(format!("Argument to SQRT cannot be negative: {}", print_float(x)));
    }
    Ok(Value::Float64(x.sqrt()))
}

fn pow(arguments: &Arguments<'_>) -> Outcome<Value> {
    two(arguments.float(0)?, arguments.float(1)?, "POW", f64::powf)
}

fn log(arguments: &Arguments<'_>) -> Outcome<Value> {
    if arguments.len() == 1 {
        return one(arguments, "LOG", f64::ln);
    }
    let (x, base) = (arguments.float(0)?, arguments.float(1)?);
    if x <= 0.0 || base <= 0.0 || base == 1.0 {
        return fail(format!("Floating point error in function: LOG({}, {})", print_float(x), print_float(base)));
    }
    two(x, base, "LOG", |x, base| x.ln() / base.ln())
}

fn two(left: f64, right: f64, name: &str, body: fn(f64, f64) -> f64) -> Outcome<Value> {
    let result = body(left, right);
    if !result.is_finite() && left.is_finite() && right.is_finite() {
        return fail(format!(
            "Floating point error in function: {name}({}, {})",
            print_float(left),
            print_float(right)
        ));
    }
    Ok(Value::Float64(result))
}

fn round(arguments: &Arguments<'_>, name: &str, body: fn(f64) -> f64, cut: bool) -> Outcome<Value> {
    let digits = arguments.int_or(1, 0)?;
    match arguments.value(0) {
        Value::Float64(value) => round_float(*value, digits, body)
            .ok_or_else(|| {
                FunctionError::new(format!(
                    "Floating point overflow in function: {name}({}, {digits})",
                    print_float(*value)
                ))
            })
            .map(Value::Float64),
        Value::Numeric(value) => numeric::round(*value, digits, cut).map(Value::Numeric).map_err(|_| {
            FunctionError::new(format!("numeric overflow: {name}({}, {digits})", numeric::print_numeric(*value)))
        }),
        other => unexpected(other, "number"),
    }
}

/// Halves go away from zero. Digits that the float has not change nothing.
fn round_float(value: f64, digits: i64, body: fn(f64) -> f64) -> Option<f64> {
    if digits == 0 || !value.is_finite() {
        return Some(body(value));
    }
    let Ok(power) = i32::try_from(digits.clamp(-400, 400)) else { return Some(value) };
    let scale = 10_f64.powi(power.abs());
    if power < 0 {
        let rounded = if scale.is_finite() { body(value / scale) * scale } else { 0.0 };
        return rounded.is_finite().then_some(rounded);
    }
    let scaled = body(value * scale) / scale;
    Some(if scaled.is_finite() { scaled } else { value })
}

/// `toward`: 1 for up, -1 for down.
fn whole(arguments: &Arguments<'_>, body: fn(f64) -> f64, toward: i128) -> Outcome<Value> {
    match arguments.value(0) {
        Value::Float64(value) => Ok(Value::Float64(body(*value))),
        Value::Numeric(value) => {
            let rest = value % numeric::NUMERIC_SCALE;
            let step = if rest.signum() == toward { toward * numeric::NUMERIC_SCALE } else { 0 };
            numeric::add(value - rest, step)
                .map(Value::Numeric)
                .map_err(|_| FunctionError::new(format!("numeric overflow: {}", numeric::print_numeric(*value))))
        }
        other => unexpected(other, "number"),
    }
}

/// How many of the boundaries are at or below the point.
fn range_bucket(arguments: &Arguments<'_>) -> Outcome<Value> {
    let (point, bounds) = (arguments.value(0), arguments.array(1)?);
    if is_nan(point) {
        return Ok(Value::Null);
    }
    if bounds.contains(&Value::Null) {
        return fail("Elements in input array to RANGE_BUCKET should not be null");
    }
    if bounds.windows(2).any(|pair| matches!(pair, [left, right] if compare(left, right) == Ordering::Greater)) {
        return fail("Elements in input array to RANGE_BUCKET should be in non-decreasing order");
    }
    count(bounds.partition_point(|bound| compare(bound, point).is_le()))
}

fn floats(values: &[Value]) -> Outcome<Vec<f64>> {
    values
        .iter()
        .map(|value| match value {
            Value::Float64(value) => Ok(*value),
            Value::Null => fail("Array elements cannot be NULL"),
            other => unexpected(other, "FLOAT64"),
        })
        .collect()
}

fn vectors(arguments: &Arguments<'_>) -> Outcome<(Vec<f64>, Vec<f64>)> {
    let (left, right) = (floats(arguments.array(0)?)?, floats(arguments.array(1)?)?);
    if left.len() != right.len() {
        return fail(format!("Array length mismatch: {} and {}", left.len(), right.len()));
    }
    Ok((left, right))
}

fn euclidean(arguments: &Arguments<'_>) -> Outcome<Value> {
    let (left, right) = vectors(arguments)?;
    Ok(Value::Float64(left.iter().zip(&right).map(|(l, r)| (l - r) * (l - r)).sum::<f64>().sqrt()))
}

fn cosine(arguments: &Arguments<'_>) -> Outcome<Value> {
    let (left, right) = vectors(arguments)?;
    let dot = |l: &[f64], r: &[f64]| l.iter().zip(r).map(|(l, r)| l * r).sum::<f64>();
    let lengths = (dot(&left, &left) * dot(&right, &right)).sqrt();
    if lengths == 0.0 {
        return fail("Cannot compute cosine distance against zero vector.");
    }
    Ok(Value::Float64(1.0 - dot(&left, &right) / lengths))
}

/// A count as an INT64.
pub(super) fn count(count: usize) -> Outcome<Value> {
    i64::try_from(count).map(Value::Int64).map_err(|_| FunctionError::new("int64 overflow"))
}
