//! A schema from the first rows, when none is given.
//!
//! As BigQuery does it: the first 500 rows of one file, a column that is empty in all of them is a STRING, strings that look like numbers,
//! booleans, dates or timestamps become these.

use serde_json::Value as Json;

use super::shape::column_name;
use super::{cell, moment};
use crate::server::bigquery::value::{Field, Mode, Type};

/// Rows that are looked at.
pub(super) const ROWS_MAX: usize = 500;
const COLUMNS_MAX: usize = 10_000;
const DEPTH_MAX: usize = 15;

/// What the values of a column seen so far can be.
#[derive(Debug, Clone, Default, PartialEq)]
enum Guess {
    #[default]
    Empty,
    Simple(Type),
    Record(Guesses),
}

/// The columns of a file or of a record.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Guesses {
    columns: Vec<Column>,
}

#[derive(Debug, Clone, PartialEq)]
struct Column {
    name: String,
    guess: Guess,
    /// `None`: only NULLs were seen.
    repeated: Option<bool>,
}

impl Guesses {
    /// Looks at one more line of JSON.
    pub(super) fn add_json(&mut self, line: &[u8]) -> Result<(), String> {
        match serde_json::from_slice(line) {
            Ok(Json::Object(row)) => self.add_object(&row, 0),
            Ok(Json::Array(_)) => Err("Start of array encountered without start of object.".to_owned()),
            Ok(_) => Err("Value encountered without start of object.".to_owned()),
            Err(error) if error.is_eof() && line.first() == Some(&b'[') => {
                Err("Start of array encountered without start of object.".to_owned())
            }
            Err(error) if error.is_eof() => Err("Parser terminated before end of string".to_owned()),
            Err(error) => {
                let text = error.to_string();
                Err(format!("Parser error: {}", text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text)))
            }
        }
    }

    fn add_object(&mut self, row: &serde_json::Map<String, Json>, depth: usize) -> Result<(), String> {
        if depth >= DEPTH_MAX {
            return Err(format!("Records are nested deeper than {DEPTH_MAX} levels"));
        }
        for (hint, (name, value)) in row.iter().enumerate() {
            self.column(&column_name(name), hint)?.add(value, depth)?;
        }
        Ok(())
    }

    fn column(&mut self, name: &str, hint: usize) -> Result<&mut Column, String> {
        let same = |column: &Column| column.name.eq_ignore_ascii_case(name);
        let found = match self.columns.get(hint) {
            Some(column) if same(column) => Some(hint),
            _ => self.columns.iter().position(same),
        };
        let index = found.unwrap_or(self.columns.len());
        if found.is_none() {
            if self.columns.len() >= COLUMNS_MAX {
                return Err(format!("Too many columns: more than {COLUMNS_MAX}"));
            }
            self.columns.push(Column { name: name.to_owned(), guess: Guess::Empty, repeated: None });
        }
        self.columns.get_mut(index).ok_or_else(|| "no such column".to_owned())
    }

    /// The schema: all columns NULLABLE or REPEATED.
    pub(super) fn fields(&self) -> Vec<Field> {
        let field = |column: &Column| {
            let kind = column.guess.kind();
            let (kind, mode) = match column.repeated {
                Some(true) => (Type::Array(Box::new(kind)), Mode::Repeated),
                _ => (kind, Mode::Nullable),
            };
            Field { name: column.name.clone(), kind, mode, description: None }
        };
        self.columns.iter().map(field).collect()
    }
}

impl Column {
    fn add(&mut self, value: &Json, depth: usize) -> Result<(), String> {
        match value {
            Json::Null => Ok(()),
            Json::Array(items) => {
                self.set_repeated(true)?;
                items.iter().try_for_each(|item| self.add_item(item, depth))
            }
            single => {
                self.set_repeated(false)?;
                self.add_item(single, depth)
            }
        }
    }

    fn set_repeated(&mut self, repeated: bool) -> Result<(), String> {
        match self.repeated.replace(repeated) {
            Some(before) if before != repeated => {
                Err(format!("Field {} is an array in some rows and none in others", self.name))
            }
            _ => Ok(()),
        }
    }

