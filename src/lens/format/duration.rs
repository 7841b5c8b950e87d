//! Lengths of time, from a number in one unit to text in another or in words.

use serde_json::{Map, Value};

use super::{
    number::{fixed, round},
    spec::{count, text},
};

const DAY: f64 = 86_400.0;
/// Of 400 years: moment.js counts so.
const MONTH: f64 = DAY * 146_097.0 / 4_800.0;

/// A unit as input, as output, its short and its long name, its seconds.
const UNITS: [(&str, &str, &str, &str, f64); 11] = [
    ("picoseconds", "", "ps", "picoseconds", 1e-12),
    ("nanoseconds", "", "ns", "nanoseconds", 1e-9),
    ("microseconds", "", "us", "microseconds", 1e-6),
    ("milliseconds", "asMilliseconds", "ms", "milliseconds", 1e-3),
    ("seconds", "asSeconds", "s", "seconds", 1.0),
    ("minutes", "asMinutes", "min", "minutes", 60.0),
    ("hours", "asHours", "h", "hours", 3_600.0),
    ("days", "asDays", "d", "days", DAY),
    ("weeks", "asWeeks", "w", "weeks", 7.0 * DAY),
    ("months", "asMonths", "mon", "months", MONTH),
    ("years", "asYears", "y", "years", 12.0 * MONTH),
];

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Duration {
    /// Seconds in the unit of the number.
    pub(super) from: f64,
    pub(super) to: Output,
    pub(super) decimals: usize,
    is_short: bool,
    shows_unit: bool,
    has_space: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Output {
    /// `2 hours`, about.
    Words,
    /// `1.50 hours`: the largest unit that is filled.
    Precise,
    Unit {
        short: &'static str,
        long: &'static str,
        seconds: f64,
    },
}

impl Duration {
    /// Lens says `fromUnit`, `toUnit`, `decimals`, `compact`; a field's format `inputFormat`, `outputFormat` and so on.
    pub(super) fn read(params: &Map<String, Value>) -> Self {
        let is_of_lens = params.contains_key("fromUnit") || params.contains_key("toUnit");
        let is_on = |key: &str| params.get(key) == Some(&Value::Bool(true));
        let either = |lens: &str, field: &str| text(params, lens).or_else(|| text(params, field)).unwrap_or_default();
        let from = either("fromUnit", "inputFormat");
        let decimals = count(params, "decimals").or_else(|| count(params, "outputPrecision")).unwrap_or(2);
        Self {
            from: UNITS.iter().find(|unit| unit.0 == from).map_or(1.0, |unit| unit.4),
            to: Output::read(either("toUnit", "outputFormat")),
            decimals: decimals.min(20),
            is_short: is_on("compact") || is_on("useShortSuffix"),
            shows_unit: is_of_lens || is_on("showSuffix"),
            has_space: params.get("includeSpaceWithSuffix") != Some(&Value::Bool(false)),
        }
    }

    pub(super) fn text(&self, number: f64) -> String {
        if !number.is_finite() {
            return String::new();
        }
        let seconds = number * self.from;
        match self.to {
            Output::Words => words(seconds),
            Output::Precise => self.precise(seconds),
            Output::Unit { short, long, seconds: unit } => {
                let number = fixed(seconds / unit, self.decimals);
                if self.shows_unit { format!("{number}{}", self.unit(short, long)) } else { number }
            }
        }
    }

    /// The unit behind a number.
    pub(super) fn unit(&self, short: &str, long: &str) -> String {
        format!("{}{}", if self.has_space { " " } else { "" }, if self.is_short { short } else { long })
    }

    fn precise(&self, seconds: f64) -> String {
        let parts = parts(seconds);
        for (index, (part, per_unit)) in parts.iter().enumerate() {
            if *part < 1.0 {
                continue;
            }
            let next = parts.get(index + 1).map_or(0.0, |(next, _)| next.floor() / per_unit);
            let whole = if index + 1 < parts.len() { part.floor() } else { *part };
            return self.precise_text(whole + next, index);
        }
        self.precise_text(parts.last().map_or(0.0, |(part, _)| *part), parts.len() - 1)
    }

    fn precise_text(&self, number: f64, index: usize) -> String {
        let unit = UNITS.iter().rev().nth(index).map_or(String::new(), |unit| self.unit(unit.2, unit.3));
        format!("{}{unit}", fixed(number, self.decimals))
    }
}

impl Output {
    fn read(name: &str) -> Self {
        if name == "humanizePrecise" {
            return Self::Precise;
        }
        let unit = UNITS.iter().find(|unit| unit.1 == name && !name.is_empty());
        unit.map_or(Self::Words, |unit| Self::Unit { short: unit.2, long: unit.3, seconds: unit.4 })
    }
}

/// Years, months, weeks, days, hours, minutes, seconds, milliseconds, each with how many of the next one it has. Weeks
/// and days are both those of the month, as in moment.js.
fn parts(seconds: f64) -> [(f64, f64); 8] {
    let magnitude = seconds.abs();
    let days = (magnitude / DAY).floor();
    let months = (days * DAY / MONTH).floor();
    let days_left = days - (months * MONTH / DAY).ceil();
    let rest = magnitude - days * DAY;
    let sign = seconds.signum();
    [
        (sign * (months / 12.0).floor(), 12.0),
        (sign * (months % 12.0), 4.0),
        (sign * (days_left / 7.0).floor(), 7.0),
        (sign * days_left, 24.0),
        (sign * (rest / 3_600.0).floor(), 60.0),
        (sign * (rest % 3_600.0 / 60.0).floor(), 60.0),
        (sign * (rest % 60.0).floor(), 1_000.0),
        (sign * (rest.fract() * 1_000.0), 1_000.0),
    ]
}

/// As moment.js says it in English.
fn words(seconds: f64) -> String {
    if seconds == 0.0 {
        return "0 seconds".to_owned();
    }
    let sign = if seconds < 0.0 { "minus " } else { "" };
    let seconds = seconds.abs();
    let [minutes, hours, days] = [60.0, 3_600.0, DAY].map(|unit| round(seconds / unit));
    let [months, years] = [MONTH, 12.0 * MONTH].map(|unit| round(seconds / unit));
    let many = |number: f64, one: &str, unit: &str| match number {
        number if number <= 1.0 => one.to_owned(),
        number => format!("{} {unit}", fixed(number, 0)),
    };
    let text = match () {
        () if round(seconds) < 45.0 => "a few seconds".to_owned(),
        () if minutes < 45.0 => many(minutes, "a minute", "minutes"),
        () if hours < 22.0 => many(hours, "an hour", "hours"),
        () if days < 26.0 => many(days, "a day", "days"),
        () if months < 11.0 => many(months, "a month", "months"),
        () => many(years, "a year", "years"),
    };
    format!("{sign}{text}")
}
