//! Dates and times as files hold them: all the forms that autodetection takes for a `TIMESTAMP`, `DATE`, `DATETIME` or `TIME`.

use crate::server::bigquery::value::calendar::{MICROS_PER_DAY, days_of};

const MICROS_PER_MINUTE: i64 = 60_000_000;

/// `YYYY-MM-DD`.
pub(super) fn date(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.as_bytes());
    let days = cursor.date(b"-")?;
    cursor.at_end().then_some(days)
}

/// `HH:MM:SS[.f]`, microseconds since midnight.
pub(super) fn time(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.as_bytes());
    let micros = cursor.time(true)?;
    cursor.at_end().then_some(micros)
}

/// `YYYY-MM-DD[{ |T}HH:MM[:SS[.f]]]` without a zone, in microseconds.
pub(super) fn datetime(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.as_bytes());
    let micros = cursor.date(b"-/")?.checked_mul(MICROS_PER_DAY)?;
    if cursor.at_end() {
        return Some(micros);
    }
    cursor.one_of(b" Tt")?;
    let micros = micros + cursor.time(false)?;
    cursor.at_end().then_some(micros)
}

/// A date, alone or with a time, `-` or `/` between its parts, with a zone or in UTC; microseconds since 1970.
pub(super) fn timestamp(text: &str) -> Option<i64> {
    let mut cursor = Cursor(text.trim().as_bytes());
    let days = cursor.date(b"-/")?.checked_mul(MICROS_PER_DAY)?;
    if cursor.at_end() {
        return Some(days);
    }
    cursor.with_time(days)
}

/// A timestamp that autodetection takes for one: a date alone is a `DATE`.
pub(super) fn is_timestamp(text: &str) -> bool {
    let mut cursor = Cursor(text.as_bytes());
    cursor.date(b"-/").and_then(|days| cursor.with_time(days.checked_mul(MICROS_PER_DAY)?)).is_some()
}

/// What is left of a text.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn at_end(&self) -> bool {
        self.0.is_empty()
    }

    fn one_of(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        bytes.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }

    /// A number of `min` to `max` digits.
    fn digits(&mut self, min: usize, max: usize) -> Option<i64> {
        let mut value = 0;
        let mut count = 0;
        while count < max
            && let Some(digit) = self.one_of(b"0123456789")
        {
            value = value * 10 + i64::from(digit - b'0');
            count += 1;
        }
        (count >= min).then_some(value)
    }

    fn date(&mut self, separators: &[u8]) -> Option<i64> {
        let year = self.digits(4, 4)?;
        let separator = self.one_of(separators)?;
        let month = self.digits(1, 2)?;
        self.one_of(&[separator])?;
        let day = self.digits(1, 2)?;
        days_of(year, month, day)
    }

    fn time(&mut self, seconds_needed: bool) -> Option<i64> {
        let hour = self.digits(1, 2)?;
        self.one_of(b":")?;
        let minute = self.digits(1, 2)?;
        let mut micros = (hour * 60 + minute) * MICROS_PER_MINUTE;
        if hour > 23 || minute > 59 {
            return None;
        }
        if self.one_of(b":").is_some() {
            let second = self.digits(1, 2).filter(|second| *second < 60)?;
            micros += second * 1_000_000 + self.fraction()?;
        } else if seconds_needed {
            return None;
        }
        Some(micros)
    }

    /// `.f`, of which digits beyond the sixth are cut; zero when there is none.
    fn fraction(&mut self) -> Option<i64> {
        if self.one_of(b".").is_none() {
            return Some(0);
        }
        let before = self.0.len();
        let value = self.digits(1, 6)?;
        let count = u32::try_from(before - self.0.len()).ok()?;
        self.digits(0, 6)?;
        Some(value * 10_i64.pow(6_u32.saturating_sub(count)))
    }

    /// The rest of a timestamp whose date is read: the separator, a time and perhaps a zone.
    fn with_time(&mut self, days: i64) -> Option<i64> {
        self.one_of(b" Tt")?;
        let local = days.checked_add(self.time(false)?)?;
        let offset = self.zone()?;
        self.at_end().then(|| local.checked_sub(offset)).flatten()
    }

    /// Microseconds east of Greenwich.
    fn zone(&mut self) -> Option<i64> {
        if self.at_end() || self.one_of(b"Zz").is_some() {
            return Some(0);
        }
        let space = self.one_of(b" ").is_some();
        if space && (self.0 == b"UTC" || self.0 == b"GMT") {
            self.0 = &[];
            return Some(0);
        }
        let sign = if self.one_of(b"+-")? == b'-' { -1 } else { 1 };
        let hours = self.digits(1, 2)?;
        // `+0530` as well as `+05:30` and `+5`.
        let colon = self.one_of(b":").is_some();
        let minutes = if colon || !self.at_end() { self.digits(2, 2)? } else { 0 };
        (hours <= 14 && minutes < 60).then(|| sign * (hours * 60 + minutes) * MICROS_PER_MINUTE)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn timestamps_have_many_forms() {
        let base = 1_704_100_500_000_000;
        for (text, micros) in [
            ("2024-01-01 09:15", base),
            ("2024-01-01 09:15:00", base),
            ("2024-01-01 09:15:00.123456", base + 123_456),
            ("2024-01-01 09:15:00.1", base + 100_000),
            ("2024/01/01 09:15", base),
            ("2024-01-01T09:15:00Z", base),
            ("2024-01-01 09:15:00 UTC", base),
            ("2024-01-01 14:45:00+05:30", base),
            ("2024-01-01 14:45:00 +0530", base),
            ("2024-1-1 4:15:00-05", base),
        ] {
            assert_eq!(timestamp(text), Some(micros), "{text}");
            assert!(is_timestamp(text), "{text}");
        }
        assert_eq!(timestamp("2024-01-01"), Some(1_704_067_200_000_000));
        assert!(!is_timestamp("2024-01-01"));
        for text in
            ["", "2024", "2024-13-01 00:00", "2024-02-30 00:00", "2024-01-01 24:00", "2024-01/01 00:00", "12:00"]
        {
            assert_eq!(timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn dates_and_times_are_strict() {
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(date("1970/01/02"), None);
        assert_eq!(time("01:00:00.5"), Some(3_600_500_000));
        assert_eq!(time("01:00"), None);
        assert_eq!(datetime("1970-01-01T00:00:01"), Some(1_000_000));
        assert_eq!(datetime("1970-01-01T00:00:01Z"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[0-9TZ :/+.-]{0,40}|\\PC{0,20}") {
            let _read = (date(&text), time(&text), datetime(&text), timestamp(&text), is_timestamp(&text));
        }
    }
}
