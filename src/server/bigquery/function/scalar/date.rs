//! The functions of date parts: EXTRACT, `_ADD`, `_SUB`, `_DIFF`, `_TRUNC`, LAST_DAY.

use super::Row;
use super::part::{Part, difference, extract, fixed_micros, last_day, shift_micros, truncate_micros, unsupported};
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Strict, unexpected};
use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::Value;
use crate::server::bigquery::value::calendar::{MICROS_MAX, MICROS_MIN, MICROS_PER_DAY};
use crate::server::bigquery::value::text::{Zone, zone};

const EXTRACTED: &[&str] = &[
    "STRING, DATE -> INT64",
    "STRING, TIMESTAMP, [STRING] -> INT64",
    "STRING, DATETIME -> INT64",
    "STRING, TIME -> INT64",
];
const MOVED_DATE: &[&str] =
    &["DATE, INT64, STRING -> DATE", "DATETIME, INT64, STRING -> DATETIME", "TIMESTAMP, INT64, STRING -> TIMESTAMP"];
const MOVED_DATETIME: &[&str] = &["DATETIME, INT64, STRING -> DATETIME"];
const MOVED_TIMESTAMP: &[&str] = &["TIMESTAMP, INT64, STRING -> TIMESTAMP"];
const MOVED_TIME: &[&str] = &["TIME, INT64, STRING -> TIME"];
const CUT: &[&str] =
    &["DATE, STRING -> DATE", "DATETIME, STRING -> DATETIME", "TIMESTAMP, STRING, [STRING] -> TIMESTAMP"];
const CUT_TIMESTAMP: &[&str] = &["TIMESTAMP, STRING, [STRING] -> TIMESTAMP"];

pub(super) const ROWS: &[Row] = &[
    ("EXTRACT", EXTRACTED, Strict, extracted),
    ("DATE_ADD", MOVED_DATE, Strict, |a| moved(a, "DATE_ADD", true)),
    ("DATE_SUB", MOVED_DATE, Strict, |a| moved(a, "DATE_SUB", false)),
    ("DATETIME_ADD", MOVED_DATETIME, Strict, |a| moved(a, "DATETIME_ADD", true)),
    ("DATETIME_SUB", MOVED_DATETIME, Strict, |a| moved(a, "DATETIME_SUB", false)),
    ("TIMESTAMP_ADD", MOVED_TIMESTAMP, Strict, |a| moved(a, "TIMESTAMP_ADD", true)),
    ("TIMESTAMP_SUB", MOVED_TIMESTAMP, Strict, |a| moved(a, "TIMESTAMP_SUB", false)),
    ("TIME_ADD", MOVED_TIME, Strict, |a| moved(a, "TIME_ADD", true)),
    ("TIME_SUB", MOVED_TIME, Strict, |a| moved(a, "TIME_SUB", false)),
    (
        "DATE_DIFF",
        &[
            "DATE, DATE, STRING -> INT64",
            "DATETIME, DATETIME, STRING -> INT64",
            "TIMESTAMP, TIMESTAMP, STRING -> INT64",
        ],
        Strict,
        |a| differ(a, "DATE_DIFF"),
    ),
    ("DATETIME_DIFF", &["DATETIME, DATETIME, STRING -> INT64"], Strict, |a| differ(a, "DATETIME_DIFF")),
    ("TIMESTAMP_DIFF", &["TIMESTAMP, TIMESTAMP, STRING -> INT64"], Strict, |a| differ(a, "TIMESTAMP_DIFF")),
    ("TIME_DIFF", &["TIME, TIME, STRING -> INT64"], Strict, |a| differ(a, "TIME_DIFF")),
    ("DATE_TRUNC", CUT, Strict, |a| cut(a, "DATE_TRUNC")),
    ("DATETIME_TRUNC", &["DATETIME, STRING -> DATETIME"], Strict, |a| cut(a, "DATETIME_TRUNC")),
    ("TIMESTAMP_TRUNC", CUT_TIMESTAMP, Strict, |a| cut(a, "TIMESTAMP_TRUNC")),
    ("TIME_TRUNC", &["TIME, STRING -> TIME"], Strict, |a| cut(a, "TIME_TRUNC")),
    ("LAST_DAY", &["DATE, [STRING] -> DATE", "DATETIME, [STRING] -> DATE"], Strict, last),
    ("TIMESTAMP_BUCKET", &["TIMESTAMP, INT64, STRING, [TIMESTAMP] -> TIMESTAMP"], Strict, |a| {
        bucket(a, "TIMESTAMP_BUCKET")
    }),
    ("DATETIME_BUCKET", &["DATETIME, INT64, STRING, [DATETIME] -> DATETIME"], Strict, |a| bucket(a, "DATETIME_BUCKET")),
];