    fn add_item(&mut self, item: &Json, depth: usize) -> Result<(), String> {
        let seen = match item {
            Json::Array(_) => return Err(format!("Nested arrays are not allowed. Field: {}", self.name)),
            Json::Object(row) => return self.add_record(row, depth),
            Json::Null => return Ok(()),
            Json::Bool(_) => Type::Bool,
            Json::Number(number) if number.is_i64() => Type::Int64,
            Json::Number(_) => Type::Float64,
            Json::String(text) => of_text(text),
        };
        self.merge(seen)
    }

    fn add_record(&mut self, row: &serde_json::Map<String, Json>, depth: usize) -> Result<(), String> {
        if self.guess == Guess::Empty {
            self.guess = Guess::Record(Guesses::default());
        }
        match &mut self.guess {
            Guess::Record(guesses) => guesses.add_object(row, depth + 1),
            _ => Err(format!("Field {} is a record in some rows and none in others", self.name)),
        }
    }

    fn merge(&mut self, seen: Type) -> Result<(), String> {
        self.guess = match std::mem::take(&mut self.guess) {
            Guess::Empty => Guess::Simple(seen),
            Guess::Simple(before) => Guess::Simple(common(before, seen)),
            Guess::Record(_) => return Err(format!("Field {} is a record in some rows and none in others", self.name)),
        };
        Ok(())
    }
}

impl Guess {
    fn kind(&self) -> Type {
        match self {
            Self::Empty => Type::String,
            Self::Simple(kind) => kind.clone(),
            Self::Record(guesses) => {
                Type::Struct(guesses.fields().into_iter().map(|field| (Some(field.name), field.kind)).collect())
            }
        }
    }
}

/// What a text looks like.
fn of_text(text: &str) -> Type {
    if cell::integer(text).is_some() {
        Type::Int64
    } else if text.bytes().any(|byte| byte.is_ascii_digit()) && cell::float(text).is_some() {
        Type::Float64
    } else if text.eq_ignore_ascii_case("true") || text.eq_ignore_ascii_case("false") {
        Type::Bool
    } else if moment::date(text).is_some() {
        Type::Date
    } else if moment::is_timestamp(text) {
        Type::Timestamp
    } else if moment::time(text).is_some() {
        Type::Time
    } else {
        Type::String
    }
}

/// The type that holds both.
fn common(left: Type, right: Type) -> Type {
    match (left, right) {
        (left, right) if left == right => left,
        (Type::Int64, Type::Float64) | (Type::Float64, Type::Int64) => Type::Float64,
        (Type::Date, Type::Timestamp) | (Type::Timestamp, Type::Date) => Type::Timestamp,
        _ => Type::String,
    }
}

/// The schema of a CSV file from its first records, and how many of them are its header. `skip`: as the options tell it.
pub(super) fn of_csv(records: &[Vec<String>], skip: Option<u64>) -> (Vec<Field>, u64) {
    let skipped = skip.and_then(|skip| usize::try_from(skip).ok());
    let types = |rows: &[Vec<String>]| column_types(rows);
    let (header, kinds, rows_skipped) = match skipped {
        Some(0) => (None, types(records), 0),
        Some(count) => {
            let header = records.get(count - 1).filter(|row| looks_like_names(row));
            (header, types(records.get(count..).unwrap_or_default()), skip.unwrap_or(0))
        }
        None => {
            let rest = types(records.get(1..).unwrap_or_default());
            let header = records.first().filter(|row| looks_like_names(row));
            // A header differs from the rows below it: not all columns are texts.
            let header =
                header.filter(|_| rest.iter().any(|kind| !matches!(kind, Guess::Simple(Type::String) | Guess::Empty)));
            let kinds = if header.is_some() { rest } else { types(records) };
            (header, kinds, u64::from(header.is_some()))
        }
    };
    let columns = kinds.len().max(header.map_or(0, Vec::len));
    let field = |index: usize| {
        let kind = kinds.get(index).map_or(Type::String, Guess::kind);
        let name = header.and_then(|header| header.get(index)).map(|name| column_name(name));
        let name = name.unwrap_or_else(|| format!("{}_field_{index}", default_name(&kind)));
        Field { name, kind, mode: Mode::Nullable, description: None }
    };
    ((0..columns.min(COLUMNS_MAX)).map(field).collect(), rows_skipped)
}

