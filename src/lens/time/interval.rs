//! Intervals of date histograms: the one Kibana takes by itself, and those a column asks for.
//!
//! Kibana's settings are taken at their defaults: `histogram:barTarget` 50, `histogram:maxBars` 100.

use super::{
    TimeError,
    unit::{Unit, amount},
};
use crate::lens::scope::TimeRange;

/// `histogram:barTarget`: how many bars the automatic interval aims at.
const BARS_WANTED: i64 = 50;
/// `histogram:maxBars`: a chosen interval that gives more bars is made longer.
const BARS_MAX: i64 = 100;

/// The length of a date histogram's buckets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interval {
    /// As Elasticsearch is told it: `5m`, `1h`.
    pub text: String,
    /// In milliseconds; of a calendar interval its usual length (a month of 30 days).
    pub ms: i64,
    /// `calendar_interval`, else `fixed_interval`.
    pub is_calendar: bool,
}

impl Interval {
    fn new(number: i64, unit: Unit, unit_text: &str) -> Option<Self> {
        Some(Self {
            text: format!("{number}{unit_text}"),
            ms: number.checked_mul(unit.ms())?,
            is_calendar: number == 1 && unit.is_calendar(),
        })
    }

    /// Of a table row, or of a length below the table.
    fn of(text: &str, ms: i64) -> Self {
        let is_calendar = matches!(text, "1m" | "1h" | "1d" | "1w");
        Self { text: text.to_owned(), ms, is_calendar }
    }
}

/// A step of Kibana's ladder: taken for bars of at least `from_ms`.
struct Rung {
    from_ms: i64,
    text: &'static str,
    ms: i64,
}

const fn rung(from_ms: i64, text: &'static str, ms: i64) -> Rung {
    Rung { from_ms, text, ms }
}

const S: i64 = Unit::Second.ms();
const M: i64 = Unit::Minute.ms();
const H: i64 = Unit::Hour.ms();
const D: i64 = Unit::Day.ms();

/// In rising order. Below the first rung the interval is the bar's own length.
const LADDER: [Rung; 15] = [
    rung(S / 2, "1s", S),
    rung(5 * S, "5s", 5 * S),
    rung(7 * S + S / 2, "10s", 10 * S),
    rung(15 * S, "30s", 30 * S),
    rung(45 * S, "1m", M),
    rung(3 * M, "5m", 5 * M),
    rung(9 * M, "10m", 10 * M),
    rung(20 * M, "30m", 30 * M),
    rung(45 * M, "1h", H),
    rung(2 * H, "3h", 3 * H),
    rung(6 * H, "12h", 12 * H),
    rung(24 * H, "1d", D),
    rung(7 * D, "1w", 7 * D),
    rung(21 * D, "30d", 30 * D),
    rung(365 * D, "365d", 365 * D),
];

/// The interval that gives about 50 bars.
pub fn auto_interval(range: TimeRange) -> Interval {
    let length = range.length_ms();
    // Multiplied, so that no half millisecond is lost to a division.
    match LADDER.iter().rev().find(|rung| rung.from_ms * BARS_WANTED <= length) {
        Some(rung) => Interval::of(rung.text, rung.ms),
        None => whole_ms(length / BARS_WANTED),
    }
}

/// The interval of a column: `auto`, or a number and a unit of `ms s m h d w M q y` (`d` is `1d`). One that would give
/// more than 100 bars is replaced by the longest of the ladder that is no longer than a hundredth of the range.
pub fn interval(text: &str, range: TimeRange) -> Result<Interval, TimeError> {
    let text = text.trim();
    if text == "auto" {
        return Ok(auto_interval(range));
    }
    let asked = asked(text)?;
    let shortest = shortest(range);
    Ok(if asked.ms < shortest.ms { shortest } else { asked })
}

fn asked(text: &str) -> Result<Interval, TimeError> {
    let no_interval = || TimeError::Interval(text.to_owned());
    let (number, unit) = amount(text).ok_or_else(no_interval)?;
    let number = number.unwrap_or(1);
    if number == 0 {
        return Err(no_interval());
    }
    if number != 1 && unit.is_calendar_only() {
        return Err(TimeError::SeveralCalendarUnits(text.to_owned()));
    }
    let unit_text = text.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
    Interval::new(number, unit, unit_text).ok_or_else(no_interval)
}

/// The shortest interval that the range allows.
fn shortest(range: TimeRange) -> Interval {
    let length = range.length_ms();
    let fits = |ms: i64| ms.saturating_mul(BARS_MAX) <= length;
    match LADDER.iter().rev().find(|rung| fits(rung.ms)) {
        Some(rung) => Interval::of(rung.text, rung.ms),
        None if fits(100) => Interval::of("100ms", 100),
        None => whole_ms(length / BARS_MAX),
    }
}

