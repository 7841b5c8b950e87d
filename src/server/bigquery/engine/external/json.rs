//! A line of newline-delimited JSON to a row: parsed once, members that are not wanted skipped without being built.

use std::fmt;

use rusqlite::types::Value as Cell;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::cell;
use super::shape::{Parts, Record, Shape};
use crate::server::bigquery::value::{Field, Type};

/// Reads rows of one schema.
pub(super) struct JsonRows {
    record: Record,
    /// For each field, which cell it goes to, if any.
    wanted: Vec<Option<usize>>,
    required: Vec<bool>,
    ignore_unknown: bool,
}

impl JsonRows {
    /// `wanted`: indices of fields, in the order of the cells.
    pub(super) fn new(fields: &[Field], wanted: &[usize], ignore_unknown: bool) -> Self {
        let mut cells = vec![None; fields.len()];
        for (cell, field) in wanted.iter().enumerate() {
            if let Some(slot) = cells.get_mut(*field) {
                *slot = Some(cell);
            }
        }
        let required = fields.iter().map(|field| field.mode == crate::server::bigquery::value::Mode::Required);
        Self { record: Record::of_fields(fields), wanted: cells, required: required.collect(), ignore_unknown }
    }

    /// Fills `cells`, which hold what absent members mean; the error says what is wrong with the line.
    pub(super) fn read(&self, line: &[u8], cells: &mut [Cell]) -> Result<(), String> {
        let mut deserializer = serde_json::Deserializer::from_slice(line);
        let read = RowSeed { rows: self, cells }.deserialize(&mut deserializer);
        read.and_then(|()| deserializer.end()).map_err(|error| message(&error))?;
        self.check_required(cells)
    }

    fn check_required(&self, cells: &[Cell]) -> Result<(), String> {
        for ((member, required), cell) in self.record.members.iter().zip(&self.required).zip(&self.wanted) {
            if *required && cell.and_then(|cell| cells.get(cell)) == Some(&Cell::Null) {
                return Err(format!("Missing required field: {}", member.name));
            }
        }
        Ok(())
    }
}

/// The parser's words as BigQuery's, without the place in the line.
fn message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    match error.classify() {
        serde_json::error::Category::Eof => "Parser terminated before end of string".to_owned(),
        serde_json::error::Category::Syntax => format!("Parser error: {text}"),
        serde_json::error::Category::Data | serde_json::error::Category::Io => text.to_owned(),
    }
}

