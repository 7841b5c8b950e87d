//! Date math: an anchor (`now`, or a date and `||`), then steps such as `+1M`, `-2d` and rounding `/d`.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned};

use super::Clock;
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::mapping::DateFormat;

/// Milliseconds since 1970 of a query's date text.
///
/// `round_up` takes the last millisecond where the text leaves parts open or rounds (`gt`, `lte`). `zone` applies to dates
/// without an offset and to rounding, not to `now` itself.
///
/// # Errors
/// `parse_exception` with Elasticsearch's text.
pub(crate) fn parse(
    text: &str,
    format: &DateFormat,
    round_up: bool,
    zone: &TimeZone,
    clock: Clock,
) -> Result<i64, Exception> {
    let (anchor, math) = match text.strip_prefix("now") {
        Some(math) => (clock.now_ms, math),
        None => match text.split_once("||") {
            None => return parse_date(text, format, round_up, zone),
            Some((date, math)) => (parse_date(date, format, false, zone)?, math),
        },
    };
    apply(anchor, math, round_up, zone)
}

fn parse_date(text: &str, format: &DateFormat, round_up: bool, zone: &TimeZone) -> Result<i64, Exception> {
    format.parse_rounded(text, round_up, zone).map_err(|error| error.to_query_exception(text, format.pattern()))
}

fn apply(anchor: i64, math: &str, round_up: bool, zone: &TimeZone) -> Result<i64, Exception> {
    let mut time = at(anchor, zone, math)?;
    let mut rest = math;
    while let Some(operator) = rest.chars().next() {
        rest = rest.get(operator.len_utf8()..).unwrap_or_default();
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let Some(unit) = after.chars().next() else {
            return Err(refused(format!("truncated date math [{math}]")));
        };
        rest = after.get(unit.len_utf8()..).unwrap_or_default();
        let amount: i64 = match number {
            "" => 1,
            _ => number.parse().map_err(|_| out_of_range(math))?,
        };
        time = match operator {
            '/' if amount != 1 => {
                return Err(refused(format!("rounding `/` can only be used on single unit types [{math}]")));
            }
            '/' => round(&time, unit, round_up, math)?,
            '+' => step(&time, unit, amount, math)?,
            '-' => step(&time, unit, -amount, math)?,
            _ => return Err(refused(format!("operator not supported for date math [{math}]"))),
        };
    }
    Ok(time.timestamp().as_millisecond())
}

fn at(millis: i64, zone: &TimeZone, math: &str) -> Result<Zoned, Exception> {
    Timestamp::from_millisecond(millis).map(|instant| instant.to_zoned(zone.clone())).map_err(|_| out_of_range(math))
}

fn span(unit: char, amount: i64, math: &str) -> Result<Span, Exception> {
    let none = Span::new();
    let span = match unit {
        'y' => none.try_years(amount),
        'M' => none.try_months(amount),
        'w' => none.try_weeks(amount),
        'd' => none.try_days(amount),
        'h' | 'H' => none.try_hours(amount),
        'm' => none.try_minutes(amount),
        's' => none.try_seconds(amount),
        _ => return Err(unsupported(unit, math)),
    };
    span.map_err(|_| out_of_range(math))
}

fn step(time: &Zoned, unit: char, amount: i64, math: &str) -> Result<Zoned, Exception> {
    time.checked_add(span(unit, amount, math)?).map_err(|_| out_of_range(math))
}

/// To the start of the unit, or to its last millisecond.
fn round(time: &Zoned, unit: char, up: bool, math: &str) -> Result<Zoned, Exception> {
    let floor = floor(time, unit, math)?;
    if !up {
        return Ok(floor);
    }
    let next = floor.checked_add(span(unit, 1, math)?).map_err(|_| out_of_range(math))?;
    next.checked_sub(1.millisecond()).map_err(|_| out_of_range(math))
}

fn floor(time: &Zoned, unit: char, math: &str) -> Result<Zoned, Exception> {
    let date = time.date();
    let clock = time.time();
    let whole_day = |date: jiff::civil::Date| date.to_zoned(time.time_zone().clone());
    let floor = match unit {
        'y' => whole_day(date.first_of_year()),
        'M' => whole_day(date.first_of_month()),
        'w' => {
            let back = i64::from(date.weekday().to_monday_zero_offset());
            date.checked_sub(back.days()).and_then(whole_day)
        }
        'd' => whole_day(date),
        // An hour or less: by subtracting what has passed of it, so that a repeated hour stays the one it was.
        'h' | 'H' => time.checked_sub(
            i64::from(clock.minute())
                .minutes()
                .seconds(i64::from(clock.second()))
                .nanoseconds(i64::from(clock.subsec_nanosecond())),
        ),
        'm' => time.checked_sub(i64::from(clock.second()).seconds().nanoseconds(i64::from(clock.subsec_nanosecond()))),
        's' => time.checked_sub(i64::from(clock.subsec_nanosecond()).nanoseconds()),
        _ => return Err(unsupported(unit, math)),
    };
    floor.map_err(|_| out_of_range(math))
}

