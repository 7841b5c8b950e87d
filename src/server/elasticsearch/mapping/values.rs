//! One JSON value to what a field stores of it: coercion, ranges, and the causes a refusal names.

use std::borrow::Cow;
use std::net::IpAddr;

use super::plan::FieldPlan;
use super::{FieldKind, java};
use crate::server::elasticsearch::codec::json::{Json, JsonValue, Source};
use crate::server::elasticsearch::error::Exception;

/// Longest keyword, in bytes: Lucene's longest term.
pub(crate) const KEYWORD_BYTES_MAX: usize = 32_766;

/// What a field makes of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stored<'a> {
    /// Null, or text that stands for it.
    Nothing,
    Integer(i64),
    Float(f64),
    Keyword(Cow<'a, str>),
    Text(Cow<'a, str>),
    /// Longer than `ignore_above`.
    Ignored,
}

/// Text, token by token, with its place: what the readers below share.
struct Token<'a> {
    json: &'a Json,
    source: &'a Source<'a>,
}

/// Reads a value that is neither null nor an array.
///
/// # Errors
/// The cause of the refusal, without the frame that names the field.
pub(crate) fn read<'a>(field: &FieldPlan, json: &'a Json, source: &'a Source<'a>) -> Result<Stored<'a>, Exception> {
    let token = Token { json, source };
    match field.kind {
        FieldKind::Text => token.text().map(Stored::Text),
        FieldKind::Keyword => keyword(field, token.text()?),
        FieldKind::Long | FieldKind::Integer | FieldKind::Short | FieldKind::Byte => integer(field, &token),
        FieldKind::Double | FieldKind::Float | FieldKind::HalfFloat | FieldKind::ScaledFloat => floating(field, &token),
        FieldKind::Boolean => boolean(&token),
        FieldKind::Date | FieldKind::DateNanos => date(field, &token),
        FieldKind::Ip => ip(&token.text()?),
        FieldKind::Alias => Ok(Stored::Nothing),
    }
}

impl<'a> Token<'a> {
    /// The token as text: strings unescaped, numbers and booleans as they were sent.
    fn text(&self) -> Result<Cow<'a, str>, Exception> {
        match &self.json.value {
            JsonValue::String(text) => Ok(Cow::Borrowed(text)),
            JsonValue::Object(_) | JsonValue::Array(_) => {
                let at = self.source.position(self.json.span.start);
                let reason = format!("Expected text at {}:{} but found {}", at.line, at.column, self.json.token_name());
                Err(illegal(reason))
            }
            JsonValue::Bool(flag) => Ok(Cow::Borrowed(if *flag { "true" } else { "false" })),
            JsonValue::Int(number) if self.json.span.start == self.json.span.end => Ok(number.to_string().into()),
            JsonValue::Float { value, .. } if self.json.span.start == self.json.span.end => {
                Ok(java::double(*value).into())
            }
            _ => Ok(String::from_utf8_lossy(self.source.slice(self.json.span))),
        }
    }

    /// An exception of the JSON parser at the end of this token, wrapped as the server wraps it.
    fn parser_error(&self, kind: &'static str, reason: &str) -> Exception {
        let offset = match self.json.value {
            JsonValue::Object(_) => self.json.span.start + 1,
            _ => self.json.span.end,
        };
        parser_exception(kind, reason, offset, self.source)
    }
}

/// `[1:10] text\n at [Source: ..]` as `x_content_parse_exception`, caused by the parser's own exception.
pub(crate) fn parser_exception(kind: &'static str, reason: &str, offset: usize, source: &Source<'_>) -> Exception {
    let at = source.position(offset);
    let place = format!("\n at [Source: (byte[]){}; line: {}, column: {}]", excerpt(source), at.line, at.column);
    let inner = Exception::new(kind, format!("{reason}{place}"));
    let outer = format!("[{}:{}] {reason}{place}", at.line, at.column);
    Exception::new("x_content_parse_exception", outer).caused_by(inner)
}

/// The text as the parser quotes it: the first 500 bytes.
pub(crate) fn excerpt(source: &Source<'_>) -> String {
    const SHOWN: usize = 500;
    let text = String::from_utf8_lossy(source.0.get(..SHOWN.min(source.0.len())).unwrap_or_default());
    if source.0.len() > SHOWN {
        return format!("\"{text}\"[truncated {} bytes]", source.0.len() - SHOWN);
    }
    format!("\"{text}\"")
}

fn illegal(reason: impl Into<String>) -> Exception {
    Exception::new("illegal_argument_exception", reason)
}

