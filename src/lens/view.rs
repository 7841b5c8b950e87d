//! A data view: which indices a layer searches, which field is its time, and what is known of the fields.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What is known of an index's fields; attributes of the saved object `index-pattern` joined with `_field_caps`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DataView {
    pub id: String,
    /// The index expression (`title` in the saved object).
    pub index: String,
    /// For people.
    pub name: String,
    pub time_field: Option<String>,
    pub fields: BTreeMap<String, Field>,
    /// `fieldFormatMap`: how values of a field are written, as Kibana stores it: `{"id":"number","params":{"pattern":"0,0.00"}}`.
    pub formats: BTreeMap<String, Value>,
    /// `runtimeFieldMap`, as it goes to Elasticsearch (`runtime_mappings`).
    pub runtime: Map<String, Value>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    pub kind: FieldKind,
    pub is_aggregatable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    Keyword,
    Text,
    /// long, integer, short, byte, unsigned_long
    Integer,
    /// double, float, half_float, scaled_float
    Float,
    Date,
    Boolean,
    Ip,
    Nested,
    /// Any other type, or one that differs between indices.
    Other,
}

impl FieldKind {
    /// Of Elasticsearch's type name.
    pub fn of_type(name: &str) -> Self {
        match name {
            "keyword" | "constant_keyword" | "wildcard" => Self::Keyword,
            "text" | "match_only_text" => Self::Text,
            "long" | "integer" | "short" | "byte" | "unsigned_long" => Self::Integer,
            "double" | "float" | "half_float" | "scaled_float" => Self::Float,
            "date" | "date_nanos" => Self::Date,
            "boolean" => Self::Boolean,
            "ip" => Self::Ip,
            "nested" => Self::Nested,
            _ => Self::Other,
        }
    }

    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Float)
    }
}

impl DataView {
    /// Takes the fields from the answer of `GET /<index>/_field_caps?fields=*`.
    pub fn set_fields(&mut self, field_caps: &Value) {
        let Some(fields) = field_caps.get("fields").and_then(Value::as_object) else { return };
        self.fields = fields
            .iter()
            .filter_map(|(name, types)| {
                let types = types.as_object()?;
                let mut known = types.iter().filter(|(kind, _)| *kind != "unmapped");
                let (first, caps) = known.next()?;
                // Differing types agree at times in what they are to a search.
                let kind = FieldKind::of_type(first);
                let kind =
                    if known.all(|(other, _)| FieldKind::of_type(other) == kind) { kind } else { FieldKind::Other };
                let is_aggregatable = caps.get("aggregatable").and_then(Value::as_bool).unwrap_or(false);
                Some((name.clone(), Field { kind, is_aggregatable }))
            })
            .collect();
    }

    pub fn kind(&self, field: &str) -> Option<FieldKind> {
        self.fields.get(field).map(|field| field.kind)
    }

    /// Fields of kind date, in order of their names.
    pub fn date_fields(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|(_, field)| field.kind == FieldKind::Date).map(|(name, _)| name.as_str())
    }
}