/// At least one.
fn whole_ms(ms: i64) -> Interval {
    let ms = ms.max(1);
    Interval::of(&format!("{ms}ms"), ms)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::lens::time::duration_ms;

    fn range(length_ms: i64) -> TimeRange {
        TimeRange { from_ms: 1_709_251_200_000, to_ms: 1_709_251_200_000 + length_ms }
    }

    fn length(text: &str) -> TimeRange {
        range(text.split(' ').map(|part| duration_ms(part).unwrap()).sum())
    }

    #[test]
    fn auto_follows_the_range() {
        for (text, expected) in [
            ("1m", "1s"),
            ("5m", "5s"),
            ("10m", "10s"),
            ("15m", "30s"),
            ("30m", "30s"),
            ("1h", "1m"),
            ("2h", "1m"),
            ("3h", "5m"),
            ("6h", "5m"),
            ("6h 15m", "5m"),
            ("8h", "10m"),
            ("12h", "10m"),
            ("1d", "30m"),
            ("2d", "1h"),
            ("3d", "1h"),
            ("7d", "3h"),
            ("10d", "3h"),
            ("14d", "12h"),
            ("30d", "12h"),
            ("60d", "1d"),
            ("180d", "1d"),
            ("1y", "1w"),
            ("2y", "1w"),
            ("5y", "30d"),
            ("50y", "365d"),
        ] {
            let interval = auto_interval(length(text));
            assert_eq!(interval.text, expected, "{text}");
            assert_eq!(interval.ms, duration_ms(expected).unwrap(), "{text}");
            assert_eq!(interval.is_calendar, ["1m", "1h", "1d", "1w"].contains(&expected), "{text}");
        }
    }

    #[test]
    fn auto_changes_exactly_where_the_table_says() {
        let edges = [
            (500, "499ms", "1s"),
            (5_000, "1s", "5s"),
            (7_500, "5s", "10s"),
            (15_000, "10s", "30s"),
            (45_000, "30s", "1m"),
            (180_000, "1m", "5m"),
            (540_000, "5m", "10m"),
            (1_200_000, "10m", "30m"),
            (2_700_000, "30m", "1h"),
            (7_200_000, "1h", "3h"),
            (21_600_000, "3h", "12h"),
            (86_400_000, "12h", "1d"),
            (604_800_000, "1d", "1w"),
            (1_814_400_000, "1w", "30d"),
            (31_536_000_000, "30d", "365d"),
        ];
        for (bar_ms, below, from) in edges {
            assert_eq!(auto_interval(range(bar_ms * 50 - 1)).text, below, "{bar_ms}");
            assert_eq!(auto_interval(range(bar_ms * 50)).text, from, "{bar_ms}");
        }
        for (length_ms, expected) in [(0, "1ms"), (49, "1ms"), (5_000, "100ms"), (5_049, "100ms"), (-5, "1ms")] {
            assert_eq!(auto_interval(range(length_ms)).text, expected, "{length_ms}");
        }
    }

    #[test]
    fn one_minute_hour_day_week_month_quarter_year_are_calendar_intervals() {
        for (text, expected, is_calendar) in [
            ("1m", "1m", true),
            ("1h", "1h", true),
            ("1d", "1d", true),
            ("1w", "1w", true),
            ("1M", "1M", true),
            ("1q", "1q", true),
            ("1y", "1y", true),
            ("d", "1d", true),
            ("M", "1M", true),
            ("30s", "30s", false),
            ("1s", "1s", false),
            ("5m", "5m", false),
            ("2d", "2d", false),
            ("24h", "24h", false),
            ("7d", "7d", false),
            ("60m", "60m", false),
            ("250ms", "250ms", false),
            ("1ms", "1ms", false),
        ] {
            let interval = interval(text, range(10)).unwrap();
            assert_eq!((interval.text.as_str(), interval.is_calendar), (expected, is_calendar), "{text}");
        }
    }

    #[test]
    fn an_interval_asked_for_is_a_minimum() {
        for (text, length_text, expected) in [
            ("1s", "6h 15m", "1m"),
            ("30s", "6h 15m", "1m"),
            ("1m", "6h 15m", "1m"),
            ("2m", "6h 15m", "2m"),
            ("1s", "1m", "1s"),
            ("10ms", "10s", "100ms"),
            ("10ms", "5s", "50ms"),
            ("1m", "30d", "3h"),
            ("1h", "1y", "1d"),
            ("1d", "5y", "1w"),
            ("auto", "6h 15m", "5m"),
            ("1M", "5y", "1M"),
        ] {
            assert_eq!(interval(text, length(length_text)).unwrap().text, expected, "{text} over {length_text}");
        }
    }

    #[test]
    fn what_is_no_interval_is_refused() {
        for text in ["", "5", "5x", "0s", "-1m", "1.5h", "99999999999999999999s", "9223372036854775807d", "automatic"] {
            assert_eq!(interval(text, range(10)), Err(TimeError::Interval(text.to_owned())), "{text}");
        }
        for text in ["2w", "3M", "4q", "2y"] {
            assert_eq!(interval(text, range(10)), Err(TimeError::SeveralCalendarUnits(text.to_owned())), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_an_interval_or_an_error(
            text in ".{0,20}", number in "[0-9]{0,20}[a-zA-Z]{0,2}", from_ms in any::<i64>(), to_ms in any::<i64>(),
        ) {
            let range = TimeRange { from_ms, to_ms };
            for text in [text, number] {
                if let Ok(interval) = interval(&text, range) {
                    prop_assert!(interval.ms > 0);
                }
            }
            prop_assert!(auto_interval(range).ms > 0);
        }
    }
}