fn keyword<'a>(field: &FieldPlan, text: Cow<'a, str>) -> Result<Stored<'a>, Exception> {
    if let Some(limit) = field.ignore_above
        && text.len() > limit
        && text.encode_utf16().count() > limit
    {
        return Ok(Stored::Ignored);
    }
    if text.len() > KEYWORD_BYTES_MAX && field.stored {
        let bytes: Vec<String> = text.bytes().take(30).map(|byte| i8::from_ne_bytes([byte]).to_string()).collect();
        return Err(illegal(format!(
            "Document contains at least one immense term in field=\"{}\" (whose UTF8 encoding is longer than the max length {KEYWORD_BYTES_MAX}), all of which were skipped. Please correct the analyzer to not produce such terms. The prefix of the first immense term is: '[{}]...'",
            field.path,
            bytes.join(", ")
        )));
    }
    Ok(Stored::Keyword(text))
}

fn ip(text: &str) -> Result<Stored<'static>, Exception> {
    let address: IpAddr = text.parse().map_err(|_| illegal(format!("'{text}' is not an IP string literal.")))?;
    let canonical = match address {
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(IpAddr::V6(six), IpAddr::V4),
        four @ IpAddr::V4(_) => four,
    };
    Ok(Stored::Keyword(canonical.to_string().into()))
}

fn boolean(token: &Token<'_>) -> Result<Stored<'static>, Exception> {
    let flag = match &token.json.value {
        JsonValue::Bool(flag) => *flag,
        JsonValue::String(text) => match text.as_str() {
            "true" => true,
            "false" | "" => false,
            other => {
                let reason = format!("Failed to parse value [{other}] as only [true] or [false] are allowed.");
                return Err(illegal(reason));
            }
        },
        _ => {
            let reason = format!("Current token ({}) not of boolean type", parser_token(token.json));
            return Err(token.parser_error("json_parse_exception", &reason));
        }
    };
    Ok(Stored::Integer(i64::from(flag)))
}

/// The parser's own name of a token, finer than Elasticsearch's.
fn parser_token(json: &Json) -> &'static str {
    match json.value {
        JsonValue::Int(_) | JsonValue::Float { integral: true, .. } => "VALUE_NUMBER_INT",
        JsonValue::Float { .. } => "VALUE_NUMBER_FLOAT",
        JsonValue::Bool(true) => "VALUE_TRUE",
        JsonValue::Bool(false) => "VALUE_FALSE",
        _ => json.token_name(),
    }
}

fn date(field: &FieldPlan, token: &Token<'_>) -> Result<Stored<'static>, Exception> {
    let text = token.text()?;
    let parsed = match field.kind {
        FieldKind::DateNanos => field.format.parse_nanos(&text),
        _ => field.format.parse_millis(&text),
    };
    parsed.map(Stored::Integer).map_err(|error| error.to_exception())
}

/// The inclusive range of an integral type, its name in Java and in range messages.
fn integral_range(kind: FieldKind) -> (i64, i64, &'static str, &'static str) {
    match kind {
        FieldKind::Byte => (i64::from(i8::MIN), i64::from(i8::MAX), "Byte", "byte"),
        FieldKind::Short => (i64::from(i16::MIN), i64::from(i16::MAX), "Short", "short"),
        FieldKind::Integer => (i64::from(i32::MIN), i64::from(i32::MAX), "Integer", "int"),
        _ => (i64::MIN, i64::MAX, "Long", "long"),
    }
}

fn integer(field: &FieldPlan, token: &Token<'_>) -> Result<Stored<'static>, Exception> {
    let (low, high, java_name, primitive) = integral_range(field.kind);
    let wide = matches!(field.kind, FieldKind::Long | FieldKind::Integer);
    let out_of_range = || {
        let raw = token.text().unwrap_or_default();
        if wide {
            let reason = format!("Numeric value ({raw}) out of range of {primitive} ({low} - {high})");
            return token.parser_error("input_coercion_exception", &reason);
        }
        illegal(format!("Value [{raw}] is out of range for a {primitive}"))
    };
    let value = match &token.json.value {
        JsonValue::Int(value) => *value,
        JsonValue::Float { integral: true, .. } => return Err(out_of_range()),
        JsonValue::Float { value, .. } => {
            if !field.coerce && value.fract() != 0.0 {
                let text = java::double(*value);
                return Err(illegal(format!("{text} cannot be converted to {java_name} without data loss")));
            }
            truncated(*value).ok_or_else(out_of_range)?
        }
        JsonValue::String(_) if !field.coerce => {
            return Err(illegal(format!("{java_name} value passed as String")));
        }
        JsonValue::String(text) if text.is_empty() => return Ok(Stored::Nothing),
        JsonValue::String(text) => {
            let value = integer_text(text)?;
            let name = if primitive == "int" { "integer" } else { primitive };
            return match value.and_then(|value| i64::try_from(value).ok()).filter(|value| (low..=high).contains(value))
            {
                Some(value) => Ok(Stored::Integer(value)),
                None => {
                    let article = if name == "integer" { "an" } else { "a" };
                    Err(illegal(format!("Value [{text}] is out of range for {article} {name}")))
                }
            };
        }
        _ => return Err(not_numeric(token)),
    };
    if (low..=high).contains(&value) { Ok(Stored::Integer(value)) } else { Err(out_of_range()) }
}

fn not_numeric(token: &Token<'_>) -> Exception {
    if matches!(token.json.value, JsonValue::Object(_)) {
        return illegal("Cannot parse object as number");
    }
    let name = parser_token(token.json);
    let reason = format!("Current token ({name}) not numeric, can not use numeric value accessors");
    token.parser_error("json_parse_exception", &reason)
}

/// A double without its fraction, where it fits.
fn truncated(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "checked to lie in the range of i64")]
    (value.trunc() >= -LIMIT && value.trunc() < LIMIT).then(|| value.trunc() as i64)
}

