//! What clients may set of any resource, from and to JSON; PATCH as a merge of both.

use serde_json::{Map, Value as Json, json};

use super::members::Members;
use crate::server::bigquery::engine::{Settings, Stamp};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::error::Reason;
use crate::server::bigquery::http::{ApiError, Request};

/// Tries of a change that another one comes before.
const TRIES_MAX: usize = 10;
/// Labels of one resource.
const LABELS_MAX: usize = 64;

/// Members that a kind of resource has beside those of all kinds.
pub(super) struct Shape {
    /// Kept and given back as they are.
    pub(super) metadata: &'static [&'static str],
    /// Read by the resource's own file.
    pub(super) own: &'static [&'static str],
    /// Set by the server: what a client sends is not looked at.
    pub(super) output: &'static [&'static str],
    pub(super) unsupported: &'static [&'static str],
}

/// The members of all kinds.
const COMMON: [&str; 4] = ["friendlyName", "description", "labels", "expirationTime"];
const COMMON_OUTPUT: [&str; 6] = ["kind", "etag", "id", "selfLink", "creationTime", "lastModifiedTime"];

impl Shape {
    /// # Errors
    /// 400 for names that do not exist or values of a wrong type, 501 for what is not supported.
    pub(super) fn read(&self, members: &Members<'_>) -> Result<Settings, ApiError> {
        let known: Vec<&str> = [&COMMON[..], &COMMON_OUTPUT[..], self.metadata, self.own, self.output].concat();
        members.only(&known, self.unsupported)?;
        let labels = members.map_of_texts("labels")?.unwrap_or_default();
        check_labels(&labels)?;
        let kept = self.metadata.iter().filter_map(|name| Some(((*name).to_owned(), members.value(name)?.clone())));
        Ok(Settings {
            friendly_name: members.text("friendlyName")?.map(str::to_owned),
            description: members.text("description")?.map(str::to_owned),
            labels,
            expiration_ms: members.whole("expirationTime")?.filter(|time| *time > 0),
            metadata: kept.collect(),
        })
    }

    /// What a resource has after a PATCH, before it is read: members of the patch replace those there are, `null` removes.
    pub(super) fn patched(&self, settings: &Settings, patch: &Map<String, Json>) -> Map<String, Json> {
        let mut members = Map::new();
        write(settings, &mut members);
        let mut whole = Json::Object(members);
        merge(&mut whole, &Json::Object(patch.clone()), MERGE_DEPTH_MAX);
        match whole {
            Json::Object(members) => members,
            _ => Map::new(),
        }
    }
}

/// JSON in requests is no deeper.
const MERGE_DEPTH_MAX: usize = 128;

/// RFC 7396.
fn merge(target: &mut Json, patch: &Json, depth_left: usize) {
    let (Json::Object(patch), Some(depth_left)) = (patch, depth_left.checked_sub(1)) else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(members) = target.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.shift_remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Json::Null), value, depth_left);
        }
    }
}

/// The members that are set.
pub(super) fn write(settings: &Settings, members: &mut Map<String, Json>) {
    let texts = [("friendlyName", &settings.friendly_name), ("description", &settings.description)];
    for (name, text) in texts {
        if let Some(text) = text {
            members.insert(name.to_owned(), text.clone().into());
        }
    }
    if !settings.labels.is_empty() {
        let labels = settings.labels.iter().map(|(key, value)| (key.clone(), Json::from(value.clone())));
        members.insert("labels".into(), Json::Object(labels.collect()));
    }
    if let Some(time) = settings.expiration_ms {
        members.insert("expirationTime".into(), time.to_string().into());
    }
    members.extend(settings.metadata.clone());
}

/// `etag` and times.
pub(super) fn write_stamp(stamp: &Stamp, members: &mut Map<String, Json>) {
    members.insert("etag".into(), stamp.etag.clone().into());
    members.insert("creationTime".into(), stamp.creation_ms.to_string().into());
    members.insert("lastModifiedTime".into(), stamp.modified_ms.to_string().into());
}

