//! numeral.js patterns, read: `0,0.[000]`, `$0,0.00`, `0.0a`, `0.[00]%`, `0.0b`, `+0,0`, `(0,0.00)`, `00:00:00`.
//!
//! | part | means |
//! |---|---|
//! | `,` | thousands are set apart |
//! | `.00`, `.[00]`, `.0[0]`, `[.]00` | decimals; those in brackets only if not zero; all or none |
//! | `a`, ` a`, `aK` `aM` `aB` `aT` | 1.2k, 1.2m, 1.2b, 1.2t; always in that unit |
//! | `o` | 1st |
//! | `%`, `$` | times 100; the currency's sign |
//! | `b`, `bb`, `bd`, `bitb`, `bitd` | bytes of 1024 (KB), (KiB), of 1000; bits of 1024, of 1000 |
//! | `+`, `(0)` | a plus; brackets in place of a minus |
//! | `:` anywhere | seconds as hours, minutes and seconds |
//!
//! All else before and after is written as it stands.

use super::number::DECIMALS_MAX;

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Pattern {
    /// Written before and after the number.
    pub(super) before: String,
    pub(super) after: String,
    pub(super) is_time: bool,
    pub(super) percent: Option<Sign>,
    pub(super) currency: Option<Currency>,
    pub(super) unit: Option<Unit>,
    pub(super) short: Option<Short>,
    /// Space before `st`.
    pub(super) ordinal: Option<Sign>,
    pub(super) has_thousands: bool,
    pub(super) has_plus: bool,
    pub(super) has_brackets: bool,
    pub(super) decimals: usize,
    /// The last ones of `decimals` that are not written when they are zero.
    pub(super) decimals_optional: usize,
    /// Decimals that are all zero are not written.
    pub(super) decimals_all_or_none: bool,
    /// `.00`: nothing before the point.
    pub(super) hides_whole: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sign {
    pub(super) has_space: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Currency {
    pub(super) has_space: bool,
    pub(super) is_first: bool,
    /// Before the minus or bracket, too.
    pub(super) is_before_sign: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Unit {
    pub(super) has_space: bool,
    pub(super) base: f64,
    pub(super) names: &'static [&'static str; 9],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Short {
    pub(super) has_space: bool,
    /// In this unit whatever the number: `k`, `m`, `b`, `t`.
    pub(super) always: Option<char>,
}

const BYTES: [&str; 9] = ["B", "KB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const BYTES_BINARY: [&str; 9] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB"];
const BYTES_DECIMAL: [&str; 9] = ["B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"];
const BITS_BINARY: [&str; 9] = ["bit", "Kibit", "Mibit", "Gibit", "Tibit", "Pibit", "Eibit", "Zibit", "Yibit"];
const BITS_DECIMAL: [&str; 9] = ["bit", "kbit", "Mbit", "Gbit", "Tbit", "Pbit", "Ebit", "Zbit", "Ybit"];

/// Longest first.
const UNITS: [(&str, f64, &[&str; 9]); 5] = [
    ("bitd", 1000.0, &BITS_DECIMAL),
    ("bitb", 1024.0, &BITS_BINARY),
    ("bd", 1000.0, &BYTES_DECIMAL),
    ("bb", 1024.0, &BYTES_BINARY),
    ("b", 1024.0, &BYTES),
];

impl Pattern {
    pub(super) fn read(text: &str) -> Self {
        let mut pattern = Self { is_time: text.contains(':') && !text.contains(['$', '%']), ..Self::default() };
        if pattern.is_time {
            return pattern;
        }
        let mut text = if text.is_empty() { "0,0".to_owned() } else { text.to_owned() };
        if text.contains('$') {
            pattern.currency = Some(Currency::cut(&mut text));
        } else if text.contains('%') {
            pattern.percent = Some(Sign { has_space: cut(&mut text, " %", "%") });
        }
        let rest = pattern.read_before(&text);
        let rest = pattern.read_digits(rest);
        pattern.read_after(rest);
        pattern
    }

    /// Up to the first digit, or the point before it; that of `Rs.0` is part of the word.
    fn read_before<'a>(&mut self, text: &'a str) -> &'a str {
        let (before, _) = text.split_at(text.find(['0', '#']).unwrap_or(text.len()));
        let words = before.trim_end_matches(['.', ',', '[', ']']);
        let before = if words.ends_with(char::is_alphabetic) { before } else { words };
        let (before, rest) = text.split_at(before.len());
        self.has_brackets = before.contains('(');
        self.has_plus = before.contains('+') && !self.has_brackets;
        self.before = before.chars().filter(|char| !matches!(char, '(' | '+' | '-')).collect();
        rest
    }

    fn read_digits<'a>(&mut self, text: &'a str) -> &'a str {
        let is_digit = |char: char| matches!(char, '0' | '#' | '.' | ',' | '[' | ']');
        let (digits, rest) = text.split_at(text.find(|char| !is_digit(char)).unwrap_or(text.len()));
        self.has_thousands = digits.contains(',');
        self.hides_whole = digits.starts_with('.') && self.before.is_empty();
        self.decimals_all_or_none = digits.contains("[.]");
        let fraction = digits.split_once('.').map_or("", |(_, fraction)| fraction);
        let fraction =
            if self.decimals_all_or_none { fraction.strip_prefix(']').unwrap_or(fraction) } else { fraction };
        let (always, optional) = fraction.split_once('[').unwrap_or((fraction, ""));
        let count = |text: &str| text.matches(['0', '#']).count();
        self.decimals_optional = count(optional).min(DECIMALS_MAX);
        self.decimals = (count(always) + count(optional)).min(DECIMALS_MAX);
        rest
    }

    /// Signs that belong to the number, then text.
    fn read_after(&mut self, text: &str) {
        let mut rest = text;
        loop {
            let (has_space, sign) = rest.strip_prefix(' ').map_or((false, rest), |sign| (true, sign));
            let next = self.read_short(sign, has_space).or_else(|| self.read_unit(sign, has_space));
            let next = next.or_else(|| self.read_ordinal(sign, has_space)).or_else(|| self.read_bracket(rest));
            match next {
                Some(next) => rest = next,
                None => break,
            }
        }
        rest.clone_into(&mut self.after);
    }

    fn read_short<'a>(&mut self, text: &'a str, has_space: bool) -> Option<&'a str> {
        let after = text.strip_prefix('a')?;
        let always = after.chars().next().filter(|char| matches!(char, 'K' | 'M' | 'B' | 'T'));
        let after = if always.is_some() { after.get(1..)? } else { after };
        let is_word = self.short.is_some() || after.starts_with(|char: char| char.is_alphabetic() && char != 'o');
        if is_word {
            return None;
        }
        self.short = Some(Short { has_space, always: always.map(|char| char.to_ascii_lowercase()) });
        Some(after)
    }

    fn read_unit<'a>(&mut self, text: &'a str, has_space: bool) -> Option<&'a str> {
        if self.unit.is_some() || self.percent.is_some() || self.currency.is_some() {
            return None;
        }
        let (after, base, names) =
            UNITS.into_iter().find_map(|(sign, base, names)| Some((text.strip_prefix(sign)?, base, names)))?;
        if after.starts_with(char::is_alphabetic) {
            return None;
        }
        self.unit = Some(Unit { has_space, base, names });
        Some(after)
    }

    fn read_ordinal<'a>(&mut self, text: &'a str, has_space: bool) -> Option<&'a str> {
        let after = text.strip_prefix('o')?;
        if self.ordinal.is_some() || after.starts_with(|char: char| char.is_alphabetic() && char != 'a') {
            return None;
        }
        self.ordinal = Some(Sign { has_space });
        Some(after)
    }

    fn read_bracket<'a>(&mut self, text: &'a str) -> Option<&'a str> {
        if let Some(after) = text.strip_prefix(')').filter(|_| self.has_brackets) {
            return Some(after);
        }
        let after = text.strip_prefix('+')?;
        self.has_plus = !self.has_brackets;
        Some(after)
    }
}

impl Currency {
    fn cut(text: &mut String) -> Self {
        let place = |sign| text.find(sign);
        let at = place('$').unwrap_or(0);
        let is_before_sign = [place('('), place('-')].into_iter().flatten().any(|sign| at < sign);
        let is_first = text.chars().position(|char| char == '$').unwrap_or(0) <= 1;
        let has_space = cut(text, " $", "$ ");
        if !has_space {
            *text = text.replacen('$', "", 1);
        }
        Self { has_space, is_first, is_before_sign }
    }
}

/// Takes the first of the two that is there out of the text; whether one with a space was.
fn cut(text: &mut String, first: &str, second: &str) -> bool {
    for sign in [first, second] {
        if text.contains(sign) {
            *text = text.replacen(sign, "", 1);
            return sign.contains(' ');
        }
    }
    false
}
