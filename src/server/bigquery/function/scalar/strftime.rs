//! FORMAT_DATE, FORMAT_DATETIME, FORMAT_TIME, FORMAT_TIMESTAMP: elements as C's strftime has them.

use super::Row;
use super::date::zone_argument;
use super::part::{day_of_year, iso_week, week_of_year, weekday};
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Strict, unexpected};
use crate::server::bigquery::function::error::Outcome;
use crate::server::bigquery::value::Value;
use crate::server::bigquery::value::calendar::{Civil, MICROS_PER_DAY};

pub(super) const ROWS: &[Row] = &[
    (
        "FORMAT_DATE",
        &["STRING, DATE -> STRING", "STRING, DATETIME -> STRING", "STRING, TIMESTAMP, [STRING] -> STRING"],
        Strict,
        format,
    ),
    ("FORMAT_DATETIME", &["STRING, DATETIME -> STRING"], Strict, format),
    ("FORMAT_TIME", &["STRING, TIME -> STRING"], Strict, format),
    ("FORMAT_TIMESTAMP", &["STRING, TIMESTAMP, [STRING] -> STRING"], Strict, format),
];

/// From Sunday.
pub(super) const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn format(arguments: &Arguments<'_>) -> Outcome<Value> {
    let zone = zone_argument(arguments, 2)?;
    let (local, offset) = match arguments.value(1) {
        Value::Date(days) => (i64::from(*days) * MICROS_PER_DAY, 0),
        Value::Time(micros) | Value::Datetime(micros) => (*micros, 0),
        Value::Timestamp(micros) => (zone.local(*micros), zone.offset(*micros)),
        other => return unexpected(other, "TIMESTAMP"),
    };
    let moment = Moment { civil: Civil::of_micros(local), days: local.div_euclid(MICROS_PER_DAY), local, offset };
    Ok(Value::String(moment.format(arguments.text(0)?)))
}

struct Moment {
    civil: Civil,
    days: i64,
    local: i64,
    /// Seconds east of UTC.
    offset: i64,
}

impl Moment {
    /// What is no element stays as it is.
    fn format(&self, format: &str) -> String {
        let mut out = String::new();
        let mut rest = format;
        while let Some(index) = rest.find('%') {
            out.push_str(rest.get(..index).unwrap_or_default());
            let element = rest.get(index + 1..).unwrap_or_default();
            let taken = element_length(element);
            let name = element.get(..taken).unwrap_or_default();
            match self.element(name) {
                Some(text) => out.push_str(&text),
                None => {
                    out.push('%');
                    out.push_str(name);
                }
            }
            rest = element.get(taken..).unwrap_or_default();
        }
        out.push_str(rest);
        out
    }

    fn element(&self, name: &str) -> Option<String> {
        if let Some(digits) = name.strip_prefix('E') {
            return self.extended(digits);
        }
        let civil = &self.civil;
        let hour12 = (civil.hour() + 11) % 12 + 1;
        Some(match name {
            "Y" => civil.year.to_string(),
            "C" => format!("{:02}", civil.year / 100),
            "y" => format!("{:02}", civil.year % 100),
            "m" => format!("{:02}", civil.month),
            "d" => format!("{:02}", civil.day),
            "e" => format!("{:2}", civil.day),
            "H" => format!("{:02}", civil.hour()),
            "k" => format!("{:2}", civil.hour()),
            "I" => format!("{hour12:02}"),
            "l" => format!("{hour12:2}"),
            "M" => format!("{:02}", civil.minute()),
            "S" => format!("{:02}", civil.second()),
            "p" => if civil.hour() < 12 { "AM" } else { "PM" }.to_owned(),
            "P" => if civil.hour() < 12 { "am" } else { "pm" }.to_owned(),
            "s" => (self.local.div_euclid(1_000_000) - self.offset).to_string(),
            "n" => "\n".to_owned(),
            "t" => "\t".to_owned(),
            "%" => "%".to_owned(),
            "z" => self.zone(""),
            "Z" => self.zone_name(),
            "F" => self.format("%Y-%m-%d"),
            "T" | "X" => self.format("%H:%M:%S"),
            "R" => self.format("%H:%M"),
            "D" | "x" => self.format("%m/%d/%y"),
            "c" => self.format("%a %b %e %H:%M:%S %Y"),
            other => return self.calendar(other),
        })
    }

    fn calendar(&self, name: &str) -> Option<String> {
        let (iso_year, iso_number) = iso_week(self.days);
        let day = weekday(self.days);
        let of = |names: &'static [&'static str], index: i64| {
            usize::try_from(index).ok().and_then(|index| names.get(index).copied())
        };
        Some(match name {
            "A" => of(&WEEKDAYS, day)?.to_owned(),
            "a" => of(&WEEKDAYS, day)?.get(..3)?.to_owned(),
            "B" => of(&MONTHS, self.civil.month - 1)?.to_owned(),
            "b" | "h" => of(&MONTHS, self.civil.month - 1)?.get(..3)?.to_owned(),
            "j" => format!("{:03}", day_of_year(self.days)),
            "Q" => ((self.civil.month + 2) / 3).to_string(),
            "U" => format!("{:02}", week_of_year(self.days, 0)),
            "W" => format!("{:02}", week_of_year(self.days, 1)),
            "V" => format!("{iso_number:02}"),
            "G" => iso_year.to_string(),
            "g" => format!("{:02}", iso_year % 100),
            "u" => (if day == 0 { 7 } else { day }).to_string(),
            "w" => day.to_string(),
            "J" => format!("{:03}", day_of_year(self.days)),
            _ => return None,
        })
    }

    /// `%Ez`, `%E*S`, `%E3S`, `%E4Y`.
    fn extended(&self, name: &str) -> Option<String> {
        let seconds = format!("{:02}", self.civil.second());
        let fraction = format!("{:06}", self.civil.fraction());
        match name {
            "z" => Some(self.zone(":")),
            "4Y" => Some(format!("{:04}", self.civil.year)),
            "*S" => {
                let fraction = fraction.trim_end_matches('0');
                Some(if fraction.is_empty() { seconds } else { format!("{seconds}.{fraction}") })
            }
            _ => {
                let digits: usize = name.strip_suffix('S')?.parse().ok()?;
                Some(if digits == 0 {
                    seconds
                } else {
                    format!("{seconds}.{:0<digits$}", fraction.get(..digits.min(6))?)
                })
            }
        }
    }

    fn zone(&self, between: &str) -> String {
        let minutes = self.offset.abs() / 60;
        let sign = if self.offset < 0 { '-' } else { '+' };
        format!("{sign}{:02}{between}{:02}", minutes / 60, minutes % 60)
    }

    /// `UTC`, `UTC-5`, `UTC+5:30`.
    fn zone_name(&self) -> String {
        let minutes = self.offset.abs() / 60;
        let sign = if self.offset < 0 { '-' } else { '+' };
        match (minutes / 60, minutes % 60) {
            (0, 0) => "UTC".to_owned(),
            (hours, 0) => format!("UTC{sign}{hours}"),
            (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
        }
    }
}

/// Bytes of the element's name after `%`: one character, or `E` with what belongs to it.
pub(super) fn element_length(element: &str) -> usize {
    let mut chars = element.chars();
    match chars.next() {
        Some('E') => match (chars.next(), chars.next()) {
            (Some('z'), _) => 2,
            (Some(c), Some('S' | 'Y')) if c == '*' || c.is_ascii_digit() => 3,
            _ => 1,
        },
        Some(c) => c.len_utf8(),
        None => 0,
    }
}
