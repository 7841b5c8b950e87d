//! A tick's time: `YYYY-MM-DD HH:MM:SS.ffffff` without a zone is exchange-local; ISO 8601 with an offset is taken as it
//! says. What is sent always carries an offset, so Elasticsearch, BigQuery and people read the same instant.

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

/// The exchange's zone: India has one, without summer time.
const EXCHANGE_ZONE: &str = "Asia/Kolkata";

/// The zone of timestamps that name none, unless the user says otherwise.
pub fn default_zone() -> TimeZone {
    // The time zone database is compiled in; the fixed offset is what it holds for India since 1945.
    TimeZone::get(EXCHANGE_ZONE).unwrap_or_else(|_| TimeZone::fixed(jiff::tz::offset(5).saturating_add(half_hour())))
}

fn half_hour() -> SignedDuration {
    SignedDuration::from_mins(30)
}

/// A point in time as a source wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ParsedTime {
    pub(crate) instant: Timestamp,
    /// Whether the text named its offset.
    pub(crate) has_offset: bool,
}

/// Reads `YYYY-MM-DD HH:MM:SS[.f…]` (blank or `T` between), with or without an offset; without one it is in `zone`.
pub fn parse_timestamp(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    parse(text, zone).map(|parsed| parsed.instant)
}

pub(crate) fn parse(text: &str, zone: &TimeZone) -> Option<ParsedTime> {
    let (clock, offset) = text.split_at_checked(CLOCK_CHARS).map(|(clock, rest)| (clock, after_fraction(rest)))?;
    if !has_clock_layout(clock) {
        return None;
    }
    if offset.is_empty() {
        let local: DateTime = text.parse().ok()?;
        let instant = zone.to_ambiguous_timestamp(local).compatible().ok()?;
        return Some(ParsedTime { instant, has_offset: false });
    }
    Some(ParsedTime { instant: text.parse().ok()?, has_offset: true })
}

/// `YYYY-MM-DD HH:MM:SS`
const CLOCK_CHARS: usize = 19;

fn has_clock_layout(clock: &str) -> bool {
    clock.bytes().zip(b"0000-00-00 00:00:00").all(|(byte, pattern)| match pattern {
        b'0' => byte.is_ascii_digit(),
        b' ' => byte == b' ' || byte == b'T',
        other => byte == *other,
    })
}

/// What follows the fraction of a second: nothing, or an offset.
fn after_fraction(rest: &str) -> &str {
    match rest.strip_prefix('.') {
        Some(fraction) => fraction.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => rest,
    }
}

/// Writes `2024-01-02T09:15:00.123456+05:30`; nine digits when there is more than microseconds.
pub fn format_timestamp(instant: Timestamp, zone: &TimeZone) -> String {
    let mut text = String::with_capacity(35);
    let offset = zone.to_offset(instant);
    let local = offset.to_datetime(instant);
    push_local(&mut text, local, 'T');
    let seconds = offset.seconds();
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
    text.push(sign);
    push_digits(&mut text, minutes / 60, 2);
    text.push(':');
    push_digits(&mut text, minutes % 60, 2);
    text
}

/// Writes the source's own layout, `2024-01-02 09:15:00.123456`.
pub(crate) fn format_local(local: DateTime) -> String {
    let mut text = String::with_capacity(26);
    push_local(&mut text, local, ' ');
    text
}

fn push_local(text: &mut String, local: DateTime, between: char) {
    let (date, time, nanos) = (local.date(), local.time(), local.subsec_nanosecond().unsigned_abs());
    if date.year() < 0 {
        text.push('-');
    }
    push_digits(text, date.year().unsigned_abs().into(), 4);
    let part = |value: i8| u32::from(value.unsigned_abs());
    let parts = [('-', part(date.month())), ('-', part(date.day())), (between, part(time.hour()))];
    for (before, value) in parts.into_iter().chain([(':', part(time.minute())), (':', part(time.second()))]) {
        text.push(before);
        push_digits(text, value, 2);
    }
    text.push('.');
    match nanos % 1_000 {
        0 => push_digits(text, nanos / 1_000, 6),
        _ => push_digits(text, nanos, 9),
    }
}

/// A number with leading zeros; called a dozen times a tick, so without the formatting machinery.
fn push_digits(text: &mut String, value: u32, width: u32) {
    for place in (0..width).rev() {
        let digit = value / 10_u32.pow(place) % 10;
        text.push(char::from_digit(digit, 10).unwrap_or('0'));
    }
}

/// What becomes of a stream's timestamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TimePolicy {
    /// They stay; only an offset is added where none is named.
    Original,
    /// All are moved by one duration, so that the stream's *last* tick is now; where the last is not known (standard
    /// input, a pipe, an endless simulation), so that its *first* tick is now.
    #[default]
    Now,
    /// All are moved by what an earlier run decided, so that an interrupted stream goes on as it began.
    Shift(TimeShift),
}

/// By how much a stream's timestamps are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeShift(SignedDuration);

