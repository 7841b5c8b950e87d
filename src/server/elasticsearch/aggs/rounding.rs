//! Instants to the start of their bucket: fixed grids and calendar units, in any time zone.
//!
//! Within a segment most zones do not change their offset, so the work is a division; where they do, or where units differ in
//! length, the starts of all buckets of the segment are laid out once and looked up.

use std::ops::RangeInclusive;

use jiff::civil::{Date, DateTime, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan};

const DAY: i64 = 86_400_000;
/// Bucket starts laid out per segment; beyond it each value is rounded by itself.
const TABLE_MAX: usize = 200_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interval {
    /// Milliseconds, at least 1.
    Fixed(i64),
    Calendar(Unit),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "1s" | "second" => Self::Second,
            "1m" | "minute" => Self::Minute,
            "1h" | "hour" => Self::Hour,
            "1d" | "day" => Self::Day,
            "1w" | "week" => Self::Week,
            "1M" | "month" => Self::Month,
            "1q" | "quarter" => Self::Quarter,
            "1y" | "year" => Self::Year,
            _ => return None,
        })
    }

    /// The length where the unit is a fixed grid under one offset, and where a week starts.
    fn grid(self) -> Option<(i64, i64)> {
        Some(match self {
            Self::Second => (1000, 0),
            Self::Minute => (60_000, 0),
            Self::Hour => (3_600_000, 0),
            Self::Day => (DAY, 0),
            // 1970-01-01 was a Thursday: weeks start on Monday, three days before.
            Self::Week => (7 * DAY, -3 * DAY),
            _ => return None,
        })
    }

    /// A length that no bucket of this unit is shorter than, in practice: for dense numbering only.
    fn shortest(self) -> i64 {
        match self {
            Self::Second => 1000,
            Self::Minute => 60_000,
            Self::Hour => 1_800_000,
            Self::Day => DAY / 2,
            Self::Week => 3 * DAY,
            Self::Month => 14 * DAY,
            Self::Quarter => 45 * DAY,
            Self::Year => 180 * DAY,
        }
    }
}

/// How instants become bucket starts.
#[derive(Debug, Clone)]
pub(super) struct Rounding {
    pub(super) interval: Interval,
    pub(super) zone: TimeZone,
    /// Added to every start, in milliseconds.
    pub(super) offset: i64,
}

impl Rounding {
    /// The start of the bucket that `millis` lies in.
    pub(super) fn round(&self, millis: i64) -> i64 {
        self.round_bare(millis.saturating_sub(self.offset)).saturating_add(self.offset)
    }

    /// The start of the bucket after the one that starts at `start`.
    pub(super) fn next(&self, start: i64) -> i64 {
        let bare = start.saturating_sub(self.offset);
        self.next_bare(bare).saturating_add(self.offset).max(start.saturating_add(1))
    }

    /// A number that differs between buckets and is small near `base`.
    pub(super) fn hint(&self, start: i64, base: i64) -> u64 {
        let width = match self.interval {
            Interval::Fixed(width) => width,
            Interval::Calendar(unit) => unit.shortest(),
        };
        u64::try_from(start.saturating_sub(base) / width.max(1)).unwrap_or(u64::MAX)
    }

    fn round_bare(&self, millis: i64) -> i64 {
        let grid = match self.interval {
            Interval::Fixed(width) => Some((width.max(1), 0)),
            Interval::Calendar(unit) => unit.grid(),
        };
        match grid {
            Some((width, shift)) if width < DAY || matches!(self.interval, Interval::Fixed(_)) => {
                let local = millis.saturating_add(self.offset_at(millis));
                let floor = floor_to(local, width, shift);
                self.to_utc(floor, millis)
            }
            _ => {
                let local = civil(millis.saturating_add(self.offset_at(millis)));
                local.and_then(|local| self.start_of(local)).unwrap_or(millis)
            }
        }
    }

