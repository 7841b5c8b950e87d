//! PARSE_DATE, PARSE_DATETIME, PARSE_TIME, PARSE_TIMESTAMP: elements as C's strptime has them.

use super::Row;
use super::date::zone_argument;
use super::moment::{date_of, time_of};
use super::strftime::{MONTHS, WEEKDAYS, element_length};
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Strict};
use crate::server::bigquery::function::error::{FunctionError, Outcome};
use crate::server::bigquery::value::Value;
use crate::server::bigquery::value::calendar::{Civil, MICROS_MAX, MICROS_MIN, MICROS_PER_DAY, days_of};
use crate::server::bigquery::value::text::{Zone, zone};

pub(super) const ROWS: &[Row] = &[
    ("PARSE_DATE", &["STRING, STRING -> DATE"], Strict, |a| date_of(local(a)?)),
    ("PARSE_DATETIME", &["STRING, STRING -> DATETIME"], Strict, |a| local(a).map(Value::Datetime)),
    ("PARSE_TIME", &["STRING, STRING -> TIME"], Strict, |a| local(a).map(time_of)),
    ("PARSE_TIMESTAMP", &["STRING, STRING, [STRING] -> TIMESTAMP"], Strict, timestamp),
];

fn failed(text: &str) -> FunctionError {
    FunctionError::new(format!("Failed to parse input string \"{text}\""))
}

fn read<'t>(format: &str, text: &'t str) -> Outcome<Fields<'t>> {
    let mut fields = Fields { rest: text, ..Fields::default() };
    let read = fields.read(format.trim_start(), 0).filter(|()| fields.rest.trim().is_empty());
    read.map(|()| fields).ok_or_else(|| failed(text))
}

fn local(arguments: &Arguments<'_>) -> Outcome<i64> {
    let text = arguments.text(1)?;
    read(arguments.text(0)?, text)?
        .local()
        .filter(|micros| (MICROS_MIN..=MICROS_MAX).contains(micros))
        .ok_or_else(|| failed(text))
}

fn timestamp(arguments: &Arguments<'_>) -> Outcome<Value> {
    let text = arguments.text(1)?;
    let fields = read(arguments.text(0)?, text)?;
    let zone = match &fields.zone {
        Some(zone) => zone.clone(),
        None => zone_argument(arguments, 2)?,
    };
    let instant = match fields.epoch {
        Some(seconds) => seconds.checked_mul(1_000_000).filter(|micros| (MICROS_MIN..=MICROS_MAX).contains(micros)),
        None => fields.local().and_then(|local| zone.instant(local)),
    };
    instant.map(Value::Timestamp).ok_or_else(|| failed(text))
}

/// What was read; what was not is 1970-01-01 00:00:00.
#[derive(Default)]
struct Fields<'a> {
    rest: &'a str,
    year: Option<i64>,
    /// Of `%y`, until a century is known.
    short_year: Option<i64>,
    century: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    /// Of `%I`: it waits for `%p`.
    hour12: Option<i64>,
    afternoon: Option<bool>,
    minute: i64,
    second: i64,
    fraction: i64,
    epoch: Option<i64>,
    zone: Option<Zone>,
}

