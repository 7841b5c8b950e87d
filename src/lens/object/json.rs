//! Small readers of JSON values, and of the JSON texts that Kibana stores as strings.

use serde_json::{Map, Value};

use super::ObjectError;

/// What a value is, for messages.
pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// The value of a JSON text. Absent, null and empty are `None`; a value that is no string counts as read already.
pub(super) fn embedded(value: Option<&Value>, path: &str) -> Result<Option<Value>, ObjectError> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => serde_json::from_str(text)
            .map(Some)
            .map_err(|error| ObjectError::Json { path: path.to_owned(), reason: error.to_string() }),
        Some(value @ (Value::Object(_) | Value::Array(_))) => Ok(Some(value.clone())),
        Some(other) => {
            Err(ObjectError::Shape { path: path.to_owned(), expected: "a JSON text", found: kind_of(other) })
        }
    }
}

/// As [`embedded`], for a text that holds an object.
pub(super) fn embedded_object(value: Option<&Value>, path: &str) -> Result<Map<String, Value>, ObjectError> {
    match embedded(value, path)? {
        None | Some(Value::Null) => Ok(Map::new()),
        Some(Value::Object(map)) => Ok(map),
        Some(other) => Err(ObjectError::Shape { path: path.to_owned(), expected: "an object", found: kind_of(&other) }),
    }
}

/// As [`embedded`], for a text that holds an array.
pub(super) fn embedded_array(value: Option<&Value>, path: &str) -> Result<Vec<Value>, ObjectError> {
    match embedded(value, path)? {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items),
        Some(other) => Err(ObjectError::Shape { path: path.to_owned(), expected: "an array", found: kind_of(&other) }),
    }
}

pub(super) fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name)?.as_str()
}

pub(super) fn flag(value: &Value, name: &str) -> bool {
    value.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// A string, or a number as Kibana writes one in its place.
pub(super) fn label(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