/// A number in text, its fraction cut off; `None` where it is far beyond any integer.
fn integer_text(text: &str) -> Result<Option<i128>, Exception> {
    let refused = || illegal(format!("For input string: \"{text}\""));
    if let Ok(value) = text.parse::<i64>() {
        return Ok(Some(i128::from(value)));
    }
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    if plain(whole) && plain(fraction) && unsigned.len() > unsigned.matches('.').count() {
        let magnitude = if whole.is_empty() { Ok(0) } else { whole.parse::<i128>() };
        let sign = if text.starts_with('-') { -1 } else { 1 };
        return Ok(magnitude.ok().map(|magnitude| magnitude * sign));
    }
    let value = float_text(text).map_err(|_| refused())?;
    if value.is_finite() { Ok(truncated(value).map(i128::from)) } else { Err(refused()) }
}

/// `Double.parseDouble`: what Rust reads, save its own spellings of infinity, and blanks around.
fn float_text(text: &str) -> Result<f64, Exception> {
    let refused = || Exception::new("number_format_exception", format!("For input string: \"{text}\""));
    let trimmed = text.trim();
    match trimmed {
        "NaN" => Ok(f64::NAN),
        "Infinity" | "+Infinity" => Ok(f64::INFINITY),
        "-Infinity" => Ok(f64::NEG_INFINITY),
        "" => Err(Exception::new("number_format_exception", "empty String")),
        _ if trimmed.bytes().any(|byte| byte.is_ascii_alphabetic() && !matches!(byte, b'e' | b'E')) => Err(refused()),
        _ => trimmed.parse().map_err(|_| refused()),
    }
}

#[expect(clippy::cast_precision_loss, reason = "a double is what the field stores")]
fn floating(field: &FieldPlan, token: &Token<'_>) -> Result<Stored<'static>, Exception> {
    let value = match &token.json.value {
        JsonValue::Int(value) => *value as f64,
        JsonValue::Float { value, .. } => *value,
        JsonValue::String(_) if !field.coerce => {
            let name = match field.kind {
                FieldKind::Double | FieldKind::ScaledFloat => "Double",
                _ => "Float",
            };
            return Err(illegal(format!("{name} value passed as String")));
        }
        JsonValue::String(text) if text.is_empty() => return Ok(Stored::Nothing),
        JsonValue::String(text) => float_text(text)?,
        _ => return Err(not_numeric(token)),
    };
    round(field, value).map(Stored::Float)
}

/// The nearest value of the field's type.
fn round(field: &FieldPlan, value: f64) -> Result<f64, Exception> {
    let (rounded, shown) = match field.kind {
        FieldKind::Float => {
            let single = to_single(value);
            (single, single)
        }
        FieldKind::HalfFloat => (to_half(value), to_single(value)),
        FieldKind::ScaledFloat => ((value * field.scaling_factor + 0.5).floor() / field.scaling_factor, value),
        _ => (value, value),
    };
    if rounded.is_finite() {
        return Ok(rounded);
    }
    let name = field.kind.name();
    Err(illegal(format!("[{name}] supports only finite values, but got [{}]", java::double(shown))))
}

#[expect(clippy::cast_possible_truncation, reason = "rounding to 32 bits is what `float` does")]
fn to_single(value: f64) -> f64 {
    f64::from(value as f32)
}

/// The nearest 16-bit float (11 bits of precision, exponents -14 to 15), infinite beyond.
fn to_half(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let exponent = value.abs().log2().floor().max(-14.0);
    let unit = (exponent - 10.0).exp2();
    let rounded = (value / unit).round_ties_even() * unit;
    if rounded.abs() > 65_504.0 { f64::INFINITY.copysign(value) } else { rounded }
}
