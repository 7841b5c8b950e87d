//! How each object is tried again (`retries` of `_resolve_import_errors`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::OBJECTS_MAX;
use crate::server::kibana::attribute::{expected, type_name};
use crate::server::kibana::error::ApiError;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Retry {
    pub(crate) kind: String,
    pub(crate) id: String,
    pub(crate) overwrites: bool,
    pub(crate) destination_id: Option<String>,
    pub(crate) replaces: Vec<Replacement>,
    pub(crate) ignores_missing_references: bool,
    pub(crate) is_new_copy: bool,
}

/// References of this type to `from` lead to `to`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Replacement {
    pub(crate) kind: String,
    pub(crate) from: String,
    pub(crate) to: String,
}

const KEYS: [&str; 7] =
    ["type", "id", "overwrite", "destinationId", "replaceReferences", "createNewCopy", "ignoreMissingReferences"];

/// Reads the field `retries`, a JSON array.
pub(crate) fn read_retries(text: Option<&str>) -> Result<Vec<Retry>, ApiError> {
    let Some(text) = text else { return Err(refused(expected("request body.retries", "array", None))) };
    let value: Value = serde_json::from_str(text)
        .map_err(|_| refused("[request body.retries]: could not parse array value from json input".to_owned()))?;
    let Value::Array(list) = value else {
        return Err(refused(expected("request body.retries", "array", Some(&value))));
    };
    if list.len() > OBJECTS_MAX {
        return Err(refused(format!("Can't import more than {OBJECTS_MAX} objects")));
    }
    let retries = list.iter().enumerate().map(|(at, value)| retry(value, &format!("request body.retries.{at}")));
    let retries = retries.collect::<Result<Vec<_>, _>>().map_err(refused)?;
    refuse_twins(&retries)?;
    Ok(retries)
}

fn refused(message: String) -> ApiError {
    ApiError::bad_request(message)
}

fn retry(value: &Value, path: &str) -> Result<Retry, String> {
    let Value::Object(map) = value else {
        return Err(format!(
            "[{path}]: expected a plain object value, but found [{}] instead.",
            type_name(Some(value))
        ));
    };
    if let Some(unknown) = map.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!("[{path}.{unknown}]: definition for this key is missing"));
    }
    Ok(Retry {
        kind: text(value, "type", path)?,
        id: text(value, "id", path)?,
        overwrites: flag(value, "overwrite", path)?,
        destination_id: value.get("destinationId").map(|_| text(value, "destinationId", path)).transpose()?,
        replaces: replacements(value.get("replaceReferences"), path)?,
        ignores_missing_references: flag(value, "ignoreMissingReferences", path)?,
        is_new_copy: flag(value, "createNewCopy", path)?,
    })
}

fn replacements(list: Option<&Value>, path: &str) -> Result<Vec<Replacement>, String> {
    let path = format!("{path}.replaceReferences");
    let Some(list) = list else { return Ok(Vec::new()) };
    let Value::Array(list) = list else { return Err(expected(&path, "array", Some(list))) };
    let replacement = |(at, value): (usize, &Value)| {
        let path = format!("{path}.{at}");
        Ok(Replacement {
            kind: text(value, "type", &path)?,
            from: text(value, "from", &path)?,
            to: text(value, "to", &path)?,
        })
    };
    list.iter().enumerate().map(replacement).collect()
}

fn text(value: &Value, name: &str, path: &str) -> Result<String, String> {
    match value.get(name) {
        Some(Value::String(text)) => Ok(text.clone()),
        other => Err(expected(&format!("{path}.{name}"), "string", other)),
    }
}

fn flag(value: &Value, name: &str, path: &str) -> Result<bool, String> {
    match value.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        other => Err(expected(&format!("{path}.{name}"), "boolean", other)),
    }
}

fn refuse_twins(retries: &[Retry]) -> Result<(), ApiError> {
    let mut seen = BTreeSet::new();
    let twin = retries.iter().find(|retry| !seen.insert((&retry.kind, &retry.id)));
    let mut places = BTreeSet::new();
    let place = |retry: &&Retry| {
        retry.destination_id.as_ref().is_some_and(|to| !places.insert((retry.kind.clone(), to.clone())))
    };
    if let Some(twin) = twin {
        return Err(refused(format!("Non-unique retry objects: [{}:{}]", twin.kind, twin.id)));
    }
    match retries.iter().find(place) {
        Some(Retry { kind, destination_id: Some(to), .. }) => {
            Err(refused(format!("Non-unique retry destinations: [{kind}:{to}]")))
        }
        _ => Ok(()),
    }
}
