//! Date parts: what they are, and their arithmetic on the calendar's days and microseconds.

use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::calendar::{
    Civil, MICROS_MAX, MICROS_MIN, MICROS_PER_DAY, days_of, month_length, ymd_of,
};

/// A date part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// MICROSECOND to HOUR: microseconds in one.
    Fixed(i64),
    Day,
    DayOfWeek,
    DayOfYear,
    /// The weekday it begins with, Sunday 0.
    Week(i64),
    IsoWeek,
    Month,
    Quarter,
    Year,
    IsoYear,
}

impl Part {
    /// A part by its name. An unknown one is BigQuery's error.
    pub(super) fn read(name: &str) -> Outcome<Self> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "MICROSECOND" => Self::Fixed(1),
            "MILLISECOND" => Self::Fixed(1_000),
            "SECOND" => Self::Fixed(1_000_000),
            "MINUTE" => Self::Fixed(60_000_000),
            "HOUR" => Self::Fixed(3_600_000_000),
            "DAY" => Self::Day,
            "DAYOFWEEK" => Self::DayOfWeek,
            "DAYOFYEAR" => Self::DayOfYear,
            "WEEK" | "WEEK(SUNDAY)" => Self::Week(0),
            "WEEK(MONDAY)" => Self::Week(1),
            "WEEK(TUESDAY)" => Self::Week(2),
            "WEEK(WEDNESDAY)" => Self::Week(3),
            "WEEK(THURSDAY)" => Self::Week(4),
            "WEEK(FRIDAY)" => Self::Week(5),
            "WEEK(SATURDAY)" => Self::Week(6),
            "ISOWEEK" => Self::IsoWeek,
            "MONTH" => Self::Month,
            "QUARTER" => Self::Quarter,
            "YEAR" => Self::Year,
            "ISOYEAR" => Self::IsoYear,
            _ => return fail(format!("A valid date part name is required but found {name}")),
        })
    }
}

/// `TIMESTAMP_ADD does not support the MONTH date part`.
pub(super) fn unsupported<T>(function: &str, part: &str) -> Outcome<T> {
    fail(format!("{function} does not support the {} date part", part.to_ascii_uppercase()))
}

/// Microseconds of a part from MICROSECOND to DAY.
pub(super) fn fixed_micros(part: &str, function: &str) -> Outcome<i64> {
    match Part::read(part)? {
        Part::Fixed(micros) => Ok(micros),
        Part::Day => Ok(MICROS_PER_DAY),
        _ => unsupported(function, part),
    }
}

/// Sunday 0.
pub(super) fn weekday(days: i64) -> i64 {
    (days + 4).rem_euclid(7)
}

/// One-based.
pub(super) fn day_of_year(days: i64) -> i64 {
    let (year, ..) = ymd_of(days);
    days - days_of(year, 1, 1).unwrap_or(days) + 1
}

/// The week of the year by weeks that begin with a weekday; days before the first such one are in week 0.
pub(super) fn week_of_year(days: i64, start: i64) -> i64 {
    (day_of_year(days) + 6 - (weekday(days) - start).rem_euclid(7)) / 7
}

/// ISO 8601's year and week: the week of a day is in the year of its Thursday.
pub(super) fn iso_week(days: i64) -> (i64, i64) {
    let thursday = days - (weekday(days) + 6) % 7 + 3;
    (ymd_of(thursday).0, (day_of_year(thursday) - 1) / 7 + 1)
}

/// EXTRACT of a local time; `None` where the part has no number of a time.
pub(super) fn extract(part: Part, micros: i64) -> i64 {
    let civil = Civil::of_micros(micros);
    let days = micros.div_euclid(MICROS_PER_DAY);
    match part {
        Part::Fixed(1) => civil.fraction(),
        Part::Fixed(1_000) => civil.fraction() / 1_000,
        Part::Fixed(1_000_000) => civil.second(),
        Part::Fixed(60_000_000) => civil.minute(),
        Part::Fixed(_) => civil.hour(),
        Part::Day => civil.day,
        Part::DayOfWeek => weekday(days) + 1,
        Part::DayOfYear => day_of_year(days),
        Part::Week(start) => week_of_year(days, start),
        Part::IsoWeek => iso_week(days).1,
        Part::Month => civil.month,
        Part::Quarter => (civil.month + 2) / 3,
        Part::Year => civil.year,
        Part::IsoYear => iso_week(days).0,
    }
}

/// The first day of the part that a day is in. `None`: it lies before year 1, or there is no such part of days.
pub(super) fn truncate_days(part: Part, days: i64) -> Option<i64> {
    let (year, month, _) = ymd_of(days);
    let start = match part {
        Part::Day => days,
        Part::Week(start) => days - (weekday(days) - start).rem_euclid(7),
        Part::IsoWeek => days - (weekday(days) + 6) % 7,
        Part::Month => days_of(year, month, 1)?,
        Part::Quarter => days_of(year, (month - 1) / 3 * 3 + 1, 1)?,
        Part::Year => days_of(year, 1, 1)?,
        // The week with January the fourth is the first one.
        Part::IsoYear => {
            let fourth = days_of(iso_week(days).0, 1, 4)?;
            fourth - (weekday(fourth) + 6) % 7
        }
        Part::Fixed(_) | Part::DayOfWeek | Part::DayOfYear => return None,
    };
    (start >= crate::server::bigquery::value::calendar::DAYS_MIN).then_some(start)
}

