//! Values inside the JSON text of an array or a struct.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::read::{numeric_of_bytes, numeric_to_bytes};
use super::{Type, Value};

/// SQLite held something that is no value of the type: a damaged file or a mistake of the analyzer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a value of type {expected}, found {found}")]
pub struct DecodeError {
    pub expected: String,
    pub found: String,
}

impl DecodeError {
    pub(super) fn of(kind: &Type, found: &str) -> Self {
        Self { expected: kind.name(), found: found.to_owned() }
    }
}

impl Value {
    /// The inner form; see the table at the head of the module.
    pub fn to_json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Int64(value) | Self::Time(value) | Self::Datetime(value) | Self::Timestamp(value) => {
                Json::from(*value)
            }
            Self::Float64(value) => Json::String(float_text(*value)),
            Self::Bool(value) => Json::from(i64::from(*value)),
            Self::String(text) | Self::Json(text) => Json::String(text.clone()),
            Self::Bytes(bytes) => Json::String(STANDARD.encode(bytes)),
            Self::Date(days) => Json::from(*days),
            Self::Numeric(value) => Json::String(STANDARD.encode(numeric_to_bytes(*value))),
            Self::Array(items) | Self::Struct(items) => Json::Array(items.iter().map(Self::to_json).collect()),
        }
    }

    /// Back from the inner form.
    pub fn from_json(json: &Json, kind: &Type) -> Result<Self, DecodeError> {
        match (kind, json) {
            (_, Json::Null) => Ok(Self::Null),
            (kind, Json::Number(number)) => match number.as_i64() {
                Some(value) => Self::of_integer(value, kind),
                None => Err(DecodeError::of(kind, "a number")),
            },
            (Type::Float64, Json::String(text)) => {
                text.parse().map(Self::Float64).map_err(|_| DecodeError::of(kind, "a text"))
            }
            (Type::String, Json::String(text)) => Ok(Self::String(text.clone())),
            (Type::Json, Json::String(text)) => Ok(Self::Json(text.clone())),
            (Type::Bytes, Json::String(text)) => bytes(text, kind).map(Self::Bytes),
            (Type::Numeric, Json::String(text)) => {
                let bytes = bytes(text, kind)?;
                numeric_of_bytes(&bytes).map(Self::Numeric).ok_or_else(|| DecodeError::of(kind, "bytes"))
            }
            (Type::Array(element), Json::Array(items)) => {
                items.iter().map(|item| Self::from_json(item, element)).collect::<Result<_, _>>().map(Self::Array)
            }
            (Type::Struct(fields), Json::Array(items)) if fields.len() == items.len() => {
                let values = fields.iter().zip(items).map(|((_, kind), item)| Self::from_json(item, kind));
                values.collect::<Result<_, _>>().map(Self::Struct)
            }
            (kind, json) => Err(DecodeError::of(kind, json_word(json))),
        }
    }
}

fn bytes(text: &str, kind: &Type) -> Result<Vec<u8>, DecodeError> {
    STANDARD.decode(text).map_err(|_| DecodeError::of(kind, "a text"))
}

fn float_text(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "Infinity" } else { "-Infinity" }.to_owned();
    }
    format!("{value:?}")
}

fn json_word(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_comes_back_from_sqlite_alone_and_inside_an_array_and_a_struct() {
        for (kind, value) in [
            (Type::Int64, Value::Int64(i64::MIN)),
            (Type::Float64, Value::Float64(1e300)),
            (Type::Float64, Value::Float64(f64::NEG_INFINITY)),
            (Type::Bool, Value::Bool(true)),
            (Type::String, Value::String("é\"".into())),
            (Type::Bytes, Value::Bytes(vec![0, 255])),
            (Type::Date, Value::Date(-719_162)),
            (Type::Time, Value::Time(1)),
            (Type::Datetime, Value::Datetime(-1)),
            (Type::Timestamp, Value::Timestamp(253_402_300_799_999_999)),
            (Type::Numeric, Value::Numeric(-5)),
            (Type::Json, Value::Json("{\"a\":1}".into())),
            (Type::Int64, Value::Null),
        ] {
            let array = (Type::Array(Box::new(kind.clone())), Value::Array(vec![value.clone()]));
            let structure = (Type::Struct(vec![(None, kind.clone())]), Value::Struct(vec![value.clone()]));
            for (kind, value) in [(kind, value), array, structure] {
                assert_eq!(Value::read((&value.to_sql()).into(), &kind), Ok(value), "{}", kind.name());
            }
        }
    }

    #[test]
    fn nan_is_kept_as_bytes() {
        let read = Value::read((&Value::Float64(f64::NAN).to_sql()).into(), &Type::Float64);
        assert!(matches!(read, Ok(Value::Float64(value)) if value.is_nan()), "{read:?}");
        let inner = Value::from_json(&Value::Float64(f64::NAN).to_json(), &Type::Float64);
        assert!(matches!(inner, Ok(Value::Float64(value)) if value.is_nan()), "{inner:?}");
    }

    #[test]
    fn numerics_sort_as_their_bytes() {
        let sorted = [-super::super::numeric::NUMERIC_MAX, -1, 0, 1, super::super::numeric::NUMERIC_MAX];
        assert!(sorted.windows(2).all(|pair| numeric_to_bytes(pair[0]) < numeric_to_bytes(pair[1])));
    }
}
