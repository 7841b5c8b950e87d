//! `/api/data_views`: saved objects of type `index-pattern` in the form that programs like better: values in place of
//! JSON texts. Fields are not stored; who wants to know them asks Elasticsearch.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{body, object};
use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::{HandlerFuture, Request, Response};
use crate::server::kibana::kind::{CORE_VERSION, Kind};
use crate::server::kibana::store::{Change, Draft, Key, Objects, SavedObject};

const KIND: &str = "index-pattern";

/// Members of a spec, the attributes that hold them, and whether as JSON texts with this one for nothing.
const MEMBERS: [(&str, &str, Option<&str>); 11] = [
    ("title", "title", None),
    ("timeFieldName", "timeFieldName", None),
    ("sourceFilters", "sourceFilters", Some("[]")),
    ("fieldFormats", "fieldFormatMap", Some("{}")),
    ("runtimeFieldMap", "runtimeFieldMap", Some("{}")),
    ("fieldAttrs", "fieldAttrs", Some("{}")),
    ("allowNoIndex", "allowNoIndex", None),
    ("name", "name", None),
    ("allowHidden", "allowHidden", None),
    ("type", "type", None),
    ("typeMeta", "typeMeta", Some("{}")),
];
/// Members of a spec that are not stored as they are.
const OTHERS: [&str; 4] = ["id", "version", "fields", "namespaces"];

pub(super) fn list(kibana: Arc<Kibana>, _: Request) -> HandlerFuture {
    Box::pin(async move {
        let views: Vec<Value> = kibana.store.objects().of_kind(KIND).map(|object| entry(object)).collect();
        Ok(Response::json(&json!({"data_view": views})))
    })
}

fn entry(object: &SavedObject) -> Value {
    let mut entry = json!({"id": object.key.id, "namespaces": ["default"]});
    if let Some(entry) = entry.as_object_mut() {
        for name in ["title", "typeMeta", "name"] {
            let value = object.attributes.get(name);
            let value = if name == "typeMeta" { value.and_then(parsed) } else { value.cloned() };
            let is_nothing = value.as_ref().and_then(Value::as_object).is_some_and(Map::is_empty);
            if let Some(value) = value.filter(|_| !is_nothing) {
                entry.insert(name.to_owned(), value);
            }
        }
    }
    entry
}

pub(super) fn get(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let objects = kibana.store.objects();
        let id = request.path("id");
        let object = objects.get(KIND, id).ok_or_else(|| ApiError::no_object(KIND, id))?;
        Ok(answer(object))
    })
}

fn answer(object: &SavedObject) -> Response {
    Response::json(&json!({"data_view": spec(object)}))
}

fn spec(object: &SavedObject) -> Value {
    let mut spec = Map::new();
    spec.insert("id".to_owned(), object.key.id.clone().into());
    spec.insert("version".to_owned(), object.version().into());
    for (name, attribute, empty) in MEMBERS {
        let stored = object.attributes.get(attribute);
        let value = match empty {
            Some(empty) => stored.and_then(parsed).or_else(|| serde_json::from_str(empty).ok()),
            None => stored.cloned(),
        };
        let value = match (name, value) {
            ("allowNoIndex" | "allowHidden", None) => Some(Value::Bool(false)),
            ("name", None) => Some("".into()),
            ("typeMeta", Some(Value::Object(meta))) if meta.is_empty() => None,
            (_, value) => value,
        };
        if let Some(value) = value {
            spec.insert(name.to_owned(), value);
        }
        if name == "sourceFilters" {
            spec.insert("fields".to_owned(), json!({}));
        }
    }
    spec.insert("namespaces".to_owned(), json!(["default"]));
    Value::Object(spec)
}

fn parsed(text: &Value) -> Option<Value> {
    serde_json::from_str(text.as_str()?).ok()
}

pub(super) fn create(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let mut body = body::object(&request, &["data_view", "override", "refresh_fields"])?;
        let overrides = body::member_flag(&body, "override")?;
        let spec = body::member_object(&mut body, "data_view")?;
        let id = member_id(&spec)?.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        let attributes = attributes(&spec, Map::new())?;
        let draft = Draft {
            key: Key::new(KIND, id),
            attributes: checked(attributes)?,
            references: Vec::new(),
            type_version: Kind::find(KIND).and_then(|kind| kind.usual).map(str::to_owned),
            core_version: CORE_VERSION.to_owned(),
            origin_id: None,
            managed: false,
            created_at: None,
        };
        let object = kibana.blocking(move |kibana| create_one(kibana, draft, overrides)).await?;
        Ok(answer(&object))
    })
}

