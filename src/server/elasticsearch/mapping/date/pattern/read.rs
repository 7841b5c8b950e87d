//! Text to parts, and parts to an instant.

use jiff::tz::TimeZone;

use super::super::calendar::{self, Civil, NANOS_PER_MILLI, NANOS_PER_SECOND};
use super::super::{AlternativeError, Instant};
use super::{HALVES, Item, MONTHS, Minutes, NameField, Number, NumberField, OffsetStyle, Sign};

/// The parts a text has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parsed {
    year: Option<i64>,
    week_year: Option<i64>,
    week: Option<u32>,
    day_of_week: Option<u32>,
    month: Option<u32>,
    day: Option<u32>,
    day_of_year: Option<u32>,
    hour: Option<u32>,
    hour_of_half: Option<u32>,
    afternoon: Option<bool>,
    before_christ: bool,
    minute: Option<u32>,
    second: Option<u32>,
    nano: Option<u32>,
    nano_of_day: Option<u64>,
    offset: Option<i32>,
    zone: Option<TimeZone>,
}

/// Reads `text` from `at` on; gives the end of what fitted.
pub(crate) fn parse(items: &[Item], text: &[u8], at: usize, parsed: &mut Parsed) -> Result<usize, AlternativeError> {
    let mut at = at;
    for item in items {
        at = match item {
            Item::Literal(literal) => match text.get(at..) {
                Some(rest) if rest.starts_with(literal.as_bytes()) => at + literal.len(),
                _ => return Err(AlternativeError::At(at)),
            },
            Item::Number(number) => read_number(number, text, at, parsed)?,
            Item::TwoDigitYear => {
                let (value, end) = digits(text, at, 2, 2)?;
                parsed.year = Some(2000 + value);
                end
            }
            Item::Fraction { min, max, pointed, .. } => read_fraction((*min, *max, *pointed), text, at, parsed)?,
            Item::Name { field, full } => read_name(*field, *full, text, at, parsed)?,
            Item::Offset(style) => read_offset(*style, text, at, parsed)?,
            Item::Zone { .. } => read_zone(text, at, parsed)?,
            Item::Optional(inner) => {
                let mut attempt = parsed.clone();
                match parse(inner, text, at, &mut attempt) {
                    Ok(end) => {
                        *parsed = attempt;
                        end
                    }
                    Err(_) => at,
                }
            }
        };
    }
    Ok(at)
}

fn digit_run(text: &[u8], at: usize) -> usize {
    text.get(at..).unwrap_or_default().iter().take_while(|byte| byte.is_ascii_digit()).count()
}

fn digits(text: &[u8], at: usize, min: usize, max: usize) -> Result<(i64, usize), AlternativeError> {
    let count = digit_run(text, at).min(max);
    if count < min {
        return Err(AlternativeError::At(at));
    }
    let value = text
        .get(at..at + count)
        .unwrap_or_default()
        .iter()
        .try_fold(0_i64, |value, byte| value.checked_mul(10)?.checked_add(i64::from(byte - b'0')));
    value.map(|value| (value, at + count)).ok_or(AlternativeError::At(at))
}

fn read_number(number: &Number, text: &[u8], at: usize, parsed: &mut Parsed) -> Result<usize, AlternativeError> {
    let sign = match (number.sign, text.get(at)) {
        (Sign::Normal | Sign::ExceedsPad, Some(b'-')) => Some(b'-'),
        (Sign::ExceedsPad, Some(b'+')) => Some(b'+'),
        _ => None,
    };
    let start = at + usize::from(sign.is_some());
    let run = digit_run(text, start).saturating_sub(number.reserve);
    let (value, end) = digits(text, start, number.min, number.max.min(run.max(number.min)))?;
    let width = end - start;
    if number.sign == Sign::ExceedsPad && (sign == Some(b'+')) != (width > number.min) && sign != Some(b'-') {
        return Err(AlternativeError::At(at));
    }
    let value = if sign == Some(b'-') { -value } else { value };
    let (name, low, high) = number.field.range();
    if !(low..=high).contains(&value) {
        let reason = format!("Invalid value for {name} (valid values {low} - {high}): {value}");
        return Err(AlternativeError::Value(reason));
    }
    parsed.set(number.field, value);
    Ok(end)
}

