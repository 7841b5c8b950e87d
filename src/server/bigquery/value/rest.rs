//! Values in the rows of REST answers: `{"f":[{"v":..}]}`, every scalar a string.

use serde_json::{Value as Json, json};

use super::text::{print_date, print_datetime_micros, print_time_micros, scientific, to_base64};
use super::{Field, Value};

/// How an answer writes `TIMESTAMP`s.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimestampFormat {
    /// Seconds as a float: `1.704100500123456E9`.
    #[default]
    Float64,
    /// Microseconds (`useInt64Timestamp`).
    Int64,
    /// `2024-01-01T09:15:00.123456Z`.
    Iso8601,
}

/// `formatOptions` of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RestFormat {
    pub timestamp: TimestampFormat,
}

impl Value {
    /// What stands at `v`.
    pub fn to_rest(&self, format: RestFormat) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Float64(value) => Json::String(scientific(*value)),
            Self::Bytes(bytes) => Json::String(to_base64(bytes)),
            Self::Time(micros) => Json::String(print_time_micros(*micros)),
            Self::Date(days) => Json::String(print_date(i64::from(*days))),
            Self::Datetime(micros) => Json::String(print_datetime_micros(*micros, 'T')),
            Self::Timestamp(micros) => Json::String(timestamp(*micros, format.timestamp)),
            Self::Array(items) => items.iter().map(|item| json!({"v": item.to_rest(format)})).collect(),
            Self::Struct(items) => Self::row(items, format),
            scalar => scalar.print().map_or(Json::Null, Json::String),
        }
    }

    /// `{"f":[{"v":..}]}` of a row's values.
    pub fn row(values: &[Self], format: RestFormat) -> Json {
        json!({"f": values.iter().map(|value| json!({"v": value.to_rest(format)})).collect::<Vec<_>>()})
    }

    /// As [`Value::row`], for the columns of a schema: an array that is NULL is an empty one in an answer.
    pub fn row_of(values: &[Self], fields: &[Field], format: RestFormat) -> Json {
        let cells = fields.iter().zip(values).map(|(field, value)| match (value, field.kind.element()) {
            (Self::Null, Some(_)) => json!({"v": []}),
            _ => json!({"v": value.to_rest(format)}),
        });
        json!({"f": cells.collect::<Vec<_>>()})
    }
}

fn timestamp(micros: i64, format: TimestampFormat) -> String {
    match format {
        TimestampFormat::Int64 => micros.to_string(),
        TimestampFormat::Iso8601 => format!("{}Z", print_datetime_micros(micros, 'T')),
        TimestampFormat::Float64 => float_seconds(micros),
    }
}

/// Digit by digit: a float of seconds has too few digits for microseconds in far years.
fn float_seconds(micros: i64) -> String {
    if micros.unsigned_abs() < 10_000_000_000_000 {
        #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
        return scientific(micros as f64 / 1e6);
    }
    let digits = micros.unsigned_abs().to_string();
    let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
    let rest = rest.trim_end_matches('0');
    let sign = if micros < 0 { "-" } else { "" };
    format!("{sign}{first}.{}E{}", if rest.is_empty() { "0" } else { rest }, digits.len() - 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scalar_is_a_string() {
        let format = RestFormat::default();
        for (value, expected) in [
            (Value::Null, Json::Null),
            (Value::Int64(42), json!("42")),
            (Value::Float64(1.0), json!("1.0")),
            (Value::Bool(true), json!("true")),
            (Value::Bytes(vec![1, 2]), json!("AQI=")),
            (Value::Numeric(1_100_000_000), json!("1.1")),
            (Value::Date(0), json!("1970-01-01")),
            (Value::Time(33_300_123_000), json!("09:15:00.123000")),
            (Value::Datetime(0), json!("1970-01-01T00:00:00")),
            (Value::Timestamp(1_704_100_500_123_456), json!("1.704100500123456E9")),
            (Value::Timestamp(0), json!("0.0")),
            (Value::Timestamp(-62_135_596_800_000_000), json!("-6.21355968E10")),
            (Value::Array(vec![Value::Int64(1)]), json!([{"v": "1"}])),
            (Value::Struct(vec![Value::Int64(1), Value::Null]), json!({"f": [{"v": "1"}, {"v": null}]})),
        ] {
            assert_eq!(value.to_rest(format), expected, "{value:?}");
        }
    }

    #[test]
    fn timestamps_come_as_asked_for() {
        let value = Value::Timestamp(1_704_100_500_123_456);
        let with = |timestamp| value.to_rest(RestFormat { timestamp });
        assert_eq!(with(TimestampFormat::Int64), json!("1704100500123456"));
        assert_eq!(with(TimestampFormat::Iso8601), json!("2024-01-01T09:15:00.123456Z"));
    }
}
