//! Units of time and the texts made of a number and a unit (`15m`, `1M`).

use super::TimeError;

/// In rising order. A minute and a month differ in case: `m`, `M`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Millisecond,
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
    pub(super) fn of(text: &str) -> Option<Self> {
        Some(match text {
            "ms" => Self::Millisecond,
            "s" => Self::Second,
            "m" => Self::Minute,
            "h" => Self::Hour,
            "d" => Self::Day,
            "w" => Self::Week,
            "M" => Self::Month,
            "q" => Self::Quarter,
            "y" => Self::Year,
            _ => return None,
        })
    }

    /// In milliseconds; the usual length where the calendar's varies (a month of 30 days, a year of 365).
    pub(super) const fn ms(self) -> i64 {
        const DAY: i64 = 86_400_000;
        match self {
            Self::Millisecond => 1,
            Self::Second => 1_000,
            Self::Minute => 60_000,
            Self::Hour => 3_600_000,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 30 * DAY,
            Self::Quarter => 90 * DAY,
            Self::Year => 365 * DAY,
        }
    }

    /// Whether one of it is a calendar interval of Elasticsearch.
    pub(super) fn is_calendar(self) -> bool {
        !matches!(self, Self::Millisecond | Self::Second)
    }

    /// Whether Elasticsearch knows it only as a calendar interval, of which there is but one.
    pub(super) fn is_calendar_only(self) -> bool {
        matches!(self, Self::Week | Self::Month | Self::Quarter | Self::Year)
    }
}

/// Digits, then a unit; blanks may stand between them. No digits are `None`, digits beyond `i64` are no amount at all.
pub(super) fn amount(text: &str) -> Option<(Option<i64>, Unit)> {
    let digits_end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(digits_end);
    let unit = Unit::of(unit.trim_start())?;
    if digits.is_empty() {
        return Some((None, unit));
    }
    Some((Some(digits.parse().ok()?), unit))
}

/// A number and a unit of `ms s m h d w M y`, in milliseconds: `15m`. A month counts 30 days, a year 365, as Kibana
/// counts them where no calendar is at hand.
pub fn duration_ms(text: &str) -> Result<i64, TimeError> {
    let ms = || {
        let (number, unit) = amount(text.trim()).filter(|(_, unit)| *unit != Unit::Quarter)?;
        number?.checked_mul(unit.ms())
    };
    ms().ok_or_else(|| TimeError::Duration(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_number_and_a_unit() {
        for (text, ms) in [
            ("250ms", 250),
            ("30s", 30_000),
            ("15m", 900_000),
            (" 1 h ", 3_600_000),
            ("1d", 86_400_000),
            ("2w", 1_209_600_000),
            ("1M", 2_592_000_000),
            ("1y", 31_536_000_000),
            ("0s", 0),
        ] {
            assert_eq!(duration_ms(text), Ok(ms), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_duration() {
        for text in
            ["", "m", "15", "15x", "1q", "-1d", "1.5h", "1dd", "99999999999999999999d", "9223372036854775807y", "١d"]
        {
            assert_eq!(duration_ms(text), Err(TimeError::Duration(text.to_owned())), "{text}");
        }
    }
}