/// The whole row.
struct RowSeed<'a> {
    rows: &'a JsonRows,
    cells: &'a mut [Cell],
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<(), A::Error> {
        Err(A::Error::custom("Start of array encountered without start of object."))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut hint = 0;
        while let Some(found) = map.next_key_seed(KeySeed { record: &self.rows.record, hint })? {
            let Key::Known(index) = found else {
                unknown(found, self.rows.ignore_unknown)?;
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            hint = index + 1;
            let slot = self.rows.wanted.get(index).copied().flatten().and_then(|cell| self.cells.get_mut(cell));
            match (slot, self.rows.record.members.get(index)) {
                (Some(slot), Some(shape)) => {
                    *slot = map.next_value_seed(CellSeed { shape, ignore_unknown: self.rows.ignore_unknown })?;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

fn unknown<E: Error>(key: Key, ignored: bool) -> Result<(), E> {
    match key {
        Key::Unknown(name) if !ignored => {
            Err(E::custom(format!("No such field: {}.", name.chars().take(300).collect::<String>())))
        }
        _ => Ok(()),
    }
}

enum Key {
    Known(usize),
    Unknown(String),
}

/// A member's name, looked up in place.
struct KeySeed<'a> {
    record: &'a Record,
    hint: usize,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        Ok(self.record.find(name, self.hint).map_or_else(|| Key::Unknown(name.to_owned()), Key::Known))
    }
}

/// One value.
struct CellSeed<'a> {
    shape: &'a Shape,
    ignore_unknown: bool,
}

impl CellSeed<'_> {
    fn refused<E: Error>(&self, value: &str) -> E {
        let value: String = value.chars().take(100).collect();
        let name = &self.shape.name;
        E::custom(match self.shape.kind {
            Type::Array(_) => format!("Repeated field must be imported as a JSON array. Field: {name}."),
            _ => format!(
                "Could not convert value to {}. Field: {name}; Value: {value}",
                self.shape.kind.name().to_lowercase()
            ),
        })
    }

    fn document(&self) -> bool {
        self.shape.kind == Type::Json
    }
}

impl<'de> DeserializeSeed<'de> for CellSeed<'_> {
    type Value = Cell;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cell, D::Error> {
        if self.document() {
            let document = <serde_json::Value as serde::Deserialize>::deserialize(deserializer)?;
            return Ok(if document.is_null() { Cell::Null } else { Cell::Text(document.to_string()) });
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for CellSeed<'_> {
    type Value = Cell;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a value of {}", self.shape.name)
    }

    fn visit_unit<E: Error>(self) -> Result<Cell, E> {
        Ok(cell::absent(&self.shape.kind))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Cell, E> {
        match self.shape.kind {
            Type::Bool => Ok(Cell::Integer(i64::from(value))),
            Type::String => Ok(Cell::Text(value.to_string())),
            _ => Err(self.refused(&value.to_string())),
        }
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Cell, E> {
        match self.shape.kind {
            Type::Int64 => Ok(Cell::Integer(value)),
            #[expect(clippy::cast_precision_loss, reason = "FLOAT64 rounds, as BigQuery does")]
            Type::Float64 => Ok(Cell::Real(value as f64)),
            Type::Timestamp => value
                .checked_mul(1_000_000)
                .filter(|micros| (-62_135_596_800_000_000..=253_402_300_799_999_999).contains(micros))
                .map(Cell::Integer)
                .ok_or_else(|| self.refused(&value.to_string())),
            Type::String | Type::Numeric => self.visit_str(&value.to_string()),
            _ => Err(self.refused(&value.to_string())),
        }
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Cell, E> {
        match i64::try_from(value) {
            Ok(value) => self.visit_i64(value),
            #[expect(clippy::cast_precision_loss, reason = "FLOAT64 rounds, as BigQuery does")]
            Err(_) if self.shape.kind == Type::Float64 => Ok(Cell::Real(value as f64)),
            Err(_) => self.visit_str(&value.to_string()),
        }
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Cell, E> {
        let converted = match self.shape.kind {
            Type::Float64 => Some(Cell::Real(value)),
            Type::Int64 => cell::whole(value).map(Cell::Integer),
            Type::Timestamp => cell::seconds(value).map(Cell::Integer),
            Type::String | Type::Numeric => cell::of_text(&value.to_string(), &self.shape.kind),
            _ => None,
        };
        converted.ok_or_else(|| self.refused(&value.to_string()))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Cell, E> {
        cell::of_text(value, &self.shape.kind).ok_or_else(|| self.refused(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Cell, A::Error> {
        let Parts::Element(element) = &self.shape.parts else {
            return Err(A::Error::custom(format!("Array specified for non-repeated field: {}.", self.shape.name)));
        };
        let mut text = String::from("[");
        let seed = || CellSeed { shape: element, ignore_unknown: self.ignore_unknown };
        while let Some(item) = items.next_element_seed(seed())? {
            if item == Cell::Null {
                return Err(A::Error::custom(format!(
                    "Only optional fields can be set to NULL. Field: {}; Value: NULL",
                    self.shape.name
                )));
            }
            push_item(&item, &element.kind, &mut text);
        }
        text.push(']');
        Ok(Cell::Text(text))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cell, A::Error> {
        let Parts::Record(record) = &self.shape.parts else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Err(self.refused("an object"));
        };
        let mut cells: Vec<Cell> = record.members.iter().map(|member| cell::absent(&member.kind)).collect();
        let mut hint = 0;
        while let Some(found) = map.next_key_seed(KeySeed { record, hint })? {
            let Key::Known(index) = found else {
                unknown(found, self.ignore_unknown)?;
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            hint = index + 1;
            if let (Some(slot), Some(shape)) = (cells.get_mut(index), record.members.get(index)) {
                *slot = map.next_value_seed(CellSeed { shape, ignore_unknown: self.ignore_unknown })?;
            }
        }
        let mut text = String::from("[");
        for (cell, member) in cells.iter().zip(&record.members) {
            push_item(cell, &member.kind, &mut text);
        }
        text.push(']');
        Ok(Cell::Text(text))
    }
}

/// Behind what is there of the array's text.
fn push_item(item: &Cell, kind: &Type, text: &mut String) {
    if text.len() > 1 {
        text.push(',');
    }
    cell::write_nested(item, kind, text);
}
