//! Numbers written by numeral.js patterns.

use super::{
    number::{fixed, has_exponent, round, rounded, text},
    pattern::{Pattern, Sign, Unit},
};

/// A number on its way to text.
struct Digits {
    is_negative: bool,
    /// Without sign.
    whole: String,
    /// With its point; empty if there are none.
    decimals: String,
    /// `k`, `st`.
    letters: String,
}

impl Pattern {
    /// Nothing for what is not a number.
    pub(super) fn text(&self, number: f64) -> String {
        if number.is_nan() {
            return String::new();
        }
        if number.is_infinite() {
            return if number > 0.0 { "+∞".to_owned() } else { "-∞".to_owned() };
        }
        if self.is_time {
            return time(number);
        }
        let number = if self.percent.is_some() { number * 100.0 } else { number };
        let (number, unit) = self.unit.map_or((number, String::new()), |unit| unit.of(number));
        let digits = self.digits(number);
        self.signed(&digits, &unit)
    }

    fn digits(&self, number: f64) -> Digits {
        let (scaled, mut short) = self.shortened(number);
        if let Some(sign) = self.ordinal {
            short.insert_str(0, &format!("{}{}", sign.space(), ordinal(scaled)));
        }
        let all =
            if has_exponent(number) { text(scaled) } else { rounded(scaled, self.decimals, self.decimals_optional) };
        let (is_negative, all) = all.strip_prefix('-').map_or((false, all.as_str()), |all| (true, all));
        // Very large and very small numbers are written as they are.
        if has_exponent(number) {
            let (whole, decimals) = all.find(['.', 'e']).map_or((all, ""), |at| all.split_at(at));
            return Digits { is_negative, whole: self.whole(whole), decimals: decimals.to_owned(), letters: short };
        }
        let (whole, fraction) = all.split_once('.').unwrap_or((all, ""));
        let is_zero = fraction.bytes().all(|digit| digit == b'0');
        let has_decimals = !(fraction.is_empty() || self.decimals_all_or_none && is_zero);
        let decimals = if has_decimals { format!(".{fraction}") } else { String::new() };
        Digits { is_negative, whole: self.whole(whole), decimals, letters: short }
    }

    fn whole(&self, digits: &str) -> String {
        match (self.hides_whole, self.has_thousands) {
            (true, _) => String::new(),
            (false, true) => grouped(digits),
            (false, false) => digits.to_owned(),
        }
    }

    /// In thousands, millions, billions or trillions, if the pattern says so.
    fn shortened(&self, number: f64) -> (f64, String) {
        let Some(short) = self.short else { return (number, String::new()) };
        let space = Sign { has_space: short.has_space }.space();
        let scales = [('t', 1e12), ('b', 1e9), ('m', 1e6), ('k', 1e3)];
        let scale = scales.into_iter().find(|(letter, scale)| match short.always {
            Some(always) => always == *letter,
            None => number.abs() >= *scale,
        });
        match scale {
            Some((letter, scale)) => (number / scale, format!("{space}{letter}")),
            None => (number, space.to_owned()),
        }
    }

    fn signed(&self, digits: &Digits, unit: &str) -> String {
        let Digits { is_negative, whole, decimals, letters } = digits;
        let percent = self.percent.map(|sign| format!("{}%", sign.space())).unwrap_or_default();
        let (open, close) = match (is_negative, self.has_brackets, self.has_plus) {
            (true, true, _) => ("(", ")"),
            (true, false, _) => ("-", ""),
            (false, _, true) => ("+", ""),
            (false, _, false) => ("", ""),
        };
        let Pattern { before, after, .. } = self;
        let number = format!("{before}{whole}{decimals}{letters}{percent}{unit}");
        let Some(currency) = self.currency else { return format!("{open}{number}{close}{after}") };
        let space = Sign { has_space: currency.has_space }.space();
        if !currency.is_first {
            return format!("{open}{number}{space}${close}{after}");
        }
        // A plus stays behind the currency's sign.
        if currency.is_before_sign || !is_negative {
            return format!("${space}{open}{number}{close}{after}");
        }
        format!("{open}${space}{number}{close}{after}")
    }
}

impl Sign {
    fn space(self) -> &'static str {
        if self.has_space { " " } else { "" }
    }
}

impl Unit {
    /// The number in the largest unit that it fills, and that unit.
    fn of(self, number: f64) -> (f64, String) {
        let mut number = number;
        let mut names = self.names.iter();
        let mut name = names.next().copied().unwrap_or_default();
        for larger in names {
            if number.abs() < self.base {
                break;
            }
            number /= self.base;
            name = larger;
        }
        (number, format!("{}{name}", Sign { has_space: self.has_space }.space()))
    }
}

/// `1234567` as `1,234,567`.
fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Seconds as `1:02:03`.
fn time(number: f64) -> String {
    let seconds = number.abs();
    let hours = (seconds / 3600.0).floor();
    let minutes = ((seconds - hours * 3600.0) / 60.0).floor();
    let seconds = round(seconds - hours * 3600.0 - minutes * 60.0);
    let sign = if number < 0.0 { "-" } else { "" };
    format!("{sign}{}:{:0>2}:{:0>2}", text(hours), fixed(minutes, 0), fixed(seconds, 0))
}

fn ordinal(number: f64) -> &'static str {
    if (number % 100.0 / 10.0).trunc() == 1.0 {
        return "th";
    }
    match number % 10.0 {
        1.0 => "st",
        2.0 => "nd",
        3.0 => "rd",
        _ => "th",
    }
}
