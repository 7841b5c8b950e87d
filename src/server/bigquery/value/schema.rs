//! Schemas from and to the JSON of the REST API: `{"fields":[{"name","type","mode","fields"}]}`, and the models' `StandardSqlField`.

use serde_json::{Map, Value as Json, json};

use super::{DEPTH_MAX, Field, Mode, Type};

/// A schema that BigQuery would refuse: the message without position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SchemaError(pub String);

/// The most columns of a table.
const FIELDS_MAX: usize = 10_000;

/// `{"fields":[..]}`, with legacy type names as answers have them.
pub fn schema_to_json(fields: &[Field]) -> Json {
    json!({"fields": fields.iter().map(field_to_json).collect::<Vec<_>>()})
}

/// One entry of `fields`.
pub fn field_to_json(field: &Field) -> Json {
    let element = field.kind.element().unwrap_or(&field.kind);
    let mode = if field.kind.element().is_some() { Mode::Repeated } else { field.mode };
    let mut json = Map::new();
    json.insert("name".into(), Json::from(field.name.as_str()));
    json.insert("type".into(), Json::from(legacy_name(element)));
    json.insert("mode".into(), Json::from(mode.word()));
    if let Type::Struct(inner) = element {
        json.insert(
            "fields".into(),
            inner.iter().enumerate().map(inner_field).map(|field| field_to_json(&field)).collect(),
        );
    }
    if let Some(description) = &field.description {
        json.insert("description".into(), Json::from(description.as_str()));
    }
    Json::Object(json)
}

/// A struct's field as a column; without a name it has the one that BigQuery gives.
fn inner_field((index, (name, kind)): (usize, &(Option<String>, Type))) -> Field {
    let name = name.clone().unwrap_or_else(|| format!("_field_{}", index + 1));
    Field { name, kind: kind.clone(), mode: Mode::Nullable, description: None }
}

/// Reads `{"fields":[..]}`; legacy and standard type names in any letter case.
pub fn schema_from_json(json: &Json) -> Result<Vec<Field>, SchemaError> {
    match json.get("fields") {
        None | Some(Json::Null) => Ok(Vec::new()),
        Some(fields) => fields_from_json(fields, 0),
    }
}

/// Reads one entry of `fields`.
pub fn field_from_json(json: &Json) -> Result<Field, SchemaError> {
    read_field(json, 0)
}

fn fields_from_json(json: &Json, depth: usize) -> Result<Vec<Field>, SchemaError> {
    let fields = json.as_array().ok_or_else(|| SchemaError("Invalid value for fields: it must be a list".into()))?;
    if fields.len() > FIELDS_MAX {
        return Err(SchemaError(format!("Too many columns: {}, the most is {FIELDS_MAX}", fields.len())));
    }
    fields.iter().map(|field| read_field(field, depth)).collect()
}

fn read_field(json: &Json, depth: usize) -> Result<Field, SchemaError> {
    if depth >= DEPTH_MAX {
        return Err(SchemaError(format!("Schema has nested fields deeper than {DEPTH_MAX} levels")));
    }
    let name = json.get("name").and_then(Json::as_str).unwrap_or_default();
    check_name(name)?;
    let word = json.get("type").and_then(Json::as_str).unwrap_or_default();
    let element = match word.to_ascii_uppercase().as_str() {
        "RECORD" | "STRUCT" => Type::Struct(record_fields(json, name, depth)?),
        "FLOAT" => Type::Float64,
        "" => return Err(SchemaError(format!("Field {name} is missing a type"))),
        other => Type::of_word(other)
            .ok_or_else(|| SchemaError(format!("Invalid value for type: {word} is not a valid value")))?,
    };
    let mode = read_mode(json)?;
    let kind = if mode == Mode::Repeated { Type::Array(Box::new(element)) } else { element };
    let description = json.get("description").and_then(Json::as_str).map(str::to_owned);
    Ok(Field { name: name.to_owned(), kind, mode, description })
}

fn record_fields(json: &Json, name: &str, depth: usize) -> Result<Vec<(Option<String>, Type)>, SchemaError> {
    let fields = match json.get("fields") {
        Some(fields) => fields_from_json(fields, depth + 1)?,
        None => Vec::new(),
    };
    if fields.is_empty() {
        return Err(SchemaError(format!("Field {name} is type RECORD but has no schema")));
    }
    Ok(fields.into_iter().map(|field| (Some(field.name), field.kind)).collect())
}

