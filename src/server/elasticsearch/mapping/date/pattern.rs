//! Java's date patterns as a list of items, read and written by one interpreter each.

mod compile;
mod read;
mod write;

pub(crate) use self::compile::{Dialect, compile};
pub(crate) use self::read::{Parsed, parse};
pub(crate) use self::write::format;

/// One part of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Item {
    Literal(String),
    Number(Number),
    /// `yy`: two digits of 2000 to 2099.
    TwoDigitYear,
    /// A fraction of a second of `min` to `max` digits; `pointed`: with its point (or comma) before.
    Fraction {
        min: usize,
        max: usize,
        pointed: bool,
        write_min: usize,
    },
    Name {
        field: NameField,
        full: bool,
    },
    Offset(OffsetStyle),
    /// A zone's id (`VV`) or short name (`z`).
    Zone {
        id: bool,
    },
    /// `[ ]`: left out when it does not fit.
    Optional(Vec<Item>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number {
    pub(crate) field: NumberField,
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) sign: Sign,
    /// Digits that the fields right behind need.
    pub(crate) reserve: usize,
    /// Written with at least so many digits.
    pub(crate) pad: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NumberField {
    Year,
    YearOfEra,
    WeekYear,
    Week,
    DayOfWeek,
    Month,
    Quarter,
    Day,
    DayOfYear,
    Hour,
    /// 1 to 24.
    ClockHour,
    /// 0 to 11.
    HourOfHalf,
    /// 1 to 12.
    ClockHourOfHalf,
    Minute,
    Second,
    Nano,
    MilliOfDay,
    NanoOfDay,
}

impl NumberField {
    /// Java's name, and the values it may have.
    pub(crate) fn range(self) -> (&'static str, i64, i64) {
        const YEARS: i64 = super::calendar::YEAR_MAX;
        match self {
            Self::Year => ("Year", -YEARS, YEARS),
            Self::YearOfEra => ("YearOfEra", 1, YEARS),
            Self::WeekYear => ("WeekBasedYear", -YEARS, YEARS),
            Self::Week => ("WeekOfWeekBasedYear", 1, 53),
            Self::DayOfWeek => ("DayOfWeek", 1, 7),
            Self::Month => ("MonthOfYear", 1, 12),
            Self::Quarter => ("QuarterOfYear", 1, 4),
            Self::Day => ("DayOfMonth", 1, 31),
            Self::DayOfYear => ("DayOfYear", 1, 366),
            Self::Hour => ("HourOfDay", 0, 23),
            Self::ClockHour => ("ClockHourOfDay", 1, 24),
            Self::HourOfHalf => ("HourOfAmPm", 0, 11),
            Self::ClockHourOfHalf => ("ClockHourOfAmPm", 1, 12),
            Self::Minute => ("MinuteOfHour", 0, 59),
            Self::Second => ("SecondOfMinute", 0, 59),
            Self::Nano => ("NanoOfSecond", 0, 999_999_999),
            Self::MilliOfDay => ("MilliOfDay", 0, 86_399_999),
            Self::NanoOfDay => ("NanoOfDay", 0, 86_399_999_999_999),
        }
    }
}

/// Java's sign styles, as strict parsing knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Never,
    /// `-` where negative.
    Normal,
    /// `-` where negative, `+` exactly where there are more digits than the least.
    ExceedsPad,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameField {
    Month,
    DayOfWeek,
    HalfOfDay,
    Era,
}

/// `+05:30` and its relatives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OffsetStyle {
    /// `Z` stands for no offset.
    pub(crate) zulu: bool,
    pub(crate) colon: bool,
    pub(crate) minutes: Minutes,
    /// `GMT` stands before it.
    pub(crate) gmt: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Minutes {
    /// `+05`, `+0530`.
    Optional,
    Required,
    /// Any ISO form.
    AnyForm,
}

pub(crate) const MONTHS: [&str; 12] = [
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
pub(crate) const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
pub(crate) const HALVES: [&str; 2] = ["AM", "PM"];

impl NameField {
    /// The texts a value may have, in the order of values.
    pub(crate) fn names(self, full: bool) -> Vec<&'static str> {
        let short = |name: &'static str| name.get(..3).unwrap_or(name);
        match self {
            Self::Month if full => MONTHS.to_vec(),
            Self::Month => MONTHS.into_iter().map(short).collect(),
            Self::DayOfWeek if full => DAYS.to_vec(),
            Self::DayOfWeek => DAYS.into_iter().map(short).collect(),
            Self::HalfOfDay => HALVES.to_vec(),
            Self::Era if full => vec!["Before Christ", "Anno Domini"],
            Self::Era => vec!["BC", "AD"],
        }
    }
}