fn read_fraction(
    (min, max, pointed): (usize, usize, bool),
    text: &[u8],
    at: usize,
    parsed: &mut Parsed,
) -> Result<usize, AlternativeError> {
    let start = match (pointed, text.get(at)) {
        (false, _) => at,
        (true, Some(b'.' | b',')) => at + 1,
        (true, _) => return Err(AlternativeError::At(at)),
    };
    let (value, end) = digits(text, start, min, max)?;
    let missing = u32::try_from(9_usize.saturating_sub(end - start)).unwrap_or(0);
    parsed.nano = u32::try_from(value).ok().and_then(|value| value.checked_mul(10_u32.pow(missing)));
    Ok(end)
}

fn read_name(
    field: NameField,
    full: bool,
    text: &[u8],
    at: usize,
    parsed: &mut Parsed,
) -> Result<usize, AlternativeError> {
    let rest = text.get(at..).unwrap_or_default();
    let found = field.names(full).into_iter().enumerate().find(|(_, name)| rest.starts_with(name.as_bytes()));
    let Some((ordinal, name)) = found else { return Err(AlternativeError::At(at)) };
    let value = u32::try_from(ordinal).unwrap_or(0);
    match field {
        NameField::Month => parsed.month = Some(value + 1),
        NameField::DayOfWeek => parsed.day_of_week = Some(value + 1),
        NameField::HalfOfDay => parsed.afternoon = Some(name == HALVES[1]),
        NameField::Era => parsed.before_christ = value == 0,
    }
    Ok(at + name.len())
}

fn read_offset(style: OffsetStyle, text: &[u8], at: usize, parsed: &mut Parsed) -> Result<usize, AlternativeError> {
    let mut at = at;
    if style.gmt {
        if !text.get(at..).is_some_and(|rest| rest.starts_with(b"GMT")) {
            return Err(AlternativeError::At(at));
        }
        at += 3;
        parsed.offset = Some(0);
        if !matches!(text.get(at), Some(b'+' | b'-')) {
            return Ok(at);
        }
    }
    let sign = match text.get(at) {
        Some(b'Z') if style.zulu => {
            parsed.offset = Some(0);
            return Ok(at + 1);
        }
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return Err(AlternativeError::At(at)),
    };
    let (hours, mut end) = digits(text, at + 1, 2, 2)?;
    let colon = match style.minutes {
        Minutes::AnyForm => text.get(end) == Some(&b':'),
        _ => style.colon,
    };
    let (minutes, seconds) = {
        let mut rest = [0_i64; 2];
        for part in &mut rest {
            match sexagesimal(text, end, colon) {
                Some((value, after)) => (*part, end) = (value, after),
                None => break,
            }
        }
        (rest[0], rest[1])
    };
    if style.minutes == Minutes::Required && end == at + 3 {
        return Err(AlternativeError::At(end));
    }
    let total = hours * 3600 + minutes * 60 + seconds;
    if total > 18 * 3600 || minutes > 59 || seconds > 59 {
        return Err(AlternativeError::Value("Zone offset not in valid range: -18:00 to +18:00".into()));
    }
    parsed.offset = i32::try_from(total * sign).ok();
    Ok(end)
}

/// `:30` or `30`.
fn sexagesimal(text: &[u8], at: usize, colon: bool) -> Option<(i64, usize)> {
    let start = match (colon, text.get(at)) {
        (true, Some(b':')) => at + 1,
        (true, _) => return None,
        (false, _) => at,
    };
    digits(text, start, 2, 2).ok()
}

fn read_zone(text: &[u8], at: usize, parsed: &mut Parsed) -> Result<usize, AlternativeError> {
    let rest = text.get(at..).unwrap_or_default();
    if matches!(rest.first(), Some(b'+' | b'-' | b'Z')) {
        let style = OffsetStyle { zulu: true, colon: true, minutes: Minutes::AnyForm, gmt: false };
        return read_offset(style, text, at, parsed);
    }
    let part_of_id = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'+');
    let length = rest.iter().take(64).take_while(|byte| part_of_id(byte)).count();
    let name = std::str::from_utf8(rest.get(..length).unwrap_or_default()).unwrap_or_default();
    let zone = match name {
        "" => None,
        "UTC" | "GMT" | "UT" => Some(TimeZone::UTC),
        name => TimeZone::get(name).ok(),
    };
    parsed.zone = Some(zone.ok_or(AlternativeError::At(at))?);
    Ok(at + length)
}