/// Names are unique, titles need not be. With `overrides`, what has the name or the id is replaced.
fn create_one(kibana: &Kibana, draft: Draft, overrides: bool) -> Result<Arc<SavedObject>, ApiError> {
    let key = draft.key.clone();
    let ((), objects) = kibana.store.write(|objects| {
        let twin = twin(objects, &draft).filter(|twin| **twin != draft.key).cloned();
        if !overrides {
            if twin.is_some() {
                let name = draft.attributes.get("name").and_then(Value::as_str).unwrap_or_default();
                return Err(ApiError::bad_request(format!("Duplicate data view: {name}")));
            }
            if objects.contains(KIND, &draft.key.id) {
                return Err(ApiError::conflict(KIND, &draft.key.id));
            }
        }
        let removed = twin.map(Change::Delete);
        Ok(([removed, Some(Change::Put(draft))].into_iter().flatten().collect(), ()))
    })?;
    objects.get(KIND, &key.id).cloned().ok_or_else(ApiError::internal)
}

fn twin<'o>(objects: &'o Objects, draft: &Draft) -> Option<&'o Key> {
    let name = draft.attributes.get("name").and_then(Value::as_str).filter(|name| !name.is_empty())?;
    let is_named = |object: &&Arc<SavedObject>| {
        object.attributes.get("name").and_then(Value::as_str).is_some_and(|other| other.eq_ignore_ascii_case(name))
    };
    objects.of_kind(KIND).find(is_named).map(|object| &object.key)
}

pub(super) fn update(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let mut body = body::object(&request, &["data_view", "refresh_fields"])?;
        let spec = body::member_object(&mut body, "data_view")?;
        let id = request.path("id").to_owned();
        let object = kibana.blocking(move |kibana| update_one(kibana, &id, &spec)).await?;
        Ok(answer(&object))
    })
}

fn update_one(kibana: &Kibana, id: &str, spec: &Map<String, Value>) -> Result<Arc<SavedObject>, ApiError> {
    let ((), objects) = kibana.store.write(|objects| {
        let object = objects.get(KIND, id).ok_or_else(|| ApiError::no_object(KIND, id))?;
        let attributes = checked(attributes(spec, object.attributes.clone())?)?;
        Ok::<_, ApiError>((vec![Change::Put(Draft { attributes, ..object.draft() })], ()))
    })?;
    objects.get(KIND, id).cloned().ok_or_else(ApiError::internal)
}

pub(super) fn delete(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let id = request.path("id").to_owned();
        kibana.blocking(move |kibana| object::remove(kibana, KIND, &id)).await?;
        Ok(Response::bytes("application/json", ""))
    })
}

fn member_id(spec: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    let id = body::member_text(spec, "id")?;
    Ok(id.filter(|id| !id.is_empty()))
}

/// Puts a spec's members into attributes.
fn attributes(spec: &Map<String, Value>, mut attributes: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let known: Vec<&str> = MEMBERS.iter().map(|(name, ..)| *name).chain(OTHERS).collect();
    body::check_members("request body.data_view", spec, &known)?;
    if spec.get("fields").and_then(Value::as_object).is_some_and(|fields| !fields.is_empty()) {
        let message = "[request body.data_view.fields]: fields are not stored here, Elasticsearch knows them";
        return Err(ApiError::bad_request(message));
    }
    for (name, attribute, empty) in MEMBERS {
        let Some(value) = spec.get(name) else { continue };
        let value = if empty.is_some() { Value::String(value.to_string()) } else { value.clone() };
        attributes.insert(attribute.to_owned(), value);
    }
    attributes.entry("fields").or_insert_with(|| "[]".into());
    Ok(attributes)
}

fn checked(mut attributes: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let Some(kind) = Kind::find(KIND) else { return Err(ApiError::internal()) };
    // A spec is checked member by member: nothing is left to be dropped.
    let checked = kind.schema.check(&mut attributes);
    checked.map_err(|message| ApiError::bad_request(message.replace("[attributes.", "[request body.data_view.")))?;
    Ok(attributes)
}