/// Whether a value of a kind has the parts of a day, and those of days.
#[derive(Clone, Copy, PartialEq)]
enum Has {
    Days,
    Times,
    Both,
}

/// The local time of a value, with what parts it has.
fn local(value: &Value, zone: &Zone) -> Outcome<(i64, Has)> {
    match value {
        Value::Date(days) => Ok((i64::from(*days) * MICROS_PER_DAY, Has::Days)),
        Value::Time(micros) => Ok((*micros, Has::Times)),
        Value::Datetime(micros) => Ok((*micros, Has::Both)),
        Value::Timestamp(micros) => Ok((zone.local(*micros), Has::Both)),
        other => unexpected(other, "DATE"),
    }
}

fn has(has: Has, part: Part) -> bool {
    match has {
        Has::Both => true,
        Has::Times => matches!(part, Part::Fixed(_)),
        Has::Days => !matches!(part, Part::Fixed(_)),
    }
}

/// The zone that an argument names; UTC without it.
pub(super) fn zone_argument(arguments: &Arguments<'_>, index: usize) -> Outcome<Zone> {
    if index >= arguments.len() {
        return Ok(Zone::UTC);
    }
    zone(arguments.text(index)?).map_err(|error| FunctionError::new(error.0))
}

fn extracted(arguments: &Arguments<'_>) -> Outcome<Value> {
    let name = arguments.text(0)?;
    let part = Part::read(name)?;
    let (micros, parts) = local(arguments.value(1), &zone_argument(arguments, 2)?)?;
    if !has(parts, part) {
        return fail(format!("EXTRACT from {} does not support the {name} date part", arguments.kind(1).name()));
    }
    Ok(Value::Int64(extract(part, micros)))
}

fn moved(arguments: &Arguments<'_>, function: &str, forward: bool) -> Outcome<Value> {
    let (value, n, name) = (arguments.value(0), arguments.int(1)?, arguments.text(2)?);
    let part = Part::read(name)?;
    let (micros, parts) = local(value, &Zone::UTC)?;
    let moves = match (value, part) {
        (Value::Timestamp(_), Part::Fixed(_) | Part::Day) => true,
        (Value::Timestamp(_), _) => false,
        (_, Part::Fixed(_) | Part::Day | Part::Week(0) | Part::Month | Part::Quarter | Part::Year) => has(parts, part),
        _ => false,
    };
    if !moves {
        return unsupported(function, name);
    }
    let by = if forward { Some(n) } else { n.checked_neg() };
    let overflow = || {
        let (doing, side) = if forward { ("Adding", "to") } else { ("Subtracting", "from") };
        let kind = arguments.kind(0).name().to_ascii_lowercase();
        FunctionError::new(format!(
            "{doing} {n} {name} {side} {kind} {} causes overflow",
            value.print().unwrap_or_default()
        ))
    };
    let by = by.ok_or_else(overflow)?;
    if let (Value::Time(_), Part::Fixed(unit)) = (value, part) {
        // The clock goes round.
        let around = i128::from(micros) + i128::from(by) * i128::from(unit);
        let micros = i64::try_from(around.rem_euclid(i128::from(MICROS_PER_DAY))).map_err(|_| overflow())?;
        return Ok(Value::Time(micros));
    }
    back(value, shift_micros(part, micros, by).ok_or_else(overflow)?)
}