fn default_name(kind: &Type) -> String {
    match kind {
        Type::Float64 => "double".to_owned(),
        kind => kind.name().to_lowercase(),
    }
}

fn looks_like_names(row: &[String]) -> bool {
    !row.is_empty() && row.iter().all(|name| !name.trim().is_empty() && of_text(name) == Type::String)
}

fn column_types(rows: &[Vec<String>]) -> Vec<Guess> {
    let mut kinds: Vec<Guess> = Vec::new();
    for row in rows {
        kinds.resize(kinds.len().max(row.len()), Guess::Empty);
        for (kind, text) in kinds.iter_mut().zip(row) {
            if text.is_empty() {
                continue;
            }
            *kind = match std::mem::take(kind) {
                Guess::Simple(before) => Guess::Simple(common(before, of_text(text))),
                _ => Guess::Simple(of_text(text)),
            };
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(lines: &[&str]) -> Result<Vec<String>, String> {
        let mut guesses = Guesses::default();
        lines.iter().try_for_each(|line| guesses.add_json(line.as_bytes()))?;
        Ok(guesses.fields().iter().map(|field| format!("{} {}", field.name, field.kind.name())).collect())
    }

    #[test]
    fn types_are_those_that_hold_all_values() {
        let fields = json(&[
            r#"{"timestamp":"2024-01-01 09:15:00.5","price":1012,"id":"12","flag":"true","none":null,"depth":{"buy":[{"price":1}]}}"#,
            r#"{"timestamp":"2024-01-01 09:15:01","price":1012.35,"id":"x","flag":false,"depth":{"buy":[{"price":1.5,"orders":4}],"sell":[]}}"#,
        ]);
        assert_eq!(
            fields.unwrap(),
            [
                "timestamp TIMESTAMP",
                "price FLOAT64",
                "id STRING",
                "flag BOOL",
                "none STRING",
                "depth STRUCT<buy ARRAY<STRUCT<price FLOAT64, orders INT64>>, sell ARRAY<STRING>>"
            ]
        );
        assert_eq!(json(&[r#"{"a b":1,"9":"2024-01-01"}"#]).unwrap(), ["a_b INT64", "_9 DATE"]);
    }

    #[test]
    fn what_no_table_can_hold_is_refused() {
        assert_eq!(json(&["[{}]"]).unwrap_err(), "Start of array encountered without start of object.");
        assert_eq!(json(&["["]).unwrap_err(), "Start of array encountered without start of object.");
        assert_eq!(json(&["{\"a\":"]).unwrap_err(), "Parser terminated before end of string");
        assert!(json(&[r#"{"a":[[1]]}"#]).unwrap_err().starts_with("Nested arrays"));
        assert!(json(&[r#"{"a":[1]}"#, r#"{"a":1}"#]).unwrap_err().contains("array in some rows"));
        assert!(json(&[r#"{"a":{}}"#, r#"{"a":1}"#]).unwrap_err().contains("record in some rows"));
    }

    #[test]
    fn a_csv_header_is_one_that_differs_from_the_rows() {
        let rows = |rows: &[&[&str]]| {
            rows.iter().map(|row| row.iter().map(|text| (*text).to_owned()).collect()).collect::<Vec<Vec<String>>>()
        };
        let shown = |(fields, skipped): (Vec<Field>, u64)| {
            let fields: Vec<_> = fields.iter().map(|field| format!("{} {}", field.name, field.kind.name())).collect();
            (fields.join(", "), skipped)
        };
        let with = rows(&[&["id", "last price"], &["1", "2.5"], &["2", ""]]);
        assert_eq!(shown(of_csv(&with, None)), ("id INT64, last_price FLOAT64".to_owned(), 1));
        assert_eq!(shown(of_csv(&with, Some(1))), ("id INT64, last_price FLOAT64".to_owned(), 1));
        assert_eq!(shown(of_csv(&with, Some(0))), ("string_field_0 STRING, string_field_1 STRING".to_owned(), 0));
        let without = rows(&[&["a", "b"], &["c", "d"]]);
        assert_eq!(shown(of_csv(&without, None)), ("string_field_0 STRING, string_field_1 STRING".to_owned(), 0));
    }
}
