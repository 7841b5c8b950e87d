//! Objects made of others: `rewriteTo`, `copyTo`, `moveTo`, `compose`. All are done in one call, whatever the size.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::Gcs;
use super::super::error::ApiError;
use super::super::http::{Request, Response};
use super::super::store::{Conditions, Destination, Draft, Source};
use super::attributes::{checksums, has_attributes, object_attributes};
use super::condition::{conditions, source_conditions};
use super::name::check_object_name;
use super::object::{answer, refuse_predefined_acl};
use super::{resource, storage_class_of};

/// Objects of one composition.
const SOURCES_MAX: usize = 32;

pub(super) async fn copy(
    gcs: &Arc<Gcs>,
    request: &mut Request,
    from: (String, String),
    to: (String, String),
    is_rewrite: bool,
) -> Result<Response, ApiError> {
    refuse_predefined_acl(request)?;
    if request.params.get("destinationKmsKeyName").is_some_and(|name| !name.is_empty()) {
        return Err(ApiError::not_implemented("Encryption with Cloud KMS keys"));
    }
    let json = request.json().await?;
    check_object_name(&to.1)?;
    let source = Source {
        bucket: from.0,
        name: from.1,
        generation: request.params.number("sourceGeneration")?,
        conditions: source_conditions(&request.params)?,
    };
    let own = object_attributes(&json)?;
    let to = Destination {
        bucket: to.0,
        name: to.1,
        attributes: has_attributes(&json).then_some(own),
        storage_class: storage_class_of(&json)?,
        conditions: conditions(&request.params)?,
    };
    let bucket = to.bucket.clone();
    let object = gcs.blocking(move |store| Ok(store.copy(&source, &to, false)?)).await?;
    if !is_rewrite {
        return Ok(answer(&object, &bucket, request));
    }
    Ok(Response::json(&json!({
        "kind": "storage#rewriteResponse",
        "totalBytesRewritten": object.size.to_string(),
        "objectSize": object.size.to_string(),
        "done": true,
        "resource": resource::object(&object, &bucket, &request.base),
    })))
}

pub(super) async fn move_to(
    gcs: &Arc<Gcs>,
    request: &mut Request,
    bucket: String,
    from: String,
    to: String,
) -> Result<Response, ApiError> {
    check_object_name(&to)?;
    let conditions_of_source = source_conditions(&request.params)?;
    let source = Source { bucket: bucket.clone(), name: from, generation: None, conditions: conditions_of_source };
    let conditions = conditions(&request.params)?;
    let to = Destination { bucket: bucket.clone(), name: to, attributes: None, storage_class: None, conditions };
    let object = gcs.blocking(move |store| Ok(store.copy(&source, &to, true)?)).await?;
    Ok(answer(&object, &bucket, request))
}

pub(super) async fn compose(
    gcs: &Arc<Gcs>,
    request: &mut Request,
    bucket: String,
    name: String,
) -> Result<Response, ApiError> {
    refuse_predefined_acl(request)?;
    check_object_name(&name)?;
    let json = request.json().await?;
    let sources = sources(&json, &bucket)?;
    let empty = Map::new();
    let destination = json.get("destination").and_then(Value::as_object).unwrap_or(&empty);
    let mut attributes = object_attributes(destination)?;
    attributes.content_type = attributes.content_type.or_else(|| Some("application/octet-stream".to_owned()));
    let deletes = json.get("deleteSourceObjects").and_then(Value::as_bool).unwrap_or(false);
    let draft = Draft {
        bucket: bucket.clone(),
        name,
        attributes,
        conditions: conditions(&request.params)?,
        checksums: checksums(destination)?,
    };
    let object = gcs.blocking(move |store| Ok(store.compose(&sources, &draft, deletes)?)).await?;
    Ok(answer(&object, &bucket, request))
}

fn sources(json: &Map<String, Value>, bucket: &str) -> Result<Vec<Source>, ApiError> {
    let listed = json.get("sourceObjects").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    check_source_count(listed.len())?;
    let source = |value: &Value| {
        let name = value.get("name").and_then(Value::as_str).ok_or_else(|| ApiError::required("sourceObjects.name"))?;
        let preconditions = value.get("objectPreconditions").and_then(|given| given.get("ifGenerationMatch"));
        let generation_match = number("ifGenerationMatch", preconditions)?;
        Ok(Source {
            bucket: bucket.to_owned(),
            name: name.to_owned(),
            generation: number("generation", value.get("generation"))?,
            conditions: Conditions { generation_match, ..Conditions::NONE },
        })
    };
    listed.iter().map(source).collect()
}

/// # Errors
/// 400: none, or too many.
pub(crate) fn check_source_count(count: usize) -> Result<(), ApiError> {
    match count {
        0 => Err(ApiError::invalid("You must provide at least one source component.")),
        1..=SOURCES_MAX => Ok(()),
        _ => Err(ApiError::invalid(format!(
            "The number of source components provided ({count}) exceeds the maximum ({SOURCES_MAX})."
        ))),
    }
}

/// Google writes 64-bit numbers as text; clients send either.
fn number(name: &str, value: Option<&Value>) -> Result<Option<i64>, ApiError> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    number.map(Some).ok_or_else(|| ApiError::invalid_parameter(name, &value.to_string()))
}
