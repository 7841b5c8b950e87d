//! Values from and to text, as CAST does.

mod float;
mod moment;
mod zone;

use base64::Engine as _;

use super::numeric::{parse_numeric, print_numeric};
use super::{Type, Value};

pub(crate) use float::{print_float, scientific};
pub(crate) use moment::{
    parse_timestamp_in, print_date, print_datetime, print_datetime_micros, print_time_micros, print_timestamp_in,
};
pub(crate) use zone::{Zone, zone};

/// A text that is no value of a type: BigQuery's message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(pub String);

impl ParseError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl Value {
    /// As `CAST(text AS kind)`: `Bad int64 value: x`, `Invalid timestamp: 'x'`. A timestamp without zone is UTC. Arrays and structs have no cast.
    pub fn parse(text: &str, kind: &Type) -> Result<Self, ParseError> {
        match kind {
            Type::Int64 => parse_int(text).map(Self::Int64),
            Type::Float64 => float::parse(text).map(Self::Float64),
            Type::Bool => parse_bool(text).map(Self::Bool),
            Type::String => Ok(Self::String(text.to_owned())),
            Type::Bytes => Ok(Self::Bytes(text.as_bytes().to_vec())),
            Type::Date => moment::parse_date(text).map(Self::Date),
            Type::Time => moment::parse_time(text).map(Self::Time),
            Type::Datetime => moment::parse_datetime(text).map(Self::Datetime),
            Type::Timestamp => parse_timestamp_in(text, &Zone::UTC).map(Self::Timestamp),
            Type::Numeric => parse_numeric(text)
                .map(Self::Numeric)
                .ok_or_else(|| ParseError(format!("Invalid NUMERIC value: {text}"))),
            Type::Json => parse_json(text).map(Self::Json),
            Type::Array(_) | Type::Struct(_) => Err(ParseError(format!("Invalid cast from STRING to {}", kind.name()))),
        }
    }

    /// As `CAST(value AS STRING)`; `None` for NULL. Bytes that are not UTF-8 become replacement characters, arrays and structs read as literals.
    pub fn print(&self) -> Option<String> {
        Some(match self {
            Self::Null => return None,
            Self::Int64(value) => value.to_string(),
            Self::Float64(value) => print_float(*value),
            Self::Bool(value) => value.to_string(),
            Self::String(text) | Self::Json(text) => text.clone(),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Self::Date(days) => print_date(i64::from(*days)),
            Self::Time(micros) => moment::print_time(*micros),
            Self::Datetime(micros) => print_datetime(*micros, ' '),
            Self::Timestamp(micros) => print_timestamp_in(*micros, &Zone::UTC),
            Self::Numeric(value) => print_numeric(*value),
            Self::Array(items) => format!("[{}]", join(items)),
            Self::Struct(items) => format!("({})", join(items)),
        })
    }
}

fn join(items: &[Value]) -> String {
    items.iter().map(|item| item.print().unwrap_or_else(|| "NULL".to_owned())).collect::<Vec<_>>().join(", ")
}

/// Decimal, or hexadecimal after `0x`, with a sign and blanks around.
fn parse_int(text: &str) -> Result<i64, ParseError> {
    let bad = || ParseError(format!("Bad int64 value: {text}"));
    let trimmed = text.trim();
    let (sign, body) = match trimmed.strip_prefix('-') {
        Some(body) => ("-", body),
        None => ("", trimmed),
    };
    match body.strip_prefix("0x").or_else(|| body.strip_prefix("0X")) {
        Some(hex) if hex.starts_with(['+', '-']) => Err(bad()),
        Some(hex) => i64::from_str_radix(&format!("{sign}{hex}"), 16).map_err(|_| bad()),
        None => trimmed.parse().map_err(|_| bad()),
    }
}

fn parse_bool(text: &str) -> Result<bool, ParseError> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(ParseError(format!("Bad bool value: {text}"))),
    }
}

/// Reads a document and writes it back without blanks.
pub(crate) fn parse_json(text: &str) -> Result<String, ParseError> {
    let document: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| ParseError(format!("syntax error while parsing value - {error}")))?;
    Ok(document.to_string())
}

/// Standard base64.
pub(crate) fn to_base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests;