fn check_labels(labels: &[(String, String)]) -> Result<(), ApiError> {
    if labels.len() > LABELS_MAX {
        return Err(ApiError::invalid(format!("Too many labels: a resource can have up to {LABELS_MAX}")));
    }
    let is_sane = |text: &str| {
        text.chars().count() <= 63
            && text.chars().all(|c| (c.is_alphanumeric() && !c.is_uppercase()) || c == '_' || c == '-')
    };
    match labels.iter().find(|(key, value)| key.is_empty() || !is_sane(key) || !is_sane(value)) {
        None => Ok(()),
        Some((key, value)) => Err(ApiError::invalid(format!(
            "Label {key:?}: {value:?} has invalid characters: only lowercase letters, digits, dashes and underscores, \
             at most 63"
        ))),
    }
}

/// The etag that a change is made on condition of.
pub(super) fn if_match(request: &Request) -> Option<String> {
    request.header("if-match").filter(|etag| *etag != "*").map(str::to_owned)
}

/// Reads a resource and writes it changed, again while another change comes between: `change` gets the etag to hold to.
///
/// # Errors
/// 412 when the client's own etag is not that of the resource.
pub(super) fn change<T>(
    request: &Request,
    stamp: impl Fn() -> Result<(T, String), ApiError>,
    change: impl Fn(T, &str) -> Result<Result<T, QueryError>, ApiError>,
) -> Result<T, ApiError> {
    let wanted = if_match(request);
    for _ in 1..TRIES_MAX {
        let (resource, etag) = stamp()?;
        if wanted.as_ref().is_some_and(|wanted| *wanted != etag) {
            return Err(ApiError::new(412, "conditionNotMet", "Precondition Failed"));
        }
        match change(resource, &etag)? {
            Err(error) if error.reason == Reason::ConditionNotMet => {}
            changed => return Ok(changed?),
        }
    }
    Err(ApiError::new(412, "conditionNotMet", "Precondition Failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape =
        Shape { metadata: &["clustering"], own: &["schema"], output: &["type"], unsupported: &["materializedView"] };

    fn read(json: &Json) -> Result<Settings, ApiError> {
        SHAPE.read(&Members::of("", json)?)
    }

    #[test]
    fn a_patch_replaces_what_it_names_and_removes_nulls() {
        let given = json!({
            "friendlyName": "n", "description": "d", "labels": {"a": "1", "b": "2"}, "expirationTime": "5",
            "clustering": {"fields": ["x"]}, "type": "ignored", "etag": "ignored",
        });
        let settings = read(&given).unwrap();
        let patch = json!({"description": null, "labels": {"a": null, "c": "3"}, "clustering": {"fields": ["y"]}});
        let patched = read(&SHAPE.patched(&settings, patch.as_object().unwrap()).into()).unwrap();
        assert_eq!(patched.friendly_name.as_deref(), Some("n"));
        assert_eq!(patched.description, None);
        assert_eq!(patched.labels, [("b".into(), "2".into()), ("c".into(), "3".into())]);
        assert_eq!(patched.expiration_ms, Some(5));
        assert_eq!(patched.metadata["clustering"], json!({"fields": ["y"]}));
    }

    #[test]
    fn wrong_members_are_refused() {
        for (json, status) in [
            (json!({"colour": 1}), 400),
            (json!({"labels": {"A": "1"}}), 400),
            (json!({"labels": {"": "1"}}), 400),
            (json!({"labels": {"a": 1}}), 400),
            (json!({"expirationTime": "99999999999999999999"}), 400),
            (json!({"materializedView": {"query": "q"}}), 501),
        ] {
            assert_eq!(read(&json).unwrap_err().status, status, "{json}");
        }
        assert!(read(&json!({"materializedView": null})).is_ok());
    }
}
