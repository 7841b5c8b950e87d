//! Date math: an anchor (`now`, or a date and `||`) and steps that add, subtract or round in the calendar of a zone.
//!
//! Steps follow the calendar: a day is from midnight to midnight, also where the clocks change, a month ends where it
//! ends. Weeks begin on Sunday, as they do in Kibana unless its setting `dateFormat:dow` says otherwise.

use jiff::{Span, Timestamp, ToSpan, Zoned, tz::TimeZone};

use super::{
    TimeError, iso,
    unit::{Unit, amount},
};

/// One step after the anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// Negative: back in time.
    Add(i64, Unit),
    Round(Unit),
}

/// Milliseconds since the epoch of `now-7h`, `now/d`, `now-1d/d+2h`, an ISO 8601 date (in `zone` unless it names its
/// own), a date with steps (`2024-03-01||+1d`), or milliseconds since the epoch. Rounding goes down to the first
/// millisecond of the unit, with `round_up` to its last one. `now_ms` is what `now` means.
pub fn parse_date_math(text: &str, now_ms: i64, zone: &TimeZone, round_up: bool) -> Result<i64, TimeError> {
    let text = text.trim();
    let (anchor_ms, steps) = match text.strip_prefix("now") {
        Some(steps) => (now_ms, steps),
        None => match text.split_once("||") {
            Some((date, steps)) => (iso::parse(date, zone)?, steps),
            None => return iso::parse(text, zone),
        },
    };
    let out_of_range = |_| TimeError::OutOfRange(text.to_owned());
    let mut at = Timestamp::from_millisecond(anchor_ms).map_err(out_of_range)?.to_zoned(zone.clone());
    let mut rest = steps;
    while !rest.is_empty() {
        let unreadable = || TimeError::DateMath { text: text.to_owned(), rest: rest.to_owned() };
        let (step, after) = next_step(rest).ok_or_else(unreadable)?;
        at = apply(step, &at, round_up).map_err(out_of_range)?;
        rest = after;
    }
    Ok(at.timestamp().as_millisecond())
}

/// The first step of the text and what follows it.
fn next_step(text: &str) -> Option<(Step, &str)> {
    let sign = text.chars().next()?;
    let body = text.get(sign.len_utf8()..)?;
    let end = body.find(['+', '-', '/']).unwrap_or(body.len());
    let (step, after) = body.split_at(end);
    // Blanks inside a step are a slip of the pen; Kibana refuses them too.
    if step.contains(char::is_whitespace) {
        return None;
    }
    let (number, unit) = amount(step).filter(|(_, unit)| *unit != Unit::Quarter)?;
    let number = number.unwrap_or(1);
    let step = match sign {
        '+' => Step::Add(number, unit),
        '-' => Step::Add(number.checked_neg()?, unit),
        // Only whole units can be rounded to.
        '/' if number == 1 => Step::Round(unit),
        _ => return None,
    };
    Some((step, after))
}

fn apply(step: Step, at: &Zoned, round_up: bool) -> Result<Zoned, jiff::Error> {
    match step {
        Step::Add(number, unit) => at.checked_add(span(number, unit)?),
        Step::Round(unit) if round_up => {
            start(&start(at, unit)?.checked_add(span(1, unit)?)?, unit)?.checked_sub(1.millisecond())
        }
        Step::Round(unit) => start(at, unit),
    }
}

fn span(number: i64, unit: Unit) -> Result<Span, jiff::Error> {
    let span = Span::new();
    match unit {
        Unit::Millisecond => span.try_milliseconds(number),
        Unit::Second => span.try_seconds(number),
        Unit::Minute => span.try_minutes(number),
        Unit::Hour => span.try_hours(number),
        Unit::Day => span.try_days(number),
        Unit::Week => span.try_weeks(number),
        Unit::Month => span.try_months(number),
        Unit::Quarter => span.try_months(number.saturating_mul(3)),
        Unit::Year => span.try_years(number),
    }
}

