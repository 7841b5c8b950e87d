//! Arrays: construction, access, generation. A result's length is bounded.

use super::Row;
use super::date;
use super::math::count;
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Seen, Nulls::Strict, unexpected};
use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::{Type, Value, numeric};

const DATES: &[&str] = &["DATE, DATE, [INT64], [STRING] -> ARRAY<DATE>"];
const TIMESTAMPS: &[&str] = &["TIMESTAMP, TIMESTAMP, INT64, STRING -> ARRAY<TIMESTAMP>"];

pub(super) const ROWS: &[Row] = &[
    ("$ARRAY_OF", &[], Seen, |a| Ok(Value::Array(a.values.to_vec()))),
    ("$OFFSET", &[], Strict, |a| element(a, 0, false)),
    ("$ORDINAL", &[], Strict, |a| element(a, 1, false)),
    ("$SAFE_OFFSET", &[], Strict, |a| element(a, 0, true)),
    ("$SAFE_ORDINAL", &[], Strict, |a| element(a, 1, true)),
    ("ARRAY_LENGTH", &["ARRAY<T> -> INT64"], Strict, |a| count(a.array(0)?.len())),
    ("ARRAY_CONCAT", &["ARRAY<T>, ARRAY<T>... -> ARRAY<T>"], Strict, concat),
    ("ARRAY_REVERSE", &["ARRAY<T> -> ARRAY<T>"], Strict, |a| {
        Ok(Value::Array(a.array(0)?.iter().rev().cloned().collect()))
    }),
    ("ARRAY_FIRST", &["ARRAY<T> -> T"], Strict, |a| end(a, "ARRAY_FIRST", <[Value]>::first)),
    ("ARRAY_LAST", &["ARRAY<T> -> T"], Strict, |a| end(a, "ARRAY_LAST", <[Value]>::last)),
    ("ARRAY_SLICE", &["ARRAY<T>, INT64, INT64 -> ARRAY<T>"], Strict, slice),
    ("ARRAY_TO_STRING", &["ARRAY<STRING>, STRING, [STRING] -> STRING"], Strict, to_text),
    ("GENERATE_ARRAY", &["N, N, [N] -> ARRAY<N>"], Strict, generate),
    ("GENERATE_DATE_ARRAY", DATES, Strict, generate_dates),
    ("GENERATE_TIMESTAMP_ARRAY", TIMESTAMPS, Strict, generate_timestamps),
];

/// The most elements that a call makes.
const ITEMS_MAX: usize = 1_000_000;

fn element(arguments: &Arguments<'_>, first: i64, safe: bool) -> Outcome<Value> {
    let (items, index) = (arguments.array(0)?, arguments.int(1)?);
    let found =
        index.checked_sub(first).and_then(|index| usize::try_from(index).ok()).and_then(|index| items.get(index));
    match found {
        Some(item) => Ok(item.clone()),
        None if safe => Ok(Value::Null),
        None => fail(format!("Array index {index} is out of bounds")),
    }
}

/// `a[i]` of an array.
pub(super) fn subscript(arguments: &Arguments<'_>) -> Outcome<Value> {
    element(arguments, 0, false)
}

fn end(arguments: &Arguments<'_>, name: &str, pick: fn(&[Value]) -> Option<&Value>) -> Outcome<Value> {
    let found = pick(arguments.array(0)?).cloned();
    found.ok_or_else(|| {
        FunctionError::new(format!(
            "{name} cannot get the {} element of an empty array",
            if name == "ARRAY_FIRST" { "first" } else { "last" }
        ))
    })
}

/// Both ends belong to it; negative ones count from the end.
fn slice(arguments: &Arguments<'_>) -> Outcome<Value> {
    let items = arguments.array(0)?;
    let length = i64::try_from(items.len()).unwrap_or(i64::MAX);
    let absolute = |index: i64| if index < 0 { index.saturating_add(length) } else { index };
    let (start, end) = (absolute(arguments.int(1)?).max(0), absolute(arguments.int(2)?));
    let taken = end.saturating_add(1).saturating_sub(start).max(0);
    let (start, taken) = (usize::try_from(start).unwrap_or(usize::MAX), usize::try_from(taken).unwrap_or(usize::MAX));
    Ok(Value::Array(items.iter().skip(start).take(taken).cloned().collect()))
}

fn concat(arguments: &Arguments<'_>) -> Outcome<Value> {
    let mut all = Vec::new();
    for index in 0..arguments.len() {
        all.extend_from_slice(arguments.array(index)?);
    }
    Ok(Value::Array(all))
}

