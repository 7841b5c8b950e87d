//! The proleptic Gregorian calendar over 64-bit seconds, and a zone's offset at a point of it.

use jiff::tz::TimeZone;

pub(crate) const NANOS_PER_SECOND: u32 = 1_000_000_000;
pub(crate) const NANOS_PER_MILLI: u32 = 1_000_000;
pub(crate) const SECONDS_PER_DAY: i64 = 86_400;

/// Years whose seconds fit 64 bits with room for arithmetic; Java's limit, too.
pub(crate) const YEAR_MAX: i64 = 999_999_999;

/// A date and a time of day, without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
    /// 0 to 86,399.
    pub(crate) second_of_day: u32,
    pub(crate) nanos: u32,
}

impl Civil {
    pub(crate) fn from_seconds(seconds: i64, nanos: u32) -> Self {
        let (year, month, day) = civil_from_days(seconds.div_euclid(SECONDS_PER_DAY));
        let second_of_day = u32::try_from(seconds.rem_euclid(SECONDS_PER_DAY)).unwrap_or(0);
        Self { year, month, day, second_of_day, nanos }
    }

    /// Seconds since 1970 as if the zone were UTC.
    pub(crate) fn seconds(self) -> i64 {
        days_from_civil(self.year, self.month, self.day) * SECONDS_PER_DAY + i64::from(self.second_of_day)
    }

    pub(crate) fn days(self) -> i64 {
        days_from_civil(self.year, self.month, self.day)
    }
}

/// Days since 1970-01-01 (Howard Hinnant, "chrono-compatible low-level date algorithms").
pub(crate) fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month = i64::from(month);
    let shifted = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
pub(crate) fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 { month_shifted + 3 } else { month_shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}

pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// 1 (Monday) to 7.
pub(crate) fn day_of_week(days: i64) -> u32 {
    u32::try_from((days + 3).rem_euclid(7)).unwrap_or(0) + 1
}

/// The first day of a week-based year of ISO 8601, in days since 1970.
pub(crate) fn week_year_start(year: i64) -> i64 {
    let fourth = days_from_civil(year, 1, 4);
    fourth - i64::from(day_of_week(fourth)) + 1
}

/// Week-based year and week of a day.
pub(crate) fn week_of(days: i64) -> (i64, u32) {
    let (year, ..) = civil_from_days(days - i64::from(day_of_week(days)) + 4);
    let week = (days - week_year_start(year)) / 7 + 1;
    (year, u32::try_from(week).unwrap_or(1))
}

/// Seconds east of UTC in a zone at an instant; outside the years jiff knows, the offset of the nearest it does.
pub(crate) fn offset_at(zone: &TimeZone, seconds: i64) -> i32 {
    zone.to_offset(nearest_timestamp(seconds)).seconds()
}

/// Seconds since 1970 of a local time: in a gap the time moves forward by the gap, in a repeated hour the first one counts (Java's rule).
pub(crate) fn local_to_utc(zone: &TimeZone, civil: Civil) -> i64 {
    let local = civil.seconds();
    if *zone == TimeZone::UTC {
        return local;
    }
    let time = |civil: Civil| {
        let (hour, rest) = (civil.second_of_day / 3600, civil.second_of_day % 3600);
        jiff::civil::DateTime::new(
            i16::try_from(civil.year).ok()?,
            i8::try_from(civil.month).ok()?,
            i8::try_from(civil.day).ok()?,
            i8::try_from(hour).ok()?,
            i8::try_from(rest / 60).ok()?,
            i8::try_from(rest % 60).ok()?,
            0,
        )
        .ok()
    };
    let known = time(civil).and_then(|time| zone.to_ambiguous_timestamp(time).compatible().ok());
    known.map_or_else(|| local - i64::from(offset_at(zone, local)), |timestamp| timestamp.as_second())
}

pub(crate) fn nearest_timestamp(seconds: i64) -> jiff::Timestamp {
    let clamped = seconds.clamp(jiff::Timestamp::MIN.as_second() + 1, jiff::Timestamp::MAX.as_second() - 1);
    jiff::Timestamp::from_second(clamped).unwrap_or(jiff::Timestamp::UNIX_EPOCH)
}