    fn next_bare(&self, start: i64) -> i64 {
        let local = start.saturating_add(self.offset_at(start));
        match self.interval {
            Interval::Fixed(width) => self.after(start, local.saturating_add(width), width),
            Interval::Calendar(unit @ (Unit::Second | Unit::Minute | Unit::Hour)) => {
                // Absolute time: a repeated hour is two buckets.
                let width = unit.grid().map_or(1, |(width, _)| width);
                let next = self.round_bare(start.saturating_add(width));
                if next > start { next } else { start.saturating_add(width) }
            }
            Interval::Calendar(unit) => civil(local)
                .and_then(|local| add(local, unit))
                .and_then(|date| self.start_of(date))
                .unwrap_or_else(|| start.saturating_add(unit.shortest())),
        }
    }

    fn after(&self, start: i64, local: i64, width: i64) -> i64 {
        let next = self.to_utc(local, i64::MAX);
        if next > start { next } else { start.saturating_add(width) }
    }

    /// The start, in UTC, of the calendar unit that a local time lies in.
    fn start_of(&self, local: DateTime) -> Option<i64> {
        let Interval::Calendar(unit) = self.interval else { return None };
        let date = local.date();
        let first = match unit {
            Unit::Week => {
                let days = i64::from(date.weekday().since(Weekday::Monday));
                date.checked_sub(days.days()).ok()?
            }
            Unit::Month => Date::new(date.year(), date.month(), 1).ok()?,
            Unit::Quarter => Date::new(date.year(), (date.month() - 1) / 3 * 3 + 1, 1).ok()?,
            Unit::Year => Date::new(date.year(), 1, 1).ok()?,
            _ => date,
        };
        Some(self.to_utc(local_millis(first.at(0, 0, 0, 0)), i64::MIN))
    }

    /// A local time in UTC. In a gap: the end of the gap. In an overlap: the later reading unless it is after `not_after`.
    fn to_utc(&self, local: i64, not_after: i64) -> i64 {
        if let Ok(offset) = self.zone.to_fixed_offset() {
            return local.saturating_sub(i64::from(offset.seconds()) * 1000);
        }
        let Some(time) = civil(local) else { return local };
        let utc = |offset: jiff::tz::Offset| local.saturating_sub(i64::from(offset.seconds()) * 1000);
        match self.zone.to_ambiguous_timestamp(time).offset() {
            AmbiguousOffset::Unambiguous { offset } => utc(offset),
            AmbiguousOffset::Gap { before, .. } => {
                // The transition is the last instant of the old offset.
                let guess = Timestamp::from_millisecond(utc(before)).ok();
                let change = guess.and_then(|at| self.zone.preceding(at + 1.second()).next());
                change.map_or_else(|| utc(before), |change| change.timestamp().as_millisecond())
            }
            AmbiguousOffset::Fold { before, after } => {
                if utc(after) <= not_after {
                    utc(after)
                } else {
                    utc(before)
                }
            }
        }
    }

    /// Milliseconds that local time is ahead of UTC.
    fn offset_at(&self, millis: i64) -> i64 {
        if let Ok(offset) = self.zone.to_fixed_offset() {
            return i64::from(offset.seconds()) * 1000;
        }
        Timestamp::from_millisecond(millis).map_or(0, |at| i64::from(self.zone.to_offset(at).seconds()) * 1000)
    }

    /// The cheapest way to round instants between `least` and `greatest`.
    pub(super) fn prepare(&self, least: i64, greatest: i64) -> Prepared {
        let grid = match self.interval {
            Interval::Fixed(width) => Some((width.max(1), 0)),
            Interval::Calendar(unit) => unit.grid(),
        };
        if let Some((width, shift)) = grid {
            // The first bucket starts before the first instant.
            let from = least.saturating_sub(width.max(DAY).saturating_mul(2));
            if let Some(ahead) = self.steady_offset(from, greatest) {
                let shift = shift.saturating_sub(ahead).saturating_add(self.offset);
                return Prepared::Grid { width, shift, known: from..=greatest };
            }
        }
        let mut starts = vec![self.round(least)];
        while let Some(last) = starts.last().copied().filter(|last| *last <= greatest) {
            if starts.len() >= TABLE_MAX || self.comes_again(last) {
                return Prepared::Slow;
            }
            starts.push(self.start_after(last));
        }
        Prepared::Table { starts, last: 0 }
    }

