//! Values from and to SQLite.

use rusqlite::types::{Value as Sql, ValueRef};

use super::json::DecodeError;
use super::{Type, Value};

/// What SQLite keeps for NaN.
const NAN: &[u8] = b"NaN";
/// Flipped, so that the bytes of a `NUMERIC` sort as numbers do.
const SIGN: i128 = i128::MIN;

impl Value {
    /// What SQLite holds, as a value of a type.
    pub fn read(sql: ValueRef<'_>, kind: &Type) -> Result<Self, DecodeError> {
        match (kind, sql) {
            (_, ValueRef::Null) => Ok(Self::Null),
            (Type::Float64, ValueRef::Real(value)) => Ok(Self::Float64(value)),
            (Type::Float64, ValueRef::Blob(NAN)) => Ok(Self::Float64(f64::NAN)),
            (kind, ValueRef::Integer(value)) => Self::of_integer(value, kind),
            (Type::String, ValueRef::Text(text)) => Ok(Self::String(utf8(text, kind)?.to_owned())),
            (Type::Json, ValueRef::Text(text)) => Ok(Self::Json(utf8(text, kind)?.to_owned())),
            (Type::Array(_) | Type::Struct(_), ValueRef::Text(text)) => {
                let json = serde_json::from_slice(text).map_err(|_| DecodeError::of(kind, "broken text"))?;
                Self::from_json(&json, kind)
            }
            (Type::Bytes, ValueRef::Blob(bytes)) => Ok(Self::Bytes(bytes.to_vec())),
            (Type::Numeric, ValueRef::Blob(bytes)) => {
                numeric_of_bytes(bytes).map(Self::Numeric).ok_or_else(|| DecodeError::of(kind, "bytes"))
            }
            (kind, found) => Err(DecodeError::of(kind, &found.data_type().to_string())),
        }
    }

    /// A value of a type that SQLite keeps as an integer. An integer for a `FLOAT64` is one that SQLite shortened.
    pub(super) fn of_integer(value: i64, kind: &Type) -> Result<Self, DecodeError> {
        match kind {
            Type::Int64 => Ok(Self::Int64(value)),
            #[expect(clippy::cast_precision_loss, reason = "SQLite only shortens reals that are whole and exact")]
            Type::Float64 => Ok(Self::Float64(value as f64)),
            Type::Bool => Ok(Self::Bool(value != 0)),
            Type::Date => i32::try_from(value).map(Self::Date).map_err(|_| DecodeError::of(kind, "a too large number")),
            Type::Time => Ok(Self::Time(value)),
            Type::Datetime => Ok(Self::Datetime(value)),
            Type::Timestamp => Ok(Self::Timestamp(value)),
            kind => Err(DecodeError::of(kind, "an integer")),
        }
    }

    /// The form in which SQLite keeps it.
    pub fn to_sql(&self) -> Sql {
        match self {
            Self::Null => Sql::Null,
            Self::Int64(value) | Self::Time(value) | Self::Datetime(value) | Self::Timestamp(value) => {
                Sql::Integer(*value)
            }
            Self::Float64(value) if value.is_nan() => Sql::Blob(NAN.to_vec()),
            Self::Float64(value) => Sql::Real(*value),
            Self::Bool(value) => Sql::Integer(i64::from(*value)),
            Self::String(text) | Self::Json(text) => Sql::Text(text.clone()),
            Self::Bytes(bytes) => Sql::Blob(bytes.clone()),
            Self::Date(days) => Sql::Integer(i64::from(*days)),
            Self::Numeric(value) => Sql::Blob(numeric_to_bytes(*value).to_vec()),
            Self::Array(_) | Self::Struct(_) => Sql::Text(self.to_json().to_string()),
        }
    }

    /// As [`Value::to_sql`], without copying texts and bytes.
    pub fn into_sql(self) -> Sql {
        match self {
            Self::String(text) | Self::Json(text) => Sql::Text(text),
            Self::Bytes(bytes) => Sql::Blob(bytes),
            other => other.to_sql(),
        }
    }
}

fn utf8<'a>(text: &'a [u8], kind: &Type) -> Result<&'a str, DecodeError> {
    std::str::from_utf8(text).map_err(|_| DecodeError::of(kind, "text that is not UTF-8"))
}

pub(super) fn numeric_to_bytes(value: i128) -> [u8; 16] {
    (value ^ SIGN).to_be_bytes()
}

pub(super) fn numeric_of_bytes(bytes: &[u8]) -> Option<i128> {
    bytes.try_into().ok().map(|bytes| i128::from_be_bytes(bytes) ^ SIGN)
}
