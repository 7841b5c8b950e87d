//! What an import comes to on the objects that are stored. Pure: nothing is written here.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::origin::{check_origins, follow_references};
use super::{Incoming, Options, Retry};
use crate::server::kibana::error::ApiError;
use crate::server::kibana::kind::{CORE_VERSION, Kind};
use crate::server::kibana::store::{Change, Draft, Key, Objects};
use crate::server::kibana::version;

/// Only references to these are held against what is there.
const CHECKED_REFERENCES: [&str; 2] = ["index-pattern", "search"];

/// Changes to make, and the lists of the answer.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) changes: Vec<Change>,
    pub(super) successes: Vec<Value>,
    pub(super) errors: Vec<Value>,
    /// Sentences.
    pub(super) warnings: Vec<String>,
}

/// An object with all that decides over it.
pub(super) struct Candidate {
    pub(super) object: Incoming,
    pub(super) kind: &'static Kind,
    retry: Option<Retry>,
    /// The id under which it is written, where that is another one.
    pub(super) destination_id: Option<String>,
    /// It is a new object, no longer tied to what it was made of.
    pub(super) omits_origin: bool,
    /// As the answer tells it.
    pub(super) is_new_copy: bool,
    pub(super) is_refused: bool,
}

/// # Errors
/// The whole import fails: an object is of a newer version.
pub(super) fn plan(
    objects: &Objects,
    running: &str,
    incoming: Vec<Incoming>,
    options: &Options,
    new_id: &dyn Fn() -> String,
) -> Result<Plan, ApiError> {
    let mut plan = Plan::default();
    let mut candidates = candidates(incoming, options, &mut plan.errors);
    for candidate in &mut candidates {
        candidate.replace_references();
        candidate.choose_destination(options, new_id);
    }
    follow_references(objects, &mut candidates);
    check_references(objects, &mut candidates, &mut plan.errors);
    check_conflicts(objects, &mut candidates, options, &mut plan.errors);
    if !options.copies {
        check_origins(objects, &mut candidates, options, new_id, &mut plan.errors);
    }
    let is_blocked = candidates.iter().any(|candidate| candidate.is_refused);
    redirect_references(&mut candidates);
    for candidate in candidates.into_iter().filter(|candidate| !candidate.is_refused) {
        plan.create(objects, running, candidate, is_blocked)?;
    }
    Ok(plan)
}

fn candidates(incoming: Vec<Incoming>, options: &Options, errors: &mut Vec<Value>) -> Vec<Candidate> {
    let retries: Option<BTreeMap<(&str, &str), &Retry>> = options
        .retries
        .as_ref()
        .map(|retries| retries.iter().map(|retry| ((retry.kind.as_str(), retry.id.as_str()), retry)).collect());
    let mut candidates = Vec::new();
    for object in incoming {
        let Some(kind) = Kind::find(&object.kind) else {
            errors.push(unsupported(&object));
            continue;
        };
        let retry = match &retries {
            None => None,
            Some(retries) => match retries.get(&(object.kind.as_str(), object.id.as_str())) {
                Some(retry) => Some((*retry).clone()),
                None => continue,
            },
        };
        let candidate = Candidate {
            object,
            kind,
            retry,
            destination_id: None,
            omits_origin: false,
            is_new_copy: false,
            is_refused: false,
        };
        candidates.push(candidate);
    }
    candidates
}

impl Candidate {
    fn replace_references(&mut self) {
        let replaces = self.retry.iter().flat_map(|retry| &retry.replaces);
        for replacement in replaces {
            let links = self.object.references.iter_mut();
            for link in links.filter(|link| link.kind == replacement.kind && link.id == replacement.from) {
                link.id.clone_from(&replacement.to);
            }
        }
    }

    fn choose_destination(&mut self, options: &Options, new_id: &dyn Fn() -> String) {
        let asked = self.retry.as_ref().and_then(|retry| retry.destination_id.clone());
        self.is_new_copy = self.retry.as_ref().is_some_and(|retry| retry.is_new_copy);
        let is_copy = options.copies || self.is_new_copy;
        self.destination_id = asked.or_else(|| is_copy.then(new_id));
        self.omits_origin = is_copy;
    }

    /// Where it is written instead of under its own id.
    pub(super) fn destination(&self) -> Option<Key> {
        Some(Key::new(self.object.kind.as_str(), self.destination_id.as_deref()?))
    }

    fn target(&self) -> &str {
        self.destination_id.as_deref().unwrap_or(&self.object.id)
    }

    pub(super) fn overwrites(&self, options: &Options) -> bool {
        self.retry.as_ref().map_or(options.overwrites, |retry| retry.overwrites)
    }

    fn meta(&self) -> Value {
        meta(self.kind, &self.object.attributes)
    }
}

fn meta(kind: &Kind, attributes: &Map<String, Value>) -> Value {
    let mut meta = Map::new();
    if let Some(title) = kind.title(attributes) {
        meta.insert("title".into(), title.into());
    }
    meta.insert("icon".into(), kind.icon.into());
    Value::Object(meta)
}

fn unsupported(object: &Incoming) -> Value {
    let title = object.attributes.get("title").filter(|title| title.is_string());
    let meta = title.map_or_else(|| json!({}), |title| json!({"title": title}));
    json!({"id": object.id, "type": object.kind, "meta": meta, "error": {"type": "unsupported_type"}})
}

