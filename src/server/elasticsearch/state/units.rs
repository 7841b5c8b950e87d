//! Times and sizes as Elasticsearch writes them (`30s`, `1.5mb`), and the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::server::elasticsearch::error::ApiError;

/// Milliseconds since 1970.
pub(crate) fn now_millis() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// A time value in milliseconds, rounded up from finer units; `-1` is -1. `setting` is named in the refusal.
pub(crate) fn parse_time_value(text: &str, setting: &str) -> Result<i64, ApiError> {
    let refused = |what: &str| {
        ApiError::illegal_argument(format!(
            "failed to parse setting [{setting}] with value [{text}] as a time value: {what}"
        ))
    };
    let normalized = text.trim().to_ascii_lowercase();
    match normalized.as_str() {
        "-1" => return Ok(-1),
        "0" => return Ok(0),
        _ => {}
    }
    let digits_end = normalized.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(normalized.len());
    let (number, unit) = normalized.split_at(digits_end);
    // Nanoseconds of the unit.
    let nanos: i128 = match unit {
        "nanos" => 1,
        "micros" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        "d" => 86_400 * 1_000_000_000,
        _ => return Err(refused("unit is missing or unrecognized")),
    };
    let number: i64 =
        number.trim().parse().map_err(|_| ApiError::illegal_argument(format!("failed to parse [{text}]")))?;
    if number < 0 {
        return Err(refused("negative durations are not supported"));
    }
    let millis = (i128::from(number) * nanos + 999_999) / 1_000_000;
    i64::try_from(millis).map_err(|_| refused("the value is too large"))
}

/// A size in bytes; checks the unit, keeps nothing.
pub(crate) fn check_byte_size(text: &str, setting: &str) -> Result<(), ApiError> {
    let normalized = text.trim().to_ascii_lowercase();
    let digits_end = normalized.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(normalized.len());
    let (number, unit) = normalized.split_at(digits_end);
    let known = matches!(unit, "b" | "k" | "kb" | "m" | "mb" | "g" | "gb" | "t" | "tb" | "p" | "pb");
    if (known && number.trim().parse::<f64>().is_ok_and(|number| number >= 0.0))
        || matches!(normalized.as_str(), "-1" | "0")
    {
        return Ok(());
    }
    Err(ApiError::illegal_argument(format!(
        "failed to parse setting [{setting}] with value [{text}] as a size in bytes: unit is missing or unrecognized"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_values_have_units() {
        for (text, millis) in [("5s", 5_000), ("100ms", 100), ("1d", 86_400_000), ("-1", -1), ("0", 0), ("1micros", 1)]
        {
            assert_eq!(parse_time_value(text, "t").unwrap(), millis, "{text}");
        }
        for text in ["5", "abc", "5x", "-5s", ""] {
            assert!(parse_time_value(text, "t").is_err(), "{text}");
        }
    }
}
