//! The export of saved objects: chosen by type or one by one, with what they refer to, as lines of JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value, json};

use super::error::ApiError;
use super::find::{self, HasReference};
use super::import::OBJECTS_MAX;
use super::kind::Kind;
use super::store::{Key, Objects, SavedObject};

/// What is exported.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) chosen: Chosen,
    /// Objects that these refer to, and those that those refer to.
    pub(crate) with_references: bool,
    /// Without the last line, which counts.
    pub(crate) without_details: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Chosen {
    Objects(Vec<Key>),
    Kinds { kinds: Vec<String>, search: Option<String>, has_reference: Vec<HasReference> },
}

/// The lines, joined by line feeds, without one at the end.
///
/// # Errors
/// A type can't be exported, an object is not there, or there are too many.
pub(crate) fn export(objects: &Objects, request: &Request) -> Result<Vec<u8>, ApiError> {
    let mut chosen = match &request.chosen {
        Chosen::Objects(keys) => by_keys(objects, keys)?,
        Chosen::Kinds { kinds, search, has_reference } => by_kinds(objects, kinds, search.as_deref(), has_reference)?,
    };
    let missing = if request.with_references { add_references(objects, &mut chosen) } else { Vec::new() };
    if chosen.len() > OBJECTS_MAX {
        return Err(ApiError::bad_request(format!("Can't export more than {OBJECTS_MAX} objects")));
    }
    chosen.sort_by(|one, other| one.key.id.cmp(&other.key.id));
    let mut lines: Vec<String> =
        needed_first(chosen).into_iter().map(|object| object.to_export().to_string()).collect();
    if !request.without_details {
        lines.push(details(lines.len(), &missing).to_string());
    }
    Ok(lines.join("\n").into_bytes())
}

fn details(exported: usize, missing: &[Key]) -> Value {
    let missing: Vec<Value> = missing.iter().map(|key| json!({"id": key.id, "type": key.kind})).collect();
    json!({
        "excludedObjects": [],
        "excludedObjectsCount": 0,
        "exportedCount": exported,
        "missingRefCount": missing.len(),
        "missingReferences": missing,
    })
}

fn by_keys(objects: &Objects, keys: &[Key]) -> Result<Vec<Arc<SavedObject>>, ApiError> {
    let odd: Vec<String> = keys
        .iter()
        .filter(|key| Kind::find(&key.kind).is_none())
        .map(|key| format!("{}:{}", key.kind, key.id))
        .collect();
    if !odd.is_empty() {
        let odd = odd.join(", ");
        return Err(ApiError::bad_request(format!("Trying to export object(s) with non-exportable types: {odd}")));
    }
    let mut found = BTreeMap::new();
    let mut absent = Vec::new();
    for key in keys {
        match objects.get(&key.kind, &key.id) {
            Some(object) => {
                found.insert(key.clone(), Arc::clone(object));
            }
            None => absent.push(absent_object(key)),
        }
    }
    if absent.is_empty() {
        return Ok(found.into_values().collect());
    }
    Err(ApiError::bad_request("Error fetching objects to export").with_attributes(json!({"objects": absent})))
}

fn absent_object(key: &Key) -> Value {
    json!({"id": key.id, "type": key.kind, "error": ApiError::no_object(&key.kind, &key.id).to_json()})
}

fn by_kinds(
    objects: &Objects,
    kinds: &[String],
    search: Option<&str>,
    has_reference: &[HasReference],
) -> Result<Vec<Arc<SavedObject>>, ApiError> {
    let odd: Vec<&str> = kinds.iter().map(String::as_str).filter(|kind| Kind::find(kind).is_none()).collect();
    if !odd.is_empty() {
        let odd = odd.join(", ");
        return Err(ApiError::bad_request(format!("Trying to export non-exportable type(s): {odd}")));
    }
    let request = find::Request {
        kinds: kinds.to_vec(),
        search: search.map(str::to_owned),
        has_reference: has_reference.to_vec(),
        per_page: OBJECTS_MAX + 1,
        ..find::Request::default()
    };
    Ok(find::find(objects, &request)?.page.into_iter().map(|hit| hit.object).collect())
}

/// Adds all that is referred to, and gives what is not there.
fn add_references(objects: &Objects, chosen: &mut Vec<Arc<SavedObject>>) -> Vec<Key> {
    let mut seen: BTreeSet<Key> = chosen.iter().map(|object| object.key.clone()).collect();
    let mut missing = Vec::new();
    let mut at = 0;
    while let Some(object) = chosen.get(at).cloned() {
        at += 1;
        for link in &object.references {
            let key = Key::new(link.kind.as_str(), link.id.as_str());
            if !seen.insert(key.clone()) {
                continue;
            }
            match objects.get(&key.kind, &key.id) {
                Some(found) => chosen.push(Arc::clone(found)),
                None => missing.push(key),
            }
        }
    }
    missing
}

/// What others refer to goes before them, as Kibana sorts exports. Without recursion: chains can be long.
fn needed_first(objects: Vec<Arc<SavedObject>>) -> Vec<Arc<SavedObject>> {
    let by_key: BTreeMap<Key, &Arc<SavedObject>> = objects.iter().map(|object| (object.key.clone(), object)).collect();
    let mut entered: BTreeSet<&Key> = BTreeSet::new();
    let mut sorted = Vec::with_capacity(objects.len());
    for object in &objects {
        let mut path = Vec::new();
        if entered.insert(&object.key) {
            path.push((object, object.references.iter()));
        }
        while let Some((object, links)) = path.last_mut() {
            let next = links.find_map(|link| by_key.get(&Key::new(link.kind.as_str(), link.id.as_str())).copied());
            match next {
                Some(next) if entered.insert(&next.key) => path.push((next, next.references.iter())),
                // Entered already: sorted, or on the path in a circle.
                Some(_) => {}
                None => {
                    sorted.push(Arc::clone(object));
                    path.pop();
                }
            }
        }
    }
    sorted
}
