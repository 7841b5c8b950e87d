//! Dates written by moment.js patterns, in English: `MMM D, YYYY @ HH:mm:ss.SSS`.

use jiff::{Span, Timestamp, Zoned, civil::Date, tz::TimeZone};

pub(super) const DEFAULT_PATTERN: &str = "MMM D, YYYY @ HH:mm:ss.SSS";
pub(super) const DEFAULT_PATTERN_NANOS: &str = "MMM D, YYYY @ HH:mm:ss.SSSSSSSSS";

/// Of those that begin alike the longest comes first.
const TOKENS: [&str; 58] = [
    "YYYY", "YY", "Y", "GGGG", "GG", "gggg", "gg", "Qo", "Q", "MMMM", "MMM", "MM", "Mo", "M", "DDDD", "DDDo", "DDD",
    "DD", "Do", "D", "dddd", "ddd", "dd", "do", "d", "E", "e", "WW", "Wo", "W", "ww", "wo", "w", "HH", "H", "hh", "h",
    "kk", "k", "mm", "m", "ss", "s", "A", "a", "ZZ", "Z", "zz", "z", "X", "x", "LTS", "LT", "LLLL", "LLL", "LL", "L",
    "\\",
];

/// The pattern that Kibana takes for the buckets of a date histogram: no finer than they are.
pub fn scaled_date_pattern(interval_ms: i64) -> &'static str {
    match interval_ms {
        ..1_000 => "HH:mm:ss.SSS",
        1_000..60_000 => "HH:mm:ss",
        60_000..3_600_000 => "HH:mm",
        3_600_000..86_400_000 => "YYYY-MM-DD HH:mm",
        86_400_000..31_536_000_000 => "YYYY-MM-DD",
        _ => "YYYY",
    }
}

/// `None` if there is no such date.
pub(super) fn text(pattern: &str, ms: f64, zone: &TimeZone) -> Option<String> {
    if ms.is_nan() || ms.abs() >= 1e15 {
        return None;
    }
    #[allow(clippy::cast_possible_truncation, reason = "checked above")]
    let ms = ms.floor() as i64;
    let date = Timestamp::from_millisecond(ms).ok()?.to_zoned(zone.clone());
    let mut text = String::new();
    write(pattern, &date, &mut text);
    Some(text)
}

fn write(pattern: &str, date: &Zoned, text: &mut String) {
    let mut rest = pattern;
    while let Some(next) = rest.chars().next() {
        let literal = rest.strip_prefix('[').and_then(|inner| inner.split_once(']'));
        if let Some((literal, after)) = literal {
            text.push_str(literal);
            rest = after;
            continue;
        }
        let fraction_length = rest.chars().take_while(|char| *char == 'S').take(9).count();
        if fraction_length > 0 {
            let nanos = format!("{:09}", date.subsec_nanosecond());
            text.push_str(nanos.get(..fraction_length).unwrap_or_default());
            rest = rest.get(fraction_length..).unwrap_or_default();
            continue;
        }
        match TOKENS.iter().find(|token| rest.starts_with(**token)) {
            Some(token) => {
                write_token(token, date, text);
                rest = rest.get(token.len()..).unwrap_or_default();
            }
            None => {
                text.push(next);
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
            }
        }
    }
}

fn write_token(token: &str, date: &Zoned, text: &mut String) {
    match token {
        "LTS" => write("h:mm:ss A", date, text),
        "LT" => write("h:mm A", date, text),
        "LLLL" => write("dddd, MMMM D, YYYY h:mm A", date, text),
        "LLL" => write("MMMM D, YYYY h:mm A", date, text),
        "LL" => write("MMMM D, YYYY", date, text),
        "L" => write("MM/DD/YYYY", date, text),
        _ => text.push_str(&day_token(token, date).unwrap_or_else(|| time_token(token, date))),
    }
}

/// Years to days; `None` for other tokens.
fn day_token(token: &str, date: &Zoned) -> Option<String> {
    let month = date.month();
    let weekday = date.weekday().to_sunday_zero_offset();
    let day_of_year = date.day_of_year();
    let quarter = (month + 2) / 3;
    let iso = date.date().iso_week_date();
    let (week_year, week) = week(date.date());
    Some(match token {
        "YYYY" => format!("{:04}", date.year()),
        "YY" => format!("{:02}", date.year().rem_euclid(100)),
        "Y" => date.year().to_string(),
        "GGGG" => format!("{:04}", iso.year()),
        "GG" => format!("{:02}", iso.year().rem_euclid(100)),
        "gggg" => format!("{week_year:04}"),
        "gg" => format!("{:02}", week_year.rem_euclid(100)),
        "Q" => quarter.to_string(),
        "Qo" => nth(quarter.into()),
        "MMMM" => date.strftime("%B").to_string(),
        "MMM" => date.strftime("%b").to_string(),
        "MM" => format!("{month:02}"),
        "Mo" => nth(month.into()),
        "M" => month.to_string(),
        "DDDD" => format!("{day_of_year:03}"),
        "DDDo" => nth(day_of_year),
        "DDD" => day_of_year.to_string(),
        "DD" => format!("{:02}", date.day()),
        "Do" => nth(date.day().into()),
        "D" => date.day().to_string(),
        "dddd" => date.strftime("%A").to_string(),
        "ddd" => date.strftime("%a").to_string(),
        "dd" => date.strftime("%a").to_string().chars().take(2).collect(),
        "do" => nth(weekday.into()),
        "d" | "e" => weekday.to_string(),
        "E" => date.weekday().to_monday_one_offset().to_string(),
        "WW" => format!("{:02}", iso.week()),
        "Wo" => nth(iso.week().into()),
        "W" => iso.week().to_string(),
        "ww" => format!("{week:02}"),
        "wo" => nth(week),
        "w" => week.to_string(),
        _ => return None,
    })
}

fn time_token(token: &str, date: &Zoned) -> String {
    let hour = date.hour();
    let hour_of_12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let hour_from_1 = if hour == 0 { 24 } else { hour };
    match token {
        "HH" => format!("{hour:02}"),
        "H" => hour.to_string(),
        "hh" => format!("{hour_of_12:02}"),
        "h" => hour_of_12.to_string(),
        "kk" => format!("{hour_from_1:02}"),
        "k" => hour_from_1.to_string(),
        "mm" => format!("{:02}", date.minute()),
        "m" => date.minute().to_string(),
        "ss" => format!("{:02}", date.second()),
        "s" => date.second().to_string(),
        "A" => (if hour < 12 { "AM" } else { "PM" }).to_owned(),
        "a" => (if hour < 12 { "am" } else { "pm" }).to_owned(),
        "Z" => offset(date, ":"),
        "ZZ" => offset(date, ""),
        "z" | "zz" => date.strftime("%Z").to_string(),
        "X" => date.timestamp().as_millisecond().div_euclid(1_000).to_string(),
        "x" => date.timestamp().as_millisecond().to_string(),
        _ => String::new(),
    }
}

fn offset(date: &Zoned, separator: &str) -> String {
    let seconds = date.offset().seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}{separator}{:02}", minutes / 60, minutes % 60)
}

/// Year and number of the week, which begins on Sunday; the first one has January 1 in it.
fn week(date: Date) -> (i16, i16) {
    let to_saturday = 6 - date.weekday().to_sunday_zero_offset();
    let saturday = date.checked_add(Span::new().days(to_saturday)).unwrap_or(date);
    (saturday.year(), (saturday.day_of_year() - 1) / 7 + 1)
}

fn nth(number: i16) -> String {
    let ending = match (number % 100 / 10, number % 10) {
        (1, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}