impl Fields<'_> {
    /// Reads the text by a format. `depth` bounds elements that stand for formats.
    fn read(&mut self, format: &str, depth: usize) -> Option<()> {
        let mut format = format;
        while let Some(c) = format.chars().next() {
            format = format.get(c.len_utf8()..)?;
            if c.is_whitespace() {
                self.rest = self.rest.trim_start();
            } else if c == '%' {
                let length = element_length(format);
                self.element(format.get(..length)?, depth)?;
                format = format.get(length..)?;
            } else {
                self.rest = self.rest.strip_prefix(c)?;
            }
        }
        Some(())
    }

    fn element(&mut self, name: &str, depth: usize) -> Option<()> {
        match name {
            "Y" | "E4Y" => self.year = Some(self.number(1, 4, 1..=9999)?),
            "y" => self.short_year = Some(self.number(1, 2, 0..=99)?),
            "C" => self.century = Some(self.number(1, 2, 0..=99)?),
            "m" => self.month = Some(self.number(1, 2, 1..=12)?),
            "b" | "B" | "h" => self.month = Some(self.name(&MONTHS)? + 1),
            "d" | "e" => self.day = Some(self.padded(1..=31)?),
            "j" => self.day_of_year = Some(self.number(1, 3, 1..=366)?),
            "H" | "k" => {
                self.hour = self.padded(0..=23)?;
                self.hour12 = None;
            }
            "I" | "l" => self.hour12 = Some(self.padded(1..=12)?),
            "M" => self.minute = self.number(1, 2, 0..=59)?,
            "S" => self.second = self.number(1, 2, 0..=60)?,
            "p" | "P" => self.afternoon = Some(self.name(&["AM", "PM"])? == 1),
            "a" | "A" => {
                self.name(&WEEKDAYS)?;
            }
            "s" => self.epoch = Some(self.signed()?),
            "z" | "Ez" => self.zone = Some(self.offset()?),
            "Z" => self.zone = Some(self.zone_name()?),
            "n" | "t" => self.rest = self.rest.trim_start(),
            "%" => self.rest = self.rest.strip_prefix('%')?,
            other => return self.compound(other, depth),
        }
        Some(())
    }

    fn compound(&mut self, name: &str, depth: usize) -> Option<()> {
        let format = match name {
            "F" => "%Y-%m-%d",
            "T" | "X" => "%H:%M:%S",
            "R" => "%H:%M",
            "D" | "x" => "%m/%d/%y",
            "c" => "%a %b %e %H:%M:%S %Y",
            // Weeks and quarters are read but say no date.
            "U" | "W" | "V" => return self.number(1, 2, 0..=53).map(drop),
            "u" | "w" | "Q" => return self.number(1, 1, 0..=7).map(drop),
            "G" => return self.number(1, 4, 1..=9999).map(drop),
            "g" => return self.number(1, 2, 0..=99).map(drop),
            extended if extended.starts_with('E') && extended.ends_with('S') => return self.seconds(),
            _ => return None,
        };
        if depth > 0 { None } else { self.read(format, depth + 1) }
    }

    fn seconds(&mut self) -> Option<()> {
        self.second = self.number(1, 2, 0..=60)?;
        let Some(after) = self.rest.strip_prefix('.') else { return Some(()) };
        let digits = after.bytes().take_while(u8::is_ascii_digit).count();
        // Beyond microseconds digits are dropped.
        let kept = format!("{:0<6}", after.get(..digits.min(6))?);
        self.fraction = kept.parse().ok()?;
        self.rest = after.get(digits..)?;
        Some(())
    }

    fn number(&mut self, least: usize, most: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let digits = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        if digits < least { None } else { number.parse().ok().filter(|number| range.contains(number)) }
    }

    /// A blank may stand for the first digit.
    fn padded(&mut self, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        self.rest = self.rest.trim_start();
        self.number(1, 2, range)
    }

    fn signed(&mut self) -> Option<i64> {
        let (sign, rest) = match self.rest.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, self.rest),
        };
        self.rest = rest;
        self.number(1, 12, 0..=i64::MAX).map(|number| sign * number)
    }

    /// A name, whole or its first three letters, in any letter case: its index.
    fn name(&mut self, names: &[&str]) -> Option<i64> {
        for (index, name) in names.iter().enumerate() {
            for form in [*name, name.get(..3).unwrap_or(name)] {
                let found = self.rest.get(..form.len()).is_some_and(|start| start.eq_ignore_ascii_case(form));
                if found {
                    self.rest = self.rest.get(form.len()..)?;
                    return i64::try_from(index).ok();
                }
            }
        }
        None
    }

    fn offset(&mut self) -> Option<Zone> {
        if let Some(rest) = self.rest.strip_prefix(['Z', 'z']) {
            self.rest = rest;
            return Some(Zone::UTC);
        }
        self.take_zone(|c| c.is_ascii_digit() || "+-:".contains(c))
    }

    fn zone_name(&mut self) -> Option<Zone> {
        self.take_zone(|c| c.is_ascii_alphanumeric() || "/_+-:".contains(c))
    }

    fn take_zone(&mut self, belongs: fn(char) -> bool) -> Option<Zone> {
        let end = self.rest.find(|c: char| !belongs(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        zone(name).ok()
    }

    fn local(&self) -> Option<i64> {
        let year = match (self.year, self.short_year, self.century) {
            (Some(year), ..) => year,
            (None, short, Some(century)) => century * 100 + short.unwrap_or(0),
            // As POSIX has it: 69 to 99 are of the last century.
            (None, Some(short), None) => short + if short >= 69 { 1900 } else { 2000 },
            (None, None, None) => 1970,
        };
        let hour = match (self.hour12, self.afternoon) {
            (Some(hour), afternoon) => hour % 12 + if afternoon == Some(true) { 12 } else { 0 },
            (None, _) => self.hour,
        };
        let clock = ((hour * 60 + self.minute) * 60 + self.second) * 1_000_000 + self.fraction;
        let days = match self.day_of_year {
            Some(day) => Some(days_of(year, 1, 1)? + day - 1)
                .filter(|days| Civil::of_micros(days * MICROS_PER_DAY).year == year)?,
            None => days_of(year, self.month.unwrap_or(1), self.day.unwrap_or(1))?,
        };
        Some(days * MICROS_PER_DAY + clock)
    }
}
