//! A statement's rows as typed columns: eight bytes a number, four a string, one bit a NULL.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::MlError;
use crate::server::bigquery::value::{Field, Type, Value};

/// Columns of equal length. Fields of a STRUCT are columns of their own, made by the caller and named `struct_field`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    pub(super) columns: Vec<Column>,
    rows: usize,
}

/// One column and the bits of its NULLs.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Type,
    data: Data,
    nulls: Vec<u64>,
}

#[derive(Debug, Clone)]
enum Data {
    /// `FLOAT64`, `NUMERIC`.
    Numbers(Vec<f64>),
    /// `INT64`, `BOOL`, and all kinds of time in the units of [`Value`].
    Wholes(Vec<i64>),
    /// `STRING`, `BYTES` as base64.
    Words { codes: Vec<u32>, words: Vec<String>, known: HashMap<String, u32> },
    /// A type without a meaning here: allowed as long as nobody asks.
    Opaque,
}

impl Frame {
    /// An empty frame with these columns.
    pub(crate) fn new(fields: &[Field]) -> Self {
        Self { columns: fields.iter().map(|f| Column::new(&f.name, &f.kind)).collect(), rows: 0 }
    }

    /// Adds a row; missing values are NULL, those beyond the columns are left out.
    pub(crate) fn push(&mut self, row: &[Value]) -> Result<(), MlError> {
        for (i, column) in self.columns.iter_mut().enumerate() {
            column.push(self.rows, row.get(i).unwrap_or(&Value::Null))?;
        }
        self.rows += 1;
        Ok(())
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows
    }

    /// Column names are case-insensitive.
    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
    }
}

impl Column {
    fn new(name: &str, kind: &Type) -> Self {
        let data = match kind {
            Type::Float64 | Type::Numeric => Data::Numbers(Vec::new()),
            Type::Int64 | Type::Bool | Type::Date | Type::Time | Type::Datetime | Type::Timestamp => {
                Data::Wholes(Vec::new())
            }
            Type::String | Type::Bytes => Data::Words { codes: Vec::new(), words: Vec::new(), known: HashMap::new() },
            Type::Json | Type::Array(_) | Type::Struct(_) => Data::Opaque,
        };
        Self { name: name.to_owned(), kind: kind.clone(), data, nulls: Vec::new() }
    }

    fn push(&mut self, row: usize, value: &Value) -> Result<(), MlError> {
        if row.is_multiple_of(64) {
            self.nulls.push(0);
        }
        if matches!(value, Value::Null)
            && let Some(bits) = self.nulls.last_mut()
        {
            *bits |= 1 << (row % 64);
        }
        let (name, kind) = (&self.name, &self.kind);
        let mismatch = || MlError::Data(format!("a value of column {name} is not of its type {}", type_name(kind)));
        match &mut self.data {
            Data::Numbers(numbers) => numbers.push(as_number(value).ok_or_else(mismatch)?),
            Data::Wholes(wholes) => wholes.push(as_whole(value).ok_or_else(mismatch)?),
            Data::Words { codes, words, known } => codes.push(word_code(value, words, known)?),
            Data::Opaque => {}
        }
        Ok(())
    }

    pub(super) fn is_null(&self, row: usize) -> bool {
        self.nulls.get(row / 64).is_none_or(|bits| bits >> (row % 64) & 1 == 1)
    }

    /// The value of a numeric column; NULL is `None`.
    pub(super) fn number(&self, row: usize) -> Option<f64> {
        if self.is_null(row) {
            return None;
        }
        match &self.data {
            Data::Numbers(numbers) => numbers.get(row).copied(),
            Data::Wholes(wholes) => wholes.get(row).map(|whole| *whole as f64),
            Data::Words { .. } | Data::Opaque => None,
        }
    }

    /// The value of an integer, a BOOL or a time, in the units of [`Value`].
    pub(super) fn whole(&self, row: usize) -> Option<i64> {
        match &self.data {
            Data::Wholes(wholes) if !self.is_null(row) => wholes.get(row).copied(),
            _ => None,
        }
    }

    /// Microseconds since 1970 of a TIMESTAMP, a DATETIME or a DATE.
    pub(super) fn instant(&self, row: usize) -> Option<i64> {
        let whole = self.whole(row)?;
        if self.kind == Type::Date { whole.checked_mul(86_400_000_000) } else { Some(whole) }
    }

    /// What distinguishes a categorical value within this column.
    pub(super) fn key(&self, row: usize) -> Option<i64> {
        match &self.data {
            Data::Words { codes, .. } if !self.is_null(row) => codes.get(row).map(|code| i64::from(*code)),
            _ => self.whole(row),
        }
    }

    /// The text of a categorical value by its key.
    pub(super) fn text(&self, key: i64) -> String {
        match &self.data {
            Data::Words { words, .. } => {
                usize::try_from(key).ok().and_then(|i| words.get(i)).cloned().unwrap_or_default()
            }
            _ => print_whole(&self.kind, key),
        }
    }

    /// A fixed hash of the value, the same in every run and for any order of rows.
    pub(super) fn hash(&self, row: usize) -> u64 {
        if self.is_null(row) {
            return 0x6e75_6c6c;
        }
        match &self.data {
            Data::Numbers(numbers) => numbers.get(row).map_or(0, |x| x.to_bits()),
            Data::Wholes(wholes) => wholes.get(row).map_or(0, |x| x.cast_unsigned()),
            Data::Words { codes, words, .. } => {
                let word = codes.get(row).and_then(|code| words.get(usize::try_from(*code).ok()?));
                word.map_or(0, |word| fnv(word.as_bytes()))
            }
            Data::Opaque => 0,
        }
    }

