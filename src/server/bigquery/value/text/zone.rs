//! Time zones: names of the tz database, `UTC`, and offsets as `+05:30`.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use super::ParseError;
use crate::server::bigquery::value::calendar::{Civil, MICROS_MAX, MICROS_MIN};

/// A time zone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Zone {
    /// Seconds east of UTC.
    Fixed(i64),
    Named(TimeZone),
}

impl Zone {
    pub(crate) const UTC: Self = Self::Fixed(0);

    /// Seconds east of UTC at an instant.
    pub(crate) fn offset(&self, micros: i64) -> i64 {
        match self {
            Self::Fixed(seconds) => *seconds,
            Self::Named(zone) => {
                Timestamp::from_microsecond(micros).map_or(0, |at| i64::from(zone.to_offset(at).seconds()))
            }
        }
    }

    /// The calendar's microseconds at an instant. May leave years 1 to 9999 by a day.
    pub(crate) fn local(&self, micros: i64) -> i64 {
        micros.saturating_add(self.offset(micros).saturating_mul(1_000_000))
    }

    /// The instant at which a clock in the zone shows `local`: the first one where it does so twice, and as if the clock had not been moved where
    /// it never does. `None` outside of years 1 to 9999.
    pub(crate) fn instant(&self, local: i64) -> Option<i64> {
        let instant = match self {
            Self::Fixed(seconds) => local.checked_sub(seconds.checked_mul(1_000_000)?)?,
            Self::Named(zone) => named_instant(zone, local)?,
        };
        (MICROS_MIN..=MICROS_MAX).contains(&instant).then_some(instant)
    }
}

fn named_instant(zone: &TimeZone, local: i64) -> Option<i64> {
    let civil = Civil::of_micros(local);
    let date =
        Date::new(i16::try_from(civil.year).ok()?, i8::try_from(civil.month).ok()?, i8::try_from(civil.day).ok()?);
    let time = Time::new(
        i8::try_from(civil.hour()).ok()?,
        i8::try_from(civil.minute()).ok()?,
        i8::try_from(civil.second()).ok()?,
        i32::try_from(civil.fraction() * 1000).ok()?,
    );
    let ambiguous = zone.to_ambiguous_timestamp(date.ok()?.to_datetime(time.ok()?));
    ambiguous.compatible().ok().map(Timestamp::as_microsecond)
}

/// A zone by its name or offset. `Invalid time zone: x`.
pub(crate) fn zone(text: &str) -> Result<Zone, ParseError> {
    if text.starts_with(['+', '-']) {
        return offset(text).map(Zone::Fixed).ok_or_else(|| invalid(text));
    }
    if text.eq_ignore_ascii_case("UTC") || text == "Z" || text == "z" {
        return Ok(Zone::UTC);
    }
    // `UTC+2` names an offset.
    if let Some(rest) = text.strip_prefix("UTC").filter(|rest| rest.starts_with(['+', '-'])) {
        return offset(rest).map(Zone::Fixed).ok_or_else(|| invalid(text));
    }
    // The database has names for offsets and local settings that BigQuery has not: only plain names are looked up.
    let plain = text.len() <= 64 && text.chars().all(|c| c.is_ascii_alphanumeric() || "/_+-".contains(c));
    match TimeZone::get(text) {
        Ok(zone) if plain => Ok(Zone::Named(zone)),
        _ => Err(invalid(text)),
    }
}

fn invalid(text: &str) -> ParseError {
    ParseError::new(format!("Invalid time zone: {text}"))
}

/// `(+|-)H[H][:MM]` or `(+|-)HHMM`, at most 14 hours, in seconds.
fn offset(text: &str) -> Option<i64> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let body = text.get(1..)?;
    let (hours, minutes) = match body.split_once(':') {
        Some(parts) => parts,
        None if body.len() == 4 => (body.get(..2)?, body.get(2..)?),
        None => (body, "0"),
    };
    let number = |text: &str| -> Option<i64> {
        let right = (1..=2).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if right { text.parse().ok() } else { None }
    };
    let seconds = number(hours)? * 3600 + number(minutes).filter(|minutes| *minutes < 60)? * 60;
    (seconds <= 14 * 3600).then_some(sign * seconds)
}
