//! Types, schemas and values of GoogleSQL, and the form in which SQLite keeps them.
//!
//! | type | in SQLite |
//! |---|---|
//! | `INT64` | INTEGER |
//! | `FLOAT64` | REAL; NaN, which SQLite can't keep, is the BLOB `NaN` |
//! | `BOOL` | INTEGER 0 or 1 |
//! | `STRING` | TEXT |
//! | `BYTES` | BLOB |
//! | `DATE` | INTEGER, days since 1970-01-01 |
//! | `TIME` | INTEGER, microseconds since midnight |
//! | `DATETIME` | INTEGER, microseconds since 1970-01-01T00:00:00 of the same calendar |
//! | `TIMESTAMP` | INTEGER, microseconds since 1970-01-01T00:00:00Z |
//! | `NUMERIC` | BLOB of 16 bytes: the value times 10^9 as a big-endian `i128` with its sign bit flipped, so that bytes sort as numbers do |
//! | `JSON` | TEXT, the serialised document |
//! | `ARRAY` | TEXT: a JSON array of elements |
//! | `STRUCT` | TEXT: a JSON array of field values, in the order of the type |
//!
//! Inside the JSON text of an array or a struct: `INT64`, `BOOL`, `DATE`, `TIME`, `DATETIME` and `TIMESTAMP` are JSON integers,
//! `FLOAT64` is a JSON *string* (`"1.5"`, `"NaN"`, `"Infinity"`: so no reader rounds it), `STRING` a JSON string, `JSON` a JSON string of the serialised
//! document, `BYTES` and `NUMERIC` a JSON string of base64 of the bytes, NULL `null`, nested arrays and structs JSON arrays.

pub(crate) mod calendar;
mod json;
mod name;
pub(crate) mod numeric;
mod read;
mod rest;
mod schema;
pub(crate) mod text;

pub use json::DecodeError;
pub use rest::{RestFormat, TimestampFormat};
pub use schema::{
    SchemaError, field_from_json, field_to_json, schema_from_json, schema_to_json, standard_field, standard_type,
};
pub use text::ParseError;

/// The most levels that nested arrays and structs have.
pub const DEPTH_MAX: usize = 15;

/// A type. Equality does not look at the names of struct fields' letter case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Type {
    Int64,
    Float64,
    Bool,
    String,
    Bytes,
    Date,
    Time,
    Datetime,
    Timestamp,
    Numeric,
    Json,
    Array(Box<Type>),
    /// A field without a name has `None`.
    Struct(Vec<(Option<String>, Type)>),
}

/// Whether a column takes NULL or repeats; a column of type `ARRAY<T>` is `T` with mode `Repeated` in a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    #[default]
    Nullable,
    Required,
    Repeated,
}

/// A column of a table or of a result. `kind` is the whole type: `Array` when the mode is `Repeated`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub name: String,
    pub kind: Type,
    pub mode: Mode,
    pub description: Option<String>,
}

/// A value. A NULL of any type is `Null`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Int64(i64),
    Float64(f64),
    Bool(bool),
    String(String),
    Bytes(Vec<u8>),
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01T00:00:00.
    Datetime(i64),
    /// Microseconds since 1970-01-01T00:00:00Z.
    Timestamp(i64),
    /// Times 10^9.
    Numeric(i128),
    /// Serialised.
    Json(String),
    Array(Vec<Value>),
    Struct(Vec<Value>),
}
