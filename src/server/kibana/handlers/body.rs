//! Bodies of JSON, refused in Kibana's words when they are not what an endpoint takes.

use hyper::header::CONTENT_TYPE;
use serde_json::{Map, Value};

use crate::lens::object::Reference;
use crate::server::kibana::attribute::{expected, type_name};
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::Request;
use crate::server::kibana::store::reference;

/// The body's document; `None` for an empty body.
pub(super) fn json(request: &Request) -> Result<Option<Value>, ApiError> {
    if request.body.is_empty() {
        return Ok(None);
    }
    if let Some(media) = request.header(&CONTENT_TYPE) {
        let media = media.split(';').next().unwrap_or_default().trim();
        if !media.eq_ignore_ascii_case("application/json") {
            return Err(ApiError::new(415, "Unsupported Media Type"));
        }
    }
    let document = serde_json::from_slice(&request.body);
    document.map(Some).map_err(|_| ApiError::bad_request("Invalid request payload JSON format"))
}

/// An object with no other members than these.
pub(in crate::server::kibana) fn object(request: &Request, known: &[&str]) -> Result<Map<String, Value>, ApiError> {
    match json(request)? {
        Some(Value::Object(map)) => {
            check_members("request body", &map, known)?;
            Ok(map)
        }
        other => {
            let found = other.as_ref().map_or("null", |value| type_name(Some(value)));
            Err(ApiError::bad_request(format!(
                "[request body]: expected a plain object value, but found [{found}] instead."
            )))
        }
    }
}

pub(super) fn check_members(path: &str, map: &Map<String, Value>, known: &[&str]) -> Result<(), ApiError> {
    match map.keys().find(|name| !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(ApiError::bad_request(format!("[{path}.{name}]: definition for this key is missing"))),
    }
}

pub(super) fn member_object(map: &mut Map<String, Value>, name: &str) -> Result<Map<String, Value>, ApiError> {
    match map.remove(name) {
        Some(Value::Object(member)) => Ok(member),
        other => Err(wrong(name, "object", other.as_ref())),
    }
}

pub(in crate::server::kibana) fn member_text(map: &Map<String, Value>, name: &str) -> Result<Option<String>, ApiError> {
    match map.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        other => Err(wrong(name, "string", other)),
    }
}

pub(in crate::server::kibana) fn member_flag(map: &Map<String, Value>, name: &str) -> Result<bool, ApiError> {
    match map.get(name) {
        None => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        other => Err(wrong(name, "boolean", other)),
    }
}

pub(super) fn member_references(map: &Map<String, Value>) -> Result<Option<Vec<Reference>>, ApiError> {
    let Some(list) = map.get("references") else { return Ok(None) };
    let Value::Array(list) = list else { return Err(wrong("references", "array", Some(list))) };
    let read: Option<Vec<Reference>> = list.iter().map(reference).collect();
    let message = "[request body.references]: each needs the strings [name], [type] and [id]";
    read.map(Some).ok_or_else(|| ApiError::bad_request(message))
}

fn wrong(name: &str, kind: &str, found: Option<&Value>) -> ApiError {
    ApiError::bad_request(expected(&format!("request body.{name}"), kind, found))
}
