//! Dates in ISO 8601, from a bare year to nanoseconds, with or without a zone of their own.

use std::sync::LazyLock;

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use regex::{Captures, Regex};

use super::TimeError;

/// `2024`, `2024-03`, `2024-03-01`, then `T` or a blank, hours, minutes, seconds and a fraction, then `Z` or `+05:30`.
static DATE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x) ^ (?<year>[0-9]{4}) (?: -(?<month>[0-9]{2}) (?: -(?<day>[0-9]{2})
        (?: [Tt\ ] (?<hour>[0-9]{2})
        (?: :(?<minute>[0-9]{2}) (?: :(?<second>[0-9]{2}) (?: [.,](?<fraction>[0-9]{1,9}) )? )? )?
        (?<zone> [Zz] | (?<sign>[+-]) (?<zone_hours>[0-9]{2}) (?: :?(?<zone_minutes>[0-9]{2}) )? )? )? )? )? $",
    )
    .expect("the pattern is constant and tested")
});

/// Milliseconds since the epoch. A date without a zone is meant in `zone`. Digits alone are milliseconds since the
/// epoch already, but four of them are a year.
pub(super) fn parse(text: &str, zone: &TimeZone) -> Result<i64, TimeError> {
    let no_date = || TimeError::Date(text.to_owned());
    if let Some(ms) = epoch_ms(text) {
        let timestamp = Timestamp::from_millisecond(ms).map_err(|_| TimeError::OutOfRange(text.to_owned()))?;
        return Ok(timestamp.as_millisecond());
    }
    let parts = DATE.captures(text).ok_or_else(no_date)?;
    let date = civil(&parts).ok_or_else(no_date)?;
    let timestamp = match parts.name("zone") {
        None => zone.to_timestamp(date).ok(),
        Some(_) => offset(&parts).and_then(|offset| offset.to_timestamp(date).ok()),
    };
    timestamp.map(Timestamp::as_millisecond).ok_or_else(no_date)
}

fn epoch_ms(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_year = text.len() == 4 && digits.len() == 4;
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number && !is_year { text.parse().ok() } else { None }
}

fn civil(parts: &Captures) -> Option<DateTime> {
    let number = |name: &str, absent: i8| parts.name(name).map_or(Some(absent), |part| part.as_str().parse().ok());
    let year = parts.name("year")?.as_str().parse().ok()?;
    let fraction = parts.name("fraction").map_or("", |part| part.as_str());
    let nanoseconds = format!("{fraction:0<9}").parse().ok()?;
    DateTime::new(
        year,
        number("month", 1)?,
        number("day", 1)?,
        number("hour", 0)?,
        number("minute", 0)?,
        number("second", 0)?,
        nanoseconds,
    )
    .ok()
}

/// Of the date's own zone; `Z` has no hours.
fn offset(parts: &Captures) -> Option<Offset> {
    let number = |name: &str| parts.name(name).map_or(Some(0), |part| part.as_str().parse::<i32>().ok());
    let (hours, minutes) = (number("zone_hours")?, number("zone_minutes")?);
    if minutes > 59 {
        return None;
    }
    let seconds = hours * 3_600 + minutes * 60;
    let is_negative = parts.name("sign").is_some_and(|sign| sign.as_str() == "-");
    Offset::from_seconds(if is_negative { -seconds } else { seconds }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn a_date_without_zone_is_meant_in_the_zone_given() {
        let zone = TimeZone::get("Asia/Kolkata").unwrap();
        for (text, expected) in [
            ("2024", "2023-12-31T18:30:00Z"),
            ("2024-03", "2024-02-29T18:30:00Z"),
            ("2024-03-01", "2024-02-29T18:30:00Z"),
            ("2024-03-01T09:15", "2024-03-01T03:45:00Z"),
            ("2024-03-01 09:15:30", "2024-03-01T03:45:30Z"),
            ("2024-03-01T09:15:30.5", "2024-03-01T03:45:30.500Z"),
        ] {
            assert_eq!(parse(text, &zone), Ok(utc(expected)), "{text}");
        }
    }

    #[test]
    fn a_date_with_zone_needs_no_other() {
        let zone = TimeZone::get("America/New_York").unwrap();
        for (text, expected) in [
            ("2024-03-01T00:00:00.000Z", "2024-03-01T00:00:00Z"),
            ("2024-03-01T00:00:00.123456Z", "2024-03-01T00:00:00.123Z"),
            ("2024-03-01T09:15:00+05:30", "2024-03-01T03:45:00Z"),
            ("2024-03-01T09:15:00+0530", "2024-03-01T03:45:00Z"),
            ("2024-03-01T09:15-05", "2024-03-01T14:15:00Z"),
            ("1709251200000", "2024-03-01T00:00:00Z"),
            ("-1", "1969-12-31T23:59:59.999Z"),
            ("0", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse(text, &zone), Ok(utc(expected)), "{text}");
        }
    }

    #[test]
    fn an_hour_that_the_clocks_leave_out_is_moved_on() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        assert_eq!(parse("2024-03-31T02:30:00", &zone), Ok(utc("2024-03-31T01:30:00Z")));
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "-",
            "yesterday",
            "2024-13-01",
            "2024-02-30",
            "2024-03-01T25:00",
            "2024-3-1",
            "2024-03-01T09:15:00+99:00",
            "2024-03-01T09:15:00+05:75",
            "2024-03-01Z",
            "2024-03-01T09:15:00Zx",
            "99999999999999999999",
        ] {
            assert_eq!(parse(text, &TimeZone::UTC), Err(TimeError::Date(text.to_owned())), "{text}");
        }
        let text = "9223372036854775807";
        assert_eq!(parse(text, &TimeZone::UTC), Err(TimeError::OutOfRange(text.to_owned())));
    }
}
