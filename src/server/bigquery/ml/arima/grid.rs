//! Frequencies, and the equal steps in time that observations are put on.
//!
//! How the service infers a frequency is not published. Here: the median gap between distinct timestamps, snapped to the name that is
//! nearest in ratio; anything under a minute is `PER_MINUTE`. If all timestamps have the same offset within their minute, hour, day, week or month, steps keep
//! that offset; else steps begin where the calendar's do.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::season::Season;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// 1970-01-05, a Monday.
const MONDAY: i64 = 4 * DAY;

/// A step's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Frequency {
    PerMinute,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Quarterly,
    Yearly,
}

const ALL: [Frequency; 7] = [
    Frequency::PerMinute,
    Frequency::Hourly,
    Frequency::Daily,
    Frequency::Weekly,
    Frequency::Monthly,
    Frequency::Quarterly,
    Frequency::Yearly,
];

impl Frequency {
    /// A value of `DATA_FREQUENCY` in upper case; `Some(None)` is `AUTO_FREQUENCY`.
    pub(super) fn parse(word: &str) -> Option<Option<Self>> {
        if word == "AUTO_FREQUENCY" {
            return Some(None);
        }
        ALL.into_iter().find(|frequency| frequency.word() == word).map(Some)
    }

    /// As `DATA_FREQUENCY` names it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::PerMinute => "PER_MINUTE",
            Self::Hourly => "HOURLY",
            Self::Daily => "DAILY",
            Self::Weekly => "WEEKLY",
            Self::Monthly => "MONTHLY",
            Self::Quarterly => "QUARTERLY",
            Self::Yearly => "YEARLY",
        }
    }

    /// Its length in microseconds, on average.
    pub(super) fn length(self) -> f64 {
        let day = DAY as f64;
        match self {
            Self::PerMinute => MINUTE as f64,
            Self::Hourly => HOUR as f64,
            Self::Daily => day,
            Self::Weekly => 7.0 * day,
            Self::Monthly => day * 365.25 / 12.0,
            Self::Quarterly => day * 365.25 / 4.0,
            Self::Yearly => day * 365.25,
        }
    }

    /// The frequency of sorted, distinct `times`.
    pub(super) fn infer(times: &[i64]) -> Self {
        let mut gaps: Vec<i64> = times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
        gaps.sort_unstable();
        let median = gaps.get(gaps.len() / 2).copied().unwrap_or(MINUTE).max(1) as f64;
        let distance = |frequency: Self| (frequency.length().ln() - median.ln()).abs();
        ALL.into_iter().min_by(|a, b| distance(*a).total_cmp(&distance(*b))).unwrap_or(Self::PerMinute)
    }

    /// How many steps a season has, if it has at least two.
    pub(super) fn period(self, season: Season) -> Option<usize> {
        match (self, season) {
            (Self::PerMinute, Season::Daily) => Some(1440),
            (Self::PerMinute, Season::Weekly) => Some(10_080),
            (Self::PerMinute, Season::Monthly) => Some(43_830),
            (Self::PerMinute, Season::Quarterly) => Some(131_490),
            (Self::PerMinute, Season::Yearly) => Some(525_960),
            (Self::Hourly, Season::Daily) => Some(24),
            (Self::Hourly, Season::Weekly) => Some(168),
            (Self::Hourly, Season::Monthly) => Some(730),
            (Self::Hourly, Season::Quarterly) => Some(2_190),
            (Self::Hourly, Season::Yearly) => Some(8_766),
            (Self::Daily, Season::Weekly) => Some(7),
            (Self::Daily, Season::Monthly) => Some(30),
            (Self::Daily, Season::Quarterly) => Some(91),
            (Self::Daily, Season::Yearly) => Some(365),
            (Self::Weekly, Season::Monthly) => Some(4),
            (Self::Weekly, Season::Quarterly) => Some(13),
            (Self::Weekly, Season::Yearly) => Some(52),
            (Self::Monthly, Season::Quarterly) => Some(3),
            (Self::Monthly, Season::Yearly) => Some(12),
            (Self::Quarterly, Season::Yearly) => Some(4),
            _ => None,
        }
    }

    /// What `SEASONALITIES = ['AUTO']` looks for.
    pub(super) fn usual_seasons(self) -> &'static [Season] {
        match self {
            Self::PerMinute | Self::Hourly => &[Season::Daily, Season::Weekly],
            Self::Daily => &[Season::Weekly, Season::Yearly],
            Self::Weekly | Self::Monthly | Self::Quarterly => &[Season::Yearly],
            Self::Yearly => &[],
        }
    }

    fn months(self) -> Option<i64> {
        match self {
            Self::Monthly => Some(1),
            Self::Quarterly => Some(3),
            Self::Yearly => Some(12),
            _ => None,
        }
    }
}

/// Steps of one frequency, numbered from an origin; each begins at an offset after the calendar's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Grid {
    pub(super) frequency: Frequency,
    /// Microseconds after the calendar's minute, hour, day, week or month.
    offset: i64,
}