    /// As [`Self::next`], where it is the start that instants are rounded to: of a bucket that begins in a gap of the zone, `next`
    /// counts from the gap's end.
    fn start_after(&self, start: i64) -> i64 {
        let next = self.next(start);
        Some(self.round(next)).filter(|rounded| *rounded > start).unwrap_or(next)
    }

    /// A bucket of a grid that begins within a repeated hour, so that the one before it comes again when the hour does.
    fn comes_again(&self, start: i64) -> bool {
        let Interval::Fixed(width) = self.interval else { return false };
        let bare = start.saturating_sub(self.offset);
        let repeated = |local| matches!(self.zone.to_ambiguous_timestamp(local).offset(), AmbiguousOffset::Fold { .. });
        // Zones change on the half hour: a grid that has a line there begins anew with the repetition.
        1_800_000 % width.max(1) != 0 && civil(bare.saturating_add(self.offset_at(bare))).is_some_and(repeated)
    }

    fn steady_offset(&self, least: i64, greatest: i64) -> Option<i64> {
        if let Ok(offset) = self.zone.to_fixed_offset() {
            return Some(i64::from(offset.seconds()) * 1000);
        }
        let start = Timestamp::from_millisecond(least.saturating_sub(DAY)).ok()?;
        let change = self.zone.following(start).next();
        let steady = change.is_none_or(|change| change.timestamp().as_millisecond() > greatest);
        steady.then(|| self.offset_at(least))
    }
}

/// Rounding made cheap for one segment.
#[derive(Debug, Clone)]
pub(super) enum Prepared {
    /// One grid for all instants that are known; beyond them the zone's offset may be another one.
    Grid {
        width: i64,
        shift: i64,
        known: RangeInclusive<i64>,
    },
    Table {
        starts: Vec<i64>,
        last: usize,
    },
    Slow,
}

impl Prepared {
    #[inline]
    pub(super) fn round(&mut self, rounding: &Rounding, millis: i64) -> i64 {
        match self {
            Self::Grid { width, shift, known } if known.contains(&millis) => floor_to(millis, *width, *shift),
            Self::Table { starts, last } => {
                let fits = |at: usize| {
                    starts.get(at).is_some_and(|start| *start <= millis)
                        && starts.get(at + 1).is_some_and(|next| millis < *next)
                };
                if !fits(*last) {
                    *last = starts.partition_point(|start| *start <= millis).saturating_sub(1);
                    if !fits(*last) {
                        return rounding.round(millis);
                    }
                }
                starts.get(*last).copied().unwrap_or(millis)
            }
            Self::Grid { .. } | Self::Slow => rounding.round(millis),
        }
    }

    /// An instant before which all from `start` on are rounded to `start`, which was just found; `start` where none is known.
    pub(super) fn end(&self, start: i64) -> i64 {
        match self {
            Self::Grid { width, known, .. } if known.contains(&start) => {
                start.saturating_add(*width).min(known.end().saturating_add(1))
            }
            Self::Table { starts, last } if starts.get(*last) == Some(&start) => {
                starts.get(*last + 1).copied().unwrap_or(start)
            }
            Self::Grid { .. } | Self::Table { .. } | Self::Slow => start,
        }
    }
}

fn floor_to(millis: i64, width: i64, shift: i64) -> i64 {
    let from_start = millis.saturating_sub(shift);
    from_start.saturating_sub(from_start.rem_euclid(width)).saturating_add(shift)
}

fn civil(local_millis: i64) -> Option<DateTime> {
    Timestamp::from_millisecond(local_millis).ok().map(|at| TimeZone::UTC.to_datetime(at))
}

fn local_millis(local: DateTime) -> i64 {
    local.to_zoned(TimeZone::UTC).map_or(0, |zoned| zoned.timestamp().as_millisecond())
}