    pub(super) fn is_numeric(&self) -> bool {
        matches!(self.kind, Type::Int64 | Type::Float64 | Type::Numeric)
    }

    pub(super) fn is_categorical(&self) -> bool {
        matches!(self.kind, Type::Bool | Type::String | Type::Bytes | Type::Date | Type::Datetime | Type::Time)
    }
}

/// FNV-1a, 64 bits.
pub(super) fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Null => Some(f64::NAN),
        Value::Float64(x) => Some(*x),
        Value::Int64(x) => Some(*x as f64),
        Value::Numeric(x) => Some(*x as f64 / 1e9),
        _ => None,
    }
}

fn as_whole(value: &Value) -> Option<i64> {
    match value {
        Value::Null => Some(0),
        Value::Int64(x) | Value::Time(x) | Value::Datetime(x) | Value::Timestamp(x) => Some(*x),
        Value::Bool(x) => Some(i64::from(*x)),
        Value::Date(x) => Some(i64::from(*x)),
        _ => None,
    }
}

fn word_code(value: &Value, words: &mut Vec<String>, known: &mut HashMap<String, u32>) -> Result<u32, MlError> {
    let word = match value {
        Value::Null => return Ok(0),
        Value::String(text) => text.clone(),
        Value::Bytes(bytes) => STANDARD.encode(bytes),
        _ => return Err(MlError::Data("a value of a text column is not text".to_owned())),
    };
    if let Some(code) = known.get(&word) {
        return Ok(*code);
    }
    let code =
        u32::try_from(words.len()).map_err(|_| MlError::Data("too many different texts in a column".to_owned()))?;
    words.push(word.clone());
    known.insert(word, code);
    Ok(code)
}

/// As CAST to STRING prints it.
fn print_whole(kind: &Type, whole: i64) -> String {
    let seconds = whole.div_euclid(1_000_000);
    let micros = whole.rem_euclid(1_000_000);
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    match kind {
        Type::Bool => (whole != 0).to_string(),
        Type::Date => print_instant(whole.saturating_mul(86_400), "%Y-%m-%d"),
        Type::Time => print_instant(seconds, "%H:%M:%S") + &fraction,
        Type::Datetime | Type::Timestamp => print_instant(seconds, "%Y-%m-%d %H:%M:%S") + &fraction,
        _ => whole.to_string(),
    }
}

fn print_instant(seconds: i64, format: &str) -> String {
    jiff::Timestamp::from_second(seconds)
        .map(|at| at.strftime(format).to_string())
        .unwrap_or_else(|_| seconds.to_string())
}

/// A type's name in SQL, without what it is made of.
pub(super) fn type_name(kind: &Type) -> &'static str {
    match kind {
        Type::Int64 => "INT64",
        Type::Float64 => "FLOAT64",
        Type::Bool => "BOOL",
        Type::String => "STRING",
        Type::Bytes => "BYTES",
        Type::Date => "DATE",
        Type::Time => "TIME",
        Type::Datetime => "DATETIME",
        Type::Timestamp => "TIMESTAMP",
        Type::Numeric => "NUMERIC",
        Type::Json => "JSON",
        Type::Array(_) => "ARRAY",
        Type::Struct(_) => "STRUCT",
    }
}

#[cfg(test)]
mod tests {
    use super::super::table::field;
    use super::*;

    #[test]
    fn values_come_back_as_they_went_in() {
        let mut frame = Frame::new(&[
            field("price", Type::Float64),
            field("day", Type::Date),
            field("name", Type::String),
            field("depth", Type::Json),
        ]);
        for i in 0..130 {
            let price = if i == 100 { Value::Null } else { Value::Float64(f64::from(i)) };
            let name = Value::String(format!("n{}", i % 3));
            frame.push(&[price, Value::Date(i), name, Value::Json("{}".into())]).unwrap();
        }
        let column = frame.column("PRICE").unwrap();
        assert_eq!((column.number(99), column.number(100), column.number(101)), (Some(99.0), None, Some(101.0)));
        let day = frame.column("day").unwrap();
        assert_eq!((day.text(day.key(1).unwrap()), day.instant(1)), ("1970-01-02".to_owned(), Some(86_400_000_000)));
        let name = frame.column("name").unwrap();
        assert_eq!((name.key(4), name.text(1), name.is_null(500)), (Some(1), "n1".to_owned(), true));
    }

    #[test]
    fn a_value_of_another_type_is_an_error() {
        let mut frame = Frame::new(&[field("price", Type::Float64)]);
        assert!(frame.push(&[Value::String("x".into())]).is_err());
    }

    #[test]
    fn times_print_as_casts_do() {
        for (kind, whole, want) in [
            (Type::Bool, 1, "true"),
            (Type::Time, 3_600_000_001, "01:00:00.000001"),
            (Type::Datetime, -1_000_000, "1969-12-31 23:59:59"),
            (Type::Date, i64::MAX, "9223372036854775807"),
        ] {
            assert_eq!(print_whole(&kind, whole), want);
        }
    }
}
