//! Dates and times: constructors, conversions, the clock, Unix time.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Row;
use super::date::zone_argument;
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Strict, unexpected};
use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::Value;
use crate::server::bigquery::value::calendar::{
    Civil, DAYS_MAX, DAYS_MIN, MICROS_MAX, MICROS_MIN, MICROS_PER_DAY, days_of,
};
use crate::server::bigquery::value::text::{Zone, parse_timestamp_in, print_timestamp_in};

const TO_TIMESTAMP: &[&str] = &[
    "TIMESTAMP -> TIMESTAMP",
    "STRING, [STRING] -> TIMESTAMP",
    "DATE, [STRING] -> TIMESTAMP",
    "DATETIME, [STRING] -> TIMESTAMP",
];
const TO_DATE: &[&str] = &[
    "INT64, INT64, INT64 -> DATE",
    "TIMESTAMP, [STRING] -> DATE",
    "DATETIME -> DATE",
    "DATE -> DATE",
    "STRING -> DATE",
];
const TO_DATETIME: &[&str] = &[
    "INT64, INT64, INT64, INT64, INT64, INT64 -> DATETIME",
    "DATE, TIME -> DATETIME",
    "TIMESTAMP, [STRING] -> DATETIME",
    "DATE -> DATETIME",
    "DATETIME -> DATETIME",
    "STRING -> DATETIME",
];
const TO_TIME: &[&str] = &[
    "INT64, INT64, INT64 -> TIME",
    "TIMESTAMP, [STRING] -> TIME",
    "DATETIME -> TIME",
    "TIME -> TIME",
    "STRING -> TIME",
];
const TO_STRING: &[&str] =
    &["TIMESTAMP, [STRING] -> STRING", "DATE -> STRING", "DATETIME -> STRING", "TIME -> STRING", "JSON -> STRING"];

pub(super) const ROWS: &[Row] = &[
    ("TIMESTAMP", TO_TIMESTAMP, Strict, to_timestamp),
    ("DATE", TO_DATE, Strict, to_date),
    ("DATETIME", TO_DATETIME, Strict, to_datetime),
    ("TIME", TO_TIME, Strict, to_time),
    ("STRING", TO_STRING, Strict, to_string),
    ("CURRENT_TIMESTAMP", &["-> TIMESTAMP"], Strict, |_| now().map(Value::Timestamp)),
    ("CURRENT_DATE", &["[STRING] -> DATE"], Strict, |a| date_of(zone_argument(a, 0)?.local(now()?))),
    ("CURRENT_DATETIME", &["[STRING] -> DATETIME"], Strict, |a| {
        Ok(Value::Datetime(zone_argument(a, 0)?.local(now()?)))
    }),
    ("CURRENT_TIME", &["[STRING] -> TIME"], Strict, |a| Ok(time_of(zone_argument(a, 0)?.local(now()?)))),
    ("UNIX_SECONDS", &["TIMESTAMP -> INT64"], Strict, |a| unix(a, 1_000_000)),
    ("UNIX_MILLIS", &["TIMESTAMP -> INT64"], Strict, |a| unix(a, 1_000)),
    ("UNIX_MICROS", &["TIMESTAMP -> INT64"], Strict, |a| unix(a, 1)),
    ("TIMESTAMP_SECONDS", &["INT64 -> TIMESTAMP"], Strict, |a| from_unix(a, "TIMESTAMP_SECONDS", 1_000_000)),
    ("TIMESTAMP_MILLIS", &["INT64 -> TIMESTAMP"], Strict, |a| from_unix(a, "TIMESTAMP_MILLIS", 1_000)),
    ("TIMESTAMP_MICROS", &["INT64 -> TIMESTAMP"], Strict, |a| from_unix(a, "TIMESTAMP_MICROS", 1)),
    ("UNIX_DATE", &["DATE -> INT64"], Strict, unix_date),
    ("DATE_FROM_UNIX_DATE", &["INT64 -> DATE"], Strict, from_unix_date),
];

fn message(error: crate::server::bigquery::value::ParseError) -> FunctionError {
    FunctionError::new(error.0)
}

/// Microseconds since 1970-01-01T00:00:00Z.
fn now() -> Outcome<i64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| FunctionError::new(error.to_string()))?;
    i64::try_from(since.as_micros()).map_err(|error| FunctionError::new(error.to_string()))
}

fn to_timestamp(arguments: &Arguments<'_>) -> Outcome<Value> {
    let zone = zone_argument(arguments, 1)?;
    let local = match arguments.value(0) {
        Value::Timestamp(micros) => return Ok(Value::Timestamp(*micros)),
        Value::String(text) => return parse_timestamp_in(text, &zone).map(Value::Timestamp).map_err(message),
        Value::Date(days) => i64::from(*days) * MICROS_PER_DAY,
        Value::Datetime(micros) => *micros,
        other => return unexpected(other, "TIMESTAMP"),
    };
    at(&zone, local, arguments.value(0))
}

fn at(zone: &Zone, local: i64, shown: &Value) -> Outcome<Value> {
    let overflow = || FunctionError::new(format!("Invalid timestamp: '{}'", shown.print().unwrap_or_default()));
    zone.instant(local).map(Value::Timestamp).ok_or_else(overflow)
}