impl Grid {
    /// The grid for `times`. `None` if one is outside the calendar.
    pub(super) fn new(frequency: Frequency, times: &[i64]) -> Option<Self> {
        let plain = Self { frequency, offset: 0 };
        let mut shared = None;
        for &time in times {
            let within = time.checked_sub(plain.start(plain.step(time)?)?)?;
            if *shared.get_or_insert(within) != within {
                // A week of dates that do not fall on one weekday is counted from the first.
                let first = times.first().copied()?;
                let offset = if frequency == Frequency::Weekly {
                    (first - MONDAY).div_euclid(DAY).rem_euclid(7) * DAY
                } else {
                    0
                };
                return Some(Self { frequency, offset });
            }
        }
        Some(Self { frequency, offset: shared.unwrap_or(0) })
    }

    /// The number of the step in which `time` lies.
    pub(super) fn step(self, time: i64) -> Option<i64> {
        let time = time.checked_sub(self.offset)?;
        if let Some(months) = self.frequency.months() {
            let date = Timestamp::from_microsecond(time).ok()?.to_zoned(TimeZone::UTC).date();
            let month = i64::from(date.year()) * 12 + i64::from(date.month()) - 1;
            return Some(month.div_euclid(months));
        }
        let (length, origin) = self.fixed();
        Some(time.checked_sub(origin)?.div_euclid(length))
    }

    /// Where a step begins, in microseconds since 1970. `None` beyond the calendar.
    pub(super) fn start(self, step: i64) -> Option<i64> {
        let begin = if let Some(months) = self.frequency.months() {
            let month = step.checked_mul(months)?;
            let year = i16::try_from(month.div_euclid(12)).ok()?;
            let date = Date::new(year, i8::try_from(month.rem_euclid(12) + 1).ok()?, 1).ok()?;
            date.to_zoned(TimeZone::UTC).ok()?.timestamp().as_microsecond()
        } else {
            let (length, origin) = self.fixed();
            step.checked_mul(length)?.checked_add(origin)?
        };
        let at = begin.checked_add(self.offset)?;
        Timestamp::from_microsecond(at).ok().map(|_| at)
    }

    fn fixed(self) -> (i64, i64) {
        match self.frequency {
            Frequency::PerMinute => (MINUTE, 0),
            Frequency::Hourly => (HOUR, 0),
            Frequency::Weekly => (7 * DAY, MONDAY),
            _ => (DAY, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn micros(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_microsecond()
    }

    #[test]
    fn the_median_gap_names_the_frequency() {
        for (gaps, want) in [
            (vec![1, 1, 1], Frequency::PerMinute),
            (vec![55, 60, 65], Frequency::PerMinute),
            (vec![3600, 3600, 7200], Frequency::Hourly),
            (vec![86_400, 86_400, 86_400 * 3], Frequency::Daily),
            (vec![86_400 * 7], Frequency::Weekly),
            (vec![86_400 * 28, 86_400 * 31, 86_400 * 30], Frequency::Monthly),
            (vec![86_400 * 91], Frequency::Quarterly),
            (vec![86_400 * 366], Frequency::Yearly),
        ] {
            let mut times = vec![0];
            for gap in &gaps {
                times.push(times[times.len() - 1] + gap * SECOND);
            }
            assert_eq!(Frequency::infer(&times), want, "{gaps:?}");
        }
    }

    #[test]
    fn steps_keep_an_offset_that_all_share() {
        let times = [micros("2024-01-01T09:15:00Z"), micros("2024-01-02T09:15:00Z")];
        let grid = Grid::new(Frequency::Daily, &times).unwrap();
        let next = grid.step(times[1]).unwrap() + 1;
        assert_eq!(grid.start(next), Some(micros("2024-01-03T09:15:00Z")));
    }

    #[test]
    fn uneven_ticks_fall_on_whole_minutes() {
        let times = [micros("2024-01-01T09:15:01Z"), micros("2024-01-01T09:15:02.5Z")];
        let grid = Grid::new(Frequency::PerMinute, &times).unwrap();
        assert_eq!(grid.start(grid.step(times[1]).unwrap()), Some(micros("2024-01-01T09:15:00Z")));
    }

    #[test]
    fn months_are_the_calendars() {
        let times = [micros("2023-12-01T00:00:00Z"), micros("2024-01-01T00:00:00Z")];
        let grid = Grid::new(Frequency::Monthly, &times).unwrap();
        let step = grid.step(times[1]).unwrap();
        assert_eq!((grid.step(times[0]), grid.start(step + 1)), (Some(step - 1), Some(micros("2024-02-01T00:00:00Z"))));
    }

    proptest! {
        #[test]
        fn a_time_lies_in_its_step(times in prop::collection::vec(-62_135_596_800_000_000i64..253_402_300_799_999_999, 1..5), which in 0usize..7) {
            let mut times = times;
            times.sort_unstable();
            if let Some(grid) = Grid::new(ALL[which], &times) {
                for time in times {
                    let step = grid.step(time).unwrap();
                    prop_assert!(grid.start(step).is_none_or(|start| start <= time));
                    prop_assert!(grid.start(step + 1).is_none_or(|start| start > time));
                }
            }
        }

        #[test]
        fn no_time_makes_it_panic(time: i64, step: i64, which in 0usize..7) {
            let grid = Grid::new(ALL[which], &[time]).unwrap_or(Grid { frequency: ALL[which], offset: 0 });
            let _found = (grid.step(time), grid.start(step));
        }
    }
}
