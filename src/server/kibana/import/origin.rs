//! Objects of the same origin: what an import finds under another id is replaced or refused, not put beside a second time.
//!
//! As Kibana's `checkOriginConflicts`: an object that has no twin under its own id is held against those that were
//! made of it, or of what it was made of (`originId`). One such object is a `conflict` with its id as the destination,
//! several are an `ambiguous_conflict`. Where several objects of the file come from one origin, each becomes a new object.
//! References that lead out of the file follow what they name to the one object that was made of it
//! (`checkReferenceOrigins`).

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::Options;
use super::plan::Candidate;
use crate::server::kibana::store::{Key, Objects, SavedObject};

/// Destinations that are looked at, the newest first.
const DESTINATIONS_MAX: usize = 10;

pub(super) fn check_origins(
    objects: &Objects,
    candidates: &mut [Candidate],
    options: &Options,
    new_id: &dyn Fn() -> String,
    errors: &mut Vec<Value>,
) {
    let found = destinations(objects, candidates);
    let mut sources: BTreeMap<Key, usize> = BTreeMap::new();
    for candidate in found.keys().filter_map(|at| candidates.get(*at)) {
        *sources.entry(origin(candidate)).or_default() += 1;
    }
    for (at, destinations) in found {
        let Some(candidate) = candidates.get_mut(at) else { continue };
        if sources.get(&origin(candidate)).is_some_and(|count| *count > 1) {
            candidate.destination_id = Some(new_id());
            candidate.omits_origin = true;
            candidate.is_new_copy = true;
            continue;
        }
        let error = match destinations.as_slice() {
            [only] if candidate.overwrites(options) => {
                candidate.destination_id = Some(only.key.id.clone());
                continue;
            }
            [only] => json!({"type": "conflict", "destinationId": only.key.id}),
            several => {
                let several: Vec<Value> = several.iter().map(|object| described(object)).collect();
                json!({"type": "ambiguous_conflict", "destinations": several})
            }
        };
        candidate.is_refused = true;
        let (id, kind) = (&candidate.object.id, &candidate.object.kind);
        let mut meta = titled(&candidate.object.attributes);
        meta.insert("icon".into(), candidate.kind.icon.into());
        errors.push(json!({"type": kind, "id": id, "meta": meta, "error": error}));
    }
}

/// The candidates with objects of the same origin, and those.
fn destinations<'o>(objects: &'o Objects, candidates: &[Candidate]) -> BTreeMap<usize, Vec<&'o SavedObject>> {
    let of_file: BTreeSet<Key> = candidates.iter().map(own).collect();
    let named: BTreeSet<Key> = candidates.iter().filter_map(Candidate::destination).collect();
    let by_origin = by_origin(objects, |key| !of_file.contains(key) && !named.contains(key));
    let is_open = |candidate: &Candidate| {
        let has_twin = objects.contains(&candidate.object.kind, &candidate.object.id);
        !candidate.is_refused && candidate.destination_id.is_none() && !has_twin
    };
    let mut found = BTreeMap::new();
    for (at, candidate) in candidates.iter().enumerate().filter(|(_, candidate)| is_open(candidate)) {
        if let Some(objects) = by_origin.get(&origin(candidate)) {
            let mut objects = objects.clone();
            objects.sort_by(|a, b| b.updated_at.cmp(&a.updated_at).then_with(|| a.key.id.cmp(&b.key.id)));
            objects.truncate(DESTINATIONS_MAX);
            found.insert(at, objects);
        }
    }
    found
}

/// Goes before any check, so that what is missing is looked for where it is.
pub(super) fn follow_references(objects: &Objects, candidates: &mut [Candidate]) {
    let of_file: BTreeSet<Key> = candidates.iter().map(own).collect();
    let by_origin = by_origin(objects, |_| true);
    for link in candidates.iter_mut().flat_map(|candidate| &mut candidate.object.references) {
        let named = Key::new(link.kind.as_str(), link.id.as_str());
        if let (false, Some([only])) = (of_file.contains(&named), by_origin.get(&named).map(Vec::as_slice)) {
            link.id.clone_from(&only.key.id);
        }
    }
}

/// Each of these objects under its own id and under that of its origin.
fn by_origin(objects: &Objects, counts: impl Fn(&Key) -> bool) -> BTreeMap<Key, Vec<&SavedObject>> {
    let mut by_origin: BTreeMap<Key, Vec<&SavedObject>> = BTreeMap::new();
    for object in objects.iter().filter(|object| counts(&object.key)) {
        let kind = object.key.kind.as_str();
        by_origin.entry(Key::new(kind, object.key.id.as_str())).or_default().push(object);
        if let Some(origin) = object.origin_id.as_deref().filter(|origin| *origin != object.key.id) {
            by_origin.entry(Key::new(kind, origin)).or_default().push(object);
        }
    }
    by_origin
}

fn own(candidate: &Candidate) -> Key {
    Key::new(candidate.object.kind.as_str(), candidate.object.id.as_str())
}

/// Type and origin; an object that names none is its own.
fn origin(candidate: &Candidate) -> Key {
    let object = &candidate.object;
    Key::new(object.kind.as_str(), object.origin_id.as_deref().unwrap_or(&object.id))
}

fn described(object: &SavedObject) -> Value {
    let mut described = Map::new();
    described.insert("id".into(), object.key.id.clone().into());
    described.append(&mut titled(&object.attributes));
    described.insert("updatedAt".into(), object.updated_at.clone().into());
    Value::Object(described)
}

/// Here Kibana takes the attribute itself, whatever else the type is named by.
fn titled(attributes: &Map<String, Value>) -> Map<String, Value> {
    let title = attributes.get("title").filter(|title| title.is_string());
    title.map(|title| ("title".to_owned(), title.clone())).into_iter().collect()
}