impl Parsed {
    fn set(&mut self, field: NumberField, value: i64) {
        let small = u32::try_from(value).ok();
        match field {
            NumberField::Year | NumberField::YearOfEra => self.year = Some(value),
            NumberField::WeekYear => self.week_year = Some(value),
            NumberField::Week => self.week = small,
            NumberField::DayOfWeek => self.day_of_week = small,
            NumberField::Month => self.month = small,
            NumberField::Quarter => self.month = self.month.or(small.map(|quarter| quarter * 3 - 2)),
            NumberField::Day => self.day = small,
            NumberField::DayOfYear => self.day_of_year = small,
            NumberField::Hour => self.hour = small,
            NumberField::ClockHour => self.hour = small.map(|hour| hour % 24),
            NumberField::HourOfHalf => self.hour_of_half = small,
            NumberField::ClockHourOfHalf => self.hour_of_half = small.map(|hour| hour % 12),
            NumberField::Minute => self.minute = small,
            NumberField::Second => self.second = small,
            NumberField::Nano => self.nano = small,
            NumberField::MilliOfDay => {
                self.nano_of_day = u64::try_from(value).ok().map(|value| value * u64::from(NANOS_PER_MILLI));
            }
            NumberField::NanoOfDay => self.nano_of_day = u64::try_from(value).ok(),
        }
    }

    /// The instant, missing parts filled low or high; a missing month or day is always the first, a missing year 1970.
    pub(crate) fn resolve(&self, round_up: bool, zone: &TimeZone) -> Result<Instant, AlternativeError> {
        let days = self.days()?;
        let (second_of_day, nanos) = self.time(round_up);
        let (year, month, day) = calendar::civil_from_days(days);
        let civil = Civil { year, month, day, second_of_day, nanos };
        let seconds = match (self.offset, &self.zone) {
            (Some(offset), _) => civil.seconds() - i64::from(offset),
            (None, Some(named)) => calendar::local_to_utc(named, civil),
            (None, None) => calendar::local_to_utc(zone, civil),
        };
        Ok(Instant { seconds, nanos })
    }

    fn days(&self) -> Result<i64, AlternativeError> {
        if let Some(week_year) = self.week_year {
            let week = i64::from(self.week.unwrap_or(1));
            let day = i64::from(self.day_of_week.unwrap_or(1));
            return Ok(calendar::week_year_start(week_year) + (week - 1) * 7 + day - 1);
        }
        let year = self.year.map_or(1970, |year| if self.before_christ { 1 - year } else { year });
        if let Some(day_of_year) = self.day_of_year {
            if day_of_year == 366 && !calendar::is_leap(year) {
                let reason = format!("Invalid date 'DayOfYear 366' as '{year}' is not a leap year");
                return Err(AlternativeError::InvalidDate(reason));
            }
            return Ok(calendar::days_from_civil(year, 1, 1) + i64::from(day_of_year) - 1);
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        if day > calendar::days_in_month(year, month) {
            return Err(AlternativeError::InvalidDate(impossible_day(year, month, day)));
        }
        Ok(calendar::days_from_civil(year, month, day))
    }

    fn time(&self, round_up: bool) -> (u32, u32) {
        if let Some(nano_of_day) = self.nano_of_day {
            let per = u64::from(NANOS_PER_SECOND);
            let second = u32::try_from(nano_of_day / per).unwrap_or(0);
            return (second, u32::try_from(nano_of_day % per).unwrap_or(0));
        }
        let half = self.hour_of_half.map(|hour| hour + if self.afternoon == Some(true) { 12 } else { 0 });
        let or = |part: Option<u32>, last: u32| part.unwrap_or(if round_up { last } else { 0 });
        let second = or(self.hour.or(half), 23) * 3600 + or(self.minute, 59) * 60 + or(self.second, 59);
        (second, or(self.nano, NANOS_PER_SECOND - 1))
    }
}

fn impossible_day(year: i64, month: u32, day: u32) -> String {
    if month == 2 && day == 29 {
        return format!("Invalid date 'February 29' as '{year}' is not a leap year");
    }
    let name = usize::try_from(month).ok().and_then(|month| MONTHS.get(month.saturating_sub(1)));
    format!("Invalid date '{} {day}'", name.unwrap_or(&"").to_uppercase())
}