impl TimeShift {
    pub const NONE: Self = Self(SignedDuration::ZERO);

    pub fn from_micros(micros: i64) -> Self {
        Self(SignedDuration::from_micros(micros))
    }

    /// In microseconds, the precision of what is sent.
    pub fn as_micros(self) -> i64 {
        i64::try_from(self.0.as_micros()).unwrap_or(if self.0.is_negative() { i64::MIN } else { i64::MAX })
    }

    pub fn is_none(self) -> bool {
        self.0.is_zero()
    }

    /// The instant moved; at the edge of the calendar it stays there.
    pub fn apply(self, instant: Timestamp) -> Timestamp {
        instant.saturating_add(self.0).unwrap_or(instant)
    }
}

impl TimePolicy {
    /// Decides the shift of a stream whose last tick, or at least its first, is known.
    pub fn resolve(self, last: Option<Timestamp>, first: Option<Timestamp>, now: Timestamp) -> TimeShift {
        match self {
            Self::Original => TimeShift::NONE,
            Self::Shift(shift) => shift,
            Self::Now => last.or(first).map_or(TimeShift::NONE, |anchor| {
                TimeShift::from_micros(TimeShift(now.duration_since(anchor)).as_micros())
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn without_a_zone_it_is_exchange_local_time() {
        let check = |text: &str, expected: &str| {
            assert_eq!(parse_timestamp(text, &default_zone()), Some(instant(expected)), "{text}");
        };
        check("2024-01-02 09:15:00.123456", "2024-01-02T03:45:00.123456Z");
        check("2024-01-02 09:15:00", "2024-01-02T03:45:00Z");
        check("2024-01-02T09:15:00.5", "2024-01-02T03:45:00.5Z");
    }

    #[test]
    fn a_named_offset_wins() {
        let check = |text: &str, expected: &str| {
            assert_eq!(parse_timestamp(text, &default_zone()), Some(instant(expected)), "{text}");
        };
        check("2024-01-02T09:15:00Z", "2024-01-02T09:15:00Z");
        check("2024-01-02T09:15:00.25+01:00", "2024-01-02T08:15:00.25Z");
        check("2024-01-02 09:15:00+05:30", "2024-01-02T03:45:00Z");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "now",
            "2024-01-02",
            "2024-1-2 09:15:00",
            "2024-02-30 09:15:00",
            "2024-01-02 24:00:00",
            "2024-01-02 09:15:00 IST",
            "02-01-2024 09:15:00",
            "2024-01-02 09:15:00.12345678901",
            "2024-01-02 09:15",
            "२०२४-01-02 09:15:00",
        ] {
            assert_eq!(parse_timestamp(text, &default_zone()), None, "{text}");
        }
    }

    #[test]
    fn what_is_sent_carries_an_offset_and_six_digits() {
        let zone = default_zone();
        let check = |text: &str, expected: &str| assert_eq!(format_timestamp(instant(text), &zone), expected);
        check("2024-01-02T03:45:00.123456Z", "2024-01-02T09:15:00.123456+05:30");
        check("2024-01-02T03:45:00Z", "2024-01-02T09:15:00.000000+05:30");
        check("2024-01-02T03:45:00.123456789Z", "2024-01-02T09:15:00.123456789+05:30");
        let new_york = TimeZone::get("America/New_York").unwrap();
        assert_eq!(format_timestamp(instant("2024-07-01T12:00:00Z"), &new_york), "2024-07-01T08:00:00.000000-04:00");
    }

    #[test]
    fn now_moves_the_last_tick_to_now_or_the_first_where_the_last_is_unknown() {
        let (first, last, now) = (instant("2024-01-02T03:45:00Z"), instant("2024-01-02T10:00:00Z"), Timestamp::now());
        let shift = TimePolicy::Now.resolve(Some(last), Some(first), now);
        assert_eq!(shift.apply(last).as_microsecond(), now.as_microsecond());
        let shift = TimePolicy::Now.resolve(None, Some(first), now);
        assert_eq!(shift.apply(first).as_microsecond(), now.as_microsecond());
        assert!(TimePolicy::Original.resolve(Some(last), Some(first), now).is_none());
        let recorded = TimeShift::from_micros(shift.as_micros());
        assert_eq!(TimePolicy::Shift(recorded).resolve(Some(last), Some(first), now), shift);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn what_is_written_is_read_as_the_same_instant(micros in 0i64..4_000_000_000_000_000, extra in 0i64..1000) {
            let instant = Timestamp::from_nanosecond(i128::from(micros) * 1000 + i128::from(extra)).unwrap();
            let text = format_timestamp(instant, &default_zone());
            prop_assert_eq!(parse_timestamp(&text, &TimeZone::UTC), Some(instant));
        }

        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,40}") {
            parse_timestamp(&text, &default_zone());
        }

        #[test]
        fn near_misses_are_read_or_refused(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}[.0-9Z+:]{0,12}") {
            parse_timestamp(&text, &default_zone());
        }
    }
}