/// The day of a local time.
pub(in crate::server::bigquery::function) fn date_of(local: i64) -> Outcome<Value> {
    i32::try_from(local.div_euclid(MICROS_PER_DAY)).map(Value::Date).map_err(|_| FunctionError::new("Invalid date"))
}

/// The time of day of a local time.
pub(in crate::server::bigquery::function) fn time_of(local: i64) -> Value {
    Value::Time(local.rem_euclid(MICROS_PER_DAY))
}

fn to_date(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.value(0) {
        Value::Int64(year) => {
            let (month, day) = (arguments.int(1)?, arguments.int(2)?);
            let Some(days) = days_of(*year, month, day) else {
                return fail(format!("Input calculates to invalid date: {year:04}-{month:02}-{day:02}"));
            };
            date_of(days * MICROS_PER_DAY)
        }
        Value::Timestamp(micros) => date_of(zone_argument(arguments, 1)?.local(*micros)),
        Value::Datetime(micros) => date_of(*micros),
        Value::String(text) => Value::parse(text, &crate::server::bigquery::value::Type::Date).map_err(message),
        other => Ok(other.clone()),
    }
}

fn to_datetime(arguments: &Arguments<'_>) -> Outcome<Value> {
    match (arguments.value(0), arguments.value(1)) {
        (Value::Int64(year), Value::Int64(month)) => {
            let clock = clock(arguments.int(3)?, arguments.int(4)?, arguments.int(5)?);
            let day = arguments.int(2)?;
            let micros = clock.and_then(|micros| Civil { year: *year, month: *month, day, micros }.to_micros());
            micros.map(Value::Datetime).ok_or_else(|| {
                FunctionError::new(format!("Input calculates to invalid datetime: {year:04}-{month:02}-{day:02}"))
            })
        }
        (Value::Date(days), Value::Time(micros)) => Ok(Value::Datetime(i64::from(*days) * MICROS_PER_DAY + micros)),
        (Value::Date(days), _) => Ok(Value::Datetime(i64::from(*days) * MICROS_PER_DAY)),
        (Value::Timestamp(micros), _) => in_years(zone_argument(arguments, 1)?.local(*micros)),
        (Value::String(text), _) => {
            Value::parse(text, &crate::server::bigquery::value::Type::Datetime).map_err(message)
        }
        (other, _) => Ok(other.clone()),
    }
}

fn in_years(local: i64) -> Outcome<Value> {
    if (MICROS_MIN..=MICROS_MAX).contains(&local) {
        Ok(Value::Datetime(local))
    } else {
        fail("Invalid datetime: out of range")
    }
}

/// Microseconds since midnight.
fn clock(hour: i64, minute: i64, second: i64) -> Option<i64> {
    let fits = (0..24).contains(&hour) && (0..60).contains(&minute) && (0..60).contains(&second);
    fits.then(|| ((hour * 60 + minute) * 60 + second) * 1_000_000)
}

fn to_time(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.value(0) {
        Value::Int64(hour) => {
            let (minute, second) = (arguments.int(1)?, arguments.int(2)?);
            let micros = clock(*hour, minute, second);
            micros.map(Value::Time).ok_or_else(|| {
                FunctionError::new(format!("Input calculates to invalid time: {hour:02}:{minute:02}:{second:02}"))
            })
        }
        Value::Timestamp(micros) => Ok(time_of(zone_argument(arguments, 1)?.local(*micros))),
        Value::Datetime(micros) => Ok(time_of(*micros)),
        Value::String(text) => Value::parse(text, &crate::server::bigquery::value::Type::Time).map_err(message),
        other => Ok(other.clone()),
    }
}

fn to_string(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.value(0) {
        Value::Timestamp(micros) => Ok(Value::String(print_timestamp_in(*micros, &zone_argument(arguments, 1)?))),
        Value::Json(text) => match serde_json::from_str(text) {
            Ok(serde_json::Value::String(text)) => Ok(Value::String(text)),
            _ => fail("The provided JSON input is not a string"),
        },
        other => Ok(other.print().map_or(Value::Null, Value::String)),
    }
}

/// Rounds down.
fn unix(arguments: &Arguments<'_>, unit: i64) -> Outcome<Value> {
    match arguments.value(0) {
        Value::Timestamp(micros) => Ok(Value::Int64(micros.div_euclid(unit))),
        other => unexpected(other, "TIMESTAMP"),
    }
}

fn from_unix(arguments: &Arguments<'_>, name: &str, unit: i64) -> Outcome<Value> {
    let n = arguments.int(0)?;
    let micros = n.checked_mul(unit).filter(|micros| (MICROS_MIN..=MICROS_MAX).contains(micros));
    micros.map(Value::Timestamp).ok_or_else(|| FunctionError::new(format!("Input to {name} is out of range: {n}")))
}

fn unix_date(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.value(0) {
        Value::Date(days) => Ok(Value::Int64(i64::from(*days))),
        other => unexpected(other, "DATE"),
    }
}

fn from_unix_date(arguments: &Arguments<'_>) -> Outcome<Value> {
    let days = arguments.int(0)?;
    if !(DAYS_MIN..=DAYS_MAX).contains(&days) {
        return fail(format!("DATE_FROM_UNIX_DATE range is -719162 to 2932896 but saw argument: {days}"));
    }
    date_of(days * MICROS_PER_DAY)
}
