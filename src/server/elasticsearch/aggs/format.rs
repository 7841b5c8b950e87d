//! How values are written as text: dates, booleans, and the decimal patterns of `format`.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};

use super::options::double_text;
use super::values::{FieldOptions, truncate};
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::mapping::{DateFormat, FieldKind, FieldMapping};

/// What makes `value_as_string` and `key_as_string`.
#[derive(Debug, Clone)]
pub(super) enum ValueFormat {
    /// Numbers as they are: no text beside them.
    Raw,
    Boolean,
    Date {
        format: DateFormat,
        zone: TimeZone,
    },
    Decimal(DecimalPattern),
}

impl ValueFormat {
    /// The format of a field, as the request may change it.
    pub(super) fn of(field: &FieldMapping, options: &FieldOptions) -> Result<Self, Exception> {
        let unsupported = |what: &str| {
            let (path, kind) = (&field.path, field.kind.name());
            Exception::new(
                "illegal_argument_exception",
                format!("Field [{path}] of type [{kind}] does not support {what}"),
            )
        };
        match field.kind {
            kind if kind.is_date() => Self::date(Some(field), options),
            _ if options.zone.is_some() => Err(unsupported("custom time zones")),
            FieldKind::Boolean => Ok(Self::Boolean),
            kind if kind.is_keyword() && options.format.is_some() => Err(unsupported("custom formats")),
            _ => Ok(options.format.as_deref().map_or(Self::Raw, |text| Self::Decimal(DecimalPattern::parse(text)))),
        }
    }

    /// A date's format: the request's, else the field's.
    pub(super) fn date(field: Option<&FieldMapping>, options: &FieldOptions) -> Result<Self, Exception> {
        let declared = field.and_then(|field| field.options.get("format")).and_then(Value::as_str);
        let format = match options.format.as_deref().or(declared) {
            None => DateFormat::default(),
            Some(pattern) => DateFormat::parse_pattern(pattern)
                .map_err(|error| Exception::new("illegal_argument_exception", error.to_string()))?,
        };
        let zone = options.zone.as_ref().map_or(TimeZone::UTC, |zone| zone.0.clone());
        Ok(Self::Date { format, zone })
    }

    pub(super) fn is_raw(&self) -> bool {
        matches!(self, Self::Raw)
    }

    /// A double as text.
    pub(super) fn text(&self, value: f64) -> String {
        match self {
            Self::Raw => double_text(value),
            Self::Boolean => (value != 0.0).to_string(),
            Self::Date { format, zone } => format.format(truncate(value), zone),
            Self::Decimal(pattern) => pattern.format(value),
        }
    }

    /// A whole number as text.
    pub(super) fn text_i64(&self, value: i64) -> String {
        match self {
            Self::Raw => value.to_string(),
            Self::Date { format, zone } => format.format(value, zone),
            _ => self.text(value as f64),
        }
    }

    /// `value`, and `value_as_string` where there is text to add.
    pub(super) fn value_members(&self, value: Option<f64>) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("value".into(), number(value));
        if let Some(value) = value
            && !self.is_raw()
        {
            members.insert("value_as_string".into(), self.text(value).into());
        }
        members
    }

    /// The text where Elasticsearch writes booleans bare.
    pub(super) fn bare(&self, value: f64) -> Value {
        match self {
            Self::Boolean => (value != 0.0).into(),
            _ => self.text(value).into(),
        }
    }
}

/// A double, or null for none and for what is not finite.
pub(super) fn number(value: Option<f64>) -> Value {
    value.and_then(serde_json::Number::from_f64).map_or(Value::Null, Value::Number)
}

/// A pattern of Java's `DecimalFormat`, as far as dashboards use them: `0.00`, `#,##0.0#`, `0%`, with text around.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct DecimalPattern {
    prefix: String,
    suffix: String,
    integer_min: usize,
    fraction_min: usize,
    fraction_max: usize,
    grouping: usize,
    percent: bool,
}

impl DecimalPattern {
    pub(super) fn parse(text: &str) -> Self {
        let text = text.split(';').next().unwrap_or(text);
        let is_digit = |c: char| matches!(c, '0' | '#' | ',' | '.');
        let start = text.find(is_digit).unwrap_or(text.len());
        let (prefix, rest) = text.split_at(start);
        let end = rest.find(|c: char| !is_digit(c)).unwrap_or(rest.len());
        let (digits, suffix) = rest.split_at(end);
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let count = |text: &str, wanted: char| text.chars().filter(|c| *c == wanted).count().min(340);
        Self {
            percent: prefix.contains('%') || suffix.contains('%'),
            prefix: prefix.replace('\'', ""),
            suffix: suffix.replace('\'', ""),
            integer_min: count(integer, '0'),
            fraction_min: count(fraction, '0'),
            fraction_max: count(fraction, '0') + count(fraction, '#'),
            grouping: integer.rsplit_once(',').map_or(0, |(_, last)| last.len()),
        }
    }

    /// Half-even rounding of the exact binary value, as Java does.
    pub(super) fn format(&self, value: f64) -> String {
        if !value.is_finite() {
            return if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "∞"
            } else {
                "-∞"
            }
            .to_owned();
        }
        let scaled = if self.percent { value * 100.0 } else { value };
        let text = format!("{:.*}", self.fraction_max, scaled.abs());
        let (integer, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let mut fraction = fraction.to_owned();
        while fraction.len() > self.fraction_min && fraction.ends_with('0') {
            fraction.pop();
        }
        let integer = if integer == "0" && self.integer_min == 0 && !fraction.is_empty() { "" } else { integer };
        let padded = format!("{integer:0>width$}", width = self.integer_min);
        let sign = if scaled.is_sign_negative() { "-" } else { "" };
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{}{}{point}{fraction}{}", self.prefix, self.grouped(&padded), self.suffix)
    }

    fn grouped(&self, digits: &str) -> String {
        if self.grouping == 0 {
            return digits.to_owned();
        }
        let mut out = String::new();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(self.grouping) {
                out.push(',');
            }
            out.push(digit);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_patterns_write_as_java_does() {
        let check = |pattern: &str, value: f64, expected: &str| {
            assert_eq!(DecimalPattern::parse(pattern).format(value), expected, "{pattern} of {value}");
        };
        check("0.00", 4.5, "4.50");
        check("#,##0.0", 1.25, "1.2");
        check("#,##0.0", 3.75, "3.8");
        check("#,##0.0", 1_234_567.0, "1,234,567.0");
        check("yyyy", 5.0, "yyyy5");
        check("0.#", 2.0, "2");
        check("#.##", 0.25, ".25");
        check("0%", 0.256, "26%");
        check("000.0", -1.24, "-001.2");
    }
}