/// The first moment of the unit that `at` lies in.
fn start(at: &Zoned, unit: Unit) -> Result<Zoned, jiff::Error> {
    let ns = i64::from(at.subsec_nanosecond());
    let date = at.date();
    let date = match unit {
        // Below a day the clock is turned back, so that both of two equal hours in autumn keep their own start.
        Unit::Millisecond => return at.checked_sub((ns % 1_000_000).nanoseconds()),
        Unit::Second => return at.checked_sub(ns.nanoseconds()),
        Unit::Minute => return at.checked_sub(i64::from(at.second()).seconds().nanoseconds(ns)),
        Unit::Hour => {
            let seconds = i64::from(at.minute()) * 60 + i64::from(at.second());
            return at.checked_sub(seconds.seconds().nanoseconds(ns));
        }
        Unit::Day => date,
        Unit::Week => date.checked_sub(i64::from(date.weekday().to_sunday_zero_offset()).days())?,
        Unit::Month => date.first_of_month(),
        Unit::Quarter => date.first_of_month().checked_sub(i64::from((date.month() - 1) % 3).months())?,
        Unit::Year => date.first_of_year(),
    };
    date.to_zoned(at.time_zone().clone())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(zone: &str, now: &str, cases: &[(&str, &str, &str)]) {
        let zone = TimeZone::get(zone).unwrap();
        let ms = |text: &str| text.parse::<Timestamp>().unwrap().as_millisecond();
        for (text, down, up) in cases {
            assert_eq!(parse_date_math(text, ms(now), &zone, false), Ok(ms(down)), "{text} down");
            assert_eq!(parse_date_math(text, ms(now), &zone, true), Ok(ms(up)), "{text} up");
        }
    }

    #[test]
    fn from_rounds_down_and_to_rounds_up_to_the_last_millisecond() {
        // A Friday.
        check(
            "UTC",
            "2024-03-01T10:11:12.345Z",
            &[
                ("now", "2024-03-01T10:11:12.345Z", "2024-03-01T10:11:12.345Z"),
                (" now-7h ", "2024-03-01T03:11:12.345Z", "2024-03-01T03:11:12.345Z"),
                ("now+h", "2024-03-01T11:11:12.345Z", "2024-03-01T11:11:12.345Z"),
                ("now/s", "2024-03-01T10:11:12.000Z", "2024-03-01T10:11:12.999Z"),
                ("now/m", "2024-03-01T10:11:00Z", "2024-03-01T10:11:59.999Z"),
                ("now/h", "2024-03-01T10:00:00Z", "2024-03-01T10:59:59.999Z"),
                ("now/d", "2024-03-01T00:00:00Z", "2024-03-01T23:59:59.999Z"),
                ("now/1d", "2024-03-01T00:00:00Z", "2024-03-01T23:59:59.999Z"),
                ("now/w", "2024-02-25T00:00:00Z", "2024-03-02T23:59:59.999Z"),
                ("now/M", "2024-03-01T00:00:00Z", "2024-03-31T23:59:59.999Z"),
                ("now/y", "2024-01-01T00:00:00Z", "2024-12-31T23:59:59.999Z"),
                ("now-1d/d", "2024-02-29T00:00:00Z", "2024-02-29T23:59:59.999Z"),
                ("now-1d/d+2h", "2024-02-29T02:00:00Z", "2024-03-01T01:59:59.999Z"),
                ("now-500ms", "2024-03-01T10:11:11.845Z", "2024-03-01T10:11:11.845Z"),
                ("2024-01-31||+1M", "2024-02-29T00:00:00Z", "2024-02-29T00:00:00Z"),
                ("2024-05-15T12:00:00Z||/M", "2024-05-01T00:00:00Z", "2024-05-31T23:59:59.999Z"),
                // A date without a step is never rounded.
                ("2024-03-01", "2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z"),
                ("1709251200000", "2024-03-01T00:00:00Z", "2024-03-01T00:00:00Z"),
            ],
        );
    }

    #[test]
    fn days_follow_the_clocks_of_the_zone() {
        // The night of 31 March 2024 has no hour from two to three in Berlin.
        check(
            "Europe/Berlin",
            "2024-03-31T10:30:00Z",
            &[
                ("now/d", "2024-03-30T23:00:00Z", "2024-03-31T21:59:59.999Z"),
                ("now-1d", "2024-03-30T11:30:00Z", "2024-03-30T11:30:00Z"),
                ("now-24h", "2024-03-30T10:30:00Z", "2024-03-30T10:30:00Z"),
                ("now/w", "2024-03-30T23:00:00Z", "2024-04-06T21:59:59.999Z"),
            ],
        );
        // The hour from two to three comes twice on 27 October.
        check(
            "Europe/Berlin",
            "2024-10-27T01:30:00Z",
            &[("now/h", "2024-10-27T01:00:00Z", "2024-10-27T01:59:59.999Z")],
        );
        check("Asia/Kolkata", "2024-03-01T10:11:12Z", &[("now/h", "2024-03-01T09:30:00Z", "2024-03-01T10:29:59.999Z")]);
    }

    #[test]
    fn a_step_that_cannot_be_read_is_named() {
        for (text, rest) in [
            ("now-", "-"),
            ("now-7", "-7"),
            ("now-7x", "-7x"),
            ("now7h", "7h"),
            ("now-1d/2d", "/2d"),
            ("now - 7h", " - 7h"),
            ("now-7 h", "-7 h"),
            ("now/q", "/q"),
            ("nowhere", "here"),
            ("now-1.5h", "-1.5h"),
        ] {
            let error = TimeError::DateMath { text: text.to_owned(), rest: rest.to_owned() };
            assert_eq!(parse_date_math(text, 0, &TimeZone::UTC, false), Err(error), "{text}");
        }
    }

    #[test]
    fn years_beyond_the_calendar_are_out_of_range() {
        for text in ["now-99999y", "now+9223372036854775807d", "now-9999999999d", "9999-12-30||/y"] {
            let error = TimeError::OutOfRange(text.to_owned());
            assert_eq!(parse_date_math(text, 0, &TimeZone::UTC, true), Err(error), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_an_error(
            text in ".{0,40}", steps in "now([+/-][0-9]{0,19}[smhdwMy]{0,2}){0,4}", now in any::<i64>(),
        ) {
            let zone = TimeZone::get("Europe/Berlin").unwrap();
            for text in [text, steps] {
                for round_up in [false, true] {
                    parse_date_math(&text, now, &zone, round_up).ok();
                }
            }
        }

        #[test]
        fn rounding_keeps_the_moment_between_its_ends(now in 0_i64..4_000_000_000_000, unit in "[smhdwMy]") {
            let zone = TimeZone::get("Europe/Berlin").unwrap();
            let text = format!("now/{unit}");
            let down = parse_date_math(&text, now, &zone, false).unwrap();
            let up = parse_date_math(&text, now, &zone, true).unwrap();
            prop_assert!(down <= now && now <= up);
            prop_assert_eq!(parse_date_math(&text, up + 1, &zone, false).unwrap(), up + 1);
        }
    }
}