fn add(local: DateTime, unit: Unit) -> Option<DateTime> {
    let span = match unit {
        Unit::Week => 7.days(),
        Unit::Month => 1.month(),
        Unit::Quarter => 3.months(),
        Unit::Year => 1.year(),
        _ => 1.day(),
    };
    local.date().checked_add(span).ok().map(|date| date.at(12, 0, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rounding(interval: Interval, zone: &str) -> Rounding {
        Rounding { interval, zone: super::super::dates::named_zone(zone).unwrap(), offset: 0 }
    }

    fn millis(text: &str) -> i64 {
        text.parse::<Timestamp>().unwrap().as_millisecond()
    }

    #[test]
    fn days_start_at_local_midnight_and_have_23_or_25_hours_at_a_change() {
        let day = rounding(Interval::Calendar(Unit::Day), "America/New_York");
        let spring = millis("2024-03-10T05:00:00Z");
        assert_eq!(day.round(millis("2024-03-10T12:00:00Z")), spring);
        assert_eq!(day.next(spring) - spring, 23 * 3_600_000);
        let autumn = millis("2024-11-03T04:00:00Z");
        assert_eq!(day.next(autumn) - autumn, 25 * 3_600_000);
    }

    #[test]
    fn the_repeated_hour_is_two_buckets() {
        let hour = rounding(Interval::Calendar(Unit::Hour), "America/New_York");
        assert_eq!(hour.round(millis("2024-11-03T05:30:00Z")), millis("2024-11-03T05:00:00Z"));
        assert_eq!(hour.round(millis("2024-11-03T06:30:00Z")), millis("2024-11-03T06:00:00Z"));
        assert_eq!(hour.next(millis("2024-11-03T05:00:00Z")), millis("2024-11-03T06:00:00Z"));
    }

    #[test]
    fn a_grid_goes_on_as_it_was_behind_a_bucket_that_begins_in_a_gap() {
        let width = 1_941_455_519;
        let grid = rounding(Interval::Fixed(width), "America/New_York");
        let (least, greatest) = (millis("2025-03-22T03:15:56Z"), millis("2025-04-29T10:48:47Z"));
        assert_eq!(grid.round(least), millis("2025-03-09T07:00:00Z"), "the end of the gap");
        assert_eq!(grid.prepare(least, greatest).round(&grid, greatest), grid.round(greatest));
    }

    #[test]
    fn weeks_start_on_monday_and_kolkata_hours_at_half_past() {
        let week = rounding(Interval::Calendar(Unit::Week), "UTC");
        assert_eq!(week.round(millis("2024-01-07T23:00:00Z")), millis("2024-01-01T00:00:00Z"));
        let hour = rounding(Interval::Calendar(Unit::Hour), "Asia/Kolkata");
        assert_eq!(hour.round(millis("2024-01-07T23:29:00Z")), millis("2024-01-07T22:30:00Z"));
    }

    proptest! {
        #[test]
        fn prepared_rounding_equals_rounding_one_by_one(
            start in 1_600_000_000_000i64..1_800_000_000_000,
            steps in proptest::collection::vec(0i64..40 * DAY, 1..20),
            unit in 0usize..8, fixed in proptest::option::of(1_000i64..100 * DAY),
            zone in 0usize..6, offset in -DAY..DAY,
        ) {
            let units = [Unit::Hour, Unit::Day, Unit::Week, Unit::Month, Unit::Quarter, Unit::Year, Unit::Day, Unit::Hour];
            let zones = ["UTC", "Asia/Kolkata", "America/New_York", "Europe/London", "+05:30", "Australia/Lord_Howe"];
            let interval = match fixed {
                Some(width) => Interval::Fixed(width.max(3_600_000)),
                None => Interval::Calendar(units[unit]),
            };
            let mut rounding = rounding(interval, zones[zone]);
            rounding.offset = offset;
            let mut values: Vec<i64> = steps.iter().map(|step| start + step).collect();
            values.sort_unstable();
            let mut prepared = rounding.prepare(values[0], values[values.len() - 1]);
            // What stands in for a missing value may lie anywhere.
            values.extend([start - 200 * DAY, start + 200 * DAY]);
            for value in values {
                let rounded = rounding.round(value);
                prop_assert!(rounded <= value);
                prop_assert_eq!(prepared.round(&rounding, value), rounded);
                let end = prepared.end(rounded);
                prop_assert!(end <= rounded || prepared.round(&rounding, end - 1) == rounded, "{end} for {rounded}");
                prop_assert!(rounding.next(rounded) > value, "{} < {}", rounding.next(rounded), value);
            }
        }
    }
}