fn check_references(objects: &Objects, candidates: &mut [Candidate], errors: &mut Vec<Value>) {
    let of_file: BTreeSet<Key> =
        candidates.iter().map(|it| Key::new(it.object.kind.as_str(), it.object.id.as_str())).collect();
    for candidate in candidates {
        if candidate.retry.as_ref().is_some_and(|retry| retry.ignores_missing_references) {
            continue;
        }
        let mut seen = BTreeSet::new();
        let missing: Vec<Value> = candidate
            .object
            .references
            .iter()
            .filter(|link| CHECKED_REFERENCES.contains(&link.kind.as_str()))
            .filter(|link| !objects.contains(&link.kind, &link.id))
            .filter(|link| !of_file.contains(&Key::new(link.kind.as_str(), link.id.as_str())))
            .filter(|link| seen.insert((link.kind.clone(), link.id.clone())))
            .map(|link| json!({"type": link.kind, "id": link.id}))
            .collect();
        if !missing.is_empty() {
            candidate.is_refused = true;
            let error = json!({"type": "missing_references", "references": missing});
            let (id, kind) = (&candidate.object.id, &candidate.object.kind);
            errors.push(json!({"id": id, "type": kind, "meta": candidate.meta(), "error": error}));
        }
    }
}

fn check_conflicts(objects: &Objects, candidates: &mut [Candidate], options: &Options, errors: &mut Vec<Value>) {
    for candidate in candidates.iter_mut().filter(|candidate| !candidate.is_refused) {
        if candidate.overwrites(options) || !objects.contains(&candidate.object.kind, candidate.target()) {
            continue;
        }
        candidate.is_refused = true;
        let mut error = json!({"type": "conflict"});
        if let (Some(error), Some(to)) = (error.as_object_mut(), &candidate.destination_id) {
            error.insert("destinationId".into(), to.clone().into());
        }
        let (id, kind) = (&candidate.object.id, &candidate.object.kind);
        errors.push(json!({"type": kind, "id": id, "meta": candidate.meta(), "error": error}));
    }
}

/// References within the file follow objects to their new ids.
fn redirect_references(candidates: &mut [Candidate]) {
    let moved: BTreeMap<Key, String> = candidates
        .iter()
        .filter_map(|it| Some((Key::new(it.object.kind.as_str(), it.object.id.as_str()), it.destination_id.clone()?)))
        .collect();
    if moved.is_empty() {
        return;
    }
    for link in candidates.iter_mut().flat_map(|candidate| &mut candidate.object.references) {
        if let Some(to) = moved.get(&Key::new(link.kind.as_str(), link.id.as_str())) {
            link.id.clone_from(to);
        }
    }
}

impl Plan {
    /// `is_blocked`: nothing is written because of another object; Kibana looks no further then.
    fn create(
        &mut self,
        objects: &Objects,
        running: &str,
        mut candidate: Candidate,
        is_blocked: bool,
    ) -> Result<(), ApiError> {
        let target = candidate.target().to_owned();
        let is_replaced = objects.contains(&candidate.object.kind, &target);
        if !is_blocked {
            let object = &mut candidate.object;
            let (type_version, core_version) = (object.type_version.as_deref(), object.core_version.as_deref());
            version::check(candidate.kind, &object.id, type_version, core_version, running)?;
            match candidate.kind.schema.check(&mut object.attributes) {
                Ok(dropped) => self.warn(object, &dropped),
                Err(message) => {
                    self.errors.push(invalid(&candidate, is_replaced, &message));
                    return Ok(());
                }
            }
        }
        self.successes.push(success(&candidate, is_replaced));
        if !is_blocked {
            self.changes.push(Change::Put(draft(candidate, target)));
        }
        Ok(())
    }

    fn warn(&mut self, object: &Incoming, dropped: &[String]) {
        if !dropped.is_empty() {
            let names = dropped.join("], [");
            self.warnings.push(format!(
                "[{}:{}] was imported without what is not known here: [{names}]",
                object.kind, object.id
            ));
        }
    }
}

fn success(candidate: &Candidate, is_replaced: bool) -> Value {
    let object = &candidate.object;
    let mut success =
        json!({"type": object.kind, "id": object.id, "meta": candidate.meta(), "managed": object.managed});
    if let Some(success) = success.as_object_mut() {
        if is_replaced {
            success.insert("overwrite".into(), true.into());
        }
        if let Some(to) = &candidate.destination_id {
            success.insert("destinationId".into(), to.clone().into());
        }
        if candidate.is_new_copy {
            success.insert("createNewCopy".into(), true.into());
        }
    }
    success
}

/// Attributes that fail the type's schema: Kibana shows the error of its HTTP library as it is.
fn invalid(candidate: &Candidate, is_replaced: bool, message: &str) -> Value {
    let message = format!("{message}: Bad Request");
    let payload = json!({"message": message, "statusCode": 400, "error": "Bad Request"});
    let error = json!({
        "isBoom": true, "isServer": false, "data": null,
        "output": {"statusCode": 400, "payload": payload, "headers": {}},
        "type": "unknown",
    });
    let object = &candidate.object;
    let mut entry = json!({"type": object.kind, "id": object.id, "meta": candidate.meta()});
    if let Some(entry) = entry.as_object_mut() {
        if is_replaced {
            entry.insert("overwrite".into(), true.into());
        }
        entry.insert("error".into(), error);
    }
    entry
}

fn draft(candidate: Candidate, target: String) -> Draft {
    let Candidate { object, kind, destination_id, omits_origin, .. } = candidate;
    // Under another id it still comes from where it came.
    let is_moved = destination_id.is_some_and(|to| to != object.id);
    let origin_id = object.origin_id.or_else(|| is_moved.then_some(object.id)).filter(|_| !omits_origin);
    Draft {
        key: Key::new(object.kind, target),
        attributes: object.attributes,
        references: object.references,
        type_version: object.type_version.or_else(|| kind.usual.map(str::to_owned)),
        core_version: object.core_version.unwrap_or_else(|| CORE_VERSION.to_owned()),
        origin_id,
        managed: object.managed,
        created_at: None,
    }
}
