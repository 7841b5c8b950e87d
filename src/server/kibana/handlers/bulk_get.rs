//! `POST /api/saved_objects/_bulk_get`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::body;
use crate::server::kibana::Kibana;
use crate::server::kibana::attribute::{expected, type_name};
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::{HandlerFuture, Request, Response};
use crate::server::kibana::import::OBJECTS_MAX;
use crate::server::kibana::kind::Kind;
use crate::server::kibana::store::Objects;

pub(super) fn bulk_get(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let asked = match body::json(&request)? {
            Some(Value::Array(asked)) if asked.len() <= OBJECTS_MAX => asked,
            Some(Value::Array(_)) => {
                return Err(ApiError::bad_request(format!("Can't get more than {OBJECTS_MAX} objects")));
            }
            other => return Err(ApiError::bad_request(expected("request body", "array", other.as_ref()))),
        };
        let answer = kibana.blocking(move |kibana| answer(&kibana.store.objects(), &asked)).await?;
        Ok(Response::json(&answer))
    })
}

fn answer(objects: &Objects, asked: &[Value]) -> Result<Value, ApiError> {
    let found = asked.iter().enumerate().map(|(at, value)| one(objects, value, &format!("request body.{at}")));
    Ok(json!({"saved_objects": found.collect::<Result<Vec<_>, _>>()?}))
}

fn one(objects: &Objects, asked: &Value, path: &str) -> Result<Value, ApiError> {
    let Value::Object(map) = asked else {
        let found = type_name(Some(asked));
        let message = format!("[{path}]: expected a plain object value, but found [{found}] instead.");
        return Err(ApiError::bad_request(message));
    };
    body::check_members(path, map, &["type", "id", "fields", "namespaces"])?;
    let text = |name: &str| match map.get(name) {
        Some(Value::String(text)) => Ok(text.as_str()),
        other => Err(ApiError::bad_request(expected(&format!("{path}.{name}"), "string", other))),
    };
    let (kind, id) = (text("type")?, text("id")?);
    let texts = |name: &str| -> Option<Vec<String>> {
        map.get(name)?.as_array()?.iter().map(|text| text.as_str().map(str::to_owned)).collect()
    };
    let refused = |error: ApiError| json!({"id": id, "type": kind, "error": error.to_json()});
    if Kind::find(kind).is_none() {
        return Ok(refused(ApiError::unsupported_kind(kind)));
    }
    let is_here =
        texts("namespaces").is_none_or(|spaces| spaces.iter().any(|it| matches!(it.as_str(), "default" | "*")));
    match objects.get(kind, id).filter(|_| is_here) {
        Some(object) => Ok(Value::Object(object.to_api(texts("fields").as_deref()))),
        None => Ok(refused(ApiError::no_object(kind, id))),
    }
}