fn unsupported(unit: char, math: &str) -> Exception {
    refused(format!("unit [{unit}] not supported for date math [{math}]"))
}

fn out_of_range(math: &str) -> Exception {
    refused(format!("date math [{math}] leads out of the range of dates"))
}

fn refused(reason: String) -> Exception {
    Exception::new("parse_exception", reason)
}

/// A time zone as Java names it: `Z`, `UTC`, `+05:30`, `UTC+05:30`, or a region.
///
/// # Errors
/// `zone_rules_exception`.
pub(crate) fn zone(name: &str) -> Result<TimeZone, Exception> {
    if matches!(name, "Z" | "UTC" | "GMT" | "UT") {
        return Ok(TimeZone::UTC);
    }
    let offset = ["UTC", "GMT", "UT"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    if offset.starts_with(['+', '-']) {
        return fixed_offset(offset).ok_or_else(|| {
            Exception::new("date_time_exception", format!("Invalid ID for offset-based ZoneId: {name}"))
        });
    }
    let unknown = || Exception::new("zone_rules_exception", format!("Unknown time-zone ID: {name}"));
    // Java's region ids are those of the tz database with a slash, and a few more; abbreviations are none of them.
    let region = name.contains('/') || !name.bytes().all(|byte| byte.is_ascii_uppercase());
    if !region {
        return Err(unknown());
    }
    TimeZone::get(name).map_err(|_| unknown())
}

fn fixed_offset(text: &str) -> Option<TimeZone> {
    let (sign, digits) = text.split_at_checked(1)?;
    let parts: Vec<&str> = match (digits.contains(':'), digits.len()) {
        (true, _) => digits.split(':').collect(),
        (false, 1 | 2) => vec![digits],
        (false, 4) => vec![digits.get(..2)?, digits.get(2..)?],
        _ => return None,
    };
    let number = |index: usize| parts.get(index).map_or(Some(0), |part| part.parse::<i32>().ok());
    let (hours, minutes, seconds) = (number(0)?, number(1)?, number(2)?);
    if parts.len() > 3 || !(0..=18).contains(&hours) || !(0..60).contains(&minutes) || !(0..60).contains(&seconds) {
        return None;
    }
    let total = hours * 3600 + minutes * 60 + seconds;
    let signed = if sign == "-" { -total } else { total };
    jiff::tz::Offset::from_seconds(signed).ok().map(TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const NOON: i64 = 1_710_504_245_678; // 2024-03-15T12:04:05.678Z, a Friday

    fn millis(text: &str, round_up: bool, zone: &str) -> Result<i64, String> {
        let zone = super::zone(zone).map_err(|error| error.reason)?;
        parse(text, &DateFormat::default(), round_up, &zone, Clock { now_ms: NOON }).map_err(|error| error.reason)
    }

    #[test]
    fn math_steps_and_rounds_as_elasticsearch_does() {
        let iso = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        for (text, up, zone, expected) in [
            ("now", false, "+05:30", "2024-03-15T12:04:05.678Z"),
            ("now/d", false, "UTC", "2024-03-15T00:00:00Z"),
            ("now/d", true, "UTC", "2024-03-15T23:59:59.999Z"),
            ("now/d", false, "+05:30", "2024-03-14T18:30:00Z"),
            ("now-1M/M", false, "UTC", "2024-02-01T00:00:00Z"),
            ("now/w", false, "UTC", "2024-03-11T00:00:00Z"),
            ("now+1y/y", true, "UTC", "2025-12-31T23:59:59.999Z"),
            ("2024-01-31||+1M", false, "UTC", "2024-02-29T00:00:00Z"),
            ("2024-01-02||/h", true, "UTC", "2024-01-02T00:59:59.999Z"),
            ("now-15m", false, "UTC", "2024-03-15T11:49:05.678Z"),
            ("now-1d-2h+3s", false, "UTC", "2024-03-14T10:04:08.678Z"),
        ] {
            assert_eq!(millis(text, up, zone), Ok(iso(expected)), "{text} {up} {zone}");
        }
    }

    #[test]
    fn bad_math_is_refused_in_elasticsearchs_words() {
        for (text, reason) in [
            ("now-1q", "unit [q] not supported for date math [-1q]"),
            ("now/2d", "rounding `/` can only be used on single unit types [/2d]"),
            ("now*1d", "operator not supported for date math [*1d]"),
            ("now-1", "truncated date math [-1]"),
        ] {
            assert_eq!(millis(text, false, "UTC"), Err(reason.to_owned()));
        }
        assert_eq!(zone("Mars/X").unwrap_err().reason, "Unknown time-zone ID: Mars/X");
        assert!(zone("EST").is_err());
    }

    proptest! {
        #[test]
        fn any_text_gives_a_time_or_an_error(text in "(now|2024-01-02\\|\\|)?[-+/0-9yMwdhHmsq|é]{0,12}", up: bool) {
            let _unused = millis(&text, up, "Asia/Kolkata");
        }
    }
}
