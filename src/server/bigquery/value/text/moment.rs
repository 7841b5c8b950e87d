//! Dates and times as texts: `2024-01-31`, `09:15:00.123`, `2024-01-31 09:15:00+00`.

use super::ParseError;
use super::zone::{Zone, zone};
use crate::server::bigquery::value::calendar::{Civil, MICROS_MAX, MICROS_MIN, MICROS_PER_DAY, days_of, ymd_of};

/// `YYYY-[M]M-[D]D`.
pub(super) fn parse_date(text: &str) -> Result<i32, ParseError> {
    let mut reader = Reader { rest: text.trim() };
    let days = reader.date().filter(|_| reader.rest.is_empty()).and_then(|days| i32::try_from(days).ok());
    days.ok_or_else(|| ParseError(format!("Invalid date: '{text}'")))
}

/// `[H]H:[M]M:[S]S[.FFFFFF]`.
pub(super) fn parse_time(text: &str) -> Result<i64, ParseError> {
    let mut reader = Reader { rest: text.trim() };
    let micros = reader.time().filter(|micros| reader.rest.is_empty() && *micros < MICROS_PER_DAY);
    micros.ok_or_else(|| ParseError(format!("Invalid time string \"{text}\"")))
}

/// A date, and a time after a blank or `T`.
pub(super) fn parse_datetime(text: &str) -> Result<i64, ParseError> {
    let mut reader = Reader { rest: text.trim() };
    let micros = reader.datetime().filter(|micros| reader.rest.is_empty() && *micros <= MICROS_MAX);
    micros.ok_or_else(|| ParseError(format!("Invalid datetime string \"{text}\"")))
}

/// A date, a time, and a zone: an offset right after it, or a name after a blank; `fallback` without one.
pub(crate) fn parse_timestamp_in(text: &str, fallback: &Zone) -> Result<i64, ParseError> {
    let invalid = || ParseError(format!("Invalid timestamp: '{text}'"));
    let mut reader = Reader { rest: text.trim() };
    let local = reader.datetime().ok_or_else(invalid)?;
    let rest = reader.rest;
    let found = match rest.strip_prefix(' ') {
        _ if rest.is_empty() => None,
        Some(name) => Some(name),
        None if rest.starts_with(['+', '-', 'Z', 'z']) => Some(rest),
        None => return Err(invalid()),
    };
    let instant = match found {
        None => fallback.instant(local),
        Some(name) => zone(name).map_err(|_| invalid())?.instant(local),
    };
    instant.ok_or_else(invalid)
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    /// Days since 1970-01-01.
    fn date(&mut self) -> Option<i64> {
        let year = self.number(4, 4)?;
        self.eat('-')?;
        let month = self.number(1, 2)?;
        self.eat('-')?;
        days_of(year, month, self.number(1, 2)?)
    }

    /// Microseconds; a leap second counts as the next one.
    fn time(&mut self) -> Option<i64> {
        let hour = self.number(1, 2).filter(|hour| *hour < 24)?;
        self.eat(':')?;
        let minute = self.number(1, 2).filter(|minute| *minute < 60)?;
        self.eat(':')?;
        let second = self.number(1, 2).filter(|second| *second <= 60)?;
        let fraction = if self.rest.starts_with('.') { self.fraction()? } else { 0 };
        Some(((hour * 60 + minute) * 60 + second) * 1_000_000 + if second == 60 { 0 } else { fraction })
    }

    fn datetime(&mut self) -> Option<i64> {
        let days = self.date()?;
        // A date alone may be followed by a zone, so the blank belongs to the time only before a digit.
        let after =
            self.rest.strip_prefix([' ', 'T', 't']).filter(|after| after.starts_with(|c: char| c.is_ascii_digit()));
        let micros = match after {
            Some(after) => {
                self.rest = after;
                self.time()?
            }
            None => 0,
        };
        let all = days * MICROS_PER_DAY + micros;
        (MICROS_MIN..=MICROS_MAX).contains(&all).then_some(all)
    }

    /// Up to six digits after the point.
    fn fraction(&mut self) -> Option<i64> {
        self.eat('.')?;
        let before = self.rest.len();
        if !self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            return Some(0);
        }
        let value = self.number(1, 6)?;
        let digits = u32::try_from(before - self.rest.len()).ok()?;
        (!self.rest.starts_with(|c: char| c.is_ascii_digit())).then_some(value * 10_i64.pow(6 - digits))
    }

    fn number(&mut self, least: usize, most: usize) -> Option<i64> {
        let digits = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        if digits < least { None } else { number.parse().ok() }
    }

    fn eat(&mut self, wanted: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(wanted)?;
        Some(())
    }
}

pub(crate) fn print_date(days: i64) -> String {
    let (year, month, day) = ymd_of(days);
    format!("{year:04}-{month:02}-{day:02}")
}

/// With three or six digits of a fraction that is not zero.
pub(super) fn print_time(micros: i64) -> String {
    format!("{}{}", seconds(micros), short_fraction(micros))
}

/// With six digits of a fraction that is not zero, as the REST API has it.
pub(crate) fn print_time_micros(micros: i64) -> String {
    format!("{}{}", seconds(micros), long_fraction(micros))
}

pub(crate) fn print_datetime(micros: i64, between: char) -> String {
    let civil = Civil::of_micros(micros);
    format!("{}{between}{}", print_date(micros.div_euclid(MICROS_PER_DAY)), print_time(civil.micros))
}

pub(crate) fn print_datetime_micros(micros: i64, between: char) -> String {
    let civil = Civil::of_micros(micros);
    format!("{}{between}{}", print_date(micros.div_euclid(MICROS_PER_DAY)), print_time_micros(civil.micros))
}

/// `2024-01-31 09:15:00+00`, `.. 14:45:00.5+05:30`.
pub(crate) fn print_timestamp_in(micros: i64, zone: &Zone) -> String {
    let offset = zone.offset(micros);
    let (sign, minutes) = if offset < 0 { ('-', -offset / 60) } else { ('+', offset / 60) };
    let text = format!("{}{sign}{:02}", print_datetime(zone.local(micros), ' '), minutes / 60);
    if minutes % 60 == 0 { text } else { format!("{text}:{:02}", minutes % 60) }
}

fn seconds(micros: i64) -> String {
    let civil = Civil { year: 1970, month: 1, day: 1, micros };
    format!("{:02}:{:02}:{:02}", civil.hour(), civil.minute(), civil.second())
}

/// `.123`, `.123456` or nothing.
fn short_fraction(micros: i64) -> String {
    match micros.rem_euclid(1_000_000) {
        0 => String::new(),
        fraction if fraction % 1000 == 0 => format!(".{:03}", fraction / 1000),
        fraction => format!(".{fraction:06}"),
    }
}

fn long_fraction(micros: i64) -> String {
    match micros.rem_euclid(1_000_000) {
        0 => String::new(),
        fraction => format!(".{fraction:06}"),
    }
}