fn read_mode(json: &Json) -> Result<Mode, SchemaError> {
    let word = json.get("mode").and_then(Json::as_str).unwrap_or_default();
    match word.to_ascii_uppercase().as_str() {
        "" | "NULLABLE" => Ok(Mode::Nullable),
        "REQUIRED" => Ok(Mode::Required),
        "REPEATED" => Ok(Mode::Repeated),
        _ => Err(SchemaError(format!("Invalid value for mode: {word} is not a valid value"))),
    }
}

/// Letters, digits, underscores and what else BigQuery's flexible names take; at most 300 characters.
fn check_name(name: &str) -> Result<(), SchemaError> {
    let wrong = name.is_empty()
        || name.chars().count() > 300
        || name.chars().any(|c| c.is_control() || "!\"$()*,./;?@[\\]^`{}~".contains(c));
    if !wrong {
        return Ok(());
    }
    Err(SchemaError(format!(
        "Invalid field name \"{name}\". Fields must contain the allowed characters, and be at most 300 characters long. For allowed characters, please refer to https://cloud.google.com/bigquery/docs/schemas#column_names"
    )))
}

impl Mode {
    /// The word in a schema.
    pub fn word(self) -> &'static str {
        match self {
            Self::Nullable => "NULLABLE",
            Self::Required => "REQUIRED",
            Self::Repeated => "REPEATED",
        }
    }
}

fn legacy_name(kind: &Type) -> &'static str {
    match kind {
        Type::Int64 => "INTEGER",
        Type::Float64 => "FLOAT",
        Type::Bool => "BOOLEAN",
        Type::Struct(_) => "RECORD",
        other => other.word(),
    }
}

/// `StandardSqlField`: `{"name","type":{"typeKind"}}`.
pub fn standard_field(name: &str, kind: &Type) -> Json {
    json!({"name": name, "type": standard_type(kind)})
}

/// `StandardSqlDataType`.
pub fn standard_type(kind: &Type) -> Json {
    match kind {
        Type::Array(element) => json!({"typeKind": "ARRAY", "arrayElementType": standard_type(element)}),
        Type::Struct(fields) => {
            let fields = fields.iter().map(|(name, kind)| match name {
                Some(name) => standard_field(name, kind),
                None => json!({"type": standard_type(kind)}),
            });
            json!({"typeKind": "STRUCT", "structType": {"fields": fields.collect::<Vec<_>>()}})
        }
        scalar => json!({"typeKind": scalar.word()}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_comes_back_with_legacy_names() {
        let given = json!({"fields": [
            {"name": "a", "type": "INT64", "mode": "required"},
            {"name": "b", "type": "record", "mode": "REPEATED", "fields": [{"name": "c", "type": "FLOAT64", "description": "d"}]},
        ]});
        let fields = schema_from_json(&given).unwrap();
        assert_eq!(fields[1].kind.name(), "ARRAY<STRUCT<c FLOAT64>>");
        assert_eq!(
            schema_to_json(&fields),
            json!({"fields": [
                {"name": "a", "type": "INTEGER", "mode": "REQUIRED"},
                {"name": "b", "type": "RECORD", "mode": "REPEATED", "fields": [{"name": "c", "type": "FLOAT", "mode": "NULLABLE"}]},
            ]})
        );
    }

    #[test]
    fn a_wrong_schema_is_refused_with_what_is_wrong() {
        let mut deep = json!({"name": "x", "type": "INT64"});
        for _ in 0..DEPTH_MAX {
            deep = json!({"name": "x", "type": "RECORD", "fields": [deep]});
        }
        for (field, part) in [
            (json!({"name": "x"}), "missing a type"),
            (json!({"name": "x", "type": "INT65"}), "INT65 is not a valid value"),
            (json!({"name": "", "type": "INT64"}), "Invalid field name"),
            (json!({"name": "a.b", "type": "INT64"}), "Invalid field name"),
            (json!({"name": "x", "type": "INT64", "mode": "MANY"}), "MANY is not a valid value"),
            (json!({"name": "x", "type": "RECORD"}), "has no schema"),
            (json!(7), "Invalid field name"),
            (deep, "deeper than 15"),
        ] {
            let message = field_from_json(&field).unwrap_err().0;
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn models_have_standard_names() {
        let kind = Type::of_name("ARRAY<STRUCT<a INT64>>").unwrap();
        let expected = json!({"name": "x", "type": {"typeKind": "ARRAY", "arrayElementType":
            {"typeKind": "STRUCT", "structType": {"fields": [{"name": "a", "type": {"typeKind": "INT64"}}]}}}});
        assert_eq!(standard_field("x", &kind), expected);
    }
}
