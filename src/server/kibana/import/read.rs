//! The lines of an import file.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::OBJECTS_MAX;
use crate::lens::object::Reference;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::store::reference;

/// One object of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Incoming {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) attributes: Map<String, Value>,
    pub(crate) references: Vec<Reference>,
    pub(crate) type_version: Option<String>,
    pub(crate) core_version: Option<String>,
    pub(crate) origin_id: Option<String>,
    pub(crate) managed: bool,
}

/// Reads a file. Blank lines and the details that end an export are left out.
///
/// # Errors
/// A line is no saved object, an object stands twice, or there are too many: nothing is imported then. What is no JSON is
/// refused in the words of Kibana's JavaScript.
pub(crate) fn read(bytes: &[u8]) -> Result<Vec<Incoming>, ApiError> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut objects = Vec::new();
    for (at, line) in text.split('\n').enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value: Value = serde_json::from_str(line).map_err(|error| not_json(at + 1, line, &error))?;
        if is_details(&value) {
            continue;
        }
        if objects.len() == OBJECTS_MAX {
            return Err(ApiError::bad_request(format!("Can't import more than {OBJECTS_MAX} objects")));
        }
        let number = at + 1;
        objects.push(object(value).map_err(|reason| ApiError::bad_request(format!("Line {number}: {reason}")))?);
    }
    refuse_twins(&objects)?;
    Ok(objects)
}

fn is_details(value: &Value) -> bool {
    value.get("exportedCount").is_some() && value.get("type").is_none()
}

fn not_json(number: usize, line: &str, error: &serde_json::Error) -> ApiError {
    if error.is_eof() {
        return ApiError::bad_request("Unexpected end of JSON input");
    }
    let text = error.to_string();
    // JavaScript would take these.
    if ["recursion limit", "number out of range", "surrogate"].iter().any(|bound| text.contains(bound)) {
        return ApiError::bad_request(format!("Line {number}: the JSON can't be read: {text}"));
    }
    // The reader stands behind the byte that it did not take.
    let at = error.column().saturating_sub(1);
    let before = String::from_utf8_lossy(line.as_bytes().get(..at).unwrap_or_default());
    let after = String::from_utf8_lossy(line.as_bytes().get(at..).unwrap_or_default()).into_owned();
    let position = before.encode_utf16().count();
    match after.chars().next() {
        Some(found) => ApiError::bad_request(format!("Unexpected token {found} in JSON at position {position}")),
        None => ApiError::bad_request(format!("Invalid JSON: {error}")),
    }
}

fn object(value: Value) -> Result<Incoming, String> {
    let Value::Object(mut object) = value else { return Err("a saved object is an object".to_owned()) };
    let kind = required(&object, "type")?;
    let id = required(&object, "id")?;
    let references = references(object.get("references"))?;
    // Before 8.8 the version stood in a map by type.
    let legacy = object.get("migrationVersion").and_then(|versions| versions.get(&kind)).cloned();
    let type_version = optional(object.get("typeMigrationVersion").or(legacy.as_ref()), "typeMigrationVersion")?;
    let core_version = optional(object.get("coreMigrationVersion"), "coreMigrationVersion")?;
    let origin_id = optional(object.get("originId"), "originId")?;
    let managed = object.get("managed").and_then(Value::as_bool).unwrap_or(false);
    let Some(Value::Object(attributes)) = object.remove("attributes") else {
        return Err(format!("[{kind}:{id}] has no object `attributes`"));
    };
    Ok(Incoming { kind, id, attributes, references, type_version, core_version, origin_id, managed })
}

fn required(object: &Map<String, Value>, name: &str) -> Result<String, String> {
    let text = object.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| format!("a saved object needs a string `{name}`"))
}

fn optional(value: Option<&Value>, name: &str) -> Result<Option<String>, String> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(format!("`{name}` should be a string")),
    }
}

fn references(list: Option<&Value>) -> Result<Vec<Reference>, String> {
    match list {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => {
            let all: Option<Vec<Reference>> = list.iter().map(reference).collect();
            all.ok_or_else(|| "each of the `references` needs the strings `name`, `type` and `id`".to_owned())
        }
        Some(_) => Err("`references` should be an array".to_owned()),
    }
}

fn refuse_twins(objects: &[Incoming]) -> Result<(), ApiError> {
    let mut seen = BTreeSet::new();
    let mut reported = BTreeSet::new();
    let mut is_twin = |object: &&Incoming| {
        let key = (object.kind.clone(), object.id.clone());
        !seen.insert(key.clone()) && reported.insert(key)
    };
    let twins = objects.iter().filter(|object| is_twin(object)).map(|object| format!("{}:{}", object.kind, object.id));
    let twins: Vec<String> = twins.collect();
    if twins.is_empty() {
        return Ok(());
    }
    let message = format!("Non-unique import objects detected: [{}]", twins.join(","));
    Err(ApiError::bad_request(message).with_attributes(json!({"objects": twins})))
}