/// A local time as a value of the kind of another; a timestamp's is in UTC.
fn back(like: &Value, micros: i64) -> Outcome<Value> {
    Ok(match like {
        Value::Date(_) => {
            let days =
                i32::try_from(micros.div_euclid(MICROS_PER_DAY)).map_err(|_| FunctionError::new("Invalid date"))?;
            Value::Date(days)
        }
        Value::Time(_) => Value::Time(micros),
        Value::Datetime(_) => Value::Datetime(micros),
        _ => Value::Timestamp(micros),
    })
}

/// Days moved by parts of days.
pub(super) fn shift_days(days: i64, n: i64, part: &str) -> Outcome<i64> {
    let kind = Part::read(part)?;
    if matches!(kind, Part::Fixed(_)) {
        return unsupported("GENERATE_DATE_ARRAY", part);
    }
    let moved = shift_micros(kind, days.saturating_mul(MICROS_PER_DAY), n);
    moved
        .map(|micros| micros.div_euclid(MICROS_PER_DAY))
        .ok_or_else(|| FunctionError::new(format!("Adding {n} {part} causes overflow")))
}

fn differ(arguments: &Arguments<'_>, function: &str) -> Outcome<Value> {
    let name = arguments.text(2)?;
    let part = Part::read(name)?;
    if let (Value::Timestamp(left), Value::Timestamp(right)) = (arguments.value(0), arguments.value(1)) {
        // Instants differ by whole units, not by boundaries of a calendar.
        return Ok(Value::Int64((left - right) / fixed_micros(name, function)?));
    }
    let (left, parts) = local(arguments.value(0), &Zone::UTC)?;
    let (right, _) = local(arguments.value(1), &Zone::UTC)?;
    match difference(part, left, right).filter(|_| has(parts, part)) {
        Some(difference) => Ok(Value::Int64(difference)),
        None => unsupported(function, name),
    }
}

fn cut(arguments: &Arguments<'_>, function: &str) -> Outcome<Value> {
    let (value, name) = (arguments.value(0), arguments.text(1)?);
    let part = Part::read(name)?;
    let zone = zone_argument(arguments, 2)?;
    let (micros, parts) = local(value, &zone)?;
    if !has(parts, part) || matches!(part, Part::DayOfWeek | Part::DayOfYear) {
        return unsupported(function, name);
    }
    let overflow =
        || FunctionError::new(format!("Truncating {} to {name} causes overflow", value.print().unwrap_or_default()));
    let start = truncate_micros(part, micros).ok_or_else(overflow)?;
    match (value, part) {
        // Within a day the offset stays that of the instant, so that an hour that comes twice stays two.
        (Value::Timestamp(instant), Part::Fixed(_)) => {
            let start = instant - (micros - start);
            if start < MICROS_MIN { Err(overflow()) } else { Ok(Value::Timestamp(start)) }
        }
        (Value::Timestamp(_), _) => zone.instant(start).map(Value::Timestamp).ok_or_else(overflow),
        (value, _) => back(value, start),
    }
}

fn last(arguments: &Arguments<'_>) -> Outcome<Value> {
    let (micros, _) = local(arguments.value(0), &Zone::UTC)?;
    let days = last_day(Part::read(arguments.text_or(1, "MONTH")?)?, micros.div_euclid(MICROS_PER_DAY))?;
    back(&Value::Date(0), days * MICROS_PER_DAY)
}

/// The start of the bucket of a width, counted from an origin (1950-01-01 without one).
fn bucket(arguments: &Arguments<'_>, function: &str) -> Outcome<Value> {
    const ORIGIN: i64 = -7305 * MICROS_PER_DAY;
    let width = arguments.int(1)?.checked_mul(fixed_micros(arguments.text(2)?, function)?);
    let Some(width) = width.filter(|width| *width > 0) else {
        return fail(format!("{function} requires a positive bucket width"));
    };
    let (micros, _) = local(arguments.value(0), &Zone::UTC)?;
    let origin = if arguments.len() > 3 { local(arguments.value(3), &Zone::UTC)?.0 } else { ORIGIN };
    let start = micros - (micros - origin).rem_euclid(width);
    if !(MICROS_MIN..=MICROS_MAX).contains(&start) {
        return fail(format!("{function} causes overflow"));
    }
    back(arguments.value(0), start)
}
