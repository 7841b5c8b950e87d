//! An instant to text.

use std::fmt::Write as _;

use jiff::tz::TimeZone;

use super::super::calendar::{self, Civil, NANOS_PER_MILLI, NANOS_PER_SECOND};
use super::super::{Instant, local};
use super::{Item, Minutes, NameField, Number, NumberField, OffsetStyle, Sign};

/// Writes an instant as local time of `zone`; optional parts are always written.
pub(crate) fn format(items: &[Item], instant: Instant, zone: &TimeZone) -> String {
    let (civil, offset) = local(instant, zone);
    let moment = Moment { instant, civil, offset, zone };
    let mut text = String::with_capacity(32);
    write_items(items, &moment, &mut text);
    text
}

struct Moment<'a> {
    instant: Instant,
    civil: Civil,
    offset: i32,
    zone: &'a TimeZone,
}

fn write_items(items: &[Item], moment: &Moment<'_>, text: &mut String) {
    for item in items {
        match item {
            Item::Literal(literal) => text.push_str(literal),
            Item::Number(number) => write_number(number, moment, text),
            Item::TwoDigitYear => _ = write!(text, "{:02}", moment.civil.year.rem_euclid(100)),
            Item::Fraction { max, pointed, write_min, .. } => {
                write_fraction(moment.civil.nanos, *write_min, *max, *pointed, text);
            }
            Item::Name { field, full } => text.push_str(name(*field, *full, moment.civil)),
            Item::Offset(style) => write_offset(*style, moment.offset, text),
            Item::Zone { id } => write_zone(*id, moment, text),
            Item::Optional(inner) => write_items(inner, moment, text),
        }
    }
}

fn write_number(number: &Number, moment: &Moment<'_>, text: &mut String) {
    let value = value(number.field, moment.civil);
    if value < 0 {
        text.push('-');
    } else if number.sign == Sign::ExceedsPad && value >= 10_i64.pow(u32::try_from(number.pad).unwrap_or(4)) {
        text.push('+');
    }
    _ = write!(text, "{:0width$}", value.unsigned_abs(), width = number.pad);
}

fn value(field: NumberField, civil: Civil) -> i64 {
    let hour = civil.second_of_day / 3600;
    let small = match field {
        NumberField::Year => return civil.year,
        NumberField::YearOfEra if civil.year < 1 => return 1 - civil.year,
        NumberField::YearOfEra => return civil.year,
        NumberField::WeekYear => return calendar::week_of(civil.days()).0,
        NumberField::DayOfYear => return civil.days() - calendar::days_from_civil(civil.year, 1, 1) + 1,
        NumberField::NanoOfDay => {
            return i64::from(civil.second_of_day) * i64::from(NANOS_PER_SECOND) + i64::from(civil.nanos);
        }
        NumberField::MilliOfDay => civil.second_of_day * 1000 + civil.nanos / NANOS_PER_MILLI,
        NumberField::Week => calendar::week_of(civil.days()).1,
        NumberField::DayOfWeek => calendar::day_of_week(civil.days()),
        NumberField::Month => civil.month,
        NumberField::Quarter => (civil.month - 1) / 3 + 1,
        NumberField::Day => civil.day,
        NumberField::Hour => hour,
        NumberField::ClockHour => (hour + 23) % 24 + 1,
        NumberField::HourOfHalf => hour % 12,
        NumberField::ClockHourOfHalf => (hour + 11) % 12 + 1,
        NumberField::Minute => civil.second_of_day / 60 % 60,
        NumberField::Second => civil.second_of_day % 60,
        NumberField::Nano => civil.nanos,
    };
    i64::from(small)
}

/// At least `min` digits, at most `max`, without closing zeros beyond `min`.
fn write_fraction(nanos: u32, min: usize, max: usize, pointed: bool, text: &mut String) {
    let digits = format!("{nanos:09}");
    let used = digits.trim_end_matches('0').len().max(min).min(max);
    if pointed && used > 0 {
        text.push('.');
    }
    text.push_str(digits.get(..used).unwrap_or_default());
}

fn name(field: NameField, full: bool, civil: Civil) -> &'static str {
    let ordinal = match field {
        NameField::Month => civil.month - 1,
        NameField::DayOfWeek => calendar::day_of_week(civil.days()) - 1,
        NameField::HalfOfDay => civil.second_of_day / 43_200,
        NameField::Era => u32::from(civil.year > 0),
    };
    let ordinal = usize::try_from(ordinal).unwrap_or(0);
    field.names(full).get(ordinal).copied().unwrap_or_default()
}

fn write_offset(style: OffsetStyle, offset: i32, text: &mut String) {
    if style.gmt {
        text.push_str("GMT");
        if offset == 0 {
            return;
        }
    }
    if offset == 0 && style.zulu {
        text.push('Z');
        return;
    }
    let (hours, minutes, seconds) = (offset.abs() / 3600, offset.abs() / 60 % 60, offset.abs() % 60);
    let colon = if style.colon { ":" } else { "" };
    _ = write!(text, "{}{hours:02}", if offset < 0 { '-' } else { '+' });
    if minutes != 0 || style.minutes != Minutes::Optional {
        _ = write!(text, "{colon}{minutes:02}");
    }
    if seconds != 0 {
        _ = write!(text, "{colon}{seconds:02}");
    }
}

fn write_zone(id: bool, moment: &Moment<'_>, text: &mut String) {
    let any = OffsetStyle { zulu: true, colon: true, minutes: Minutes::AnyForm, gmt: false };
    match moment.zone.iana_name() {
        Some(name) if id => text.push_str(name),
        Some(_) => {
            let at = calendar::nearest_timestamp(moment.instant.seconds);
            text.push_str(moment.zone.to_offset_info(at).abbreviation());
        }
        None => write_offset(any, moment.offset, text),
    }
}
