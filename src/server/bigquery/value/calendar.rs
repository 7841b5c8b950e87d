//! The proleptic Gregorian calendar, years 1 to 9999, in days and microseconds since 1970-01-01.

/// Microseconds in a day.
pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;
/// 0001-01-01.
pub(crate) const DAYS_MIN: i64 = -719_162;
/// 9999-12-31.
pub(crate) const DAYS_MAX: i64 = 2_932_896;
/// 0001-01-01T00:00:00.
pub(crate) const MICROS_MIN: i64 = DAYS_MIN * MICROS_PER_DAY;
/// 9999-12-31T23:59:59.999999.
pub(crate) const MICROS_MAX: i64 = (DAYS_MAX + 1) * MICROS_PER_DAY - 1;

/// A moment of the calendar without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// 1 to 12.
    pub(crate) month: i64,
    /// 1 to 31.
    pub(crate) day: i64,
    /// Microseconds since midnight.
    pub(crate) micros: i64,
}

impl Civil {
    /// From microseconds since 1970-01-01T00:00:00 of the same calendar.
    pub(crate) fn of_micros(micros: i64) -> Self {
        let (year, month, day) = ymd_of(micros.div_euclid(MICROS_PER_DAY));
        Self { year, month, day, micros: micros.rem_euclid(MICROS_PER_DAY) }
    }

    /// Back; `None` outside of years 1 to 9999 or when a part is out of its range.
    pub(crate) fn to_micros(self) -> Option<i64> {
        let days = days_of(self.year, self.month, self.day)?;
        (0..MICROS_PER_DAY).contains(&self.micros).then(|| days * MICROS_PER_DAY + self.micros)
    }

    pub(crate) fn hour(self) -> i64 {
        self.micros / 3_600_000_000
    }

    pub(crate) fn minute(self) -> i64 {
        self.micros / 60_000_000 % 60
    }

    pub(crate) fn second(self) -> i64 {
        self.micros / 1_000_000 % 60
    }

    /// Microseconds within the second.
    pub(crate) fn fraction(self) -> i64 {
        self.micros % 1_000_000
    }
}

/// Days since 1970-01-01 of a date that exists in years 1 to 9999. Counts years from March, so that the leap day is the last one.
pub(crate) fn days_of(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=9999).contains(&year) || !(1..=12).contains(&month) || day < 1 || day > month_length(year, month) {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468)
}

/// Year, month, day of a day number.
pub(crate) fn ymd_of(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days in a month.
pub(crate) fn month_length(year: i64, month: i64) -> i64 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days_are_counted_and_the_bounds_hold() {
        for (date, days) in
            [((1970, 1, 1), 0), ((2000, 2, 29), 11_016), ((1, 1, 1), DAYS_MIN), ((9999, 12, 31), DAYS_MAX)]
        {
            assert_eq!(days_of(date.0, date.1, date.2), Some(days), "{date:?}");
            assert_eq!(ymd_of(days), date);
        }
        for date in [(0, 1, 1), (10_000, 1, 1), (2023, 2, 29), (2023, 13, 1), (2023, 4, 31), (2023, 1, 0)] {
            assert_eq!(days_of(date.0, date.1, date.2), None, "{date:?}");
        }
    }

    #[test]
    fn every_day_has_its_own_date() {
        for days in DAYS_MIN..=DAYS_MAX {
            let (year, month, day) = ymd_of(days);
            assert_eq!(days_of(year, month, day), Some(days));
        }
    }
}
