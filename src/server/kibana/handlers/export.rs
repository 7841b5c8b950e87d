//! `POST /api/saved_objects/_export`.

use std::sync::Arc;

use hyper::header::{CONTENT_DISPOSITION, HeaderValue};
use serde_json::{Map, Value};

use super::{body, find};
use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::export::{Chosen, Request as Export, export as write};
use crate::server::kibana::http::{HandlerFuture, Request, Response};
use crate::server::kibana::import::OBJECTS_MAX;
use crate::server::kibana::store::Key;

const MEMBERS: [&str; 6] =
    ["type", "objects", "hasReference", "search", "includeReferencesDeep", "excludeExportDetails"];

pub(super) fn export(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let wanted = read(&body::object(&request, &MEMBERS)?)?;
        let lines = kibana.blocking(move |kibana| write(&kibana.store.objects(), &wanted)).await?;
        let attachment = HeaderValue::from_static("attachment; filename=\"export.ndjson\"");
        Ok(Response::bytes("application/ndjson", lines).with_header(CONTENT_DISPOSITION, attachment))
    })
}

fn read(map: &Map<String, Value>) -> Result<Export, ApiError> {
    let search = body::member_text(map, "search")?;
    let has_reference = map.get("hasReference").map(|value| find::references("request body.hasReference", value));
    let has_reference = has_reference.transpose()?;
    let chosen = match (map.get("objects"), map.get("type")) {
        (Some(_), Some(_)) => {
            return Err(refused("Can't specify both \"types\" and \"objects\" properties when exporting"));
        }
        (None, None) => return Err(refused("Either `type` or `objects` are required.")),
        (Some(_), None) if search.is_some() => {
            return Err(refused("Can't specify both \"search\" and \"objects\" properties when exporting"));
        }
        (Some(_), None) if has_reference.is_some() => {
            return Err(refused("Can't specify both \"references\" and \"objects\" properties when exporting"));
        }
        (Some(objects), None) => Chosen::Objects(keys(objects)?),
        (None, Some(kinds)) => {
            Chosen::Kinds { kinds: self::kinds(kinds)?, search, has_reference: has_reference.unwrap_or_default() }
        }
    };
    Ok(Export {
        chosen,
        with_references: body::member_flag(map, "includeReferencesDeep")?,
        without_details: body::member_flag(map, "excludeExportDetails")?,
    })
}

fn refused(message: &str) -> ApiError {
    ApiError::bad_request(message)
}

fn keys(objects: &Value) -> Result<Vec<Key>, ApiError> {
    let key = |value: &Value| {
        let text = |name| value.get(name).and_then(Value::as_str);
        Some(Key::new(text("type")?, text("id")?))
    };
    let keys = objects.as_array().and_then(|list| list.iter().map(key).collect::<Option<Vec<_>>>());
    let keys =
        keys.ok_or_else(|| refused("[request body.objects]: an array of objects with [type] and [id] is needed"))?;
    match keys.len() {
        0..=OBJECTS_MAX => Ok(keys),
        _ => Err(ApiError::bad_request(format!("Can't export more than {OBJECTS_MAX} objects"))),
    }
}

fn kinds(kinds: &Value) -> Result<Vec<String>, ApiError> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let kinds = match kinds {
        Value::Array(list) => list.iter().map(text).collect(),
        one => text(one).map(|kind| vec![kind]),
    };
    kinds.ok_or_else(|| refused("[request body.type]: expected value of type [string] or an array of them"))
}
