//! Floats as texts.

use super::ParseError;

/// Decimal or `inf`, `infinity`, `nan` in any letter case, with a sign and blanks around.
pub(super) fn parse(text: &str) -> Result<f64, ParseError> {
    let bad = || ParseError(format!("Bad double value: {text}"));
    let trimmed = text.trim();
    let unsigned = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if unsigned.starts_with(['+', '-']) {
        return Err(bad());
    }
    trimmed.parse().map_err(|_| bad())
}

/// The shortest text that reads back as the same float: `1`, `1.5`, `1e+20`, `inf`, `nan` as `CAST` writes.
pub(crate) fn print_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let (digits, exponent) = shortest(value);
    let limit = if digits.len() <= 15 { 15 } else { 17 };
    if (-4..limit).contains(&exponent) {
        return value.to_string();
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
    let point = if rest.is_empty() { "" } else { "." };
    let exponent_sign = if exponent < 0 { '-' } else { '+' };
    format!("{sign}{first}{point}{rest}e{exponent_sign}{:02}", exponent.abs())
}

/// As answers of the REST API write it: `1.5`, `1.0`, `1.2345678E7`, `NaN`, `-Infinity`.
pub(crate) fn scientific(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    if value == 0.0 || (1e-3..1e7).contains(&value.abs()) {
        return format!("{value:?}");
    }
    let (digits, exponent) = shortest(value);
    let sign = if value < 0.0 { "-" } else { "" };
    let (first, rest) = digits.split_at_checked(1).unwrap_or((&digits, ""));
    format!("{sign}{first}.{}E{exponent}", if rest.is_empty() { "0" } else { rest })
}

/// The digits and the power of ten of the first one.
fn shortest(value: f64) -> (String, i32) {
    let text = format!("{:e}", value.abs());
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (digits.replace('.', ""), exponent.parse().unwrap_or(0))
}
