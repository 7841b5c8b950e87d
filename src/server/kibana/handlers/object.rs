//! One saved object: `GET`, `POST`, `PUT`, `DELETE /api/saved_objects/{type}/{id}`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::body;
use crate::lens::object::Reference;
use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::{HandlerFuture, Request, Response};
use crate::server::kibana::kind::{CORE_VERSION, Kind};
use crate::server::kibana::store::{Change, Draft, Key, Objects, SavedObject, references_json};
use crate::server::kibana::version;

pub(super) fn get(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let objects = kibana.store.objects();
        let (kind, id) = (request.path("type"), request.path("id"));
        // A type that is not known has no objects, though the store may: its own settings.
        let found = Kind::find(kind).and_then(|kind| objects.get(kind.name, id));
        let object = found.ok_or_else(|| ApiError::no_object(kind, id))?;
        Ok(Response::json(&Value::Object(object.to_api(None))))
    })
}

const CREATE_MEMBERS: [&str; 6] = [
    "attributes",
    "references",
    "migrationVersion",
    "typeMigrationVersion",
    "coreMigrationVersion",
    "initialNamespaces",
];

/// With an id or without.
pub(super) fn create(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        request.params.check(&["overwrite"])?;
        let overwrites = request.params.flag("overwrite")?;
        let draft = draft(&request, &kibana.config.version)?;
        let object = kibana
            .blocking(move |kibana| {
                put(kibana, draft, |objects, key| match overwrites || !objects.contains(&key.kind, &key.id) {
                    true => Ok(()),
                    false => Err(ApiError::conflict(&key.kind, &key.id)),
                })
            })
            .await?;
        let mut answer = object.to_api(None);
        answer.shift_remove("migrationVersion");
        Ok(Response::json(&Value::Object(answer)))
    })
}

/// Writes one object, if `allow` does, and gives it as it is stored.
pub(super) fn put(
    kibana: &Kibana,
    draft: Draft,
    allow: impl FnOnce(&Objects, &Key) -> Result<(), ApiError>,
) -> Result<Arc<SavedObject>, ApiError> {
    let key = draft.key.clone();
    let ((), objects) = kibana.store.write(|objects| {
        allow(objects, &draft.key)?;
        Ok::<_, ApiError>((vec![Change::Put(draft)], ()))
    })?;
    objects.get(&key.kind, &key.id).cloned().ok_or_else(ApiError::internal)
}

fn draft(request: &Request, running: &str) -> Result<Draft, ApiError> {
    let name = request.path("type");
    let kind = Kind::find(name).ok_or_else(|| ApiError::unsupported_kind(name))?;
    let mut body = body::object(request, &CREATE_MEMBERS)?;
    let attributes = body::member_object(&mut body, "attributes")?;
    refuse_other_spaces(&body)?;
    let legacy = body.get("migrationVersion").and_then(|versions| versions.get(name)?.as_str()).map(str::to_owned);
    let type_version = body::member_text(&body, "typeMigrationVersion")?.or(legacy);
    let core_version = body::member_text(&body, "coreMigrationVersion")?;
    let id = match request.path("id") {
        "" => uuid::Uuid::new_v4().to_string(),
        id => id.to_owned(),
    };
    version::check(kind, &id, type_version.as_deref(), core_version.as_deref(), running)?;
    Ok(Draft {
        attributes: checked(kind, &id, attributes)?,
        key: Key::new(name, id),
        references: body::member_references(&body)?.unwrap_or_default(),
        type_version: type_version.or_else(|| kind.usual.map(str::to_owned)),
        core_version: core_version.unwrap_or_else(|| CORE_VERSION.to_owned()),
        origin_id: None,
        managed: false,
        created_at: None,
    })
}

fn refuse_other_spaces(body: &Map<String, Value>) -> Result<(), ApiError> {
    let Some(spaces) = body.get("initialNamespaces") else { return Ok(()) };
    let is_default = spaces.as_array().is_some_and(|spaces| spaces.iter().all(|space| space == "default"));
    match is_default {
        true => Ok(()),
        false => Err(ApiError::bad_request("[request body.initialNamespaces]: there is only the space [default]")),
    }
}