/// NULLs are left out, or written as the third argument.
fn to_text(arguments: &Arguments<'_>) -> Outcome<Value> {
    let null = if arguments.len() > 2 { Some(arguments.text(2)?) } else { None };
    let pieces: Vec<&str> = arguments
        .array(0)?
        .iter()
        .filter_map(|item| match item {
            Value::String(text) => Some(text.as_str()),
            _ => null,
        })
        .collect();
    Ok(Value::String(pieces.join(arguments.text(1)?)))
}

fn generate(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.kind(0) {
        Type::Int64 => {
            let step = arguments.int_or(2, 1)?;
            let items = series(
                arguments.int(0)?,
                arguments.int(1)?,
                step,
                |at, step| at.checked_add(step),
                step == 0,
                step > 0,
            )?;
            Ok(Value::Array(items.into_iter().map(Value::Int64).collect()))
        }
        Type::Float64 => generate_floats(arguments),
        _ => {
            let number = |index: usize| match arguments.value(index) {
                Value::Numeric(value) => Ok(*value),
                other => unexpected(other, "NUMERIC"),
            };
            let step = if arguments.len() > 2 { number(2)? } else { numeric::NUMERIC_SCALE };
            let items =
                series(number(0)?, number(1)?, step, |at, step| numeric::add(at, step).ok(), step == 0, step > 0)?;
            Ok(Value::Array(items.into_iter().map(Value::Numeric).collect()))
        }
    }
}

fn generate_floats(arguments: &Arguments<'_>) -> Outcome<Value> {
    let (start, end) = (arguments.float(0)?, arguments.float(1)?);
    let step = if arguments.len() > 2 { arguments.float(2)? } else { 1.0 };
    if !(start.is_finite() && end.is_finite() && step.is_finite()) {
        return fail("GENERATE_ARRAY does not support non-finite values");
    }
    let items =
        series(start, end, step, |at, step| Some(at + step).filter(|next| *next != at), step == 0.0, step > 0.0)?;
    Ok(Value::Array(items.into_iter().map(Value::Float64).collect()))
}

/// From `start` to `end` inclusive.
fn series<T: Copy + PartialOrd, S: Copy>(
    start: T,
    end: T,
    step: S,
    next: impl Fn(T, S) -> Option<T>,
    stands: bool,
    up: bool,
) -> Outcome<Vec<T>> {
    if stands {
        return fail("Sequence step cannot be 0.");
    }
    let mut items = Vec::new();
    let mut at = Some(start);
    while let Some(item) = at.filter(|at| if up { *at <= end } else { *at >= end }) {
        if items.len() >= ITEMS_MAX {
            return fail(format!("Cannot generate arrays with more than {ITEMS_MAX} elements"));
        }
        items.push(item);
        at = next(item, step);
    }
    Ok(items)
}

fn generate_dates(arguments: &Arguments<'_>) -> Outcome<Value> {
    let step = arguments.int_or(2, 1)?;
    let part = arguments.text_or(3, "DAY")?;
    let (Value::Date(start), Value::Date(end)) = (arguments.value(0), arguments.value(1)) else {
        return unexpected(arguments.value(0), "DATE");
    };
    let start = i64::from(*start);
    // Each from the first one: a month after the 31st is not the month after that.
    let at = |n: i64| n.checked_mul(step).and_then(|by| date::shift_days(start, by, part).ok()).map(|days| (days, n));
    date::shift_days(start, 0, part)?;
    let next = |(_, n): (i64, i64), ()| at(n + 1);
    let items = series(
        (start, 0),
        (i64::from(*end), if step > 0 { i64::MAX } else { i64::MIN }),
        (),
        next,
        step == 0,
        step > 0,
    )?;
    let day =
        |(days, _): (i64, i64)| i32::try_from(days).map(Value::Date).map_err(|_| FunctionError::new("Invalid date"));
    items.into_iter().map(day).collect::<Outcome<_>>().map(Value::Array)
}

fn generate_timestamps(arguments: &Arguments<'_>) -> Outcome<Value> {
    let (Value::Timestamp(start), Value::Timestamp(end)) = (arguments.value(0), arguments.value(1)) else {
        return unexpected(arguments.value(0), "TIMESTAMP");
    };
    let unit = super::part::fixed_micros(arguments.text(3)?, "GENERATE_TIMESTAMP_ARRAY")?;
    let step = arguments
        .int(2)?
        .checked_mul(unit)
        .ok_or_else(|| FunctionError::new("GENERATE_TIMESTAMP_ARRAY: interval overflow"))?;
    let items = series(*start, *end, step, |at, step| at.checked_add(step), step == 0, step > 0)?;
    Ok(Value::Array(items.into_iter().map(Value::Timestamp).collect()))
}
