//! Time shifts: how far back a metric looks, told as a duration, as "the range before" or by a date.

use jiff::tz::TimeZone;

use super::{TimeError, auto_interval, duration_ms, iso};
use crate::lens::scope::TimeRange;

enum Shift {
    Previous,
    By(i64),
    /// The shifted range begins then.
    StartAt(i64),
    /// The shifted range ends then.
    EndAt(i64),
}

/// Milliseconds to subtract for `1d`, `previous` (the range's length), `startAt(<date>)` or `endAt(<date>)`, in a layer
/// without a date histogram. Shifts to a date come in whole automatic intervals of the range, as Kibana rounds them. A
/// month counts 30 days, a year 365; a date without a zone is in UTC.
pub fn shift(text: &str, range: TimeRange) -> Result<i64, TimeError> {
    match read(text)? {
        Shift::By(ms) => Ok(ms),
        Shift::Previous => Ok(range.length_ms().max(0)),
        Shift::StartAt(date) => whole_intervals(text, range.from_ms.checked_sub(date), range, 0),
        Shift::EndAt(date) => whole_intervals(text, range.to_ms.checked_sub(date), range, 1),
    }
}

/// The same in a layer with a date histogram, where `previous` comes in whole buckets too: it is `endAt` the range's
/// start (6 h 15 min in buckets of 5 min are moved by 6 h 10 min).
pub fn shift_over_histogram(text: &str, range: TimeRange) -> Result<i64, TimeError> {
    match read(text)? {
        Shift::Previous => whole_intervals(text, Some(range.length_ms().max(0)), range, 1),
        _ => shift(text, range),
    }
}

/// Whether a text is a shift at all, before there is a range.
pub(crate) fn check_shift(text: &str) -> Result<(), TimeError> {
    read(text).map(drop)
}

fn read(text: &str) -> Result<Shift, TimeError> {
    let text = text.trim();
    if text == "previous" {
        return Ok(Shift::Previous);
    }
    let date = |name: &str| text.strip_prefix(name)?.strip_suffix(')').map(str::trim);
    let at = |date: &str| iso::parse(date, &TimeZone::UTC);
    let shift = if let Some(date) = date("startAt(") {
        at(date).map(Shift::StartAt)
    } else if let Some(date) = date("endAt(") {
        at(date).map(Shift::EndAt)
    } else {
        duration_ms(text).map(Shift::By)
    };
    shift.map_err(|_| TimeError::Shift(text.to_owned()))
}

/// Rounded up to whole intervals, less those of the end bucket.
fn whole_intervals(text: &str, ms: Option<i64>, range: TimeRange, less: i64) -> Result<i64, TimeError> {
    let ms = ms.filter(|ms| *ms >= 0).ok_or_else(|| TimeError::ShiftAfterRange(text.to_owned()))?;
    let interval = auto_interval(range).ms;
    let whole = ms / interval + i64::from(ms % interval != 0);
    Ok((whole - less).max(0).saturating_mul(interval))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR: i64 = 3_600_000;
    const MINUTE: i64 = 60_000;

    /// From midnight UTC of 1 March 2024, 6 h 15 min long: buckets of 5 min.
    const RANGE: TimeRange =
        TimeRange { from_ms: 1_709_251_200_000, to_ms: 1_709_251_200_000 + 6 * HOUR + 15 * MINUTE };

    #[test]
    fn a_shift_is_told_in_milliseconds() {
        for (text, ms) in [
            ("1d", 24 * HOUR),
            (" 3 h ", 3 * HOUR),
            ("1w", 7 * 24 * HOUR),
            ("1M", 30 * 24 * HOUR),
            ("1y", 365 * 24 * HOUR),
            ("previous", 6 * HOUR + 15 * MINUTE),
            ("startAt(2024-02-29T00:00:00.000Z)", 24 * HOUR),
            ("startAt(2024-02-29T23:58:00.000Z)", 5 * MINUTE),
            ("startAt( 2024-02-29 )", 24 * HOUR),
            ("endAt(2024-03-01T00:00:00.000Z)", 6 * HOUR + 10 * MINUTE),
            ("endAt(2024-03-01T06:15:00.000Z)", 0),
        ] {
            assert_eq!(shift(text, RANGE), Ok(ms), "{text}");
        }
    }

    #[test]
    fn previous_over_a_histogram_is_one_bucket_less() {
        assert_eq!(shift_over_histogram("previous", RANGE), Ok(6 * HOUR + 10 * MINUTE));
        assert_eq!(shift_over_histogram("1d", RANGE), Ok(24 * HOUR));
    }

    #[test]
    fn a_date_after_the_range_is_refused() {
        for text in ["startAt(2024-03-02T00:00:00Z)", "endAt(2024-03-01T06:15:01Z)"] {
            assert_eq!(shift(text, RANGE), Err(TimeError::ShiftAfterRange(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn what_is_no_shift_is_refused() {
        for text in
            ["", "1", "1x", "-1d", "yesterday", "startAt()", "startAt(soon)", "endAt(2024-03-01", "Previous", "1q"]
        {
            assert_eq!(shift(text, RANGE), Err(TimeError::Shift(text.to_owned())), "{text}");
            assert!(check_shift(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_shift_or_an_error(
            text in "(startAt\\(|endAt\\()?.{0,30}\\)?", from_ms in any::<i64>(), to_ms in any::<i64>(),
        ) {
            let range = TimeRange { from_ms, to_ms };
            let previous = shift_over_histogram("previous", range);
            let shifts = [shift(&text, range), shift("previous", range), shift("endAt(1970)", range), previous];
            for ms in shifts.into_iter().flatten() {
                prop_assert!(ms >= 0);
            }
        }
    }
}