fn checked(kind: &Kind, id: &str, mut attributes: Map<String, Value>) -> Result<Map<String, Value>, ApiError> {
    let checked = kind.schema.check(&mut attributes);
    log_dropped(kind, id, &checked.map_err(invalid)?);
    Ok(attributes)
}

fn invalid(message: String) -> ApiError {
    ApiError::bad_request(format!("{message}: Bad Request"))
}

/// These answers have no place for a warning.
fn log_dropped(kind: &Kind, id: &str, dropped: &[String]) {
    if !dropped.is_empty() {
        tracing::warn!(
            kind = kind.name,
            id,
            dropped = dropped.join(", "),
            "attributes that are not known were left out"
        );
    }
}

const UPDATE_MEMBERS: [&str; 4] = ["attributes", "references", "version", "upsert"];

/// What an update asks for.
struct Update {
    key: Key,
    /// As sent, without what is not known.
    attributes: Map<String, Value>,
    references: Option<Vec<Reference>>,
    version: Option<String>,
    upsert: Option<Draft>,
}

pub(super) fn update(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let update = read_update(&request)?;
        let (attributes, references) = (update.attributes.clone(), update.references.clone());
        let key = update.key.clone();
        let object = kibana
            .blocking(move |kibana| {
                let ((), objects) = kibana
                    .store
                    .write(|objects| Ok::<_, ApiError>((vec![Change::Put(updated(objects, update)?)], ())))?;
                objects.get(&key.kind, &key.id).cloned().ok_or_else(ApiError::internal)
            })
            .await?;
        let mut answer = json!({
            "id": object.key.id, "type": object.key.kind, "updated_at": object.updated_at,
            "version": object.version(), "namespaces": ["default"], "attributes": attributes,
        });
        if let (Some(answer), Some(references)) = (answer.as_object_mut(), references) {
            answer.insert("references".to_owned(), references_json(&references));
        }
        Ok(Response::json(&answer))
    })
}

fn read_update(request: &Request) -> Result<Update, ApiError> {
    let (name, id) = (request.path("type"), request.path("id"));
    let kind = Kind::find(name).ok_or_else(|| ApiError::no_object(name, id))?;
    let mut body = body::object(request, &UPDATE_MEMBERS)?;
    let mut attributes = body::member_object(&mut body, "attributes")?;
    let dropped = kind.schema.check_given(&mut attributes).map_err(invalid)?;
    log_dropped(kind, id, &dropped);
    let references = body::member_references(&body)?;
    let upsert = match body.contains_key("upsert") {
        false => None,
        true => Some(Draft {
            attributes: checked(kind, id, body::member_object(&mut body, "upsert")?)?,
            key: Key::new(name, id),
            references: references.clone().unwrap_or_default(),
            type_version: kind.usual.map(str::to_owned),
            core_version: CORE_VERSION.to_owned(),
            origin_id: None,
            managed: false,
            created_at: None,
        }),
    };
    let version = body::member_text(&body, "version")?;
    Ok(Update { key: Key::new(name, id), attributes, references, version, upsert })
}

fn updated(objects: &Objects, update: Update) -> Result<Draft, ApiError> {
    let Key { kind, id } = &update.key;
    let Some(object) = objects.get(kind, id) else {
        return update.upsert.ok_or_else(|| ApiError::no_object(kind, id));
    };
    if update.version.is_some_and(|version| version != object.version()) {
        return Err(ApiError::conflict(kind, id));
    }
    let mut draft = object.draft();
    draft.attributes.extend(update.attributes);
    if let Some(references) = update.references {
        draft.references = references;
    }
    Ok(draft)
}

pub(super) fn delete(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        // `force` is for objects in several spaces.
        request.params.check(&["force"])?;
        request.params.flag("force")?;
        let (kind, id) = (request.path("type").to_owned(), request.path("id").to_owned());
        kibana.blocking(move |kibana| remove(kibana, &kind, &id)).await?;
        Ok(Response::json(&json!({})))
    })
}

pub(super) fn remove(kibana: &Kibana, kind: &str, id: &str) -> Result<(), ApiError> {
    let removed = kibana.store.write(|objects| match Kind::find(kind).is_some() && objects.contains(kind, id) {
        true => Ok((vec![Change::Delete(Key::new(kind, id))], ())),
        false => Err(ApiError::no_object(kind, id)),
    });
    removed.map(|_| ())
}