/// As [`truncate_days`], on microseconds and with the parts of a day.
pub(super) fn truncate_micros(part: Part, micros: i64) -> Option<i64> {
    match part {
        Part::Fixed(unit) => Some(micros - micros.rem_euclid(unit)),
        part => truncate_days(part, micros.div_euclid(MICROS_PER_DAY)).map(|days| days * MICROS_PER_DAY),
    }
}

/// A local time moved by `n` parts; a day that a month has not becomes its last one. `None` beyond years 1 to 9999, and for parts that can't be added.
pub(super) fn shift_micros(part: Part, micros: i64, n: i64) -> Option<i64> {
    let months = match part {
        Part::Fixed(unit) => return in_range(micros.checked_add(n.checked_mul(unit)?)?),
        Part::Day => return in_range(micros.checked_add(n.checked_mul(MICROS_PER_DAY)?)?),
        Part::Week(0) => return in_range(micros.checked_add(n.checked_mul(7 * MICROS_PER_DAY)?)?),
        Part::Month => n,
        Part::Quarter => n.checked_mul(3)?,
        Part::Year => n.checked_mul(12)?,
        _ => return None,
    };
    let civil = Civil::of_micros(micros);
    let month = (civil.year * 12 + civil.month - 1).checked_add(months)?;
    let (year, month) = (month.div_euclid(12), month.rem_euclid(12) + 1);
    Civil { year, month, day: civil.day.min(month_length(year, month)), ..civil }.to_micros()
}

fn in_range(micros: i64) -> Option<i64> {
    (MICROS_MIN..=MICROS_MAX).contains(&micros).then_some(micros)
}

/// Boundaries of a part between two local times; `None` for parts that have no difference.
pub(super) fn difference(part: Part, left: i64, right: i64) -> Option<i64> {
    let (left_days, right_days) = (left.div_euclid(MICROS_PER_DAY), right.div_euclid(MICROS_PER_DAY));
    let months = |days: i64| {
        let (year, month, _) = ymd_of(days);
        year * 12 + month - 1
    };
    Some(match part {
        Part::Fixed(unit) => left.div_euclid(unit) - right.div_euclid(unit),
        Part::Day => left_days - right_days,
        Part::Week(start) => weeks(left_days, start) - weeks(right_days, start),
        Part::IsoWeek => weeks(left_days, 1) - weeks(right_days, 1),
        Part::Month => months(left_days) - months(right_days),
        Part::Quarter => months(left_days) / 3 - months(right_days) / 3,
        Part::Year => months(left_days) / 12 - months(right_days) / 12,
        Part::IsoYear => iso_week(left_days).0 - iso_week(right_days).0,
        Part::DayOfWeek | Part::DayOfYear => return None,
    })
}

fn weeks(days: i64, start: i64) -> i64 {
    (days + 4 - start).div_euclid(7)
}

/// The last day of the part that a day is in.
pub(super) fn last_day(part: Part, days: i64) -> Outcome<i64> {
    let (year, month, _) = ymd_of(days);
    let last = match part {
        Part::Week(start) => Some(days + 6 - (weekday(days) - start).rem_euclid(7)),
        Part::IsoWeek => Some(days + 6 - (weekday(days) + 6) % 7),
        Part::Month => days_of(year, month, month_length(year, month)),
        Part::Quarter => {
            let month = (month + 2) / 3 * 3;
            days_of(year, month, month_length(year, month))
        }
        Part::Year => days_of(year, 12, 31),
        Part::IsoYear => truncate_days(Part::IsoYear, days)
            .and_then(|start| truncate_days(Part::IsoYear, start + 375))
            .map(|next| next - 1),
        _ => return fail("LAST_DAY does not support this date part"),
    };
    last.filter(|last| *last <= crate::server::bigquery::value::calendar::DAYS_MAX)
        .ok_or_else(|| FunctionError::new("LAST_DAY causes overflow"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_and_iso_weeks_are_as_documented() {
        let day = |year, month, day| days_of(year, month, day).unwrap();
        // The documentation's table for EXTRACT at the turn of years.
        for (date, iso_year, iso_week_number, year, week) in [
            ((2015, 12, 23), 2015, 52, 2015, 51),
            ((2015, 12, 30), 2015, 53, 2015, 52),
            ((2016, 1, 6), 2016, 1, 2016, 1),
            ((2016, 1, 13), 2016, 2, 2016, 2),
            ((2016, 1, 1), 2015, 53, 2016, 0),
        ] {
            let days = day(date.0, date.1, date.2);
            assert_eq!(iso_week(days), (iso_year, iso_week_number), "{date:?}");
            assert_eq!((ymd_of(days).0, week_of_year(days, 0)), (year, week), "{date:?}");
        }
        assert_eq!(truncate_days(Part::IsoYear, day(2015, 6, 15)), Some(day(2014, 12, 29)));
        assert_eq!(last_day(Part::IsoYear, day(2015, 6, 15)), Ok(day(2016, 1, 3)));
        assert_eq!(truncate_days(Part::Week(1), day(2017, 11, 5)), Some(day(2017, 10, 30)));
        assert_eq!(truncate_days(Part::Week(0), day(1, 1, 1)), None);
    }
}
