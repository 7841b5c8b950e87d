//! Dates in aggregation requests: bounds, missing values and time zones.

use jiff::tz::{Offset, TimeZone};

use super::options::Opt;
use crate::server::elasticsearch::codec::json::JsonValue;
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::mapping::DateFormat;
use crate::server::elasticsearch::search::fault::Fault;

pub(crate) use crate::server::elasticsearch::search::Clock;

/// A date or date math expression as milliseconds since 1970.
pub(super) fn parse(text: &str, format: &DateFormat, zone: &TimeZone, clock: Clock) -> Result<i64, Exception> {
    crate::server::elasticsearch::search::date_math::parse(text, format, false, zone, clock)
}

/// The option `time_zone`: a region, an offset (`+05:30`, `UTC+05:30`), or a number of hours.
pub(super) fn zone(option: &Opt<'_>) -> Result<TimeZone, Fault> {
    match &option.value().value {
        JsonValue::Int(hours) => i8::try_from(*hours)
            .ok()
            .and_then(|hours| Offset::from_hours(hours).ok())
            .map(TimeZone::fixed)
            .ok_or_else(|| option.illegal(format!("Zone offset hours not in valid range: value {hours}"))),
        JsonValue::String(text) => named_zone(text).ok_or_else(|| {
            let exception = Exception::new("zone_rules_exception", format!("Unknown time-zone ID: {text}"));
            option.failed(Fault { at: option.at(), exception })
        }),
        _ => Err(option.unsupported()),
    }
}

/// A time zone by its Java name; the three-letter ones that Java does not know by default are unknown.
pub(super) fn named_zone(text: &str) -> Option<TimeZone> {
    if matches!(text, "Z" | "UTC" | "GMT" | "UT") {
        return Some(TimeZone::UTC);
    }
    let offset = ["UTC", "GMT", "UT"].iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(text);
    if offset.starts_with(['+', '-']) {
        return fixed_offset(offset);
    }
    if matches!(text, "EST" | "MST" | "HST") {
        return None;
    }
    TimeZone::get(text).ok().filter(|zone| zone.iana_name() == Some(text))
}

/// `+5`, `+05`, `+0530`, `+05:30`, `+05:30:15`.
fn fixed_offset(text: &str) -> Option<TimeZone> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text.get(1..)?.chars().filter(|c| *c != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || !matches!(digits.len(), 1 | 2 | 4 | 6) {
        return None;
    }
    let padded = if digits.len() == 1 { format!("0{digits}") } else { digits };
    let part = |at: usize| padded.get(at..at + 2).map_or(Some(0), |part| part.parse::<i32>().ok());
    let (hours, minutes, seconds) = (part(0)?, part(2)?, part(4)?);
    if minutes > 59 || seconds > 59 || hours > 18 {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60 + seconds)).ok().map(TimeZone::fixed)
}

/// `90m`, `+6h`, `-1d`: whole numbers with a unit, in milliseconds. The reasons are those of Elasticsearch's `TimeValue`.
pub(super) fn time_value(text: &str, setting: &str) -> Result<i64, Exception> {
    let illegal = |reason: String| Exception::new("illegal_argument_exception", reason);
    let lower = text.trim().to_lowercase();
    let units: [(&str, i64); 6] =
        [("nanos", 0), ("micros", 0), ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000)];
    let day = ("d", 86_400_000);
    let found = units
        .iter()
        .chain(std::iter::once(&day))
        .find_map(|(unit, millis)| lower.strip_suffix(unit).map(|number| (number.trim(), *millis)));
    // `1M` would be a month: the one unit whose case counts.
    let found = found.filter(|_| !text.trim().ends_with('M'));
    let Some((number, millis)) = found.filter(|_| lower != "0") else {
        if lower == "0" || lower == "-1" {
            return Ok(if lower == "0" { 0 } else { -1 });
        }
        return Err(illegal(format!(
            "failed to parse setting [{setting}] with value [{text}] as a time value: unit is missing or unrecognized"
        )));
    };
    let value: i64 = number.parse().map_err(|_| {
        let cause = Exception::new("number_format_exception", format!("For input string: \"{number}\""));
        let fractional = number.parse::<f64>().is_ok();
        let what = if fractional { ", fractional time values are not supported" } else { "" };
        illegal(format!("failed to parse [{text}]{what}")).caused_by(cause)
    })?;
    value.checked_mul(millis).ok_or_else(|| illegal(format!("failed to parse [{text}]: value is out of range")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_values_take_whole_numbers_with_a_unit() {
        let check = |text: &str, expected: Option<i64>| assert_eq!(time_value(text, "s").ok(), expected, "{text}");
        check("90m", Some(5_400_000));
        check("+6h", Some(21_600_000));
        check("-1d", Some(-86_400_000));
        check("1D", Some(86_400_000));
        check("5ms", Some(5));
        check("1M", None);
        check("1w", None);
        check("1.5h", None);
        check("x", None);
        check("99999999999999999d", None);
    }

    #[test]
    fn zones_have_java_names() {
        for known in ["UTC", "Z", "Asia/Kolkata", "+05:30", "-0330", "UTC+05:30", "America/New_York"] {
            assert!(named_zone(known).is_some(), "{known}");
        }
        for unknown in ["IST", "EST", "Mars/X", "asia/kolkata", "+99:00", "+05:99", ""] {
            assert!(named_zone(unknown).is_none(), "{unknown}");
        }
    }
}
